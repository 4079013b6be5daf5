"""The compact network of the default bundle, trained on one protocol from scratch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from undertone.errors import UsageError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.vectors import ua_of
from undertone.metrics.calibration import fit_temperature, softmax
from undertone.systems.compact import Compact, CompactSizes
from undertone.training.batches import crop, masked, padded
from undertone.training.config import Masking
from undertone.training.fit import Course, Recipe, fit
from undertone.training.loop import Span, scores

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.training.store import FeatureStore


@dataclass(frozen=True, kw_only=True)
class CompactSettings:
    steps: int = 300
    """Batches in all, whatever the size of the corpus."""
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    patience: int = 1000
    """Epochs; the cosine ends training otherwise."""
    window_s: float = 4.0
    hop_s: float = 2.0
    dropout: float = 0.15
    masking: Masking = field(default_factory=Masking)
    checkpoint_every_s: float = 120.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    features: Tensor
    """Shape (batch, frame, mel)."""
    lengths: Tensor
    """Shape (batch,)."""
    targets: Tensor
    """Shape (batch, class)."""


def fit_compact(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train as the default bundle is trained, without disturbed copies and with a fixed number of steps.

    Classes are drawn equally often; validation UA chooses the epoch, and the validation part the temperature.
    """
    settings: CompactSettings = how.settings
    store, held_out = _store_of(train), _store_of(validation)
    span = Span(length=round(settings.window_s * 100), hop=round(settings.hop_s * 100))
    classes = len(how.labels)
    steps = max(1, len(train.truth) // settings.batch)
    epochs = max(1, round(settings.steps / steps))
    torch.manual_seed(how.seed)
    network = Compact(CompactSizes(mel_bins=store.rows.shape[1], labels=classes, dropout=settings.dropout))

    def batches(epoch: int) -> Iterator[_Batch]:
        return _draw(train, store, settings, span, steps, np.random.default_rng([how.seed, epoch]))

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        logits = network(batch.features, batch.lengths).logits
        return nn.functional.cross_entropy(logits.float(), batch.targets, label_smoothing=settings.label_smoothing)

    def judge(network: nn.Module) -> NDArray[np.float32]:
        return scores(network, validation.utterances, held_out, span=span, labels=classes)

    course = Course(
        steps=steps,
        batches=batches,
        part=lambda batch, items: _Batch(
            features=batch.features[items], lengths=batch.lengths[items], targets=batch.targets[items]
        ),
        size=lambda batch: len(batch.lengths),
        loss=loss,
        validate=lambda average: ua_of(judge(average), validation.truth),
    )
    recipe = Recipe(
        epochs=epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warm_up_epochs=epochs / 10,
        clip=2.0,
        patience=settings.patience,
        average=0.99,
        bfloat16=True,
        checkpoint_every_s=settings.checkpoint_every_s,
    )
    history = fit(network, course, recipe, seed=how.seed, folder=how.folder, report=lambda *_: None)
    logits = judge(network)
    temperature = fit_temperature(logits, validation.truth, np.ones(len(validation.truth)))

    def predict(part: Part) -> NDArray[np.float64]:
        heard = scores(network, part.utterances, _store_of(part), span=span, labels=classes)
        return softmax(heard, temperature)

    return Fitted(
        predict=predict,
        history=tuple(history["epochs"]),
        chosen={
            "epoch": history["best"] + 1, "temperature": temperature, "validation_ua": ua_of(logits, validation.truth),
        },
    )  # fmt: skip


def _draw(
    train: Part,
    store: FeatureStore,
    settings: CompactSettings,
    span: Span,
    steps: int,
    rng: np.random.Generator,
) -> Iterator[_Batch]:
    """Draw one epoch of windows; every class is as probable as every other."""
    weights = 1 / np.bincount(train.truth)[train.truth]
    chosen = rng.choice(
        len(train.truth), size=(steps, min(settings.batch, len(train.truth))), p=weights / weights.sum()
    )
    for rows in chosen:
        windows = [
            masked(
                crop(store.features(train.utterances[row].id), span.length, rng).astype(np.float32),
                settings.masking,
                rng,
            )
            for row in rows
        ]
        features, lengths = padded(windows)
        yield _Batch(
            features=features, lengths=lengths, targets=torch.from_numpy(train.targets[rows].astype(np.float32))
        )


def _store_of(part: Part) -> FeatureStore:
    """The frames of a part.

    Raises:
        UsageError: if the encoder gives something else than frames of one axis.
    """
    if part.store is None or part.store.rows.ndim != 2:
        raise UsageError("compact needs an encoder that gives frames, such as log-mel")
    return part.store


LEARNER = Learner(
    name="compact",
    title="compact network, from scratch",
    source="undertone's own; not a published system",
    encoder="log-mel",
    seeded=True,
    settings=CompactSettings,
    fit=fit_compact,
)
