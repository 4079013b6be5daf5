"""Batches of utterances or windows of unlike length, for networks that only listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray


def plan_listening(lengths: NDArray[np.int64], most_frames: int) -> Iterator[NDArray[np.int64]]:
    """Put utterances of like length together, up to so many frames with padding; one at least."""
    waiting: list[int] = []
    for number in np.argsort(-lengths, kind="stable"):
        if waiting and lengths[waiting[0]] * (len(waiting) + 1) > most_frames:
            yield np.array(waiting)
            waiting = []
        waiting.append(int(number))
    if waiting:
        yield np.array(waiting)


def padded(windows: Sequence[NDArray[np.float32]]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Put windows, each of shape (frame, mel), into one batch.

    Returns:
        The batch, of shape (window, frame, mel) with zeros beyond the windows, and the frames of each, shape (window,).
    """
    lengths = np.array([len(window) for window in windows], dtype=np.int64)
    features = np.zeros((len(windows), int(lengths.max()), windows[0].shape[1]), dtype=np.float32)
    for row, window in enumerate(windows):
        features[row, : len(window)] = window
    return features, lengths
