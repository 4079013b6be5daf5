"""How often a label is right. WA is accuracy; UA is unweighted average recall. Undefined is nan, never a number.

Every metric takes a confusion matrix; those with a plural name take many at once, along the leading axes.
"""

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
    return confusions(truth, predicted, labels, np.zeros(len(truth), dtype=np.int64), 1)[0]


def confusions(
    truth: NDArray[np.int64], predicted: NDArray[np.int64], labels: int, groups: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Count (truth, prediction) pairs by group, shape (group, truth, predicted).

    Args:
        truth: indices of labels, shape (item,).
        predicted: indices of labels, shape (item,).
        labels: size of the last two axes.
        groups: index of each item's group, shape (item,).
        count: how many groups there are.
    """
    cells = (groups * labels + truth) * labels + predicted
    return np.bincount(cells, minlength=count * labels**2).reshape(count, labels, labels).astype(np.int64)


def recalls(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """Recall of each label, shape (..., label); nan for a label that no item has."""
    return _ratio(_hits(counts), counts.sum(axis=-1))


def weighted_accuracies(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """WA of each matrix, shape (...): the share of items that are right; nan for no items."""
    return _ratio(_hits(counts).sum(axis=-1), counts.sum(axis=(-2, -1)))


def unweighted_accuracies(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """UA of each matrix, shape (...): the mean recall over the labels that items have; nan for no items."""
    support = counts.sum(axis=-1)
    present = support > 0
    scores = np.divide(_hits(counts), support, out=np.zeros(support.shape), where=present)
    return _ratio(scores.sum(axis=-1), present.sum(axis=-1))


def macro_f1s(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """Mean F1 of each matrix over the labels that items have, shape (...); nan for no items.

    A label that is never predicted scores 0.
    """
    present = counts.sum(axis=-1) > 0
    return _ratio((_f1(counts) * present).sum(axis=-1), present.sum(axis=-1))


def weighted_f1s(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """WF1 of each matrix, shape (...): the mean F1, each label weighing as much as it has items; nan for no items."""
    support = counts.sum(axis=-1)
    return _ratio((_f1(counts) * support).sum(axis=-1), support.sum(axis=-1))


def weighted_accuracy(counts: NDArray[np.int64]) -> float:
    """WA: the share of items that are right; nan for no items."""
    return float(weighted_accuracies(counts))


def unweighted_accuracy(counts: NDArray[np.int64]) -> float:
    """UA: the mean recall over the labels that items have; nan for no items."""
    return float(unweighted_accuracies(counts))


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Mean F1 over the labels that items have (a label never predicted scores 0); nan for no items."""
    return float(macro_f1s(counts))


def weighted_f1(counts: NDArray[np.int64]) -> float:
    """WF1: the mean F1 over the labels, each weighing as much as it has items; nan for no items."""
    return float(weighted_f1s(counts))


def _hits(counts: NDArray[np.integer | np.floating]) -> NDArray[np.integer | np.floating]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _f1(counts: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """F1 of each label, 0 for one that no item has."""
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    return np.divide(2 * _hits(counts), both, out=np.zeros(both.shape), where=both > 0)


def _ratio(part: NDArray[np.integer | np.floating], whole: NDArray[np.integer | np.floating]) -> NDArray[np.float64]:
    """A share, nan of nothing."""
    part, whole = np.asarray(part), np.asarray(whole)
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
