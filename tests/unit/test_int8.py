"""Weights in eight bits: the rounding, the graph that holds it, and the bundle that is proven to answer alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from undertone.errors import BundleError
from undertone.export import write
from undertone.export.rounding import STEPS, round_channels, round_graph
from undertone.export.write import Exported, answers_of, export_system, write_bundle
from undertone.inference.bundle import Golden, read_bundle
from undertone.inference.parity import difference_from, largest_difference
from undertone.systems.base import Outputs
from undertone.testing.bundles import make_bundle

MEL = 80


@given(
    weight=hnp.arrays(
        np.float32, hnp.array_shapes(min_dims=2, max_dims=4, max_side=5), elements=st.floats(-50, 50, width=32)
    ),
    axis=st.sampled_from([0, -1]),
)
def test_a_rounded_weight_is_off_by_half_a_step_of_its_channel_at_most(weight: np.ndarray, axis: int) -> None:
    rounded, scale = round_channels(weight, axis)
    assert rounded.dtype == np.int8
    assert scale.size == weight.shape[axis]
    assert np.abs(rounded.astype(int)).max() <= STEPS
    assert (np.abs(rounded * scale - weight) <= scale / 2 * (1 + 1e-3)).all()


def test_weights_too_small_for_a_scale_become_zeros() -> None:
    rounded, scale = round_channels(np.array([[1e-45, 0.0], [1e-37, 0.0]], dtype=np.float32), 0)
    assert scale.ravel().tolist() == [1.0, 1.0]
    assert not rounded.any()


def test_the_largest_weight_of_every_channel_is_kept_and_zeros_stay_zeros() -> None:
    weight = np.array([[3.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    rounded, scale = round_channels(weight, 0)
    assert np.allclose(rounded * scale, weight)
    rounded, scale = round_channels(weight, 1)
    assert scale.tolist() == [[pytest.approx(3 / STEPS), 1.0]]
    assert (rounded * scale)[:, 1].tolist() == [0, 0]


def graph_of(rng: np.random.Generator) -> bytes:
    """Every operator whose weights are rounded, one weight twice, and one that is too small to be."""
    weights = {
        "conv": rng.normal(0, 0.2, (32, MEL, 1)),
        "twice": rng.normal(0, 0.2, (32, 32)),
        "across": rng.normal(0, 0.2, (64, 32)),
        "small": rng.normal(0, 0.2, (64, 7)),
    }
    nodes = [
        helper.make_node("Transpose", ["features"], ["a"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["a", "conv"], ["b"]),
        helper.make_node("ReduceMean", ["b", "last"], ["c"], keepdims=0),
        helper.make_node("MatMul", ["c", "twice"], ["d"]),
        helper.make_node("MatMul", ["d", "twice"], ["e"]),
        helper.make_node("Gemm", ["e", "across"], ["f"], transB=1),
        helper.make_node("MatMul", ["f", "small"], ["g"]),
        helper.make_node("Cast", ["lengths"], ["h"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["h", "last"], ["i"]),
        helper.make_node("Mul", ["i", "zero"], ["j"]),
        helper.make_node("Add", ["g", "j"], ["logits"]),
    ]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "weights",
        [value("features", TensorProto.FLOAT, ["b", "t", MEL]), value("lengths", TensorProto.INT64, ["b"])],
        [value("logits", TensorProto.FLOAT, ["b", 7])],
        [numpy_helper.from_array(weight.astype(np.float32), name) for name, weight in weights.items()]
        + [
            numpy_helper.from_array(np.array([-1], dtype=np.int64), "last"),
            numpy_helper.from_array(np.zeros(1, dtype=np.float32), "zero"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    given: bytes = model.SerializeToString()
    return given


def test_weights_of_every_operator_are_rounded_and_small_ones_stay(rng: np.random.Generator) -> None:
    model = graph_of(rng)
    rounded = round_graph(model)
    before = {item.name: numpy_helper.to_array(item) for item in onnx.load_from_string(model).graph.initializer}
    after = {item.name: numpy_helper.to_array(item) for item in onnx.load_from_string(rounded).graph.initializer}
    found = {name for name, value in after.items() if value.dtype == np.int8}
    assert found == {"conv.int8", "twice.int8", "across.int8"}
    assert {name: after[f"{name}.scale"].shape for name in ("conv", "twice", "across")} == {
        "conv": (32, 1, 1),
        "twice": (1, 32),
        "across": (64, 1),
    }
    assert np.array_equal(after["small"], before["small"])
    assert len(rounded) < 0.5 * len(model)


def test_a_rounded_graph_answers_nearly_alike_and_each_window_as_if_alone(rng: np.random.Generator) -> None:
    model = graph_of(rng)
    first, second = answers_of(model), answers_of(round_graph(model))
    features = rng.normal(0, 1, (5, 30, MEL)).astype(np.float32)
    features[3] *= 100  # a scale for the whole batch would round the others away
    lengths = np.full(5, 30)
    wanted, found = first(features, lengths), second(features, lengths)
    assert 0 < np.abs(found - wanted)[:3].max() < 0.05 * np.abs(wanted[:3]).max()
    alone = np.concatenate([second(features[row : row + 1], lengths[:1]) for row in range(5)])
    assert np.allclose(alone, found, rtol=1e-5, atol=1e-6)


class Means(nn.Module):
    """The least that can be exported: the mean frame of a window, through two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(MEL, 64), nn.Tanh(), nn.Linear(64, 7))

    def forward(self, features: Tensor, lengths: Tensor) -> Outputs:
        real = torch.arange(features.shape[1])[None, :] < lengths[:, None]
        mean = (features * real[:, :, None]).sum(dim=1) / lengths[:, None]
        return Outputs(logits=self.layers(mean), embedding=mean)


