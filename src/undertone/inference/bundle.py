"""A bundle: what inference loads. Plain files with checksums and no code.

`model.onnx`, `card.json`, `golden.npz` (inputs, outputs of the training half, tolerance), `SHA256SUMS`; and, of a model
that reads transcripts, `tokenizer.json` and `recogniser.onnx`; of one that holds turns against their speaker's others,
`head.onnx`. Of the bundles that ship with the package, one may lack a file that another has: its checksum finds it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import BundleError, ChecksumError
from undertone.inference.card import Card, read_card
from undertone.speech.script import script_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.speech.script import Scripts

FILES: Final = ("model.onnx", "card.json", "golden.npz")
GOLDEN: Final = {"features", "lengths", "logits", "tolerance"}
"""What `golden.npz` holds of every model; of one that reads, its scripts as well."""

TOKENIZER: Final = "tokenizer.json"
"""What turns a transcript into numbers, as the library tokenizers writes it."""

RECOGNISER: Final = "recogniser.onnx"
"""The phone recogniser that the model is built on, which finds the words in the sound."""

READING: Final = (TOKENIZER, RECOGNISER)
"""There if the model reads."""

HEAD: Final = "head.onnx"
"""What judges a turn's numbers against its speaker's baseline; there if the card has one."""

SUMS: Final = "SHA256SUMS"


@dataclass(frozen=True, kw_only=True, eq=False)
class Golden:
    """Inputs, and what the training half answered."""

    features: NDArray[np.float32]
    """Shape (window, frame, mel), padded."""
    lengths: NDArray[np.int64]
    """Shape (window,)."""
    scripts: Scripts = field(default_factory=dict)
    """What is read of the windows; empty if the network does not read."""
    logits: NDArray[np.float32]
    """Shape (window, label)."""
    tolerance: float
    """Largest difference that is allowed."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bundle:
    """A verified bundle."""

    path: Path
    card: Card
    model: bytes
    """The ONNX graph, as verified."""
    golden: Golden
    tokenizer: bytes = b""
    """What `TOKENIZER` holds; nothing where the model does not read."""
    recogniser: bytes = b""
    """What `RECOGNISER` holds; nothing where the model does not read."""
    head: bytes = b""
    """What `HEAD` holds; nothing where the model has no baseline."""


SHIPPED: Final = ("default", "commercial", "qieemo-compact")
"""The bundles that come with the package; the first is used unless another is named."""


def shipped_bundle(name: str = SHIPPED[0]) -> Path:
    """Where a bundle lies that comes with the package."""
    return Path(str(resources.files("undertone.bundles") / name))


def read_bundle(path: Path | None = None) -> Bundle:
    """Read and verify a bundle.

    Args:
        path: the bundle's folder, or the name of one that comes with the package; the default one where None. A folder
            of the name goes first.

    Raises:
        BundleError: if the folder or a file is missing, or the card does not fit.
        ChecksumError: if a file is not the one that was published.
        FormatVersionError: if the bundle was made for another version.
    """
    path = _folder_of(path or shipped_bundle())
    contents = _verified(path)
    card = read_card(contents["card.json"], str(path))
    golden = _read_golden(contents["golden.npz"], str(path))
    asked = () if card.reads is None else script_names(card.reads.granularities)
    if (TOKENIZER in contents) != (card.reads is not None) or golden.scripts.keys() != set(asked):
        raise BundleError(
            str(path),
            "card.json, golden.npz and the files of the folder do not agree on whether it reads transcripts; build the "
            "bundle anew",
        )
    if (HEAD in contents) != (card.baseline is not None):
        raise BundleError(
            str(path),
            f"card.json and the files of the folder do not agree on whether it has a baseline, which takes {HEAD}; "
            "build the bundle anew",
        )
    return Bundle(
        path=path,
        card=card,
        model=contents["model.onnx"],
        golden=golden,
        tokenizer=contents.get(TOKENIZER, b""),
        recogniser=contents.get(RECOGNISER, b""),
        head=contents.get(HEAD, b""),
    )


def sums_of(folder: Path) -> str:
    """Write the checksums of a bundle's files in the form that `sha256sum -c` reads."""
    held = [name for name in (*FILES, *READING, HEAD) if (folder / name).is_file()]
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in held)


def _folder_of(path: Path) -> Path:
    if path.is_dir() or str(path) not in SHIPPED:
        return path
    return shipped_bundle(str(path))


def _expected(path: Path) -> dict[str, str]:
    """Read the checksums that a bundle was published with, by file; none where it has no list."""
    lines = (path / SUMS).read_text(encoding="utf-8", errors="replace").splitlines() if (path / SUMS).is_file() else []
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _place(path: Path, name: str, digest: str | None) -> Path | None:
    """Say where a file of a bundle is: in its folder, or with a bundle of the package that lists the same checksum."""
    if (path / name).is_file():
        return path / name
    lenders = (shipped_bundle(other) for other in SHIPPED)
    return next(
        (each / name for each in lenders if digest and _expected(each).get(name) == digest and (each / name).is_file()),
        None,
    )


def _verified(path: Path) -> dict[str, bytes]:
    if not path.is_dir():
        raise BundleError(
            str(path),
            "there is no such folder; name the folder that holds model.onnx and card.json, or one of those that come "
            f"with the package: {', '.join(SHIPPED)}",
        )
    expected = _expected(path)
    names = (*FILES, *(READING if TOKENIZER in expected else ()), *([HEAD] if HEAD in expected else ()))
    places = {name: place for name in names if (place := _place(path, name, expected.get(name)))}
    missing = [name for name in names if name not in places]
    missing += [] if (path / SUMS).is_file() else [SUMS]
    if missing:
        raise BundleError(str(path), f"{', '.join(missing)} missing; fetch or build the bundle anew")
    contents = {}
    for name in names:
        data = places[name].read_bytes()
        found = hashlib.sha256(data).hexdigest()
        if expected.get(name) != found:
            wanted = (expected.get(name) or "nothing")[:12]
            raise ChecksumError(
                str(path),
                f"{name} has the checksum {found[:12]}…, published was {wanted}…; fetch or build the bundle anew",
            )
        contents[name] = data
    return contents


def _read_golden(content: bytes, path: str) -> Golden:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = dict(stored)
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BundleError(path, f"golden.npz holds no arrays ({error}); build the bundle anew") from error
    lacking = sorted(GOLDEN - arrays.keys())
    if lacking:
        raise BundleError(path, f"golden.npz lacks {', '.join(lacking)}; build the bundle anew")
    return Golden(
        features=arrays["features"],
        lengths=arrays["lengths"],
        scripts={name: values for name, values in arrays.items() if name not in GOLDEN},
        logits=arrays["logits"],
        tolerance=float(arrays["tolerance"]),
    )
