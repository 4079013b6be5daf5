"""What is gained by giving no label where confidence is low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class RiskCoverage:
    """How often labels are wrong if only the most certain items get one (El-Yaniv & Wiener 2010, section 2)."""

    threshold: NDArray[np.float64]
    """The confidence at or above which items get a label, shape (threshold,): every one that was seen, falling."""
    coverage: NDArray[np.float64]
    """Share of items that get a label, shape (threshold,); the last is 1."""
    risk: NDArray[np.float64]
    """Share of these that is wrong, shape (threshold,)."""


def risk_coverage(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> RiskCoverage:
    """The risk-coverage curve of the highest probability; items of one confidence get a label together or not at all.

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).
    """
    order, ends, wrong = _ranked(probabilities, truth)
    taken = ends + 1
    return RiskCoverage(
        threshold=probabilities.max(axis=1)[order][ends],
        coverage=taken / max(1, len(truth)),
        risk=np.cumsum(wrong)[ends] / taken,
    )


def area_under_risk_coverage(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """AURC: the mean, over all items, of the risk if the label were withheld below that item's confidence.

    Geifman, Uziel and El-Yaniv 2019, "Bias-reduced uncertainty estimation for deep neural classifiers", section 2.

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).

    Returns:
        From 0 to 1; the order of items of one confidence does not matter; nan for no items.
    """
    groups = np.zeros(len(truth), dtype=np.int64)
    return float(areas_under_risk_coverage(probabilities, truth, groups, np.ones((1, 1)))[0])


def areas_under_risk_coverage(
    probabilities: NDArray[np.float64],
    truth: NDArray[np.int64],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """AURC for each way of weighing the items, shape (draw,).

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).
        groups: index of each item's group, shape (item,).
        weights: how often each group counts, shape (draw, group).
    """
    order, ends, wrong = _ranked(probabilities, truth)
    areas = np.full(len(weights), np.nan)
    if not len(truth):
        return areas
    for draw, counted in enumerate(weights):
        weighing = counted[groups[order]]
        taken = np.cumsum(weighing)[ends]
        if taken[-1] <= 0:
            continue
        # Above the most certain item that counts nothing is taken yet, and nothing weighs.
        risk = np.cumsum(weighing * wrong)[ends] / np.maximum(taken, 1e-300)
        areas[draw] = (np.diff(taken, prepend=0.0) * risk).sum() / taken[-1]
    return areas


def _ranked(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """The order of falling confidence, the last place of each confidence in it, and what is wrong at which place."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(truth) else np.empty(0, dtype=np.int64)
    wrong = (probabilities.argmax(axis=1) != truth)[order]
    return order, ends, wrong
