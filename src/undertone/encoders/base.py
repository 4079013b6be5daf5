"""What every encoder declares and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray


class Told(NamedTuple):
    """What an encoder of both is given of an utterance."""

    samples: NDArray[np.float32]
    """16 kHz, shape (sample,)."""
    text: str
    """The transcript; empty where there is none."""
    language: str


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What stands in a frame's row of a speech recogniser: its blocks one after the other, then scores of symbols.

    Such a row is flat, of `blocks * width + symbols` numbers.
    """

    blocks: int
    """Block 0, which the first block hears, among them."""
    width: int
    symbols: int
    """Of the unnormalised scores, the blank among them; 0 for a network that recognises nothing."""
    blank: int = 0
    """Which symbol is the blank."""
    frames_per_s: float = 25.0


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A frozen function from sound, or its transcript, to rows of numbers, run once per corpus and kept in a store."""

    name: str
    revision: str
    """Fingerprint of everything that its rows depend on: version, settings, weights. Part of a store's key."""
    source: str
    """The paper, or that it is ours."""
    weights: str
    """Where its weights come from: `none` for a fixed formula, `random`, or the checkpoint's name."""
    row_shape: tuple[int, ...]
    """Shape of one row: (coefficient,) or (block, width)."""
    rows: str
    """What a row is: `utterance` (one for each), `frame`, `token` or `segment`."""
    dtype: str
    """Of the stored rows: `float32` or `float16`."""
    encode: Callable[[Sequence[Any]], list[NDArray[np.floating]]]
    """Takes a batch of utterances, each what `reads` says; gives for each shape (row, *row_shape). What an utterance
    gets does not depend on the others of its batch."""
    reads: str = "sound"
    """`sound`, 16 kHz samples of shape (sample,); `text`, the transcript; or `both`, a `Told`."""
    batch: float = 0.0
    """Most in a batch, padding included: seconds of sound, or characters of text; 0 for one utterance at a time."""
    layout: Layout | None = None
    """How a row is read, where it is a frame of a speech recogniser."""
