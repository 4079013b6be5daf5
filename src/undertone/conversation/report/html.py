"""A timeline as one HTML file with the sound in it, for people without undertone."""

from __future__ import annotations

import base64
import hashlib
import html
import importlib.resources
import json
import re
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, Final

from undertone.audio.decode import open_recording
from undertone.audio.resample import resampled
from undertone.conversation.palette import ABSTAINED, ink_on, look_of
from undertone.conversation.report.sound import BUCKET, Mp3Stream, Outline, encoded
from undertone.conversation.summary import summaries_of
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from undertone.records import Timeline, TurnEmotion

SCRIPTS: Final = ("looks.js", "lanes.js", "panels.js", "page.js")
"""Parts of the page's one script, in the order in which they use each other."""


def write_html(timeline: Timeline, recording_path: str, target: BinaryIO, *, embed_audio: bool = True) -> None:
    """Write a page that shows a timeline and plays the recording; it loads nothing and sends nothing.

    The sound is encoded while it is written, so that memory does not grow with the recording and no sound is ever kept
    in another file. A failure on the way leaves half a page in `target`: write to a file that takes its name only if
    this returns (`undertone.files.write_beside`).

    Args:
        timeline: What was heard.
        recording_path: The sound that the timeline is about.
        target: Where the UTF-8 bytes go.
        embed_audio: Whether the page holds the sound: 24 MB of page an hour, 38 MB with two channels.
            Without it the page still shows the waveform's outline, and plays a recording that the reader chooses.

    Raises:
        AudioError: if the recording cannot be read.
    """
    with open_recording(recording_path) as recording:
        split = recording.channels > 1 and any(item.turn.channel is not None for item in timeline.turns)
        outline = Outline(recording.channels, split=split)
        waves = recording.channels if split else 1
        before, after = _page(timeline, waves=waves, embed_audio=embed_audio)
        target.write(before.encode())
        blocks = resampled(recording.blocks(), recording.sample_rate, SAMPLE_RATE)
        head = b""
        if embed_audio:
            head = _write_sound(blocks, 2 if waves == 2 else 1, outline, target)
        else:
            for block in blocks:
                outline.add(block)
    sound = {"bucket": BUCKET, "head": _base64(head), "peaks": [_base64(levels) for levels in outline.channels()]}
    target.write(f'<script type="application/json" id="sound">{_json(sound)}</script>'.encode())
    target.write(after.encode())


def _write_sound(blocks: Iterable[NDArray[np.float32]], channels: int, outline: Outline, target: BinaryIO) -> bytes:
    """Write everything but the first bytes, which are known last, and give those back."""
    stream = Mp3Stream()
    target.write(b'<script type="text/plain" id="audio">')
    parts = encoded(blocks, channels=channels, stream=stream, outline=outline)
    target.writelines(base64.b64encode(part) for part in parts)
    target.write(b"</script>\n")
    return bytes(stream.head)


def _page(timeline: Timeline, *, waves: int, embed_audio: bool) -> tuple[str, str]:
    """Fill the page in, before and after the sound, in one pass, so that nothing filled in is read as a marker."""
    style = _asset("page.css") + _look_rules(timeline)
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(name) for name in SCRIPTS) + "})();\n"
    parts = {
        "policy": _policy(style, script),
        "title": html.escape(_encodable(_name(timeline))),
        "style": style,
        "data": _json(_data(timeline, waves=waves, embed_audio=embed_audio)),
        "script": script,
    }
    before, after = _asset("page.html").split("{{sound}}")
    return re.sub(r"\{\{(\w+)\}\}", lambda marker: parts[marker[1]], before), after


def _policy(style: str, script: str) -> str:
    """Forbid the browser everything but this page's own script, style, patterns and sound."""
    rules = {
        "default-src": "'none'",
        "script-src": _hash_source(script),
        "style-src": _hash_source(style),
        "img-src": "data:",
        "media-src": "blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash_source(text: str) -> str:
    return f"'sha256-{_base64(hashlib.sha256(text.encode()).digest())}'"


def _look_names(timeline: Timeline) -> list[str]:
    return [*timeline.labels, *(str(reason) for reason in ABSTAINED)]


def _look_rules(timeline: Timeline) -> str:
    """Give the style sheet the palette: numbers instead of names, because a bundle's label may be any text."""
    looks = [look_of(name) for name in _look_names(timeline)]
    light = _properties([look.light for look in looks])
    dark = _properties([look.dark for look in looks])
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root:not([data-theme='light']){{{dark}}}}}\n"


def _properties(colours: list[str]) -> str:
    return "".join(f"--look-{at}:{colour};--look-ink-{at}:{ink_on(colour)};" for at, colour in enumerate(colours))


def _data(timeline: Timeline, *, waves: int, embed_audio: bool) -> dict[str, object]:
    speakers = {name: at for at, name in enumerate(timeline.speakers)}
    return {
        "bundle": timeline.bundle_id,
        "duration": round(timeline.recording.duration, 3),
        "notes": timeline.notes,
        "audio": embed_audio,
        "waves": waves,
        "labels": timeline.labels,
        "looks": [
            {
                "name": name,
                "code": look_of(name).code,
                "pattern": look_of(name).pattern,
                "filled": name in timeline.labels,
            }
            for name in _look_names(timeline)
        ],
        "speakers": [
            {
                "name": summary.speaker,
                "turns": summary.turns,
                "speaking": round(summary.speaking, 3),
                "shares": [(name, round(share, 4)) for name, share in summary.shares.items()],
            }
            for summary in summaries_of(timeline)
        ],
        "turns": [_turn(item, speakers) for item in timeline.turns],
    }


def _turn(item: TurnEmotion, speakers: dict[str, int]) -> dict[str, object]:
    turn = item.turn
    return {
        "start": round(turn.start, 3),
        "end": round(turn.end, 3),
        "speaker": speakers[turn.speaker],
        "channel": turn.channel,
        "text": turn.text,
        "words": [[word.text, round(word.share, 4)] for word in turn.words if word.share is not None],
        "label": item.label,
        "abstention": item.abstention,
        "p": None if item.probabilities is None else _numbers(item.probabilities),
        "voice": None if item.by_voice is None else _numbers(item.by_voice),
        "apart": item.voice_disagrees,
        "baseline": None if item.baseline is None else round(item.baseline, 1),
        "track": [
            {"start": round(window.start, 3), "end": round(window.end, 3), "p": _numbers(window.probabilities)}
            for window in item.track
        ],
    }


def _numbers(probabilities: NDArray[np.float32]) -> list[float]:
    return [round(float(value), 4) for value in probabilities]


def _json(value: object) -> str:
    """Write JSON in which no text can end the script element that holds it, or open a comment."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _name(timeline: Timeline) -> str:
    return PurePath(timeline.recording.path).name or timeline.recording.path


def _encodable(text: str) -> str:
    """Replace what UTF-8 cannot hold: file names may carry bytes that are no characters."""
    return text.encode("utf-8", "replace").decode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _asset(name: str) -> str:
    return importlib.resources.files("undertone.conversation.report").joinpath(name).read_text("utf-8")
