"""Write the page on a paper's claims, with its figures, from what `undertone claims` found.

    python docs/make_claims.py results/qieemo docs/explanation/qieemo-claims.md docs/images

Everything on the page follows from claims.json. Run it again after the results change.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
from marked import p_value, points
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from undertone.experiments.claims_record import (
    CONTRADICTED,
    HOLDS,
    IN_PART,
    MIXED,
    NOT_RUN,
    UNDECIDED,
    expectation_text,
    read_judgement,
)
from undertone.experiments.report.figures import BLUE, INK, LINE, PALE, SOFT, STYLE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from undertone.experiments.claims_record import Finding, JudgedClaim, JudgedExpectation, Judgement, RunScore

PLAIN = {
    HOLDS: "It holds here.",
    IN_PART: "It holds here in part: some of what it leads to expect is seen, the rest is undecided.",
    UNDECIDED: "Undecided: neither it nor its opposite is seen here. Differences within the intervals remain possible.",
    MIXED: "Mixed: some of what it leads to expect is seen here, and of some the opposite.",
    CONTRADICTED: "It does not hold here: the opposite of what it leads to expect is seen.",
    NOT_RUN: "Not run.",
}
"""What a verdict means."""

SYSTEMS = {
    "qieemo": (
        "Qieemo",
        "Qieemo (Chen, Fang, Zheng, Wang, Fei, arXiv 2503.22687) reads two features from a recogniser of speech, a phonetic\n"
        "posteriorgram and states of middle blocks, and joins them frame by frame (MMF) and by attention (CMA). What is tested\n"
        "here is **our reconstruction**: the paper's abstract and what others say of it fix the parts, not the equations, sizes\n"
        "or training. The recogniser is our own, small, trained on hours of English where the paper's had far more, and it\n"
        "stays frozen. A claim that fails here has not failed in the paper's own setting.",
    ),
    "multilevel": (
        "multi-level fusion",
        "Multi-level fusion (Zhao, Wang, Wang, arXiv 2207.04697) joins an encoder of speech and one of text by co-attention and by\n"
        "late fusion, with speech as frames, phones, syllables and words. What is tested here is **our reconstruction**: the paper's\n"
        "abstract fixes the parts, not the equations, sizes or training. The encoders are our own small phone recogniser and\n"
        "MiniLM, where the paper had wav2vec 2.0 and BERT, and both stay frozen. A claim that fails here has not failed in the\n"
        "paper's own setting.",
    ),
}
"""What a folder of claims is about, by its name."""

ELSEWHERE = {
    "qieemo": "- **A-9**, it works in real time: {speed}\n",
}
"""Claims that no runs decide."""

SPEED = Path(__file__).resolve().parents[1] / "benchmarks" / "results" / "streaming.json"

MARKERS = ("o", "s", "^", "v", "P", "X")
"""Of protocols, in their order."""

LINEAR = 5
"""The axis of differences is even up to so many points, and logarithmic beyond."""

TICKS = (-50, -20, -10, -5, -2, 0, 2, 5, 10, 20, 50)


def page(judgement: Judgement, images: str) -> str:
    """Write the whole page; `images` is the folder of the figures as seen from the page."""
    name, words = SYSTEMS[judgement.study]
    parts = [
        f"# What of {name}'s claims holds here",
        f"<!-- Made by docs/make_claims.py from results/{judgement.study}: change that, not this. -->",
        words,
        "What holds, and what is undecided, follows from [a rule that was fixed before](../reference/claims.md#the-rule).\n"
        f"Numbers are UA in per cent, differences are in points, with 95 % intervals over speakers. Made by `{judgement.command}`\n"
        "from results with every prediction, which lie beside it.",
        summary(judgement),
        protocols(judgement),
    ]
    if any(claim.expectations for claim in judgement.claims):
        words = "All differences in UA with their 95 % intervals; the tables of the claims hold their numbers."
        parts.append(f"![{words}]({images}/{judgement.study}-differences.svg)")
    parts += [section(claim, judgement, images) for claim in judgement.claims]
    if judgement.study in ELSEWHERE:
        parts += ["## What no runs decide", ELSEWHERE[judgement.study].format(speed=speed()).rstrip()]
    parts.append(runs(judgement))
    return "\n\n".join(parts) + "\n"


def speed() -> str:
    """What the benchmark of the backbone in chunks found."""
    if not SPEED.is_file():
        return "not measured yet."
    found = json.loads(SPEED.read_text(encoding="utf-8"))
    worst = max(case["chunk_latency_most_s"] for case in found["cases"])
    factors = [case["chunks_factor"] for case in found["cases"]]
    return (
        f"{'it does' if worst < found['chunk_s'] else 'it does not'} here. On one thread the recogniser takes "
        f"{min(factors):.3f} to {max(factors):.3f} s for a second of a turn that comes in chunks of "
        f"{found['chunk_s']:.2f} s, and at most {1000 * worst:.0f} ms for one of them "
        "([benchmark](../../benchmarks/results/streaming.md))."
    )


def summary(judgement: Judgement) -> str:
    """One row for each claim."""
    lines = ["| claim | what it says | here |", "|---|---|---|"]
    lines += [f"| [{item.claim}](#{anchor(item)}) | {item.says} | **{item.verdict}** |" for item in judgement.claims]
    return "\n".join(lines)


def anchor(claim: JudgedClaim) -> str:
    """The anchor of a claim's heading."""
    kept = "".join(letter for letter in heading(claim).lower() if letter.isalnum() or letter in "- _")
    return kept.replace(" ", "-")


