"""Training the recogniser of a bundle: windows of several corpora, and scoring utterances as turns are scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from undertone.inference.windows import window_spans
from undertone.labels import EMOTIONS
from undertone.metrics.categorical import confusion, unweighted_accuracy
from undertone.speech.script import padded_scripts
from undertone.systems.base import MOST_SETTLED, Settles, called
from undertone.training.batches import Batch, as_tensors, crop, draw_epoch, padded, part_of_batch
from undertone.training.fit import Course, Recipe, fit
from undertone.training.losses import partial_label_loss
from undertone.training.parallel import ALONE, Workers, sum_rows
from undertone.units import exact_div

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from undertone.inference.parity import Answer
    from undertone.records import Utterance
    from undertone.speech.script import Scripts
    from undertone.training.batches import Reading
    from undertone.training.config import TrainConfig
    from undertone.training.fit import Report
    from undertone.training.store import FeatureStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What a network learns from and is chosen with."""

    train: Sequence[Utterance]
    train_stores: Sequence[FeatureStore]
    validation: Sequence[Utterance]
    validation_stores: Sequence[FeatureStore]
    allowed: Mapping[str, NDArray[np.bool_]]
    reading: Reading | None = None
    """What is read of all utterances; None for a network that only hears."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """Windows in frames."""

    length: int
    hop: int


def span_of(config: TrainConfig) -> Span:
    """Convert a run's windows from seconds to frames."""
    per_second = exact_div(1000, config.front_end.hop_length_ms)
    return Span(length=round(config.windows.length_s * per_second), hop=round(config.windows.hop_s * per_second))


def answered(network: nn.Module, features: Tensor, lengths: Tensor, scripts: Scripts) -> Tensor:
    """Ask a network that is not to learn from it; logits, shape (window, label).

    Args:
        network: a system's.
        features: shape (window, frame, mel).
        lengths: shape (window,).
        scripts: what it reads; empty if it does not.
    """
    network.eval()
    with torch.inference_mode():
        return called(network, features, lengths, as_tensors(scripts)).logits


def scores(
    network: nn.Module,
    utterances: Sequence[Utterance],
    store: FeatureStore,
    *,
    span: Span,
    labels: int = len(EMOTIONS),
    reading: Reading | None = None,
) -> NDArray[np.float32]:
    """Score utterances as `scores_by` does, with a network."""

    def answer(features: NDArray[np.float32], lengths: NDArray[np.int64], scripts: Scripts) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = answered(
            network, torch.from_numpy(features), torch.from_numpy(lengths), scripts
        ).numpy()
        return logits

    return scores_by(answer, utterances, store, span=span, labels=labels, reading=reading)


def scores_by(
    answer: Answer,
    utterances: Sequence[Utterance],
    store: FeatureStore,
    *,
    span: Span,
    labels: int = len(EMOTIONS),
    reading: Reading | None = None,
    silent: bool = False,
) -> NDArray[np.float32]:
    """Score utterances as turns are scored at run time: mean logits over their windows.

    Args:
        answer: gives logits (window, label) for features (window, frame, mel), lengths (window,) and scripts.
        utterances: to score.
        store: their features.
        span: how they are cut.
        labels: count of the scores.
        reading: what is read of the utterances; None for what only hears.
        silent: whether what is read is kept from it, but for the segments.

    Returns:
        Shape (utterance, label).
    """
    totals = np.zeros((len(utterances), labels), dtype=np.float64)
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
        scripts: Scripts = {}
        if reading is not None:
            scripts = padded_scripts(
                [each for i, a, b in part for each in reading.scripts(utterances[i].id, [(a, b)], silent=silent)]
            )
        logits = answer(features.numpy(), lengths.numpy(), scripts)
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


def train(
    network: nn.Module,
    material: Material,
    config: TrainConfig,
    folder: Path,
    report: Report,
    workers: Workers = ALONE,
) -> dict[str, Any]:
    """Train `network` in place, leaving it with the best average weights; goes on from `folder`'s checkpoint if any.

    Args:
        network: freshly built from `config`'s seed.
        material: features and labels; the test part is not among them.
        config: the run.
        folder: where `checkpoint.safetensors` lives.
        report: called after every epoch with its number, the most epochs, and the figures.
        workers: the processes that train together.

    Returns:
        The history, a list of figures by epoch under `epochs`, and the `best` epoch.
    """
    how = config.optimisation

    def batches(epoch: int) -> Iterator[Batch]:
        return draw_epoch(
            material.train,
            material.train_stores,
            allowed=material.allowed,
            masking=config.masking,
            window=span_of(config).length,
            batch=how.batch,
            corpus_balance=how.corpus_balance,
            centre=config.backbone is not None,  # backbones take the mean out
            rng=np.random.default_rng([config.seed, epoch]),
            reading=material.reading,
        )

    def loss(network: nn.Module, batch: Batch) -> Tensor:
        logits = called(network, batch.features, batch.lengths, batch.scripts).logits
        return partial_label_loss(logits.float(), batch.targets, batch.allowed, smoothing=how.label_smoothing)

    course = Course(
        steps=len(material.train) // how.batch,
        batches=batches,
        part=part_of_batch,
        size=lambda batch: len(batch.lengths),
        loss=loss,
        validate=lambda average: _validate(average, material, config, workers),
        settle=lambda network: settle_on(
            network, material.train, material.train_stores[0], window=span_of(config).length, seed=config.seed
        ),
    )
    recipe = Recipe(
        epochs=how.epochs,
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        warm_up_epochs=how.warm_up_epochs,
        clip=how.clip,
        patience=how.patience,
        average=how.average,
        bfloat16=True,
        rates={} if config.backbone is None else {"backbone.": config.backbone.learning_rate},
    )
    return fit(network, course, recipe, seed=config.seed, folder=folder, report=report, workers=workers)


def settle_on(
    network: nn.Module, utterances: Sequence[Utterance], store: FeatureStore, *, window: int, seed: int
) -> None:
    """Give a network, if it takes any, its constants from windows of some utterances, as they are."""
    if isinstance(network, Settles):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(len(utterances))[:MOST_SETTLED]
        windows = [crop(store.features(utterances[index].id), window, rng).astype(np.float32) for index in chosen]
        network.settle(*padded(windows))


def _validate(network: nn.Module, material: Material, config: TrainConfig, workers: Workers) -> float:
    """Mean UA over the conditions and corpora of the validation part, which the processes share between them."""
    span, mine = span_of(config), slice(workers.rank, None, workers.count)
    values = []
    for store in material.validation_stores:
        rows = np.zeros((len(material.validation), len(EMOTIONS)), dtype=np.float32)
        rows[mine] = scores(network, material.validation[mine], store, span=span, reading=material.reading)
        values.append(mean_ua(sum_rows(rows, workers), material.validation, material.allowed))
    return float(np.mean(values))
