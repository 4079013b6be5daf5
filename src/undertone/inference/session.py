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
from undertone.inference.baseline import stranger
from undertone.speech.script import padded_scripts, script_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.baseline import SpeakerStatistics
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
        reads = bundle.card.reads
        wanted = ("features", "lengths", *(() if reads is None else script_names(reads.granularities)))
        _check_names(self._session, "model.onnx", wanted, "logits", bundle)
        _check_labels(self._session, "model.onnx", bundle)

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


class BaselineSession:
    """The two loaded networks of a bundle that holds turns against their speaker's others.

    Args:
        bundle: verified.
        threads: that may be used at once; as many as there are cores where 0.

    Raises:
        BundleError: if the bundle has no baseline, or a graph does not run here, or takes and gives something else.
        LabelMismatchError: if another number of scores is given than the card has labels.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        baseline = bundle.card.baseline
        if baseline is None:
            raise BundleError(str(bundle.path), "its card has no baseline; load it as a Session")
        self._numbers = baseline.numbers
        self._at_once = threads or os.cpu_count() or 1
        self._model = open_graph(bundle.model, str(bundle.path), threads=threads)
        self._head = open_graph(bundle.head, str(bundle.path), threads=threads)
        _check_names(self._model, "model.onnx", ("features",), "vector", bundle)
        _check_names(self._head, "head.onnx", ("vectors", "mean", "deviation", "count"), "logits", bundle)
        given = self._model.get_outputs()[0].shape[-1]
        if given != self._numbers:
            raise BundleError(
                str(bundle.path),
                f"model.onnx gives {given} numbers but card.json has baseline.numbers {self._numbers}. Build the "
                "bundle anew",
            )
        _check_labels(self._head, "head.onnx", bundle)

    def vectors(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Hear windows of any lengths, each of shape (frame, mel), by itself and without padding.

        Returns:
            Shape (window, number), in the order of the windows.
        """
        found = np.empty((len(windows), self._numbers), dtype=np.float32)

        def heard(place: int) -> None:
            (vector,) = self._model.run(["vector"], {"features": windows[place][None]})
            found[place] = vector[0]

        # The longest first: nobody waits at the end for one that began last.
        longest_first = sorted(range(len(windows)), key=lambda place: -len(windows[place]))
        with ThreadPoolExecutor(self._at_once) as threads:
            list(threads.map(heard, longest_first))
        return found

    def judge(self, vectors: NDArray[np.floating], baselines: Sequence[SpeakerStatistics]) -> NDArray[np.float32]:
        """Score vectors, each against what is known of its speaker.

        Args:
            vectors: shape (row, number), at least one row.
            baselines: by row.

        Returns:
            Logits, shape (row, label).
        """
        known = {
            "vectors": vectors,
            "mean": np.stack([each.mean for each in baselines]),
            "deviation": np.stack([each.deviation for each in baselines]),
            "count": np.array([each.count for each in baselines]),
        }
        (logits,) = self._head.run(["logits"], {name: value.astype(np.float32) for name, value in known.items()})
        return np.asarray(logits, dtype=np.float32)

    def run(
        self, features: NDArray[np.float32], lengths: NDArray[np.int64], scripts: Scripts = HEARD
    ) -> NDArray[np.float32]:
        """As `Session.run`, as of strangers; `scripts` must be empty."""
        if scripts:
            raise ValueError(f"a bundle with a baseline reads nothing, not {', '.join(scripts)}")
        windows = [row[:length] for row, length in zip(features, lengths.tolist(), strict=True)]
        return self.judge(self.vectors(windows), [stranger(self._numbers)] * len(windows))


def session_of(bundle: Bundle, *, threads: int = 0) -> Session | BaselineSession:
    """Load what a bundle holds, as its card says; see the classes."""
    return (
        Session(bundle, threads=threads) if bundle.card.baseline is None else BaselineSession(bundle, threads=threads)
    )


def _check_names(
    graph: onnxruntime.InferenceSession, file: str, takes: Sequence[str], gives: str, bundle: Bundle
) -> None:
    names = {node.name for node in (*graph.get_inputs(), *graph.get_outputs())}
    if names != {*takes, gives}:
        raise BundleError(
            str(bundle.path),
            f"{file} takes and gives {', '.join(sorted(names))}; it must take {_listed(takes)} and give {gives}. Build "
            "the bundle anew",
        )


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _check_labels(graph: onnxruntime.InferenceSession, file: str, bundle: Bundle) -> None:
    given = graph.get_outputs()[0].shape[-1]
    if given != len(bundle.card.labels):
        raise LabelMismatchError(
            str(bundle.path), f"{file} gives {given} scores but card.json has {len(bundle.card.labels)} labels"
        )
