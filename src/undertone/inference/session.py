"""Running a bundle's network with ONNX Runtime."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime

from undertone.audio.batches import padded, plan_listening
from undertone.errors import BundleError, LabelMismatchError
from undertone.speech.script import padded_scripts, script_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.bundle import Bundle
    from undertone.speech.script import Script, Scripts

HEARD: Final[Scripts] = MappingProxyType({})
"""The scripts of windows that are only heard."""

MOST_FRAMES: Final = 1600
"""Frames in a batch, those that only pad it too: larger ones are no faster, and pad more."""


def open_graph(model: bytes, path: str, *, threads: int = 0) -> onnxruntime.InferenceSession:
    """Load a graph.

    Args:
        model: an ONNX graph.
        path: where it comes from, for messages.
        threads: that one call may use; ONNX Runtime chooses where 0.

    Raises:
        BundleError: if it does not run here.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.enable_mem_reuse = False  # planning it takes longer than all else, and saves nothing that can be measured
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning steals the detector's core
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BundleError(path, f"its graph cannot be run ({error}); build it anew") from error


class Session:
    """A loaded network.

    Batches are judged side by side, for threads that share a layer wait for each other at its end.

    Args:
        bundle: verified.
        threads: that may be used at once; as many as there are cores where 0.

    Raises:
        BundleError: if the graph does not run here, or takes and gives something else.
        LabelMismatchError: if it gives another number of scores than the card has labels.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        self._at_once = threads or os.cpu_count() or 1
        self._session = open_graph(bundle.model, str(bundle.path), threads=threads)
        names = {node.name for node in (*self._session.get_inputs(), *self._session.get_outputs())}
        reads = bundle.card.reads
        wanted = ("features", "lengths", *(() if reads is None else script_names(reads.granularities)))
        if names != {*wanted, "logits"}:
            raise BundleError(
                str(bundle.path),
                f"model.onnx takes and gives {', '.join(sorted(names))}; it must take {', '.join(wanted[:-1])} and "
                f"{wanted[-1]} and give logits. Build the bundle anew",
            )
        given = self._session.get_outputs()[0].shape[-1]
        if given != len(bundle.card.labels):
            raise LabelMismatchError(
                str(bundle.path), f"model.onnx gives {given} scores but card.json has {len(bundle.card.labels)} labels"
            )

    def run(
        self, features: NDArray[np.float32], lengths: NDArray[np.int64], scripts: Scripts = HEARD
    ) -> NDArray[np.float32]:
        """Score one padded batch.

        Args:
            features: log-mel, shape (window, frame, mel).
            lengths: real frames, shape (window,).
            scripts: what is read, where the network reads.

        Returns:
            Logits, shape (window, label).
        """
        (logits,) = self._session.run(["logits"], {"features": features, "lengths": lengths, **scripts})
        return np.asarray(logits, dtype=np.float32)

    def logits(self, windows: Sequence[NDArray[np.float32]], scripts: Sequence[Script] = ()) -> NDArray[np.float32]:
        """Score windows of any lengths, each of shape (frame, mel), with their scripts where the network reads.

        Returns:
            Logits in the order of the windows, shape (window, label).
        """
        parts = list(plan_listening(np.array([len(window) for window in windows]), MOST_FRAMES))

        def judged(part: NDArray[np.int64]) -> NDArray[np.float32]:
            features, lengths = padded([windows[index] for index in part])
            return self.run(features, lengths, padded_scripts([scripts[index] for index in part]) if scripts else HEARD)

        with ThreadPoolExecutor(self._at_once) as threads:
            found = np.concatenate(list(threads.map(judged, parts)))
        return found[np.argsort(np.concatenate(parts))]
