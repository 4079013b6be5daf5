"""From a PyTorch system to an ONNX graph that gives the same numbers."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from undertone.errors import BundleError
from undertone.export.arranged import arranged
from undertone.inference.bundle import Golden
from undertone.inference.phones import GRAPH
from undertone.speech.script import COUNT, TOKENS, padded_scripts, script_names
from undertone.systems.attention import AskingLayer
from undertone.systems.base import called
from undertone.training.batches import padded
from undertone.training.loop import answered

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.speech.script import Script

TOLERANCE: Final = 1e-4
"""Largest difference between PyTorch's and ONNX Runtime's logits: float32 sums in another order, some layers deep."""


class _Graph(nn.Module):
    """A system with plain tensors at its edge, as ONNX names them."""

    def __init__(self, system: nn.Module, scripts: Sequence[str]) -> None:
        super().__init__()
        self.system = system
        self.scripts = tuple(scripts)

    def forward(self, features: Tensor, lengths: Tensor, *scripts: Tensor) -> Tensor:
        return called(self.system, features, lengths, dict(zip(self.scripts, scripts, strict=True))).logits


def export_graph(system: nn.Module, path: Path, *, mel_bins: int, granularities: Sequence[str] | None = None) -> None:
    """Write `system` as an ONNX graph: `features` (batch, frame, mel) and `lengths` (batch,) in, `logits` out.

    Args:
        system: maps (features, lengths), and scripts if it reads, to `Outputs`.
        path: where `model.onnx` goes.
        mel_bins: size of the last axis of the features.
        granularities: of the segments that it is given, if it reads; None if it does not.
    """
    names = () if granularities is None else script_names(granularities)
    write_graph(_Graph(system, names), path, mel_bins=mel_bins, outputs=("logits",), scripts=names)


def write_graph(
    network: nn.Module, path: Path, *, mel_bins: int, outputs: Sequence[str], scripts: Sequence[str] = ()
) -> None:
    """Write a network as an ONNX graph: `features` (batch, frame, mel), `lengths` (batch,) and scripts in.

    Args:
        network: maps (features, lengths, …) to a tensor, or a tuple of as many as there are outputs.
        path: of the graph.
        mel_bins: size of the last axis of the features.
        outputs: their names in the graph.
        scripts: names of what else goes in, as `undertone.speech.script` has them.
    """
    graph = arranged(_with_plain_attention(network).eval())
    batch, frame = torch.export.Dim("batch", min=1), torch.export.Dim("frame", min=1)
    example, shapes = _scripts_for(scripts, batch)
    sound = (torch.randn(2, 128, mel_bins), torch.tensor([128, 64]))
    dynamic: dict[str, Any] = {"features": {0: batch, 1: frame}, "lengths": {0: batch}}
    export_onnx(
        graph,
        (*sound, *example),
        path,
        inputs=("features", "lengths", *scripts),
        outputs=outputs,
        shapes=dynamic | {"scripts": shapes} if scripts else dynamic,
    )


def export_onnx(
    network: nn.Module,
    example: tuple[Tensor, ...],
    path: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    shapes: Any,  # noqa: ANN401
) -> None:
    """Let PyTorch's exporter write a graph as a file of its own, without a word, and without what it tells of itself.

    Args:
        network: in evaluation mode.
        example: of what goes in.
        path: of the graph.
        inputs: their names in the graph.
        outputs: likewise.
        shapes: which axes are free, as `torch.onnx.export` takes them.
    """
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own deprecations, nothing of the graph's
        for chatty in ("torch.onnx", "onnxscript"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        torch.onnx.export(
            network,
            example,
            path,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            optimize=True,
        )
    strip(path)


def stamped(model: onnx.ModelProto, about: Mapping[str, str]) -> bytes:
    """Write into a graph what it tells of itself, and give its bytes: the same each time."""
    onnx.helper.set_model_props(model, dict(about))
    held: bytes = model.SerializeToString(deterministic=True)
    return held


def refuse_unlike(difference: float) -> None:
    """Refuse a recogniser's graph whose probabilities are this far from PyTorch's.

    Raises:
        BundleError: if that is further than sums in another order go, or not a number.
    """
    if not difference <= TOLERANCE:
        raise BundleError(
            GRAPH,
            f"ONNX Runtime's probabilities differ from PyTorch's by {difference:.2g}; at most {TOLERANCE:.2g} is "
            "accepted",
        )


def farthest(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Find the largest distance of two numbers in the same place; infinite where one is not finite."""
    distance = np.abs(found - expected)
    return float(distance.max()) if np.isfinite(distance).all() else float("inf")


def _scripts_for(names: Sequence[str], batch: Any) -> tuple[tuple[Tensor, ...], tuple[Any, ...]]:  # noqa: ANN401
    """Make scripts to trace a network with, and say which of their axes are free."""
    example, shapes = [], []
    for name in names:
        if name.endswith(COUNT):
            example.append(torch.tensor([3, 2]))
            shapes.append({0: batch})
        else:
            rows = torch.arange(1, 4).repeat(2, 1)
            example.append(rows if name == TOKENS else torch.stack((rows, rows + 2), dim=2))
            shapes.append({0: batch, 1: torch.export.Dim.AUTO})  # an encoder of text has a longest text
    return tuple(example), tuple(shapes)


def strip(path: Path) -> None:
    """Take out what the exporter tells of itself: names of files on this machine, a tenth of the graph's size."""
    model = onnx.load(path)
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.value_info[:]
    onnx.save(model, path)


def _with_plain_attention(system: nn.Module) -> nn.Module:
    """Copy a system; where it would call PyTorch's fused attention, the copy multiplies matrices.

    The exporter takes the fused attention apart, and what comes out cannot be reshaped for a number of frames that is
    not known (torch 2.13). Both compute the same.
    """
    system = copy.deepcopy(system)
    for part in system.modules():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation("eager")
        if isinstance(part, AskingLayer):
            part.fused = False
    return system


def golden_of(system: nn.Module, windows: Sequence[NDArray[np.float32]], scripts: Sequence[Script] = ()) -> Golden:
    """Store what `system` answers to some windows, each of shape (frame, mel), and their scripts if it reads."""
    features, lengths = padded(windows)
    read = padded_scripts(scripts) if scripts else {}
    logits = answered(system, features, lengths, read).numpy()
    return Golden(features=features.numpy(), lengths=lengths.numpy(), scripts=read, logits=logits, tolerance=TOLERANCE)
