"""Dictionaries of pronunciation: the CMU dictionary of English, or a file of one's own in its format."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from undertone.errors import LexiconError, MissingExtraError
from undertone.speech.phones import unstressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from undertone.speech.phones import Pronunciation

_ALTERNATIVE: Final = re.compile(r"(?P<word>.+)\([0-9]+\)")
"""`either(2)`: a second pronunciation of `either`."""

_COMMENT: Final = ";;;"
_REMARK: Final = re.compile(r"\s#.*")
"""`daar D AA1 R # foreign`: what newer editions of the dictionary add to a line."""


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """How words are pronounced."""

    entries: Mapping[str, tuple[Pronunciation, ...]]
    """Word in lower case to its pronunciations, the commonest first; read-only."""


def make_lexicon(pairs: Iterable[tuple[str, Pronunciation]]) -> Lexicon:
    """Gather words and pronunciations; those of one word keep their order, and equal ones are kept once."""
    gathered: dict[str, dict[Pronunciation, None]] = {}
    for word, phones in pairs:
        gathered.setdefault(word, {})[phones] = None
    return Lexicon(entries=MappingProxyType({word: tuple(found) for word, found in gathered.items()}))


def english_lexicon() -> Lexicon:
    """Read the CMU Pronouncing Dictionary, 126 thousand words of North American English, from the package pocketsphinx.

    Raises:
        MissingExtraError: if that package is not installed.
        LexiconError: if it holds no such file.
    """
    try:
        from pocketsphinx import get_model_path  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise MissingExtraError("the dictionary of English pronunciation", "align") from missing
    return read_lexicon(Path(get_model_path()) / "en-us" / "cmudict-en-us.dict")


def read_lexicon(path: Path) -> Lexicon:
    """Read a dictionary of pronunciation: on each line a word and its phones, with spaces between.

    A further pronunciation is written `word(2)`. Stress is dropped, case does not count. Lines that begin with `;;;`
    are remarks, and so is what follows ` #`.

    Args:
        path: of the file, UTF-8.

    Raises:
        LexiconError: if it cannot be read, or a line is not of that form; the first is named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LexiconError(str(path), f"it cannot be read ({error.strerror}); name a file") from error
    except UnicodeDecodeError as error:
        raise LexiconError(str(path), f"it is no text in UTF-8 ({error.reason}); save it as UTF-8") from error
    known: dict[str, str] = {}
    pairs = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = _REMARK.sub("", line).split()
        if not cells or line.startswith(_COMMENT):
            continue
        try:
            phones = tuple(known.get(cell) or known.setdefault(cell, unstressed(cell)) for cell in cells[1:])
        except ValueError as error:
            raise LexiconError(str(path), f"line {number}, word {cells[0]!r}: {error}") from error
        if not phones:
            raise LexiconError(str(path), f"line {number}, word {cells[0]!r}: no phones follow; write `word W ER D`")
        named = _ALTERNATIVE.fullmatch(cells[0])
        pairs.append(((named["word"] if named else cells[0]).lower(), phones))
    if not pairs:
        raise LexiconError(str(path), "it holds no word; write lines such as `word W ER D`")
    return make_lexicon(pairs)
