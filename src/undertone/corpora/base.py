"""What a corpus is: a card for people and a reader for the machine."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import CorpusError
from undertone.labels import emotion_of
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COLUMNS: Final = ("file", "speaker", "gender", "emotion", "text", "duration_s")
"""What `metadata.csv` holds at least."""


@dataclass(frozen=True, kw_only=True)
class CorpusCard:
    """What a user must know before taking a number or a model from a corpus."""

    name: str
    title: str
    language: str
    licence: str
    speakers: int
    utterances: int
    """The official count of files."""
    acted: bool
    model_may_be_released: bool
    """Whether the licence, as far as it could be read, lets a model trained on the corpus be published."""
    known_faults: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A card and the reader that turns a folder into records."""

    card: CorpusCard
    read: Callable[[Path], tuple[Utterance, ...]]
    """Takes the corpus's folder. Raises CorpusError where the folder is not that corpus."""


def read_metadata(folder: Path, *, corpus: str, language: str) -> tuple[Utterance, ...]:
    """Read a corpus laid out as `metadata.csv` beside its audio.

    Columns: `file` (relative), `speaker`, `gender`, `emotion`, `text`, `duration_s`.

    Raises:
        CorpusError: if the table or a column is missing, a row is not whole, two rows are of one file, or files that it
            names are missing.
    """
    rows = _rows(folder / "metadata.csv", corpus)
    ids = [f"{corpus}/{row['file'].removeprefix('audio/').rsplit('.', 1)[0]}" for row in rows]
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise CorpusError(corpus, f"{len(twice)} files stand in metadata.csv twice, the first {twice[0]}; keep one row")
    absent = [row["file"] for row in rows if not (folder / row["file"]).is_file()]
    if absent:
        raise CorpusError(
            corpus, f"{len(absent)} of {len(rows)} files are missing, the first {absent[0]}; copy them anew"
        )
    return tuple(
        Utterance(
            id=name,
            path=str(folder / row["file"]),
            corpus=corpus,
            speaker=row["speaker"],
            language=language,
            label=emotion_of(row["emotion"]),
            duration=float(row["duration_s"]),
            gender=row["gender"] or None,
            text=row["text"] or None,
        )
        for name, row in zip(ids, rows, strict=True)
    )


def _rows(table: Path, corpus: str) -> list[dict[str, str]]:
    """Read the rows of `metadata.csv`, all of them whole."""
    if not table.is_file():
        raise CorpusError(corpus, f"{table} is missing; name the folder that holds metadata.csv and the audio")
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or ()
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(corpus, f"{table} cannot be read ({error}); save it as CSV in UTF-8") from error
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        raise CorpusError(corpus, f"{table} lacks the columns {', '.join(lacking)}; it needs {', '.join(COLUMNS)}")
    if not rows:
        raise CorpusError(corpus, f"{table} has no rows; copy it anew")
    for number, row in enumerate(rows, start=1):
        if not row["file"] or not row["speaker"] or None in row.values() or not _is_length(row["duration_s"]):
            held = ", ".join(f"{name} {row[name]!r}" for name in ("file", "speaker", "duration_s"))
            raise CorpusError(
                corpus, f"row {number} of {table} is not whole: {held}; it needs all columns and a length in seconds"
            )
    return rows


def _is_length(text: str) -> bool:
    try:
        return 0 < float(text) < float("inf")
    except ValueError:
        return False
