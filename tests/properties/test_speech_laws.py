"""Laws of spoken words and their sounds."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from undertone.errors import TranscriptError
from undertone.speech.letters import LetterModel, learn_letters, sound_out
from undertone.speech.lexicon import make_lexicon
from undertone.speech.phones import PHONES
from undertone.speech.text import words_of

WORD = re.compile(r"'?[a-z]+(?:'[a-z]+)*")
TYPED = st.text(st.sampled_from("abemnst AEM'’.,-!?0123456789$£%&@#:/éßµ\n"), max_size=24)


def spoken(text: str) -> tuple[str, ...] | None:
    try:
        return words_of(text)
    except TranscriptError as error:
        assert error.text in text or error.text == text
        return None


@given(st.text(max_size=30) | TYPED)
def test_every_word_has_letters_and_apostrophes_only(text: str) -> None:
    words = spoken(text)
    assert words is None or all(WORD.fullmatch(word) for word in words)


@given(TYPED)
def test_spoken_words_are_spoken_as_they_are(text: str) -> None:
    words = spoken(text)
    assert words is None or words_of(" ".join(words)) == words


@given(TYPED, TYPED)
def test_lines_are_spoken_one_after_the_other(one: str, other: str) -> None:
    parts = spoken(one), spoken(other)
    if None not in parts:
        assert words_of(f"{one}\n\n{other}") == parts[0] + parts[1]


MODEL: LetterModel = learn_letters(
    make_lexicon(
        [
            ("a", ("AH",)), ("b", ("B", "IY")), ("c", ("S", "IY")), ("h", ("EY", "CH")), ("o", ("OW",)), ("u", ("UW",)),
            ("x", ("K", "S")), ("cab", ("K", "AE", "B")), ("hub", ("HH", "AH", "B")), ("box", ("B", "AA", "K", "S")),
        ]
    )
)  # fmt: skip


@given(st.text(st.sampled_from("abchoux"), min_size=1, max_size=30), st.integers(1, 4))
def test_guesses_are_different_and_of_phones(word: str, most: int) -> None:
    found = sound_out(MODEL, word, most=most)
    assert 1 <= len(found) <= most
    assert len(set(found)) == len(found)
    assert all(phones and set(phones) <= set(PHONES) for phones in found)
    assert sound_out(MODEL, word, most=most + 3)[: len(found)] == found