def heading(claim: JudgedClaim) -> str:
    return f"{claim.claim}: {claim.title}"


def protocols(judgement: Judgement) -> str:
    """One row for each protocol, with the stamp that every number on it carries."""
    lines = [
        "| protocol | hash | test speakers | utterances | speakers | classes | chance, UA |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    lines += [
        f"| `{item.name}` | `{item.hash}` | **{item.stamp}** | {item.utterances} | {item.speakers or 'unknown'} | "
        f"{item.classes} | {100 / item.classes:.1f} |"
        for item in judgement.protocols
    ]
    return "\n".join(lines)


def section(claim: JudgedClaim, judgement: Judgement, images: str) -> str:
    """One claim: who says it, what is seen, what cannot be."""
    parts = [f"## {heading(claim)}", claim.says, f"Source: {claim.source}.", f"**{PLAIN[claim.verdict]}**"]
    if claim.missing:
        return "\n\n".join([*parts, *(f"- {reason}" for reason in claim.missing[:1])])
    parts += ["\n".join(sentence(item) for item in claim.expectations), differences(claim)]
    if claim.curve:
        words = curve_words(claim, judgement)
        parts += [words, f"![UA of {', '.join(claim.curve)}. {words}]({images}/{judgement.study}-{claim.claim}.svg)"]
    parts.append(scores(claim, judgement))
    if claim.cannot_tell:
        parts.append(f"What these data cannot tell: {claim.cannot_tell}")
    return "\n\n".join(parts)


def differences(claim: JudgedClaim) -> str:
    """One row for each expectation, one column for each protocol."""
    columns = [place(each) for each in claim.expectations[0].findings]
    lines = [f"| expected | {' | '.join(columns)} | here |", f"|---|{'---|' * len(columns)}---|"]
    lines += [
        f"| {expectation_text(item)} | {' | '.join(found(each) for each in item.findings)} | {item.outcome} |"
        for item in claim.expectations
    ]
    return "\n".join(lines)


def sentence(item: JudgedExpectation) -> str:
    """What was found of one expectation, in words."""
    said = []
    for outcome in (HOLDS, CONTRADICTED, UNDECIDED):
        places = [place(each) for each in item.findings if each.outcome == outcome]
        if places:
            said.append(f"{outcome} {'everywhere' if len(places) == len(item.findings) else 'on ' + ', '.join(places)}")
    return f"- {expectation_text(item)}: {'; '.join(said)}. {sized(item.findings[-1])}"


def sized(finding: Finding) -> str:
    """How large a difference is, in words."""
    if finding.value is None or finding.low is None or finding.high is None:
        return "How large the difference is, is not defined."
    where = "In the mean" if finding.protocol is None else "There"
    return (
        f"{where} it is {100 * finding.value:+.1f} points and, at 95 %, between {100 * finding.low:+.1f} and "
        f"{100 * finding.high:+.1f}."
    )


def place(finding: Finding) -> str:
    return "the mean" if finding.protocol is None else f"`{finding.protocol}`"


