"""How far the phones, or words, that were heard are from those that were to be said. NumPy only."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.metrics.uncertainty import cluster_bootstrap, group_items

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.metrics.uncertainty import Estimate

NOTHING: Final = -1
"""Stands where one of the two sequences has no symbol."""


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What turns the phones, or words, that were to be said into those that were heard."""

    substitutions: int
    insertions: int
    deletions: int
    pairs: tuple[tuple[int, int], ...]
    """Truth and what was heard, in order; `NOTHING` for the truth of an insertion and the hearing of a deletion."""

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """The error rate of several utterances together, of phones or of words."""

    rate: Estimate
    """Substitutions, insertions and deletions over what was to be said; it can pass 1."""
    by: str
    """What was redrawn for the interval: `speaker`, or `utterance` where there are too few speakers."""
    utterances: int
    speakers: int
    said: int
    """How many phones or words were to be said."""
    substitutions: int
    insertions: int
    deletions: int
    pairs: tuple[tuple[int, int, int], ...]
    """Truth, hearing and how often, the most frequent first; `NOTHING` as in `Edits`."""

    @property
    def confusions(self) -> tuple[tuple[int, int, int], ...]:
        """Those of the pairs that differ."""
        return tuple(pair for pair in self.pairs if pair[0] != pair[1])


def edits_between(truth: Sequence[int], heard: Sequence[int]) -> Edits:
    """Find the fewest edits between two sequences (Levenshtein 1966).

    Where several ways cost the same, a substitution goes before a deletion, and that before an insertion.
    """
    costs = _costs(truth, heard)
    row, column = len(truth), len(heard)
    pairs: list[tuple[int, int]] = []
    while row or column:
        here = costs[row, column]
        if row and column and here == costs[row - 1, column - 1] + (truth[row - 1] != heard[column - 1]):
            row, column = row - 1, column - 1
            pairs.append((truth[row], heard[column]))
        elif row and here == costs[row - 1, column] + 1:
            row -= 1
            pairs.append((truth[row], NOTHING))
        else:
            column -= 1
            pairs.append((NOTHING, heard[column]))
    return Edits(
        substitutions=sum(NOTHING not in pair and pair[0] != pair[1] for pair in pairs),
        insertions=sum(pair[0] == NOTHING for pair in pairs),
        deletions=sum(pair[1] == NOTHING for pair in pairs),
        pairs=tuple(reversed(pairs)),
    )


def _costs(truth: Sequence[int], heard: Sequence[int]) -> NDArray[np.int64]:
    """Fewest edits between all beginnings, shape (truth + 1, heard + 1).

    Insertions run along a row; taking the column's number off turns them into a running minimum.
    """
    column = np.arange(len(heard) + 1)
    symbols = np.asarray(heard, dtype=np.int64)
    costs = np.empty((len(truth) + 1, len(heard) + 1), dtype=np.int64)
    costs[0] = column
    for row, symbol in enumerate(truth, start=1):
        above = costs[row - 1]
        reached = above + 1
        reached[1:] = np.minimum(reached[1:], above[:-1] + (symbols != symbol))
        costs[row] = np.minimum.accumulate(reached - column) + column
    return costs


def error_rate(
    edits: Sequence[Edits], *, speakers: Sequence[str], utterances: Sequence[str], rng: np.random.Generator
) -> ErrorRate:
    """Pool utterances into one error rate, with an interval over speakers.

    Args:
        edits: of the utterances.
        speakers: theirs, in the same order.
        utterances: their ids.
        rng: source of what is redrawn.

    Returns:
        The rate is nan where nothing was to be said.
    """
    groups = group_items(speakers, utterances)
    errors = np.bincount(groups.of_item, [item.errors for item in edits], minlength=groups.count)
    lengths = np.bincount(groups.of_item, [_length(item) for item in edits], minlength=groups.count)

    def rate(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        said = weights @ lengths
        return np.divide(weights @ errors, said, out=np.full(len(said), math.nan), where=said > 0)[:, None]

    counts = Counter(pair for item in edits for pair in item.pairs)
    return ErrorRate(
        rate=cluster_bootstrap(rate, groups.count, rng=rng)[0],
        by=groups.by,
        utterances=len(edits),
        speakers=len(set(speakers)),
        said=int(lengths.sum()),
        substitutions=sum(item.substitutions for item in edits),
        insertions=sum(item.insertions for item in edits),
        deletions=sum(item.deletions for item in edits),
        pairs=tuple((*pair, count) for pair, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
    )


def _length(edits: Edits) -> int:
    return sum(pair[0] != NOTHING for pair in edits.pairs)
