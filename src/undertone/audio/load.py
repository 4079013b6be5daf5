"""Loading a short recording whole. Conversations go block by block instead (`undertone.inference.listen`)."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.decode import open_recording
from undertone.audio.resample import resampled
from undertone.errors import EmptyAudioError, TruncatedAudioError
from undertone.units import SAMPLE_RATE, samples_for

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.units import Seconds

END_TOLERANCE: Final[Seconds] = 0.1
"""How much earlier than a table says a file may end: tables round, and codecs cut the last frame."""


def load_mono(path: Path | str) -> NDArray[np.float32]:
    """Load an utterance, mixed to one channel.

    Returns:
        Samples at 16 kHz, shape (sample,).

    Raises:
        AudioError: as `undertone.audio.decode.open_recording`.
    """
    return _stretch(path, 0, None)


def mono_blocks(path: Path | str) -> Generator[NDArray[np.float32]]:
    """Load a recording of any length block by block, mixed to one channel.

    Returns:
        Samples at 16 kHz, each block of shape (sample,).

    Raises:
        AudioError: as `undertone.audio.decode.open_recording`.
    """
    with open_recording(path) as recording:
        for block in resampled(recording.blocks(), recording.sample_rate, SAMPLE_RATE):
            yield block.mean(axis=1, dtype=np.float32)


def load_utterance(item: Utterance) -> NDArray[np.float32]:
    """Load the stretch of its file that an utterance is, mixed to one channel; memory holds that stretch alone.

    Returns:
        Samples at 16 kHz, shape (sample,).

    Raises:
        AudioError: as `undertone.audio.decode.open_recording`.
        EmptyAudioError: if there is no sample between the utterance's start and its end.
        TruncatedAudioError: if it ends more than `END_TOLERANCE` before the utterance does.
    """
    first = samples_for(item.start, SAMPLE_RATE)
    last = None if item.end is None else samples_for(item.end, SAMPLE_RATE)
    samples = _stretch(item.path, first, last)
    if not len(samples) and (first or last is not None):
        raise EmptyAudioError(
            item.path,
            f"it holds no sound from {item.start:.2f} s, where {item.id} starts, to its end. Correct the times, or "
            "copy the file anew",
        )
    if last is not None and last - first - len(samples) > END_TOLERANCE * SAMPLE_RATE:
        raise TruncatedAudioError(
            item.path,
            f"it ends at {(first + len(samples)) / SAMPLE_RATE:.2f} s, and {item.id} at {item.end:.2f} s. "
            "Correct its end, or copy the file anew",
        )
    return samples


def _stretch(path: Path | str, first: int, last: int | None) -> NDArray[np.float32]:
    """Decode from one sample at 16 kHz up to another, or to the file's end."""
    pieces = [np.empty(0, dtype=np.float32)]  # resampling may leave none of a single sample
    done = 0
    with closing(mono_blocks(path)) as blocks:
        for block in blocks:
            pieces.append(block[max(0, first - done) : None if last is None else max(0, last - done)])
            done += len(block)
            if last is not None and done >= last:
                break
    return np.concatenate(pieces)
