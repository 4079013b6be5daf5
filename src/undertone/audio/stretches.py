"""What networks that hear phones have in common: how much they hear at once, and where their frames stand.

A recording is cut where it is quietest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.fbank import FrontEnd
from undertone.audio.whisper_mel import HOP_LENGTH
from undertone.units import SAMPLE_RATE, samples_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from undertone.units import Seconds

LONGEST_S: Final[Seconds] = 20.0
"""Of a stretch: attention takes memory with the square of the length."""

SUBSAMPLING: Final = 4
"""Frames of features in one frame of the network."""

SEARCH_S: Final[Seconds] = 5.0
"""A recording is cut where it is quietest in the last seconds of a stretch."""


def stretches(samples: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Cut a recording into stretches of at most `LONGEST_S`, where it is quietest; first sample and the one after the
    last of each."""
    for first, part in stretches_of([samples]):
        yield first, first + len(part)


def stretches_of(blocks: Iterable[NDArray[np.float32]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Cut a recording that comes in blocks as `stretches` does; the first sample of each stretch, and its samples.

    Args:
        blocks: at 16 kHz, each of shape (sample,); any cut gives the same stretches.
    """
    cutter = StretchCutter()
    for block in blocks:
        yield from cutter.feed(block)
    yield from cutter.finish()


class StretchCutter:
    """Cuts a recording as `stretches_of` does while it comes in; holds one stretch and a block."""

    def __init__(self) -> None:
        self._first = 0
        self._held = np.empty(0, dtype=np.float32)

    def feed(self, block: NDArray[np.float32]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Take sound at 16 kHz, shape (sample,), and give the stretches that are complete; take them all."""
        longest = samples_for(LONGEST_S, SAMPLE_RATE)
        self._held = np.concatenate((self._held, block)) if len(self._held) else block
        while len(self._held) > longest:
            yield self._cut(_quietest(self._held[:longest]))

    def finish(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Give what is left."""
        if len(self._held):
            yield self._cut(len(self._held))

    def _cut(self, length: int) -> tuple[int, NDArray[np.float32]]:
        found = self._first, self._held[:length]
        self._first, self._held = self._first + length, self._held[length:]
        return found


def _quietest(samples: NDArray[np.float32]) -> int:
    """Find the quietest place among the last `SEARCH_S`."""
    search, block = samples_for(SEARCH_S, SAMPLE_RATE), FrontEnd().hop_length
    tail = samples[len(samples) - search :]
    levels = np.square(tail[: len(tail) // block * block].astype(np.float64)).reshape(-1, block).sum(axis=1)
    quiet = np.convolve(levels, np.ones(5), mode="same")  # over 50 ms, so that no zero crossing counts as a pause
    return len(samples) - search + int(quiet.argmin()) * block + block // 2


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Where the frames of a network stand in the sound that it hears, in samples at 16 kHz."""

    step: int
    """From one frame to the next."""
    middle: int
    """Of what the first frame looks at."""


LOG_MEL_GRID: Final = Grid(step=SUBSAMPLING * FrontEnd().hop_length, middle=FrontEnd().frame_length // 2)
"""Of networks on Kaldi's log-mel: a frame every 40 ms, and its features look ahead only."""
WHISPER_GRID: Final = Grid(step=2 * HOP_LENGTH, middle=0)
"""Of Whisper's blocks: a frame every 20 ms, and its features look to either side."""


def frame_begins(frames: int | NDArray[np.int64], grid: Grid = LOG_MEL_GRID) -> NDArray[np.int64]:
    """Say at which sample a frame of the network begins, counted from the start of the sound; the shape is kept.

    A frame stands in the middle of what its features look at. The first begins with the sound.
    """
    first = grid.middle - grid.step // 2
    return np.maximum(0, first + grid.step * np.asarray(frames, dtype=np.int64))
