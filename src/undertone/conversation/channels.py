"""Is a recording of several channels a call, one speaker a channel, or one room heard twice?"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from undertone.units import Seconds

SAME_ROOM: Final = 0.6
"""Correlation of loudness over time from which two channels hear the same voices. Measured: below 0.1 between the two
ends of a call, above 0.9 between two microphones in a room."""

FRAME_S: Final[Seconds] = 0.02


class Channels(StrEnum):
    """What to do with several channels."""

    AUTO = "auto"
    """Split if the channels hear different voices, otherwise mix."""
    SPLIT = "split"
    """Each channel is a speaker."""
    MIX = "mix"
    """All channels are one."""


def hear_different_voices(blocks: Iterable[NDArray[np.float32]], sample_rate: int) -> bool:
    """Compare how loudness moves on each pair of channels.

    Args:
        blocks: the beginning of a recording, each of shape (sample, channel).
        sample_rate: of the blocks.

    Returns:
        True if no two channels move together. A silent channel moves with nothing.
    """
    frame = round(FRAME_S * sample_rate)
    loudness = []
    for block in blocks:
        whole = len(block) // frame
        framed = block[: whole * frame].reshape(whole, frame, block.shape[1])
        loudness.append(np.sqrt(np.mean(np.square(framed, dtype=np.float64), axis=1)))
    if not loudness:
        return False
    curves = np.concatenate(loudness)
    spread = curves.std(axis=0)
    moving = curves[:, spread > 0]
    if moving.shape[1] < 2 or len(moving) < 2:
        return curves.shape[1] > 1
    correlations = np.corrcoef(moving, rowvar=False)
    return bool(np.max(correlations[~np.eye(len(correlations), dtype=bool)]) < SAME_ROOM)
