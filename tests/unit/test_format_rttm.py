"""RTTM, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.rttm import read_rttm, write_rttm
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn
from undertone.testing.timelines import make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

CALL = Recording(path="/calls/call.wav", channels=2, sample_rate=8_000, duration=60.0)


def read(text: str, folder: Path, recording: Recording = CALL) -> tuple[Turn, ...]:
    path = folder / "turns.rttm"
    path.write_text(text, encoding="utf-8")
    return read_rttm(path, recording=recording)


def test_a_line_has_the_ten_fields_of_nist_and_the_emotion_as_orthography():
    timeline = make_timeline(
        make_turn_emotion(1.2, 3.7, speaker="the agent", label="angry", confidence=0.821, channel=1),
        make_turn_emotion(4.0, 4.25, speaker='"Zoë"', abstention=Abstention.UNCERTAIN, confidence=0.3),
        path="/calls/my call.wav",
        channels=2,
    )
    assert write_rttm(timeline) == (
        "SPEAKER my_call 2 1.200 2.500 angry <NA> the_agent 0.8210 <NA>\n"
        "SPEAKER my_call 1 4.000 0.250 <NA> <NA> 'Zoë' <NA> <NA>\n"
    )


def test_the_subtype_is_never_used_because_scorers_stop_at_it():
    timeline = make_timeline(*(make_turn_emotion(second, second + 1.0, label="sad") for second in range(5)))
    assert {line.split()[6] for line in write_rttm(timeline).splitlines()} == {"<NA>"}


def test_the_lines_of_this_recording_are_read_and_others_skipped(tmp_path: Path):
    text = (
        ";; a comment\n\n"
        "SPKR-INFO call 1 <NA> <NA> <NA> unknown A <NA> <NA>\n"
        "SPEAKER other 1 0.0 70.0 <NA> <NA> X <NA> <NA>\n"
        "SPEAKER call 1 1.10 2.20 <NA> <NA> A <NA> <NA>\n"
        "  SPEAKER\tcall  1 2.0 1.0 <NA> <NA> B <NA>\n"
    )
    assert read(text, tmp_path) == (Turn(start=1.1, end=3.3, speaker="A"), Turn(start=2.0, end=3.0, speaker="B"))


def test_channels_count_where_a_second_one_is_named(tmp_path: Path):
    text = "SPEAKER call 1 1 2 <NA> <NA> A <NA> <NA>\nSPEAKER call 2 2 2 <NA> <NA> B <NA> <NA>\n"
    assert [turn.channel for turn in read(text, tmp_path)] == [0, 1]
    assert [turn.channel for turn in read(text.replace("call 2", "call 1"), tmp_path)] == [None, None]


def test_a_third_channel_of_two_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"line 1: there is no channel 2; call\.wav has 2"):
        read("SPEAKER call 3 1 2 <NA> <NA> A <NA> <NA>\n", tmp_path)


def test_lines_of_other_recordings_only_are_refused_with_their_names(tmp_path: Path):
    text = "SPEAKER b 1 1 2 <NA> <NA> A <NA> <NA>\nSPEAKER a 1 1 2 <NA> <NA> A <NA> <NA>\n"
    with pytest.raises(TurnsError, match=r"turns.rttm: it describes 'a', 'b', not 'call'; name the file that belongs"):
        read(text, tmp_path)


def test_a_line_with_too_few_fields_is_refused(tmp_path: Path):
    with pytest.raises(
        TurnsError, match="line 2: it has 7 fields; a SPEAKER line has ten, the eighth names the speaker"
    ):
        read("\nSPEAKER call 1 1 2 <NA> <NA>\n", tmp_path)


@pytest.mark.parametrize("numbers", ["1 x 2", "1 1 2s", "one 1 2", "1,5 1 2"])
def test_fields_that_are_not_numbers_are_refused(numbers: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=f"line 1: the fields channel, start and duration are '{numbers}'; numbers"):
        read(f"SPEAKER call {numbers} <NA> <NA> A <NA> <NA>\n", tmp_path)


def test_a_speaker_that_is_not_named_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 1: the turn has no speaker"):
        read("SPEAKER call 1 1 2 <NA> <NA> <NA> <NA> <NA>\n", tmp_path)


def test_a_turn_of_no_length_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"line 1: a turn runs from 1\.000 s to 1\.000 s; it must end after"):
        read("SPEAKER call 1 1 0 <NA> <NA> A <NA> <NA>\n", tmp_path)


def test_the_excerpts_of_meetings_are_read(data: Path):
    folder = data / "conversations_demo" / "ami_excerpts"
    lines = [line.split() for line in (folder / "train.rttm").read_text(encoding="utf-8").splitlines()]
    for name in sorted({line[1] for line in lines}):
        recording = Recording(path=f"{name}.opus", channels=1, sample_rate=16_000, duration=30.0)
        turns = read_rttm(folder / "train.rttm", recording=recording)
        ours = [line for line in lines if line[1] == name]
        assert [turn.speaker for turn in turns] == [line[7] for line in sorted(ours, key=lambda line: float(line[3]))]
        assert sum(turn.duration for turn in turns) == pytest.approx(sum(float(line[4]) for line in ours))
