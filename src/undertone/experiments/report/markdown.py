"""Results as Markdown: the tables with their stamps and intervals, and where every number comes from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import UsageError
from undertone.experiments.report.groups import entries_of, grouped, one_line
from undertone.experiments.report.tables import (
    Table,
    difference_table,
    exclusion_table,
    origin_of,
    score_table,
    score_table_of_random,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.experiments.report.groups import Entry, Group
    from undertone.experiments.results import Result

MARKS: Final = r"[\\|*`~]|(?<![^\W_])_|_(?![^\W_])|<(?=[\w/!?])|&(?=[#\w])|(?<=\])\("


def markdown_table(results: Iterable[Result], *, level: int = 2) -> str:
    """Write the scores and the differences of results as tables for GitHub, one pair of tables for each protocol.

    Args:
        results: those of one protocol stand together; the first is what the others are compared with.
        level: of the headings.

    Raises:
        UsageError: if there are no results.
        ResultError: if a result's predictions do not fit together.
    """
    return _tables(_required(results), level)


def markdown_report(results: Iterable[Result]) -> str:
    """Write a whole page for GitHub: the tables, and for each result where its numbers come from.

    Raises:
        UsageError: if there are no results.
        ResultError: if a result's predictions do not fit together.
    """
    entries = _required(results)
    parts = ["# Results", _tables(entries, 2), "## Where the numbers come from"]
    for entry in entries:
        parts.append(f"### {_text(entry.name)}")
        parts.append("\n".join(f"- {name}: {_text(text)}" for name, text in origin_of(entry.result).items()))
        left_out = exclusion_table(entry.result)
        if left_out:
            parts.append(drawn(left_out))
    return "\n\n".join(parts) + "\n"


def drawn(table: Table) -> str:
    """Draw a table for GitHub: words to the left, numbers to the right, notes under it."""
    sides = [":--" if not at or name in table.words else "--:" for at, name in enumerate(table.head)]
    lines = [_row(table, table.head), f"| {' | '.join(sides)} |", *(_row(table, cells) for cells in table.rows)]
    return "\n\n".join(["\n".join(lines), *(_text(note) for note in table.notes)])


def _required(results: Iterable[Result]) -> tuple[Entry, ...]:
    entries = entries_of(results)
    if not entries:
        raise UsageError("there is no result to report; name files that `undertone crossval` wrote")
    return entries


def _tables(entries: Sequence[Entry], level: int) -> str:
    mark = "#" * level
    rng = np.random.default_rng(0)
    parts = []
    for group in grouped([entry for entry in entries if not entry.random]):
        parts += [
            f"{mark} {_text(_title(group))}",
            _text(one_line(group.first.protocol.title)),
            drawn(score_table(group)),
        ]
        differences = difference_table(group, rng)
        if differences:
            parts += [f"{mark}# {_text(differences.title)}", drawn(differences)]
    unlearned = [entry for entry in entries if entry.random]
    if unlearned:
        table = score_table_of_random(unlearned)
        parts += [f"{mark} {table.title}", drawn(table)]
    return "\n\n".join(parts)


def _title(group: Group) -> str:
    protocol = group.first.protocol
    return f"{protocol.name} ({protocol.stamp}, protocol {protocol.hash})"


def _row(table: Table, cells: Sequence[str]) -> str:
    """Where a cell has a second line, words break the line and numbers go on in it."""
    joined = (
        ("<br>" if not at or name in table.words else " ").join(_text(line) for line in cell.splitlines())
        for at, (name, cell) in enumerate(zip(table.head, cells, strict=True))
    )
    return f"| {' | '.join(joined)} |"


def _text(text: str) -> str:
    """Escape what Markdown or HTML would read as its own."""
    return re.sub(MARKS, r"\\\g<0>", one_line(text))
