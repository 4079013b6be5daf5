"""Where the phones, syllables and words of an utterance lie, on the frames of a phone recogniser. NumPy only.

From an English transcript by forced alignment. Where there is none, or it does not fit, phones are those that are
recognised, syllables are made of them, and words are not known.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from undertone.speech.greedy import greedy
from undertone.speech.phones import SYMBOLS
from undertone.speech.syllables import syllables_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from undertone.speech.alignment import AlignedWord

UNITS: Final = ("utterance", "phone", "syllable", "word")
"""What a segment is, by the number that stands for it; the first spans everything, and is always there."""

LONGEST_TAIL: Final = 5
"""Frames of 40 ms: a recognised phone lasts until the next one, but no longer than so many behind its peak."""


class Unit(NamedTuple):
    """A segment."""

    kind: int
    """Index into `UNITS`."""
    first: int
    """Its first frame."""
    end: int
    """The frame after its last."""


def aligned_units(words: Iterable[AlignedWord]) -> list[Unit]:
    """Find the segments of words that were aligned."""
    found = []
    for word in words:
        found += [Unit(1, phone.first, phone.end) for phone in word.phones]
        found += _syllables([(phone.phone, phone.first, phone.end) for phone in word.phones])
        found.append(Unit(3, word.first, word.end))
    return found


def recognised_units(scores: NDArray[np.floating]) -> list[Unit]:
    """Find the phones that are recognised, and make syllables of those that touch each other.

    Args:
        scores: of symbols, shape (frame, symbol), on any scale.
    """
    heard = greedy(scores)
    following = [*(each.first for each in heard[1:]), len(scores)]
    phones = [
        (SYMBOLS[each.symbol], each.first, min(after, each.end + LONGEST_TAIL))
        for each, after in zip(heard, following, strict=False)  # of silence there is none
    ]
    found = [Unit(1, first, end) for _, first, end in phones]
    touching: list[tuple[str, int, int]] = []
    for phone in phones:
        if touching and touching[-1][2] < phone[1]:
            found += _syllables(touching)
            touching = []
        touching.append(phone)
    return found + (_syllables(touching) if touching else [])


def bounds_of(rows: NDArray[np.number], granularity: str) -> NDArray[np.int64]:
    """Read the segments of a kind, shape (segment, 2); where there is none, the whole utterance is one.

    Args:
        rows: units, that of the whole utterance among them, shape (unit, 3).
        granularity: one of `UNITS`.
    """
    chosen = rows[:, 0] == UNITS.index(granularity)
    return rows[chosen if chosen.any() else rows[:, 0] == 0, 1:].astype(np.int64)


def _syllables(phones: Sequence[tuple[str, int, int]]) -> list[Unit]:
    """Make syllables of phones, each with its first frame and the one after its last."""
    parts = syllables_of([name for name, _, _ in phones])
    return [
        Unit(2, phones[start][1], phones[end - 1][2])
        for start, end in pairwise(accumulate((len(part) for part in parts), initial=0))
    ]
