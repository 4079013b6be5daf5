"""The emotion diarization error rate, counted by hand, by tiny frames, and by its laws."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.errors import UsageError
from undertone.metrics.diarization import EmotionErrors, conversation_errors, emotion_errors

DURATION = 12
LABELS = ("neutral", "happy", "sad")

Segments = list[tuple[float, float, str]]


@st.composite
def tracks(draw: st.DrawFn, *, overlapping: bool) -> Segments:
    """Segments on whole quarters of a second."""
    cuts = sorted(draw(st.sets(st.integers(0, 4 * DURATION), min_size=2, max_size=8)))
    spans = list(itertools.pairwise(cuts))
    if overlapping:
        spans += draw(st.lists(st.tuples(st.integers(0, 20), st.integers(20, 48)), max_size=3))
    return [(start / 4, end / 4, draw(st.sampled_from(LABELS))) for start, end in spans]


def by_frames(truth: Segments, found: Segments) -> EmotionErrors:
    """The definition, one quarter of a second at a time."""
    counts = dict.fromkeys(("missed", "false_alarm", "confusion", "overlap"), 0)
    for frame in range(4 * DURATION):
        middle = (frame + 0.5) / 4
        there, heard = (
            {emotion for start, end, emotion in segments if start <= middle < end and emotion != "neutral"}
            for segments in (truth, found)
        )
        counts["missed"] += bool(there) and not heard
        counts["false_alarm"] += bool(heard) and not there
        counts["confusion"] += bool(there and heard) and not there & heard
        counts["overlap"] += bool(there & heard) and there != heard
    return EmotionErrors(**{name: count / 4 for name, count in counts.items()}, duration=DURATION)


@given(truth=tracks(overlapping=False), found=tracks(overlapping=True))
def test_sweeping_is_counting_frames(truth: Segments, found: Segments) -> None:
    assert emotion_errors(truth, found, duration=DURATION) == by_frames(truth, found)


@given(truth=tracks(overlapping=False), found=tracks(overlapping=True), seed=st.integers(0, 99))
def test_neither_the_order_of_segments_nor_cutting_one_in_two_matters(
    truth: Segments, found: Segments, seed: int
) -> None:
    expected = emotion_errors(truth, found, duration=DURATION)
    rng = np.random.default_rng(seed)
    start, end, emotion = found[0]
    pieces = [(start, (start + end) / 2, emotion), ((start + end) / 2, end, emotion), *found[1:]]
    mixed = [pieces[index] for index in rng.permutation(len(pieces))]
    assert emotion_errors(truth[::-1], mixed, duration=DURATION) == expected


@given(truth=tracks(overlapping=False))
def test_what_is_right_has_no_error(truth: Segments) -> None:
    assert emotion_errors(truth, truth, duration=DURATION).rate == 0


@given(truth=tracks(overlapping=False), found=tracks(overlapping=True))
def test_the_rate_of_one_track_lies_between_0_and_1(truth: Segments, found: Segments) -> None:
    assert 0 <= emotion_errors(truth, found, duration=DURATION).rate <= 1


def test_the_four_errors_are_those_of_the_paper() -> None:
    truth = [(1.0, 5.0, "angry"), (5.0, 6.0, "neutral")]
    found = [(0.0, 2.0, "neutral"), (2.0, 3.5, "sad"), (3.5, 5.5, "angry"), (4.0, 4.25, "sad")]
    errors = emotion_errors(truth, found, duration=10.0)
    assert errors == EmotionErrors(missed=1.0, false_alarm=0.5, confusion=1.5, overlap=0.25, duration=10.0)
    assert errors.rate == pytest.approx(0.325)


def test_the_published_example_gives_its_number() -> None:
    """The example beside the authors' implementation: frames of 0.2 s, of which the last three are angry."""
    errors = emotion_errors([(0.39, 1.10, "angry")], [(0.0, 0.6, "neutral"), (0.6, 1.2, "angry")], duration=1.22)
    assert errors.missed == pytest.approx(0.21)
    assert errors.false_alarm == pytest.approx(0.10)
    # The authors count time after the last frame, 0.02 s, as wrong; nothing was found there, and nothing is there.
    assert errors.rate + 0.02 / 1.22 == pytest.approx(0.2704918032786885)


def test_speakers_are_judged_each_by_themselves() -> None:
    truth = {"agent": [(0.0, 2.0, "happy")], "caller": [(1.0, 4.0, "sad")], "silent": []}
    found = {"agent": [(0.0, 2.0, "happy")], "caller": [(1.0, 3.0, "happy"), (3.0, 4.0, "sad")]}
    errors = conversation_errors(truth, found, duration=4.0)
    assert errors == EmotionErrors(missed=0, false_alarm=0, confusion=2.0, overlap=0, duration=12.0)


def test_inventing_a_speaker_never_lowers_the_rate() -> None:
    truth = {"agent": [(0.0, 2.0, "happy")]}
    alone = conversation_errors(truth, {}, duration=4.0)
    assert alone.rate == 0.5
    assert conversation_errors(truth, {"ghost": [(0.0, 4.0, "neutral")]}, duration=4.0).rate == 0.5
    assert conversation_errors(truth, {"ghost": [(0.0, 1.0, "sad")]}, duration=4.0).rate == 0.75


def test_no_time_and_no_speaker_give_nan() -> None:
    assert math.isnan(emotion_errors([], [], duration=0.0).rate)
    assert math.isnan(conversation_errors({}, {"ghost": [(0.0, 1.0, "sad")]}, duration=4.0).rate)


@pytest.mark.parametrize("segment", [(-1.0, 2.0, "sad"), (3.0, 2.0, "sad"), (1.0, 9.0, "sad"), (1.0, math.nan, "sad")])
def test_a_segment_outside_the_duration_is_refused(segment: tuple[float, float, str]) -> None:
    start, end, _ = segment
    with pytest.raises(UsageError, match=rf"segment {start:g} to {end:g} s \(sad\) does not lie .* 0 to 8 s; correct"):
        emotion_errors([], [segment], duration=8.0)


def test_two_emotions_at_once_in_the_truth_are_refused() -> None:
    with pytest.raises(UsageError, match="truth has happy and sad at once at 1 s; one emotion at a time"):
        emotion_errors([(0.0, 2.0, "sad"), (1.0, 3.0, "happy")], [], duration=3.0)
