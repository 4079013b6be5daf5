"""Which phone of a transcript is heard when: forced alignment on the scores of a phone recogniser. NumPy only.

The path that is most probable through the states of CTC (Graves et al. 2006, section 4.1), found with Viterbi's
algorithm: each phone of each word in turn, the blank between any two, and every pronunciation of a word beside the
others. A path may not skip a phone. Before the first word and after the last one anything may be said. Only states
within a beam of the best are followed, so that time and memory grow with the length of the sound, not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from undertone.errors import AlignmentError
from undertone.speech.phones import BLANK, SYMBOLS, indices_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.speech.pronounce import Spoken

BEAM: Final = 400.0
"""Natural logarithms below the best state under which a state is given up."""

NONE: Final = -1
"""No predecessor."""

OUTSIDE: Final = len(SYMBOLS)
"""Symbol of the states before the first word and after the last one, where anything may be said."""

ANYTHING: Final = 3.0
"""Natural logarithms below the most probable symbol that anything has: less than a word that is said has, more than one
that is not."""


@dataclass(frozen=True, kw_only=True)
class AlignedPhone:
    """A phone that was to be said, and where it is heard."""

    phone: str
    first: int
    """Its first frame."""
    end: int
    """The frame after its last."""
    score: float
    """Mean of the natural logarithms of its probability over its frames."""


@dataclass(frozen=True, kw_only=True)
class AlignedWord:
    """A word that was to be said, in the pronunciation that fits best."""

    word: str
    phones: tuple[AlignedPhone, ...]

    @property
    def first(self) -> int:
        """Its first frame."""
        return self.phones[0].first

    @property
    def end(self) -> int:
        """The frame after its last."""
        return self.phones[-1].end

    @property
    def score(self) -> float:
        """Mean of the natural logarithms of its phones' probability over their frames."""
        frames = [phone.end - phone.first for phone in self.phones]
        return float(np.average([phone.score for phone in self.phones], weights=frames))


class _States(NamedTuple):
    """Everything that may be heard; no state stands before one that leads to it, but itself."""

    symbols: NDArray[np.int64]
    """Shape (state,)."""
    words: NDArray[np.int64]
    """Number of the word whose phone it is, or that comes next in a pause; shape (state,)."""
    before: NDArray[np.int64]
    """States that lead to it, itself first, filled up with `NONE`; shape (state, predecessor)."""
    first: tuple[int, ...]
    """Where a path may begin."""
    last: tuple[int, ...]
    """Where it may end."""


def align(
    log_probabilities: NDArray[np.floating], words: Sequence[Spoken], *, beam: float = BEAM
) -> tuple[AlignedWord, ...]:
    """Find when each word of a transcript, and each of its phones, is said.

    Args:
        log_probabilities: natural logarithms of the probabilities of `undertone.speech.phones.SYMBOLS`, shape
            (frame, symbol).
        words: of the transcript, in order.
        beam: natural logarithms below the best state under which a state is given up.

    Returns:
        One entry for each word; phones that follow each other without a pause touch.

    Raises:
        AlignmentError: if the sound is too short for the words, or no path within the beam says them all; it names the
            word that was reached.
        ValueError: if there is no word.
    """
    if not words:
        raise ValueError("there is no word to align")
    states = _states(words)
    frames, least = len(log_probabilities), _least_frames(states)
    if frames < least:
        raise AlignmentError(
            words[0].word,
            f"the sound has {frames} frames, and saying the transcript takes {least}; is it another recording's?",
        )
    path = _best_path(states, with_anything(log_probabilities), beam)
    if path[-1] not in states.last:
        reached = words[int(states.words[path[-1]])]
        raise AlignmentError(
            reached.word,
            "the rest of the transcript, from this word on, is not heard; is it another recording's?",
        )
    return _read_back(states, words, path, log_probabilities)


