"""Write what MELD's words tell of emotion into a page, between its markers.

    python docs/make_meld.py results/multilevel docs/explanation/meld.md

The rows are results that `make meld` wrote. Run it again after they change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from marked import between, estimate

from undertone.experiments.results import read_result

if TYPE_CHECKING:
    from undertone.experiments.results import Result

BEGIN, END = "<!-- meld:begin -->", "<!-- meld:end -->"

RUNS = {
    "words-majority": "the most frequent class",
    "words-frozen": "MiniLM, frozen; logistic regression",
    "words": "MiniLM, tuned",
    "words-context": "MiniLM, tuned, with three turns before the utterance",
}
"""What each run is, by its name."""

METRICS = ("WF1", "macro-F1", "WA", "UA")


def meld(folder: Path) -> str:
    """Write the table and where it comes from."""
    found = {name: read_result(folder / "meld.official" / f"{name}.json") for name in RUNS}
    first = found["words"]
    lines = [
        f"Official parts, **{first.protocol.stamp}**, hash `{first.protocol.hash}`; in per cent, intervals over speakers. "
        f"Commit `{first.commit}`.",
        "",
        f"| run | {' | '.join(METRICS)} |",
        f"|---|{'--:|' * len(METRICS)}",
        *(row(RUNS[name], result) for name, result in found.items()),
    ]
    return "\n".join(lines)


def row(title: str, result: Result) -> str:
    return f"| {title} | {' | '.join(estimate(result.scores[name]) for name in METRICS)} |"


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    results, place = map(Path, sys.argv[1:])
    place.write_text(replaced(place.read_text(encoding="utf-8"), meld(results)), encoding="utf-8")
