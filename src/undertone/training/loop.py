"""The training loop: one network, early stopping on validation UA, exact resume at the epoch."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from undertone.inference.windows import window_spans
from undertone.labels import EMOTIONS
from undertone.metrics.categorical import confusion, unweighted_accuracy
from undertone.training.batches import draw_epoch, padded
from undertone.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from undertone.training.losses import partial_label_loss
from undertone.units import exact_div

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from undertone.records import Utterance
    from undertone.training.config import TrainConfig
    from undertone.training.store import FeatureStore

    Report = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What a network learns from and is chosen with."""

    train: Sequence[Utterance]
    train_stores: Sequence[FeatureStore]
    validation: Sequence[Utterance]
    validation_stores: Sequence[FeatureStore]
    allowed: Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True, kw_only=True)
class Span:
    """Windows in frames."""

    length: int
    hop: int


def span_of(config: TrainConfig) -> Span:
    """Convert a run's windows from seconds to frames."""
    per_second = exact_div(1000, config.front_end.hop_length_ms)
    return Span(length=round(config.windows.length_s * per_second), hop=round(config.windows.hop_s * per_second))


def scores(
    network: nn.Module, utterances: Sequence[Utterance], store: FeatureStore, *, span: Span
) -> NDArray[np.float32]:
    """Score utterances as turns are scored at run time: mean logits over their windows.

    Returns:
        Shape (utterance, label).
    """
    network.eval()
    totals = np.zeros((len(utterances), len(EMOTIONS)), dtype=np.float64)
    counts = np.zeros((len(utterances), 1))
    spans = [
        (index, start, end)
        for index, item in enumerate(utterances)
        for start, end in window_spans(len(store.features(item.id)), span.length, span.hop)
    ]
    spans.sort(key=lambda window: window[2] - window[1])
    for first in range(0, len(spans), 64):
        part = spans[first : first + 64]
        windows = [store.features(utterances[i].id)[a:b].astype(np.float32) for i, a, b in part]
        features, lengths = padded(windows)
        with torch.inference_mode():
            logits = network(features, lengths).logits.numpy()
        for row, (index, _, _) in enumerate(part):
            totals[index] += logits[row]
            counts[index] += 1
    return (totals / counts).astype(np.float32)


def mean_ua(
    logits: NDArray[np.float32], utterances: Sequence[Utterance], allowed: Mapping[str, NDArray[np.bool_]]
) -> float:
    """Mean over corpora of UA, decided among all labels; each corpus counts the same."""
    truth = np.array([EMOTIONS.index(item.label or "") for item in utterances])
    corpora = np.array([item.corpus for item in utterances])
    values = [
        unweighted_accuracy(confusion(truth[corpora == name], logits[corpora == name].argmax(axis=1), len(EMOTIONS)))
        for name in allowed
        if (corpora == name).any()
    ]
    return float(np.mean(values))


def train(network: nn.Module, material: Material, config: TrainConfig, folder: Path, report: Report) -> dict[str, Any]:
    """Train `network` in place, leaving it with the best average weights; goes on from `folder`'s checkpoint if any.

    Args:
        network: freshly built from `config`'s seed.
        material: features and labels; the test part is not among them.
        config: the run.
        folder: where `checkpoint.safetensors` lives.
        report: called after every epoch with its number, the most epochs, and the figures.

    Returns:
        The history, a list of figures by epoch under `epochs`, and the `best` epoch.
    """
    how = config.optimisation
    average = copy.deepcopy(network)
    best = copy.deepcopy(network.state_dict())
    optimiser = torch.optim.AdamW(_groups(network, how.weight_decay), lr=how.learning_rate, betas=(0.9, 0.98))
    history: dict[str, Any] = {"epochs": [], "best": -1}
    path = folder / "checkpoint.safetensors"
    if path.is_file():
        checkpoint = load_checkpoint(path)
        network.load_state_dict(checkpoint.group("model"))
        average.load_state_dict(checkpoint.group("average"))
        best = checkpoint.group("best")
        restore_optimiser(optimiser, checkpoint.group("optimiser"))
        history = dict(checkpoint.progress)
    for epoch in range(len(history["epochs"]), how.epochs):
        if epoch - history["best"] > how.patience and history["best"] >= 0:
            break
        torch.manual_seed(config.seed * 1000 + epoch)  # dropout of this epoch, whether resumed or not
        loss = _epoch(network, average, optimiser, material, config, epoch)
        figures = {"loss": loss, "validation_ua": _validate(average, material, config)}
        known = [entry["validation_ua"] for entry in history["epochs"]]
        if not known or figures["validation_ua"] > max(known):
            history["best"] = epoch
            best = copy.deepcopy(average.state_dict())
        history["epochs"].append(figures)
        groups = {"model": network.state_dict(), "average": average.state_dict(), "best": best}
        tensors = {f"{name}.{key}": value for name, state in groups.items() for key, value in state.items()}
        save_checkpoint(path, Checkpoint(tensors=tensors | optimiser_tensors(optimiser), progress=history))
        report(epoch + 1, how.epochs, figures)
    network.load_state_dict(best)
    return history


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels; none for biases and norms."""
    decayed = [weight for weight in network.parameters() if weight.ndim > 1]
    others = [weight for weight in network.parameters() if weight.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


def _epoch(
    network: nn.Module,
    average: nn.Module,
    optimiser: torch.optim.Optimizer,
    material: Material,
    config: TrainConfig,
    epoch: int,
) -> float:
    how = config.optimisation
    steps = len(material.train) // how.batch
    network.train()
    losses = []
    batches = draw_epoch(
        material.train,
        material.train_stores,
        allowed=material.allowed,
        masking=config.masking,
        window=span_of(config).length,
        batch=how.batch,
        corpus_balance=how.corpus_balance,
        rng=np.random.default_rng([config.seed, epoch]),
    )
    for index, batch in enumerate(batches):
        step = epoch * steps + index
        rate = _learning_rate(step, steps, config)
        for group in optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = network(batch.features, batch.lengths).logits
        loss = partial_label_loss(logits.float(), batch.targets, batch.allowed, smoothing=how.label_smoothing)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(network.parameters(), how.clip)
        optimiser.step()
        _follow(average, network, min(how.average, (1 + step) / (10 + step)))
        losses.append(loss.item())
    return float(np.mean(losses))


def _learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine to zero at the last epoch."""
    how = config.optimisation
    warm_up = how.warm_up_epochs * steps
    if step < warm_up:
        return how.learning_rate * (step + 1) / warm_up
    done = (step - warm_up) / max(1.0, how.epochs * steps - warm_up)
    return how.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


@torch.no_grad()
def _follow(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move the running average towards the network; counters and other integers are copied."""
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name], 1 - decay)
        else:
            value.copy_(current[name])


def _validate(network: nn.Module, material: Material, config: TrainConfig) -> float:
    """Mean UA over the conditions and corpora of the validation part."""
    span = span_of(config)
    heard = [scores(network, material.validation, store, span=span) for store in material.validation_stores]
    return float(np.mean([mean_ua(logits, material.validation, material.allowed) for logits in heard]))
