"""Alignments as files: TextGrid for Praat and ELAN, CTM for the tools of speech recognition, JSON for programs.

Source of CTM: NIST's sclite, section "ctm": `RECORDING CHANNEL START DURATION WORD CONFIDENCE`, a line a word.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, NamedTuple

from undertone.conversation.formats.textgrid import write_alignment as as_textgrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from undertone.records import Alignment, Segment

FORMAT: Final = 1
"""Version of the JSON."""


def as_json(alignment: Alignment, name: str) -> str:
    """Write words, syllables and phones with their scores."""
    found = {
        "format": FORMAT,
        "recording": name,
        "duration": round(alignment.duration, 3),
        "words": [_told(item) for item in alignment.words],
        "syllables": [_told(item) for item in alignment.syllables],
        "phones": [_told(item) for item in alignment.phones],
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _told(item: Segment) -> dict[str, object]:
    return asdict(item) | {"start": round(item.start, 3), "end": round(item.end, 3), "score": round(item.score, 4)}


def as_ctm(alignment: Alignment, name: str) -> str:
    """Write the words; spaces in the recording's name become underscores, since fields are split at them."""
    name = re.sub(r"\s+", "_", name)
    return "".join(
        f"{name} 1 {item.start:.3f} {item.end - item.start:.3f} {item.label} {item.score:.4f}\n"
        for item in alignment.words
    )


class Writer(NamedTuple):
    """A kind of file."""

    suffix: str
    write: Callable[[Alignment, str], str]
    """Called with the recording's name."""


WRITERS: Final = {
    "textgrid": Writer(".TextGrid", lambda alignment, _: as_textgrid(alignment)),
    "json": Writer(".json", as_json),
    "ctm": Writer(".ctm", as_ctm),
}
