"""Write the audit of every stored protocol into a page, between its two markers.

    python docs/make_audit.py docs/reference/protocols.md

Nothing is read but the protocols and the names in them. Run it again after a stored protocol changes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from marked import between, table

from undertone.corpora.audit import audit_protocol, stamp_of, utterances_from_names
from undertone.corpora.own import speakers_known
from undertone.corpora.stored import load_protocol, stored_protocols

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.corpora.audit import FoldAudit

BEGIN, END = "<!-- audit:begin -->", "<!-- audit:end -->"

HEAD = (
    "protocol", "folds", "train", "validation", "test", "test speakers heard before", "test sentences heard before",
    "validation speakers in training", "stamp", "hash",
)  # fmt: skip


def audit_table() -> str:
    """Audit every stored protocol, a row each."""
    return table(HEAD, map(row, stored_protocols()))


def row(name: str) -> tuple[str, ...]:
    """Audit one protocol by the names of its utterances."""
    protocol = load_protocol(name)
    utterances = utterances_from_names(protocol)
    folds = audit_protocol(protocol, utterances)
    known = speakers_known(utterances)
    return (
        f"`{name}`",
        str(len(folds)),
        span(fold.train_utterances or 0 for fold in folds),
        span(fold.validation_utterances or 0 for fold in folds),
        span(fold.test_utterances for fold in folds),
        shared(folds, "speakers") if known else "–",
        shared(folds, "sentences"),
        span(fold.validation_shared_speakers or 0 for fold in folds) if known else "–",
        stamp_of(folds, known=known),
        f"`{protocol.hash}`",
    )


def shared(folds: Sequence[FoldAudit], what: str) -> str:
    """`18 of 19`; a dash where names tell nothing."""
    counts = {(getattr(fold, f"shared_{what}"), getattr(fold, f"test_{what}")) for fold in folds}
    if any(tested is None for _, tested in counts):
        return "–"
    return f"{span(found for found, _ in counts)} of {span(tested for _, tested in counts)}"


def span(numbers: Iterable[int]) -> str:
    """`342`, or `341–343` where folds differ."""
    listed = sorted(set(numbers))
    return str(listed[0]) if len(listed) == 1 else f"{listed[0]}–{listed[-1]}"


def main(page: Path) -> None:
    """Replace what stands between the markers of a page."""
    page.write_text(between(page.read_text(encoding="utf-8"), BEGIN, END, audit_table()), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
