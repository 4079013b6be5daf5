"""Progress bars for tests: one that shows nothing, and one that stops what reports to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class PulledPlugError(Exception):
    """Stands for whatever ends a run before its time."""


def silent(_title: str, _total: int) -> Callable[[], None]:
    return lambda: None


def pulling_the_plug(title: str, *, after: int) -> Callable[[str, int], Callable[[], None]]:
    """Count the steps of the bar with that title, and stop the run after some of them."""
    done = 0

    def progress(each: str, _total: int) -> Callable[[], None]:
        def advance() -> None:
            nonlocal done
            done += each == title
            if done == after:
                raise PulledPlugError

        return advance

    return progress
