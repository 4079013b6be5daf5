"""Results as one HTML file that loads nothing and runs no script. Importing this module needs matplotlib."""

from __future__ import annotations

import html
import importlib.resources
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import UsageError
from undertone.experiments.report.figures import (
    Drawing,
    Mark,
    draw_estimates,
    draw_learning,
    draw_reliability,
    draw_risk_coverage,
    draw_spread,
)
from undertone.experiments.report.groups import entries_of, grouped, one_line, shared_of, stamp_of
from undertone.experiments.report.measures import answers, class_recalls, confusion_of, curves_of, speakers_of
from undertone.experiments.report.tables import (
    WORDS,
    Table,
    difference_table,
    exclusion_table,
    fit_table,
    number,
    origin_of,
    score_table,
    score_table_of_random,
)
from undertone.metrics.calibration import reliability
from undertone.metrics.categorical import weighted_accuracy
from undertone.metrics.selective import risk_coverage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.experiments.report.groups import Entry, Group
    from undertone.experiments.results import Result

STAMPS: Final = {"speaker-disjoint": "disjoint", "speaker-dependent": "dependent"}
"""How a stamp looks; the words stand in it too."""
MIDDLE: Final = 59
"""From this share of a row on, black letters are easier to read than white ones on a cell of the dark page."""
DEEP: Final = 79
"""From this share of a row on, white letters are easier to read than black ones on a cell of the light page."""


def html_report(results: Iterable[Result]) -> str:
    """Write a page that shows results: tables by protocol, differences, figures, and where every number comes from.

    The same results give the same page.

    Raises:
        UsageError: if there are no results.
        ResultError: if a result's predictions do not fit together.
    """
    entries = entries_of(results)
    if not entries:
        raise UsageError("there is no result to report; name files that `undertone crossval` wrote")
    groups = grouped([entry for entry in entries if not entry.random])
    unlearned = [entry for entry in entries if entry.random]
    rng = np.random.default_rng(0)
    parts = [_group(group, number, rng) for number, group in enumerate(groups, start=1)]
    parts += [_unlearned(unlearned)] if unlearned else []
    parts += [_result(entry, number, rng) for number, entry in enumerate(entries, start=1)]
    filled = {
        "title": _text(_title(entries)),
        "style": _asset("page.css"),
        "facts": _definitions(_facts(entries), wrapped=True),
        "words": _definitions(WORDS),
        "contents": _contents(groups, unlearned, entries),
        "main": "\n".join(parts),
    }
    # One pass, so that nothing filled in is read as a marker.
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: filled[marker[1]], _asset("page.html"))


def drawn(table: Table, *, kind: str = "", titled: bool = True) -> str:
    """Draw a table in a box of its own, in which it can be scrolled with the keyboard too."""
    head = "".join(_head(name, word=not at or name in table.words) for at, name in enumerate(table.head))
    rows = "".join(f"<tr>{_cells(table, cells)}</tr>" for cells in table.rows)
    title = f"<h3>{_text(table.title)}</h3>" if titled else ""
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>" if table.rows else ""
    return f"{title}{_scrolled(body, table.title, kind) if body else ''}{_hints(table.notes)}"


def _group(group: Group, number: int, rng: np.random.Generator) -> str:
    result, key = group.first, f"protocol-{number}"
    differences = difference_table(group, rng)
    beside = f"<div>{drawn(differences)}</div>" if differences else ""
    blocks = [drawn(score_table(group), kind="scores"), f'<div class="pair">{_overview(group, key)}{beside}</div>']
    protocol = result.protocol
    about = [protocol.title, f"Source: {protocol.source}", f"Classes: {', '.join(result.labels)}"]
    about += [f"{text[:1].upper()}{text[1:]}" for text in shared_of(result)]
    told = " ".join(f"{one_line(text).rstrip('.')}." for text in (*about, f"Hash {protocol.hash}"))
    return _card(key, f"{', '.join(result.corpora)}: {protocol.name}", _stamp(result), [told], blocks)


def _overview(group: Group, key: str) -> str:
    marks = [
        Mark(name=entry.short, estimate=entry.result.scores["UA"])
        for entry in group.entries
        if "UA" in entry.result.scores
    ]
    chance = (1 / len(group.first.labels), "chance")
    drawing = draw_estimates(marks, title="UA with its interval", axis="UA, %", key=f"{key}-ua", line=chance)
    return _figure(drawing)


def _unlearned(entries: Sequence[Entry]) -> str:
    table = score_table_of_random(entries)
    badge = '<span class="stamp random">not an accuracy</span>'
    return _card("random", "Random weights", badge, [], [drawn(table, kind="scores", titled=False)])


