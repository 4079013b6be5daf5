"""When the words of a transcript are said in a recording, and in whose turn."""

from __future__ import annotations

import functools
from bisect import bisect_left
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from undertone.audio.load import mono_blocks
from undertone.errors import TranscriptError
from undertone.inference.align import LEAST, align_words
from undertone.inference.phones import recogniser_of
from undertone.records import Word
from undertone.speech.pronounce import pronouncer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from undertone.inference.phones import PhoneNetwork
    from undertone.records import Alignment, Turn
    from undertone.speech.pronounce import Spoken
    from undertone.units import Seconds


def align_recording(
    path: Path, text: str, *, say: Callable[[str], tuple[Spoken, ...]], network: PhoneNetwork, least: float = LEAST
) -> Alignment:
    """Find when each word of a transcript is said in a recording.

    Args:
        path: of the recording; its channels are mixed. Of it memory holds 14 MB an hour, what was heard of its phones.
        text: everything that is said, in order.
        say: pronounces it; see `undertone.speech.pronounce.pronouncer`.
        network: hears phones.
        least: as `align_words`.

    Raises:
        TranscriptError: if there is no word in the text.
        AlignmentError: if it is not what is said.
        AudioError: if the recording cannot be used.
    """
    words = say(text)
    if not words:
        raise TranscriptError(text, "there is no word in it; give what is said in the recording")
    with closing(mono_blocks(path)) as blocks:
        return align_words(network.hear(blocks), words, least=least)


def place_words(path: Path, text: str) -> tuple[Word, ...]:
    """Find when each word of an English transcript is said, with what comes with the package.

    Raises:
        TranscriptError, AlignmentError, AudioError: as `align_recording`.
        MissingExtraError: if the dictionary of pronunciation is not installed.
    """
    found = align_recording(path, text, say=english(), network=_shipped())
    return tuple(
        Word(text=word.label, start=word.start, end=word.end, confidence=round(word.score, 4)) for word in found.words
    )


@functools.cache
def english() -> Callable[[str], tuple[Spoken, ...]]:
    """Make what pronounces English, once for many recordings: reading the dictionary takes longer than most turns."""
    return pronouncer()


@functools.cache
def _shipped() -> PhoneNetwork:
    return recogniser_of()


def middle(word: Word) -> Seconds:
    """Where a word is counted as said."""
    return (word.start + word.end) / 2


def with_words(turn: Turn, words: Sequence[Word]) -> Turn:
    """Give a turn that says nothing of its text the words, in order of their middle, whose middle lies in it."""
    if turn.text is not None:
        return turn
    said = tuple(words[place] for place in _within(turn, words))
    return replace(turn, text=" ".join(word.text for word in said), words=said) if said else turn


def outside(words: Sequence[Word], turns: Sequence[Turn]) -> int:
    """Count the words, in order of their middle, that no turn holds."""
    return len(words) - len({place for turn in turns for place in _within(turn, words)})


def _within(turn: Turn, words: Sequence[Word]) -> range:
    return range(bisect_left(words, turn.start, key=middle), bisect_left(words, turn.end, key=middle))
