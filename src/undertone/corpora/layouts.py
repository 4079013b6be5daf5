"""The two ways in which a corpus lies on disk: names that tell everything, or a table beside the sound."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import SOUND_SUFFIXES
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from undertone.corpora.base import NameParser, Scan

TABLE: Final = "metadata.csv"

COLUMNS: Final = ("file", "speaker", "gender", "emotion", "text", "duration_s")
"""What `metadata.csv` holds at least."""


def sound_files(folder: Path, suffixes: tuple[str, ...] = SOUND_SUFFIXES) -> list[Path]:
    """Find every file with a sound's suffix below a folder, hidden ones left out, in order of their paths.

    Links that lead nowhere are among them: somebody meant a file to be there.
    """
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in suffixes
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not path.is_dir()
    )


def scan_by_name(
    corpus: str, language: str, parse_name: NameParser, *, suffixes: tuple[str, ...] = SOUND_SUFFIXES
) -> Scan:
    """Read the official layout of a corpus whose names tell everything; a `metadata.csv` in the folder goes first.

    Files whose names the parser does not know are left out; `undertone corpus check` lists them.
    """

    def scan(folder: Path) -> tuple[Utterance, ...]:
        if (folder / TABLE).is_file():
            return read_metadata(folder, corpus=corpus, language=language, parse_name=parse_name)
        require_folder(folder, corpus)
        found = []
        for path in sound_files(folder, suffixes):
            named = parse_name(name_of(path, folder))
            if named is not None:
                found.append(
                    Utterance(
                        id=f"{corpus}/{named.id}",
                        path=str(path),
                        corpus=corpus,
                        speaker=named.speaker,
                        language=language,
                        emotion=named.emotion,
                        duration=math.nan,
                        gender=named.gender,
                        text=named.text,
                        sentence=named.sentence,
                        dialogue=named.dialogue,
                        turn_index=named.turn_index,
                    )
                )
        if not found:
            raise CorpusError(
                corpus, f"{folder} holds no file with a name of this corpus; name the folder that was unpacked"
            )
        require_unique(corpus, (item.id for item in found))
        return tuple(found)

    return scan


def scan_metadata(corpus: str, language: str) -> Scan:
    """Read a corpus that is known here with a `metadata.csv` only."""

    def scan(folder: Path) -> tuple[Utterance, ...]:
        return read_metadata(folder, corpus=corpus, language=language)

    return scan


def name_of(path: Path, folder: Path) -> str:
    """The path of a file below its corpus's folder, with slashes and without suffix."""
    return path.relative_to(folder).with_suffix("").as_posix()


def require_folder(folder: Path, corpus: str) -> None:
    """Refuse a path that is no folder.

    Raises:
        CorpusError: with what it is.
    """
    if not folder.is_dir():
        problem = "is a file" if folder.exists() else "does not exist"
        raise CorpusError(corpus, f"{folder} {problem}; name the folder that the corpus was unpacked to")


def require_unique(corpus: str, ids: Iterable[str]) -> None:
    """Refuse two files of one id.

    Raises:
        CorpusError: with their number and the first.
    """
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise CorpusError(
            corpus,
            f"{len(twice)} utterances are there more than once, the first {twice[0]}; keep one copy of each",
        )


def read_metadata(
    folder: Path, *, corpus: str, language: str, parse_name: NameParser | None = None
) -> tuple[Utterance, ...]:
    """Read a corpus laid out as `metadata.csv` beside its audio.

    Columns: `file` (relative), `speaker`, `gender`, `emotion`, `text`, `duration_s`; `split` where there is one.

    Args:
        folder: that holds the table.
        corpus: its name.
        language: of all of it.
        parse_name: tells the id and the sentence; a name that it does not know is the id itself.

    Raises:
        CorpusError: if the table or a column is missing, a row is not whole, or two rows are of one file.
    """
    rows = _rows(folder / TABLE, corpus)
    paths = [str(PurePosixPath(row["file"].removeprefix("audio/")).with_suffix("")) for row in rows]
    named = [parse_name(path) if parse_name else None for path in paths]
    names = [told.id if told else path for told, path in zip(named, paths, strict=True)]
    require_unique(corpus, (f"{corpus}/{name}" for name in names))
    return tuple(
        Utterance(
            id=f"{corpus}/{name}",
            path=str(folder / row["file"]),
            corpus=corpus,
            speaker=row["speaker"],
            language=language,
            emotion=canonical(row["emotion"]) or None,
            duration=float(row["duration_s"]),
            gender=row["gender"] or None,
            text=row["text"] or None,
            sentence=told.sentence if told else None,
            split=row.get("split") or None,
        )
        for name, row, told in zip(names, rows, named, strict=True)
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
