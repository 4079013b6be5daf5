"""Undertone's own form: everything a timeline holds, as JSON with a published schema (`timeline.schema.json`).

Times are rounded to milliseconds, probabilities to four decimals that still sum to 1. Of the recording's path only the
file name is written. `speakers` and `confidence` repeat what the rest says, for readers in a hurry; they are not read.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats import fields
from undertone.conversation.formats.fields import Field
from undertone.conversation.formats.fitting import DraftTurn, check_duration, check_name, fit_turns
from undertone.conversation.formats.notation import (
    milliseconds,
    recording_name,
    rounded_confidence,
    rounded_probabilities,
    well_formed,
)
from undertone.conversation.formats.sources import parse_json, read_text
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion, Window, Word, frozen_array
from undertone.units import samples_for

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from undertone.units import Seconds

FORMAT: Final = 1
"""Rises when a reader of the old form would misread the new one."""

_SUM_TOLERANCE: Final = 1e-3


def write_json(timeline: Timeline) -> str:
    """Write a timeline as JSON text, indented by two spaces, UTF-8 not escaped."""
    text = json.dumps(timeline_as_dict(timeline), ensure_ascii=False, allow_nan=False, indent=2)
    return well_formed(text) + "\n"


def timeline_as_dict(timeline: Timeline) -> dict[str, object]:
    """The JSON form as plain dicts, lists, texts and numbers."""
    recording = timeline.recording
    return {
        "format": FORMAT,
        "recording": {
            "path": recording_name(recording),
            "channels": recording.channels,
            "sample_rate": recording.sample_rate,
            "duration": samples_for(recording.duration, 1000) / 1000,
        },
        "bundle": timeline.bundle_id,
        "labels": list(timeline.labels),
        "speakers": list(timeline.speakers),
        "notes": list(timeline.notes),
        "turns": [_turn_as_dict(item, timeline.labels) for item in timeline.turns],
    }


def _word_as_dict(word: Word) -> dict[str, object]:
    told = {"text": word.text, **_times(word.start, word.end), "confidence": word.confidence}
    return told if word.share is None else told | {"share": round(word.share, 4)}


def _turn_as_dict(item: TurnEmotion, labels: tuple[str, ...]) -> dict[str, object]:
    turn = item.turn
    told: dict[str, object] = {
        **_times(turn.start, turn.end),
        "speaker": turn.speaker,
        "channel": turn.channel,
        "text": turn.text,
        "words": [_word_as_dict(word) for word in turn.words],
        "label": item.label,
        "confidence": rounded_confidence(item),
        "abstention": None if item.abstention is None else item.abstention.value,
        "probabilities": None if item.probabilities is None else _by_label(labels, item.probabilities),
        "track": [
            {**_times(window.start, window.end), "probabilities": _by_label(labels, window.probabilities)}
            for window in item.track
        ],
    }
    if item.by_voice is not None:
        told["by_voice"] = _by_label(labels, item.by_voice)
    if item.baseline is not None:
        told["baseline"] = round(item.baseline, 2)
    return told


def _times(start: Seconds, end: Seconds) -> dict[str, object]:
    first, last = milliseconds(start, end)
    return {"start": first / 1000, "end": last / 1000}


def _by_label(labels: tuple[str, ...], probabilities: NDArray[np.float32]) -> dict[str, float]:
    return dict(zip(labels, rounded_probabilities(probabilities), strict=True))


def timeline_from_json(text: str, *, path: str = "timeline") -> Timeline:
    """Read what `write_json` wrote. Members that this version does not know are ignored.

    `path` names the text in messages.

    Raises:
        TurnsError: if the text is not JSON, has another format number, or a field is missing or wrong; the message
            names the field.
    """
    root = Field(path, "", parse_json(path, text))
    version = fields.whole(fields.member(root, "format"), least=1)
    if version != FORMAT:
        raise TurnsError(
            path,
            f"it has format {version}; format {FORMAT} is read. Install a newer undertone, or write the file again",
        )
    labels = tuple(fields.words(field) for field in fields.items(fields.member(root, "labels")))
    return Timeline(
        recording=_recording(fields.member(root, "recording")),
        turns=tuple(_turn_emotion(field, labels) for field in fields.items(fields.member(root, "turns"))),
        labels=labels,
        bundle_id=fields.words(fields.member(root, "bundle")),
        notes=tuple(fields.words(field) for field in fields.items(fields.member(root, "notes"))),
    )


def _recording(field: Field) -> Recording:
    duration = fields.member(field, "duration")
    if fields.number(duration) < 0:
        fields.refuse(duration, "a number of seconds from 0 up")
    return Recording(
        path=fields.words(fields.member(field, "path")),
        channels=fields.whole(fields.member(field, "channels"), least=1),
        sample_rate=fields.whole(fields.member(field, "sample_rate"), least=1),
        duration=fields.number(duration),
    )


def _turn_emotion(field: Field, labels: tuple[str, ...]) -> TurnEmotion:
    label = fields.optional(field, "label")
    if label is not None and fields.words(label) not in labels:
        fields.refuse(label, f"null or one of {', '.join(labels)}")
    probabilities = fields.optional(field, "probabilities")
    if label is not None and probabilities is None:
        fields.refuse(fields.member(field, "probabilities"), "an object, because the turn has a label,")
    by_voice = fields.optional(field, "by_voice")
    return TurnEmotion(
        turn=_turn(field),
        probabilities=None if probabilities is None else _probabilities(probabilities, labels),
        label=None if label is None else fields.words(label),
        abstention=_abstention(fields.member(field, "abstention"), judged=label is not None),
        track=tuple(_window(window, labels) for window in fields.items(fields.member(field, "track"))),
        by_voice=None if by_voice is None else _probabilities(by_voice, labels),
        baseline=_baseline(fields.optional(field, "baseline")),
    )


def _baseline(field: Field | None) -> float | None:
    if field is None:
        return None
    if fields.number(field) < 0:
        fields.refuse(field, "a number of turns from 0 up")
    return fields.number(field)


def _abstention(field: Field, *, judged: bool) -> Abstention | None:
    reasons = [reason.value for reason in Abstention]
    if judged:
        if field.value is not None:
            fields.refuse(field, "null, because the turn has a label,")
        return None
    if field.value not in reasons:
        fields.refuse(field, f"one of {', '.join(reasons)}, because the turn has no label,")
    return Abstention(fields.words(field))


def _turn(field: Field) -> Turn:
    start, end = _stretch(field)
    channel = fields.optional(field, "channel")
    text = fields.optional(field, "text")
    return Turn(
        start=start,
        end=end,
        speaker=fields.words(fields.member(field, "speaker")),
        channel=None if channel is None else fields.whole(channel, least=0),
        text=None if text is None else fields.words(text),
        words=tuple(_word(word) for word in fields.items(fields.member(field, "words"))),
    )


def _word(field: Field) -> Word:
    start, end = _stretch(field)
    confidence, share = fields.optional(field, "confidence"), fields.optional(field, "share")
    return Word(
        text=fields.words(fields.member(field, "text")),
        start=start,
        end=end,
        confidence=None if confidence is None else fields.number(confidence),
        share=None if share is None else fields.number(share),
    )


def _window(field: Field, labels: tuple[str, ...]) -> Window:
    start, end = _stretch(field)
    return Window(start=start, end=end, probabilities=_probabilities(fields.member(field, "probabilities"), labels))


def _stretch(field: Field) -> tuple[Seconds, Seconds]:
    start, end = fields.member(field, "start"), fields.member(field, "end")
    if fields.number(start) < 0:
        fields.refuse(start, "a time from 0 s up")
    if fields.number(end) <= fields.number(start):
        fields.refuse(end, f"a time after the start, {start.value} s,")
    return fields.number(start), fields.number(end)


def _probabilities(field: Field, labels: tuple[str, ...]) -> NDArray[np.float32]:
    if set(fields.keys(field)) != set(labels):
        fields.refuse(field, f"an object with the members {', '.join(labels)}")
    values = [fields.number(fields.member(field, label)) for label in labels]
    if not all(0 <= value <= 1 for value in values) or abs(sum(values) - 1) > _SUM_TOLERANCE:
        fields.refuse(field, "probabilities from 0 to 1 that sum to 1")
    return frozen_array(values)


def read_json(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read the turns of a timeline that undertone wrote, without its emotions.

    Raises:
        TurnsError: if the file is not such a timeline, was made for another recording, or does not fit this one.
    """
    timeline = timeline_from_json(read_text(path), path=str(path))
    check_duration(path, timeline.recording.duration, recording=recording)
    check_name(path, timeline.recording.path, recording=recording)
    drafts = [
        DraftTurn(
            place=f"turns[{index}]",
            start=item.turn.start,
            end=item.turn.end,
            speaker=item.turn.speaker,
            channel=item.turn.channel,
            text=item.turn.text,
            words=item.turn.words,
        )
        for index, item in enumerate(timeline.turns)
    ]
    return fit_turns(path, drafts, recording=recording)
