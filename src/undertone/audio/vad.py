"""Voice activity: how probable speech is, 31.25 times a second, by Silero's network.

The graph beside this file holds Silero's weights (MIT), arranged so that all frames of a block go through it at once:
`experiments/make_voice_activity.py` makes it. It gives the numbers of Silero's own graph, which takes one frame after
the other, in a quarter of the time.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRAPH: Final = Path(__file__).with_name("voice_activity.onnx")

FRAME_LENGTH: Final = 512
"""Samples in one decision at 16 kHz: 32 ms, the only length the network takes."""

CONTEXT: Final = 64
"""Samples before a frame that the network sees again."""

MEMORY: Final = 128
"""Width of the network's two memory vectors."""

BLOCK: Final = 512
"""Frames (16 s) that go through the network at once; more are no faster and take more memory."""


class SpeechNetwork:
    """The loaded network; load it once and give it to every detector."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # its layers are too small to share
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(GRAPH.read_bytes(), options, providers=["CPUExecutionProvider"])

    def hear(
        self, frames: NDArray[np.float32], memory: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Judge frames that follow each other, in several rows side by side.

        Args:
            frames: context and frame, shape (frame, row, CONTEXT + FRAME_LENGTH).
            memory: of the frame before, shape (2, row, MEMORY); zeros where there is none.

        Returns:
            Probability of speech, shape (frame, row), and the memory of the last frame.
        """
        probabilities, memory = self._session.run(None, {"frames": frames, "memory": memory})
        return probabilities, memory


class SpeechDetector:
    """Follows the channels of one recording; any cut of the sound gives the same probabilities.

    Args:
        network: loaded once.
        channels: in the sound that will be fed.
    """

    def __init__(self, network: SpeechNetwork, channels: int = 1) -> None:
        self._network = network
        self._unheard = np.zeros((CONTEXT, channels), dtype=np.float32)  # and the context before it
        self._memory = np.zeros((2, channels, MEMORY), dtype=np.float32)

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Judge samples at 16 kHz, shape (sample, channel), as they come.

        Returns:
            Probability of speech for every whole frame completed so far and not yet returned, shape (frame, channel).
        """
        sound = np.concatenate((self._unheard, samples), dtype=np.float32)
        count = (len(sound) - CONTEXT) // FRAME_LENGTH
        found = [np.empty((0, sound.shape[1]), dtype=np.float32)]
        for first in range(0, count, BLOCK):
            end = min(first + BLOCK, count)
            block = sound[first * FRAME_LENGTH : end * FRAME_LENGTH + CONTEXT]
            frames = np.lib.stride_tricks.sliding_window_view(block, CONTEXT + FRAME_LENGTH, axis=0)[::FRAME_LENGTH]
            probabilities, self._memory = self._network.hear(np.ascontiguousarray(frames), self._memory)
            found.append(probabilities)
        self._unheard = sound[count * FRAME_LENGTH :].copy()
        return np.concatenate(found)


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
