"""Log-mel features, defined once: training, inference and streaming all take them from here.

Kaldi's filter bank through kaldi-native-fbank, on samples scaled to Kaldi's ±32768: a quiet voice then stays far
above the library's floor of log(2⁻²³) ≈ −15.9, which digital silence alone reaches.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import kaldi_native_fbank as knf
import numpy as np

from undertone.units import SAMPLE_RATE, exact_div

if TYPE_CHECKING:
    from numpy.typing import NDArray


FULL_SCALE: Final = np.float32(32768)
"""What Kaldi calls a sample of 1.0."""


@dataclass(frozen=True, kw_only=True)
class FrontEnd:
    """The numbers that define the features; a bundle's card carries them."""

    sample_rate: int = SAMPLE_RATE
    mel_bins: int = 80
    frame_length_ms: int = 25
    hop_length_ms: int = 10
    low_hz: int = 20
    high_hz: int = 8000

    @property
    def hop_length(self) -> int:
        """Samples from one frame to the next."""
        return exact_div(self.sample_rate * self.hop_length_ms, 1000)

    @property
    def frame_length(self) -> int:
        """Samples that one frame looks at."""
        return exact_div(self.sample_rate * self.frame_length_ms, 1000)

    def num_frames(self, samples: int) -> int:
        """Count the whole frames in a number of samples (no padding at the edges)."""
        return max(0, 1 + (samples - self.frame_length) // self.hop_length)

    def as_json(self) -> dict[str, int]:
        return asdict(self)


class LogMelStream:
    """Turns samples into log-mel frames as they come; any cut of the samples gives the same frames."""

    def __init__(self, front_end: FrontEnd) -> None:
        options = knf.FbankOptions()
        options.frame_opts.samp_freq = front_end.sample_rate
        options.frame_opts.frame_length_ms = front_end.frame_length_ms
        options.frame_opts.frame_shift_ms = front_end.hop_length_ms
        options.frame_opts.dither = 0.0
        options.frame_opts.snip_edges = True
        options.mel_opts.num_bins = front_end.mel_bins
        options.mel_opts.low_freq = front_end.low_hz
        options.mel_opts.high_freq = front_end.high_hz
        self._front_end = front_end
        self._fbank = knf.OnlineFbank(options)
        self._taken = 0

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples, shape (sample,), and return the frames they complete, shape (frame, mel)."""
        self._fbank.accept_waveform(self._front_end.sample_rate, samples * FULL_SCALE)
        ready = self._fbank.num_frames_ready
        frames = np.empty((ready - self._taken, self._front_end.mel_bins), dtype=np.float32)
        for row in range(len(frames)):
            frames[row] = self._fbank.get_frame(self._taken + row)
        self._fbank.pop(len(frames))  # the library keeps every frame until told otherwise
        self._taken = ready
        return frames

    def finish(self) -> NDArray[np.float32]:
        """End the sound; no frame waits for that, since what is shorter than one is left out."""
        return np.empty((0, self._front_end.mel_bins), dtype=np.float32)


def log_mel(samples: NDArray[np.float32], front_end: FrontEnd) -> NDArray[np.float32]:
    """Compute the log-mel frames of a whole waveform.

    Args:
        samples: shape (sample,), within −1 … 1.
        front_end: rate, window and bins.

    Returns:
        Natural logarithms of mel energies, shape (frame, mel); no frame where the sound is shorter than one.
    """
    return LogMelStream(front_end).feed(samples)
