"""Transcripts as they are given on the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from undertone.errors import TranscriptError, TurnsError

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Word

SUFFIX: Final = ".txt"
"""Of the transcripts without times in a folder."""


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


def transcript_for(recording: Path, place: Path) -> str | tuple[Word, ...] | None:
    """Read the transcript of a recording.

    Args:
        recording: heard.
        place: the file itself, or a folder in which it is called as the recording is.

    Returns:
        The text, or words with their times, as the file has them; None where the folder holds none for this recording.

    Raises:
        TranscriptError: as `read_transcript`.
        TurnsError: if words with times cannot be read.
    """
    from undertone.conversation.formats.word_times import WORD_READERS, read_words

    if place.is_dir():
        inside = sorted(item for item in place.iterdir() if item.stem == recording.stem and item.is_file())
        known = [item for item in inside if item.suffix.lower() in (SUFFIX, *WORD_READERS)]
        if not known:
            return None
        if len(known) > 1:
            raise TranscriptError(str(place), f"{' and '.join(item.name for item in known)} are both there; keep one")
        place = known[0]
    return read_words(place) if place.suffix.lower() in WORD_READERS else read_transcript(place)
