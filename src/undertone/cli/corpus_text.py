"""Corpora, reports and figures as text for people, and as tables for JSON."""

from __future__ import annotations

import dataclasses
from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from undertone.conversation.formats.table import UNPRINTABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.corpora.base import CorpusCard
    from undertone.corpora.check import Report
    from undertone.corpora.protocols import Protocol
    from undertone.corpora.statistics import Statistics

MOST_OF_A_KIND: Final = 20
"""Findings of one kind that are printed; the rest is counted, and is in the JSON."""

NO_EMOTION: Final = "(none)"
MOST_NAMES: Final = 8
"""Speakers that are named in a line before the rest is counted."""


def listed(cards: Iterable[CorpusCard]) -> str:
    """One line a corpus; the title last, because it is the longest."""
    head = ("name", "language", "speakers", "utterances", "model may be released", "licence", "title")
    rows = [
        (
            card.name,
            card.language,
            str(card.speakers),
            str(card.utterances),
            _yes(card.model_may_be_released),
            card.licence,
            card.title,
        )
        for card in cards
    ]
    return aligned([head, *rows])


def described(card: CorpusCard, protocols: Iterable[Protocol]) -> str:
    """Write everything that is known about a corpus."""
    counts = ", ".join(f"{name} {count}" for name, count in card.counts.items())
    lines = [
        f"{card.name}: {card.title}",
        *aligned(
            [
                ("  language", card.language),
                ("  licence", card.licence),
                ("  a model may be released", _yes(card.model_may_be_released)),
                ("  source", card.source),
                ("  speakers", str(card.speakers)),
                ("  utterances", str(card.utterances)),
                ("  by emotion", counts or "not published"),
                ("  acted", _yes(card.acted)),
                ("  said which emotion it is", card.raters),
                ("  sample rate", f"{card.sample_rate} Hz" if card.sample_rate else "not published, or several"),
                ("  scale of dimensions", " to ".join(f"{end:g}" for end in card.scale) if card.scale else "none"),
            ]
        ).splitlines(),
    ]
    lines += ["  known faults"] + [f"    {fault}" for fault in card.known_faults or ("none",)]
    lines += ["  left out of every protocol"]
    lines += [f"    {item.id}: {item.reason}" for item in card.exclusions] or ["    nothing"]
    lines += ["  stored protocols"]
    lines += [
        f"    {item.name}: {item.title}; folds {len(item.folds)}, classes {len(item.labels)}, hash {item.hash}"
        for item in protocols
    ] or ["    none"]
    return "\n".join(lines)


def reported(report: Report) -> str:
    """Write findings as a table, what was left out with its reason, and a line of totals."""
    shown, rows = Counter[str](), []
    for item in report.findings:
        shown[item.kind] += 1
        if shown[item.kind] <= MOST_OF_A_KIND:
            rows.append((item.kind, item.name, item.detail))
        elif shown[item.kind] == report.counts[item.kind]:
            rows.append((item.kind, f"and {shown[item.kind] - MOST_OF_A_KIND} more", "--json prints all of them"))
    lines = [aligned([("kind", "name", "detail"), *rows])] if rows else []
    lines += [printable(f"left out: {item.id}: {item.reason}") for item in report.exclusions]
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.counts.items())
    number = len(report.findings)
    lines.append(
        f"{report.corpus}: {report.utterances} utterances, {report.files} files decoded "
        f"({report.duration / 3600:.2f} h), {len(report.exclusions)} left out, "
        + (f"{number} {'finding' if number == 1 else 'findings'}: {kinds}" if number else "nothing found")
    )
    return "\n".join(lines)


def report_json(report: Report) -> dict[str, Any]:
    """Every field of a report, with its duration's unit in the name, and the counts of findings by kind."""
    table = dataclasses.asdict(report)
    table["duration_s"] = table.pop("duration")
    return table | {"counts": dict(report.counts)}


def measured(corpus: str, figures: Statistics, *, by_speaker: bool) -> str:
    """Write the figures of a corpus."""
    genders = ", ".join(f"{count} {gender}" for gender, count in figures.genders.items())
    fewest, median, most = figures.per_speaker
    lengths = ", ".join(f"{_share(share)} {length:.2f} s" for share, length in figures.lengths.items())
    lines = [
        f"{corpus}: {figures.utterances} utterances, {figures.duration / 3600:.2f} h",
        *aligned(
            [
                ("speakers", f"{figures.speakers} ({genders})"),
                ("utterances per speaker", f"least {fewest:g}, median {median:g}, most {most:g}"),
                ("length", lengths),
                ("sentences", str(figures.sentences or "not told")),
                ("speakers with one emotion only", _named(figures.one_emotion)),
            ]
        ).splitlines(),
        "",
        aligned(
            [("emotion", "utterances", "share")]
            + [
                (item.emotion or NO_EMOTION, str(item.utterances), f"{100 * item.share:.1f} %")
                for item in figures.emotions
            ]
        ),
    ]
    if by_speaker:
        emotions = [item.emotion for item in figures.emotions if item.emotion is not None]
        head = ("speaker", *emotions)
        rows = [
            (name, *(str(counts.get(emotion, 0)) for emotion in emotions))
            for name, counts in figures.by_speaker.items()
        ]
        lines += ["", aligned([head, *rows])]
    return "\n".join(lines)


def statistics_json(figures: Statistics) -> dict[str, Any]:
    """Every figure of a corpus, with units in the names."""
    table = dataclasses.asdict(figures)
    table["duration_s"] = table.pop("duration")
    table["lengths_s"] = {f"{share:g}": length for share, length in table.pop("lengths").items()}
    return table | {"per_speaker": dict(zip(("least", "median", "most"), figures.per_speaker, strict=True))}


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Set rows of cells below each other; the last column is as wide as it comes."""
    clean = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip_longest(*clean, fillvalue="")]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)).rstrip() for row in clean
    )


def printable(text: str) -> str:
    """Replace what would drive the terminal: names of files may hold anything."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _named(names: Sequence[str]) -> str:
    rest = len(names) - MOST_NAMES
    shown = ", ".join(names[:MOST_NAMES])
    return f"{len(names)}: {shown}" + (f" and {rest} more" if rest > 0 else "") if names else "none"


def _share(share: float) -> str:
    return {0.0: "least", 0.5: "median", 1.0: "most"}.get(share, f"{100 * share:g} %")


def _yes(value: bool) -> str:
    return "yes" if value else "no"
