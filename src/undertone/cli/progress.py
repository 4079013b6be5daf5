"""Progress bars on standard error, with the time left; nothing where standard error is no terminal."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.progress import Progress

    from undertone.units import Seconds

    Advance = Callable[[Seconds, Seconds | None], None]
    """Takes the seconds heard and, where known, the seconds in all."""


class RecordingsProgress(Protocol):
    """How far a batch of recordings is; several of them may be heard at once, in threads of their own."""

    def recording(self, name: str) -> contextlib.AbstractContextManager[Advance]:
        """Show a recording while it is heard."""

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Make room for output."""


class _Silent:
    def recording(self, name: str) -> contextlib.AbstractContextManager[Advance]:  # noqa: ARG002
        return contextlib.nullcontext(lambda _heard, _total: None)

    def paused(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class _Bars:
    def __init__(self, progress: Progress, recordings: int) -> None:
        self._progress = progress
        self._all = progress.add_task("recordings", total=recordings, visible=recordings > 1)

    @contextlib.contextmanager
    def recording(self, name: str) -> Iterator[Advance]:
        one = self._progress.add_task(name, total=None)
        try:
            yield lambda heard, total: self._progress.update(one, completed=heard, total=total)
        finally:
            self._progress.remove_task(one)
            self._progress.advance(self._all)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self._progress.stop()
        try:
            yield
        finally:
            self._progress.start()


@contextlib.contextmanager
def recordings_progress(recordings: int, *, quiet: bool) -> Iterator[RecordingsProgress]:
    """Show how far a batch of recordings is."""
    if quiet or not sys.stderr.isatty():
        yield _Silent()
        return
    with _bars() as progress:
        yield _Bars(progress, recordings)


@contextlib.contextmanager
def steps_progress(*, quiet: bool = False) -> Iterator[Callable[[str, int], Callable[[], None]]]:
    """Show how far a run of several stages is: each call opens a bar and returns what advances it by one.

    Without a terminal, a line is written when a stage begins and for every tenth of it.
    """
    if quiet:
        yield lambda _title, _total: lambda: None
    elif sys.stderr.isatty():
        with _bars() as progress:

            def begin(title: str, total: int) -> Callable[[], None]:
                task = progress.add_task(title, total=total)
                return lambda: progress.advance(task)

            yield begin
    else:
        yield _log_steps


def _log_steps(title: str, total: int) -> Callable[[], None]:
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if done * 10 // total > (done - 1) * 10 // total:
            sys.stderr.write(f"{title}: {done} of {total}\n")

    return advance


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
