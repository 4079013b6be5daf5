"""Whether turns fit their recording: each rule of `fitting`, at and beyond its tolerance."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from undertone.conversation.formats.fitting import (
    END_TOLERANCE,
    OVERLAP_TOLERANCE,
    DraftTurn,
    check_duration,
    check_name,
    fit_turns,
    is_named,
)
from undertone.errors import TurnsError
from undertone.records import Recording, Turn

FILE = Path("turns.csv")
CALL = Recording(path="/somewhere/call.wav", channels=2, sample_rate=8_000, duration=60.0)


def draft(start: float, end: float, speaker: str = "A", place: str = "line 7", **more: object) -> DraftTurn:
    return DraftTurn(place=place, start=start, end=end, speaker=speaker, **more)


def fit(*drafts: DraftTurn) -> tuple[Turn, ...]:
    return fit_turns(FILE, drafts, recording=CALL)


def test_turns_are_sorted_by_start_and_then_by_channel():
    turns = fit(draft(5, 6), draft(1, 2, "B", channel=1), draft(1, 3, "C", channel=0), draft(1, 4, "D"))
    assert [turn.speaker for turn in turns] == ["D", "C", "B", "A"]


def test_speaker_and_text_are_stripped_and_empty_text_is_none():
    (turn,) = fit(draft(1, 2, "  A \n", text="  hello "))
    assert (turn.speaker, turn.text) == ("A", "hello")
    assert fit(draft(1, 2, text="  "))[0].text is None


def test_half_surrogates_do_not_come_through():
    (turn,) = fit(draft(1, 2, "A\ud83d", text="b\udc00"))
    assert (turn.speaker, turn.text) == ("A\ufffd", "b\ufffd")


def test_no_turns_are_refused():
    with pytest.raises(TurnsError, match=r"turns.csv: it holds no turns; name a file with at least one"):
        fit()


@pytest.mark.parametrize("start", [-0.001, -5.0])
def test_a_turn_before_the_recording_is_refused(start: float):
    with pytest.raises(TurnsError, match=rf"line 7: a turn starts at {start:g} s; a recording starts at 0 s"):
        fit(draft(start, 2))


@pytest.mark.parametrize("end", [3.0, 2.5])
def test_a_turn_that_does_not_end_after_its_start_is_refused(end: float):
    with pytest.raises(TurnsError, match=rf"line 7: a turn runs from 3\.000 s to {end:.3f} s; it must end after"):
        fit(draft(3.0, end))


@pytest.mark.parametrize(("start", "end"), [(math.nan, 2.0), (1.0, math.inf), (-math.inf, 2.0)])
def test_times_that_are_not_numbers_are_refused(start: float, end: float):
    with pytest.raises(
        TurnsError, match=rf"line 7: a turn runs from {start} s to {end} s; times are numbers of seconds"
    ):
        fit(draft(start, end))


def test_a_turn_may_end_a_little_after_the_recording_and_is_clipped():
    assert fit(draft(59.0, 60.0 + END_TOLERANCE))[0].end == 60.0


def test_a_turn_far_after_the_end_is_refused():
    with pytest.raises(
        TurnsError, match=r"line 7: a turn runs from 59\.000 s to 60\.501 s but call\.wav lasts 60\.000 s"
    ):
        fit(draft(59.0, 60.501))


def test_a_turn_wholly_after_the_end_is_refused_even_if_near():
    with pytest.raises(TurnsError, match=r"from 60\.100 s to 60\.300 s but call\.wav lasts 60\.000 s; at most 0\.5 s"):
        fit(draft(60.1, 60.3))


@pytest.mark.parametrize("channel", [2, -1])
def test_a_channel_that_the_recording_lacks_is_refused(channel: int):
    with pytest.raises(TurnsError, match=rf"line 7: there is no channel {channel}; call\.wav has 2, counted from 0"):
        fit(draft(1, 2, channel=channel))


def test_a_turn_without_a_speaker_is_refused():
    with pytest.raises(TurnsError, match="line 7: the turn has no speaker; name one"):
        fit(draft(1, 2, "  "))


def test_a_small_overlap_of_one_speaker_is_trimmed():
    first, second = fit(draft(1, 2), draft(2 - OVERLAP_TOLERANCE, 3, place="line 8"))
    assert (first.end, second.start, second.end) == (2, 2, 3)


def test_a_large_overlap_of_one_speaker_is_refused_with_both_places():
    with pytest.raises(
        TurnsError,
        match=r"line 8: 'A' speaks from 1\.940 s to 3\.000 s although the turn at line 7 lasts until 2\.000 s; "
        r"turns of one speaker may overlap by at most 0\.05 s. Merge",
    ):
        fit(draft(1, 2), draft(1.94, 3, place="line 8"))


def test_a_turn_inside_another_of_its_speaker_is_refused_even_if_short():
    with pytest.raises(TurnsError, match=r"line 8: 'A' speaks from 1\.960 s to 1\.990 s although"):
        fit(draft(1, 2), draft(1.96, 1.99, place="line 8"))


def test_the_same_turn_twice_is_refused():
    with pytest.raises(TurnsError, match="line 8: 'A' speaks from"):
        fit(draft(1, 2), draft(1, 2, place="line 8"))


def test_different_speakers_may_overlap():
    assert len(fit(draft(1, 9, "A"), draft(2, 3, "B"), draft(2, 9, "C"))) == 3


@pytest.mark.parametrize("name", ["call", "call.wav", "call.flac", "call.WAV", "folder/call.mp3"])
def test_a_recording_is_known_by_its_name_with_or_without_suffix(name: str):
    assert is_named(name, CALL)


@pytest.mark.parametrize("name", ["Call", "call2", "call.1", "cal", "", "wav"])
def test_another_name_is_another_recording(name: str):
    assert not is_named(name, CALL)


def test_dots_in_names_are_not_suffixes():
    part = Recording(path="interview.1.wav", channels=1, sample_rate=8_000, duration=60.0)
    assert is_named("interview.1", part)
    assert not is_named("interview.2", part)
    assert not is_named("interview", part)


def test_white_space_in_names_counts_as_an_underscore():
    call = Recording(path="my call.wav", channels=1, sample_rate=8_000, duration=60.0)
    assert is_named("my_call", call)
    assert is_named("my call.wav", call)


@pytest.mark.parametrize("name", ["call.mp4", "Call.wav", "call_16k.wav", "all.wav", "long call.flac", ""])
def test_a_name_that_contains_or_is_contained_is_accepted(name: str):
    check_name(FILE, name, recording=CALL)


def test_a_wholly_different_name_is_refused():
    with pytest.raises(TurnsError, match=r"made for the recording 'interview.wav', not for 'call.wav'; name the file"):
        check_name(FILE, "interview.wav", recording=CALL)


@pytest.mark.parametrize("duration", [59.5, 60.0, 60.5])
def test_a_length_within_the_tolerance_is_accepted(duration: float):
    check_duration(FILE, duration, recording=CALL)


@pytest.mark.parametrize("duration", [59.4, 60.6, 0.0])
def test_another_length_is_refused(duration: float):
    with pytest.raises(TurnsError, match=rf"a recording of {duration:.3f} s but call\.wav lasts 60\.000 s"):
        check_duration(FILE, duration, recording=CALL)
