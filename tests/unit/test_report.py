"""The report: one HTML file, complete in itself, that no text can break out of."""

import base64
import hashlib
import html.parser
import io
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from undertone.conversation.report.html import write_html
from undertone.errors import MissingRecordingError
from undertone.labels import EMOTIONS
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion, Window

ANGRY = (0.10, 0.03, 0.18, 0.63, 0.03, 0.02, 0.01)
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source"}
NASTY = "</script><script>alert(1)</script><!--<script>{{sound}}{{data}}\"'&amp;\u2028<img src=x onerror=alert(1)>"


@pytest.fixture
def recording(tmp_path):
    """Two seconds in two channels at 22.05 kHz: a tone on the left, near silence on the right."""
    time = np.arange(44_100) / 22_050
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([0.5 * np.sin(2 * np.pi * 440 * time), 0.01 * np.ones_like(time)], axis=1), 22_050)
    return str(path)


def timeline(path, *, channels=(0, 1), speaker="agent", text=None, notes=(), bundle_id="base-1"):
    first = TurnEmotion(
        turn=Turn(start=0.1, end=1.2, speaker=speaker, channel=channels[0], text=text),
        probabilities=ANGRY,
        label="angry",
        track=(Window(start=0.1, end=0.6, probabilities=ANGRY), Window(start=0.6, end=1.2, probabilities=ANGRY)),
    )
    second = TurnEmotion(
        turn=Turn(start=1.3, end=1.5, speaker="customer", channel=channels[1]),
        probabilities=None,
        label=None,
        abstention=Abstention.TOO_SHORT,
    )
    return Timeline(
        recording=Recording(path=path, channels=2, sample_rate=22_050, duration=2.0),
        turns=(first, second),
        labels=EMOTIONS,
        bundle_id=bundle_id,
        notes=notes,
    )


def page_of(value, path, **options):
    target = io.BytesIO()
    write_html(value, path, target, **options)
    return target.getvalue().decode()


class Reader(html.parser.HTMLParser):
    """Reads a page strictly: every element is closed in order; scripts and styles are kept."""

    def __init__(self):
        super().__init__()
        self.open = []
        self.elements = []
        self.texts = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.texts.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.open:
            next(words for tag, _, words in reversed(self.texts) if tag == self.open[-1]).append(data)

    def text(self, tag, **attributes):
        found = [words for name, own, words in self.texts if name == tag and attributes.items() <= own.items()]
        assert len(found) == 1, f"{len(found)} of {tag} {attributes}"
        return "".join(found[0])


def read(page):
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def sound_of(reader):
    sound = json.loads(reader.text("script", id="sound"))
    return sound, base64.b64decode(sound["head"]) + base64.b64decode(reader.text("script", id="audio"))


def test_the_page_is_well_formed_and_holds_the_timeline(recording):
    reader = read(page_of(timeline(recording, text="You never called", notes=("a note",)), recording))
    data = json.loads(reader.text("script", id="data"))
    first, second = data["turns"]
    assert (first["start"], first["end"], first["label"], first["text"]) == (0.1, 1.2, "angry", "You never called")
    assert first["p"] == pytest.approx(ANGRY)
    assert [window["start"] for window in first["track"]] == [0.1, 0.6]
    assert (second["p"], second["label"], second["abstention"]) == (None, None, "too short")
    assert [speaker["name"] for speaker in data["speakers"]] == ["agent", "customer"]
    assert data["speakers"][1]["shares"] == [["too short", 1.0]]
    assert (data["notes"], data["bundle"], data["duration"]) == (["a note"], "base-1", 2.0)
    assert [look["code"] for look in data["looks"]] == list("NHSAFD!?-_")


def test_the_page_says_what_it_is_and_for_whom_it_is_not(recording):
    words = " ".join(page_of(timeline(recording), recording).split())
    assert "not of what a person feels" in words
    assert "acted or synthesised voices" in words
    assert "Article 5(1)(f)" in words
    assert "people at work or in education" in words


def test_nothing_is_loaded_from_anywhere(recording):
    page = page_of(timeline(recording), recording)
    assert "http://" not in page
    assert "https://" not in page
    reader = read(page)
    assert not {tag for tag, _ in reader.elements} & {"link", "img", "iframe", "object", "embed", "base", "form"}
    for tag, attributes in reader.elements:
        assert not {"src", "href", "action", "style"} & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    assert "@import" not in page
    assert not re.search(r"url\((?!\$)", page), "only the page's own drawings, made by its script, are used as images"


