"""Pages whose numbers stand between two markers, which the scripts beside this write anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.metrics.uncertainty import Estimate


def between(page: str, begin: str, end: str, text: str) -> str:
    """Put a text between the markers of a page, on lines of its own.

    Raises:
        SystemExit: if the page has not each marker once.
    """
    if page.count(begin) != 1 or page.count(end) != 1:
        raise SystemExit(f"the page needs the markers {begin} and {end}, each once")
    before, _, rest = page.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Draw a Markdown table."""
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in (head, ("---",) * len(head), *rows))


def points(value: float, low: float, high: float) -> str:
    """A difference of two shares with its interval, in points."""
    return f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"


def p_value(p: float, equals: str = "") -> str:
    """A p value, after a sign if one is given, or that it is less than what three digits show."""
    return "< 0.001" if p < 0.001 else f"{equals}{p:.3f}"


def estimate(value: Estimate) -> str:
    """A share with its interval, in per cent."""
    return f"{100 * value.value:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
