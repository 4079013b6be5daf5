"""Reading ahead: decoding and voice activity on one core while the network runs on the other."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Made(Generic[Item]):
    item: Item


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


class _Shelf(Generic[Item]):
    """Holds a few items between the thread that makes them and the one that uses them."""

    def __init__(self, most: int) -> None:
        self._entries: queue.Queue[_Made[Item] | _Ended] = queue.Queue(maxsize=most)
        self._closed = threading.Event()

    def fill(self, items: Iterable[Item]) -> None:
        """Make all items, waiting for room, until there are no more or the shelf is closed."""
        try:
            for item in items:
                if not self._put(_Made(item)):
                    return
        except BaseException as error:  # noqa: BLE001  it is raised again on the other side
            self._put(_Ended(error))
        else:
            self._put(_Ended(None))

    def take(self) -> Iterator[Item]:
        """Give the items as they are made, and raise what ended the making."""
        while isinstance(entry := self._entries.get(), _Made):
            yield entry.item
        if entry.error is not None:
            raise entry.error

    def close(self) -> None:
        self._closed.set()

    def _put(self, entry: _Made[Item] | _Ended) -> bool:
        while not self._closed.is_set():
            try:
                self._entries.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False


def ahead(items: Iterable[Item], *, most: int = 2) -> Generator[Item]:
    """Make items in another thread, at most `most` ahead of their use; an error is raised where the item would be.

    Closing the iterator early stops the thread before it makes another item.
    """
    shelf: _Shelf[Item] = _Shelf(most)
    thread = threading.Thread(target=shelf.fill, args=(items,), name="undertone-ahead", daemon=True)
    thread.start()
    try:
        yield from shelf.take()
    finally:
        shelf.close()
        thread.join()
