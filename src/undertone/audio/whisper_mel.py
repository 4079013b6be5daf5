"""Whisper's log-mel features, defined once: training, inference and streaming all take them from here.

Radford et al. 2022, section 2.2, as its published extractor computes them: the power of Hann windows of 25 ms every 10
ms, centred on multiples of 160 samples with reflected edges, in 80 mel bands of Slaney's scale, as decimal logarithms.
What follows looks at a whole window, so it is a function of its own: `scaled`.

NumPy's transform does it, and not kaldi-native-fbank's `OnlineWhisperFbank`, whose transform of 400 samples takes 25
times as long: three times the network behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEL_BINS: Final = 80
HOP_LENGTH: Final = 160
"""Samples from one frame to the next, at 16 kHz."""
REACH: Final = 200
"""Samples that a frame looks at, to either side of its middle."""
LEAST_ENERGY: Final = 1e-10
"""Energies below count as this much, as published."""


@dataclass(frozen=True, kw_only=True)
class MelScale:
    """How logarithms of mel energies become what the network hears.

    Published: `range_decades` 8 and the level left as it is, so that a louder recording is another input. `level`
    given, every window is moved so that its loudest band and frame stands there, which makes the answer independent of
    gain; and a smaller range hides hiss and the last bit, which lie far below speech.
    """

    range_decades: float = 8.0
    """What lies further below the window's loudest energy counts as this far below; 8 decades are 80 dB."""
    level: float | None = None
    """Where the loudest energy of a window is put, as a decimal logarithm; None leaves it where it is."""


PUBLISHED: Final = MelScale()
LEVELLED: Final = MelScale(level=1.0)
"""How emotion and phones are heard here: as published, but blind to gain."""


class WhisperMelStream:
    """Turns samples into log-mel frames as they come; any cut of the samples gives the same frames."""

    def __init__(self) -> None:
        self._held = np.empty(0, dtype=np.float32)  # from the first sample that the next frame looks at
        self._begun = False
        self._samples = 0
        self._given = 0

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples, shape (sample,), and return the frames they complete, shape (frame, mel)."""
        self._samples += len(samples)
        self._held = np.concatenate((self._held, samples))
        if not self._begun and len(self._held) > REACH:
            self._held = np.concatenate((self._held[REACH:0:-1], self._held))  # the edge is reflected
            self._begun = True
        return self._frames()

    def finish(self) -> NDArray[np.float32]:
        """End the sound and return the frames that waited for it, shape (frame, mel); nothing may be fed afterwards."""
        if self._begun:
            self._held = np.concatenate((self._held, self._held[-2 : -(REACH + 2) : -1]))
        else:  # too short to be reflected: silence lies around it
            self._held = np.pad(self._held, REACH)
            self._begun = True
        return self._frames()

    def _frames(self) -> NDArray[np.float32]:
        ready = 1 + (len(self._held) - 2 * REACH) // HOP_LENGTH if self._begun else 0
        count = max(0, min(ready, self._samples // HOP_LENGTH - self._given))
        if not count:
            return np.empty((0, MEL_BINS), dtype=np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * REACH)[::HOP_LENGTH][:count]
        spectra = np.fft.rfft(windows * _hann())  # (frame, bin=201), in double precision: no cut moves the last bit
        energies = (np.square(spectra.real) + np.square(spectra.imag)) @ mel_filters()  # (frame, mel)
        self._held = self._held[count * HOP_LENGTH :].copy()
        self._given += count
        return np.log10(np.maximum(energies, LEAST_ENERGY)).astype(np.float32)


@cache
def _hann() -> NDArray[np.float64]:
    return np.hanning(2 * REACH + 1)[:-1]  # periodic


@cache
def mel_filters() -> NDArray[np.float64]:
    """Give the triangles of Slaney's mel scale, each of area 1, over the bins of the transform, shape (bin=201, mel).

    Slaney, Auditory Toolbox, 1998: linear to 1000 Hz at 200/3 Hz a mel, logarithmic above at 27 mel for a factor of
    6.4.
    """
    most = 15 + 27 * np.log(SAMPLE_RATE / 2 / 1000) / np.log(6.4)
    mels = np.linspace(0, most, MEL_BINS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * np.log(6.4) / 27))  # Hz
    bins = np.fft.rfftfreq(2 * REACH, 1 / SAMPLE_RATE)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.maximum(triangles, 0) * 2 / (high - low)


def whisper_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compute the log-mel frames of a whole waveform, before `scaled`.

    Args:
        samples: 16 kHz, shape (sample,), within −1 … 1.

    Returns:
        Decimal logarithms of mel energies, shape (sample // 160, mel).
    """
    stream = WhisperMelStream()
    return np.concatenate((stream.feed(samples), stream.finish()))


def scaled(frames: NDArray[np.float32], scale: MelScale = PUBLISHED) -> NDArray[np.float32]:
    """Limit a window's range and map it to about −1 … 1, as Whisper's extractor does for its window of 30 s.

    Args:
        frames: decimal logarithms of mel energies, shape (frame, mel), at least one frame.
        scale: how.

    Returns:
        Shape (frame, mel), float32.
    """
    loudest = frames.max()
    found = np.maximum(frames, loudest - np.float32(scale.range_decades))
    if scale.level is not None:
        found += np.float32(scale.level) - loudest
    return (found + np.float32(4)) / np.float32(4)
