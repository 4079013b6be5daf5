"""Training a network on windows of log-mel frames, classes drawn equally often, and judging utterances by windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import nn

from undertone.errors import UsageError
from undertone.learners.vectors import calibrated, ua_of
from undertone.training.batches import centred, crop, masked, padded
from undertone.training.fit import Course, Recipe, fit
from undertone.training.loop import Span, scores, settle_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.learners.base import Fitted, Fitting, Part
    from undertone.training.config import Masking
    from undertone.training.store import FeatureStore


class WindowSettings(Protocol):
    """What the settings of a learner that is trained so have."""

    @property
    def steps(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def label_smoothing(self) -> float: ...
    @property
    def patience(self) -> int: ...
    @property
    def window_s(self) -> float: ...
    @property
    def hop_s(self) -> float: ...
    @property
    def masking(self) -> Masking: ...
    @property
    def checkpoint_every_s(self) -> float: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    features: Tensor
    """Shape (batch, frame, mel)."""
    lengths: Tensor
    """Shape (batch,)."""
    targets: Tensor
    """Shape (batch, class)."""


def fit_windows(
    network: nn.Module,
    train: Part,
    validation: Part,
    how: Fitting,
    *,
    name: str,
    centre: bool = False,
    rates: Mapping[str, float] | None = None,
) -> Fitted:
    """Train a network with a fixed number of steps.

    Validation UA chooses the epoch, and the validation part the temperature.

    Args:
        network: maps (features, lengths) to `Outputs`; freshly built from the seed.
        train: the training part.
        validation: the validation part.
        how: its settings are `WindowSettings`.
        name: of the learner, for messages.
        centre: whether masks are laid into frames whose bands have mean 0: for a network that takes the mean out.
        rates: the highest learning rate of some weights, as in `Recipe`.

    Raises:
        UsageError: if the encoder gives something else than frames of one axis.
    """
    settings: WindowSettings = how.settings
    store = store_of(train, name)
    span = Span(length=round(settings.window_s * 100), hop=round(settings.hop_s * 100))
    classes = len(how.labels)
    steps = max(1, len(train.truth) // settings.batch)
    epochs = max(1, round(settings.steps / steps))

    def batches(epoch: int) -> Iterator[_Batch]:
        return _draw(train, store, settings, span, steps, np.random.default_rng([how.seed, epoch]), centre=centre)

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        logits = network(batch.features, batch.lengths).logits
        return nn.functional.cross_entropy(logits.float(), batch.targets, label_smoothing=settings.label_smoothing)

    def judge(network: nn.Module, part: Part) -> NDArray[np.float32]:
        return scores(network, part.utterances, store_of(part, name), span=span, labels=classes)

    course = Course(
        steps=steps,
        batches=batches,
        part=lambda batch, items: _Batch(
            features=batch.features[items], lengths=batch.lengths[items], targets=batch.targets[items]
        ),
        size=lambda batch: len(batch.lengths),
        loss=loss,
        validate=lambda average: ua_of(judge(average, validation), validation.truth),
        settle=lambda network: settle_on(network, train.utterances, store, window=span.length, seed=how.seed),
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
        rates=rates or {},
    )
    history = fit(network, course, recipe, seed=how.seed, folder=how.folder, report=lambda *_: None)
    logits = judge(network, validation)
    return calibrated(lambda part: judge(network, part), logits, validation.truth, history)


def store_of(part: Part, name: str) -> FeatureStore:
    """The frames of a part.

    Raises:
        UsageError: if the encoder gives something else than frames of one axis.
    """
    if part.store is None or part.store.rows.ndim != 2:
        raise UsageError(f"{name} needs an encoder that gives frames, such as log-mel")
    return part.store


def _draw(
    train: Part,
    store: FeatureStore,
    settings: WindowSettings,
    span: Span,
    steps: int,
    rng: np.random.Generator,
    *,
    centre: bool,
) -> Iterator[_Batch]:
    """Draw one epoch of windows; every class is as probable as every other."""
    weights = 1 / np.bincount(train.truth)[train.truth]
    chosen = rng.choice(
        len(train.truth), size=(steps, min(settings.batch, len(train.truth))), p=weights / weights.sum()
    )
    for rows in chosen:
        windows = []
        for row in rows:
            frames = crop(store.features(train.utterances[row].id), span.length, rng).astype(np.float32)
            windows.append(masked(centred(frames) if centre else frames, settings.masking, rng))
        features, lengths = padded(windows)
        yield _Batch(
            features=features, lengths=lengths, targets=torch.from_numpy(train.targets[rows].astype(np.float32))
        )
