"""Writing so that nothing is ever half-written: beside the target first, renamed into place when complete."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
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
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes to `path`, whole or not at all.

    Raises:
        OutputError: as `write_beside`.
    """
    with write_beside(path) as file:
        file.write(content)


def install_folder(folder: Path, target: Path, *, mark: str, what: str) -> None:
    """Copy a finished folder to where it will be loaded from; one of its kind that is there is replaced.

    Args:
        folder: to copy.
        target: its new place.
        mark: the file by which a folder of this kind is known.
        what: people call it.

    Raises:
        OutputError: if something else is there, or the copy cannot be written.
    """
    if target.exists() and not (target / mark).is_file() and not (target.is_dir() and not any(target.iterdir())):
        raise OutputError(
            str(target), f"it holds something other than a {what}, which would be lost; name a new folder, or remove it"
        )
    part = target.with_name(f".{target.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        shutil.copytree(folder, part)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except OSError as error:
        raise OutputError(
            str(target), f"the {what} cannot be put there ({error}); name a folder with room that you may write"
        ) from error


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
