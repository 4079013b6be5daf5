"""The records that pass between the stages, and the conversions of time."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.records import (
    Abstention,
    Recording,
    Timeline,
    Turn,
    TurnEmotion,
    Utterance,
    Waveform,
    Window,
    Word,
    frozen_array,
)
from undertone.testing.timelines import make_timeline, make_turn_emotion
from undertone.units import SAMPLE_RATE, clock, exact_div, samples_for, seconds_for

TURN = Turn(start=0.5, end=2.0, speaker="Anna")
EVEN = np.full(7, 1 / 7, dtype=np.float32)
RECORDS: tuple[Any, ...] = (
    Waveform(samples=np.zeros(3, dtype=np.float32)),
    Recording(path="call.wav", channels=1, sample_rate=8000, duration=1.0),
    Word(text="yes", start=0.0, end=0.5),
    TURN,
    Window(start=0.0, end=1.0, probabilities=EVEN),
    TurnEmotion(turn=TURN, probabilities=EVEN, label="sad"),
    make_timeline(),
    Utterance(id="a", path="a.wav", corpus="c", speaker="s", language="de", emotion=None, duration=1.0),
)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_no_field_of_a_record_can_be_set(record: Any) -> None:
    for item in dataclasses.fields(record):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(record, item.name, None)


@pytest.mark.parametrize(
    "array",
    [RECORDS[0].samples, RECORDS[4].probabilities, RECORDS[5].probabilities],
    ids=["Waveform", "Window", "TurnEmotion"],
)
def test_no_number_in_a_record_can_be_changed(array: np.ndarray) -> None:
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1.0


def test_an_array_in_a_record_is_a_copy() -> None:
    samples = np.zeros(3, dtype=np.float32)
    held = Waveform(samples=samples)
    samples[0] = 1.0
    assert held.samples.tolist() == [0.0, 0.0, 0.0]


def test_numbers_of_any_kind_become_float32() -> None:
    array = frozen_array([1, 2.5])
    assert array.dtype == np.float32
    assert not array.flags.writeable


def test_a_waveform_lasts_as_long_as_its_samples() -> None:
    assert Waveform(samples=np.zeros(4000, dtype=np.float32), sample_rate=8000).duration == 0.5


def test_a_waveform_of_two_axes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a waveform has one axis \(sample,\), not shape \(10, 2\)"):
        Waveform(samples=np.zeros((10, 2), dtype=np.float32))


@pytest.mark.parametrize(("start", "end"), [(-0.1, 1.0), (2.0, 2.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)])
def test_a_turn_with_impossible_times_is_refused(start: float, end: float) -> None:
    with pytest.raises(ValueError, match=f"a turn runs from 0 s or later .*, not from {start} s to {end} s"):
        Turn(start=start, end=end, speaker="Anna")


def test_a_turn_lasts_from_its_start_to_its_end() -> None:
    assert TURN.duration == 1.5


@pytest.mark.parametrize(("label", "abstention"), [("sad", Abstention.UNCERTAIN), (None, None)])
def test_a_turn_has_a_label_or_a_reason_to_abstain(label: str | None, abstention: Abstention | None) -> None:
    said = f"a turn has a label or a reason to abstain, not {label!r} and {abstention!r}"
    with pytest.raises(ValueError, match=said):
        TurnEmotion(turn=TURN, probabilities=EVEN, label=label, abstention=abstention)


def test_confidence_is_the_highest_probability() -> None:
    probabilities = [0.1, 0.2, 0.7, 0.0, 0.0, 0.0, 0.0]
    heard = TurnEmotion(turn=TURN, probabilities=frozen_array(probabilities), label="sad")
    assert heard.confidence == pytest.approx(0.7)


def test_a_turn_that_was_not_judged_has_no_confidence() -> None:
    assert TurnEmotion(turn=TURN, probabilities=None, label=None, abstention=Abstention.SILENT).confidence is None


def test_speakers_come_in_order_of_first_appearance() -> None:
    names = ("Ben", "Anna", "Ben")
    turns = [make_turn_emotion(start, start + 1.0, speaker=name) for start, name in enumerate(names)]
    timeline: Timeline = make_timeline(*turns)
    assert timeline.speakers == ("Ben", "Anna")


@given(samples=st.integers(0, 10**10), sample_rate=st.integers(1, 384_000))
def test_samples_become_seconds_and_come_back(samples: int, sample_rate: int) -> None:
    assert samples_for(seconds_for(samples, sample_rate), sample_rate) == samples


@given(samples=st.integers(0, 10**6), length=st.integers(0, 10**6))
def test_equal_lengths_stay_equal_wherever_they_are(samples: int, length: int) -> None:
    """Halves are rounded up, never to even: 0.5 and 1.5 samples are 1 and 2."""
    half = 0.5
    assert samples_for(samples + half, 1) == samples + 1
    assert samples_for(samples + length + half, 1) - samples_for(samples + half, 1) == length


@pytest.mark.parametrize("seconds", [-0.001, math.nan, math.inf, -math.inf])
def test_a_length_of_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"a length of time must be a number of seconds from 0 up, not {seconds}"):
        samples_for(seconds, SAMPLE_RATE)


@pytest.mark.parametrize("sample_rate", [0, -8000])
def test_a_sample_rate_that_is_none_is_refused(sample_rate: int) -> None:
    with pytest.raises(ValueError, match=f"a sample rate must be positive, not {sample_rate} Hz"):
        samples_for(1.0, sample_rate)


def test_division_without_a_rest_divides() -> None:
    assert exact_div(16_000, 100) == 160


def test_division_with_a_rest_is_refused() -> None:
    with pytest.raises(ValueError, match="7 does not divide 100"):
        exact_div(100, 7)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0.0, "0:00.0"),
        (7.34, "0:07.3"),
        (59.95, "1:00.0"),
        (725.0, "12:05.0"),
        (3599.96, "1:00:00.0"),
        (3723.4, "1:02:03.4"),
        (36_000.0, "10:00:00.0"),
    ],
)
def test_times_are_written_for_people(seconds: float, written: str) -> None:
    assert clock(seconds) == written