WINDOWS = [
    np.random.default_rng(seed).normal(0, 4, (length, MEL)).astype(np.float32) for seed, length in ((1, 40), (2, 9))
]


@pytest.fixture(scope="module")
def exported() -> Exported:
    torch.manual_seed(0)
    return export_system(Means(), WINDOWS, mel_bins=MEL, precision="int8")


def test_a_rounded_system_keeps_its_own_answers_and_tells_how_far_they_are(exported: Exported) -> None:
    assert exported.precision == "int8"
    assert len(exported.model) < len(exported.float32)
    assert difference_from(exported.golden, exported.answer()) <= exported.golden.tolerance == 1e-4
    assert exported.golden.tolerance < exported.largest_difference < 0.1
    far = difference_from(exported.golden, answers_of(exported.float32))
    assert far == pytest.approx(exported.largest_difference, abs=1e-4)


def test_a_graph_tells_nothing_of_the_machine_that_it_was_made_on(exported: Exported) -> None:
    for model in (exported.model, exported.float32):
        assert b".py" not in model
        assert str(Path(__file__).anchor + "home").encode() not in model
        assert not any(node.metadata_props or node.doc_string for node in onnx.load_from_string(model).graph.node)


def test_a_bundle_of_rounded_weights_is_read_and_answers(exported: Exported, tmp_path: Path) -> None:
    card = dataclasses.replace(read_bundle(make_bundle(tmp_path / "other")).card, system="means")
    written = write_bundle(exported, card, tmp_path / "bundle")
    bundle = read_bundle(tmp_path / "bundle")
    assert bundle.card == written
    assert written.id.startswith("means-")
    assert bundle.model == exported.model
    assert largest_difference(bundle) <= bundle.golden.tolerance


def test_a_bundle_that_does_not_answer_as_stored_is_not_written(exported: Exported, tmp_path: Path) -> None:
    card = read_bundle(make_bundle(tmp_path / "other")).card
    golden = dataclasses.replace(exported.golden, logits=exported.golden.logits + 0.25)
    with pytest.raises(BundleError, match=r"its answers differ from the stored ones by 0\.25; at most 0\.0001 is"):
        write_bundle(dataclasses.replace(exported, golden=golden), card, tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_graph_that_does_not_answer_as_its_system_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = write.golden_of

    def other_golden(system: nn.Module, windows: list[np.ndarray], scripts: tuple[()]) -> Golden:
        golden = right(system, windows, scripts)
        return dataclasses.replace(golden, logits=golden.logits + 0.5)

    monkeypatch.setattr(write, "golden_of", other_golden)
    with pytest.raises(
        BundleError, match=r"ONNX Runtime's logits differ from PyTorch's by 0\.5; at most 0\.0001 is acc"
    ):
        export_system(Means(), WINDOWS, mel_bins=MEL)
