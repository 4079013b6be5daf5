"""Several recordings at once. One by itself keeps little more than one core busy: its parts wait for each other."""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeVar

from undertone.errors import UndertoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from concurrent.futures import Future

    Check = Callable[[], None]
    """Called now and then by work that may be given up; raises if it is."""

Item = TypeVar("Item")
Made = TypeVar("Made")

MOST_AT_ONCE: Final = 8
"""Recordings, however many cores there are: each holds blocks of sound of its own."""

AHEAD: Final = 4
"""Results for each that is worked on, that may wait for one before them."""


class GivenUpError(Exception):
    """Nobody waits for this work any more."""


def at_once() -> int:
    """How many recordings this machine is to work on at once."""
    return min(os.cpu_count() or 1, MOST_AT_ONCE)


def results_of(
    items: Iterable[Item], work: Callable[[Item, Check], Made], *, side_by_side: int
) -> Generator[tuple[Item, Made | UndertoneError]]:
    """Do some work on every item, and give what it made, or why it could not, in the order of the items.

    Closing the iterator, or an error that is not ours, gives up what is still worked on.

    Args:
        items: each worked on by itself.
        work: must be safe to call from several threads, and should call what it is given as its second argument often.
        side_by_side: items that are worked on at once; with 1 no thread is started.
    """
    if side_by_side == 1:
        for item in items:
            yield item, _made(work, item, lambda: None)
        return
    given_up = threading.Event()

    def check() -> None:
        if given_up.is_set():
            raise GivenUpError

    waiting: deque[tuple[Item, Future[Made | UndertoneError]]] = deque()
    with ThreadPoolExecutor(side_by_side, thread_name_prefix="undertone-batch") as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(_made, work, item, check)))
                if len(waiting) > AHEAD * side_by_side:
                    yield _next(waiting)
            while waiting:
                yield _next(waiting)
        finally:
            given_up.set()
            for _, future in waiting:
                future.cancel()


def _made(work: Callable[[Item, Check], Made], item: Item, check: Check) -> Made | UndertoneError:
    try:
        check()
        return work(item, check)
    except UndertoneError as error:
        return error


def _next(waiting: deque[tuple[Item, Future[Made | UndertoneError]]]) -> tuple[Item, Made | UndertoneError]:
    item, future = waiting.popleft()
    return item, future.result()
