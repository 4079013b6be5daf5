"""The training loop: early stopping on a validation metric, exact resume at the epoch, in one process or several."""

from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import torch

from undertone.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from undertone.training.parallel import ALONE, Workers, sum_gradients, sum_number, wait_for_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    Report = Callable[[int, int, Mapping[str, float]], None]

Batch = TypeVar("Batch")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the weights move: AdamW, linear warm-up, a cosine to zero, a running average, an end."""

    epochs: int
    learning_rate: float
    weight_decay: float
    warm_up_epochs: float
    clip: float
    patience: int
    """Epochs without a better validation metric after which training stops."""
    average: float
    """Decay of the running average of the weights, which is what is validated; 0 validates the weights themselves."""
    bfloat16: bool
    checkpoint_every_s: float = 0.0
    """The least time between two checkpoints; the last epoch always makes one."""
    metric: str = "validation_ua"
    """What `Course.validate` gives is called in the history; more is better."""
    rates: Mapping[str, float] = field(default_factory=dict)
    """Other learning rates than `learning_rate`, by the beginning of the names of the parameters that they are for."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Course(Generic[Batch]):
    """What is learned from: batches by epoch, their loss, and how the network is judged."""

    steps: int
    """Batches in an epoch."""
    batches: Callable[[int], Iterable[Batch]]
    """Draws the batches of an epoch; the same epoch always gives the same."""
    part: Callable[[Batch, slice], Batch]
    """Takes some items of a batch: what one of several processes hears."""
    size: Callable[[Batch], int]
    loss: Callable[[nn.Module, Batch], Tensor]
    """Mean over the items of a batch."""
    validate: Callable[[nn.Module], float]
    """The metric on the validation part, UA unless the recipe names another."""
    settle: Callable[[nn.Module], object] = lambda _: None
    """Gives a fresh network the constants that it takes from training material; the same in every process."""


def fit(
    network: nn.Module,
    course: Course[Batch],
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
    report: Report,
    workers: Workers = ALONE,
) -> dict[str, Any]:
    """Train `network` in place, leaving it with the best average weights; goes on from `folder`'s checkpoint if any.

    Parameters that require no gradient stay as they are.

    Several processes get the same weights as one, up to rounding, where the network draws nothing at random; dropout
    draws for each process's own share.

    Args:
        network: freshly built from `seed`.
        course: what is learned from; the test part is not in it.
        recipe: how.
        seed: of what the network draws while it learns.
        folder: where `checkpoint.safetensors` lives.
        report: called after every epoch with its number, the most epochs, and the figures.
        workers: the processes that train together.

    Returns:
        The history, a list of figures by epoch under `epochs`, and the `best` epoch.
    """
    path = folder / "checkpoint.safetensors"
    if not path.is_file():
        course.settle(network)
    average = copy.deepcopy(network)
    best = copy.deepcopy(network.state_dict())
    optimiser = torch.optim.AdamW(_groups(network, recipe), lr=recipe.learning_rate, betas=(0.9, 0.98))
    history: dict[str, Any] = {"epochs": [], "best": -1}
    if path.is_file():
        checkpoint = load_checkpoint(path)
        network.load_state_dict(checkpoint.group("model"))
        average.load_state_dict(checkpoint.group("average"))
        best = checkpoint.group("best")
        restore_optimiser(optimiser, checkpoint.group("optimiser"))
        history = dict(checkpoint.progress)
    saved = time.monotonic()
    for epoch in range(len(history["epochs"]), recipe.epochs):
        if epoch - history["best"] > recipe.patience and history["best"] >= 0:
            break
        torch.manual_seed(seed * 1000 + epoch + 1_000_003 * workers.rank)  # whether resumed or not
        loss = _epoch(network, average, optimiser, course, recipe, epoch, workers)
        figures = {"loss": loss, recipe.metric: course.validate(average)}
        known = [entry[recipe.metric] for entry in history["epochs"]]
        if not known or figures[recipe.metric] > max(known):
            history["best"] = epoch
            best = copy.deepcopy(average.state_dict())
        history["epochs"].append(figures)
        last = epoch + 1 == recipe.epochs or epoch + 1 - history["best"] > recipe.patience
        if workers.rank == 0 and (last or time.monotonic() - saved >= recipe.checkpoint_every_s):
            groups = {"model": network.state_dict(), "average": average.state_dict(), "best": best}
            tensors = {f"{name}.{key}": value for name, state in groups.items() for key, value in state.items()}
            save_checkpoint(path, Checkpoint(tensors=tensors | optimiser_tensors(optimiser), progress=history))
            saved = time.monotonic()
        report(epoch + 1, recipe.epochs, figures)
    wait_for_all(workers)
    network.load_state_dict(best)
    return history


def _groups(network: nn.Module, recipe: Recipe) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels, none for biases and norms; and to each the `highest` learning rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for highest in (recipe.learning_rate, *recipe.rates.values()):
        groups |= {(highest, recipe.weight_decay): [], (highest, 0.0): []}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            others = [rate for start, rate in recipe.rates.items() if name.startswith(start)]
            decay = recipe.weight_decay if weight.ndim > 1 else 0.0
            groups[others[0] if others else recipe.learning_rate, decay].append(weight)
    return [
        {"params": weights, "highest": highest, "weight_decay": decay}
        for (highest, decay), weights in groups.items()
        if weights
    ]


def _epoch(
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    course: Course[Batch],
    recipe: Recipe,
    epoch: int,
    workers: Workers,
) -> float:
    network.train()
    losses = []
    for index, batch in enumerate(course.batches(epoch)):
        step = epoch * course.steps + index
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(group["highest"], step, course.steps, recipe)
        optimiser.zero_grad()
        losses.append(_step(network, course, recipe, batch, workers))
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
        optimiser.step()
        _follow(average, network, min(recipe.average, (1 + step) / (10 + step)))
    return float(np.mean(losses))


def _step(network: nn.Module, course: Course[Batch], recipe: Recipe, batch: Batch, workers: Workers) -> float:
    """Leave the gradients of the mean loss over the whole batch; each process hears its share of it."""
    whole = course.size(batch)
    share = workers.share(whole)
    weight = (share.stop - share.start) / whole
    value = 0.0
    if weight:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.bfloat16):
            loss = course.loss(network, batch if weight == 1 else course.part(batch, share))
        torch.autograd.backward(loss if weight == 1 else loss * weight)
        value = loss.item() * weight
    sum_gradients(network, workers)
    return sum_number(value, workers)


def _learning_rate(highest: float, step: int, steps: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine to zero at the last epoch."""
    warm_up = recipe.warm_up_epochs * steps
    if step < warm_up:
        return highest * (step + 1) / warm_up
    done = (step - warm_up) / max(1.0, recipe.epochs * steps - warm_up)
    return highest * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the running average towards the network; counters and other integers are copied."""
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])
