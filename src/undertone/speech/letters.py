"""How a word sounds that the dictionary lacks: learned from the words that it has.

Letters are aligned with phones, and each letter with what it gives is one token of a model of sequences (joint n-grams,
Bisani & Ney 2008, "Joint-sequence models for grapheme-to-phoneme conversion"). A word is sounded out by searching the
most probable tokens with its letters.
"""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import LexiconError, TranscriptError
from undertone.speech.letter_alignment import CHUNKS, align, group, phones_of_chunk, train
from undertone.speech.ngrams import BITS, EDGE, ORDER, TOKENS, Ngrams, learn, probabilities
from undertone.speech.phones import PHONES, indices_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from undertone.speech.lexicon import Lexicon
    from undertone.speech.phones import Pronunciation

ALIGNED: Final = 20_000
"""Words that the alignment is learned from; more do not make it better."""
LONGEST: Final = 40
"""Words with more letters are no words of a dictionary to learn from."""
RARE: Final = 5_000
"""What a letter gives less often than once in so many words is taken for a fault, and the word is not learned."""
BEAM: Final = 24

HISTORY: Final = (1 << (BITS * (ORDER - 1))) - 1


@dataclass(frozen=True, kw_only=True)
class LetterModel:
    """What letters sound like, in the words of one dictionary."""

    tokens: Mapping[str, tuple[tuple[int, Pronunciation], ...]]
    """Letter to the tokens that it may be: their number and the phones that they give."""
    ngrams: Ngrams


def learn_letters(lexicon: Lexicon) -> LetterModel:
    """Learn how the words of a dictionary are spelled; some seconds for a hundred thousand words.

    Words with other characters than letters and apostrophes, and those whose letters give more than two phones each,
    such as abbreviations, are left out. The same dictionary gives the same model, whatever its order.

    Raises:
        LexiconError: if no word can be learned from.
    """
    pairs = sorted(
        (word, phones)
        for word, found in lexicon.entries.items()
        if len(word) <= LONGEST and all(letter.isalpha() or letter == "'" for letter in word)
        for phones in found
    )
    alphabet = {letter: index for index, letter in enumerate(sorted({letter for word, _ in pairs for letter in word}))}
    coded = [
        ([alphabet[letter] for letter in word], [index - 1 for index in indices_of(phones)]) for word, phones in pairs
    ]
    # The checksum spreads those that are taken over the alphabet without chance.
    spread = sorted(range(len(pairs)), key=lambda place: (zlib.crc32(pairs[place][0].encode()), place))
    groups = group(coded)
    if not groups:
        raise LexiconError("the dictionary", "it holds no word to learn letters from; give more words")
    aligned = align(groups, train(group([coded[place] for place in spread[:ALIGNED]]), len(alphabet)))
    used = [np.array(coded[place][0]) * CHUNKS + aligned[place] for place in sorted(aligned)]
    return _model(used, tuple(alphabet))


def _model(used: list[NDArray[np.int64]], alphabet: tuple[str, ...]) -> LetterModel:
    """Number what letters give, the commonest first, and count the sequences."""
    common = Counter(np.concatenate(used).tolist())
    least = len(used) / RARE
    kept = sorted((-count, code) for code, count in common.items() if count >= least)[: TOKENS - 1]
    numbers = {code: number for number, (_, code) in enumerate(kept, start=1)}
    sequences = [
        np.array([numbers[code] for code in codes]) for codes in (word.tolist() for word in used)
        if all(code in numbers for code in codes)
    ]  # fmt: skip
    tokens: dict[str, list[tuple[int, Pronunciation]]] = defaultdict(list)
    for code, number in numbers.items():
        letter, chunk = divmod(code, CHUNKS)
        tokens[alphabet[letter]].append((number, tuple(PHONES[phone] for phone in phones_of_chunk(chunk))))
    return LetterModel(
        tokens=MappingProxyType({letter: tuple(found) for letter, found in sorted(tokens.items())}),
        ngrams=learn(sequences, len(numbers) + 1),
    )


def sound_out(model: LetterModel, word: str, *, most: int = 1) -> tuple[Pronunciation, ...]:
    """Give the most probable pronunciations of a word, the best first.

    Args:
        model: from `learn_letters`.
        word: in lower case.
        most: how many at most; there may be fewer.

    Raises:
        TranscriptError: if the word is empty, or has a character that no word of the dictionary has.
        ValueError: if none are wanted.
    """
    if most < 1:
        raise ValueError(f"most is {most}; it must be at least 1")
    if not word:
        raise TranscriptError(word, "it has no letters; give a word")
    unknown = next((letter for letter in word if letter not in model.tokens), None)
    if unknown is not None:
        raise TranscriptError(
            word, f"no word of the dictionary has the letter {unknown!r}; add the word to the dictionary"
        )
    histories, scores = np.array([EDGE]), np.zeros(1)
    spoken: list[Pronunciation] = [()]
    for letter in word:
        histories, scores, spoken = _extend(model, histories, scores, spoken, letter)
    scores = scores + np.log(probabilities(model.ngrams, histories << BITS | EDGE))
    totals: dict[Pronunciation, float] = {}
    for phones, score in zip(spoken, scores.tolist(), strict=True):
        if phones:
            totals[phones] = float(np.logaddexp(totals.get(phones, -np.inf), score))
    if not totals:
        raise TranscriptError(word, "nothing in it is heard; add the word to the dictionary")
    return tuple(sorted(totals, key=lambda phones: (-totals[phones], phones))[:most])


def _extend(
    model: LetterModel,
    histories: NDArray[np.int64],
    scores: NDArray[np.float64],
    spoken: list[Pronunciation],
    letter: str,
) -> tuple[NDArray[np.int64], NDArray[np.float64], list[Pronunciation]]:
    """Add a letter to every hypothesis in every way that it may sound, and keep the best."""
    choices = model.tokens[letter]
    runs = histories[:, None] << BITS | np.array([number for number, _ in choices])
    reached = (scores[:, None] + np.log(probabilities(model.ngrams, runs))).ravel()
    order = np.argsort(-reached, kind="stable")
    best = order[:BEAM]
    told = [spoken[place // len(choices)] + choices[place % len(choices)][1] for place in best.tolist()]
    if not any(told):  # a word is never silent: keep the best way in which something is heard
        for place in order[BEAM:].tolist():
            phones = spoken[place // len(choices)] + choices[place % len(choices)][1]
            if phones:
                best, told = np.append(best[:-1], place), [*told[:-1], phones]
                break
    return (runs.ravel() & HISTORY)[best], reached[best], told
