"""Sounding out words that the dictionary lacks: against a held-out tenth of it, and where the answer is plain."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from undertone.errors import LexiconError, TranscriptError
from undertone.speech import letter_alignment, ngrams
from undertone.speech.letters import LetterModel, learn_letters, sound_out
from undertone.speech.lexicon import Lexicon, english_lexicon, make_lexicon
from undertone.speech.pronounce import Spoken, pronounce

TENTHS = 10


def tenth(word: str) -> int:
    """The part of the dictionary that a word is in: by a checksum, so that it is the same everywhere."""
    return zlib.crc32(word.encode()) % TENTHS


def part(lexicon: Lexicon, tenths: set[int]) -> Lexicon:
    return make_lexicon(
        (word, phones) for word, found in lexicon.entries.items() if tenth(word) in tenths for phones in found
    )


def distance(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """How many phones have to be put in, taken out or changed."""
    row = list(range(len(other) + 1))
    for place, phone in enumerate(one, start=1):
        diagonal, row[0] = row[0], place
        for column, wanted in enumerate(other, start=1):
            diagonal, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, diagonal + (phone != wanted))
    return row[-1]


def scores(model: LetterModel, held_out: Lexicon, count: int) -> tuple[float, float, float]:
    """Share of words whose first guess is right, one of whose first three is, and phone error rate.

    Each word is compared to that of its pronunciations which is nearest.
    """
    words = sorted(
        (word for word in held_out.entries if all(letter.isalpha() or letter == "'" for letter in word)),
        key=lambda word: zlib.crc32(word[::-1].encode()),
    )[:count]
    assert len(words) > 400
    first = among = errors = phones = 0
    for word in words:
        found = held_out.entries[word]
        guesses = sound_out(model, word, most=3)
        wrong, length = min((distance(guesses[0], right), len(right)) for right in found)
        errors, phones = errors + wrong, phones + length
        first += wrong == 0
        among += bool(set(guesses) & set(found))
    return first / len(words), among / len(words), errors / phones


def test_distances_are_counted_in_phones() -> None:
    assert distance(("K", "AE", "T"), ("K", "AE", "T")) == 0
    assert distance(("K", "AE", "T"), ("AE", "T", "S")) == 2
    assert distance((), ("AE", "T")) == 2


@pytest.fixture(scope="module")
def fifth() -> tuple[LetterModel, Lexicon]:
    """Learned from two tenths of the dictionary, with another tenth to ask for."""
    english = english_lexicon()
    return learn_letters(part(english, {1, 2})), part(english, {0})


def test_words_that_were_not_learned_are_sounded_out(fifth: tuple[LetterModel, Lexicon]) -> None:
    first, among, errors = scores(*fifth, 500)
    assert first > 0.55
    assert among > 0.70
    assert errors < 0.13


@pytest.mark.slow
def test_the_scores_in_the_documentation_are_reached() -> None:
    english = english_lexicon()
    model = learn_letters(part(english, set(range(1, TENTHS))))
    first, among, errors = scores(model, part(english, {0}), 20_000)
    assert first == pytest.approx(0.722, abs=0.003)
    assert among == pytest.approx(0.871, abs=0.003)
    assert errors == pytest.approx(0.068, abs=0.002)


def test_plain_words_are_sounded_out_right(fifth: tuple[LetterModel, Lexicon]) -> None:
    model, _ = fifth
    assert sound_out(model, "blunker") == (("B", "L", "AH", "NG", "K", "ER"),)
    assert sound_out(model, "quaxes")[0][:2] == ("K", "W")
    guesses = sound_out(model, "zough", most=5)
    assert len(set(guesses)) == len(guesses) == 5


def test_a_word_that_the_dictionary_lacks_is_told_as_unknown(fifth: tuple[LetterModel, Lexicon]) -> None:
    model, lexicon = fifth
    (spoken,) = pronounce("Blunker!", lexicon, letters=model, guesses=2)
    assert spoken == Spoken(word="blunker", pronunciations=sound_out(model, "blunker", most=2), known=False)
    assert len(spoken.pronunciations) == 2


@pytest.mark.parametrize("word", ["hhhhhhhhhhhhhhhhhhhhhh", "gh", "e" * 100, "bcdfghjklmnpqrstvwxz"])
def test_no_word_is_silent(fifth: tuple[LetterModel, Lexicon], word: str) -> None:
    (phones,) = sound_out(fifth[0], word)
    assert phones


SMALL = make_lexicon(
    [
        ("cab", ("K", "AE", "B")), ("back", ("B", "AE", "K")), ("box", ("B", "AA", "K", "S")),
        ("cob", ("K", "AA", "B")), ("ax", ("AE", "K", "S")),
        ("wwii", ("W", "ER", "L", "D", "W", "AO", "R", "T", "UW")),
        ("a.", ("EY",)), ("b" * 41, ("B",)),
    ]
)  # fmt: skip


def test_a_letter_may_give_two_phones_and_words_that_give_more_are_not_learned() -> None:
    model = learn_letters(SMALL)
    assert sound_out(model, "cox") == (("K", "AA", "K", "S"),)
    assert sorted(model.tokens) == ["a", "b", "c", "k", "o", "x"]


def test_the_order_of_the_dictionary_does_not_matter() -> None:
    turned = make_lexicon((word, phones) for word, found in reversed(SMALL.entries.items()) for phones in found)
    one, other = learn_letters(SMALL), learn_letters(turned)
    assert one.tokens == other.tokens
    for ours, theirs in zip(one.ngrams.orders, other.ngrams.orders, strict=True):
        for name, array in vars(ours).items():
            assert np.array_equal(array, getattr(theirs, name))


def test_what_cannot_be_sounded_out_is_refused() -> None:
    model = learn_letters(SMALL)
    with pytest.raises(TranscriptError, match=r"^'bed': no word of the dictionary has the letter 'e'; add the word"):
        sound_out(model, "bed")
    with pytest.raises(TranscriptError, match=r"^'': it has no letters; give a word"):
        sound_out(model, "")
    with pytest.raises(ValueError, match=r"^most is 0; it must be at least 1$"):
        sound_out(model, "cab", most=0)
    silent = learn_letters(make_lexicon([("it's", ("IH", "T", "S")), ("it", ("IH", "T")), ("us", ("AH", "S"))]))
    with pytest.raises(TranscriptError, match=r"^\"'\": nothing in it is heard; add the word to the dictionary"):
        sound_out(silent, "'")


def test_a_dictionary_of_abbreviations_cannot_be_learned_from() -> None:
    with pytest.raises(LexiconError, match=r"^the dictionary: it holds no word to learn letters from; give more words"):
        learn_letters(make_lexicon([("w", ("D", "AH", "B", "AH")), ("a.", ("EY",))]))


def test_alignment_finds_which_letter_gives_what() -> None:
    """Letters 0, 1, 2 give phones 5, nothing, and 7 with 8; only together can the words tell."""
    pairs = [([0, 1], [5]), ([1, 2], [7, 8]), ([0, 2], [5, 7, 8]), ([2, 1, 0], [7, 8, 5]), ([0, 0], [5, 5])]
    groups = letter_alignment.group(pairs)
    table = letter_alignment.train(groups, 3)
    assert table.sum(axis=1) == pytest.approx(1.0)
    aligned = letter_alignment.align(groups, table)
    told = {place: [letter_alignment.phones_of_chunk(chunk) for chunk in chunks] for place, chunks in aligned.items()}
    assert told == {
        0: [(5,), ()],
        1: [(), (7, 8)],
        2: [(5,), (7, 8)],
        3: [(7, 8), (), (5,)],
        4: [(5,), (5,)],
    }


def test_probabilities_of_all_tokens_sum_to_one_after_whatever_came_before() -> None:
    random = np.random.default_rng(7)
    model = ngrams.learn([random.integers(1, 6, size) for size in random.integers(1, 12, 400)], 6)
    histories = random.integers(0, 6, (50, ngrams.ORDER - 1))
    packed = np.array([sum(int(token) << ngrams.BITS * back for back, token in enumerate(row)) for row in histories])
    found = ngrams.probabilities(model, packed[:, None] << ngrams.BITS | np.arange(6))
    assert (found > 0).all()
    assert found.sum(axis=1) == pytest.approx(1.0, abs=1e-5)


def test_what_always_follows_is_probable() -> None:
    model = ngrams.learn([np.array([1, 2, 3])] * 20, 4)
    after_two = (1 << ngrams.BITS | 2) << ngrams.BITS
    found = ngrams.probabilities(model, np.array([after_two | token for token in range(4)]))
    assert found.argmax() == 3
    assert found[3] > 0.9
