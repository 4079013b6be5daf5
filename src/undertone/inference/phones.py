"""Hearing phones without PyTorch: a backbone as a graph, and a recording of any length through it.

There are two kinds, and a graph tells which it is: a network of our own hears Kaldi's log-mel and gives a frame every
40 ms; a head on Whisper's encoder hears Whisper's and gives one every 20 ms.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.stretches import LOG_MEL_GRID, WHISPER_GRID, frame_begins, stretches_of
from undertone.audio.whisper_mel import HOP_LENGTH, MEL_BINS, whisper_mel
from undertone.errors import BundleError
from undertone.inference.session import open_graph
from undertone.speech.phones import SYMBOLS
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from undertone.audio.stretches import Grid

GRAPH: Final = "recogniser.onnx"

WHISPER_MEL: Final = json.dumps({"features": "whisper-mel", "mel_bins": MEL_BINS, "hop_length": HOP_LENGTH})
"""What a graph that hears Whisper's log-mel tells as its front end; it scales what it hears itself."""

SHIPPED: Final = "phones-en"
"""The backbone that is heard with unless another is named."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneScores:
    """What was heard in a recording, a frame each 40 or 20 ms; where it was cut, frames may be shorter."""

    log_probabilities: NDArray[np.float32]
    """Natural logarithms of the probabilities of `undertone.speech.phones.SYMBOLS`, shape (frame, symbol)."""
    edges: NDArray[np.float64]
    """Where each frame begins and, at the end, the last one ends, in seconds, shape (frame + 1,)."""


class PhoneNetwork:
    """A loaded phone recogniser.

    Args:
        graph: `recogniser.onnx`, as `undertone asr export` writes it.
        path: of the file, for messages.
        threads: that one call may use; ONNX Runtime chooses where 0.

    Raises:
        BundleError: if the graph does not run here, or hears other symbols or features than this version.
    """

    def __init__(self, graph: bytes, path: str, *, threads: int = 0) -> None:
        self._session = open_graph(graph, path, threads=threads)
        self.about: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        """Which `backbone` it is, and the checksum of its `weights`."""
        kinds = {json.dumps(FrontEnd().as_json()): LOG_MEL_GRID, WHISPER_MEL: WHISPER_GRID}
        grid = kinds.get(self.about.get("front_end", ""))
        if grid is None or self.about.get("symbols") != " ".join(SYMBOLS):
            raise BundleError(
                path, "it hears other symbols or features than this version; write it anew with undertone asr export"
            )
        self.grid: Grid = grid
        """Where its frames stand in the sound."""

    def run(
        self, features: NDArray[np.float32], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Hear one padded batch; for a network of our own, which alone takes one.

        Args:
            features: log-mel, shape (window, frame, mel).
            lengths: real frames, shape (window,).

        Returns:
            Natural logarithms of the probabilities of `SYMBOLS`, shape (window, frame, symbol), and how many of these
            frames are real, shape (window,).
        """
        scores, frames = self._session.run(["log_probabilities", "frames"], {"features": features, "lengths": lengths})
        return np.asarray(scores, dtype=np.float32), np.asarray(frames, dtype=np.int64)

    def hear(self, blocks: Iterable[NDArray[np.float32]]) -> PhoneScores:
        """Hear a recording of any length; of its sound no more than a stretch is held.

        Args:
            blocks: at 16 kHz, each of shape (sample,).
        """
        scores, edges = [np.empty((0, len(SYMBOLS)), dtype=np.float32)], [np.zeros(1)]
        for first, samples in stretches_of(blocks):
            found = self._heard(samples)
            if len(found):
                scores.append(found)
                begins = np.append(frame_begins(np.arange(1, len(found)), self.grid), len(samples))
                edges.append((first + np.minimum(begins, len(samples))) / SAMPLE_RATE)
        return PhoneScores(log_probabilities=np.concatenate(scores), edges=np.concatenate(edges))

    def _heard(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hear a stretch; natural logarithms of probabilities, shape (frame, symbol)."""
        own = self.grid == LOG_MEL_GRID
        features = log_mel(samples, FrontEnd()) if own else whisper_mel(samples)
        if not len(features):
            return np.empty((0, len(SYMBOLS)), dtype=np.float32)
        if own:
            return self.run(features[None], np.array([len(features)]))[0][0]
        (scores,) = self._session.run(["log_probabilities"], {"features": features[None]})
        return np.asarray(scores[0], dtype=np.float32)


def recogniser_of(folder: Path | None = None, *, threads: int = 0) -> PhoneNetwork:
    """Load the recogniser in a backbone's folder.

    Args:
        folder: of the backbone; the one that ships with the package where None.
        threads: as `PhoneNetwork`.

    Raises:
        BundleError: if there is none, or as `PhoneNetwork`.
    """
    path = (folder or Path(str(resources.files("undertone.backbones") / SHIPPED))) / GRAPH
    try:
        graph = path.read_bytes()
    except OSError as error:
        raise BundleError(
            str(path), f"it cannot be read ({error.strerror}); write it with undertone asr export"
        ) from error
    return PhoneNetwork(graph, str(path), threads=threads)
