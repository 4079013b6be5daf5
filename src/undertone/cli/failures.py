"""How the command line says that something went wrong."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

import click

from undertone.errors import UndertoneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextlib.contextmanager
def as_click_error() -> Iterator[None]:
    """Show an error of ours as one line and leave with status 1."""
    try:
        yield
    except UndertoneError as error:
        raise click.ClickException(str(error)) from error


def report_failures(failures: Sequence[tuple[Path, UndertoneError]], total: int, what: str = "recordings") -> None:
    """List what failed on standard error and leave with status 1; do nothing where nothing failed."""
    if not failures:
        return
    if total > 1:
        click.echo(f"{len(failures)} of {total} {what} failed:", err=True)
    for path, error in failures:
        message = str(error)
        click.echo(f"Error: {message if str(path) in message else f'{path}: {message}'}", err=True)
    sys.exit(1)
