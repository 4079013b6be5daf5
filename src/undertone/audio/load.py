"""Loading a short recording whole. Conversations go block by block instead (`undertone.inference.listen`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.decode import open_recording
from undertone.audio.resample import resampled
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def load_mono(path: Path | str) -> NDArray[np.float32]:
    """Load an utterance, mixed to one channel.

    Returns:
        Samples at 16 kHz, shape (sample,).

    Raises:
        AudioError: as `undertone.audio.decode.open_recording`.
    """
    with open_recording(path) as recording:
        nothing = np.empty((0, recording.channels), dtype=np.float32)  # resampling may leave none of a single sample
        blocks = [nothing, *resampled(recording.blocks(), recording.sample_rate, SAMPLE_RATE)]
    return np.concatenate(blocks).mean(axis=1, dtype=np.float32)
