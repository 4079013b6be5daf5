"""Logistic regression on what a text encoder says of a transcript, and of what was said before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression

from undertone.errors import ConfigError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.vectors import scale_of, ua_of, vectors_of
from undertone.metrics.calibration import fit_temperature, softmax
from undertone.metrics.categorical import confusion, weighted_f1

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.records import Utterance


@dataclass(frozen=True, kw_only=True)
class TextLinearSettings:
    context: int = 0
    """Turns before the utterance, in its dialogue, of which the mean is heard beside it; 0 for the utterance alone."""
    balanced: bool = True
    """Whether classes weigh the same, however many utterances they have."""
    penalties: tuple[float, ...] = (0.0003, 0.001, 0.01, 0.1)
    """Values of C, the inverse of the weight decay, among which the validation part chooses: by UA where classes weigh
    the same, else by weighted F1."""


def fit_text_linear(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Fit a multinomial logistic regression on standardised coefficients; the validation part chooses C and calibrates.

    Raises:
        UsageError: if the encoder gives no rows, or more than one an utterance.
        ConfigError: if a number of turns is below 0.
    """
    settings: TextLinearSettings = how.settings
    if settings.context < 0:
        raise ConfigError("settings.text-linear", [f"context must be 0 or more, not {settings.context}"])
    rows, held_out = (rows_of(part, settings.context) for part in (train, validation))
    scale = scale_of(rows)
    weights = "balanced" if settings.balanced else None
    tried = []
    for penalty in settings.penalties:
        model = LogisticRegression(C=penalty, class_weight=weights, max_iter=2000)
        model.fit(scale.apply(rows), train.truth)
        scores = model.predict_log_proba(scale.apply(held_out))
        tried.append((_goodness(scores, validation.truth, settings), penalty, model, scores))
    _, penalty, model, scores = max(tried, key=lambda each: each[0])  # max keeps the first of equals
    temperature = fit_temperature(scores, validation.truth, np.ones(len(scores)))
    return Fitted(
        predict=lambda part: softmax(
            model.predict_log_proba(scale.apply(rows_of(part, settings.context))), temperature
        ),
        chosen={
            "penalty": penalty,
            "temperature": temperature,
            "validation_ua": ua_of(scores, validation.truth),
        },
    )


def _goodness(scores: NDArray[np.float64], truth: NDArray[np.int64], settings: TextLinearSettings) -> float:
    if settings.balanced:
        return ua_of(scores, truth)
    return weighted_f1(confusion(truth, scores.argmax(axis=1), scores.shape[1]))


def rows_of(part: Part, context: int) -> NDArray[np.float64]:
    """Give an utterance's row and, beside it, the mean of the turns before it.

    Args:
        part: with an encoder of one row an utterance.
        context: how many turns before; where there are fewer, those that there are, and zeros where there is none.

    Returns:
        Shape (utterance, coefficient), or (utterance, 2·coefficient) with context.
    """
    own = vectors_of(part)
    if not context:
        return own
    before = np.zeros_like(own)
    for number, turns in enumerate(turns_before(part.utterances, context)):
        if turns:
            before[number] = own[turns].mean(axis=0)
    return np.concatenate([own, before], axis=1)


def turns_before(utterances: Sequence[Utterance], most: int) -> list[list[int]]:
    """Find the turns before each utterance in its dialogue, the latest first, as indices."""
    dialogues: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number, item in enumerate(utterances):
        if item.dialogue is not None and item.turn_index is not None:
            dialogues.setdefault((item.corpus, item.dialogue), []).append((item.turn_index, number))
    found: list[list[int]] = [[] for _ in utterances]
    for turns in dialogues.values():
        turns.sort()
        for place, (_, number) in enumerate(turns):
            found[number] = [each for _, each in reversed(turns[max(0, place - most) : place])]
    return found


LEARNER = Learner(
    name="text-linear",
    title="text encoder + logistic regression",
    source="undertone's own",
    encoder="text:minilm",
    seeded=False,
    settings=TextLinearSettings,
    fit=fit_text_linear,
)
