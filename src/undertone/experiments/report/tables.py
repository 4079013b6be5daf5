"""The tables of a report, as text in cells; pages and Markdown only draw them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import ResultError
from undertone.experiments.compare import SHOWN, compare_all, compare_results
from undertone.experiments.report.groups import one_line, shared_of, stamp_of
from undertone.experiments.scoring import per_fold
from undertone.metrics.registry import METRICS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from undertone.experiments.compare import Change
    from undertone.experiments.report.groups import Entry, Group
    from undertone.experiments.results import Result
    from undertone.metrics.uncertainty import Difference, Estimate

UNDEFINED: Final = "–"
WORDS: Final = {
    **{metric.name: f"{metric.title}; {metric.better} is better" for metric in METRICS.values()},
    "[low, high]": "95 % interval: how far the number could have come out otherwise, had other speakers been recorded",
    "speaker-disjoint": "no test speaker was trained on or chosen with",
    "speaker-dependent": "test speakers were trained on: the number does not hold for a new voice",
    "speakers unknown": "the corpus does not say who speaks, so nobody knows whether the number holds for a new voice",
    "by fold": "mean ± standard deviation of the folds, each scored by itself",
    "p (Holm)": "p corrected for the number of differences in the table",
    "protocol": "fingerprint of which utterance is trained on, chosen with and tested in which fold",
}
"""What a reader may have to look up."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table. A cell's second line, after a line break, is told more quietly."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()
    """Columns that hold words; the first always does. The others hold numbers."""
    notes: tuple[str, ...] = ()


def score_table(group: Group) -> Table:
    """Every score of the results of one protocol, with what each number depends on beside it."""
    names = metric_names([entry.result for entry in group.entries])
    return Table(
        title="Scores",
        head=(
            "result", "stamp", *(_head(name) for name in names), "utterances", "speakers", "seeds",
            "UA by fold, %", "WA by fold, %", "weights", "protocol",
        ),
        rows=tuple(_score_row(entry, names) for entry in group.entries),
        words=frozenset({"stamp", "weights", "protocol"}),
        notes=(*chance_notes(group), *_interval_notes(group)),
    )  # fmt: skip


def difference_table(group: Group, rng: np.random.Generator) -> Table | None:
    """Differences to the group's first result, in pairs of the same utterances; None with nothing to compare.

    Args:
        group: results of one protocol.
        rng: source of the draws of the intervals.
    """
    base, *others = group.entries
    if not others:
        return None
    refused: dict[str, str] = {}
    for entry in others:
        try:
            compare_results(base.result, entry.result, rng, draws=2)
        except ResultError as error:
            refused[entry.name] = f"{entry.short} cannot be compared: {error.problem}."
    compared = [entry for entry in others if entry.name not in refused]
    found = compare_all([base.result, *(entry.result for entry in compared)], rng) if compared else ()
    warnings = dict.fromkeys(f"{warning[:1].upper()}{warning[1:]}." for each in found for warning in each.warnings)
    return Table(
        title=f"Differences to {base.short}",
        head=("result", *(text for name in SHOWN for text in (f"{name}, points", f"p of {name}\n(Holm)"))),
        rows=tuple(
            (entry.short, *(cell for change in each.changes for cell in _change_cells(change)))
            for entry, each in zip(compared, found, strict=True)
        ),
        notes=(
            f"Each row less {base.short}: the same utterances, the same redrawn {base.redrawn}s. p is two-sided; in "
            "brackets, corrected for all differences of the table (Holm).",
            *warnings,
            *refused.values(),
        ),
    )


def score_table_of_random(entries: Sequence[Entry]) -> Table:
    """The results whose encoder was never trained: they show that the code runs, and nothing else."""
    names = metric_names([entry.result for entry in entries])
    return Table(
        title="Random weights: not an accuracy",
        head=("result", "stamp", *(_head(name) for name in names), "weights", "protocol"),
        rows=tuple(
            (
                _name(entry, entry.name), stamp_of(entry.result), *(_cell(entry.result, name) for name in names),
                f"{entry.result.weights}: not an accuracy", entry.result.protocol.hash,
            )
            for entry in entries
        ),
        words=frozenset({"stamp", "weights", "protocol"}),
        notes=(
            "The encoders of these results have random weights. The numbers say that the program runs to its end, not "
            "how well the published system recognises emotions; they are compared with nothing.",
        ),
    )  # fmt: skip


def fit_table(result: Result) -> Table:
    """What each fold and seed took and chose."""
    chosen = tuple(dict.fromkeys(name for fit in result.fits for name in fit.chosen))
    return Table(
        title="Fits",
        head=("fold", "seed", "seconds", *chosen),
        rows=tuple(
            (
                str(fit.fold), str(fit.seed), f"{fit.seconds:.1f}",
                *(f"{fit.chosen[name]:.4g}" if name in fit.chosen else UNDEFINED for name in chosen),
            )
            for fit in result.fits
        ),
    )  # fmt: skip


