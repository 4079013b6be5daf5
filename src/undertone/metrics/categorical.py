"""How often a label is right. WA is accuracy; UA is unweighted average recall. Undefined is nan, never a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def confusion(truth: NDArray[np.int64], predicted: NDArray[np.int64], labels: int) -> NDArray[np.int64]:
    """Count (truth, prediction) pairs, shape (truth, predicted).

    Args:
        truth: indices of labels, shape (item,).
        predicted: indices of labels, shape (item,).
        labels: size of both axes.
    """
    counts = np.zeros((labels, labels), dtype=np.int64)
    np.add.at(counts, (truth, predicted), 1)
    return counts


def weighted_accuracy(counts: NDArray[np.int64]) -> float:
    """WA: the share of items that are right; nan for no items."""
    total = counts.sum()
    return float(np.trace(counts) / total) if total else float("nan")


def recalls(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each label, shape (label,); nan for a label that no item has."""
    support = counts.sum(axis=1)
    return np.divide(np.diag(counts), support, out=np.full(len(counts), np.nan), where=support > 0)


def unweighted_accuracy(counts: NDArray[np.int64]) -> float:
    """UA: the mean recall over the labels that items have; nan for no items."""
    known = recalls(counts)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else float("nan")


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Mean F1 over the labels that items have (a label never predicted scores 0); nan for no items."""
    support = counts.sum(axis=1)
    present = support > 0
    scores = 2 * np.diag(counts)[present] / (support + counts.sum(axis=0))[present]
    return float(scores.mean()) if present.any() else float("nan")
