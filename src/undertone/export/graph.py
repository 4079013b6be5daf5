"""From a PyTorch system to an ONNX graph that gives the same numbers."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import warnings
from typing import TYPE_CHECKING, Final

import onnx
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from undertone.inference.bundle import Golden
from undertone.training.batches import padded

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

TOLERANCE: Final = 1e-4
"""Largest difference between PyTorch's and ONNX Runtime's logits: float32 sums in another order, some layers deep."""


class _Graph(nn.Module):
    """A system with plain tensors at its edge, as ONNX names them."""

    def __init__(self, system: nn.Module) -> None:
        super().__init__()
        self.system = system

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        logits: Tensor = self.system(features, lengths).logits
        return logits


def export_graph(system: nn.Module, path: Path, *, mel_bins: int) -> None:
    """Write `system` as an ONNX graph: `features` (batch, frame, mel) and `lengths` (batch,) in, `logits` out.

    Args:
        system: maps (features, lengths) to `Outputs`.
        path: where `model.onnx` goes.
        mel_bins: size of the last axis of the features.
    """
    write_graph(_Graph(system), path, mel_bins=mel_bins, outputs=("logits",))


def write_graph(network: nn.Module, path: Path, *, mel_bins: int, outputs: Sequence[str]) -> None:
    """Write a network as an ONNX graph: `features` (batch, frame, mel) and `lengths` (batch,) in.

    Args:
        network: maps (features, lengths) to a tensor, or a tuple of as many as there are outputs.
        path: of the graph.
        mel_bins: size of the last axis of the features.
        outputs: their names in the graph.
    """
    graph = _with_plain_attention(network).eval()
    example = (torch.randn(2, 128, mel_bins), torch.tensor([128, 64]))
    batch, frame = torch.export.Dim("batch", min=1), torch.export.Dim("frame", min=1)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own deprecations, nothing of the graph's
        for chatty in ("torch.onnx", "onnxscript"):
            logging.getLogger(chatty).setLevel(logging.ERROR)
        torch.onnx.export(
            graph,
            example,
            path,
            input_names=["features", "lengths"],
            output_names=list(outputs),
            dynamic_shapes={"features": {0: batch, 1: frame}, "lengths": {0: batch}},
            dynamo=True,
            external_data=False,
            optimize=True,
        )
    _strip(path)


def _strip(path: Path) -> None:
    """Take out what the exporter tells of itself: names of files on this machine, a tenth of the graph's size."""
    model = onnx.load(path)
    graph = model.graph
    for item in (model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.value_info[:]
    onnx.save(model, path)


def _with_plain_attention(system: nn.Module) -> nn.Module:
    """Copy a system; where transformers would call PyTorch's fused attention, the copy multiplies matrices.

    The exporter takes the fused attention apart, and what comes out cannot be reshaped for a number of frames that is
    not known (torch 2.13). Both compute the same.
    """
    system = copy.deepcopy(system)
    for part in system.modules():
        if isinstance(part, PreTrainedModel):
            part.set_attn_implementation("eager")
    return system


def golden_of(system: nn.Module, windows: list[NDArray[np.float32]]) -> Golden:
    """Store what `system` answers to some windows, each of shape (frame, mel)."""
    features, lengths = padded(windows)
    system.eval()
    with torch.inference_mode():
        logits = system(features, lengths).logits.numpy()
    return Golden(features=features.numpy(), lengths=lengths.numpy(), logits=logits, tolerance=TOLERANCE)
