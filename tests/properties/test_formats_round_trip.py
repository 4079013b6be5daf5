"""Whatever a timeline holds, reading back what was written gives its turns again, as far as the format holds them."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import probabilities, timelines

from undertone.conversation.formats.json_timeline import timeline_from_json, write_json
from undertone.conversation.formats.notation import milliseconds, one_line, one_word, rounded_probabilities, well_formed
from undertone.conversation.formats.registry import find_format, read_turns, write_format
from undertone.records import Timeline, Turn, frozen_array

EXAMPLES = settings(max_examples=30, deadline=None)


def as_kept(turn: Turn, name: str) -> Turn:
    """What a format keeps of a turn."""
    text = turn.text or ""
    speaker, channel, words = one_line(turn.speaker), None, ()
    if name == "json":
        channel, words, speaker, text = turn.channel, turn.words, well_formed(turn.speaker), well_formed(text)
    elif name == "csv":
        channel, speaker, text = turn.channel, well_formed(turn.speaker), well_formed(text)
    elif name == "rttm":
        text, speaker = "", one_word(speaker)
    elif name == "srt":
        text, speaker = one_line(text).replace("-->", "→"), speaker.replace("-->", "→")
    else:
        text = one_line(text)
    return Turn(
        start=turn.start, end=turn.end, speaker=speaker, channel=channel, text=text.strip() or None, words=words
    )


def read_back(timeline: Timeline, name: str) -> tuple[Turn, ...]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"turns{find_format(name).suffix}"
        path.write_bytes(write_format(name)(timeline).encode())
        return read_turns(path, recording=timeline.recording)


def in_order(turns: list[Turn]) -> list[Turn]:
    return sorted(turns, key=lambda turn: (turn.start, turn.end, turn.speaker))


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_turns_survive_writing_and_reading(timeline: Timeline):
    for name in ("json", "csv", "textgrid", "eaf", "srt", "vtt"):
        kept = [as_kept(item.turn, name) for item in timeline.turns]
        assert in_order(list(read_back(timeline, name))) == in_order(kept), name


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_turns_survive_rttm_where_a_higher_channel_is_named(timeline: Timeline):
    turns = read_back(timeline, "rttm")
    kept = [as_kept(item.turn, "rttm") for item in timeline.turns]
    assert [(t.start, t.end, t.speaker) for t in in_order(list(turns))] == [
        (t.start, t.end, t.speaker) for t in in_order(kept)
    ]
    if any(item.turn.channel == 1 for item in timeline.turns):
        # RTTM has no word for "no channel": it is written, and read, as the first.
        assert sorted(turn.channel or 0 for turn in turns) == sorted(item.turn.channel or 0 for item in timeline.turns)
    else:
        assert {turn.channel for turn in turns} == {None}


@given(timeline=timelines())
@EXAMPLES
def test_a_timeline_survives_json_but_for_rounding(timeline: Timeline):
    again = timeline_from_json(write_json(timeline))
    assert [item.turn for item in again.turns] == [item.turn for item in timeline.turns]
    assert [item.label for item in again.turns] == [item.label for item in timeline.turns]
    assert [item.abstention for item in again.turns] == [item.abstention for item in timeline.turns]
    assert (again.labels, again.bundle_id, again.notes) == (timeline.labels, timeline.bundle_id, timeline.notes)
    assert again.recording.duration == timeline.recording.duration
    for new, old in zip(again.turns, timeline.turns, strict=True):
        assert (new.probabilities is None) == (old.probabilities is None)
        if old.probabilities is not None:
            np.testing.assert_allclose(new.probabilities, old.probabilities, atol=1.01e-4)
        assert [(w.start, w.end) for w in new.track] == [(w.start, w.end) for w in old.track]
        for window, before in zip(new.track, old.track, strict=True):
            np.testing.assert_allclose(window.probabilities, before.probabilities, atol=1.01e-4)


@given(timeline=timelines())
@EXAMPLES
def test_writing_json_once_more_changes_nothing(timeline: Timeline):
    once = write_json(timeline)
    assert write_json(timeline_from_json(once)) == once


@given(timeline=timelines())
@EXAMPLES
def test_json_is_strict_and_its_probabilities_sum_to_one(timeline: Timeline):
    def refuse(word: str) -> None:
        raise AssertionError(word)

    for turn in json.loads(write_json(timeline), parse_constant=refuse)["turns"]:
        rows = [window["probabilities"] for window in turn["track"]]
        rows += [turn["probabilities"]] if turn["probabilities"] else []
        for row in rows:
            assert sum(row.values()) == pytest.approx(1, abs=1e-9)
        if turn["probabilities"]:
            assert turn["confidence"] == max(turn["probabilities"].values())


@given(drawn=probabilities())
@EXAMPLES
def test_rounded_probabilities_sum_to_one_keep_their_order_and_stay_near(drawn: np.ndarray):
    rounded = np.array(rounded_probabilities(drawn))
    assert rounded.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(rounded, drawn / drawn.sum(), atol=1e-4)
    assert (np.diff(rounded[np.argsort(drawn, kind="stable")]) >= 0).all() or len(set(drawn.tolist())) < len(drawn)
    assert rounded_probabilities(frozen_array(rounded)) == tuple(rounded.tolist())


@given(start=st.floats(0, 1e5), length=st.floats(0, 1e3))
@EXAMPLES
def test_milliseconds_are_near_and_never_empty(start: float, length: float):
    first, last = milliseconds(start, start + length)
    assert first < last
    assert abs(first - start * 1000) <= 0.5 + 1e-6
    assert abs(last - (start + length) * 1000) <= 1.5 + 1e-6


@given(timeline=timelines())
@EXAMPLES
def test_every_writer_accepts_every_timeline(timeline: Timeline):
    for name in ("json", "csv", "textgrid", "eaf", "srt", "vtt", "rttm"):
        text = write_format(name)(timeline)
        assert text.encode().decode() == text
        assert "secret folder" not in text
