"""Which letter of a word gives which phones: every letter gives none, one or two, and EM finds which.

The model is that of Damper, Marchand, Marsters & Bazin (2005, "Aligning text and phonemes for speech technology
applications using an EM-like algorithm") with letters that may give two phones (`x`: K S), as Bisani & Ney (2008,
"Joint-sequence models for grapheme-to-phoneme conversion", section 2.2) allow. Nothing is drawn by chance.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.speech.phones import PHONES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

P: Final = len(PHONES)
CHUNKS: Final = 1 + P + P * P
"""What a letter may give: nothing, a phone, two phones."""

ITERATIONS: Final = 8
UNSEEN: Final = 1e-9
"""Probability of a pair that training did not meet, so that rare words can be aligned and then be told as rare."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Words of one length with one pronunciation each."""

    places: NDArray[np.int64]
    """Where each stands in the list that was given, shape (word,)."""
    letters: NDArray[np.int64]
    """Indices of letters, shape (word, letter)."""
    singles: NDArray[np.int64]
    """Chunk of the phone that ends at place 1, 2, …, shape (word, phone)."""
    pairs: NDArray[np.int64]
    """Chunk of the two phones that end at place 2, 3, …, shape (word, phone - 1)."""
    lengths: NDArray[np.int64]
    """How many phones each has, shape (word,)."""


def phones_of_chunk(chunk: int) -> tuple[int, ...]:
    """Give the indices in `PHONES` of what a letter gave."""
    if chunk == 0:
        return ()
    return (chunk - 1,) if chunk <= P else divmod(chunk - 1 - P, P)


def group(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Words]:
    """Sort words by their number of letters; those with more than two phones a letter are left out.

    Args:
        pairs: indices of letters and indices in `PHONES` of each word.
    """
    by_length: dict[int, list[int]] = defaultdict(list)
    for place, (letters, phones) in enumerate(pairs):
        if 0 < len(phones) <= 2 * len(letters):
            by_length[len(letters)].append(place)
    return [_words(pairs, places) for _, places in sorted(by_length.items())]


def _words(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], places: list[int]) -> Words:
    lengths = np.array([len(pairs[place][1]) for place in places])
    phones = np.zeros((len(places), max(2, int(lengths.max()))), dtype=np.int64)
    for row, place in enumerate(places):
        phones[row, : lengths[row]] = pairs[place][1]
    return Words(
        places=np.array(places),
        letters=np.array([pairs[place][0] for place in places], dtype=np.int64),
        singles=1 + phones,
        pairs=1 + P + phones[:, :-1] * P + phones[:, 1:],
        lengths=lengths,
    )


def train(groups: Iterable[Words], letters: int) -> NDArray[np.float64]:
    """Find how probable it is that a letter gives a chunk, by expectation and maximisation from equal probabilities.

    Args:
        groups: from `group`.
        letters: how many there are.

    Returns:
        Probabilities, shape (letter, chunk).
    """
    groups = list(groups)
    table = np.full((letters, CHUNKS), 1 / CHUNKS)
    for _ in range(ITERATIONS):
        counts = np.zeros(letters * CHUNKS)
        for words in groups:
            _expect(words, table, counts)
        table = counts.reshape(letters, CHUNKS)
        table = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-300)
    return table


def _expect(words: Words, table: NDArray[np.float64], counts: NDArray[np.float64]) -> None:
    """Add how often each letter is expected to give each chunk, by the forward-backward algorithm."""
    size = words.letters.shape[1]
    rows = np.arange(len(words.places))
    before = np.zeros((size + 1, len(rows), words.singles.shape[1] + 1))
    after = np.zeros_like(before)
    before[0, :, 0] = 1
    after[size, rows, words.lengths] = 1
    steps = [_step(words, table, letter) for letter in range(size)]
    for letter, (nothing, one, two) in enumerate(steps):
        now, then = before[letter], before[letter + 1]
        then += now * nothing
        then[:, 1:] += now[:, :-1] * one
        then[:, 2:] += now[:, :-2] * two
    for letter, (nothing, one, two) in reversed(list(enumerate(steps))):
        then, now = after[letter + 1], after[letter]
        now += then * nothing
        now[:, :-1] += then[:, 1:] * one
        now[:, :-2] += then[:, 2:] * two
    whole = before[size, rows, words.lengths][:, None]
    for letter, (nothing, one, two) in enumerate(steps):
        now, then = before[letter] / whole, after[letter + 1]
        offset = words.letters[:, letter, None] * CHUNKS
        for chunks, weights in (
            (offset, (now * then * nothing).sum(axis=1, keepdims=True)),
            (offset + words.singles, now[:, :-1] * then[:, 1:] * one),
            (offset + words.pairs, now[:, :-2] * then[:, 2:] * two),
        ):
            counts += np.bincount(chunks.ravel(), weights.ravel(), counts.size)


def _step(words: Words, table: NDArray[np.float64], letter: int) -> tuple[NDArray[np.float64], ...]:
    """The probabilities that a letter gives nothing, the phone that ends at each place, and the two that end there."""
    which = words.letters[:, letter, None]
    return table[which, 0], table[which, words.singles], table[which, words.pairs]


def align(groups: Iterable[Words], table: NDArray[np.float64]) -> dict[int, NDArray[np.int64]]:
    """Find the most probable chunk of every letter (Viterbi).

    Args:
        groups: from `group`.
        table: from `train`.

    Returns:
        Place in the list that was grouped to chunks, shape (letter,).
    """
    found: dict[int, NDArray[np.int64]] = {}
    logs = np.log(np.maximum(table, UNSEEN))
    for words in groups:
        chunks = _best(words, logs)
        found.update(zip(words.places.tolist(), chunks, strict=True))
    return found


def _best(words: Words, logs: NDArray[np.float64]) -> NDArray[np.int64]:
    size = words.letters.shape[1]
    rows = np.arange(len(words.places))
    best = np.full((len(rows), words.singles.shape[1] + 1), -np.inf)
    best[:, 0] = 0
    taken = np.zeros((size, *best.shape), dtype=np.int8)
    for letter in range(size):
        nothing, one, two = _step(words, logs, letter)
        choices = np.full((3, *best.shape), -np.inf)
        choices[0] = best + nothing
        choices[1, :, 1:] = best[:, :-1] + one
        choices[2, :, 2:] = best[:, :-2] + two
        taken[letter] = choices.argmax(axis=0)
        best = choices.max(axis=0)
    chunks = np.zeros((len(rows), size), dtype=np.int64)
    ends = words.lengths.copy()
    for letter in range(size - 1, -1, -1):
        took = taken[letter, rows, ends]
        chunks[:, letter] = np.where(
            took == 0,
            0,
            np.where(took == 1, words.singles[rows, ends - 1], words.pairs[rows, np.maximum(ends - 2, 0)]),
        )
        ends -= took
    return chunks