def _result(entry: Entry, number: int, rng: np.random.Generator) -> str:
    result, key = entry.result, f"result-{number}"
    badge = _stamp(result)
    if entry.random:
        badge += ' <span class="stamp random">random weights: not an accuracy</span>'
    origin = f'<h3>Where the numbers come from</h3><dl class="origin">{_definitions(origin_of(result))}</dl>'
    if result.fits:
        origin += _folded(f"Seconds and choices of {len(result.fits)} fits", drawn(fit_table(result), titled=False))
    left_out = exclusion_table(result)
    blocks = [origin, *([drawn(left_out)] if left_out else [])]
    if not entry.random:
        figures = f'<div class="figures">{"".join(_figures(entry, key, rng))}</div>'
        blocks = [_confusion(entry), figures, *blocks]
    about = f"{one_line(result.title)}. Source: {one_line(result.source)}."
    return _card(key, entry.name, badge, [about], blocks, kind="result")


def _figures(entry: Entry, key: str, rng: np.random.Generator) -> Iterable[str]:
    """The figures of one result, each with its numbers."""
    labels, truth = entry.result.labels, entry.scored.truth
    recalls = class_recalls(entry, rng)
    counts = np.bincount(truth, minlength=len(labels))
    marks = [Mark(name=one_line(labels[at]), estimate=recalls[at], count=int(counts[at])) for at in range(len(labels))]
    recall = draw_estimates(marks, title="Recall of each class", axis="recall, %", key=f"{key}-recall")
    yield _figure(recall, _recall_table(marks))
    speakers = speakers_of(entry)
    if speakers:
        names = [f"{one_line(name)} ({count})" for name, count in zip(speakers.names, speakers.utterances, strict=True)]
        mean = weighted_accuracy(confusion_of(entry))
        rows = zip(speakers.names, speakers.utterances, speakers.accuracy, speakers.recall, strict=True)
        table = Table(
            title="Speakers",
            head=("speaker", "utterances", "accuracy, %", "UA, %"),
            rows=tuple((name, str(count), _percent(right), _percent(recall)) for name, count, right, recall in rows),
        )
        yield _figure(draw_spread(speakers.accuracy, names, mean=mean, key=f"{key}-speakers"), table)
    probabilities, answered = answers(entry)
    bins = reliability(probabilities, answered)
    drawing = draw_reliability(bins.confidence, bins.accuracy, bins.count, key=f"{key}-reliability")
    yield _figure(drawing, _reliability_table(bins.confidence, bins.accuracy, bins.count))
    curve = risk_coverage(probabilities, answered)
    yield _figure(draw_risk_coverage(curve.coverage, curve.risk, key=f"{key}-risk"))
    curves = curves_of(entry.result)
    if curves:
        yield _figure(draw_learning(curves, key=f"{key}-learning"))


def _recall_table(marks: Sequence[Mark]) -> Table:
    return Table(
        title="Recall of each class",
        head=("class", "utterances", "recall, %"),
        rows=tuple((mark.name, str(mark.count), number("UA", mark.estimate)) for mark in marks),
    )


def _reliability_table(
    confidence: NDArray[np.float64], accuracy: NDArray[np.float64], counts: NDArray[np.int64]
) -> Table:
    rows = zip(confidence, accuracy, counts, strict=True)
    return Table(
        title="Reliability",
        head=("mean confidence, %", "right, %", "answers"),
        rows=tuple((_percent(sure), _percent(right), str(count)) for sure, right, count in rows if count),
    )


def _confusion(entry: Entry) -> str:
    """The confusion matrix as a table, whose cells are the darker the more of their row they hold."""
    labels, counts = [_text(label) for label in entry.result.labels], confusion_of(entry)
    totals = counts.sum(axis=1)
    head = "".join(f'<th scope="col">{label}</th>' for label in labels)
    rows = []
    for row, label in enumerate(labels):
        shares = 100 * counts[row] / totals[row] if totals[row] else np.full(len(labels), np.nan)
        cells = "".join(
            _confusion_cell(share, count, right=row == column)
            for column, (share, count) in enumerate(zip(shares, counts[row], strict=True))
        )
        rows.append(f'<tr><th scope="row">{label}</th>{cells}<td class="total">{totals[row]}</td></tr>')
    head = f'<td class="corner">truth ↓ answer →</td>{head}<th scope="col">all</th>'
    body = f'<table class="confusion"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    note = "Rows are the truth, columns the answers. Large: per cent of the row; small: how many"
    seeds = len(entry.scored.probabilities)
    note += f", of all {seeds} seeds together." if seeds > 1 else "."
    return f"<h3>Confusion</h3>{_scrolled(body, f'Confusion of {entry.name}')}{_hints([note])}"


