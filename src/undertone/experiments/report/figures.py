"""The figures of a result, as SVG inside a page: text is text, and every figure says in words what it shows.

Figures are drawn for white paper. The colours are of Okabe & Ito (2008, "Color Universal Design"); no two things in a
figure differ by colour alone. Importing this module raises MissingExtraError where matplotlib is not installed.
"""

from __future__ import annotations

import contextlib
import html
import io
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from undertone.errors import MissingExtraError

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ModuleNotFoundError as missing:
    raise MissingExtraError("drawing figures", "train") from missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from undertone.metrics.uncertainty import Estimate

INK: Final = "#1c1d20"
SOFT: Final = "#5d6067"
LINE: Final = "#d9d7d0"
BLUE: Final = "#0072b2"
VERMILLION: Final = "#d55e00"
PALE: Final = "#9cc4de"

WIDTH: Final = 3.6
"""In inches: at the width of a telephone the letters are then still 10 pixels high."""
FONT: Final = 8.0
"""In points."""
MOST_NAMED: Final = 40
"""With more speakers than this, a figure names none: their table does."""
MOST_POINTS: Final = 200
"""Of a curve; more cannot be seen."""

STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": FONT,
    "axes.labelsize": FONT,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": SOFT,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": FONT,
    "ytick.labelsize": FONT,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": FONT,
    "text.color": INK,
    "text.parse_math": False,
}
"""matplotlib's settings: those of the user do not reach a page."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure of a page."""

    title: str
    words: str
    """What the figure shows, for those who do not see it."""
    svg: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One row of a figure of estimates."""

    name: str
    estimate: Estimate
    count: int | None = None
    """Utterances behind it; None where it needs no telling."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """One line of a figure of learning."""

    epochs: tuple[float, ...]
    values: tuple[float, ...]


def draw_estimates(
    marks: Sequence[Mark], *, title: str, axis: str, key: str, line: tuple[float, str] | None = None
) -> Drawing:
    """Draw estimates with their intervals under each other.

    Args:
        marks: from top to bottom; shares from 0 to 1.
        title: of the figure.
        axis: what is measured, in per cent.
        key: a word that no other figure of the page has.
        line: a share to compare with, and its name.
    """
    with _style():
        figure, axes = _paper(0.62 + 0.22 * len(marks) + (0.2 if line else 0))
        rows = np.arange(len(marks))
        value, low, high = (
            np.array([100 * getattr(mark.estimate, name) for mark in marks]) for name in ("value", "low", "high")
        )
        known = ~np.isnan(value)
        axes.hlines(rows[known], low[known], high[known], color=BLUE, linewidth=1.6)
        axes.plot(value[known], rows[known], "o", color=BLUE, markersize=4.5, clip_on=False, zorder=3)
        if line:
            axes.axvline(100 * line[0], color=VERMILLION, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(100 * line[0], -0.62, f" {line[1]}", color=VERMILLION, va="bottom", ha="left")
        names = [mark.name if mark.count is None else f"{mark.name} ({mark.count})" for mark in marks]
        axes.set_yticks(rows, [_shortened(name) for name in names])
        axes.set_ylim(len(marks) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        _percent(axes, "x", axis)
        words = "; ".join(f"{mark.name} {_percents(mark.estimate)}" for mark in marks)
        if line:
            words += f"; {line[1]} {100 * line[0]:.1f}"
        return _drawing(figure, key, title, f"{axis}: {words}")


def draw_reliability(
    confidence: NDArray[np.float64], accuracy: NDArray[np.float64], counts: NDArray[np.int64], *, key: str
) -> Drawing:
    """Draw how often answers are right against how sure they are, and how many answers there are of each.

    Args:
        confidence: mean of each bin, shape (bin,); nan for an empty one.
        accuracy: share that is right, shape (bin,).
        counts: answers, shape (bin,): equal bins of (0, 1].
        key: a word that no other figure of the page has.
    """
    with _style():
        figure, (top, bottom) = _two_papers(3.3)
        filled = counts > 0
        top.plot([0, 100], [0, 100], color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        top.text(3, 8, "as sure as right", color=SOFT, rotation=45, rotation_mode="anchor", transform_rotates_text=True)
        sure, right = 100 * confidence[filled], 100 * accuracy[filled]
        top.plot(sure, right, "o-", color=BLUE, linewidth=1.4, markersize=4, clip_on=False, zorder=3)
        _percent(top, "y", "right, %")
        width = 100 / len(counts)
        bottom.bar(width * (np.arange(len(counts)) + 0.5), counts, width=0.86 * width, color=PALE)
        for at in np.flatnonzero(filled):
            bottom.text(
                width * (at + 0.5), counts[at], _count(counts[at]), ha="center", va="bottom", fontsize=5.5, color=SOFT
            )
        bottom.set_ylabel("answers")
        bottom.set_yticks([])
        bottom.set_ylim(0, 1.25 * max(1, counts.max()))
        _percent(bottom, "x", "confidence, %")
        words = "; ".join(
            f"at {100 * confidence[at]:.0f} % sure {100 * accuracy[at]:.0f} % right of {counts[at]}"
            for at in np.flatnonzero(filled)
        )
        return _drawing(figure, key, "Reliability", words or "no answers")


def draw_risk_coverage(coverage: NDArray[np.float64], risk: NDArray[np.float64], *, key: str) -> Drawing:
    """Draw the share of errors among the surest answers against how many of all answers those are.

    Args:
        coverage: share that is answered, shape (point,), rising.
        risk: share of errors among them, shape (point,).
        key: a word that no other figure of the page has.
    """
    with _style():
        figure, axes = _paper(2.5)
        kept = np.unique(np.linspace(0, len(coverage) - 1, min(MOST_POINTS, len(coverage))).astype(int))
        axes.plot(100 * coverage[kept], 100 * risk[kept], color=BLUE, linewidth=1.6)
        axes.axhline(100 * risk[-1], color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(1, 100 * risk[-1], "all answered", color=SOFT, va="bottom")
        _percent(axes, "x", "answered, surest first, %")
        axes.set_ylim(0, max(5.0, 108 * float(risk.max())))
        axes.set_ylabel("wrong among these, %")
        axes.grid(axis="y", color=LINE, linewidth=0.5)
        points = [min(int(np.searchsorted(coverage, share)), len(risk) - 1) for share in (0.25, 0.5, 0.75, 1.0)]
        words = "; ".join(f"{100 * coverage[at]:.0f} % answered, {100 * risk[at]:.1f} % wrong" for at in points)
        return _drawing(figure, key, "Risk and coverage", words)


def draw_learning(curves: Sequence[Curve], *, key: str) -> Drawing:
    """Draw validation UA by epoch: a thin line for each fold and seed, a thick one for their mean.

    Args:
        curves: one for each fold and seed.
        key: a word that no other figure of the page has.
    """
    with _style():
        figure, axes = _paper(2.5)
        for curve in curves:
            axes.plot(curve.epochs, 100 * np.array(curve.values), color=PALE, linewidth=0.8)
            at = int(np.argmax(curve.values))
            axes.plot(curve.epochs[at], 100 * curve.values[at], ".", color=BLUE, markersize=4)
        shortest = min(len(curve.values) for curve in curves)
        mean = np.mean([curve.values[:shortest] for curve in curves], axis=0)
        if len(curves) > 1:
            axes.plot(curves[0].epochs[:shortest], 100 * mean, color=BLUE, linewidth=1.8)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylabel("validation UA, %")
        axes.grid(axis="y", color=LINE, linewidth=0.5)
        best = [max(curve.values) for curve in curves]
        words = (
            f"{len(curves)} fits; the best epochs lie between {100 * min(best):.1f} and {100 * max(best):.1f} % "
            "validation UA"
        )
        return _drawing(figure, key, "Learning", words)


def draw_spread(values: NDArray[np.float64], names: Sequence[str], *, mean: float, key: str) -> Drawing:
    """Draw the accuracy of each speaker, the hardest first.

    Args:
        values: shares, shape (speaker,), rising.
        names: of the speakers, with their utterances.
        mean: accuracy over all utterances.
        key: a word that no other figure of the page has.
    """
    with _style():
        named = len(names) <= MOST_NAMED
        figure, axes = _paper(0.75 + (0.17 * len(names) if named else 2.2))
        rows = np.arange(len(names))
        if named:
            axes.hlines(rows, 0, 100 * values, color=PALE, linewidth=1.2)
        axes.plot(100 * values, rows, "o", color=BLUE, markersize=4 if named else 2, clip_on=False, zorder=3)
        axes.axvline(100 * mean, color=SOFT, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(100 * mean, -0.7, " all", color=SOFT, va="bottom")
        axes.set_yticks(rows if named else [], [_shortened(name) for name in names] if named else [])
        axes.set_ylabel("" if named else f"{len(names)} speakers")
        axes.set_ylim(len(names) - 0.4, -0.7)
        axes.tick_params(axis="y", length=0)
        _percent(axes, "x", "accuracy, %")
        words = (
            f"{len(names)} speakers from {100 * values[0]:.1f} to {100 * values[-1]:.1f} %, "
            f"{100 * mean:.1f} % over all utterances"
        )
        return _drawing(figure, key, "Speakers", words)


@contextlib.contextmanager
def _style() -> Iterator[None]:
    """Draw with our settings; what letters the font here lacks, the browser's fonts have."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
        yield


