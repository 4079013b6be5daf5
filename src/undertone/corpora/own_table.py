"""A user's own data as a table: one utterance a row."""

from __future__ import annotations

import csv
import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from undertone.corpora.own_rows import Row
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Rating

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from undertone.units import Seconds

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("path", "file", "filename"),
    "label": ("label", "emotion"),
    "speaker": ("speaker", "speaker_id"),
    "gender": ("gender", "sex"),
    "text": ("text", "transcript", "transcription"),
    "sentence": ("sentence", "prompt"),
    "language": ("language", "lang"),
    "start": ("start", "start_s"),
    "end": ("end", "end_s"),
    "split": ("split", "part"),
}
"""What a column may be called, in large or small letters; `path` and `label` are needed."""

RATER: Final = "rater:"
"""What the name of a rater's column starts with: `rater:anna`."""

DELIMITERS: Final = ",;\t"


def read_table(table: Path, name: str) -> list[Row]:
    """Read a CSV with commas, semicolons or tabs, in UTF-8.

    Args:
        table: the file.
        name: of the corpus, for messages.

    Raises:
        CorpusError: if the table cannot be read, lacks a column, has two for the same, has no rows, or a row does not
            fit.
    """
    columns, lines = _lines(table, name)
    places = _places(columns, table, name)
    raters = {
        column.strip()[len(RATER) :].strip(): number
        for number, column in enumerate(columns)
        if column.strip().lower().startswith(RATER)
    }
    rows = []
    for number, line in enumerate(lines, start=1):
        if len(line) != len(columns):
            raise CorpusError(
                name,
                f"row {number} of {table} has {len(line)} cells; it needs {len(columns)}, one for every column "
                "(text that holds the delimiter stands in quotes)",
            )
        cells = {meaning: line[place].strip() for meaning, place in places.items()}
        rows.append(
            _row(cells, {rater: line[place] for rater, place in raters.items()}, f"row {number} of {table}", name)
        )
    if not rows:
        raise CorpusError(name, f"{table} has no rows; write one for every utterance")
    return rows


def _lines(table: Path, name: str) -> tuple[list[str], list[list[str]]]:
    """The names of the columns, and the cells of every line that holds any."""
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            head = file.readline()
            file.seek(0)
            found = Counter(letter for letter in head if letter in DELIMITERS)
            delimiter = max(DELIMITERS, key=lambda letter: found[letter])
            first, *others = list(csv.reader(file, delimiter=delimiter, strict=True)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(name, f"{table} cannot be read ({error}); save it as CSV in UTF-8") from error
    return first, [line for line in others if any(cell.strip() for cell in line)]


def _places(columns: Sequence[str], table: Path, name: str) -> dict[str, int]:
    """Where each meaning stands among the columns."""
    lowered = [column.strip().lower() for column in columns]
    places: dict[str, int] = {}
    for meaning, spellings in COLUMNS.items():
        found = [number for number, column in enumerate(lowered) if column in spellings]
        if len(found) > 1:
            both = " and ".join(columns[number].strip() for number in found)
            raise CorpusError(name, f"{table} has the columns {both}, which both hold the {meaning}; keep one")
        if found:
            places[meaning] = found[0]
    lacking = [f"{meaning} ({', '.join(COLUMNS[meaning])})" for meaning in ("path", "label") if meaning not in places]
    if lacking:
        optional = ", ".join(spelling for meaning in COLUMNS for spelling in COLUMNS[meaning][:1])
        raise CorpusError(
            name,
            f"{table} has no column for the {' and the '.join(lacking)}; it holds {', '.join(columns) or 'none'}. "
            f"Known are {optional} and {RATER}NAME",
        )
    return places


def _row(cells: Mapping[str, str], raters: Mapping[str, str], where: str, name: str) -> Row:
    if not cells["path"]:
        raise CorpusError(name, f"{where} names no file; write its path, relative to the table")
    start = _seconds(cells.get("start", ""), where, name)
    end = _seconds(cells.get("end", ""), where, name)
    if end is not None and end <= (start or 0.0):
        raise CorpusError(name, f"{where} runs from {start or 0.0:g} s to {end:g} s; it must end after it starts")
    words = {meaning: cells.get(meaning, "") for meaning in COLUMNS if meaning not in {"path", "start", "end"}}
    return Row(file=cells["path"], start=start or 0.0, end=end, ratings=_ratings(raters), **words)


def _seconds(cell: str, where: str, name: str) -> Seconds | None:
    if not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise CorpusError(name, f"{where} has the time {cell!r}; it must be seconds from 0 on, such as 12.5")
    return value


def _ratings(raters: Mapping[str, str]) -> tuple[Rating, ...]:
    """What each rater heard; several emotions stand in one cell with semicolons or bars between them."""
    ratings = []
    for rater, cell in raters.items():
        emotions = tuple(canonical(word) for word in cell.replace("|", ";").split(";") if word.strip())
        if emotions:
            ratings.append(Rating(rater=rater, emotions=emotions))
    return tuple(ratings)
