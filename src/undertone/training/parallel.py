"""Several processes that train as one, started by `torchrun`: each hears its share of every batch."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class Workers:
    """How many processes train together, and which one this is."""

    count: int = 1
    rank: int = 0

    def share(self, items: int) -> slice:
        """This process's part of a batch of so many items; parts differ by one item at most and may be empty."""
        return slice(items * self.rank // self.count, items * (self.rank + 1) // self.count)


ALONE: Final = Workers()


@contextlib.contextmanager
def joined_workers() -> Iterator[Workers]:
    """Join the processes that `torchrun` started with this one; alone where it did not.

    They talk through Gloo, over the addresses that `torchrun` was given.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield ALONE
        return
    distributed.init_process_group("gloo", timeout=timedelta(hours=12))  # one may wait for another's fit
    try:
        yield Workers(count=distributed.get_world_size(), rank=distributed.get_rank())
    finally:
        distributed.destroy_process_group()


def sum_gradients(network: nn.Module, workers: Workers) -> None:
    """Add the gradients of all processes, in place; a parameter without a gradient counts as zero."""
    if workers.count == 1:
        return
    gradients = [_gradient(parameter) for parameter in network.parameters() if parameter.requires_grad]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    for gradient, total in zip(gradients, torch.split(flat, [gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(total.view_as(gradient))


def sum_number(value: float, workers: Workers) -> float:
    """Add a number of all processes."""
    if workers.count == 1:
        return value
    total = torch.tensor(value, dtype=torch.float64)
    distributed.all_reduce(total)
    return float(total)


def sum_rows(rows: NDArray[np.float32], workers: Workers) -> NDArray[np.float32]:
    """Add arrays of one shape of all processes: where each filled in rows of its own, the whole."""
    if workers.count == 1:
        return rows
    total = torch.from_numpy(rows.copy())
    distributed.all_reduce(total)
    return total.numpy()


def wait_for_all(workers: Workers) -> None:
    """Go on when every process has come here."""
    if workers.count > 1:
        distributed.barrier()


@contextlib.contextmanager
def in_turn(workers: Workers) -> Iterator[None]:
    """Let the first process go alone, then the others: what it leaves on disk is there for them."""
    if workers.rank:
        wait_for_all(workers)
    try:
        yield
    finally:  # whoever fails must not leave the others waiting
        if not workers.rank:
            wait_for_all(workers)


def _gradient(parameter: nn.Parameter) -> Tensor:
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad
