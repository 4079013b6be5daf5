"""Write Qieemo's head, alone and fused with the compact network, beside the baselines on the same folds into a page.

    python docs/make_folds.py results/qieemo-folds results/baselines docs/explanation/qieemo-folds.md

The rows are the results that `make folds` and `make baselines` wrote; the fused one is the mean of the probabilities in
two of them. The compact network that is fused is the one that `make folds` trained, for longer than the baseline of its
name. Run it again after either changes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from marked import between, estimate, p_value, points

from undertone.experiments.compare import compare_all
from undertone.experiments.late_fusion import LateFusion, fused
from undertone.experiments.results import read_result
from undertone.experiments.scoring import arrange
from undertone.learners.registry import LEARNERS
from undertone.metrics.categorical import confusion, recalls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.experiments.results import Result
    from undertone.metrics.uncertainty import Difference

BEGIN, END = "<!-- folds:begin -->", "<!-- folds:end -->"

PROTOCOLS = (
    "emodb/emobox", "emodb/speakers", "urdu/emobox", "urdu/speakers", "ravdess/emobox", "ravdess/speakers",
    "nemo/speakers",
)  # fmt: skip

HUBERT = {"emodb/emobox": 87.7, "urdu/emobox": 88.4, "ravdess/emobox": 65.4}
"""UA in per cent of a frozen HuBERT base of 95 million weights under the SUPERB head, as EmoBox published it."""

OURS, PARTNER, BOTH = "qieemo", "compact", "qieemo + compact"


@dataclass(frozen=True, kw_only=True)
class Found:
    """The results on one protocol."""

    both: Result
    """The late fusion of the next two: the form of the bundle that ships."""
    qieemo: Result
    partner: Result
    baselines: tuple[Result, ...]

    @property
    def others(self) -> dict[str, Result]:
        """What ours are held against, by the name that it has in the tables."""
        longer = f"{PARTNER}, {self.partner.settings['steps']} steps"
        return {longer: self.partner} | {each.learner: each for each in self.baselines}


def folds(folder: Path, baselines: Path) -> str:
    """Write a table of all protocols, then two for each."""
    found = {name: results_on(name, folder, baselines) for name in PROTOCOLS}
    return "\n\n".join((summary(found), *(section(name, each) for name, each in found.items())))


def results_on(protocol: str, folder: Path, baselines: Path) -> Found:
    """Read the results on a protocol; baselines in the order of the registry."""
    name = protocol.replace("/", ".")
    others = {path.stem: path for path in (baselines / name).glob("*.json")}
    known = {learner: read_result(others[learner]) for learner in LEARNERS if learner in others}
    qieemo, partner = (read_result(folder / name / f"{run}.json") for run in (OURS, PARTNER))
    return Found(
        both=fused((qieemo, partner), LateFusion(runs=(OURS, PARTNER))),
        qieemo=qieemo,
        partner=partner,
        baselines=tuple(known.values()),
    )


def summary(found: dict[str, Found]) -> str:
    """One row for each protocol."""
    lines = [
        f"| folds | test speakers | `{OURS}`, UA | `{BOTH}`, UA | best baseline | its UA | "
        "HuBERT base, frozen (EmoBox) |",
        "|---|---|--:|--:|---|--:|--:|",
    ]
    for name, each in found.items():
        best = max(each.baselines, key=lambda result: result.scores["UA"].value)
        published = f"{HUBERT[name]:.1f}" if name in HUBERT else "–"
        ours = " | ".join(estimate(result.scores["UA"]) for result in (each.qieemo, each.both))
        lines.append(
            f"| `{name}` | **{each.qieemo.protocol.stamp}** | {ours} | `{best.learner}` | "
            f"{estimate(best.scores['UA'])} | {published} |"
        )
    return "\n".join(lines)


def section(protocol: str, found: Found) -> str:
    """Compare ours with every other on one protocol, and tell what is taken for what."""
    stamp = found.qieemo.protocol
    head = f"**{stamp.stamp}**, hash `{stamp.hash}`, commit `{found.qieemo.commit}`."
    return "\n\n".join((f"## {protocol}", head, comparison(found), mistakes(found)))


def comparison(found: Found) -> str:
    """Scores, and differences whose p is corrected within their column."""
    both, alone = (
        [
            f"{turned(change.difference)} | {p_value(change.corrected_p)}"
            for each in compare_all((first, *found.others.values()), np.random.default_rng(0), metrics=("UA",))
            for change in each.changes
        ]
        for first in (found.both, found.qieemo)
    )
    nothing = " | "
    rows = [
        (BOTH, found.both, nothing, nothing),
        (OURS, found.qieemo, nothing, nothing),
        *zip(found.others, found.others.values(), both, alone, strict=True),
    ]
    return "\n".join(
        [
            f"| learner | UA | WA | `{BOTH}` less it, UA | p, corrected | `{OURS}` less it, UA | p, corrected |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *(
                f"| `{name}` | {estimate(result.scores['UA'])} | {estimate(result.scores['WA'])} | {more} | {less} |"
                for name, result, more, less in rows
            ),
        ]
    )


def mistakes(found: Found) -> str:
    """Tell for each label how often it is heard, by each network and by both, and what both take it for instead."""
    labels = found.both.labels
    alone, partner, both = (confusion_of(each) for each in (found.qieemo, found.partner, found.both))
    heard = [recalls(each) for each in (alone, partner, both)]
    lines = [
        f"| label | utterances | heard by `{OURS}` | by `{PARTNER}` | by both | taken for instead, by both |",
        "|---|--:|--:|--:|--:|---|",
    ]
    for number, (label, row) in enumerate(zip(labels, both, strict=True)):
        shares = " | ".join(f"{100 * each[number]:.0f}" for each in heard)
        lines.append(f"| {label} | {row.sum()} | {shares} | {instead(labels, row, number)} |")
    return "\n".join(lines)


def instead(labels: tuple[str, ...], row: NDArray[np.int64], right: int) -> str:
    """The most frequent wrong answers, three at most, with their share of the label's utterances in per cent."""
    wrong = [number for number in np.argsort(-row, kind="stable") if number != right and row[number]]
    return ", ".join(f"{labels[number]} ({100 * row[number] / row.sum():.0f})" for number in wrong[:3])


def confusion_of(result: Result) -> NDArray[np.int64]:
    """Count what was answered to what, folds together, with the mean of the seeds' probabilities."""
    scored = arrange(result.labels, result.predictions)
    return confusion(scored.truth, scored.mean_probabilities.argmax(axis=1), len(result.labels))


def turned(found: Difference) -> str:
    """A difference the other way round, in points."""
    return points(-found.value, -found.high, -found.low)


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    ours, others, place = map(Path, sys.argv[1:])
    place.write_text(replaced(place.read_text(encoding="utf-8"), folds(ours, others)), encoding="utf-8")
