"""Bundles with a graph whose answers are known by construction: inference is tested without a trained model."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from undertone.audio.fbank import FrontEnd
from undertone.inference.bundle import SUMS, sums_of
from undertone.inference.card import FORMAT, Calibration, Card, Training, Windows
from undertone.labels import EMOTIONS

if TYPE_CHECKING:
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
    card = Card(
        format=FORMAT,
        id=f"first-frame-{hashlib.sha256(graph).hexdigest()[:8]}",
        title="a graph for tests",
        system="first-frame",
        system_source="undertone.testing",
        licence="Apache-2.0",
        labels=labels,
        parameters=weights.size,
        sizes={},
        front_end=front_end,
        windows=windows or Windows(),
        calibration=Calibration(temperature=temperature, threshold=threshold, accuracy_when_certain=0.0),
        training=Training(
            sources=(), command="", commit="", protocol="", speakers_shared=0, seed=0, epochs=0, best_epoch=0
        ),
        scores=(),
        plain_speech=(),
        intended_use=("tests",),
        excluded_use=("everything else",),
        limits=("its answers mean nothing",),
    )
    (folder / "card.json").write_text(card.as_json(), encoding="utf-8")
    features = np.random.default_rng(0).normal(8, 4, (2, 50, front_end.mel_bins)).astype(np.float32)
    np.savez(
        folder / "golden.npz",
        features=features,
        lengths=np.array([50, 20], dtype=np.int64),
        logits=features[:, 0] @ weights,
        tolerance=np.float64(1e-4),
    )
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")
    return folder


def _first_frame_graph(weights: NDArray[np.float32]) -> bytes:
    """Build logits = features[:, 0] @ weights + 0 · lengths as an ONNX graph."""
    from onnx import TensorProto, helper, numpy_helper

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
    graph = helper.make_graph(
        nodes,
        "first-frame",
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", "frame", weights.shape[0]]),
            helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", weights.shape[1]])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    serialised: bytes = model.SerializeToString()
    return serialised
