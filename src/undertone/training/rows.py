"""Writing rows to disk so that a cut at any moment costs one utterance at most.

One folder a store: `rows.bin` (all rows one after the other) and `index.json` (whose rows are where, and a checksum for
every utterance). While rows are taken, the folder is hidden (`.NAME.part`) and `journal.jsonl` says what is there, a
line an utterance; it takes its name only when complete. A writer that was cut off leaves at most one utterance torn,
which its journal does not vouch for, and the next goes on behind the last whole one.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.errors import OutputError
from undertone.files import make_folder, write_text

try:
    import fcntl
except ImportError:  # Windows, where two processes that take the same features do the work twice
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

FORMAT: Final = 2
"""1 was log-mel only, without checksums."""

ROWS: Final = "rows.bin"
INDEX: Final = "index.json"
JOURNAL: Final = "journal.jsonl"


@dataclass(frozen=True, kw_only=True)
class RowKind:
    """What a store's rows are."""

    dtype: str
    row_shape: tuple[int, ...]

    @property
    def row_bytes(self) -> int:
        return int(np.dtype(self.dtype).itemsize * np.prod(self.row_shape))


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What is known of one utterance's rows."""

    id: str
    start: int
    """First row."""
    end: int
    """The row after the last."""
    crc: int
    """CRC-32 of the rows' bytes."""
    content: str = ""
    """Fingerprint of the sound that they were taken from; empty where nobody asks."""

    def as_json(self) -> list[str | int]:
        return [self.id, self.end - self.start, self.crc, self.content]


def has_store(folder: Path) -> bool:
    """Whether a folder holds a complete store."""
    return (folder / INDEX).is_file()


def part_of(folder: Path) -> Path:
    """Where the store `folder` is while it is being written."""
    return folder.with_name(f".{folder.name}.part")


@contextlib.contextmanager
def writing(folder: Path, kind: RowKind) -> Iterator[StoreWriter | None]:
    """Go on with the store `folder`, or begin it; wait first until no other process writes it.

    Returns:
        The writer; None if another process completed the store in the meantime.

    Raises:
        OutputError: if a file cannot be written, or the disk is full; what was whole before stays.
    """
    part = part_of(folder)
    with _alone(part, folder):
        if has_store(folder):
            shutil.rmtree(part, ignore_errors=True)
            yield None
            return
        with _told(folder):
            shutil.rmtree(folder, ignore_errors=True)  # no index: of an older version, or somebody's remains
            part.mkdir(exist_ok=True)
            rows, journal = (part / ROWS).open("a+b"), (part / JOURNAL).open("a+b")
        with rows, journal:
            yield StoreWriter(folder, kind, rows, journal)


