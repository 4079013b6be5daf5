"""`undertone analyze --text`: turns with their words, from a transcript of the whole recording."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pytest
import soundfile
from click.testing import CliRunner, Result
from pages import ROOT

import undertone
from undertone.cli import main
from undertone.errors import AlignmentError, TranscriptError, UsageError

pytest.importorskip("pocketsphinx")

EXAMPLE = ROOT / "examples" / "conversation.flac"
SCRIPT = ROOT / "examples" / "make_conversation.py"
TEXT = " ".join(re.findall(r'text="([^"]+)"', SCRIPT.read_text(encoding="utf-8")))


def analyze(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["analyze", *map(str, arguments), "--quiet"])


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("said") / "said.txt"
    path.write_text(TEXT, encoding="utf-8")
    result = analyze(EXAMPLE, "--text", path, "--channels", "mix", "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_turns_get_the_words_that_are_said_in_them(told: dict[str, Any]) -> None:
    turns = [turn for turn in told["turns"] if turn["text"]]
    said = [word["text"] for turn in turns for word in turn["words"]]
    expected = re.findall(r"[a-z']+", TEXT.lower())
    assert len(said) >= 0.95 * len(expected)
    following = iter(expected)
    assert all(word in following for word in said)  # in the order of the transcript
    for turn in turns:
        assert turn["text"].split() == [word["text"] for word in turn["words"]]
        assert all(turn["start"] <= (word["start"] + word["end"]) / 2 < turn["end"] for word in turn["words"])


def test_words_that_no_turn_holds_are_counted(told: dict[str, Any]) -> None:
    expected = len(re.findall(r"[a-z']+", TEXT.lower()))
    held = sum(len(turn["words"]) for turn in told["turns"])
    noted = [note for note in told["notes"] if "lie in no turn" in note]
    assert noted == (
        [f"{expected - held} of the transcript's {expected} words lie in no turn that was judged"] * (held < expected)
    )


def test_in_a_folder_a_transcript_is_called_as_its_recording(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.flac").write_bytes(EXAMPLE.read_bytes())
    (tmp_path / "two.txt").write_text(TEXT, encoding="utf-16")
    out = tmp_path / "out"
    result = analyze(tmp_path / "one.flac", tmp_path / "two.flac", "--text", tmp_path, "--channels", "mix", "-o", out)
    assert result.exit_code == 0, result.output
    one, two = (json.loads((out / f"{name}.json").read_text(encoding="utf-8")) for name in ("one", "two"))
    assert all(turn["text"] is None for turn in one["turns"])
    assert any(turn["text"] for turn in two["turns"])


def test_one_transcript_does_not_tell_who_of_two_speakers_says_what(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="who of 2 speakers says what; mix the channels"):
        undertone.analyze(EXAMPLE, text=TEXT, channels="split")
    (tmp_path / "said.txt").write_text(TEXT, encoding="utf-8")
    result = analyze(EXAMPLE, EXAMPLE.with_name("other.flac"), "--text", tmp_path / "said.txt")
    assert result.exit_code == 2
    assert "name a folder with NAME.txt" in result.output


def test_a_transcript_of_something_else_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AlignmentError, match=r"stops fitting|is not heard|takes"):
        undertone.analyze(EXAMPLE, text="the quick brown fox jumps over the lazy dog " * 5, channels="mix")
    with pytest.raises(TranscriptError, match="there is no word in it"):
        undertone.analyze(EXAMPLE, text="…", channels="mix")
    result = analyze(EXAMPLE, "--text", tmp_path / "missing.txt", "--channels", "mix")
    assert result.exit_code == 1
    assert "missing.txt" in result.output
    assert "name a file that you may read" in result.output


def test_words_with_times_need_no_alignment(tmp_path: Path) -> None:
    words = tmp_path / "said.ctm"
    words.write_text("a 1 1.0 0.5 bonjour\na 1 900.0 0.5 adieu\n", encoding="utf-8")
    result = analyze(EXAMPLE, "--text", words, "--channels", "mix", "--format", "json")
    assert result.exit_code == 0, result.output
    timeline = json.loads(result.stdout)
    assert [turn["text"] for turn in timeline["turns"] if turn["text"]] == ["bonjour"]
    assert "1 of the transcript's 2 words lie in no turn that was judged" in timeline["notes"]


@pytest.fixture(scope="module")
def beginning(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first turns of the example: PocketSphinx takes half as long as they do."""
    path = tmp_path_factory.mktemp("call") / "conversation.flac"
    rate = soundfile.info(EXAMPLE).samplerate
    samples, _ = soundfile.read(EXAMPLE, stop=17 * rate)
    soundfile.write(path, samples, rate)
    return path


@pytest.fixture(scope="module")
def heard(beginning: Path) -> dict[str, Any]:
    result = analyze(beginning, "--asr", "pocketsphinx", "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_words_are_heard_where_no_transcript_tells_them(heard: dict[str, Any]) -> None:
    words = [word for turn in heard["turns"] for word in turn["words"]]
    said = re.findall(r"[a-z']+", TEXT.lower())
    shared = SequenceMatcher(None, said, [word["text"] for word in words], autojunk=False).get_matching_blocks()
    assert len(words) > 20
    assert sum(block.size for block in shared) > 0.5 * len(words)
    assert all(0 <= word["confidence"] <= 1 for word in words)
    assert any(re.fullmatch(r"the words of \d+ of \d+ turns were heard by pocketsphinx .*", n) for n in heard["notes"])


def test_a_stream_hears_the_words_that_a_recording_has(heard: dict[str, Any], beginning: Path) -> None:
    samples, rate = soundfile.read(beginning, dtype="float32", always_2d=True)
    stream = undertone.load().stream(sample_rate=rate, channels=samples.shape[1], asr="pocketsphinx")
    turns = [*stream.feed(samples), *stream.finish()]
    assert sorted(item.turn.text or "" for item in turns) == sorted(turn["text"] or "" for turn in heard["turns"])


def test_texts_of_a_file_of_turns_are_not_heard_anew(tmp_path: Path) -> None:
    path = tmp_path / "said.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:03,000\nAs it is written.\n", encoding="utf-8")
    result = analyze(EXAMPLE, "--turns", path, "--asr", "pocketsphinx", "--format", "json")
    (turn,) = json.loads(result.stdout)["turns"]
    assert turn["text"] == "As it is written."
    assert not any("were heard by" in note for note in json.loads(result.stdout)["notes"])


def test_what_is_told_cannot_be_heard_as_well(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="leaves no words to be heard; give text or asr"):
        undertone.analyze(EXAMPLE, text="hello", asr="pocketsphinx")
    result = analyze(EXAMPLE, "--asr", "kaldi")
    assert result.exit_code == 1
    assert "no transcriber is called 'kaldi'; choose among pocketsphinx, faster-whisper:MODEL" in result.output