def test_the_policy_admits_this_page_alone(recording):
    reader = read(page_of(timeline(recording), recording))
    policy = next(own["content"] for tag, own in reader.elements if own.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert (rules["media-src"], rules["img-src"]) == ("blob:", "data:")
    assert "connect-src" not in rules, "default-src forbids the network"
    scripts = [words for tag, own, words in reader.texts if tag == "script" and "type" not in own]
    assert len(scripts) == 1
    for rule, text in (("script-src", "".join(scripts[0])), ("style-src", reader.text("style"))):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_nothing_in_names_or_words_can_break_out(recording):
    nasty = timeline(f"/calls/{NASTY.replace('/', '∕')}", speaker=NASTY, text=NASTY, notes=(NASTY,), bundle_id=NASTY)
    plain = read(page_of(timeline(recording), recording))
    reader = read(page_of(nasty, recording))
    assert [tag for tag, _ in reader.elements] == [tag for tag, _ in plain.elements]
    data = json.loads(reader.text("script", id="data"))
    assert data["turns"][0]["text"] == NASTY
    assert data["speakers"][0]["name"] == NASTY
    assert (data["notes"], data["bundle"]) == ([NASTY], NASTY)
    assert "<" not in reader.text("script", id="data")
    assert reader.text("h1") == NASTY.replace("/", "∕")


def test_the_page_knows_how_many_turns_a_turn_was_held_against(recording):
    plain = timeline(recording)
    told = replace(plain, turns=(replace(plain.turns[0], baseline=21.306), plain.turns[1]))
    data = json.loads(read(page_of(told, recording)).text("script", id="data"))
    assert [turn["baseline"] for turn in data["turns"]] == [21.3, None]


def test_names_with_bytes_that_are_no_characters_are_written(recording):
    reader = read(page_of(timeline("/calls/caf\udce9.wav", speaker="\udce9"), recording))
    assert reader.text("h1") == "caf?.wav"


def test_the_folder_of_the_recording_stays_private(recording):
    page = page_of(timeline("/home/someone/calls/monday.flac"), recording)
    assert "someone" not in page
    assert read(page).text("h1") == "monday.flac"


def test_the_sound_plays_in_two_channels_where_turns_have_channels(recording):
    sound, mp3 = sound_of(read(page_of(timeline(recording), recording)))
    samples, sample_rate = soundfile.read(io.BytesIO(mp3), always_2d=True)
    assert sample_rate == 16_000
    assert samples.shape == (32_000, 2)
    assert np.abs(samples[4000:-4000]).max(axis=0) == pytest.approx([0.5, 0.01], abs=0.03)
    levels = [list(base64.b64decode(channel)) for channel in sound["peaks"]]
    assert [len(channel) for channel in levels] == [80, 80], "two seconds at 25 ms"
    assert levels[0][40] == pytest.approx(255 * 0.5**0.5, abs=2)
    assert levels[1][40] == pytest.approx(255 * 0.01**0.5, abs=2)


def test_the_sound_is_mixed_where_turns_have_no_channel(recording):
    reader = read(page_of(timeline(recording, channels=(None, None)), recording))
    sound, mp3 = sound_of(reader)
    assert soundfile.info(io.BytesIO(mp3)).channels == 1
    assert soundfile.info(io.BytesIO(mp3)).duration == pytest.approx(2.0)
    assert len(sound["peaks"]) == json.loads(reader.text("script", id="data"))["waves"] == 1


def test_more_channels_than_two_keep_their_outlines_but_play_as_one(tmp_path):
    path = tmp_path / "meeting.wav"
    soundfile.write(path, np.full((16_000, 3), 0.25), 16_000)
    reader = read(page_of(timeline(str(path)), str(path)))
    sound, mp3 = sound_of(reader)
    assert soundfile.info(io.BytesIO(mp3)).channels == 1
    assert len(sound["peaks"]) == json.loads(reader.text("script", id="data"))["waves"] == 3


def test_without_audio_the_page_keeps_the_outline_only(recording):
    page = page_of(timeline(recording), recording, embed_audio=False)
    reader = read(page)
    assert not [own for tag, own, _ in reader.texts if own.get("id") == "audio"]
    sound = json.loads(reader.text("script", id="sound"))
    assert sound["head"] == ""
    assert [len(base64.b64decode(channel)) for channel in sound["peaks"]] == [80, 80]
    assert json.loads(reader.text("script", id="data"))["audio"] is False


def test_a_timeline_without_turns_is_a_page_too(recording):
    empty = Timeline(
        recording=Recording(path=recording, channels=2, sample_rate=22_050, duration=2.0),
        turns=(),
        labels=EMOTIONS,
        bundle_id="base-1",
    )
    data = json.loads(read(page_of(empty, recording)).text("script", id="data"))
    assert (data["turns"], data["speakers"]) == ([], [])


def test_labels_beside_the_seven_are_numbered_in_the_style(recording):
    odd = Timeline(
        recording=Recording(path=recording, channels=2, sample_rate=22_050, duration=2.0),
        turns=(TurnEmotion(turn=Turn(start=0, end=1, speaker="A"), probabilities=[1, 0], label="}x{"),),
        labels=("}x{", "calm"),
        bundle_id="base-1",
    )
    reader = read(page_of(odd, recording))
    assert "}x{" not in reader.text("style")
    assert "--look-4:" in reader.text("style"), "two labels and three reasons"


def test_no_file_is_made_beside_the_page_whether_it_succeeds_or_fails(recording, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = set(tmp_path.rglob("*"))
    page_of(timeline(recording), recording)
    with pytest.raises(OSError, match="No space left on device"):
        write_html(timeline(recording), recording, FullDisk())
    assert set(tmp_path.rglob("*")) == before


class FullDisk(io.RawIOBase):
    """Takes the page, and fails in the midst of the sound."""

    in_sound = False

    def writable(self):
        return True

    def write(self, data):
        if self.in_sound:
            raise OSError(28, "No space left on device")
        self.in_sound = b'id="audio"' in data
        return len(data)


def test_a_missing_recording_is_named_before_anything_is_written(tmp_path):
    target = io.BytesIO()
    missing = str(tmp_path / "gone.wav")
    with pytest.raises(MissingRecordingError, match=re.escape(missing)):
        write_html(timeline(missing), missing, target)
    assert target.getvalue() == b""


def test_the_pages_scripts_hold_nothing_that_ends_a_script():
    folder = Path(__file__).resolve().parents[2] / "src" / "undertone" / "conversation" / "report"
    for path in [*folder.glob("*.js"), *folder.glob("*.css")]:
        assert "</" not in path.read_text("utf-8"), path.name
