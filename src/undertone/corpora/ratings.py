"""What several people heard: votes as a distribution over classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.records import Utterance


def votes_of(item: Utterance, classes: Mapping[str, str], labels: Sequence[str]) -> NDArray[np.float64] | None:
    """Share of the votes that each class got.

    Every rater has one vote, divided evenly among the words that they ticked; what falls to words that are no class of
    the protocol is left out, and the rest sums to 1.

    Args:
        item: an utterance, with ratings where its corpus tells them.
        classes: words for emotions and their classes.
        labels: the classes, in the order of the axis.

    Returns:
        Shape (class,); None where nobody voted for a class.
    """
    votes = dict.fromkeys(labels, 0.0)
    for rating in item.ratings:
        for word in rating.emotions:
            if word in classes:
                votes[classes[word]] += 1 / len(rating.emotions)
    shares = np.array(list(votes.values()))
    return shares / shares.sum() if shares.sum() else None


def targets_of(
    items: Sequence[Utterance], classes: Mapping[str, str], labels: Sequence[str], *, votes: bool
) -> NDArray[np.float64]:
    """What a network is taught, shape (utterance, class), each row summing to 1.

    Args:
        items: utterances, each of a class.
        classes: words for emotions and their classes.
        labels: the classes, in the order of the axis.
        votes: whether the raters' votes are taught where there are some, or the category alone.
    """
    rows = np.zeros((len(items), len(labels)))
    for row, item in zip(rows, items, strict=True):
        shares = votes_of(item, classes, labels) if votes else None
        if shares is None:
            row[labels.index(classes[item.emotion or ""])] = 1
        else:
            row[:] = shares
    return rows
