"""Reading ahead: in order, not too far, and without leaving a thread behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from undertone.inference.ahead import ahead


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "undertone-ahead"]


def test_items_come_in_their_order() -> None:
    assert list(ahead(range(200))) == list(range(200))
    assert threads() == []


def test_nothing_ahead_of_nothing() -> None:
    assert list(ahead([])) == []
    assert list(ahead([None, None])) == [None, None]


def test_items_are_made_in_another_thread() -> None:
    def name() -> Iterator[str]:
        yield threading.current_thread().name

    assert list(ahead(name())) == ["undertone-ahead"]


@pytest.mark.parametrize("error", [ValueError("broken at 3"), KeyboardInterrupt("broken at 3")])
def test_an_error_is_raised_where_the_item_would_be(error: BaseException) -> None:
    def broken() -> Iterator[int]:
        yield from range(3)
        raise error

    seen = []

    def use() -> None:
        for item in ahead(broken()):
            seen.append(item)  # noqa: PERF402  what was seen before the error counts

    with pytest.raises(type(error), match="broken at 3"):
        use()
    assert seen == [0, 1, 2]
    assert threads() == []


@pytest.mark.parametrize("most", [1, 2, 5])
def test_it_is_never_further_ahead_than_asked_for(most: int) -> None:
    made: list[int] = []

    def counted() -> Iterator[int]:
        for number in range(30):
            made.append(number)
            yield number

    for used, _ in enumerate(ahead(counted(), most=most), start=1):
        time.sleep(0.002)
        # One is being used, `most` wait, and one more may be in the maker's hand.
        assert len(made) <= used + most + 1
    assert len(made) == 30


def test_closing_early_stops_the_thread_before_it_makes_much_more() -> None:
    made: list[int] = []
    ended = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                made.append(len(made))
                yield made[-1]
        finally:
            ended.set()

    items = ahead(endless())
    assert next(items) == 0
    items.close()
    assert threads() == []
    assert len(made) <= 4
    assert ended.wait(5)


def test_an_iterator_that_was_never_begun_starts_no_thread() -> None:
    items = ahead(range(3))
    assert threads() == []
    items.close()
