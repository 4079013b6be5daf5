"""Utterances that a user leaves out, each with a reason: nothing disappears without one."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Exclusion
from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

COLUMNS: Final = ("id", "reason")


def read_exclusions(path: Path) -> tuple[Exclusion, ...]:
    """Read a CSV with the columns `id` and `reason`, one utterance a row.

    Raises:
        ConfigError: if the file or a column is missing, a row has no id or no reason, or an id stands there twice;
            every such row is named.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = [name.strip().lower() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(str(path), [f"it cannot be read ({error}); name a CSV in UTF-8"]) from error
    lacking = [name for name in COLUMNS if name not in columns]
    if lacking:
        raise ConfigError(str(path), [f"it lacks the columns {', '.join(lacking)}; it needs {', '.join(COLUMNS)}"])
    problems: list[str] = []
    found: dict[str, Exclusion] = {}
    for number, row in enumerate(rows, start=1):
        name, reason = ((row[column] or "").strip() for column in COLUMNS)
        if not name or not reason:
            problems.append(f"row {number} has the id {name!r} and the reason {reason!r}; say both")
        elif name in found:
            problems.append(f"row {number} excludes {name} a second time; keep one row")
        else:
            found[name] = Exclusion(id=name, reason=reason)
    if problems:
        raise ConfigError(str(path), problems)
    return tuple(found.values())


def require_known(exclusions: Collection[Exclusion], known: Collection[str], source: str) -> None:
    """Refuse exclusions of utterances that do not exist: a slip of the pen would leave the real one in.

    Raises:
        ConfigError: with all of them.
    """
    ids = frozenset(known)
    example = f", such as {min(ids)}" if ids else ""
    unknown = [item.id for item in exclusions if item.id not in ids]
    if unknown:
        raise ConfigError(
            source,
            [f"{name} is no utterance of this corpus; ids start with its name{example}" for name in unknown],
        )
