"""Several recordings at once: in order, past failures, and without leaving work behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from undertone.errors import UndertoneError, UsageError
from undertone.inference.batch import AHEAD, MOST_AT_ONCE, at_once, results_of

SIDES = (1, 2, 5)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("undertone-batch")]


@pytest.mark.parametrize("side_by_side", SIDES)
def test_results_come_in_the_order_of_the_items(side_by_side: int) -> None:
    def slow_first(item: int, _check: Callable[[], None]) -> int:
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    found = list(results_of(range(40), slow_first, side_by_side=side_by_side))
    assert found == [(item, item * item) for item in range(40)]
    assert threads() == []


@pytest.mark.parametrize("side_by_side", SIDES)
def test_our_errors_are_results_and_others_end_it(side_by_side: int) -> None:
    def work(item: int, _check: Callable[[], None]) -> int:
        if item == 3:
            raise UsageError("3 is odd")
        if item == 5:
            raise ZeroDivisionError
        return item

    found: list[tuple[int, int | UndertoneError]] = []

    def take() -> None:
        for each in results_of(range(9), work, side_by_side=side_by_side):
            found.append(each)  # noqa: PERF402  what came before the error counts

    with pytest.raises(ZeroDivisionError):
        take()
    assert [item for item, _ in found] == [0, 1, 2, 3, 4]
    assert str(found[3][1]) == "3 is odd"
    assert threads() == []


def test_items_are_worked_on_at_once_and_no_more_than_asked_for() -> None:
    together, most, running = threading.Barrier(3, timeout=20), 0, 0
    lock = threading.Lock()

    def work(_item: int, _check: Callable[[], None]) -> None:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        together.wait()  # breaks if fewer than three are at work
        with lock:
            running -= 1

    assert len(list(results_of(range(9), work, side_by_side=3))) == 9
    assert most == 3


def test_no_more_is_begun_than_may_wait() -> None:
    begun: list[int] = []

    def counted() -> Iterator[int]:
        for item in range(100):
            begun.append(item)
            yield item

    results = results_of(counted(), lambda item, _check: item, side_by_side=2)
    for taken in range(1, 40):
        next(results)
        assert len(begun) <= taken + 2 * AHEAD
    results.close()


def test_work_that_nobody_waits_for_is_given_up() -> None:
    started, ended = threading.Event(), threading.Event()

    def endless(item: int, check: Callable[[], None]) -> int:
        if item == 0:
            started.wait(20)
            return item
        started.set()
        try:
            while True:
                check()
                time.sleep(0.001)
        finally:
            ended.set()

    results = results_of(range(2), endless, side_by_side=2)
    assert next(results) == (0, 0)
    results.close()
    assert ended.is_set()
    assert threads() == []


@pytest.mark.parametrize(("cores", "wanted"), [(None, 1), (1, 1), (2, 2), (96, MOST_AT_ONCE)])
def test_a_machine_is_filled_but_not_without_end(
    monkeypatch: pytest.MonkeyPatch, cores: int | None, wanted: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    assert at_once() == wanted
