"""What each speaker's turns add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from undertone.conversation.palette import outcome_of
from undertone.records import Abstention

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.records import Timeline, TurnEmotion
    from undertone.units import Seconds


@dataclass(frozen=True, kw_only=True)
class SpeakerSummary:
    """One speaker's part in a conversation."""

    speaker: str
    turns: int
    speaking: Seconds
    """The lengths of the speaker's turns, added up."""
    shares: Mapping[str, float]
    """Share of `speaking` per label, then per reason to abstain, summing to 1; what never occurs is left out."""


def summaries_of(timeline: Timeline) -> tuple[SpeakerSummary, ...]:
    """Add up the turns of every speaker, in order of first appearance."""
    order = (*timeline.labels, *(str(reason) for reason in Abstention))
    return tuple(
        _summary(speaker, [item for item in timeline.turns if item.turn.speaker == speaker], order)
        for speaker in timeline.speakers
    )


def ranked(item: TurnEmotion, labels: tuple[str, ...]) -> list[tuple[str, float]]:
    """Pair labels with probabilities, most probable first; empty where the turn could not be judged."""
    if item.probabilities is None:
        return []
    pairs = zip(labels, (float(value) for value in item.probabilities), strict=True)
    return sorted(pairs, key=lambda pair: -pair[1])


def _summary(speaker: str, items: list[TurnEmotion], order: tuple[str, ...]) -> SpeakerSummary:
    seconds = dict.fromkeys(order, 0.0)
    for item in items:
        seconds[outcome_of(item)] += item.turn.duration
    speaking = sum(seconds.values())
    return SpeakerSummary(
        speaker=speaker,
        turns=len(items),
        speaking=speaking,
        shares={name: value / speaking for name, value in seconds.items() if value > 0},
    )
