"""The list of metrics that every table and report shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from undertone.metrics.calibration import BINS, brier_scores, confidence_bins, log_losses
from undertone.metrics.categorical import (
    confusions,
    macro_f1s,
    unweighted_accuracies,
    weighted_accuracies,
    weighted_f1s,
)
from undertone.metrics.selective import areas_under_risk_coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from numpy.typing import NDArray

    Weighing: TypeAlias = Callable[
        [NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]], NDArray[np.float64]
    ]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number that says how good probabilities are."""

    name: str
    """As tables, files and options write it."""
    title: str
    better: Literal["higher", "lower"]
    lowest: float
    highest: float
    percent: bool
    """Whether people write it in percent, and a difference in points."""
    weigh: Weighing
    """Takes probabilities (item, label), truth (item,), each item's group (item,), and how often each group counts
    (draw, group); gives one number for each draw, shape (draw,). A bootstrap is one call."""

    def function(self, probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
        """The metric of all items, each counted once; nan for no items.

        Args:
            probabilities: shape (item, label).
            truth: indices of labels, shape (item,).
        """
        return float(self.weigh(probabilities, truth, np.zeros(len(truth), dtype=np.int64), np.ones((1, 1)))[0])


def _of_counts(metric: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Weighing:
    """A metric of confusion matrices: those of the groups are summed by one matrix product."""

    def weigh(
        probabilities: NDArray[np.float64],
        truth: NDArray[np.int64],
        groups: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        labels, count = probabilities.shape[1], weights.shape[1]
        counts = confusions(truth, _answers(probabilities), labels, groups, count)
        drawn = weights @ counts.reshape(count, labels**2).astype(np.float64)
        return metric(drawn.reshape(-1, labels, labels))

    return weigh


def _mean_of(items: Callable[[NDArray[np.float64], NDArray[np.int64]], NDArray[np.float64]]) -> Weighing:
    """The mean of a number that every item has."""

    def weigh(
        probabilities: NDArray[np.float64],
        truth: NDArray[np.int64],
        groups: NDArray[np.int64],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        count = weights.shape[1]
        total = weights @ np.bincount(groups, weights=items(probabilities, truth), minlength=count)
        return _per_item(total, groups, weights)

    return weigh


def _calibration_errors(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """ECE: what a bin adds is the sum of confidence minus hits, so groups can be summed first."""
    count = weights.shape[1]
    gap = probabilities.max(axis=1) - (_answers(probabilities) == truth)
    cells = groups * BINS + confidence_bins(probabilities, BINS)
    gaps = np.bincount(cells, weights=gap, minlength=count * BINS).reshape(count, BINS)
    return _per_item(np.abs(weights @ gaps).sum(axis=1), groups, weights)


def _answers(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    return probabilities.argmax(axis=1).astype(np.int64)


def _per_item(
    total: NDArray[np.float64], groups: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    items = weights @ np.bincount(groups, minlength=weights.shape[1]).astype(np.float64)
    return np.divide(total, items, out=np.full(len(weights), np.nan), where=items > 0)


METRICS: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        Metric(
            name="WA", title="Accuracy", better="higher", lowest=0, highest=1, percent=True,
            weigh=_of_counts(weighted_accuracies),
        ),
        Metric(
            name="UA", title="Unweighted average recall", better="higher", lowest=0, highest=1, percent=True,
            weigh=_of_counts(unweighted_accuracies),
        ),
        Metric(
            name="macro-F1", title="Mean F1 of the labels", better="higher", lowest=0, highest=1, percent=True,
            weigh=_of_counts(macro_f1s),
        ),
        Metric(
            name="WF1", title="Mean F1, weighted by items", better="higher", lowest=0, highest=1, percent=True,
            weigh=_of_counts(weighted_f1s),
        ),
        Metric(
            name="ECE", title="Expected calibration error", better="lower", lowest=0, highest=1, percent=True,
            weigh=_calibration_errors,
        ),
        Metric(
            name="Brier", title="Brier score over all labels", better="lower", lowest=0, highest=2, percent=False,
            weigh=_mean_of(brier_scores),
        ),
        Metric(
            name="log-loss", title="Mean log-loss, in nats", better="lower", lowest=0, highest=math.log(1e12),
            percent=False, weigh=_mean_of(log_losses),
        ),
        Metric(
            name="AURC", title="Area under the risk-coverage curve", better="lower", lowest=0, highest=1,
            percent=True, weigh=areas_under_risk_coverage,
        ),
    )
}  # fmt: skip
"""By name, in the order of tables."""
