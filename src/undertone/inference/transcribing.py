"""Hearing the words of turns whose text is not known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from undertone.audio.stretches import StretchCutter
from undertone.transcribers.base import heard_from

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from undertone.inference.judge import Judge
    from undertone.inference.listen import Piece
    from undertone.records import Turn, TurnEmotion, Word
    from undertone.transcribers.base import Transcriber


@dataclass(kw_only=True, eq=False)
class _OpenTurn:
    """A turn while its sound comes in; holds one stretch and a block."""

    cutter: StretchCutter = field(default_factory=StretchCutter)
    words: list[Word] = field(default_factory=list)
    """Heard so far, with times from the turn's beginning."""


class TranscribingJudge:
    """Lets a transcriber hear what is said in turns whose text is not known, before another judge takes them."""

    def __init__(self, transcriber: Transcriber, judge: Judge) -> None:
        self._transcriber = transcriber
        self._judge = judge
        self._open: dict[int, _OpenTurn] = {}
        self._turns = 0
        self._heard = 0

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """As `Judge.hear`."""
        return self._judge.hear([self._with_words(piece) for piece in pieces])

    def finish(self) -> list[TurnEmotion]:
        """As `Judge.finish`."""
        return self._judge.finish()

    def notes(self) -> tuple[str, ...]:
        """Say by whom the words of how many turns were heard, and what the judge says."""
        by = f"by {self._transcriber.name} ({self._transcriber.language})"
        told = f"the words of {self._heard} of {self._turns} turns were heard {by}: some are wrong"
        return (*([told] if self._heard else []), *self._judge.notes())

    def _with_words(self, piece: Piece) -> Piece:
        self._turns += piece.last
        if piece.turn.text is not None:
            return piece
        turn = self._open.setdefault(piece.key, _OpenTurn())
        self._hear(turn, turn.cutter.feed(piece.samples))
        if not piece.last:
            return piece
        self._hear(turn, turn.cutter.finish())
        del self._open[piece.key]
        self._heard += bool(turn.words)
        return replace(piece, turn=_told(piece.turn, turn.words))

    def _hear(self, turn: _OpenTurn, stretches: Iterable[tuple[int, NDArray[np.float32]]]) -> None:
        for first, samples in stretches:
            turn.words += heard_from(first, samples, self._transcriber)


def _told(turn: Turn, words: Sequence[Word]) -> Turn:
    """Give a turn words whose times count from its beginning."""
    if not words:
        return turn
    placed = tuple(
        replace(word, start=min(turn.end, turn.start + word.start), end=min(turn.end, turn.start + word.end))
        for word in words
    )
    return replace(turn, text=" ".join(word.text for word in placed), words=placed)