def _confusion_cell(share: float, count: int, *, right: bool) -> str:
    if np.isnan(share):
        return "<td>–</td>"
    shade = round(share)
    looks = {"cell": True, "right": right, "middle": shade >= MIDDLE, "deep": shade >= DEEP}
    kinds = " ".join(name for name, wanted in looks.items() if wanted)
    colour = f"color-mix(in srgb,var(--heat) {shade}%,var(--card))"
    return f'<td class="{kinds}" style="background:{colour}">{shade}<small>{count}</small></td>'


def _figure(drawing: Drawing, numbers: Table | None = None) -> str:
    folded = _folded("The numbers", drawn(numbers, titled=False)) if numbers else ""
    return f"<figure><figcaption><h3>{_text(drawing.title)}</h3></figcaption>{drawing.svg}{folded}</figure>"


def _card(key: str, title: str, badge: str, about: Sequence[str], blocks: Sequence[str], *, kind: str = "") -> str:
    told = "".join(f'<p class="about">{_text(text)}</p>' for text in about)
    inside = "".join(f'<div class="block">{block}</div>' for block in blocks)
    return (
        f'<section id="{key}" class="card {kind}" aria-labelledby="{key}-heading">'
        f'<header><h2 id="{key}-heading" dir="auto">{_text(title)}</h2> {badge}</header>{told}{inside}</section>'
    )


def _stamp(result: Result) -> str:
    kind = STAMPS.get(result.protocol.stamp, "")
    return f'<span class="stamp {kind}">{_text(stamp_of(result))}</span>'


def _scrolled(table: str, title: str, kind: str = "") -> str:
    return f'<div class="scroll {kind}" role="region" aria-label="{_text(title)}" tabindex="0">{table}</div>'


def _folded(title: str, inside: str) -> str:
    return f"<details><summary>{_text(title)}</summary>{inside}</details>"


def _head(name: str, *, word: bool) -> str:
    kind = ' class="word"' if word else ""
    return f'<th scope="col"{kind}>{"<br>".join(_text(line) for line in name.splitlines())}</th>'


def _cells(table: Table, cells: Sequence[str]) -> str:
    made = []
    for at, (name, cell) in enumerate(zip(table.head, cells, strict=True)):
        first, *others = cell.splitlines() or [""]
        quiet = "".join(f'<small class="interval">{_text(line)}</small>' for line in others)
        if not at:
            made.append(f'<th scope="row" class="word">{_text(first)}{quiet}</th>')
        else:
            kind = ' class="word"' if name in table.words else ""
            made.append(f"<td{kind}>{_text(first)}{quiet}</td>")
    return "".join(made)


def _hints(notes: Sequence[str]) -> str:
    return "".join(f'<p class="hint">{_text(note)}</p>' for note in notes)


def _definitions(rows: Mapping[str, str], *, wrapped: bool = False) -> str:
    pairs = [f"<dt>{_text(name)}</dt><dd>{_text(text)}</dd>" for name, text in rows.items()]
    return "".join(f"<div>{pair}</div>" if wrapped else pair for pair in pairs)


def _title(entries: Sequence[Entry]) -> str:
    if len(entries) == 1:
        return entries[0].name
    corpora = list(dict.fromkeys(corpus for entry in entries for corpus in entry.result.corpora))
    return f"{len(entries)} results on {', '.join(corpora) if len(corpora) <= 4 else f'{len(corpora)} corpora'}"


def _facts(entries: Sequence[Entry]) -> dict[str, str]:
    corpora = dict.fromkeys(corpus for entry in entries for corpus in entry.result.corpora)
    protocols = {entry.result.protocol.hash for entry in entries}
    commits = dict.fromkeys(entry.result.commit[:12] for entry in entries)
    return {
        "Corpora": ", ".join(corpora),
        "Results": str(len(entries)),
        "Protocols": str(len(protocols)),
        "Commit" if len(commits) == 1 else "Commits": ", ".join(commits),
    }


def _contents(groups: Sequence[Group], unlearned: Sequence[Entry], entries: Sequence[Entry]) -> str:
    links = [(f"protocol-{at}", group.first.protocol.name) for at, group in enumerate(groups, start=1)]
    links += [("random", "Random weights")] if unlearned else []
    links += [(f"result-{at}", entry.name) for at, entry in enumerate(entries, start=1)]
    return "".join(f'<li><a href="#{key}">{_text(name)}</a></li>' for key, name in links)


def _percent(share: float) -> str:
    return "–" if np.isnan(share) else f"{100 * share:.1f}"


def _text(text: str) -> str:
    return html.escape(one_line(text))


def _asset(name: str) -> str:
    return importlib.resources.files("undertone.experiments.report").joinpath(name).read_text("utf-8")