@contextlib.contextmanager
def _alone(part: Path, folder: Path) -> Iterator[None]:
    """Make a folder and hold a lock on it; the lock goes with the folder's new name, and ends with the process."""
    make_folder(part)
    if fcntl is None:
        yield
        return
    handle = None
    while handle is None:
        with _told(folder), contextlib.suppress(FileNotFoundError):
            handle = os.open(part, os.O_RDONLY)
        make_folder(part)  # another process may complete the store between one line and the next
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class StoreWriter:
    """A store that is being written: two open files."""

    def __init__(self, folder: Path, kind: RowKind, rows: BinaryIO, journal: BinaryIO) -> None:
        self._folder = folder
        self._kind = kind
        self._rows = rows
        self._journal = journal
        with _told(folder):
            self._entries = whole_entries(rows, journal, kind)
            end = self._entries[-1].end if self._entries else 0
            rows.truncate(end * kind.row_bytes)
            journal.truncate(sum(len(_line(entry)) for entry in self._entries))

    @property
    def taken(self) -> frozenset[str]:
        """The utterances that are there already."""
        return frozenset(entry.id for entry in self._entries)

    def append(self, utterance: str, rows: NDArray[np.floating], content: str = "") -> None:
        """Write the rows of one utterance, shape (row, *row_shape).

        Raises:
            ValueError: if the rows have another shape than the store's.
            OutputError: if they cannot be written.
        """
        if rows.shape[1:] != self._kind.row_shape:
            raise ValueError(
                f"rows of {utterance} have shape {rows.shape[1:]}; the store's have {self._kind.row_shape}"
            )
        values = np.ascontiguousarray(rows, dtype=self._kind.dtype)
        start = self._entries[-1].end if self._entries else 0
        entry = Entry(id=utterance, start=start, end=start + len(values), crc=zlib.crc32(values.data), content=content)
        with _told(self._folder):
            self._rows.write(values.data)
            self._rows.flush()
            self._journal.write(_line(entry))
            self._journal.flush()
        self._entries.append(entry)

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the index and give the store its name; nothing may be appended after that.

        Args:
            about: what a person wants to know who finds the folder.

        Raises:
            OutputError: if the index cannot be written.
        """
        index = {
            "format": FORMAT,
            "about": dict(about),
            "dtype": self._kind.dtype,
            "row_shape": list(self._kind.row_shape),
            "entries": [entry.as_json() for entry in self._entries],
        }
        part = part_of(self._folder)
        with _told(self._folder):
            os.fsync(self._rows.fileno())
            self._rows.close()
            self._journal.close()
            write_text(part / INDEX, json.dumps(index, ensure_ascii=False))
            part.rename(self._folder)
            (self._folder / JOURNAL).unlink()


def whole_entries(rows: BinaryIO, journal: BinaryIO, kind: RowKind) -> list[Entry]:
    """Read what a journal vouches for, as far as the rows are really there."""
    entries = _journalled(journal)
    return list(itertools.takewhile(lambda entry: _content(rows, entry, kind) is not None, entries))


def salvaged(folder: Path, kind: RowKind, wanted: Container[str]) -> Iterator[tuple[str, NDArray[np.floating]]]:
    """Read the rows of wanted sounds from a store, complete or not; what is damaged is passed over.

    Args:
        folder: of the store, or where it is while it is being written.
        kind: of its rows.
        wanted: fingerprints, as in `Entry.content`.

    Returns:
        The fingerprints that were found, each with rows of shape (row, *row_shape).
    """
    try:
        if has_store(folder):
            entries = entries_of(json.loads((folder / INDEX).read_text(encoding="utf-8"))["entries"])
        else:
            with (folder / JOURNAL).open("rb") as journal:
                entries = _journalled(journal)
        with (folder / ROWS).open("rb") as rows:
            for entry in entries:
                content = _content(rows, entry, kind) if entry.content in wanted else None
                if content is not None:
                    yield entry.content, np.frombuffer(content, dtype=kind.dtype).reshape(-1, *kind.row_shape)
    except (OSError, ValueError, KeyError, TypeError):
        return


def _content(rows: BinaryIO, entry: Entry, kind: RowKind) -> bytes | None:
    """Read the bytes of an utterance's rows; None if they are not those that were written."""
    size = (entry.end - entry.start) * kind.row_bytes
    rows.seek(entry.start * kind.row_bytes)
    content = rows.read(size)
    return content if len(content) == size and zlib.crc32(content) == entry.crc else None


def _journalled(journal: BinaryIO) -> list[Entry]:
    """Read the whole lines of a journal."""
    journal.seek(0)
    found: list[Entry] = []
    for line in journal:
        entry = _entry(line, found[-1].end if found else 0)
        if entry is None:
            break
        found.append(entry)
    return found


def entries_of(listed: list[list[Any]]) -> list[Entry]:
    """Read the entries of an index.

    Raises:
        ValueError, TypeError: if they are not entries.
    """
    found, end = [], 0
    for name, count, crc, content in listed:
        found.append(Entry(id=name, start=end, end=end + count, crc=crc, content=content))
        end += count
    return found


def _line(entry: Entry) -> bytes:
    return f"{json.dumps(entry.as_json())}\n".encode()


def _entry(line: bytes, start: int) -> Entry | None:
    """Read a line of a journal; None if it was cut off."""
    if not line.endswith(b"\n"):
        return None
    try:
        name, count, crc, content = json.loads(line)
    except (ValueError, TypeError):
        return None
    return Entry(id=name, start=start, end=start + count, crc=crc, content=content)


@contextlib.contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Tell what a disk refuses in words of the project."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            str(folder),
            f"the feature store cannot be written ({error.strerror or error}); what was taken before is kept. Make "
            "room, or name a cache folder that you may write, and run again",
        ) from error
