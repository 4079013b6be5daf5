"""The tables and texts that lie beside a corpus's sound, read so that what is wrong with them is said."""

from __future__ import annotations

import codecs
import csv
import io
from typing import TYPE_CHECKING, Final

from undertone.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

POINTER: Final = b"version https://git-lfs.github.com/spec/"
"""How the file begins that git leaves in place of a large one."""

UNHEARD: Final = "this reader follows the published description alone: no recording was at hand to try it on"
"""A fault of this reader, for the cards of corpora that were never at hand."""

NAMES_CHECKED: Final = (
    "this reader was checked against the published list of the corpus's files; no recording was at hand to try it on"
)
"""As `UNHEARD`, where all names and their labels were at hand."""


def read_text(path: Path, corpus: str, *, encoding: str = "cp1252") -> str:
    """Read a text in UTF-8 or UTF-16 with its mark, or in the encoding that the corpus used before.

    Args:
        path: of the file.
        corpus: the corpus's name, for the message.
        encoding: of files that are not UTF-8 and have no mark; what it does not know becomes U+FFFD.

    Raises:
        CorpusError: if the file cannot be read, or is a git-LFS pointer.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise CorpusError(corpus, f"{path} cannot be read ({reason}); copy the corpus anew") from error
    if data.startswith(POINTER):
        raise CorpusError(
            corpus, f"{path} is a git-LFS pointer, not the table; run `git lfs pull` in the repository it came from"
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode(encoding, errors="replace")


def read_rows(path: Path, corpus: str, columns: Iterable[str]) -> list[dict[str, str]]:
    """Read a CSV with a head; cells that a row lacks are empty.

    Args:
        path: of the file.
        corpus: the corpus's name, for the message.
        columns: that it must have.

    Raises:
        CorpusError: as `read_text`, or if a column is missing.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path, corpus), newline=""), restval="")
        known = reader.fieldnames or ()
        rows = [{name: value for name, value in row.items() if isinstance(value, str)} for row in reader]
    except csv.Error as error:
        raise CorpusError(corpus, f"{path} cannot be read ({error}); copy the corpus anew") from error
    lacking = [name for name in columns if name not in known]
    if lacking:
        raise CorpusError(
            corpus, f"{path} lacks the columns {', '.join(lacking)}; it has {', '.join(known) or 'none'}; copy it anew"
        )
    return rows


def first_file(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of these paths below a folder that is a file; None where there is none."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


def number_or_none(text: str) -> float | None:
    """A number from a table; None where the cell is empty or no number."""
    try:
        return float(text)
    except ValueError:
        return None
