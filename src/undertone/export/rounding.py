"""Keeping a graph's weights in eight bits. Only they are rounded: what is computed with them stays float32.

ONNX Runtime's own dynamic quantisation computes in eight bits as well, which is faster, but rounds what flows through
the network by one scale for a whole batch: a turn's answer would depend on the turns that are judged with it, and a
stream's on how it was cut. Here it does not, and every processor gives the same answer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES: Final = {"MatMul": (1, -1), "Gemm": (1, -1), "Conv": (1, 0), "Gather": (0, 0)}
"""Operators with a weight that is rounded: which of their inputs it is, and the axis of its output channels; of a table
that is looked up in, each row has a scale."""

LEAST: Final = 1024
"""Numbers that a weight must have to be rounded; a smaller one saves no space worth its error."""

LEAST_BEHIND: Final = 32
"""Numbers that must stand behind an output channel, more than behind one of a depthwise convolution: the errors of
fewer do not even out."""

STEPS: Final = 127
"""Of a channel, to either side of zero."""


def round_graph(model: bytes) -> bytes:
    """Keep the weights of a graph as whole numbers from −127 to 127, each output channel with a scale of its own.

    A cast and a product in front of each weight give numbers back. ONNX Runtime computes both once, when it loads the
    graph.

    Args:
        model: an ONNX graph in float32, its weights inside.

    Returns:
        The graph, about a quarter as large where its weights are most of it.
    """
    loaded = onnx.load_from_string(model)
    graph = loaded.graph
    kept = {item.name: item for item in graph.initializer}
    givers: list[onnx.NodeProto] = []
    for name, axis in _weights(graph).items():
        rounded, scale = round_channels(onnx.numpy_helper.to_array(kept[name]), axis)
        graph.initializer.remove(kept[name])
        graph.initializer.extend(
            [
                onnx.numpy_helper.from_array(rounded, f"{name}.int8"),
                onnx.numpy_helper.from_array(scale, f"{name}.scale"),
            ]
        )
        givers += [
            onnx.helper.make_node("Cast", [f"{name}.int8"], [f"{name}.float32"], to=onnx.TensorProto.FLOAT),
            onnx.helper.make_node("Mul", [f"{name}.float32", f"{name}.scale"], [name]),
        ]
    nodes = [*givers, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    given: bytes = loaded.SerializeToString()
    return given


def round_channels(weight: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round a weight to whole steps of a scale, one for each output channel.

    Args:
        weight: of any shape.
        axis: of the output channels.

    Returns:
        Whole numbers of the weight's shape, and scales that broadcast to it; their product is off by half a step at
        most. A channel of zeros, or of
        numbers that float32 holds with less than its precision, has a scale of 1.
    """
    others = tuple(each for each in range(weight.ndim) if each != axis % weight.ndim)
    largest = np.abs(weight).max(axis=others, keepdims=True)
    scale = largest / STEPS
    scale = np.where(scale >= np.finfo(np.float32).tiny, scale, 1).astype(np.float32)
    return np.rint(weight / scale).clip(-STEPS, STEPS).astype(np.int8), scale


def _weights(graph: onnx.GraphProto) -> dict[str, int]:
    """Find the weights to round, with the axis of their output channels."""
    shapes = {item.name: tuple(item.dims) for item in graph.initializer if item.data_type == onnx.TensorProto.FLOAT}
    found: dict[str, int] = {}
    for node in graph.node:
        place, axis = AXES.get(node.op_type, (0, 0))
        shape = shapes.get(node.input[place], ()) if node.op_type in AXES else ()
        across = node.op_type == "Gemm" and any(item.name == "transB" and item.i for item in node.attribute)
        channels = 0 if across else axis
        if shape and math.prod(shape) >= max(LEAST, LEAST_BEHIND * shape[channels]):
            found[node.input[place]] = channels
    return found