def found(finding: Finding) -> str:
    """A difference in points with its interval and its corrected p."""
    if finding.value is None or finding.low is None or finding.high is None or finding.corrected_p is None:
        return "undefined"
    return f"{points(finding.value, finding.low, finding.high)}, p {p_value(finding.corrected_p, '= ')}"


def runs_of(claim: JudgedClaim) -> list[str]:
    """Names of all runs of a claim, each once."""
    named = [run for item in claim.expectations for run in (item.better, item.worse, *item.by_more_than)]
    return list(dict.fromkeys((*claim.curve, *named)))


def scores(claim: JudgedClaim, judgement: Judgement) -> str:
    """The UA of every run of a claim."""
    known = scores_by_place(judgement)
    lines = [
        f"| UA of | {' | '.join(f'`{name}`' for name in claim.protocols)} |",
        f"|---|{'---|' * len(claim.protocols)}",
    ]
    lines += [
        f"| {run} | {' | '.join(score(known[run, name]) for name in claim.protocols)} |" for run in runs_of(claim)
    ]
    return "\n".join(lines)


def scores_by_place(judgement: Judgement) -> dict[tuple[str, str], RunScore]:
    return {(run.run, each.protocol): each for run in judgement.runs for each in run.scores}


def score(item: RunScore) -> str:
    """UA with its interval; with several seeds, the lowest and the highest of them."""
    text = f"{100 * item.value:.1f}"
    if item.low is not None and item.high is not None:
        text += f" [{100 * item.low:.1f}, {100 * item.high:.1f}]"
    if len(item.by_seed) > 1:
        text += f", seeds {100 * min(item.by_seed):.1f} to {100 * max(item.by_seed):.1f}"
    return text


def curve_words(claim: JudgedClaim, judgement: Judgement) -> str:
    """Where the curve is highest."""
    known = scores_by_place(judgement)
    told = []
    for name in claim.protocols:
        best = max(claim.curve, key=lambda run: known[run, name].value)
        told.append(f"on `{name}` {best} ({100 * known[best, name].value:.1f} %)")
    return f"The highest is {', '.join(told)}."


def is_profile(claim: JudgedClaim) -> bool:
    """Whether the runs of its curve are numbered, as those of a network's blocks are: `block-0`, `block-1`, …"""
    return all(run.rpartition("-")[2].isdigit() for run in claim.curve)


def runs(judgement: Judgement) -> str:
    """What every run is, and where its encoder comes from."""
    lines = [
        "## The runs",
        "",
        "The settings of each stand in [its results](../reference/claims.md#results) and in the folder of claims.",
        "",
        "| run | what it is | learner | encoder | weights |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {item.run} | {item.says} | `{item.learner}` | {f'`{item.encoder}`' if item.encoder else '–'} | {item.weights} |"
        for item in judgement.runs
    ]
    revisions = sorted({f"- `{item.encoder}`: {item.revision}" for item in judgement.runs if item.revision})
    return "\n".join([*lines, "", "Encoders, as they were:", "", *revisions]) if revisions else "\n".join(lines)


