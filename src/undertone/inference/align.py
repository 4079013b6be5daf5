"""From what was heard in a recording, and what was said in it, to words, syllables and phones in time."""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import AlignmentError
from undertone.records import Alignment, Segment
from undertone.speech.alignment import AlignedWord, align
from undertone.speech.phones import BLANK, indices_of
from undertone.speech.syllables import syllables_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.phones import PhoneScores
    from undertone.speech.alignment import AlignedPhone
    from undertone.speech.pronounce import Spoken

RUN: Final = 5
"""Words in a row that are looked at together when it is asked whether a transcript fits."""

LEAST: Final = -2.5
"""Fit of a run under which a transcript is refused. Chosen on the backbone's validation speakers: of LibriSpeech all
right transcripts lay above and all wrong ones below; of speechocean762, read by learners of English, one right one in
80 lay below."""


def align_words(heard: PhoneScores, words: Sequence[Spoken], *, least: float = LEAST) -> Alignment:
    """Find when the words of a transcript were said.

    Args:
        heard: in the recording, by `PhoneNetwork.hear`.
        words: of the transcript, in order; see `undertone.speech.pronounce.pronounce`.
        least: what `run_fits` must give for every run of words; −inf accepts anything.

    Raises:
        AlignmentError: if the sound is too short for the words, or they stop fitting it; it names the place.
        ValueError: if there is no word.
    """
    aligned = align(heard.log_probabilities, words)
    _require_fit(aligned, heard, least)
    phones, syllables, told = [], [], []
    for number, word in enumerate(aligned):
        told.append(_segment(word.word, word.phones, heard, number))
        phones += [_segment(phone.phone, (phone,), heard, number) for phone in word.phones]
        parts = syllables_of([phone.phone for phone in word.phones])
        for first, end in pairwise(accumulate((len(part) for part in parts), initial=0)):
            held = word.phones[first:end]
            syllables.append(_segment(" ".join(phone.phone for phone in held), held, heard, number))
    return Alignment(
        duration=float(heard.edges[-1]), words=tuple(told), syllables=tuple(syllables), phones=tuple(phones)
    )


def _segment(label: str, phones: Sequence[AlignedPhone], heard: PhoneScores, word: int) -> Segment:
    unit = AlignedWord(word=label, phones=tuple(phones))
    return Segment(
        label=label,
        start=float(heard.edges[unit.first]),
        end=float(heard.edges[unit.end]),
        score=math.exp(unit.score),
        word=word,
    )


def _require_fit(words: Sequence[AlignedWord], heard: PhoneScores, least: float) -> None:
    """Refuse a transcript with a run of words that was not heard."""
    fits = run_fits(words, heard.log_probabilities)
    worst = int(np.argmax(fits < least))
    if fits[worst] < least:
        said = " ".join(word.word for word in words[worst : worst + RUN])
        raise AlignmentError(
            words[worst].word,
            f"the transcript stops fitting at {heard.edges[words[worst].first]:.2f} s: {said!r} is not heard there. "
            "Is it another recording's, or is something left out? Correct it, or take what comes with --any",
        )


def run_fits(words: Sequence[AlignedWord], heard: NDArray[np.floating]) -> NDArray[np.float64]:
    """Tell how well each run of words fits what was heard from its first phone to its last.

    Args:
        words: aligned.
        heard: natural logarithms of the probabilities of symbols, shape (frame, symbol).

    Returns:
        Mean natural logarithm of the probability of what should be heard, over the frames in which somebody should
        speak, or more probably speaks than not, shape (run,).
    """
    expected = np.full(len(heard), BLANK)
    for word in words:
        for phone in word.phones:
            expected[phone.first : phone.end] = indices_of((phone.phone,))[0]
    found = heard[np.arange(len(expected)), expected].astype(np.float64)
    spoken = (expected != BLANK) | (found < math.log(0.5))
    sums, counts = (np.concatenate(([0], np.cumsum(each))) for each in (found * spoken, spoken))
    last = min(RUN, len(words)) - 1
    starts = [word.first for word in words[: len(words) - last]]
    ends = [word.end for word in words[last:]]
    fits: NDArray[np.float64] = (sums[ends] - sums[starts]) / (counts[ends] - counts[starts])
    return fits
