"""How far a probability can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TEMPERATURES: Final = np.geomspace(0.25, 8.0, 401)
"""Where a temperature is looked for: steps of under 1 %."""


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> NDArray[np.float64]:
    """Probabilities from scores, along the last axis, each divided by the temperature."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def log_loss(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Mean negative log-probability of the truth, in nats; nan for no items."""
    if not len(truth):
        return float("nan")
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], 1e-12)).mean())


def expected_calibration_error(
    probabilities: NDArray[np.float64], truth: NDArray[np.int64], *, bins: int = 15
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
    confidence = probabilities.max(axis=1)
    hit = probabilities.argmax(axis=1) == truth
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(number, weights=confidence - hit, minlength=bins)
    return float(np.abs(gaps).sum() / len(truth))


def fit_temperature(logits: NDArray[np.floating], truth: NDArray[np.int64], weights: NDArray[np.float64]) -> float:
    """Find the temperature with the least weighted log-loss (Guo et al. 2017, section 4.2).

    Args:
        logits: scores of speech that training never heard, shape (item, label).
        truth: indices of labels, shape (item,).
        weights: of the items, shape (item,).
    """
    losses = []
    for temperature in TEMPERATURES:
        hit = softmax(logits, float(temperature))[np.arange(len(truth)), truth]
        losses.append(-(weights * np.log(np.maximum(hit, 1e-12))).sum())
    return float(TEMPERATURES[int(np.argmin(losses))])


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
