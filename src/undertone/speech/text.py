"""From written text to the words that are spoken: lower case, no punctuation, figures and signs in words."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undertone.errors import TranscriptError
from undertone.speech.numbers import figure_pattern, words_of_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

_LATIN: Final = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class _Spelling:
    """How a language is written."""

    letters: str
    """Its own; letters of other Latin alphabets lose their marks (`café`: cafe)."""
    signs: Mapping[str, str]
    """Signs that are spoken, and how."""
    shortened: tuple[str, ...] = ()
    """Words that begin with an apostrophe, without it."""


_SPELLINGS: Final[Mapping[str, _Spelling]] = MappingProxyType(
    {
        "en": _Spelling(
            letters=_LATIN,
            signs={
                "&": "and", "%": "percent", "@": "at", "+": "plus", "=": "equals", "°": "degrees", "§": "section",
                "$": "dollars", "£": "pounds", "€": "euros",
            },
            shortened=("bout", "cause", "em", "n", "til", "tis", "twas"),
        ),
        "de": _Spelling(
            letters=f"{_LATIN}äöüß",
            signs={
                "&": "und", "%": "prozent", "@": "at", "+": "plus", "=": "gleich", "°": "grad", "§": "paragraph",
                "$": "dollar", "£": "pfund", "€": "euro",
            },
        ),
        "pl": _Spelling(
            letters=f"{_LATIN}ąćęłńóśźż",
            # Signs whose word takes an ending that depends on the number are left out.
            signs={"&": "i", "%": "procent", "@": "małpa", "+": "plus", "=": "równa się"},
        ),
    }
)  # fmt: skip

LANGUAGES: Final = tuple(_SPELLINGS)
"""Languages whose text can be turned into spoken words."""

_APOSTROPHES: Final = "'’‘ʼ`´′"
_UNMARKED: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
"""Latin letters that Unicode does not take apart."""
_SILENT: Final = "|~^"
"""Characters that are no punctuation to Unicode and still stand for nothing."""
_MARK: Final = re.compile(r"<[^<>]*>|\[[^\[\]]*\]")


def words_of(text: str, *, language: str = "en") -> tuple[str, ...]:
    """Give the words of a text as they are spoken.

    Punctuation is dropped, a hyphen parts words, an apostrophe inside a word stays. Figures and signs become words.
    Letters with dots (`U.S.`) and single letters stand for themselves, so the letter a and the word a are one. Every
    word consists of the language's letters and apostrophes, and has a letter.

    Args:
        text: as it was written.
        language: one of `LANGUAGES`.

    Raises:
        TranscriptError: if a character belongs to no word of the language, with its place; if a mark such as `<unk>` or
            `[laughter]` says that something else than words was heard; or if a figure can be read in several ways.
        ValueError: if the language is not one of `LANGUAGES`.
        MissingExtraError: if there are figures and num2words is not installed.
    """
    if language not in _SPELLINGS:
        raise ValueError(f"{language!r} is no language whose text is read; accepted are {', '.join(LANGUAGES)}")
    spelling = _SPELLINGS[language]
    composed = unicodedata.normalize("NFC", text)
    mark = _MARK.search(composed)
    if mark is not None:
        raise TranscriptError(
            text,
            f"the mark {mark[0]} at {mark.start() + 1} is no word; write what is said there, or leave the text out",
        )
    plain = "".join(_plain(text, character, place, spelling) for place, character in enumerate(composed, start=1))
    pieces = _pieces(language)
    words: list[str] = []
    for found in pieces.finditer(plain):
        kind = found.lastgroup
        if kind == "figure":
            words += words_of_figure(found, language)
        elif kind == "dotted":
            words += found[0].split(".")
        elif kind == "sign":
            words += _sign(plain, found.start(), spelling)
        else:
            words.append(found[0])
    return tuple(words)


@cache
def _pieces(language: str) -> re.Pattern[str]:
    """What a text consists of: everything falls under one of the groups."""
    spelling = _SPELLINGS[language]
    letter = f"[{spelling.letters}]"
    shortened = rf"'(?:{'|'.join(spelling.shortened)})(?!{letter})" if spelling.shortened else r"(?!)"
    return re.compile(
        rf"(?P<dotted>{letter}(?:\.{letter}(?!{letter}|'))+)"
        rf"|(?P<short>{shortened})"
        rf"|(?P<word>{letter}+(?:'{letter}+)*)"
        rf"|(?P<figure>{figure_pattern(language).pattern})"
        r"|(?P<sign>.)",
        re.DOTALL,
    )


def _sign(plain: str, place: int, spelling: _Spelling) -> list[str]:
    if plain[place] == "#" and plain[place + 1 : place + 2].isdecimal() and spelling.letters == _LATIN:
        return ["number"]
    return spelling.signs.get(plain[place], "").split()


def _plain(text: str, character: str, place: int, spelling: _Spelling) -> str:
    """Give a character as the patterns know it: a letter in lower case, a digit, an apostrophe, or a sign.

    Raises:
        TranscriptError: if it is none of these.
    """
    if character in _APOSTROPHES:
        return "'"
    if character in spelling.signs or (character.isascii() and character.isdecimal()):
        return character
    category = unicodedata.category(character)
    if character.isspace() or category[0] == "Z":
        return " "
    if category[0] == "P" or character in _SILENT or category == "Sk" or character == "−":
        return character
    if category in {"Cf", "Mn"}:  # soft hyphens and marks of direction stand inside words
        return ""
    if category[0] == "L":
        folded = "".join(_letter(letter, spelling) for letter in character.lower())
        if folded and all(letter in spelling.letters for letter in folded):
            return folded
    name = unicodedata.name(character, "no name")
    raise TranscriptError(
        text,
        f"the character {character!r} ({name}) at {place} is none that is read; accepted are Latin letters, digits, "
        f"punctuation and {' '.join(spelling.signs)}; write it in words",
    )


def _letter(letter: str, spelling: _Spelling) -> str:
    """Take the marks off a letter that is not one of the language's own."""
    if letter in spelling.letters:
        return letter
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if unicodedata.category(part) != "Mn")
    return "".join(_UNMARKED.get(part, part) for part in bare)
