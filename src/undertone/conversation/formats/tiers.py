"""What Praat and ELAN call a tier: one strip of annotations that do not overlap, here one for each speaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from undertone.conversation.formats.notation import milliseconds, one_line

if TYPE_CHECKING:
    from undertone.records import Timeline, TurnEmotion


@dataclass(frozen=True, kw_only=True)
class Span:
    """A turn on a tier; times in milliseconds."""

    start: int
    end: int
    item: TurnEmotion


@dataclass(frozen=True, kw_only=True)
class Tier:
    """The turns of one speaker."""

    name: str
    """Different for every tier, on one line."""
    speaker: str
    spans: tuple[Span, ...]
    """In order, without overlap."""


def speaker_tiers(timeline: Timeline) -> tuple[Tier, ...]:
    """Lay every speaker's turns on a tier; turns of one speaker that overlap go on further tiers (`caller 2`)."""
    tiers: list[Tier] = []
    for speaker in timeline.speakers:
        spans = [_span(item) for item in timeline.turns if item.turn.speaker == speaker]
        for lane in _lanes(sorted(spans, key=lambda span: span.start)):
            name = _unused(one_line(speaker), {tier.name for tier in tiers})
            tiers.append(Tier(name=name, speaker=speaker, spans=tuple(lane)))
    return tuple(tiers)


def _span(item: TurnEmotion) -> Span:
    start, end = milliseconds(item.turn.start, item.turn.end)
    return Span(start=start, end=end, item=item)


def _lanes(spans: list[Span]) -> list[list[Span]]:
    """Put each span on the first lane that is free when it starts."""
    lanes: list[list[Span]] = []
    for span in spans:
        free = next((lane for lane in lanes if lane[-1].end <= span.start), None)
        if free is None:
            lanes.append([span])
        else:
            free.append(span)
    return lanes


def _unused(name: str, taken: set[str]) -> str:
    wanted, number = name, 1
    while wanted in taken:
        number += 1
        wanted = f"{name} {number}"
    return wanted