def _paper(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _two_papers(height: float) -> tuple[Figure, tuple[Axes, Axes]]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    return figure, (top, bottom)


def _percent(axes: Axes, side: Literal["x", "y"], label: str) -> None:
    """Make an axis one of 0 to 100 per cent."""
    axes.set(**{f"{side}label": label, f"{side}lim": (0, 100), f"{side}ticks": range(0, 101, 20)})
    axes.grid(axis=side, color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)


def _percents(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"


def _count(number: int) -> str:
    """At most four characters, which is what fits over a bar."""
    return str(number) if number < 10_000 else f"{number / 1000:.0f}k"


def _shortened(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _drawing(figure: Figure, key: str, title: str, words: str) -> Drawing:
    """Print a figure as SVG that can stand in a page beside others."""
    target = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": key}):  # names inside the file are then the same in every run
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return Drawing(title=title, words=words, svg=inlined(target.getvalue(), key, f"{title}. {words}"))


def inlined(text: str, key: str, label: str) -> str:
    """Turn a file that matplotlib wrote into an element of a page.

    Args:
        text: the file.
        key: goes before every name in it, so that figures of one page do not share any.
        label: what the figure shows.
    """
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(#|href="#)([^")]+)', body))
    box = re.search(r'viewBox="[^"]*"', body)
    head = f'<svg class="drawing" role="img" aria-label="{html.escape(label)}" {box[0] if box else ""}>'
    inside = re.sub(r"<[^>]*>", lambda tag: _tag(tag[0], key, used), body.partition(">")[2])
    return head + re.sub(r">\s+<", "><", inside).strip()


def _tag(tag: str, key: str, used: set[str]) -> str:
    """Rewrite what stands between < and >; the text of the figure stays as it is."""
    tag = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{key}-{found[1]}"' if found[1] in used else "", tag)
    tag = re.sub(r'(url\(#|href="#)', rf"\g<1>{key}-", tag).replace("xlink:href", "href")
    tag = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", tag)
    tag = re.sub(r"; font-family: [^;\"]*", "", tag)
    tag = re.sub(r'\b(?:d|x|y|points|transform)="[^"]*"', lambda found: re.sub(r"(\.\d\d)\d+", r"\1", found[0]), tag)
    return re.sub(r"\s+", " ", tag).replace(" >", ">")
