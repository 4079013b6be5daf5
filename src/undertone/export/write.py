"""Writing a bundle: graph, card, goldens, checksums. Refused unless ONNX Runtime gives PyTorch's numbers."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from undertone.errors import BundleError
from undertone.export.graph import export_graph, golden_of
from undertone.inference.bundle import SUMS, read_bundle, sums_of
from undertone.inference.parity import largest_difference

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from undertone.inference.card import Card


def write_bundle(system: nn.Module, card: Card, windows: list[NDArray[np.float32]], folder: Path) -> Card:
    """Write a bundle that has been proven to answer as `system` does.

    Args:
        system: trained.
        card: complete but for its id.
        windows: inputs for the goldens, each of shape (frame, mel).
        folder: of the bundle; replaced only once everything is right.

    Returns:
        The card as written, with its id: the system's name and eight digits of the graph's checksum.

    Raises:
        BundleError: if the graph's answers differ from the system's by more than the tolerance.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    export_graph(system, part / "model.onnx", mel_bins=card.front_end.mel_bins)
    digest = hashlib.sha256((part / "model.onnx").read_bytes()).hexdigest()
    card = replace(card, id=f"{card.system}-{digest[:8]}")
    golden = golden_of(system, windows)
    np.savez_compressed(
        part / "golden.npz",
        features=golden.features,
        lengths=golden.lengths,
        logits=golden.logits,
        tolerance=np.float64(golden.tolerance),
    )
    (part / "card.json").write_text(card.as_json(), encoding="utf-8")
    (part / SUMS).write_text(sums_of(part), encoding="utf-8")
    bundle = read_bundle(part)
    difference = largest_difference(bundle)
    if difference > bundle.golden.tolerance:
        raise BundleError(
            str(folder),
            f"ONNX Runtime's logits differ from PyTorch's by {difference:.2g}; at most {bundle.golden.tolerance:.2g} "
            "is accepted. The run's checkpoint is kept; mend the system's graph and run again",
        )
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return card
