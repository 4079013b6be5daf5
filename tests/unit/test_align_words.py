"""From scores of frames to words, syllables and phones in seconds, and transcripts that do not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_scores import heard_for

from undertone.audio.stretches import frame_begins
from undertone.errors import AlignmentError
from undertone.inference.align import align_words, run_fits
from undertone.inference.phones import PhoneScores
from undertone.speech.alignment import align
from undertone.speech.pronounce import Spoken

WORDS = {"happy": "HH AE P IY", "dog": "D AO G", "see": "S IY", "bay": "B EY", "shoe": "SH UW", "tie": "T AY"}


def said(*names: str) -> list[Spoken]:
    return [Spoken(word=name, pronunciations=(tuple(WORDS[name].split()),), known=True) for name in names]


def heard(*parts: str, each: int = 3, sure: float = 8.0) -> PhoneScores:
    """Scores of words, each phone of some frames; `-` is a pause of ten frames. A frame is 40 ms."""
    runs = [run for part in parts for run in ([("-", 10)] if part == "-" else [(p, each) for p in WORDS[part].split()])]
    scores = heard_for(*runs, sure=sure).astype(np.float32)
    return PhoneScores(log_probabilities=scores, edges=0.04 * np.arange(len(scores) + 1))


def test_words_syllables_and_phones_are_told_in_seconds() -> None:
    found = align_words(heard("-", "happy", "dog", "-"), said("happy", "dog"))
    assert [(item.label, item.word) for item in found.words] == [("happy", 0), ("dog", 1)]
    assert [(item.start, item.end) for item in found.words] == [
        (pytest.approx(0.4), pytest.approx(0.88)),
        (pytest.approx(0.88), pytest.approx(1.24)),
    ]
    assert [(item.label, item.word) for item in found.syllables] == [("HH AE", 0), ("P IY", 0), ("D AO G", 1)]
    assert [item.label for item in found.phones] == ["HH", "AE", "P", "IY", "D", "AO", "G"]
    assert found.duration == pytest.approx(1.64)
    for finer, coarser in ((found.phones, found.syllables), (found.syllables, found.words)):
        assert {item.start for item in coarser} <= {item.start for item in finer}
        assert {item.end for item in coarser} <= {item.end for item in finer}


def test_a_score_is_the_geometric_mean_of_probabilities() -> None:
    sound = heard("dog", sure=2.0)
    found = align_words(sound, said("dog"), least=-math.inf)
    assert found.words[0].score == pytest.approx(math.exp(sound.log_probabilities.max(axis=1).mean()), rel=1e-5)


def test_another_recordings_transcript_is_refused_at_the_place_where_it_stops_fitting() -> None:
    right = ("happy", "dog", "see", "bay", "shoe", "tie", "see", "dog")
    wrong = said(*right[:3], "tie", "tie", "happy", "happy", "see")
    with pytest.raises(
        AlignmentError, match=r"at 'dog': the transcript stops fitting at 0\.48 s: 'dog see tie tie happy'"
    ):
        align_words(heard(*right), wrong)
    assert len(align_words(heard(*right), wrong, least=-math.inf).words) == 8


def test_speech_that_the_transcript_leaves_out_counts_against_it() -> None:
    before, after = ("tie", "happy", "see", "bay", "happy"), ("tie", "see", "happy", "bay", "happy")
    words = said(*before, *after)
    left_out = heard(*before, "dog", "see", "bay", *after)
    assert run_fits(align(left_out.log_probabilities, words), left_out.log_probabilities).min() < -2.5
    silence = heard(*before, "-", "-", *after)
    assert run_fits(align(silence.log_probabilities, words), silence.log_probabilities).min() > -0.1


def test_frames_stand_in_the_middle_of_what_they_look_at() -> None:
    begins = frame_begins(np.arange(4))
    assert begins[0] == 0
    assert np.diff(begins[1:]).tolist() == [640, 640]
    # The second frame's features look at samples 640 to 1040 and those of its three neighbours: its middle is 840.
    assert begins[1] + 320 == 840
