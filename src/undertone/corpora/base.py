"""What a corpus is: a card for people and a reader for the machine."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from undertone.errors import CorpusError
from undertone.labels import emotion_of
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


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
        CorpusError: if the table or a column is missing, or if files that it names are.
    """
    table = folder / "metadata.csv"
    if not table.is_file():
        raise CorpusError(corpus, f"{table} is missing; name the folder that holds metadata.csv and the audio")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {"file", "speaker", "gender", "emotion", "text", "duration_s"}
    if not rows or not columns <= rows[0].keys():
        missing = sorted(columns - (rows[0].keys() if rows else set()))
        raise CorpusError(corpus, f"{table} lacks rows or the columns {', '.join(missing)}")
    absent = [row["file"] for row in rows if not (folder / row["file"]).is_file()]
    if absent:
        raise CorpusError(
            corpus, f"{len(absent)} of {len(rows)} files are missing, the first {absent[0]}; copy them anew"
        )
    return tuple(
        Utterance(
            id=f"{corpus}/{row['file'].removeprefix('audio/').rsplit('.', 1)[0]}",
            path=str(folder / row["file"]),
            corpus=corpus,
            speaker=row["speaker"],
            language=language,
            label=emotion_of(row["emotion"]),
            duration=float(row["duration_s"]),
            gender=row["gender"] or None,
            text=row["text"] or None,
        )
        for row in rows
    )