def with_anything(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Add a column for `OUTSIDE`: a pause, or anything; shape (frame, symbol + 1)."""
    heard = np.asarray(log_probabilities, dtype=np.float64)
    anything = np.maximum(heard[:, BLANK], heard.max(axis=1) - ANYTHING)
    return np.column_stack((heard, anything))


def _states(words: Sequence[Spoken]) -> _States:
    """Lay the states of a transcript out: a pause, the pronunciations of the first word, a pause, and so on."""
    symbols: list[int] = []
    owners: list[int] = []
    before: list[list[int]] = []

    def add(symbol: int, owner: int, leading: Sequence[int]) -> int:
        # The same phone twice in a row is one, for CTC, unless there is a blank between.
        leading = [state for state in leading if symbol in (BLANK, OUTSIDE) or symbols[state] != symbol]
        symbols.append(symbol)
        owners.append(owner)
        before.append([len(before), *leading])
        return len(before) - 1

    ends: list[int] = []
    first: list[int] = []
    for number, word in enumerate(words):
        pause = add(BLANK if number else OUTSIDE, number, ends)
        begun = [pause, *ends]
        ends = []
        for pronunciation in word.pronunciations:
            leading = begun
            for place, symbol in enumerate(indices_of(pronunciation)):
                state = add(symbol, number, leading)
                if number == 0 and place == 0:
                    first.append(state)
                leading = [state, add(BLANK, number, [state])] if place + 1 < len(pronunciation) else [state]
            ends.append(leading[0])
        if number == 0:
            first.append(pause)
    last = (*ends, add(OUTSIDE, len(words) - 1, ends))
    widest = max(map(len, before))
    table = np.array([[*row, *[NONE] * (widest - len(row))] for row in before], dtype=np.int64)
    return _States(
        symbols=np.array(symbols, dtype=np.int64),
        words=np.array(owners, dtype=np.int64),
        before=table,
        first=tuple(first),
        last=last,
    )


def _least_frames(states: _States) -> int:
    """Count the frames of the shortest path."""
    least = np.full(len(states.symbols), np.inf)
    least[list(states.first)] = 1
    for state, row in enumerate(states.before[:, 1:]):
        known = row[row != NONE]
        if len(known):
            least[state] = min(least[state], 1 + least[known].min())
    return int(least[list(states.last)].min())


def _best_path(states: _States, heard: NDArray[np.float64], beam: float) -> NDArray[np.int64]:
    """Find the most probable path; where none reaches the end, the best there is. State by frame, shape (frame,)."""
    count = len(states.symbols)
    reach = np.maximum.accumulate(_furthest(states.before))  # the last state that one of the states so far leads to
    scores = np.full(count, -np.inf)
    first = list(states.first)
    scores[first] = heard[0, states.symbols[first]]
    low, high = 0, max(first) + 1
    steps: list[tuple[int, NDArray[np.int8]]] = []
    for frame in range(1, len(heard)):
        end = int(reach[high - 1]) + 1
        leading = states.before[low:end]
        reached = np.where(leading >= low, scores[leading], -np.inf)  # `NONE` is below every state
        chosen = reached.argmax(axis=1)
        best = reached[np.arange(end - low), chosen] + heard[frame, states.symbols[low:end]]
        steps.append((low, chosen.astype(np.int8)))
        alive = best >= best.max() - beam
        scores[low:end] = np.where(alive, best, -np.inf)
        places = np.flatnonzero(alive)
        low, high = low + int(places[0]), low + int(places[-1]) + 1
    return _traced(states, scores, low, high, steps)


def _furthest(before: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the last state that each state leads to, shape (state,)."""
    furthest = np.arange(len(before))
    rows, columns = np.nonzero(before != NONE)
    np.maximum.at(furthest, before[rows, columns], rows)
    return furthest


def _traced(
    states: _States, scores: NDArray[np.float64], low: int, high: int, steps: Sequence[tuple[int, NDArray[np.int8]]]
) -> NDArray[np.int64]:
    ends = [state for state in states.last if low <= state < high and np.isfinite(scores[state])]
    state = max(ends, key=lambda end: scores[end]) if ends else low + int(scores[low:high].argmax())
    path = [state]
    for start, chosen in reversed(steps):
        state = int(states.before[state, chosen[state - start]])
        path.append(state)
    return np.array(path[::-1], dtype=np.int64)


def _read_back(
    states: _States, words: Sequence[Spoken], path: NDArray[np.int64], heard: NDArray[np.floating]
) -> tuple[AlignedWord, ...]:
    """Turn a path into words."""
    edges = np.flatnonzero(np.diff(path)) + 1
    phones: list[list[AlignedPhone]] = [[] for _ in words]
    for first, end in zip([0, *edges], [*edges, len(path)], strict=True):
        state = int(path[first])
        symbol = int(states.symbols[state])
        if symbol not in (BLANK, OUTSIDE):
            score = float(np.mean(heard[first:end, symbol]))
            phone = AlignedPhone(phone=SYMBOLS[symbol], first=int(first), end=int(end), score=score)
            phones[int(states.words[state])].append(phone)
    return tuple(AlignedWord(word=word.word, phones=tuple(found)) for word, found in zip(words, phones, strict=True))
