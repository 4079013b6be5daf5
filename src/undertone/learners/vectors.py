"""What learners share: standardising vectors, choosing by the validation part, calibrating what was chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from undertone.errors import UsageError
from undertone.learners.base import Fitted
from undertone.metrics.calibration import fit_temperature, softmax
from undertone.metrics.categorical import confusion, unweighted_accuracy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.learners.base import Part


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """Mean and standard deviation of the training part, by coefficient; constant coefficients are left out."""

    kept: NDArray[np.bool_]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def apply(self, rows: NDArray[np.floating]) -> NDArray[np.float64]:
        return (rows[:, self.kept] - self.mean) / self.deviation


def vectors_of(part: Part) -> NDArray[np.float64]:
    """One row an utterance, shape (utterance, coefficient).

    Raises:
        UsageError: if the encoder gives no rows, or more than one an utterance.
    """
    if part.store is None:
        raise UsageError("this learner needs an encoder that gives one row an utterance; name one")
    rows = [part.store.features(item.id) for item in part.utterances]
    if any(len(row) != 1 for row in rows):
        raise UsageError("this learner needs an encoder that gives one row an utterance; this one gives frames")
    return np.concatenate(rows).reshape(len(rows), -1).astype(np.float64)


def scale_of(rows: NDArray[np.float64]) -> Scale:
    """Learn the scale of rows of shape (utterance, coefficient)."""
    deviation = rows.std(axis=0)
    kept = deviation > 1e-9
    return Scale(kept=kept, mean=rows.mean(axis=0)[kept], deviation=deviation[kept])


def ua_of(scores: NDArray[np.floating], truth: NDArray[np.int64]) -> float:
    """UA of the highest scores, shape (utterance, class)."""
    return unweighted_accuracy(confusion(truth, scores.argmax(axis=1), scores.shape[1]))


def best_penalty(
    penalties: Sequence[float],
    score_validation: Callable[[float], NDArray[np.float64]],
    truth: NDArray[np.int64],
) -> tuple[float, float, float]:
    """Choose the penalty with the best validation UA, the first of equals, and the temperature that calibrates it.

    Returns:
        The penalty, the temperature and the validation UA.
    """
    tried = [(penalty, score_validation(penalty)) for penalty in penalties]
    penalty, scores = max(tried, key=lambda pair: ua_of(pair[1], truth))  # max keeps the first of equals
    return penalty, fit_temperature(scores, truth, np.ones(len(truth))), ua_of(scores, truth)


def calibrated(
    judge: Callable[[Part], NDArray[np.floating]],
    logits: NDArray[np.floating],
    truth: NDArray[np.int64],
    history: Mapping[str, Any],
) -> Fitted:
    """Make a network that was trained in epochs into what a learner gives.

    Args:
        judge: gives the network's logits of a part, shape (utterance, class).
        logits: those of the validation part, which the temperature is fitted on.
        truth: of the validation part, shape (utterance,).
        history: as `undertone.training.fit.fit` gives it.
    """
    temperature = fit_temperature(logits, truth, np.ones(len(truth)))
    return Fitted(
        predict=lambda part: softmax(judge(part), temperature),
        history=tuple(history["epochs"]),
        chosen={"epoch": history["best"] + 1, "temperature": temperature, "validation_ua": ua_of(logits, truth)},
    )
