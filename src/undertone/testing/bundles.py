"""Bundles with a graph whose answers are known by construction: inference is tested without a trained model."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.audio.fbank import FrontEnd
from undertone.inference.bundle import HEAD, SUMS, sums_of
from undertone.inference.card import (
    FORMAT,
    LOG_MEL,
    WHISPER_FRONT_END,
    WHISPER_MEL,
    Baseline,
    Calibration,
    Card,
    Prior,
    Training,
    Windows,
)
from undertone.labels import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def first_frame_weights(labels: int, mel_bins: int) -> NDArray[np.float32]:
    """The weights of `make_bundle`'s graph, shape (mel, label): label k listens to the bins that k divides evenly."""
    bins = np.arange(mel_bins)
    return np.stack([np.where(bins % labels == label, 0.1, 0.0) for label in range(labels)], axis=1).astype(np.float32)


def make_bundle(
    folder: Path,
    *,
    labels: tuple[str, ...] = EMOTIONS,
    scores: int | None = None,
    threshold: float = 0.2,
    temperature: float = 1.0,
    windows: Windows | None = None,
) -> Path:
    """Write a bundle whose logits are a window's first frame times `first_frame_weights`.

    Args:
        folder: of the bundle; made.
        labels: of the card.
        scores: of the graph; as many as labels where None.
        threshold: of abstention.
        temperature: of calibration.
        windows: how turns are cut; the card's defaults where None.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    front_end = FrontEnd()
    weights = first_frame_weights(scores or len(labels), front_end.mel_bins)
    graph = _first_frame_graph(weights)
    (folder / "model.onnx").write_bytes(graph)
    card = replace(
        _card("first-frame", graph, labels),
        parameters=weights.size,
        windows=windows or Windows(),
        calibration=Calibration(temperature=temperature, threshold=threshold, accuracy_when_certain=0.0),
    )
    features = np.random.default_rng(0).normal(8, 4, (2, 50, front_end.mel_bins)).astype(np.float32)
    _seal(folder, card, features, features[:, 0] @ weights)
    return folder


def make_baseline_bundle(
    folder: Path,
    *,
    labels: tuple[str, ...] = EMOTIONS,
    numbers: int | None = None,
    features: str = LOG_MEL,
    threshold: float = 0.2,
    windows: Windows | None = None,
    baseline: Baseline | None = None,
    priors: tuple[Prior, ...] = (),
) -> Path:
    """Write a bundle that holds turns against their speaker's others.

    The vector of a window is the mean of the first `numbers` mel bands over its frames. The logit of label k is
    number k, plus every further one that is as many labels on: of the vector itself for a stranger; else of its
    distance from the mean, in deviations of at least `LEAST_DEVIATION`.

    Args:
        folder: of the bundle; made.
        labels: of the card.
        numbers: width of a vector; as many as labels where None.
        features: of the card.
        threshold: of abstention, where there are no priors.
        windows: how turns are cut; the card's defaults where None.
        baseline: of the card, in place of one by which turns of a second count in full and those under 0.2 s do not.
        priors: of the card.

    Returns:
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    baseline = baseline or Baseline(numbers=numbers or len(labels), full_turn_s=1.0, shortest_s=0.2)
    front_end = WHISPER_FRONT_END if features == WHISPER_MEL else FrontEnd()
    weights = 10 * first_frame_weights(len(labels), baseline.numbers)
    graph = _mean_graph(baseline.numbers, front_end.mel_bins)
    (folder / "model.onnx").write_bytes(graph)
    (folder / HEAD).write_bytes(_relative_graph(weights))
    card = replace(
        _card("relative", graph, labels),
        parameters=weights.size,
        front_end=front_end,
        windows=windows or Windows(),
        calibration=Calibration(temperature=1.0, threshold=threshold, accuracy_when_certain=0.0),
        features=features,
        baseline=baseline,
        priors=priors,
    )
    golden = np.random.default_rng(0).normal(8, 4, (2, 50, front_end.mel_bins)).astype(np.float32)
    vectors = np.stack([golden[0].mean(axis=0), golden[1, :20].mean(axis=0)])[:, : baseline.numbers]
    _seal(folder, card, golden, vectors @ weights)
    return folder


LEAST_DEVIATION: Final = 0.01
"""Of `make_baseline_bundle`'s head: after one turn a deviation is 0."""


