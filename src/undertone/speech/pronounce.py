"""How a text is spoken: its words, and the ways in which each may be pronounced."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import TranscriptError
from undertone.speech.letters import learn_letters, sound_out
from undertone.speech.lexicon import english_lexicon
from undertone.speech.text import words_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from undertone.speech.letters import LetterModel
    from undertone.speech.lexicon import Lexicon
    from undertone.speech.phones import Pronunciation

VOICELESS: Final = frozenset(("F", "K", "P", "T", "TH"))
HISSING: Final = frozenset(("CH", "JH", "S", "SH", "Z", "ZH"))


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A word of a text and how it may sound."""

    word: str
    pronunciations: tuple[Pronunciation, ...]
    """The most probable first; never empty."""
    known: bool
    """Whether the dictionary has the word, or what it is the genitive of."""


def pronounce(
    text: str, lexicon: Lexicon, *, letters: LetterModel | None = None, language: str = "en", guesses: int = 1
) -> tuple[Spoken, ...]:
    """Say how the words of a text may be pronounced.

    Args:
        text: as it was written.
        lexicon: looked up first.
        letters: sounds out the words that the lexicon lacks; None where that is not wanted.
        language: of the text; one of `undertone.speech.text.LANGUAGES`.
        guesses: how many pronunciations, at most, a word gets that is sounded out.

    Raises:
        TranscriptError: if the text cannot be turned into words, or the lexicon lacks a word that is not sounded out.
        ValueError: if the language is none that is read, or no guess is wanted.
        MissingExtraError: if there are figures and num2words is not installed.
    """
    return tuple(_spoken(word, lexicon, letters, language, guesses) for word in words_of(text, language=language))


def pronouncer(lexicon: Lexicon | None = None) -> Callable[[str], tuple[Spoken, ...]]:
    """Make what pronounces English texts, as `pronounce` does.

    Args:
        lexicon: whose words alone are known; None takes the CMU dictionary, and sounds out the words that it lacks. How
            letters sound is learned, which takes seconds, once such a word comes.

    Raises:
        MissingExtraError: if the dictionary is needed and not installed.
    """
    known = english_lexicon() if lexicon is None else lexicon
    letters = functools.cache(lambda: learn_letters(known))

    def say(text: str) -> tuple[Spoken, ...]:
        try:
            return pronounce(text, known)
        except TranscriptError:
            if lexicon is not None:
                raise
        return pronounce(text, known, letters=letters())

    return say


def _spoken(word: str, lexicon: Lexicon, letters: LetterModel | None, language: str, guesses: int) -> Spoken:
    found = lexicon.entries.get(word, ())
    if not found and language == "en" and word.endswith("'s"):
        found = tuple(genitive(phones) for phones in lexicon.entries.get(word.removesuffix("'s"), ()))
    if found:
        return Spoken(word=word, pronunciations=found, known=True)
    if letters is None:
        raise TranscriptError(
            word, "the dictionary lacks this word; add it, or sound it out with letters=learn_letters(lexicon)"
        )
    return Spoken(word=word, pronunciations=sound_out(letters, word, most=guesses), known=False)


def genitive(phones: Pronunciation) -> Pronunciation:
    """Add the ending 's of English, which sounds after hissing, voiceless and other phones in three ways."""
    last = phones[-1]
    # IH, as the CMU dictionary writes it in 421 of the 487 words of that kind that it has; the rest mostly have AH.
    if last in HISSING:
        return (*phones, "IH", "Z")
    return (*phones, "S" if last in VOICELESS else "Z")
