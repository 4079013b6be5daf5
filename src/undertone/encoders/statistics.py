"""Log-mel frames as they are, and statistics over them: the encoders that need nothing but NumPy."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.encoders.base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PERCENTILES: Final = (5, 25, 50, 75, 95)

STATISTICS: Final = ("mean", "std", *(f"p{share}" for share in PERCENTILES), "delta_mean", "delta_std")
"""What is taken of every band, in the order of the row: all bands of the first, then of the second, …"""


def log_mel_frames() -> Encoder:
    """Log-mel frames as the network `compact` takes them, shape (frame, mel).

    Nothing is cut off: silence before and after the speech stays.
    """
    front_end = FrontEnd()

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return [log_mel(samples, front_end) for samples in sounds]

    return Encoder(
        name="log-mel",
        revision=f"1, {front_end}, kaldi-native-fbank {version('kaldi-native-fbank')}",
        source="ours: Kaldi's filter bank",
        weights="none",
        row_shape=(front_end.mel_bins,),
        rows="frame",
        dtype="float16",
        encode=encode,
    )


def log_mel_statistics() -> Encoder:
    """One row an utterance: `STATISTICS` of every log-mel band over time."""
    front_end = FrontEnd()

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return [statistics(log_mel(samples, front_end)) for samples in sounds]

    return Encoder(
        name="log-mel-statistics",
        revision=f"1, {front_end}, kaldi-native-fbank {version('kaldi-native-fbank')}",
        source="ours: the simplest description of a voice that a linear classifier can use",
        weights="none",
        row_shape=(len(STATISTICS) * front_end.mel_bins,),
        rows="utterance",
        dtype="float32",
        encode=encode,
    )


def statistics(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe log-mel frames by statistics over time.

    Args:
        frames: shape (frame, mel).

    Returns:
        One row, shape (1, statistic × mel). Deltas are differences of neighbouring frames, per hop; of a single frame
        they are 0, because nothing changes. No row where there is no frame.
    """
    if not len(frames):
        return np.empty((0, len(STATISTICS) * frames.shape[1]), dtype=np.float32)
    values = frames.astype(np.float64)
    deltas = np.diff(values, axis=0) if len(values) > 1 else np.zeros_like(values)
    parts = (
        values.mean(axis=0),
        values.std(axis=0),
        *np.percentile(values, PERCENTILES, axis=0),
        deltas.mean(axis=0),
        deltas.std(axis=0),
    )
    return np.concatenate(parts)[None].astype(np.float32)
