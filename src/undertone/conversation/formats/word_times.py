"""Words with their times as other people's aligners write them, and as ours does.

TextGrids of the Montreal Forced Aligner and others: the tier `words`, or those whose names end so. CTM: NIST's sclite,
section "ctm". JSON: `undertone align`, WhisperX, Whisper with word times. `.wdseg`: Sphinx's, as IEMOCAP brings them.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats import fields
from undertone.conversation.formats.fields import Field
from undertone.conversation.formats.sources import parse_json, read_text
from undertone.conversation.formats.textgrid import intervals_of
from undertone.conversation.formats.whisperx import words_of
from undertone.errors import TurnsError
from undertone.records import Word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

PAUSES: Final = frozenset(("", "sil", "sp", "spn", "<eps>", "<p:>", "<s>", "</s>", "<sil>", "[noise]"))
"""What aligners write where no word is said, in lower case."""

WDSEG_FRAMES: Final = 100
"""A second, in Sphinx's alignments."""


def read_words(path: Path) -> tuple[Word, ...]:
    """Read words with their times, in order of time; pauses and noises are left out.

    Args:
        path: of a file that ends in one of `WORD_READERS`.

    Raises:
        TurnsError: if it cannot be read, holds no word, or a word does not end after it starts; the message names the
            place.
    """
    found = sorted(WORD_READERS[path.suffix.lower()](path), key=lambda word: word.start)
    for word in found:
        if not (math.isfinite(word.end) and 0 <= word.start < word.end):
            raise TurnsError(
                str(path),
                f"the word {word.text!r} runs from {word.start:g} s to {word.end:g} s; it must begin at 0 s or later "
                "and end after that. Correct it, then try again",
            )
    if not found:
        raise TurnsError(str(path), "it holds no word with a time; name an alignment, or a text without times")
    return tuple(found)


def _textgrid(path: Path) -> Iterator[Word]:
    for tier, start, end, label in intervals_of(path):
        if tier.rsplit(" - ", 1)[-1].strip().lower() in {"words", "word"} and label.strip().lower() not in PAUSES:
            yield Word(text=label.strip(), start=start, end=end)


def _ctm(path: Path) -> Iterator[Word]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        columns = line.split()
        if not columns or line.startswith(";;"):
            continue
        try:
            start, lasts = float(columns[2]), float(columns[3])
            confidence = float(columns[5]) if len(columns) > 5 else None
            text = columns[4]
        except (IndexError, ValueError) as error:
            raise TurnsError(
                str(path),
                f"line {number} is {line[:60]!r}; recording, channel, start, duration, word and perhaps confidence are "
                "accepted. Correct it, then try again",
            ) from error
        if text.lower() not in PAUSES:
            yield Word(text=text, start=start, end=start + lasts, confidence=confidence)


def _json(path: Path) -> Iterator[Word]:
    root = Field(str(path), "", parse_json(str(path), read_text(path)))
    if fields.optional(root, "segments") is not None:
        for segment in fields.items(fields.member(root, "segments")):
            yield from words_of(segment)
        return
    for item in fields.items(fields.member(root, "words")):
        score = fields.optional(item, "score")
        yield Word(
            text=fields.words(fields.member(item, "label")),
            start=fields.number(fields.member(item, "start")),
            end=fields.number(fields.member(item, "end")),
            confidence=None if score is None else fields.number(score),
        )


def _wdseg(path: Path) -> Iterator[Word]:
    """First frame, last frame, score and word in each line, but the heading and the total."""
    for line in read_text(path).splitlines():
        found = re.fullmatch(r"\s*(\d+)\s+(\d+)\s+-?\d+\s+(\S+)\s*", line)
        if found is None:
            continue
        text = re.sub(r"\(\d+\)$", "", found[3])  # the number of a pronunciation
        if text.lower() not in PAUSES and not text.startswith("++"):
            yield Word(text=text.lower(), start=int(found[1]) / WDSEG_FRAMES, end=(int(found[2]) + 1) / WDSEG_FRAMES)


WORD_READERS: Final[Mapping[str, Callable[[Path], Iterator[Word]]]] = {
    ".textgrid": _textgrid,
    ".ctm": _ctm,
    ".json": _json,
    ".wdseg": _wdseg,
}
"""By how the file's name ends, in lower case."""
