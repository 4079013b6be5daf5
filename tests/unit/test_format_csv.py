"""Tables of turns, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.csv_rows import read_csv, write_csv
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn
from undertone.testing.timelines import make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

CALL = Recording(path="/calls/call.wav", channels=2, sample_rate=8_000, duration=60.0)


def read(text: str, folder: Path, name: str = "turns.csv", encoding: str = "utf-8") -> tuple[Turn, ...]:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return read_csv(path, recording=CALL)


def test_a_row_has_the_turn_the_verdict_and_every_probability():
    labels = ("calm", "tense")
    timeline = make_timeline(
        make_turn_emotion(0, 1.5, label="tense", channel=1, text='No, "never"\nagain', labels=labels),
        make_turn_emotion(2, 3, label="calm", abstention=Abstention.UNCERTAIN, confidence=0.55, labels=labels),
        make_turn_emotion(3, 4, abstention=Abstention.SILENT, labels=labels),
        labels=labels,
        channels=2,
    )
    assert write_csv(timeline) == (
        "recording,start,end,speaker,channel,text,label,confidence,abstention,p_calm,p_tense\n"
        'call.wav,0.000,1.500,caller,1,"No, ""never""\nagain",tense,0.8200,,0.1800,0.8200\n'
        "call.wav,2.000,3.000,caller,,,,0.5500,uncertain,0.5500,0.4500\n"
        "call.wav,3.000,4.000,caller,,,,,silent,,\n"
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_of_every_spreadsheet_are_read(delimiter: str, encoding: str, tmp_path: Path):
    rows = [["Speaker", " END ", "start", "Comment", "Text"], ["Zoë", "2", "1", "", "hi"], ["B", "3.5", "2.5", "?", ""]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    assert read(text, tmp_path, encoding=encoding) == (
        Turn(start=1.0, end=2.0, speaker="Zoë", text="hi"),
        Turn(start=2.5, end=3.5, speaker="B"),
    )


def test_decimal_commas_are_read_between_semicolons(tmp_path: Path):
    assert read("start;end;speaker\n1,25;2,5;A\n", tmp_path)[0].end == 2.5


def test_quoted_text_over_several_lines_is_read(tmp_path: Path):
    (turn,) = read('start,end,speaker,text\n\n1,2,A,"a, ""b""\nc"\n', tmp_path)
    assert turn.text == 'a, "b"\nc'


@pytest.mark.parametrize(("written", "channel"), [("1", 1), ("0", 0), ("1.0", 1), ("", None)])
def test_channels_are_counted_from_0(written: str, channel: int | None, tmp_path: Path):
    assert read(f"start,end,speaker,channel\n1,2,A,{written}\n", tmp_path)[0].channel == channel


def test_a_channel_that_the_recording_lacks_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"line 2: there is no channel 2; call\.wav has 2, counted from 0"):
        read("start,end,speaker,channel\n1,2,A,2\n", tmp_path)


@pytest.mark.parametrize(
    ("written", "problem"), [("1.5", "channel is '1.5'; a whole number"), ("left", "channel is 'left'; a number")]
)
def test_a_channel_that_is_no_whole_number_is_refused(written: str, problem: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=f"line 2: {problem}"):
        read(f"start,end,speaker,channel\n1,2,A,{written}\n", tmp_path)


@pytest.mark.parametrize("written", ["nan", "inf"])
def test_a_channel_or_time_that_is_not_finite_is_refused(written: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=f"line 2: channel is '{written}'; a whole number"):
        read(f"start,end,speaker,channel\n1,2,A,{written}\n", tmp_path)
    with pytest.raises(TurnsError, match=f"line 2: a turn runs from 1.0 s to {written} s; times are numbers"):
        read(f"start,end,speaker\n1,{written},A\n", tmp_path)


def test_rows_of_other_recordings_are_left_out(tmp_path: Path):
    text = "recording,start,end,speaker\nother.wav,1,99,A\ncall.wav,2,3,B\ncall,4,5,C\n,6,7,D\n"
    assert [turn.speaker for turn in read(text, tmp_path)] == ["B", "C", "D"]


def test_rows_of_other_recordings_only_are_refused(tmp_path: Path):
    with pytest.raises(
        TurnsError, match=r"its column 'recording' names 'a\.wav', 'b\.wav', not 'call\.wav'; name the file"
    ):
        read("recording,start,end,speaker\nb.wav,1,2,A\na.wav,1,2,A\n", tmp_path)


@pytest.mark.parametrize(
    ("header", "missing"),
    [("start,end,who", "'speaker'"), ("begin;stop;speaker", "'start', 'end'"), ("1,2,A", "'start', ")],
)
def test_missing_columns_are_refused_with_the_ones_there(header: str, missing: str, tmp_path: Path):
    with pytest.raises(
        TurnsError, match=rf"line 1: the columns are '{header[0]}.*; {missing}.* is missing. The first row"
    ):
        read(f"{header}\n1,2,A\n", tmp_path)


@pytest.mark.parametrize("written", ["", "soon", "0:01", "1 s"])
def test_a_time_that_is_no_number_is_refused(written: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=f"line 3: end is '{written}'; a number .of seconds, for a time. is accepted"):
        read(f"start,end,speaker\n0,1,A\n1,{written},A\n", tmp_path)


def test_a_row_that_is_cut_short_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 2: end is ''; a number"):
        read("start,end,speaker\n1\n", tmp_path)


def test_a_row_without_a_speaker_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 2: the turn has no speaker"):
        read("start,end,speaker\n1,2,\n", tmp_path)


def test_a_row_with_more_values_than_columns_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 3: it has 5 values for 4 columns; put text that holds the delimiter"):
        read("start,end,speaker,text\n1,2,A,b,\n2,3,A,well, no\n", tmp_path)


def test_a_quotation_mark_without_end_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"line 2: it is not CSV \(unexpected end of data\); correct the quotes"):
        read('start,end,speaker,text\n1,2,A,"oh', tmp_path)


@pytest.mark.parametrize("text", ["", "\n \n", "start,end,speaker\n"])
def test_a_table_without_rows_is_refused(text: str, tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns"):
        read(text, tmp_path)
