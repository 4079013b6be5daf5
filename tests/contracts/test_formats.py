"""What every registered format promises."""

from __future__ import annotations

import contextlib
import importlib
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.registry import (
    FORMATS,
    Format,
    find_format,
    read_turns,
    write_format,
    write_format_to_file,
)
from undertone.errors import TurnsError, UsageError
from undertone.records import Abstention, Recording, Timeline
from undertone.testing.timelines import make_probabilities, make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

AS_TEXT = [row for row in FORMATS if row.writes and row.writer_kind == "text"]
READ = [row for row in FORMATS if row.reads]
BOTH = [row for row in AS_TEXT if row.reads]

PLAIN = make_timeline(
    make_turn_emotion(0.0, 1.5, speaker="agent", label="happy", text="Hello there."),
    make_turn_emotion(1.25, 3.0, speaker="caller", label="angry", confidence=0.9, text="No!"),
    make_turn_emotion(3.0, 3.2, speaker="agent", abstention=Abstention.TOO_SHORT),
    make_turn_emotion(4.0, 9.0, speaker="caller", abstention=Abstention.UNCERTAIN, confidence=0.3),
    make_turn_emotion(9.0, 10.0, speaker="caller", abstention=Abstention.SILENT),
    path="/home/somebody/clients/call.wav",
    duration=12.0,
)
EMPTY = make_timeline(duration=12.0, path="/home/somebody/clients/call.wav", notes=("no speech was found",))
CROWD = make_timeline(
    *(make_turn_emotion(float(number), number + 1.0, speaker=f"guest {number}") for number in range(40)),
    path="/home/somebody/clients/call.wav",
)


def every(rows: list[Format]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[row.name for row in rows])


def saved(row: Format, timeline: Timeline, folder: Path) -> Path:
    path = folder / f"turns{row.suffix}"
    path.write_bytes(write_format(row.name)(timeline).encode())
    return path


def times_and_speakers(timeline: Timeline) -> list[tuple[float, float, str]]:
    return [(item.turn.start, item.turn.end, item.turn.speaker) for item in timeline.turns]


@every(list(FORMATS))
def test_a_row_describes_itself(row: Format):
    assert find_format(row.name) is row
    assert re.fullmatch(r"[a-z]+", row.name)
    assert re.fullmatch(r"\.\w+", row.suffix)
    assert row.title
    assert row.description
    assert row.reads or row.writes
    assert row.writer_kind in {"text", "file"}


def test_names_are_unique_and_so_are_the_suffixes_that_are_written():
    assert len({row.name for row in FORMATS}) == len(FORMATS)
    written = [row.suffix for row in FORMATS if row.writes]
    assert len(set(written)) == len(written)


@every(list(FORMATS))
def test_the_functions_of_a_row_exist(row: Format):
    for reference in filter(None, [row.writer, row.reader]):
        module, function = reference.split(":")
        assert callable(getattr(importlib.import_module(module), function))


@every([row for row in FORMATS if row.writer_kind == "file"])
def test_a_format_with_sound_has_its_own_way_to_be_written(row: Format):
    assert callable(write_format_to_file(row.name))
    with pytest.raises(UsageError, match=f"'{row.name}' is not written as text; the formats that are: json"):
        write_format(row.name)


@every(AS_TEXT)
def test_a_text_format_is_not_written_with_sound(row: Format):
    with pytest.raises(UsageError, match=f"'{row.name}' is not written as file; the formats that are: html"):
        write_format_to_file(row.name)


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"no format 'docx'; the formats are json, .*csv, html"):
        write_format("docx")


def test_a_format_that_is_only_read_is_not_written():
    with pytest.raises(UsageError, match="'whisperx' is not written as text"):
        write_format("whisperx")


@every(AS_TEXT)
@pytest.mark.parametrize("timeline", [PLAIN, EMPTY, CROWD], ids=["plain", "empty", "crowd"])
def test_what_is_written_is_text_without_the_folders_of_the_recording(row: Format, timeline: Timeline):
    text = write_format(row.name)(timeline)
    assert text.encode().decode() == text
    assert text == "" or text.endswith("\n")
    assert "somebody" not in text
    assert "clients" not in text
    assert "nan" not in text.lower().split()


@every(AS_TEXT)
def test_writing_twice_gives_the_same_text(row: Format):
    write = write_format(row.name)
    assert write(PLAIN) == write(PLAIN)


@every(AS_TEXT)
def test_another_emotion_gives_another_text(row: Format):
    other = make_timeline(make_turn_emotion(0.0, 1.5, speaker="agent", label="sad", text="Hello there."), duration=12.0)
    same = make_timeline(
        make_turn_emotion(0.0, 1.5, speaker="agent", label="happy", text="Hello there."), duration=12.0
    )
    assert write_format(row.name)(other) != write_format(row.name)(same)


@every(AS_TEXT)
def test_labels_beside_the_seven_emotions_are_written(row: Format):
    labels = ("calm", "very tense")
    item = make_turn_emotion(0.0, 2.0, label="very tense", labels=labels)
    text = write_format(row.name)(make_timeline(item, labels=labels))
    assert re.search(r"very[ _]tense", text)


@every(BOTH)
@pytest.mark.parametrize("start", [2.0004, 4.9996])
def test_a_turn_shorter_than_a_millisecond_still_has_a_length(row: Format, start: float, tmp_path: Path):
    timeline = make_timeline(make_turn_emotion(start, start + 0.0001, text="x"), duration=6.0)
    (turn,) = read_turns(saved(row, timeline, tmp_path), recording=timeline.recording)
    assert turn.start == pytest.approx(round(start, 3))
    assert turn.duration == pytest.approx(0.001)


