"""Syllables: known words, and the laws of the rule on every word of the dictionary."""

from __future__ import annotations

from collections import Counter

import pytest

from undertone.speech.lexicon import english_lexicon
from undertone.speech.phones import VOWELS
from undertone.speech.syllables import ONSETS, syllables_of


@pytest.mark.parametrize(
    ("phones", "expected"),
    [
        ("B EH D", "B EH D"),
        ("HH AE P IY", "HH AE . P IY"),
        ("EH K S T R AH", "EH K . S T R AH"),
        ("AE T L AH S", "AE T . L AH S"),
        ("S IH NG ER", "S IH NG . ER"),
        ("K AA N S T AH N T", "K AA N . S T AH N T"),
        ("IY AA N", "IY . AA N"),
        ("M M", "M M"),
        ("S T R EH NG K TH S", "S T R EH NG K TH S"),
        ("K AH M P Y UW T ER", "K AH M . P Y UW . T ER"),
    ],
)
def test_words_are_split_before_the_longest_beginning_that_a_word_may_have(phones: str, expected: str) -> None:
    assert syllables_of(phones.split()) == tuple(tuple(part.split()) for part in expected.split(" . "))


def test_every_word_of_the_dictionary_is_its_syllables_and_each_has_one_vowel() -> None:
    pytest.importorskip("pocketsphinx")
    for ways in english_lexicon().entries.values():
        for phones in ways:
            found = syllables_of(phones)
            assert tuple(phone for part in found for phone in part) == phones
            vowels = [sum(phone in VOWELS for phone in part) for part in found]
            assert vowels in ([0], [1] * len(found))


def test_the_beginnings_are_those_of_common_words() -> None:
    pytest.importorskip("pocketsphinx")
    begun: Counter[tuple[str, ...]] = Counter()
    for ways in english_lexicon().entries.values():
        for phones in ways:
            vowel = next((place for place, phone in enumerate(phones) if phone in VOWELS), None)
            if vowel is not None:
                begun[phones[:vowel]] += 1
    assert all(begun[onset] >= 4 for onset in ONSETS)
    common = {onset for onset, count in begun.items() if count >= 200}
    assert common <= ONSETS


def test_no_consonant_is_split_from_a_vowel_that_it_could_begin() -> None:
    assert syllables_of(["AA", "ZH", "AA"]) == (("AA",), ("ZH", "AA"))
