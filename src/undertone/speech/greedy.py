"""From scores of frames to the phones that were heard, without a transcript. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.speech.phones import BLANK

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A phone that was heard."""

    symbol: int
    first: int
    """Its first frame."""
    end: int
    """The frame after its last."""


def greedy(scores: NDArray[np.floating]) -> tuple[Heard, ...]:
    """Take the best symbol of every frame, join equal neighbours and drop the blank (Graves et al. 2006, section 3.2).

    Args:
        scores: shape (frame, symbol), on any scale.
    """
    best = scores.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=-1))
    ends = [*starts.tolist(), len(best)][1:]
    return tuple(
        Heard(symbol=int(best[first]), first=int(first), end=end)
        for first, end in zip(starts, ends, strict=True)
        if best[first] != BLANK
    )
