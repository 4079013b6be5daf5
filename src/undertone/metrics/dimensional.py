"""How near numbers come: arousal, valence, dominance. Undefined is nan, never a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def concordance_cc(truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """CCC: the correlation, lowered where scale or place differ (Lin 1989, eq. 2, with variances over n).

    Args:
        truth: shape (item,).
        predicted: shape (item,).

    Returns:
        From -1 to 1; nan for fewer than two items, where both are one constant, and where anything is nan.
    """
    truth, predicted = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if len(truth) < 2:
        return float("nan")
    covariance = ((truth - truth.mean()) * (predicted - predicted.mean())).mean()
    spread = truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2
    # Rounding leaves a variance of 10⁻³³ in a constant like 0.1.
    if np.ptp(truth) == 0 and np.ptp(predicted) == 0 and truth[0] == predicted[0]:
        return float("nan")
    return float(2 * covariance / spread)


def pearson_cc(truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """Pearson's correlation.

    Args:
        truth: shape (item,).
        predicted: shape (item,).

    Returns:
        From -1 to 1; nan for fewer than two items, where either is constant, and where anything is nan.
    """
    truth, predicted = np.asarray(truth, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    if len(truth) < 2 or np.ptp(truth) == 0 or np.ptp(predicted) == 0:
        return float("nan")
    a, b = truth - truth.mean(), predicted - predicted.mean()
    # Scaled before squaring, so that numbers of 10⁻²⁰⁰ do not become 0.
    a, b = a / np.abs(a).max(), b / np.abs(b).max()
    return float(np.clip((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()), -1, 1))


def root_mean_square_error(truth: NDArray[np.floating], predicted: NDArray[np.floating]) -> float:
    """RMSE, in the unit of the items; nan for no items and where anything is nan.

    Args:
        truth: shape (item,).
        predicted: shape (item,).
    """
    if not len(truth):
        return float("nan")
    return float(np.sqrt(((np.asarray(truth, dtype=np.float64) - predicted) ** 2).mean()))
