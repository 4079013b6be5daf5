"""From a system to a bundle. Refused unless ONNX Runtime gives PyTorch's numbers."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.audio.batches import padded
from undertone.errors import BundleError
from undertone.export.graph import TOLERANCE, export_graph, golden_of
from undertone.export.rounding import round_graph
from undertone.inference.bundle import HEAD, SUMS, Bundle, Golden, read_bundle, sums_of
from undertone.inference.parity import difference_from, largest_difference
from undertone.inference.session import HEARD, open_graph, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from undertone.inference.card import Card
    from undertone.inference.parity import Answer
    from undertone.speech.script import Script, Scripts

ROUNDED_TOLERANCE: Final = 0.05
"""As `TOLERANCE` where products are rounded too: what lies on an edge may fall to either side on another machine."""

NOTHING: Final[Mapping[str, bytes]] = MappingProxyType({})

KEEP: Final = "The run's checkpoint is kept; mend the system's graph and run again"


@dataclass(frozen=True, kw_only=True, eq=False)
class Exported:
    """A graph that has been proven to answer as its system does, before anybody knows how good it is."""

    model: bytes
    """As it will be kept."""
    golden: Golden
    """What `model` must answer."""
    precision: str
    """Of its weights."""
    float32: bytes
    """The graph before its weights were rounded; `model` itself where they are not."""
    largest_difference: float
    """Of a golden logit of `model`, from that of `float32`."""

    def answer(self) -> Answer:
        """Open the graph that will be kept."""
        return answers_of(self.model)


def answers_of(model: bytes) -> Answer:
    """Open a graph: what is given takes features (window, frame, mel), lengths (window,) and scripts, gives logits.

    Raises:
        BundleError: if it does not run here.
    """
    session = open_graph(model, "model.onnx")

    def answer(
        features: NDArray[np.float32], lengths: NDArray[np.int64], scripts: Scripts = HEARD
    ) -> NDArray[np.float32]:
        (logits,) = session.run(["logits"], {"features": features, "lengths": lengths, **scripts})
        return np.asarray(logits, dtype=np.float32)

    return answer


def export_system(
    system: nn.Module,
    windows: Sequence[NDArray[np.float32]],
    *,
    mel_bins: int,
    precision: str = "float32",
    scripts: Sequence[Script] = (),
) -> Exported:
    """Turn a system into a graph, prove that it answers alike, and round its weights if asked to.

    Args:
        system: trained.
        windows: inputs for the goldens, each of shape (frame, mel).
        mel_bins: size of the last axis of the features.
        precision: `float32`, or `int8` for rounded weights.
        scripts: of the windows, if the system reads.

    Raises:
        BundleError: if the graph's answers differ from the system's by more than the tolerance.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        granularities = tuple(scripts[0].segments) if scripts else None
        export_graph(system, path, mel_bins=mel_bins, granularities=granularities)
        model = path.read_bytes()
    golden = golden_of(system, windows, scripts)
    difference = difference_from(golden, answers_of(model))
    if difference > golden.tolerance:
        raise BundleError(
            "model.onnx",
            f"ONNX Runtime's logits differ from PyTorch's by {difference:.2g}; at most {golden.tolerance:.2g} is "
            f"accepted. {KEEP}",
        )
    if precision == "float32":
        return Exported(model=model, golden=golden, precision=precision, float32=model, largest_difference=0.0)
    rounded = round_graph(model)
    answer = answers_of(rounded)
    own = Golden(
        features=golden.features,
        lengths=golden.lengths,
        scripts=golden.scripts,
        logits=answer(golden.features, golden.lengths, golden.scripts),
        tolerance=TOLERANCE,
    )
    return Exported(
        model=rounded,
        golden=own,
        precision=precision,
        float32=model,
        largest_difference=difference_from(golden, answer),
    )


def write_graphs(
    model: bytes, head: bytes, card: Card, folder: Path, *, windows: Sequence[NDArray[np.float32]]
) -> Card:
    """Write a bundle of two graphs that holds turns against their speaker's others, and replay its goldens.

    Args:
        model: `model.onnx`.
        head: `head.onnx`.
        card: complete but for its id.
        folder: of the bundle; replaced only once everything is right.
        windows: inputs for the goldens, each of shape (frame, mel).

    Returns:
        The card as written, with its id: the system's name and eight digits of the graphs' checksum.

    Raises:
        BundleError: if the graphs do not fit each other or the card, or do not answer twice alike.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    card = replace(card, id=f"{card.system}-{hashlib.sha256(model + head).hexdigest()[:8]}")
    (part / "model.onnx").write_bytes(model)
    (part / HEAD).write_bytes(head)
    (part / "card.json").write_text(card.as_json(), encoding="utf-8")
    features, lengths = padded(windows)
    asked = Golden(features=features, lengths=lengths, logits=np.empty(0, np.float32), tolerance=ROUNDED_TOLERANCE)
    unproven = Bundle(path=part, card=card, model=model, golden=asked, head=head)
    logits = session_of(unproven).run(features, lengths)
    _save_golden(part, replace(asked, logits=logits))
    (part / SUMS).write_text(sums_of(part), encoding="utf-8")
    return _proven(part, folder, card)


def write_bundle(exported: Exported, card: Card, folder: Path, *, reading: Mapping[str, bytes] = NOTHING) -> Card:
    """Write a bundle, and replay its goldens from the disk.

    Args:
        exported: the graph.
        reading: files of a model that reads, by name.
        card: complete but for its id.
        folder: of the bundle; replaced only once everything is right.

    Returns:
        The card as written, with its id: the system's name and eight digits of the graph's checksum.

    Raises:
        BundleError: if a window's answer depends on the windows that it is judged with, or the card does not fit.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    (part / "model.onnx").write_bytes(exported.model)
    card = replace(card, id=f"{card.system}-{hashlib.sha256(exported.model).hexdigest()[:8]}")
    _save_golden(part, exported.golden)
    (part / "card.json").write_text(card.as_json(), encoding="utf-8")
    for name, content in reading.items():
        (part / name).write_bytes(content)
    (part / SUMS).write_text(sums_of(part), encoding="utf-8")
    return _proven(part, folder, card)


def _save_golden(folder: Path, golden: Golden) -> None:
    arrays: dict[str, Any] = {
        "features": golden.features,
        "lengths": golden.lengths,
        **golden.scripts,
        "logits": golden.logits,
        "tolerance": np.float64(golden.tolerance),
    }
    np.savez_compressed(folder / "golden.npz", **arrays)


def _proven(part: Path, folder: Path, card: Card) -> Card:
    """Replay the goldens of a bundle from the disk, and put it in its place."""
    bundle = read_bundle(part)
    difference = largest_difference(bundle)
    if difference > bundle.golden.tolerance:
        raise BundleError(
            str(folder),
            f"its answers differ from the stored ones by {difference:.2g}; at most {bundle.golden.tolerance:.2g} is "
            f"accepted. {KEEP}",
        )
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return card