def exclusion_table(result: Result) -> Table | None:
    """What was left out, and why; None where nothing was."""
    if not result.excluded:
        return None
    return Table(
        title=f"Left out: {len(result.excluded)}",
        head=("utterance", "reason"),
        rows=tuple((item.id, one_line(item.reason)) for item in result.excluded),
        words=frozenset({"reason"}),
    )


def origin_of(result: Result) -> dict[str, str]:
    """Everything that somebody needs who wants the same numbers."""
    protocol = result.protocol
    rows = {
        "Command": result.command,
        "Commit": result.commit,
        "Machine": result.machine,
        "Seconds": f"{result.seconds:,.0f} of fitting and testing, without taking features",
        "Versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        "Learner": f"{result.learner}: {result.title}",
        "Source": result.source,
        "Encoder": UNDEFINED if result.encoder is None else f"{result.encoder}, weights: {result.weights}",
        "Taught": result.taught,
        "Settings": ", ".join(f"{name} = {value}" for name, value in result.settings.items()) or "none",
        "Seeds": ", ".join(map(str, result.seeds)),
        "Corpora": f"{', '.join(result.corpora)} (hash {result.corpus_hash})",
        "Protocol": f"{protocol.name} (hash {protocol.hash}), {len(protocol.folds)} folds: {protocol.title}",
        "Protocol’s source": protocol.source,
        "Stamp": stamp_of(result),
        "Shared beside speakers": "; ".join(shared_of(result)) or "nothing that the corpus tells of",
        "Left out": str(len(result.excluded)) if result.excluded else "nothing",
    }
    return {name: one_line(text) for name, text in rows.items()}


def chance_notes(group: Group) -> tuple[str, ...]:
    """What guessing gives, so that a number can be seen to be better."""
    label, share = most_frequent(group.entries[0])
    chance = 100 / len(group.first.labels)
    return (
        f"Chance: UA {chance:.1f} with {len(group.first.labels)} classes. Always “{label}”, the most frequent class of "
        f"the test parts: WA {100 * share:.1f}, UA {chance:.1f}.",
    )


def most_frequent(entry: Entry) -> tuple[str, float]:
    """The most frequent class of the test parts, and its share."""
    truth = [entry.result.labels[at] for at in entry.scored.truth]
    label, count = Counter(truth).most_common(1)[0]
    return label, count / len(truth)


def metric_names(results: Sequence[Result]) -> tuple[str, ...]:
    """The metrics that any of the results has: those we know in the order of tables, then the others."""
    held = dict.fromkeys(name for result in results for name in result.scores)
    return (*(name for name in METRICS if name in held), *(name for name in held if name not in METRICS))


def number(metric: str, estimate: Estimate | Difference, *, signed: bool = False) -> str:
    """Write a number with its interval, in per cent or points where people write it so."""
    if math.isnan(estimate.value):
        return UNDEFINED
    percent = metric in METRICS and METRICS[metric].percent
    form = f"{'+' if signed else ''}.{1 if percent else 3}f"
    value, low, high = (
        f"{each * (100 if percent else 1):{form}}".replace("-", "−")
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return value if math.isnan(estimate.low) else f"{value}\n[{low}, {high}]"


def _score_row(entry: Entry, names: Sequence[str]) -> tuple[str, ...]:
    result = entry.result
    folds = per_fold(result.labels, result.predictions, ("UA", "WA"))
    return (
        _name(entry, entry.short),
        stamp_of(result),
        *(_cell(result, name) for name in names),
        str(entry.utterances),
        UNDEFINED if entry.speakers is None else str(entry.speakers),
        str(len(result.seeds)),
        *(
            f"{100 * folds[name].mean:.1f} ± {100 * folds[name].deviation:.1f}\n{folds[name].folds} folds"
            if folds[name].folds > 1
            else f"{100 * folds[name].mean:.1f}\n1 fold"
            for name in ("UA", "WA")
        ),
        result.weights,
        result.protocol.hash,
    )


def _change_cells(change: Change) -> tuple[str, str]:
    p, corrected = _p(change.difference.p), _p(change.corrected_p)
    return number(change.metric, change.difference, signed=True), f"{p}\n({corrected})"


def _p(value: float) -> str:
    if math.isnan(value):
        return UNDEFINED
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _interval_notes(group: Group) -> tuple[str, ...]:
    named = [entry.short for entry in group.entries if entry.redrawn == "utterance"]
    if not named:
        return ()
    return (
        f"Intervals of {', '.join(named)} are over redrawn utterances, because speakers are unknown or fewer than "
        "three: they say nothing about other people.",
    )


def _name(entry: Entry, name: str) -> str:
    result = entry.result
    heard = "" if result.encoder is None else f", hears {result.encoder}"
    return f"{name}\n{one_line(result.title)}{heard}"


def _cell(result: Result, name: str) -> str:
    return number(name, result.scores[name]) if name in result.scores else UNDEFINED


def _head(name: str) -> str:
    return f"{name}, %" if name in METRICS and METRICS[name].percent else name
