"""How far a probability can be believed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEMPERATURES: Final = np.geomspace(0.25, 8.0, 401)
"""Where a temperature is looked for: steps of under 1 %."""

BINS: Final = 15
"""Of confidence, as in Guo et al. 2017, section 4."""


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities from scores, along the last axis, each divided by the temperature."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


@dataclass(frozen=True, kw_only=True, eq=False)
class Reliability:
    """Confidence against accuracy, by equal bins of confidence (Guo et al. 2017, section 2)."""

    upper: NDArray[np.float64]
    """The highest confidence of each bin, shape (bin,); the lowest is excluded: (0, 1/15], (1/15, 2/15], …"""
    confidence: NDArray[np.float64]
    """Mean confidence, shape (bin,); nan for an empty bin."""
    accuracy: NDArray[np.float64]
    """Share that is right, shape (bin,); nan for an empty bin."""
    count: NDArray[np.int64]
    """Items, shape (bin,)."""


def log_loss(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Mean negative log-probability of the truth, in nats; nan for no items."""
    return float(log_losses(probabilities, truth).mean()) if len(truth) else float("nan")


def log_losses(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Negative log-probability of the truth, in nats, shape (item,); a probability counts as 10⁻¹² or more."""
    return -np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12))


def brier_score(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Mean squared distance between the probabilities and certainty of the truth, over all labels (Brier 1950, eq. 2).

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).

    Returns:
        From 0 to 2: with two labels, twice what is called Brier score where only one of them is looked at; nan for no
        items.
    """
    return float(brier_scores(probabilities, truth).mean()) if len(truth) else float("nan")


def brier_scores(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """Squared distance between the probabilities and certainty of the truth, shape (item,)."""
    distance = np.array(probabilities, dtype=np.float64)
    distance[np.arange(len(truth)), truth] -= 1
    squared: NDArray[np.float64] = (distance**2).sum(axis=1)
    return squared


def confidence_bins(probabilities: NDArray[np.float64], bins: int) -> NDArray[np.int64]:
    """Index of the bin that each item's confidence falls in, shape (item,), of equal parts of (0, 1]."""
    return np.clip(np.ceil(probabilities.max(axis=1) * bins).astype(np.int64) - 1, 0, bins - 1)


def reliability(probabilities: NDArray[np.float64], truth: NDArray[np.int64], *, bins: int = BINS) -> Reliability:
    """Confidence against accuracy, by bins of confidence.

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).
        bins: equal parts of (0, 1].
    """
    number = confidence_bins(probabilities, bins)
    hit = probabilities.argmax(axis=1) == truth
    count = np.bincount(number, minlength=bins)
    confidence, accuracy = (
        np.divide(
            np.bincount(number, weights=values, minlength=bins), count, out=np.full(bins, np.nan), where=count > 0
        )
        for values in (probabilities.max(axis=1), hit)
    )
    upper = np.arange(1, bins + 1) / bins
    return Reliability(upper=upper, confidence=confidence, accuracy=accuracy, count=count)


def expected_calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], *, bins: int = BINS
) -> float:
    """ECE: mean distance between confidence and accuracy over equal bins of confidence (Guo et al. 2017, eq. 3).

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).
        bins: equal parts of (0, 1].

    Returns:
        A share from 0 to 1; nan for no items.
    """
    if not len(truth):
        return float("nan")
    table = reliability(probabilities, truth, bins=bins)
    gaps = np.nan_to_num(np.abs(table.confidence - table.accuracy))
    return float((gaps * table.count).sum() / len(truth))


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Find the temperature with the least weighted log-loss (Guo et al. 2017, section 4.2).

    Args:
        logits: scores of speech that training never heard, shape (item, label).
        truth: indices of labels, shape (item,).
        weights: of the items, shape (item,).
    """
    losses = [(weights * log_losses(softmax(logits, float(each)), truth)).sum() for each in TEMPERATURES]
    return float(TEMPERATURES[int(np.argmin(losses))])


def rounded_up(threshold: float) -> float:
    """Round a threshold to the four digits that a card holds: one above every confidence, because none is good enough,
    must stay above."""
    return math.ceil(threshold * 10_000) / 10_000


def abstention_threshold(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], weights: NDArray[np.float64], *, accuracy: float
) -> float:
    """Find the lowest confidence such that items at or above it are right at least this often.

    Args:
        probabilities: shape (item, label).
        truth: indices of labels, shape (item,).
        weights: of the items, shape (item,).
        accuracy: the share wanted.

    Returns:
        A confidence; just above the highest one seen where no threshold gives that accuracy.
    """
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    hit = (probabilities.argmax(axis=1) == truth)[order]
    running = np.cumsum(weights[order] * hit) / np.cumsum(weights[order])
    good = np.flatnonzero(running >= accuracy)
    return float(confidence[order][good[-1]]) if len(good) else float(np.nextafter(confidence.max(), 2))
