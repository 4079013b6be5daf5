"""Reading subtitles, SubRip and WebVTT: every cue that shows something is a turn.

Who speaks is told by a WebVTT voice (`<v Anna>`), or by a name and a colon before the text (`Anna: …`, `[Anna]: …`).
A colon may also be part of a sentence, so such names count only where every cue begins with one, or for a name that
begins at least two cues. Cues without a name belong to `fitting.UNNAMED`. Files that undertone wrote, in which every
cue begins with a verdict such as `Anna: angry 82 %`, give back their turns without the verdicts.
"""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats.fitting import UNNAMED, DraftTurn, fit_turns
from undertone.conversation.formats.notation import UNCLEAR
from undertone.conversation.formats.sources import read_text
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from undertone.records import Recording, Turn
    from undertone.units import Seconds

_SRT_TIME: Final = r"\d{1,4}:\d{1,2}:\d{1,2}[,.]\d{1,3}"
_VTT_TIME: Final = r"(?:\d{1,4}:)?\d{1,2}:\d{1,2}\.\d{1,3}"
_TIMING: Final = {
    "srt": re.compile(rf"\s*{_SRT_TIME}\s*-->\s*{_SRT_TIME}(?:\s.*)?"),
    "vtt": re.compile(rf"\s*{_VTT_TIME}\s*-->\s*{_VTT_TIME}(?:\s.*)?"),
}
_EXAMPLE: Final = {"srt": "00:01:02,500 --> 00:01:04,000", "vtt": "00:01:02.500 --> 00:01:04.000"}

_VOICE: Final = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^<>]*)>")
_VTT_TAG: Final = re.compile(r"<[^<>]*>")
_SRT_TAG: Final = re.compile(r"</?(?:[ibus]|font)(?:\s[^<>]*)?>|\{\\an\d\}", re.IGNORECASE)
_NAME: Final = re.compile(r"\[?([^\[\]:：.!?,;\n]{1,40}?)\]?\s*[:：]\s+(?=\S)")
_VERDICT: Final = rf"(?:{UNCLEAR}|[^:\n]+ \d{{1,3}} %)"
_VERDICT_LINE: Final = re.compile(rf"{_VERDICT}(?:\n|\Z)")
_NAMED_VERDICT_LINE: Final = re.compile(rf"(.+): {_VERDICT}(?:\n|\Z)")


@dataclass(frozen=True, kw_only=True)
class _Cue:
    place: str
    start: Seconds
    end: Seconds
    speaker: str | None
    text: str


def read_srt(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read SubRip subtitles as turns.

    Raises:
        TurnsError: if the file is not SubRip, or its turns do not fit the recording.
    """
    return _read(path, "srt", recording)


def read_vtt(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read WebVTT subtitles as turns; a cue with several voices is a turn for each.

    Raises:
        TurnsError: if the file is not WebVTT, or its turns do not fit the recording.
    """
    return _read(path, "vtt", recording)


def _read(path: Path, kind: str, recording: Recording) -> tuple[Turn, ...]:
    text = read_text(path)
    _check_timings(path, text.split("\n"), kind)
    cues = _without_verdicts(_parse(path, text.strip("\n"), kind))
    drafts = [
        DraftTurn(
            place=cue.place,
            start=cue.start,
            end=cue.end,
            speaker=cue.speaker or UNNAMED,
            text=" ".join(cue.text.split()),
        )
        for cue in cues
    ]
    return fit_turns(path, drafts, recording=recording)


def _parse(path: Path, text: str, kind: str) -> list[_Cue]:
    import webvtt
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    if not text.strip():
        return []
    try:
        captions = webvtt.WebVTT.from_buffer(io.StringIO(text), format=kind).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        first = text.split("\n", 1)[0][:40]
        wanted = "WebVTT begins with WEBVTT" if kind == "vtt" else f"SubRip begins with 1, then {_EXAMPLE['srt']}"
        raise TurnsError(
            str(path), f"it begins with {first!r}; {wanted}. Export it once more, then try again"
        ) from error
    return [
        _Cue(
            place=f"cue {number}", start=_seconds(caption.start), end=_seconds(caption.end), speaker=speaker, text=said
        )
        for number, caption in enumerate(captions, start=1)
        for speaker, said in (
            _voices(caption.raw_text) if kind == "vtt" else [(None, _SRT_TAG.sub("", caption.raw_text))]
        )
        if said.strip()
    ]


def _check_timings(path: Path, lines: Sequence[str], kind: str) -> None:
    """Refuse what a lenient parser would skip or take for text: an arrow without times, or times without an arrow."""
    before = ""
    for number, line in enumerate(lines, start=1):
        # In SubRip an arrow may stand in text; times follow an empty line or the number of the cue.
        opens = kind == "vtt" or not before.strip() or before.strip().isdigit()
        timed = "-->" in line or (kind == "srt" and len(re.findall(_SRT_TIME, line)) > 1)
        if timed and opens and not _TIMING[kind].fullmatch(line):
            raise TurnsError(
                str(path),
                f"line {number}: the times of a cue are {line.strip()!r}; they look like {_EXAMPLE[kind]}. Correct "
                "them, then try again",
            )
        before = line


def _seconds(stamp: str) -> Seconds:
    hours, minutes, seconds = stamp.split(":")
    return round(int(hours) * 3600 + int(minutes) * 60 + float(seconds), 3)


def _voices(raw: str) -> list[tuple[str | None, str]]:
    """Part the text of a cue by its voices; what precedes the first has none."""
    before, *parts = _VOICE.split(raw)
    voices = [(None, before), *zip(parts[::2], parts[1::2], strict=True)]
    return [
        (name and html.unescape(name).strip(), html.unescape(_VTT_TAG.sub("", said)).strip()) for name, said in voices
    ]


def _without_verdicts(cues: list[_Cue]) -> list[_Cue]:
    if cues and all(cue.speaker and _VERDICT_LINE.match(cue.text) for cue in cues):
        return [replace(cue, text=cue.text.partition("\n")[2]) for cue in cues]
    matches = [_NAMED_VERDICT_LINE.match(cue.text) for cue in cues]
    if all(matches):
        return [
            replace(cue, speaker=match.group(1), text=cue.text.partition("\n")[2])
            for cue, match in zip(cues, matches, strict=True)
            if match
        ]
    return _with_names(cues)


def _with_names(cues: list[_Cue]) -> list[_Cue]:
    """Take the speaker from `Anna: …` where a name is believable."""
    found = [None if cue.speaker else _NAME.match(cue.text) for cue in cues]
    often = Counter(match.group(1).strip() for match in found if match)
    everywhere = all(match or cue.speaker for cue, match in zip(cues, found, strict=True))
    named: list[_Cue] = []
    for cue, match in zip(cues, found, strict=True):
        if match and (everywhere or often[match.group(1).strip()] > 1):
            named.append(replace(cue, speaker=match.group(1).strip(), text=cue.text[match.end() :]))
        else:
            named.append(cue)
    return named
