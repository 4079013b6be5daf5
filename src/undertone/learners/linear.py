"""Logistic regression on statistics of log-mel: nothing but NumPy and a convex problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression

from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.vectors import best_penalty, scale_of, vectors_of
from undertone.metrics.calibration import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class LinearSettings:
    penalties: tuple[float, ...] = (0.001, 0.01, 0.1, 1.0)
    """Values of C, the inverse of the weight decay, among which the validation part chooses by UA."""


def fit(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Fit a multinomial logistic regression on standardised coefficients, classes weighing the same.

    The validation part chooses C and the temperature; then both parts are learned from.
    """
    rows, held_out = vectors_of(train), vectors_of(validation)
    scale = scale_of(rows)
    penalty, temperature, ua = best_penalty(
        how.settings.penalties,
        lambda c: _regression(scale.apply(rows), train.truth, c).predict_log_proba(scale.apply(held_out)),
        validation.truth,
    )
    everything = np.concatenate([rows, held_out])
    final = scale_of(everything)
    regression = _regression(final.apply(everything), np.concatenate([train.truth, validation.truth]), penalty)

    def predict(part: Part) -> NDArray[np.float64]:
        return softmax(regression.predict_log_proba(final.apply(vectors_of(part))), temperature)

    return Fitted(predict=predict, chosen={"penalty": penalty, "temperature": temperature, "validation_ua": ua})


def _regression(rows: NDArray[np.float64], truth: NDArray[np.int64], penalty: float) -> LogisticRegression:
    return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000).fit(rows, truth)


LEARNER = Learner(
    name="log-mel-linear",
    title="log-mel statistics + logistic regression",
    source="undertone's own",
    encoder="log-mel-statistics",
    seeded=False,
    settings=LinearSettings,
    fit=fit,
)