def _card(system: str, graph: bytes, labels: tuple[str, ...]) -> Card:
    """Make a card whose numbers of sizes, windows and calibration are still to come."""
    return Card(
        format=FORMAT,
        id=f"{system}-{hashlib.sha256(graph).hexdigest()[:8]}",
        title="a graph for tests",
        system=system,
        system_source="undertone.testing",
        licence="Apache-2.0",
        labels=labels,
        parameters=0,
        sizes={},
        front_end=FrontEnd(),
        windows=Windows(),
        calibration=Calibration(temperature=1.0, threshold=0.2, accuracy_when_certain=0.0),
        training=Training(
            sources=(), command="", commit="", protocol="", speakers_shared=0, seed=0, epochs=0, best_epoch=0
        ),
        scores=(),
        plain_speech=(),
        intended_use=("tests",),
        excluded_use=("everything else",),
        limits=("its answers mean nothing",),
    )


def _seal(folder: Path, card: Card, features: NDArray[np.float32], logits: NDArray[np.float32]) -> None:
    """Write the card, the goldens of two windows of 50 and 20 frames, and the checksums."""
    (folder / "card.json").write_text(card.as_json(), encoding="utf-8")
    np.savez(
        folder / "golden.npz",
        features=features,
        lengths=np.array([50, 20], dtype=np.int64),
        logits=logits,
        tolerance=np.float64(1e-4),
    )
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")


def _first_frame_graph(weights: NDArray[np.float32]) -> bytes:
    """Build logits = features[:, 0] @ weights + 0 · lengths as an ONNX graph."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Gather", ["features", "first"], ["frame"], axis=1),
        helper.make_node("MatMul", ["frame", "weights"], ["scores"]),
        helper.make_node("Cast", ["lengths"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "zero"], ["zeros"]),
        helper.make_node("Unsqueeze", ["zeros", "last_axis"], ["column"]),
        helper.make_node("Add", ["scores", "column"], ["logits"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "first": np.array(0, dtype=np.int64),
        "weights": weights,
        "zero": np.array(0.0, dtype=np.float32),
        "last_axis": np.array([1], dtype=np.int64),
    }
    takes = {"features": ["batch", "frame", weights.shape[0]], "lengths": ["batch"]}
    return _graph("first-frame", nodes, takes, {"logits": ["batch", weights.shape[1]]}, constants)


def _mean_graph(numbers: int, mel_bins: int) -> bytes:
    """Build vector = mean of features over frames, the first numbers of it, as an ONNX graph."""
    from onnx import helper

    nodes = [
        helper.make_node("ReduceMean", ["features", "frames"], ["mean"], keepdims=0),
        helper.make_node("Slice", ["mean", "begin", "end", "last_axis"], ["vector"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "frames": np.array([1], dtype=np.int64),
        "begin": np.array([0], dtype=np.int64),
        "end": np.array([numbers], dtype=np.int64),
        "last_axis": np.array([1], dtype=np.int64),
    }
    return _graph("mean", nodes, {"features": [1, "frame", mel_bins]}, {"vector": [1, numbers]}, constants)


def _relative_graph(weights: NDArray[np.float32]) -> bytes:
    """Build the head of `make_baseline_bundle` as an ONNX graph."""
    from onnx import helper

    nodes = [
        helper.make_node("Max", ["deviation", "least"], ["spread"]),
        helper.make_node("Sub", ["vectors", "mean"], ["away"]),
        helper.make_node("Div", ["away", "spread"], ["standard"]),
        helper.make_node("Greater", ["count", "zero"], ["known"]),
        helper.make_node("Unsqueeze", ["known", "last_axis"], ["column"]),
        helper.make_node("Where", ["column", "standard", "vectors"], ["heard"]),
        helper.make_node("MatMul", ["heard", "weights"], ["logits"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "least": np.array(LEAST_DEVIATION, dtype=np.float32),
        "zero": np.array(0.0, dtype=np.float32),
        "last_axis": np.array([1], dtype=np.int64),
        "weights": weights,
    }
    wide: list[str | int] = ["row", weights.shape[0]]
    takes: dict[str, list[str | int]] = {"vectors": wide, "mean": wide, "deviation": wide, "count": ["row"]}
    return _graph("relative", nodes, takes, {"logits": ["row", weights.shape[1]]}, constants)


def _graph(
    name: str,
    nodes: Sequence[Any],
    takes: Mapping[str, Sequence[str | int]],
    gives: Mapping[str, Sequence[str | int]],
    constants: Mapping[str, NDArray[Any]],
) -> bytes:
    """Put a graph together; all that it takes and gives are floats, but `lengths`."""
    from onnx import TensorProto, helper, numpy_helper

    def value(name: str, shape: Sequence[str | int]) -> Any:  # noqa: ANN401  onnx has no types
        kind = TensorProto.INT64 if name == "lengths" else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, shape)

    graph = helper.make_graph(
        nodes,
        name,
        [value(each, shape) for each, shape in takes.items()],
        [value(each, shape) for each, shape in gives.items()],
        [numpy_helper.from_array(array, each) for each, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised
