"""Whether somebody else's turns fit the recording: the checks that every reader ends with.

Two files of one recording never agree to the sample, so small differences are mended and large ones refused:

- turns of one speaker that overlap by at most `OVERLAP_TOLERANCE` are trimmed (the later starts when the earlier ends);
- a turn that ends at most `END_TOLERANCE` after the recording is clipped;
- a recording named or timed in the file must be this one, give or take `END_TOLERANCE`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats.notation import one_word, well_formed
from undertone.errors import TurnsError
from undertone.records import Turn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from undertone.records import Recording, Word
    from undertone.units import Seconds

OVERLAP_TOLERANCE: Final[Seconds] = 0.05
"""Frames of 10 to 40 ms, rounding to hundredths and the padding of annotation tools stay below it; a real second turn
of the same speaker does not."""

END_TOLERANCE: Final[Seconds] = 0.5
"""Padding of MP3 and AAC, and the difference in length between a video and its sound track, stay below it."""

UNNAMED: Final = "speaker_1"
"""Who speaks where a file names nobody."""

_ROUNDING: Final[Seconds] = 1e-6
_SOUND_SUFFIX: Final = re.compile(r"\.[A-Za-z][A-Za-z0-9]{1,4}$")


@dataclass(frozen=True, kw_only=True)
class DraftTurn:
    """A turn as a file has it, before it is known to fit."""

    place: str
    """Where it stands in the file: `line 3`, `cue 12`."""
    start: Seconds
    end: Seconds
    speaker: str
    channel: int | None = None
    text: str | None = None
    words: tuple[Word, ...] = ()


def fit_turns(path: Path, drafts: Iterable[DraftTurn], *, recording: Recording) -> tuple[Turn, ...]:
    """Turn drafts into turns of this recording, sorted by start, then by channel.

    Raises:
        TurnsError: if there are none, or one lies outside the recording, ends before it starts, has no speaker, has a
            channel that the recording lacks, or overlaps another of its speaker.
    """
    inside = [_inside(path, draft, recording) for draft in drafts]
    if not inside:
        raise TurnsError(
            str(path), "it holds no turns; name a file with at least one, or name none and the turns will be found"
        )
    inside.sort(key=lambda draft: (draft.start, draft.end))
    by_speaker: dict[str, list[DraftTurn]] = {}
    for draft in inside:
        by_speaker.setdefault(draft.speaker, []).append(draft)
    apart = [draft for drafts in by_speaker.values() for draft in _apart(path, drafts)]
    return tuple(sorted(map(_turn, apart), key=_order))


def _inside(path: Path, draft: DraftTurn, recording: Recording) -> DraftTurn:
    _check_times(path, draft, recording)
    if draft.channel is not None and not 0 <= draft.channel < recording.channels:
        raise TurnsError(
            str(path),
            f"{draft.place}: there is no channel {draft.channel}; {_name(recording)} has {recording.channels}, counted "
            "from 0. Correct the channel, or leave it out",
        )
    speaker = well_formed(draft.speaker).strip()
    if not speaker:
        raise TurnsError(str(path), f"{draft.place}: the turn has no speaker; name one, then try again")
    text = well_formed(draft.text).strip() if draft.text else ""
    return replace(draft, end=min(draft.end, recording.duration), speaker=speaker, text=text or None)


def _check_times(path: Path, draft: DraftTurn, recording: Recording) -> None:
    start, end = draft.start, draft.end
    if not (math.isfinite(start) and math.isfinite(end)):
        problem = f"a turn runs from {start} s to {end} s; times are numbers of seconds. Correct them, then try again"
    elif start < 0:
        problem = f"a turn starts at {start:g} s; a recording starts at 0 s. Correct the time, then try again"
    elif end <= start:
        problem = f"a turn runs from {start:.3f} s to {end:.3f} s; it must end after it starts. Correct the times"
    elif end > recording.duration + END_TOLERANCE or start >= recording.duration:
        problem = (
            f"a turn runs from {start:.3f} s to {end:.3f} s but {_name(recording)} lasts {recording.duration:.3f} s; "
            f"at most {END_TOLERANCE:g} s after the end are cut off. Name the file that belongs to this recording"
        )
    else:
        return
    raise TurnsError(str(path), f"{draft.place}: {problem}")


def _apart(path: Path, drafts: Sequence[DraftTurn]) -> list[DraftTurn]:
    """Part the turns of one speaker, which come in order of start."""
    parted = [drafts[0]]
    for draft in drafts[1:]:
        earlier = parted[-1]
        overlap = earlier.end - draft.start
        if overlap > OVERLAP_TOLERANCE + _ROUNDING or (overlap > 0 and draft.end <= earlier.end):
            raise TurnsError(
                str(path),
                f"{draft.place}: {draft.speaker!r} speaks from {draft.start:.3f} s to {draft.end:.3f} s although the "
                f"turn at {earlier.place} lasts until {earlier.end:.3f} s; turns of one speaker may overlap by at most "
                f"{OVERLAP_TOLERANCE:g} s. Merge the two, or give the second voice a name of its own",
            )
        parted.append(replace(draft, start=max(draft.start, earlier.end)))
    return parted


def _turn(draft: DraftTurn) -> Turn:
    return Turn(
        start=draft.start,
        end=draft.end,
        speaker=draft.speaker,
        channel=draft.channel,
        text=draft.text,
        words=draft.words,
    )


def _order(turn: Turn) -> tuple[Seconds, int, Seconds]:
    return turn.start, -1 if turn.channel is None else turn.channel, turn.end


def is_named(name: str, recording: Recording) -> bool:
    """Whether a file that describes several recordings means this one: by name, with or without suffix.

    Names are compared as `one_word` writes them, because some formats cannot hold white space.
    """
    wanted = {one_word(PurePath(recording.path).name), one_word(PurePath(recording.path).stem)}
    found = one_word(PurePath(name).name)
    return found in wanted or _SOUND_SUFFIX.sub("", found) in wanted


def may_be_named(name: str, recording: Recording) -> bool:
    """Whether one of the names is part of the other, as with `call.mp4` and `call_16k.wav`."""
    found = _SOUND_SUFFIX.sub("", one_word(PurePath(name).name)).casefold()
    wanted = one_word(PurePath(recording.path).stem).casefold()
    return found in wanted or wanted in found


def check_name(path: Path, name: str, *, recording: Recording) -> None:
    """Refuse a file that was plainly made for another recording.

    Raises:
        TurnsError: if neither name is part of the other.
    """
    if not may_be_named(name, recording):
        raise TurnsError(
            str(path),
            f"it was made for the recording {name!r}, not for {_name(recording)!r}; name the file that belongs to this "
            "recording, or correct the name in it",
        )


def check_duration(path: Path, duration: Seconds, *, recording: Recording) -> None:
    """Refuse a file whose recording is plainly longer or shorter.

    Raises:
        TurnsError: if the lengths differ by more than `END_TOLERANCE`.
    """
    if abs(duration - recording.duration) > END_TOLERANCE:
        raise TurnsError(
            str(path),
            f"it was made for a recording of {duration:.3f} s but {_name(recording)} lasts {recording.duration:.3f} s; "
            "name the file that belongs to this recording",
        )


def _name(recording: Recording) -> str:
    return PurePath(recording.path).name
