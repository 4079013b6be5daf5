"""Checkpoints: tensors in safetensors, the rest in its metadata as JSON. No pickle, and never half-written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch

from undertone.files import write_beside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """All that a run needs to go on as if it had not stopped."""

    tensors: Mapping[str, Tensor]
    """Named `model.…`, `average.…`, `best.…` and `optimiser.<index>.<state>`."""
    progress: Mapping[str, Any]
    """Epoch and history, as plain JSON."""

    def group(self, name: str) -> dict[str, Tensor]:
        """The tensors under one first name, without it."""
        return {
            key.removeprefix(f"{name}."): value for key, value in self.tensors.items() if key.startswith(f"{name}.")
        }


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, replacing the one before only when complete.

    Raises:
        OutputError: if it cannot be written.
    """
    tensors = {name: value.detach().contiguous().clone() for name, value in checkpoint.tensors.items()}
    with write_beside(path) as file:
        file.write(safetensors.torch.save(tensors, metadata={"progress": json.dumps(checkpoint.progress)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read what `save_checkpoint` wrote."""
    with safetensors.safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  it is no mapping
        return Checkpoint(tensors=tensors, progress=json.loads(file.metadata()["progress"]))


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten an optimiser's state for a checkpoint."""
    state = optimiser.state_dict()["state"]
    return {f"optimiser.{index}.{name}": value for index, entry in state.items() for name, value in entry.items()}


def restore_optimiser(optimiser: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give an optimiser the state that `optimiser_tensors` flattened; `tensors` lack the first name."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, name = key.split(".", 1)
        state.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
