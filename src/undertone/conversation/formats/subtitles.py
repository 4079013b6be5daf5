"""Writing subtitles: one cue a turn, `caller: angry 82 %` and below it the text.

White space inside a line is collapsed and empty lines are left out, because an empty line ends a cue. SubRip has no way
to write an arrow in text, so `-->` becomes `→` there; WebVTT escapes it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from undertone.conversation.formats.notation import UNCLEAR, milliseconds, one_line, recording_name, verdict

if TYPE_CHECKING:
    from undertone.records import Timeline, TurnEmotion


def write_srt(timeline: Timeline) -> str:
    """Write SubRip; a turn without a label says `unclear`."""
    return "\n".join(
        f"{number}\n{_timing(item, ',')}\n" + "".join(f"{line}\n" for line in _srt_lines(item))
        for number, item in enumerate(timeline.turns, start=1)
    )


def _srt_lines(item: TurnEmotion) -> list[str]:
    lines = [f"{one_line(item.turn.speaker)}: {verdict(item)}", *_lines(item.turn.text)]
    return [line.replace("-->", "→") for line in lines]


def write_vtt(timeline: Timeline) -> str:
    """Write WebVTT; the voice is the speaker, the class is the emotion: `<v caller><c.angry>angry 82 %</c>`."""
    note = f"Emotions in {recording_name(timeline.recording)}, heard by {one_line(timeline.bundle_id)}"
    cues = [f"WEBVTT\n\nNOTE {note.replace('-->', '→')}\n"]
    for item in timeline.turns:
        verdict_line = f"<v {_escaped(item.turn.speaker)}><c.{_css_class(item.label)}>{_escaped(verdict(item))}</c>"
        lines = [_timing(item, "."), verdict_line, *map(_escaped, _lines(item.turn.text))]
        cues.append("".join(f"{line}\n" for line in lines))
    return "\n".join(cues)


def _timing(item: TurnEmotion, point: str) -> str:
    start, end = milliseconds(item.turn.start, item.turn.end)
    return f"{_stamp(start, point)} --> {_stamp(end, point)}"


def _stamp(time: int, point: str) -> str:
    seconds, thousandths = divmod(time, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{thousandths:03d}"


def _lines(text: str | None) -> list[str]:
    lines = [one_line(line) for line in re.split(r"[\r\n]+", text or "")]
    return [line for line in lines if line]


def _escaped(text: str) -> str:
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _css_class(label: str | None) -> str:
    return re.sub(r"[^\w-]", "-", label or UNCLEAR)