def draw_forest(judgement: Judgement, path: Path) -> None:
    """Draw all differences: a bar for the mean, a marker with a thin line for each protocol."""
    rows = [(claim, item) for claim in judgement.claims for item in claim.expectations]
    if not rows:
        return
    names = list(dict.fromkeys(each.protocol for _, item in rows for each in item.findings if each.protocol))
    with mpl.rc_context(STYLE | {"svg.fonttype": "path", "svg.hashsalt": "differences"}):
        figure = Figure(figsize=(7.2, 0.9 + 0.42 * len(rows)), layout="constrained")
        axes: Axes = figure.add_subplot()
        axes.axvline(0, color=INK, linewidth=0.8)
        for row, (_, item) in enumerate(rows):
            for each in item.findings:
                if each.value is None or each.low is None or each.high is None:
                    continue
                decided = each.outcome != UNDECIDED
                if each.protocol is None:
                    axes.hlines(row - 0.24, 100 * each.low, 100 * each.high, color=INK, linewidth=2.6)
                    axes.plot(
                        100 * each.value,
                        row - 0.24,
                        "D",
                        color=INK,
                        markersize=5,
                        markerfacecolor=INK if decided else "white",
                    )
                    continue
                number = names.index(each.protocol)
                colour = (BLUE, VERMILLION, SOFT)[number % 3]
                height = row - 0.06 + 0.34 * number / max(1, len(names) - 1) if len(names) > 1 else row
                axes.hlines(height, 100 * each.low, 100 * each.high, color=colour, linewidth=0.9)
                axes.plot(100 * each.value, height, MARKERS[number % len(MARKERS)], color=colour, markersize=3.6,
                          markerfacecolor=colour if decided else "white")  # fmt: skip
        for number in range(1, len(rows)):
            if rows[number][0] is not rows[number - 1][0]:
                axes.axhline(number - 0.5, color=LINE, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [f"{claim.claim}  {_folded(expectation_text(item))}" for claim, item in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.set_xscale("symlog", linthresh=LINEAR)
        axes.xaxis.set_major_locator(FixedLocator(TICKS))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:+.0f}" if value else "0")
        axes.set_xlabel(f"difference in UA, points, 95 % interval, filled where decided; beyond {LINEAR} narrower")
        axes.grid(axis="x", color=LINE, linewidth=0.5)
        axes.set_axisbelow(True)
        for number, name in enumerate(names):
            axes.plot([], [], MARKERS[number % len(MARKERS)], color=(BLUE, VERMILLION, SOFT)[number % 3], label=name)
        axes.plot([], [], "D", color=INK, label="mean")
        figure.legend(loc="outside upper right", ncols=min(4, len(names) + 1))
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def draw_curve(claim: JudgedClaim, judgement: Judgement, path: Path) -> None:
    """Draw the runs of a claim's curve for each protocol: a profile of numbered ones, its middle third marked, as a line in
    a band, others as points, with their intervals."""
    known = scores_by_place(judgement)
    steps = range(len(claim.curve))
    with mpl.rc_context(STYLE | {"svg.fonttype": "path", "svg.hashsalt": claim.claim}):
        figure = Figure(figsize=(7.2, 2.6 if is_profile(claim) else 3.2), layout="constrained")
        papers = figure.subplots(1, len(claim.protocols), sharey=True, squeeze=False)[0]
        last = len(claim.curve) - 1
        for axes, name in zip(papers, claim.protocols, strict=True):
            row = [known[run, name] for run in claim.curve]
            low, high = (
                [100 * (getattr(each, side) if getattr(each, side) is not None else each.value) for each in row]
                for side in ("low", "high")
            )
            if is_profile(claim):
                axes.axvspan(last // 3 + 0.5, 2 * last // 3 + 0.5, color=LINE, alpha=0.5, linewidth=0)
                axes.fill_between(steps, low, high, color=PALE, alpha=0.5, linewidth=0)
                axes.set(xlabel="block; the middle third is grey", xticks=steps)
            else:
                axes.vlines(steps, low, high, color=PALE, linewidth=2.6)
                axes.set_xticks(steps, claim.curve, rotation=40, ha="right", rotation_mode="anchor")
            line = "o-" if is_profile(claim) else "o"
            axes.plot(steps, [100 * each.value for each in row], line, color=BLUE, markersize=3.6, linewidth=1.2)
            chance = next(100 / item.classes for item in judgement.protocols if item.name == name)
            axes.axhline(chance, color=VERMILLION, linewidth=1, linestyle=(0, (4, 3)))
            axes.set_title(name)
            axes.title.set_fontsize(STYLE["font.size"])
        highest = max(100 * (known[run, name].high or 0) for run in claim.curve for name in claim.protocols)
        papers[0].set(ylabel="UA, %; dashed: chance", ylim=(0, min(100, highest + 3)))
        figure.savefig(path, metadata={"Date": None, "Creator": None})


def _folded(text: str) -> str:
    return text.replace(" by more than ", "\nby more than ")


def make(results: Path, target: Path, images: Path) -> None:
    """Write the page and its figures."""
    judgement = read_judgement(results / "claims.json")
    images.mkdir(parents=True, exist_ok=True)
    seen = Path(os.path.relpath(images, target.parent)).as_posix()
    target.write_text(page(judgement, seen), encoding="utf-8")
    draw_forest(judgement, images / f"{judgement.study}-differences.svg")
    for claim in judgement.claims:
        if claim.curve and not claim.missing:
            draw_curve(claim, judgement, images / f"{judgement.study}-{claim.claim}.svg")


if __name__ == "__main__":
    make(*(Path(word) for word in sys.argv[1:4]))
