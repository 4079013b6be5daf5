"""Cross-talk: one channel's voice heard faintly on another is not a second speaker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.units import Decibels

MARGIN_DB: Final[Decibels] = 15.0
"""A voice this much under another channel's is its leak. Two people at two telephones differ by less; a headset's leak
or a hybrid's echo is 20 dB and more under the voice it comes from (ITU-T G.131 asks for over 24 dB of echo loss)."""

VOICED: Final = 0.4
"""Probability of speech from which a frame can leak: loud music on one channel does not silence the other."""

ECHO_FRAMES: Final = 8
"""How long another channel's loudest frame is held against a quieter channel: 256 ms, the delay of a slow echo."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaks:
    """The last frames of every channel, so that blocks join without a seam."""

    recent_db: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    """Levels of the voices in the last `ECHO_FRAMES` frames or fewer, shape (frame, channel); −inf without a voice."""


def without_crosstalk(
    leaks: Leaks, probabilities: NDArray[np.float32], levels_db: NDArray[np.float64]
) -> tuple[Leaks, NDArray[np.float32]]:
    """Silence the frames in which a channel is far quieter than the voice on another one is, or has just been.

    Args:
        leaks: state behind the block before; `Leaks()` at the start.
        probabilities: of speech, shape (frame, channel).
        levels_db: shape (frame, channel).

    Returns:
        The state behind this block, and the probabilities with leaks at 0, shape (frame, channel).
    """
    frames, channels = levels_db.shape
    if channels < 2:
        return leaks, probabilities
    past = leaks.recent_db if leaks.recent_db.size else np.empty((0, channels))
    joined = np.concatenate((past, np.where(probabilities >= VOICED, levels_db, -np.inf)))
    ends = range(len(past) + 1, len(joined) + 1)
    held = np.array([joined[max(0, end - ECHO_FRAMES) : end].max(axis=0) for end in ends]).reshape(frames, channels)
    kept = probabilities.copy()
    for channel in range(channels):
        others = np.delete(held, channel, axis=1).max(axis=1)
        kept[others - levels_db[:, channel] > MARGIN_DB, channel] = 0.0
    return Leaks(recent_db=joined[-ECHO_FRAMES:]), kept
