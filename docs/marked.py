"""Pages whose numbers stand between two markers, which the scripts beside this write anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def estimate(value: Estimate) -> str:
    """A share with its interval, in per cent."""
    return f"{100 * value.value:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