@every(BOTH)
@pytest.mark.parametrize("timeline", [PLAIN, CROWD], ids=["plain", "crowd"])
def test_a_format_reads_back_the_turns_that_it_wrote(row: Format, timeline: Timeline, tmp_path: Path):
    turns = read_turns(saved(row, timeline, tmp_path), recording=timeline.recording)
    underscores = row.name == "rttm"
    expected = [
        (start, end, speaker.replace(" ", "_") if underscores else speaker)
        for start, end, speaker in times_and_speakers(timeline)
    ]
    assert [(turn.start, turn.end, turn.speaker) for turn in turns] == expected
    if row.name != "rttm":
        assert [turn.text for turn in turns] == [item.turn.text for item in timeline.turns]


@every(BOTH)
def test_a_format_without_turns_is_refused_when_read(row: Format, tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns; name a file with at least one") as caught:
        read_turns(saved(row, EMPTY, tmp_path), recording=EMPTY.recording)
    assert caught.value.path.endswith(row.suffix)


@every(BOTH)
def test_turns_of_a_longer_recording_are_refused(row: Format, tmp_path: Path):
    shorter = Recording(path="call.wav", channels=1, sample_rate=16_000, duration=5.0)
    with pytest.raises(TurnsError, match=r"(call.wav lasts 5\.000 s)"):
        read_turns(saved(row, PLAIN, tmp_path), recording=shorter)


@every(READ)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"{}",
        b"hello world",
        b"\x00\x01\x02\x03",
        b"\xff\xfe\x00",
        b"<a>",
        b"[[[[",
        b"SPEAKER",
        b"start,end\n1,2",
    ],
    ids=repr,
)
def test_nonsense_is_refused_with_the_name_of_the_file(row: Format, content: bytes, tmp_path: Path):
    path = tmp_path / f"nonsense{row.suffix}"
    path.write_bytes(content)
    with pytest.raises(TurnsError, match=f"nonsense{row.suffix}: ."):
        read_turns(path, recording=PLAIN.recording)


@every(READ)
def test_a_missing_file_is_refused(row: Format, tmp_path: Path):
    with pytest.raises(TurnsError, match=rf"absent{row.suffix}: it cannot be read \(No such file or directory\)"):
        read_turns(tmp_path / f"absent{row.suffix}", recording=PLAIN.recording)


@every(READ)
def test_a_file_cut_short_is_refused_or_read_in_part_but_never_breaks(row: Format, tmp_path: Path):
    write = write_format(row.name) if row.writes else lambda _: '{"segments": [{"start": 0, "end": 1, "text": "a"}]}'
    content = write(PLAIN).encode()
    for length in range(0, len(content), max(1, len(content) // 60)):
        path = tmp_path / f"cut{row.suffix}"
        path.write_bytes(content[:length])
        with contextlib.suppress(TurnsError):
            assert read_turns(path, recording=PLAIN.recording)


@every(BOTH)
def test_content_decides_where_the_suffix_does_not(row: Format, tmp_path: Path):
    path = tmp_path / "turns.txt"
    path.write_text(write_format(row.name)(PLAIN), encoding="utf-8")
    assert len(read_turns(path, recording=PLAIN.recording)) == len(PLAIN.turns)


def test_content_in_no_known_format_is_refused_with_the_known_ones(tmp_path: Path):
    path = tmp_path / "turns.txt"
    path.write_text("Agent hello\n", encoding="utf-8")
    with pytest.raises(
        TurnsError, match=r"none of the formats that are read: JSON \(\.json\), .*CSV \(\.csv\)\. Export"
    ):
        read_turns(path, recording=PLAIN.recording)


def test_json_of_neither_kind_is_refused_with_both_kinds(tmp_path: Path):
    path = tmp_path / "turns.json"
    path.write_text('{"utterances": []}', encoding="utf-8")
    with pytest.raises(TurnsError, match=r"that are read: JSON \(\.json\), WhisperX JSON \(\.json\)\. Export"):
        read_turns(path, recording=PLAIN.recording)


@pytest.mark.parametrize("mark", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@every([row for row in BOTH if row.name != "eaf"])
def test_marked_encodings_are_read(row: Format, mark: str, tmp_path: Path):
    timeline = make_timeline(make_turn_emotion(0, 2, speaker="Zoë", text="Grüße 你好"))
    path = tmp_path / f"turns{row.suffix}"
    path.write_bytes(write_format(row.name)(timeline).encode(mark))
    assert [turn.speaker for turn in read_turns(path, recording=timeline.recording)] == ["Zoë"]


def test_the_probabilities_of_a_turn_are_part_of_json_and_csv_only():
    item = make_turn_emotion(0, 2, label="sad", confidence=0.8765)
    mentions = {row.name for row in AS_TEXT if "0.0206" in write_format(row.name)(make_timeline(item))}
    assert make_probabilities("sad", 0.8765)[0] == pytest.approx(0.0206, abs=1e-4)
    assert mentions == {"json", "csv"}


def test_listing_the_formats_imports_nothing_heavy():
    program = (
        "import sys, undertone.conversation.formats.registry as registry\n"
        "heavy = {'numpy', 'dataclasses', 'xml.etree', 'csv', 'json', 'webvtt', 'praatio', 'undertone.records'}\n"
        "print(len(registry.FORMATS), sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == f"{len(FORMATS)} []\n"
