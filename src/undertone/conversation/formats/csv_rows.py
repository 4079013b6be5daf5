"""Tables of turns: comma, semicolon or tab between the columns, one row a turn."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats.fitting import DraftTurn, fit_turns, is_named
from undertone.conversation.formats.notation import (
    milliseconds,
    recording_name,
    rounded_confidence,
    rounded_probabilities,
    well_formed,
)
from undertone.conversation.formats.sources import read_text
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Recording, Timeline, Turn, TurnEmotion

COLUMNS: Final = ("recording", "start", "end", "speaker", "channel", "text", "label", "confidence", "abstention")
"""The columns of a written table, before one `p_<label>` for each label."""

_REQUIRED: Final = ("start", "end", "speaker")
_DELIMITERS: Final = ",;\t"


def write_csv(timeline: Timeline) -> str:
    """Write one row a turn: `COLUMNS`, then the probabilities; what a turn lacks is left empty."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow([*COLUMNS, *(f"p_{label}" for label in timeline.labels)])
    name = recording_name(timeline.recording)
    writer.writerows(_row(name, item, len(timeline.labels)) for item in timeline.turns)
    return target.getvalue()


def _row(name: str, item: TurnEmotion, labels: int) -> list[str]:
    turn = item.turn
    start, end = milliseconds(turn.start, turn.end)
    confidence = rounded_confidence(item)
    numbers = (None,) * labels if item.probabilities is None else rounded_probabilities(item.probabilities)
    return [
        name,
        f"{start / 1000:.3f}",
        f"{end / 1000:.3f}",
        well_formed(turn.speaker),
        "" if turn.channel is None else str(turn.channel),
        well_formed(turn.text or ""),
        item.label or "",
        "" if confidence is None else f"{confidence:.4f}",
        "" if item.abstention is None else item.abstention.value,
        *("" if value is None else f"{value:.4f}" for value in numbers),
    ]


def read_csv(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read a table with the columns `start`, `end` (seconds) and `speaker`, and maybe `text`, `channel`, `recording`.

    The first row names the columns, in any order and case; further columns are ignored. Channels are counted from 0.
    Where `recording` is a column, only the rows of this recording are read. With semicolons or tabs between the
    columns, numbers may have a decimal comma.

    Raises:
        TurnsError: if a column is missing, a value is not a number, no row names the recording, or the turns do not
            fit.
    """
    text = read_text(path)
    delimiter = _delimiter(text.lstrip("\n").split("\n", 1)[0])
    rows = _rows(path, text, delimiter)
    drafts = [
        _draft(path, number, row, delimiter) for number, row in rows if is_named(_recording(row, recording), recording)
    ]
    if rows and not drafts:
        found = ", ".join(repr(name) for name in sorted({row["recording"] for _, row in rows}))
        raise TurnsError(
            str(path),
            f"its column 'recording' names {found}, not {PurePath(recording.path).name!r}; name the file that belongs "
            "to this recording, or correct the column",
        )
    return fit_turns(path, drafts, recording=recording)


def _recording(row: dict[str, str], recording: Recording) -> str:
    return row.get("recording") or recording.path


def _delimiter(header: str) -> str:
    return max(_DELIMITERS, key=header.count)


def _rows(path: Path, text: str, delimiter: str) -> list[tuple[int, dict[str, str]]]:
    """Number the rows by their line, and name their values by the header."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        rows = ((reader.line_num, [value.strip() for value in values]) for values in reader)
        table = [(number, values) for number, values in rows if any(values)]
    except csv.Error as error:
        raise TurnsError(
            str(path), f"line {reader.line_num}: it is not CSV ({error}); correct the quotes, then try again"
        ) from error
    if not table:
        return []
    header = [name.lower() for name in table[0][1]]
    _check_table(path, header, table)
    return [(number, dict(zip(header, values, strict=False))) for number, values in table[1:]]


def _check_table(path: Path, header: list[str], table: list[tuple[int, list[str]]]) -> None:
    missing = [name for name in _REQUIRED if name not in header]
    if missing:
        raise TurnsError(
            str(path),
            f"line {table[0][0]}: the columns are {', '.join(map(repr, table[0][1]))}; {', '.join(map(repr, missing))} "
            "is missing. The first row names the columns, among them start, end and speaker",
        )
    for number, values in table[1:]:
        if any(values[len(header) :]):
            raise TurnsError(
                str(path),
                f"line {number}: it has {len(values)} values for {len(header)} columns; put text that holds the "
                "delimiter between quotation marks",
            )


def _draft(path: Path, number: int, row: dict[str, str], delimiter: str) -> DraftTurn:
    place = f"line {number}"
    return DraftTurn(
        place=place,
        start=_number(path, place, row, "start", delimiter),
        end=_number(path, place, row, "end", delimiter),
        speaker=row.get("speaker", ""),
        channel=_channel(path, place, row, delimiter) if row.get("channel") else None,
        text=row.get("text"),
    )


def _channel(path: Path, place: str, row: dict[str, str], delimiter: str) -> int:
    # A table with gaps in the column comes out of pandas with 1.0 for 1.
    value = _number(path, place, row, "channel", delimiter)
    if not value.is_integer():
        raise TurnsError(str(path), f"{place}: channel is {row['channel']!r}; a whole number from 0 up is accepted")
    return int(value)


def _number(path: Path, place: str, row: dict[str, str], column: str, delimiter: str) -> float:
    value = row.get(column, "")
    try:
        return float(value if delimiter == "," else value.replace(",", "."))
    except ValueError as error:
        raise TurnsError(
            str(path),
            f"{place}: {column} is {value!r}; a number (of seconds, for a time) is accepted. Correct it, then try "
            "again",
        ) from error
