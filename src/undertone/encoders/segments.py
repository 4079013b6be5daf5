"""Where the phones, syllables and words of an utterance lie, on the frames of a phone recogniser of our own.

From an English transcript by forced alignment. Where there is none, or it does not fit, phones are those that are
recognised, syllables are made of them, and words are not known.
"""

from __future__ import annotations

from importlib.metadata import version
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import numpy as np

from undertone.encoders.base import Encoder
from undertone.encoders.recogniser import frames
from undertone.errors import AlignmentError, TranscriptError
from undertone.metrics.calibration import softmax
from undertone.speech.alignment import align
from undertone.speech.greedy import greedy
from undertone.speech.phones import SYMBOLS
from undertone.speech.pronounce import pronouncer
from undertone.speech.syllables import syllables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.encoders.base import Layout, Told
    from undertone.speech.pronounce import Spoken

UNITS: Final = ("utterance", "phone", "syllable", "word")
"""What a segment is, by the number that stands for it; the first spans everything, and is always there."""

LONGEST_TAIL: Final = 5
"""Frames of 40 ms: a recognised phone lasts until the next one, but no longer than so many behind its peak."""


class Unit(NamedTuple):
    """A segment."""

    kind: int
    """Index into `UNITS`."""
    first: int
    """Its first frame."""
    end: int
    """The frame after its last."""


def segments(rest: str) -> Encoder:
    """Build `segments:FOLDER`: one row a segment, its kind, first frame and the one after its last, shape (3,).

    Args:
        rest: as for `asr-frames`, on whose frames the segments lie.

    Raises:
        ConfigError, BundleError: as `undertone.encoders.recogniser.frames`.
    """
    heard = frames(rest)
    layout = cast("Layout", heard.layout)  # encoders of frames have one
    say = pronouncer()

    def encode(utterances: Sequence[Told]) -> list[NDArray[np.floating]]:
        rows = heard.encode([each.samples for each in utterances])
        return [
            np.array(_units(row, each, layout, say) if len(row) else [], dtype=np.float32).reshape(-1, 3)
            for row, each in zip(rows, utterances, strict=True)
        ]

    return Encoder(
        name=f"segments:{heard.name.partition(':')[2]}",
        revision=f"1, {heard.revision}, pocketsphinx {version('pocketsphinx')}",
        source=heard.source,
        weights=heard.weights,
        row_shape=(3,),
        rows="segment",
        dtype="float32",
        encode=encode,
        reads="both",
        batch=heard.batch,
    )


def _units(
    rows: NDArray[np.floating], told: Told, layout: Layout, say: Callable[[str], tuple[Spoken, ...]]
) -> list[Unit]:
    scores = rows[:, layout.blocks * layout.width :].astype(np.float64)
    found = [Unit(0, 0, len(rows))]
    if told.language == "en" and told.text.strip():
        try:
            return found + aligned_units(np.log(softmax(scores)), say(told.text))
        except (AlignmentError, TranscriptError):
            pass  # another text than what was said; the sound alone tells its phones
    return found + recognised_units(scores)


def aligned_units(log_probabilities: NDArray[np.float64], words: Sequence[Spoken]) -> list[Unit]:
    """Find the segments of a transcript.

    Raises:
        AlignmentError: if it is not what was said.
        TranscriptError: if it holds no word.
    """
    if not words:
        raise TranscriptError("", "it holds no word")
    found = []
    for word in align(log_probabilities, words):
        found += [Unit(1, phone.first, phone.end) for phone in word.phones]
        found += _syllables([(phone.phone, phone.first, phone.end) for phone in word.phones])
        found.append(Unit(3, word.first, word.end))
    return found


def recognised_units(scores: NDArray[np.floating]) -> list[Unit]:
    """Find the phones that are recognised, and make syllables of those that touch each other.

    Args:
        scores: of symbols, shape (frame, symbol), on any scale.
    """
    heard = greedy(scores)
    following = [*(each.first for each in heard[1:]), len(scores)]
    phones = [
        (SYMBOLS[each.symbol], each.first, min(after, each.end + LONGEST_TAIL))
        for each, after in zip(heard, following, strict=False)  # of silence there is none
    ]
    found = [Unit(1, first, end) for _, first, end in phones]
    touching: list[tuple[str, int, int]] = []
    for phone in phones:
        if touching and touching[-1][2] < phone[1]:
            found += _syllables(touching)
            touching = []
        touching.append(phone)
    return found + (_syllables(touching) if touching else [])


def _syllables(phones: Sequence[tuple[str, int, int]]) -> list[Unit]:
    """Make syllables of phones, each with its first frame and the one after its last."""
    parts = syllables_of([name for name, _, _ in phones])
    return [
        Unit(2, phones[start][1], phones[end - 1][2])
        for start, end in pairwise(accumulate((len(part) for part in parts), initial=0))
    ]
