"""Export the bundle that ships again from the weights in its own graph, in the arrangement that exports have now.

    git worktree add ../before c9ede0e
    python experiments/export_again.py ../before/src/undertone/bundles/default src/undertone/bundles/qieemo-compact

The checkpoint of its training is not part of the project, its graph is. A graph does not name all of its weights, so a
network of the same sizes with random ones is exported as graphs were before `undertone.export.arranged`: by its numbers
one knows which weight is which. Batch norms were put into the convolutions before them, and change nothing here. Golden
answers and card stay as they are, but for the id; the new graph must answer as the old one did.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import click
import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from undertone.experiments.goldens import golden_windows
from undertone.export import graph
from undertone.export.write import export_system, write_bundle
from undertone.inference.bundle import read_bundle
from undertone.parsing import parse_record
from undertone.systems.late import LateFusion
from undertone.systems.registry import system_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Weights = Mapping[str, NDArray[np.float32]]

MIXTURE: Final = "systems.0.head.emotion.mixture"
"""A graph holds the softmax of this, number by number; logarithms of shares have the shares for their softmax."""


def built(sizes: Mapping[str, Any]) -> LateFusion:
    """Build the network of a card's sizes, with batch norms that change nothing."""
    parts = []
    for name, numbers in sizes.items():
        system = system_named(name)
        parts.append(system.build(parse_record(system.sizes, dict(numbers), [])))
    network = LateFusion(*parts).eval()
    for norm in _norms(network).values():
        norm.get_buffer("running_var").fill_(1 - norm.eps)
    return network


def _norms(network: nn.Module) -> dict[str, nn.BatchNorm1d | nn.BatchNorm2d]:
    return {name: part for name, part in network.named_modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)}


def weights_in(model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
    """Every weight of a graph by its name there; of those in eight bits, the numbers that they stand for."""
    held = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    rounded = {name.removesuffix(".int8") for name in held if name.endswith(".int8")}
    held |= {name: held[f"{name}.int8"].astype(np.float32) * held[f"{name}.scale"] for name in rounded}
    return {name: value for name, value in held.items() if not name.endswith((".int8", ".scale"))}


def like(value: NDArray[np.float32], held: Weights) -> tuple[str, bool]:
    """Find the weight of a graph that holds these numbers; and whether it holds them transposed."""
    for name, there in held.items():
        for transposed in (False, True) if there.ndim == value.ndim == 2 else (False,):
            found = there.T if transposed else there
            if found.size == value.size and np.allclose(found.ravel(), value.ravel(), rtol=1e-5, atol=0):
                return name, transposed
    raise LookupError(f"no weight of the graph holds {value.ravel()[:4]}…")


@torch.no_grad()
def recovered(sizes: Mapping[str, Any], held: Weights) -> LateFusion:
    """Build a network with the weights of a graph."""
    network = built(sizes)
    torch.manual_seed(0)
    norms = tuple(_norms(network))
    state = {
        name: value.uniform_(0.5, 1.5)
        for name, value in network.state_dict().items()
        if value.is_floating_point() and not name.startswith(norms)
    }
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(graph, "arranged", lambda network: network):
        path = Path(folder) / "model.onnx"
        graph.export_graph(network, path, mel_bins=80)
        probe = weights_in(onnx.load(path))
    mixture = state.pop(MIXTURE)
    shares = [held[like(share.numpy(), probe)[0]] for share in mixture.softmax(dim=0)]
    mixture.copy_(torch.from_numpy(np.stack(shares)).log())
    for value in state.values():
        name, transposed = like(value.numpy(), probe)
        value.copy_(torch.tensor(held[name].T if transposed else held[name]).reshape(value.shape))
    return network


@click.command()
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def main(before: Path, target: Path) -> None:
    """Export the bundle BEFORE again as TARGET."""
    old = read_bundle(before)
    exported = export_system(
        recovered(old.card.sizes, weights_in(onnx.load_from_string(old.model))),
        golden_windows(old.card.windows, old.card.front_end, seed=old.card.training.seed),
        mel_bins=old.card.front_end.mel_bins,
        precision="int8",
    )
    card = write_bundle(dataclasses.replace(exported, golden=old.golden), old.card, target)
    click.echo(f"wrote {target}: {card.id}, which answers as {old.card.id}")


if __name__ == "__main__":
    main()
