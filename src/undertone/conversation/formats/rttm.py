"""Rich Transcription Time Marked (NIST): one `SPEAKER` line a turn, ten fields between white space.

    SPEAKER call 1 1.200 2.500 angry <NA> agent 0.8210 <NA>
    type file channel start duration orthography subtype name confidence lookahead

The emotion stands in the orthography field. The subtype field would look more natural, but md-eval, the scorer that
NIST and its successors run, stops at a `SPEAKER` line whose subtype is not `<NA>`; nobody reads the orthography of a
speaker line. Turns without a label have `<NA>` for emotion and confidence. White space in names becomes `_` and the
quotation mark `'`, because readers split at the one and quote with the other. Channels are counted from 1.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats.fitting import DraftTurn, fit_turns, is_named
from undertone.conversation.formats.notation import milliseconds, one_word, recording_name, rounded_confidence
from undertone.conversation.formats.sources import read_text
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Recording, Timeline, Turn, TurnEmotion

_NOTHING: Final = "<NA>"
_NAME_FIELD: Final = 7


def write_rttm(timeline: Timeline) -> str:
    """Write one `SPEAKER` line a turn; text and probabilities are not kept."""
    file_id = one_word(PurePath(recording_name(timeline.recording)).stem)
    return "".join(_line(file_id, item) for item in timeline.turns)


def _line(file_id: str, item: TurnEmotion) -> str:
    start, end = milliseconds(item.turn.start, item.turn.end)
    channel = 1 if item.turn.channel is None else item.turn.channel + 1
    confidence = rounded_confidence(item)
    judged = item.label is not None and confidence is not None
    return (
        f"SPEAKER {file_id} {channel} {start / 1000:.3f} {(end - start) / 1000:.3f} "
        f"{_NOTHING if item.label is None else one_word(item.label)} {_NOTHING} {one_word(item.turn.speaker)} "
        f"{f'{confidence:.4f}' if judged else _NOTHING} {_NOTHING}\n"
    )


def read_rttm(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read the `SPEAKER` lines that name this recording; other lines are skipped.

    Tools that mix the channels down write 1 everywhere, so channels count only where a line names a higher one.

    Raises:
        TurnsError: if no line names the recording, a line is not RTTM, or the turns do not fit the recording.
    """
    lines = [
        (number, line.split())
        for number, line in enumerate(read_text(path).split("\n"), start=1)
        if line.split()[:1] == ["SPEAKER"]
    ]
    for number, parts in lines:
        if len(parts) <= _NAME_FIELD:
            raise TurnsError(
                str(path),
                f"line {number}: it has {len(parts)} fields; a SPEAKER line has ten, the eighth names the speaker. "
                "Complete the line, then try again",
            )
    ours = [(number, parts) for number, parts in lines if is_named(parts[1], recording)]
    if lines and not ours:
        found = ", ".join(repr(name) for name in sorted({parts[1] for _, parts in lines}))
        raise TurnsError(
            str(path),
            f"it describes {found}, not {PurePath(recording.path).stem!r}; name the file that belongs to this "
            "recording, or correct the second field",
        )
    several = any(parts[2] not in {"1", _NOTHING} for _, parts in ours)
    drafts = [_draft(path, number, parts, several=several) for number, parts in ours]
    return fit_turns(path, drafts, recording=recording)


def _draft(path: Path, number: int, parts: list[str], *, several: bool) -> DraftTurn:
    place = f"line {number}"
    try:
        channel = int(parts[2]) - 1 if several and parts[2] != _NOTHING else None
        start, duration = float(parts[3]), float(parts[4])
    except ValueError as error:
        raise TurnsError(
            str(path),
            f"{place}: the fields channel, start and duration are {' '.join(parts[2:5])!r}; numbers are accepted. "
            "Correct the line, then try again",
        ) from error
    speaker = parts[_NAME_FIELD]
    # Start and duration are decimal fractions; their sum in binary is not, hence the rounding to microseconds.
    return DraftTurn(
        place=place,
        start=start,
        end=round(start + duration, 6),
        speaker="" if speaker == _NOTHING else speaker,
        channel=channel,
    )
