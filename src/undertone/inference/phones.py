"""Hearing phones without PyTorch: a backbone as a graph, and a recording of any length through it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.stretches import frame_begins, stretches_of
from undertone.errors import BundleError
from undertone.inference.session import open_graph
from undertone.speech.phones import SYMBOLS
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

GRAPH: Final = "recogniser.onnx"

SHIPPED: Final = "phones-en"
"""The backbone that is heard with unless another is named."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhoneScores:
    """What was heard in a recording, a frame each 40 ms; where it was cut, frames may be shorter."""

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
        told = (self.about.get("symbols"), self.about.get("front_end"))
        if told != (" ".join(SYMBOLS), json.dumps(FrontEnd().as_json())):
            raise BundleError(
                path, "it hears other symbols or features than this version; write it anew with undertone asr export"
            )

    def run(
        self, features: NDArray[np.float32], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Hear one padded batch.

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
            features = log_mel(samples, FrontEnd())
            if len(features):
                found, _ = self.run(features[None], np.array([len(features)]))
                scores.append(found[0])
                begins = np.append(frame_begins(np.arange(1, len(found[0]))), len(samples))
                edges.append((first + np.minimum(begins, len(samples))) / SAMPLE_RATE)
        return PhoneScores(log_probabilities=np.concatenate(scores), edges=np.concatenate(edges))


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
