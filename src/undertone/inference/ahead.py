"""Reading ahead: decoding and voice activity on one core while the network runs on the other."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Made(Generic[Item]):
    item: Item


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


def ahead(items: Iterable[Item], *, most: int = 2) -> Iterator[Item]:
    """Make items in another thread, at most `most` ahead of their use; an error is raised where the item would be.

    Closing the iterator early stops the thread before it makes another item.
    """
    made: queue.Queue[_Made[Item] | _Ended] = queue.Queue(maxsize=most)
    stopped = threading.Event()

    def put(entry: _Made[Item] | _Ended) -> None:
        while not stopped.is_set():
            try:
                return made.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                put(_Made(item))
                if stopped.is_set():
                    return
        except BaseException as error:  # noqa: BLE001  it is raised again on the other side
            put(_Ended(error))
        else:
            put(_Ended(None))

    thread = threading.Thread(target=work, name="undertone-ahead", daemon=True)
    thread.start()
    try:
        while isinstance(entry := made.get(), _Made):
            yield entry.item
        if entry.error is not None:
            raise entry.error
    finally:
        stopped.set()
        thread.join()
