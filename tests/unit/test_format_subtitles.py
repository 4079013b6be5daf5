"""SubRip and WebVTT, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.cues import read_srt, read_vtt
from undertone.conversation.formats.subtitles import write_srt, write_vtt
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn
from undertone.testing.timelines import make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

FILM = Recording(path="film.mp4", channels=1, sample_rate=8_000, duration=5_000.0)

TIMELINE = make_timeline(
    make_turn_emotion(0.5, 2.0, label="angry", text="No --> way,\n\n 5 < 6 & so on"),
    make_turn_emotion(3723.25, 3725.0, speaker="R&D\n<Zoë>", abstention=Abstention.UNCERTAIN, confidence=0.3),
    bundle_id="small --> one",
)


def srt(folder: Path, *cues: str, encoding: str = "utf-8") -> tuple[Turn, ...]:
    """Read cues of one second each."""
    blocks = [f"{n}\n00:00:{n:02d},000 --> 00:00:{n:02d},900\n{cue}\n" for n, cue in enumerate(cues, start=1)]
    path = folder / "turns.srt"
    path.write_bytes("\n".join(blocks).encode(encoding))
    return read_srt(path, recording=FILM)


def vtt(folder: Path, text: str) -> tuple[Turn, ...]:
    path = folder / "turns.vtt"
    path.write_text(text, encoding="utf-8")
    return read_vtt(path, recording=FILM)


def said(turns: tuple[Turn, ...]) -> list[tuple[str, str | None]]:
    return [(turn.speaker, turn.text) for turn in turns]


def test_subrip_is_written_with_speaker_emotion_and_text():
    assert write_srt(TIMELINE) == (
        "1\n00:00:00,500 --> 00:00:02,000\ncaller: angry 82 %\nNo → way,\n5 < 6 & so on\n\n"
        "2\n01:02:03,250 --> 01:02:05,000\nR&D <Zoë>: unclear\n"
    )


def test_webvtt_is_written_with_voice_class_and_text():
    assert write_vtt(TIMELINE) == (
        "WEBVTT\n\nNOTE Emotions in call.wav, heard by small → one\n\n"
        "00:00:00.500 --> 00:00:02.000\n<v caller><c.angry>angry 82 %</c>\nNo --&gt; way,\n5 &lt; 6 &amp; so on\n\n"
        "01:02:03.250 --> 01:02:05.000\n<v R&amp;D &lt;Zoë&gt;><c.unclear>unclear</c>\n"
    )


def test_a_label_of_several_words_is_one_class():
    item = make_turn_emotion(0, 1, label="very tense.", labels=("very tense.", "calm"))
    assert "<c.very-tense->very tense. 82 %</c>" in write_vtt(make_timeline(item))


def test_hours_beyond_a_hundred_are_written():
    timeline = make_timeline(make_turn_emotion(360_000.0, 360_001.0))
    assert "100:00:00,000 --> 100:00:01,000" in write_srt(timeline)
    assert "100:00:00.000 --> 100:00:01.000" in write_vtt(timeline)


def test_cues_without_names_belong_to_one_speaker(tmp_path: Path):
    assert said(srt(tmp_path, "Hello,\nyou.", "What?")) == [("speaker_1", "Hello, you."), ("speaker_1", "What?")]


def test_times_are_seconds(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_text("1\n01:02:03,250 --> 01:02:05,000\nx\n", encoding="utf-8")
    (turn,) = read_srt(path, recording=FILM)
    assert (turn.start, turn.end) == (3723.25, 3725.0)


@pytest.mark.parametrize("form", ["{}: {}", "[{}]: {}", "{}：  {}", "{} : {}"])
def test_names_before_a_colon_are_speakers_where_every_cue_has_one(form: str, tmp_path: Path):
    turns = srt(tmp_path, form.format("Zoë M", "Hello."), form.format("SPEAKER_01", "What: that?"))
    assert said(turns) == [("Zoë M", "Hello."), ("SPEAKER_01", "What: that?")]


def test_a_name_that_begins_two_cues_is_a_speaker_and_a_lone_colon_is_not(tmp_path: Path):
    turns = srt(tmp_path, "ANNA: Hello.", "Listen: I know.", "ANNA: So do I.", "Fine.")
    assert said(turns) == [
        ("ANNA", "Hello."), ("speaker_1", "Listen: I know."), ("ANNA", "So do I."), ("speaker_1", "Fine.")
    ]  # fmt: skip


def test_a_clock_or_a_sentence_is_no_name(tmp_path: Path):
    turns = srt(tmp_path, "It is 10:30 now", "Well, I said: no.")
    assert {turn.speaker for turn in turns} == {"speaker_1"}


def test_formatting_of_subrip_is_removed_and_other_brackets_stay(tmp_path: Path):
    turns = srt(tmp_path, r'{\an8}<i>Hello</i> <font color="#fff">you</font>', "<unk> 3 < 4")
    assert [turn.text for turn in turns] == ["Hello you", "<unk> 3 < 4"]


def test_subtitles_of_old_windows_are_read(tmp_path: Path):
    assert srt(tmp_path, "Grüße", encoding="cp1252")[0].text == "Grüße"


def test_windows_line_ends_and_leading_empty_lines_are_read(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_bytes(b"\xef\xbb\xbf\r\n\r\n1\r\n00:00:01,000 --> 00:00:02,000 X1:40 X2:600\r\nhi\r\n")
    assert said(read_srt(path, recording=FILM)) == [("speaker_1", "hi")]


def test_voices_of_webvtt_are_speakers_and_tags_are_removed(tmp_path: Path):
    text = (
        "WEBVTT - a film\n\nSTYLE\n::cue { color: lime }\n\nNOTE not shown\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start\n<v.loud R&amp;D>Look &lt;<i>there</i>&gt;</v>\n\n"
        "00:00:03.000 --> 00:00:04.000\nno <00:00:03.500>voice\n"
    )
    assert said(vtt(tmp_path, text)) == [("R&D", "Look <there>"), ("speaker_1", "no voice")]


def test_several_voices_in_a_cue_are_several_turns(tmp_path: Path):
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Anna>Yes.</v>\n<v Ben>No.\n"
    assert vtt(tmp_path, text) == (
        Turn(start=1.0, end=2.0, speaker="Anna", text="Yes."),
        Turn(start=1.0, end=2.0, speaker="Ben", text="No."),
    )


def test_cues_that_show_nothing_are_left_out(tmp_path: Path):
    text = "WEBVTT\n\n00:01.000 --> 00:02.000\n<i></i>\n\n00:03.000 --> 00:04.000\nx\n"
    assert [turn.text for turn in vtt(tmp_path, text)] == ["x"]


def test_verdicts_are_removed_only_where_every_cue_has_one(tmp_path: Path):
    assert said(srt(tmp_path, "A: angry 82 %\nNo!", "B: C: unclear")) == [("A", "No!"), ("B: C", None)]
    mixed = srt(tmp_path, "A: angry 82 %\nNo!", "A: hello")
    assert said(mixed) == [("A", "angry 82 % No!"), ("A", "hello")]
    web = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v A>about 82 %\nmore\n\n00:03.000 --> 00:04.000\n<v A>hello\n"
    assert said(vtt(tmp_path, web)) == [("A", "about 82 % more"), ("A", "hello")]


@pytest.mark.parametrize(
    "times", ["00:00:01.000 -> 00:00:02.000", "1 --> 2", "00:00:01,000 --> later", "00:00:01:000 --> 00:00:02:000"]
)
def test_times_that_are_none_are_refused(times: str, tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_text(f"1\n00:00:00,000 --> 00:00:00,500\nx\n\n2\n{times}\ny\n", encoding="utf-8")
    with pytest.raises(TurnsError, match=f"line 6: the times of a cue are '{times}'; they look like 00:01:02,500 -->"):
        read_srt(path, recording=FILM)


@pytest.mark.parametrize("times", ["00:00:01,000 --> 00:00:02,000", "1 --> 2", "00:00:01.000 --> 00:00:02.000x"])
def test_times_that_are_none_are_refused_in_webvtt(times: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=f"line 3: the times of a cue are '{times}'; they look like 00:01:02.500 -->"):
        vtt(tmp_path, f"WEBVTT\n\n{times}\nx\n")


def test_an_arrow_in_the_text_of_subrip_is_text(tmp_path: Path):
    assert srt(tmp_path, "from A --> to B\nand C --> D")[0].text == "from A --> to B and C --> D"


def test_webvtt_without_its_first_line_is_refused(tmp_path: Path):
    with pytest.raises(
        TurnsError, match=r"turns\.vtt: it begins with '00:01\.000 --> 00:02\.000'; WebVTT begins with WEBVTT"
    ):
        vtt(tmp_path, "00:01.000 --> 00:02.000\nx\n")


def test_subrip_that_begins_otherwise_is_refused(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_text("{0}{25}Hello!\n{26}{50}You!\n", encoding="utf-8")
    with pytest.raises(
        TurnsError, match=r"it begins with '\{0\}\{25\}Hello!'; SubRip begins with 1, then 00:01:02,500"
    ):
        read_srt(path, recording=FILM)


def test_rolling_captions_of_one_voice_are_refused(tmp_path: Path):
    text = "WEBVTT\n\n00:01.000 --> 00:03.000\na\n\n00:02.000 --> 00:04.000\na b\n"
    with pytest.raises(
        TurnsError, match=r"cue 2: 'speaker_1' speaks from 2\.000 s .* the turn at cue 1 lasts until 3\.000 s"
    ):
        vtt(tmp_path, text)


def test_a_file_with_only_a_header_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns"):
        vtt(tmp_path, "WEBVTT\n")
