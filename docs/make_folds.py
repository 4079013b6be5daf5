"""Write Qieemo's head beside the baselines, on the same folds, into a page, between its markers.

    python docs/make_folds.py results/qieemo-folds results/baselines docs/explanation/qieemo-folds.md

The rows are the results that `make folds` and `make baselines` wrote. Run it again after either changes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from marked import between, estimate

from undertone.experiments.compare import compare_all
from undertone.experiments.results import read_result
from undertone.learners.registry import LEARNERS

if TYPE_CHECKING:
    from undertone.experiments.results import Result
    from undertone.metrics.uncertainty import Difference

BEGIN, END = "<!-- folds:begin -->", "<!-- folds:end -->"

PROTOCOLS = (
    "emodb/emobox", "emodb/speakers", "urdu/emobox", "urdu/speakers", "ravdess/emobox", "ravdess/speakers",
    "nemo/speakers",
)  # fmt: skip

HUBERT = {"emodb/emobox": 87.7, "urdu/emobox": 88.4, "ravdess/emobox": 65.4}
"""UA in per cent of a frozen HuBERT base of 95 million weights under the SUPERB head, as EmoBox published it."""


def folds(folder: Path, baselines: Path) -> str:
    """Write a table of all protocols, then one for each."""
    found = {name: results_on(name, folder, baselines) for name in PROTOCOLS}
    return "\n\n".join((summary(found), *(section(name, results) for name, results in found.items())))


def results_on(protocol: str, folder: Path, baselines: Path) -> tuple[Result, ...]:
    """Qieemo's result and, behind it, those of the baselines in their order."""
    name = protocol.replace("/", ".")
    others = {path.stem: path for path in (baselines / name).glob("*.json")}
    return (
        read_result(folder / name / "qieemo.json"),
        *(read_result(others[learner]) for learner in LEARNERS if learner in others),
    )


def summary(found: dict[str, tuple[Result, ...]]) -> str:
    """One row for each protocol."""
    lines = [
        "| folds | test speakers | `qieemo`, UA | best baseline | its UA | HuBERT base, frozen (EmoBox) |",
        "|---|---|--:|---|--:|--:|",
    ]
    for name, (qieemo, *baselines) in found.items():
        best = max(baselines, key=lambda result: result.scores["UA"].value)
        published = f"{HUBERT[name]:.1f}" if name in HUBERT else "–"
        lines.append(
            f"| `{name}` | **{qieemo.protocol.stamp}** | {estimate(qieemo.scores['UA'])} | `{best.learner}` | "
            f"{estimate(best.scores['UA'])} | {published} |"
        )
    return "\n".join(lines)


def section(protocol: str, results: tuple[Result, ...]) -> str:
    """Compare Qieemo with every baseline on one protocol; p is corrected within the table."""
    lines = [
        f"## {protocol}",
        "",
        f"**{results[0].protocol.stamp}**, hash `{results[0].protocol.hash}`, commit `{results[0].commit}`.",
        "",
        "| learner | UA | WA | `qieemo` less it, UA | p, corrected |",
        "|---|--:|--:|--:|--:|",
        f"| `qieemo` | {estimate(results[0].scores['UA'])} | {estimate(results[0].scores['WA'])} | | |",
    ]
    comparisons = compare_all(results, np.random.default_rng(0), metrics=("UA",))
    for result, comparison in zip(results[1:], comparisons, strict=True):
        (change,) = comparison.changes
        p = "< 0.001" if change.corrected_p < 0.001 else f"{change.corrected_p:.3f}"
        lines.append(
            f"| `{result.learner}` | {estimate(result.scores['UA'])} | {estimate(result.scores['WA'])} | "
            f"{turned(change.difference)} | {p} |"
        )
    return "\n".join(lines)


def turned(found: Difference) -> str:
    """A difference the other way round, in points."""
    return f"{-100 * found.value:+.1f} [{-100 * found.high:+.1f}, {-100 * found.low:+.1f}]"


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    ours, others, place = map(Path, sys.argv[1:])
    place.write_text(replaced(place.read_text(encoding="utf-8"), folds(ours, others)), encoding="utf-8")
