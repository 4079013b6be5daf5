"""Transcripts as they are given on the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from undertone.errors import TranscriptError, TurnsError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".txt"
"""Of the transcripts in a folder."""


def read_transcript(path: Path) -> str:
    """Read a text file, or standard input where the path is `-`.

    Raises:
        TranscriptError: if it cannot be read, or holds no text.
    """
    from undertone.conversation.formats.sources import read_text

    if str(path) == "-":
        return sys.stdin.read()
    try:
        return read_text(path)
    except TurnsError as error:
        raise TranscriptError(str(path), error.problem) from error


def transcript_for(recording: Path, place: Path) -> str | None:
    """Read the transcript of a recording.

    Args:
        recording: heard.
        place: the text file itself, or a folder in which it is called as the recording is.

    Returns:
        The text; None where the folder holds none for this recording.

    Raises:
        TranscriptError: as `read_transcript`.
    """
    if not place.is_dir():
        return read_transcript(place)
    path = place / f"{recording.stem}{SUFFIX}"
    return read_transcript(path) if path.is_file() else None
