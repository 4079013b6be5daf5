"""When the words of a transcript are said in a recording, and in whose turn."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from undertone.audio.load import mono_blocks
from undertone.errors import TranscriptError
from undertone.inference.align import align_words
from undertone.inference.phones import recogniser_of
from undertone.records import Word
from undertone.speech.pronounce import pronouncer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from undertone.records import Turn


def place_words(path: Path, text: str) -> tuple[Word, ...]:
    """Find when each word of an English transcript is said.

    Args:
        path: of the recording; its channels are mixed. Of it memory holds 14 MB an hour, what was heard of its phones.
        text: everything that is said, in order.

    Raises:
        TranscriptError: if there is no word in the text.
        AlignmentError: if it is not what is said.
        AudioError: if the recording cannot be used.
        MissingExtraError: if the dictionary of pronunciation is not installed.
    """
    words = pronouncer()(text)
    if not words:
        raise TranscriptError(text, "there is no word in it; give what is said in the recording")
    with closing(mono_blocks(path)) as blocks:
        found = align_words(recogniser_of().hear(blocks), words)
    return tuple(
        Word(text=word.label, start=word.start, end=word.end, confidence=round(word.score, 4)) for word in found.words
    )


def with_words(turn: Turn, words: Sequence[Word]) -> Turn:
    """Give a turn that says nothing of its text the words whose middle lies in it."""
    if turn.text is not None:
        return turn
    said = tuple(word for word in words if turn.start <= (word.start + word.end) / 2 < turn.end)
    return replace(turn, text=" ".join(word.text for word in said), words=said) if said else turn


def outside(words: Sequence[Word], turns: Sequence[Turn]) -> int:
    """Count the words that no turn holds."""
    return sum(not any(turn.start <= (word.start + word.end) / 2 < turn.end for turn in turns) for word in words)
