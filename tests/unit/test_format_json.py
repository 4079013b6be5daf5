"""JSON: undertone's own form and WhisperX's."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from undertone.conversation.formats.json_timeline import read_json, timeline_from_json, write_json
from undertone.conversation.formats.whisperx import read_whisperx
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn, Window, Word
from undertone.testing.timelines import make_probabilities, make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

CALL = Recording(path="/calls/call.wav", channels=2, sample_rate=8_000, duration=60.0)

TIMELINE = make_timeline(
    make_turn_emotion(
        0.5004,
        3.0,
        label="sad",
        channel=1,
        text="well\nno",
        words=(Word(text="well", start=0.5, end=1.0, confidence=0.9), Word(text="no", start=1.0, end=1.25)),
        track=(
            Window(start=0.5, end=2.0, probabilities=make_probabilities("sad", 0.7)),
            Window(start=1.0, end=3.0, probabilities=make_probabilities("angry", 0.6)),
        ),
    ),
    make_turn_emotion(4.0, 4.1, speaker="agent", abstention=Abstention.TOO_SHORT),
    path="/calls/call.wav",
    channels=2,
    sample_rate=8_000,
    duration=60.0,
    notes=("the channels were kept apart",),
)


def form() -> dict[str, Any]:
    return copy.deepcopy(json.loads(write_json(TIMELINE)))


def changed(place: tuple[str | int, ...], value: object) -> str:
    whole = form()
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return json.dumps(whole)


def without(*place: str | int) -> str:
    whole = form()
    inner = whole
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    return json.dumps(whole)


def test_the_form_holds_what_is_promised():
    whole = form()
    assert list(whole) == ["format", "recording", "bundle", "labels", "speakers", "notes", "turns"]
    assert whole["format"] == 1
    assert whole["recording"] == {"path": "call.wav", "channels": 2, "sample_rate": 8000, "duration": 60.0}
    assert whole["speakers"] == ["caller", "agent"]
    first, second = whole["turns"]
    assert (first["start"], first["end"], first["channel"], first["label"], first["confidence"]) == (
        0.5,
        3.0,
        1,
        "sad",
        0.82,
    )
    assert first["words"][1] == {"text": "no", "start": 1.0, "end": 1.25, "confidence": None}
    assert list(first["probabilities"]) == whole["labels"]
    assert [window["probabilities"]["angry"] for window in first["track"]] == [0.05, 0.6]
    assert (second["label"], second["abstention"], second["probabilities"], second["track"]) == (
        None,
        "too short",
        None,
        [],
    )


def test_text_outside_ascii_is_not_escaped():
    assert "你好" in write_json(make_timeline(make_turn_emotion(0, 1, text="你好")))


def test_a_number_that_json_lacks_is_not_written():
    word = Word(text="a", start=0.0, end=1.0, confidence=float("nan"))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(make_timeline(make_turn_emotion(0, 1, words=(word,))))


def test_half_surrogates_are_replaced_so_that_the_file_can_be_written():
    assert write_json(make_timeline(make_turn_emotion(0, 1, text="a\ud83d"))).encode()


def test_what_explains_a_judgement_is_written_only_where_it_was_asked_and_read_again(schema: dict[str, Any]):
    assert not {"by_voice", "share"} & {*form()["turns"][0], *form()["turns"][0]["words"][0]}
    word = Word(text="well", start=0.5, end=1.0, share=-0.25)
    plain = make_turn_emotion(0.5, 3.0, label="sad", words=(word,))
    text = write_json(make_timeline(replace(plain, by_voice=make_probabilities("angry", 0.7))))
    assert json.loads(text)["turns"][0]["by_voice"]["angry"] == 0.7
    assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))
    (again,) = timeline_from_json(text).turns
    assert again.voice_disagrees
    assert again.turn.words == (word,)
    assert write_json(timeline_from_json(text)) == text


def test_the_baseline_is_written_where_there_was_one_and_read_again(schema: dict[str, Any]):
    assert "baseline" not in form()["turns"][0]
    text = write_json(make_timeline(replace(make_turn_emotion(0.5, 3.0, label="sad"), baseline=21.306)))
    assert json.loads(text)["turns"][0]["baseline"] == 21.31
    assert jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))
    assert timeline_from_json(text).turns[0].baseline == 21.31
    assert write_json(timeline_from_json(text)) == text


@pytest.mark.parametrize("value", [-1, "many", True])
def test_a_baseline_that_is_no_count_is_refused(value: object, schema: dict[str, Any]):
    text = changed(("turns", 0, "baseline"), value)
    assert not jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))
    with pytest.raises(TurnsError, match=r"turns\[0\]\.baseline"):
        timeline_from_json(text)


def test_members_that_are_not_known_are_ignored():
    assert timeline_from_json(changed(("turns", 0, "mood"), "good")).turns[0].label == "sad"


@pytest.mark.parametrize(
    "place",
    [
        ("format",),
        ("recording",),
        ("recording", "path"),
        ("recording", "channels"),
        ("recording", "sample_rate"),
        ("recording", "duration"),
        ("bundle",),
        ("labels",),
        ("notes",),
        ("turns",),
        ("turns", 0, "start"),
        ("turns", 1, "end"),
        ("turns", 0, "speaker"),
        ("turns", 0, "words"),
        ("turns", 0, "words", 1, "text"),
        ("turns", 0, "abstention"),
        ("turns", 0, "probabilities", "angry"),
        ("turns", 0, "track"),
        ("turns", 0, "track", 1, "probabilities"),
        ("turns", 0, "track", 1, "start"),
    ],
    ids=str,
)
def test_a_missing_field_is_named(place: tuple[str | int, ...]):
    name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")
    escaped = name.replace("[", r"\[").replace("]", r"\]")
    if place[-1] == "angry":
        match = r"the field turns\[0\]\.probabilities is \{.*; an object with the members neutral, happy, sad, angry, "
    else:
        match = f"^old.json: the field {escaped} is missing; write it, then try again$"
    with pytest.raises(TurnsError, match=match):
        timeline_from_json(without(*place), path="old.json")


@pytest.mark.parametrize(
    ("place", "value", "problem"),
    [
        (("format",), 2, r"it has format 2; format 1 is read\. Install a newer undertone"),
        (("format",), "1", r"the field format is '1'; a whole number from 1 up is accepted"),
        (("recording",), [], r"the field recording is \[\]; an object is accepted"),
        (("recording", "path"), 3, r"the field recording\.path is 3; text is accepted"),
        (("recording", "channels"), 0, r"the field recording\.channels is 0; a whole number from 1 up is accepted"),
        (("recording", "sample_rate"), True, r"the field recording\.sample_rate is True; a whole number from 1 up"),
        (("recording", "duration"), -1.5, r"the field recording\.duration is -1\.5; a number of seconds from 0 up is"),
        (("bundle",), None, r"the field bundle is None; text is accepted"),
        (("labels", 2), 7, r"the field labels\[2\] is 7; text is accepted"),
        (("turns",), {}, r"the field turns is \{\}; a list is accepted"),
        (("turns", 1), "x", r"the field turns\[1\] is 'x'; an object is accepted"),
        (("turns", 0, "start"), "0", r"the field turns\[0\]\.start is '0'; a number is accepted"),
        (("turns", 0, "start"), True, r"the field turns\[0\]\.start is True; a number is accepted"),
        (("turns", 0, "start"), -1, r"the field turns\[0\]\.start is -1; a time from 0 s up is accepted"),
        (("turns", 0, "end"), 0.5, r"the field turns\[0\]\.end is 0\.5; a time after the start, 0\.5 s, is accepted"),
        (("turns", 0, "channel"), 1.5, r"the field turns\[0\]\.channel is 1\.5; a whole number from 0 up is accepted"),
        (("turns", 0, "text"), 5, r"the field turns\[0\]\.text is 5; text is accepted"),
        (
            ("turns", 0, "label"),
            "bored",
            r"turns\[0\]\.label is 'bored'; null or one of neutral, happy, .* is accepted",
        ),
        (("turns", 0, "label"), None, r"turns\[0\]\.abstention is None; one of uncertain, too short, silent, because"),
        (
            ("turns", 0, "abstention"),
            "silent",
            r"turns\[0\]\.abstention is 'silent'; null, because the turn has a label",
        ),
        (
            ("turns", 1, "abstention"),
            "tired",
            r"turns\[1\]\.abstention is 'tired'; one of uncertain, too short, silent",
        ),
        (
            ("turns", 0, "probabilities"),
            None,
            r"turns\[0\]\.probabilities is None; an object, because the turn has a label",
        ),
        (
            ("turns", 0, "probabilities", "sad"),
            0.1,
            r"turns\[0\]\.probabilities is \{.*\.\.\.; probabilities from 0 to 1 that",
        ),
        (("turns", 0, "probabilities", "sad"), None, r"turns\[0\]\.probabilities\.sad is None; a number is accepted"),
        (
            ("turns", 0, "probabilities", "joy"),
            0.0,
            r"turns\[0\]\.probabilities is \{.*; an object with the members neutral",
        ),
        (("turns", 0, "words", 0, "confidence"), "", r"turns\[0\]\.words\[0\]\.confidence is ''; a number is accepted"),
        (("turns", 0, "track", 1, "end"), 0.9, r"turns\[0\]\.track\[1\]\.end is 0\.9; a time after the start, 1\.0 s"),
    ],
)
def test_a_wrong_field_is_named_with_its_value(place: tuple[str | int, ...], value: object, problem: str):
    with pytest.raises(TurnsError, match=problem):
        timeline_from_json(changed(place, value))


@pytest.mark.parametrize("text", ["[]", "3", '"turns"', "null"])
def test_json_that_is_no_object_is_refused(text: str):
    with pytest.raises(TurnsError, match=r"timeline: the whole is .*; an object is accepted"):
        timeline_from_json(text)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("format",), 2),
        (("recording", "duration"), -1),
        (("turns", 0, "label"), None),
        (("turns", 0, "abstention"), "tired"),
        (("turns", 1, "label"), "sad"),
        (("turns", 0, "probabilities", "sad"), 1.5),
        (("turns", 0, "channel"), -1),
        (("turns", 0, "mood"), "good"),
        (("turns", 0, "words", 0, "start"), None),
    ],
    ids=str,
)
def test_the_published_schema_refuses_what_is_wrong(
    place: tuple[str | int, ...], value: object, schema: dict[str, Any]
):
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(form())
    assert not validator.is_valid(json.loads(changed(place, value)))


@pytest.fixture
def schema() -> dict[str, Any]:
    from importlib.resources import files

    return json.loads(files("undertone.conversation").joinpath("timeline.schema.json").read_text(encoding="utf-8"))


def saved(text: str, folder: Path) -> Path:
    path = folder / "turns.json"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_turns_of_a_timeline_are_read_with_channel_and_words(tmp_path: Path):
    first, second = read_json(saved(write_json(TIMELINE), tmp_path), recording=CALL)
    assert (first.start, first.channel, first.text) == (0.5, 1, "well\nno")
    assert first.words == TIMELINE.turns[0].turn.words
    assert second == TIMELINE.turns[1].turn


def test_a_timeline_of_a_longer_recording_is_refused(tmp_path: Path):
    path = saved(changed(("recording", "duration"), 61.0), tmp_path)
    with pytest.raises(TurnsError, match=r"a recording of 61\.000 s but call\.wav lasts 60\.000 s; name the file"):
        read_json(path, recording=CALL)


def test_a_timeline_of_another_recording_is_refused(tmp_path: Path):
    path = saved(changed(("recording", "path"), "interview.wav"), tmp_path)
    with pytest.raises(TurnsError, match=r"made for the recording 'interview\.wav', not for 'call\.wav'"):
        read_json(path, recording=CALL)


def test_a_channel_that_the_recording_lacks_is_refused(tmp_path: Path):
    mono = Recording(path="call.wav", channels=1, sample_rate=8_000, duration=60.0)
    with pytest.raises(TurnsError, match=r"turns\[0\]: there is no channel 1; call\.wav has 1"):
        read_json(saved(write_json(TIMELINE), tmp_path), recording=mono)


SEGMENTS = [
    {
        "start": 1.238,
        "end": 3.5,
        "text": " Yeah, 42.",
        "words": [
            {"word": "Yeah,", "start": 1.238, "end": 1.478, "score": 0.719, "speaker": "SPEAKER_04"},
            {"word": "42.", "start": 1.5},
            {"word": "!"},
        ],
        "speaker": "SPEAKER_04",
    },
    {"start": 4, "end": 5.5, "text": " Who?", "words": [{"word": " Who?", "start": 4, "end": 4.5}]},
]


def whisperx(folder: Path, segments: object) -> tuple[Turn, ...]:
    path = saved(json.dumps({"segments": segments, "word_segments": [], "language": "en"}), folder)
    return read_whisperx(path, recording=CALL)


def test_segments_are_turns_and_words_without_times_stay_in_the_text(tmp_path: Path):
    assert whisperx(tmp_path, SEGMENTS) == (
        Turn(
            start=1.238,
            end=3.5,
            speaker="SPEAKER_04",
            text="Yeah, 42.",
            words=(Word(text="Yeah,", start=1.238, end=1.478, confidence=0.719),),
        ),
        Turn(start=4.0, end=5.5, speaker="speaker_1", text="Who?", words=(Word(text="Who?", start=4.0, end=4.5),)),
    )


def test_the_plainer_form_of_whisper_is_read(tmp_path: Path):
    segments = [{"id": 0, "seek": 0, "start": 0.0, "end": 2.0, "text": " Hi.", "tokens": [1], "avg_logprob": -0.2}]
    assert whisperx(tmp_path, segments) == (Turn(start=0.0, end=2.0, speaker="speaker_1", text="Hi."),)


@pytest.mark.parametrize(
    ("segments", "problem"),
    [
        ([{"end": 1}], r"the field segments\[0\]\.start is missing"),
        ([{"start": 0, "end": None}], r"the field segments\[0\]\.end is None; a number is accepted"),
        ([{"start": 0, "end": "1"}], r"the field segments\[0\]\.end is '1'; a number is accepted"),
        ([{"start": 0, "end": 1, "text": 3}], r"the field segments\[0\]\.text is 3; text is accepted"),
        ([{"start": 0, "end": 1, "speaker": 3}], r"the field segments\[0\]\.speaker is 3; text is accepted"),
        ([{"start": 0, "end": 1, "words": "a"}], r"the field segments\[0\]\.words is 'a'; a list is accepted"),
        (
            [{"start": 0, "end": 1, "words": [{"start": 0, "end": 1}]}],
            r"the field segments\[0\]\.words\[0\]\.word is missing",
        ),
        ({}, r"the field segments is \{\}; a list is accepted"),
        ([[]], r"the field segments\[0\] is \[\]; an object is accepted"),
        (
            [{"start": 2, "end": 2}],
            r"segments\[0\]: a turn runs from 2\.000 s to 2\.000 s; it must end after it starts",
        ),
        ([{"start": 0, "end": 90}], r"segments\[0\]: a turn runs from 0\.000 s to 90\.000 s but call\.wav lasts 60"),
        ([], "it holds no turns"),
    ],
)
def test_segments_that_do_not_fit_are_refused_with_their_field(segments: object, problem: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=problem):
        whisperx(tmp_path, segments)
