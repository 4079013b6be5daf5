"""Judging turns against how their speaker usually sounds."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.inference.baseline import stranger, weight_of, with_turn
from undertone.inference.cutting import TurnCutter
from undertone.inference.verdict import can_be_judged, expected, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.inference.baseline import SpeakerStatistics
    from undertone.inference.card import Card, Prior
    from undertone.inference.cutting import HeardTurn
    from undertone.inference.listen import Piece
    from undertone.inference.session import BaselineSession
    from undertone.records import Turn, TurnEmotion

    Who = tuple[str, int | None]
    """Name and channel: two people may have one name."""

THIN: Final = 3.0
"""Turns; a baseline of fewer tells little, and the timeline says so."""


class BaselineJudge:
    """Judges what it hears against the speaker's own baseline: the turns of theirs that it has heard.

    Of a turn only its windows' vectors are kept, a few kB for each.

    Args:
        card: of the bundle.
        session: of the bundle.
        baseline: whether to hold turns against their speaker's others; as those of a stranger otherwise.
        prior: what is expected of the recording.
        causal: whether turns are judged as they end, by the turns so far; all at `finish`, by all turns, otherwise.
    """

    def __init__(
        self, card: Card, session: BaselineSession, *, baseline: bool, prior: Prior | None, causal: bool
    ) -> None:
        if card.baseline is None:
            raise ValueError(f"the bundle {card.id} has no baseline")
        self._card = card
        self._baseline = card.baseline
        self._session = session
        self._prior = prior
        self._relative = baseline
        self._waits = baseline and not causal
        self._cutter = TurnCutter(card, session.vectors)
        self._stranger = stranger(card.baseline.numbers)
        self._known: dict[Who, SpeakerStatistics] = {}
        self._waiting: list[HeardTurn] = []

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """Take sound, and give the turns that ended with it, in their order; none where all turns are waited for."""
        found = []
        for heard in self._cutter.hear(pieces):
            if self._relative:
                self._remember(heard)
            if self._waits:
                self._waiting.append(heard)
            else:
                found.append(self._judge(heard))
        return found

    def finish(self) -> list[TurnEmotion]:
        """Judge the turns that waited for the others, in the order in which they ended."""
        waiting, self._waiting = self._waiting, []
        return [self._judge(heard) for heard in waiting]

    def notes(self) -> tuple[str, ...]:
        """Say what was expected, and how many turns stand behind each speaker's baseline."""
        told = [*expected(self._prior)]
        names = Counter(speaker for speaker, _ in self._known)
        known = {
            speaker if names[speaker] == 1 else f"{speaker} on channel {channel}": statistics.count
            for (speaker, channel), statistics in self._known.items()
        }
        firm = [f"{name} by {count:.1f}" for name, count in known.items() if count >= THIN]
        if firm:
            first, *others = firm
            told.append(f"each speaker is judged against their own baseline: {', '.join([f'{first} turns', *others])}")
        return (
            *told,
            *(
                f"the baseline of {name} is thin ({count:.1f} turns): judged almost as a stranger"
                for name, count in known.items()
                if count < THIN
            ),
        )

    def _remember(self, heard: HeardTurn) -> None:
        """Add a turn that can be judged to its speaker's baseline."""
        if can_be_judged(self._card, heard.turn, peak=heard.peak, windows=len(heard.scores)):
            vector = np.stack(heard.scores).mean(axis=0, dtype=np.float64)
            before = self._known.get(_who(heard.turn), self._stranger)
            weight = weight_of(self._baseline, heard.turn.duration)
            self._known[_who(heard.turn)] = with_turn(before, vector, weight)

    def _judge(self, heard: HeardTurn) -> TurnEmotion:
        statistics = self._known.get(_who(heard.turn), self._stranger)
        logits = self._session.judge(np.stack(heard.scores), [statistics] * len(heard.scores)) if heard.scores else ()
        return verdict(
            self._card,
            heard.turn,
            peak=heard.peak,
            spans=heard.spans,
            logits=list(logits),
            prior=self._prior,
            baseline=statistics.count if self._relative else None,
        )


def _who(turn: Turn) -> Who:
    return turn.speaker, turn.channel
