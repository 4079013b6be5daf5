"""Writing so that nothing is ever half-written: beside the target first, renamed into place when complete."""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, BinaryIO

from undertone.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def write_beside(path: Path) -> Iterator[BinaryIO]:
    """Open a hidden file next to `path` for writing bytes; it takes the name `path` only if the block succeeds.

    Raises:
        OutputError: if the folder is missing or cannot be written, or the disk is full; nothing is left behind.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = error.strerror or str(error)
        raise OutputError(
            str(path),
            f"it cannot be written ({reason}); nothing was left behind. Name a folder with room that you may write",
        ) from error
    finally:
        with contextlib.suppress(OSError):  # a name that could not be made cannot be removed either
            beside.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text to `path`, whole or not at all.

    Raises:
        OutputError: as `write_beside`.
    """
    with write_beside(path) as file:
        file.write(text.encode())


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless it is there.

    Raises:
        OutputError: if it cannot be made, or is a file.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(str(path), f"the folder cannot be made ({reason}). Name one that you may write") from error
