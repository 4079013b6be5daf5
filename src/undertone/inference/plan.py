"""How a recording is to be heard: which channels, whose turns, which speakers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from undertone.audio.decode import open_recording
from undertone.conversation.channels import Channels, hear_different_voices
from undertone.conversation.formats.fitting import DraftTurn, fit_turns
from undertone.conversation.formats.registry import read_turns
from undertone.errors import UsageError
from undertone.inference.listen import Voice
from undertone.inference.transcript import middle, place_words
from undertone.records import Recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.records import Turn, Word
    from undertone.units import Seconds

LOOK_BLOCKS: Final = 6
LOOK_S: Final[Seconds] = 10.0
"""The first minute of a recording is heard, by blocks of ten seconds, to tell a call from a room."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a caller asks for."""

    channels: Channels = Channels.AUTO
    names: tuple[str, ...] = ()
    """Who speaks on each channel, or one name for all; `speaker_1`, `speaker_2`, … where empty."""
    turns: Path | tuple[Turn, ...] | None = None
    """Somebody else's turns, as a file or as records; found by voice activity where None."""
    only: tuple[str, ...] = ()
    """Speakers to judge; everybody where empty."""
    skip: tuple[str, ...] = ()
    """Speakers who are not judged: their turns do not appear, and their emotion is never computed."""
    text: str | tuple[Word, ...] | None = None
    """Everything that is said in the recording, in order; without times, or with them."""

    def wants(self, speaker: str) -> bool:
        """Whether a speaker is to be judged."""
        return speaker not in self.skip and (not self.only or speaker in self.only)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a request means for one recording."""

    request: Request
    voices: tuple[Voice, ...]
    """Who is listened to for turns; empty where the turns are given."""
    turns: tuple[Turn, ...] | None
    """The turns that are given, of everybody; None where they are to be found."""
    notes: tuple[str, ...]
    """What a reader of the timeline must know."""
    words: tuple[Word, ...] = ()
    """Those of the transcript, in order of their middle; none where none is given."""

    @property
    def leaves_out(self) -> bool:
        """Whether somebody in the recording is not judged."""
        speakers = [voice.speaker for voice in self.voices] + [turn.speaker for turn in self.turns or ()]
        return not all(map(self.request.wants, speakers))


def plan_for(path: Path, request: Request) -> Plan:
    """Look at a recording and decide how to hear it.

    Raises:
        AudioError: if the recording cannot be used.
        TurnsError: if the turns cannot be read or do not fit.
        TranscriptError, AlignmentError: if the transcript is not what is said.
        UsageError: if the request contradicts itself or the recording.
    """
    plan = _plan_without_words(path, request)
    if request.text is None:
        return plan
    if len(plan.voices) > 1:
        raise UsageError(
            f"one transcript does not tell who of {len(plan.voices)} speakers says what; mix the channels, or give a "
            "file of turns, which may carry their words"
        )
    words = place_words(path, request.text) if isinstance(request.text, str) else request.text
    return replace(plan, words=tuple(sorted(words, key=middle)))


def _plan_without_words(path: Path, request: Request) -> Plan:
    if request.turns is not None:
        if request.names:
            raise UsageError("names of channels and a file of turns exclude each other: the file names the speakers")
        turns = _given(request.turns, measure(path))
        speakers = tuple(dict.fromkeys(turn.speaker for turn in turns))
        return Plan(request=request, voices=(), turns=turns, notes=_left_out(request, speakers))
    with open_recording(path) as recording:
        channels = recording.channels
        split = channels > 1 and (
            request.channels is Channels.SPLIT
            or (
                request.channels is Channels.AUTO
                and hear_different_voices(islice(recording.blocks(LOOK_S), LOOK_BLOCKS), recording.sample_rate)
            )
        )
    voices = voices_of(channels, request.names, split=split)
    notes = _left_out(request, tuple(voice.speaker for voice in voices))
    if split:
        notes += (f"{channels} channels: each is taken for one speaker",)
    else:
        heard = "one channel" if channels == 1 else f"{channels} channels, mixed"
        notes += (f"{heard}: speakers are not told apart; a file of turns can name them",)
    return Plan(request=request, voices=voices, turns=None, notes=notes)


def _given(turns: Path | Sequence[Turn], recording: Recording) -> tuple[Turn, ...]:
    """Take somebody else's turns, from a file or as records, and hold both to the same checks."""
    if isinstance(turns, Path):
        return read_turns(turns, recording=recording)
    drafts = [
        DraftTurn(
            place=f"turn {number}",
            start=turn.start,
            end=turn.end,
            speaker=turn.speaker,
            channel=turn.channel,
            text=turn.text,
            words=turn.words,
        )
        for number, turn in enumerate(turns, start=1)
    ]
    return fit_turns(Path("the turns given"), drafts, recording=recording)


def voices_of(channels: int, names: Sequence[str], *, split: bool) -> tuple[Voice, ...]:
    """Name who is heard: one voice per channel, or one for all of them.

    Raises:
        UsageError: if there are names, but not one for each voice, or one twice.
    """
    count = channels if split else 1
    if names and len(names) != count:
        raise UsageError(
            f"{len(names)} names ({', '.join(names)}) for {count} voice{'s' if count > 1 else ''}; "
            "give one name for each channel when channels are split, otherwise one"
        )
    if len(set(names)) < len(names):
        raise UsageError(f"the names {', '.join(names)} are not all different; give each channel a name of its own")
    speakers = names or tuple(f"speaker_{number + 1}" for number in range(count))
    return tuple(Voice(speaker=name, channel=index if split else None) for index, name in enumerate(speakers))


def measure(path: Path) -> Recording:
    """Read a recording's properties; one that does not tell its duration is decoded to its end for it.

    Raises:
        AudioError: if the recording cannot be used.
    """
    with open_recording(path) as recording:
        duration = recording.duration
        if duration is None:
            duration = sum(len(block) for block in recording.blocks()) / recording.sample_rate
        return Recording(
            path=str(path), channels=recording.channels, sample_rate=recording.sample_rate, duration=duration
        )


def _left_out(request: Request, speakers: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [name for name in (*request.only, *request.skip) if name not in speakers]
    if unknown:
        raise UsageError(
            f"nobody is called {', '.join(unknown)}; the speakers of this recording are {', '.join(speakers)}. "
            "Name the speakers of the channels, or take the names in the file of turns"
        )
    out = [name for name in speakers if not request.wants(name)]
    if len(out) == len(speakers):
        raise UsageError(f"everybody is left out ({', '.join(out)}); leave somebody in to be judged")
    return (f"left out on request: {', '.join(out)}",) if out else ()
