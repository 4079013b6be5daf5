"""A user's own data as an audformat database (audEERING's format: a header in YAML, tables, and media)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from undertone.corpora.own_rows import Row
from undertone.errors import CorpusError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

HEADER: Final = "db.yaml"

EMOTION: Final = ("emotion", "label")
"""What a scheme or column with the emotion may be called, in large or small letters; the first that is there counts."""

FURTHER: Final = {
    "speaker": ("speaker", "speaker_id"),
    "gender": ("gender", "sex"),
    "language": ("language",),
    "text": ("transcription", "transcript", "text"),
}
"""The same for what else is read."""


def read_database(folder: Path, name: str, table: str | None = None) -> list[Row]:
    """Read the emotion of every file or segment, and speaker, gender, language, text and split where they are told.

    Args:
        folder: with `db.yaml` and its tables.
        name: of the corpus, for messages.
        table: the one with the emotions; needed where several contradict each other.

    Raises:
        MissingExtraError: without the package audformat.
        CorpusError: if the header or a table cannot be read or could run code, nothing is called emotion, or an
            utterance has two emotions.
    """
    database = _opened(folder, name)
    known = _names(database, table, name)
    emotion = next((known[word] for word in EMOTION if word in known), None)
    if emotion is None:
        raise CorpusError(
            name,
            f"{folder / HEADER} has no scheme or column called {' or '.join(EMOTION)}; it has "
            f"{', '.join(sorted(known.values())) or 'none'}. Rename the one with the emotions",
        )
    everywhere = _names(database, None, name)
    further = {
        meaning: next((everywhere[word] for word in words if word in everywhere), words[0])
        for meaning, words in FURTHER.items()
    }
    try:
        labels = database.get(emotion, list(further.values()), tables=table)
        splits = {
            place: split
            for split in database.splits
            for place in _places(database.get(emotion, tables=table, splits=split).index)
        }
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        holders = [key for key in database.tables if emotion in _table_names(database, key).values()]
        raise CorpusError(
            name,
            f"the emotions of {folder / HEADER} cannot be read: {' '.join(str(error).split())[:200]}; "
            f"choose one of its tables {', '.join(holders)}, or mend it with audformat",
        ) from error
    told = labels.astype(object).where(labels.notna(), "")
    columns = {meaning: [str(value) for value in told[column]] for meaning, column in further.items()}
    return [
        Row(
            file=place[0],
            start=place[1],
            end=place[2],
            label=str(label),
            speaker=columns["speaker"][number],
            gender=columns["gender"][number],
            language=columns["language"][number],
            text=columns["text"][number],
            split=_split(database, splits.get(place)),
        )
        for number, (place, label) in enumerate(zip(_places(told.index), told[emotion], strict=True))
    ]


def _opened(folder: Path, name: str) -> Any:  # noqa: ANN401 (audformat has no types)
    """Load the header and, when they are asked for, the tables; nothing that could run code.

    audformat reads the header with YAML's unsafe loader and prefers pickled tables, so both are looked at before.
    """
    try:
        import audformat
        import yaml  # type: ignore[import-untyped]  # noqa: PLC0415 (comes with audformat)
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading audformat databases", "audformat") from error
    pickled = sorted(path.name for path in folder.glob("db.*.pkl"))
    if pickled:
        raise CorpusError(
            name,
            f"{folder} holds pickled tables, the first {pickled[0]}, which could run code; "
            "save them as csv or parquet and remove these",
        )
    try:
        with (folder / HEADER).open(encoding="utf-8") as file:
            yaml.safe_load(file)
        return audformat.Database.load(str(folder))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorpusError(
            name,
            f"{folder / HEADER} is no header that is read ({' '.join(str(error).split())[:200]}); "
            "save the database with audformat again",
        ) from error


def _names(database: Any, table: str | None, name: str) -> dict[str, str]:  # noqa: ANN401
    """Every scheme, column and label that can be asked for, by its name in small letters."""
    if table is not None and table not in database.tables:
        raise CorpusError(name, f"it has no table {table!r}; it has {', '.join(database.tables) or 'none'}")
    found: dict[str, str] = {}
    for key in database.tables if table is None else [table]:
        found |= _table_names(database, key)
    return found


def _table_names(database: Any, table: str) -> dict[str, str]:  # noqa: ANN401
    found: dict[str, str] = {}
    for key, column in database.tables[table].columns.items():
        found[key.lower()] = key
        if column.scheme_id is not None:
            found |= {name.lower(): name for name in (column.scheme_id, *_told_by_labels(database, column.scheme_id))}
    return found


def _told_by_labels(database: Any, scheme: str) -> Sequence[str]:  # noqa: ANN401
    """What a scheme's labels tell besides: the gender of each speaker, say."""
    labels = database.schemes[scheme].labels
    if isinstance(labels, str):  # the labels stand in a table of their own
        return list(database.misc_tables[labels].columns)
    first = next(iter(labels.values()), None) if isinstance(labels, dict) else None
    return list(first) if isinstance(first, dict) else []


def _places(index: Any) -> Iterator[tuple[str, float, float | None]]:  # noqa: ANN401
    """File, start and end in seconds of every row; the end is None where it is the file's."""
    for entry in index:
        file, start, end = entry if isinstance(entry, tuple) else (entry, None, None)
        first = 0.0 if start is None else start.total_seconds()
        last = math.nan if end is None else end.total_seconds()
        yield file, first, None if math.isnan(last) else last


def _split(database: Any, split: str | None) -> str:  # noqa: ANN401
    """The split's type (train, dev, test), or its own name where it is of no such type."""
    if split is None:
        return ""
    kind = database.splits[split].type
    return str(kind) if kind in {"train", "dev", "test"} else split
