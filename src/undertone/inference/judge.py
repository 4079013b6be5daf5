"""From the sound of turns to emotions: features, windows, network, verdict."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from undertone.audio.fbank import LogMelStream
from undertone.audio.stretches import SUBSAMPLING
from undertone.inference.cutting import TurnCutter, window_frames
from undertone.inference.reading import words_at
from undertone.inference.relative_judge import BaselineJudge
from undertone.inference.session import BaselineSession
from undertone.inference.verdict import expected, probabilities_of, verdict
from undertone.inference.windows import window_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.card import Card, Prior
    from undertone.inference.listen import Piece
    from undertone.inference.reading import Read, Reader
    from undertone.inference.session import Session
    from undertone.records import Turn, TurnEmotion, Word


class Judge(Protocol):
    """Judges turns as their sound comes in."""

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """Take sound, and give the turns that ended with it, in their order."""

    def finish(self) -> list[TurnEmotion]:
        """Give the turns that waited for the others; nothing may be heard afterwards."""

    def notes(self) -> tuple[str, ...]:
        """Say what a reader of the timeline must know of how turns were judged so far."""


def judge_of(
    card: Card,
    session: Session | BaselineSession,
    reader: Reader | None,
    *,
    explain: bool = False,
    baseline: bool = True,
    prior: Prior | None = None,
    causal: bool = False,
) -> Judge:
    """Make what judges the turns of one recording.

    Args:
        card: of the bundle.
        session: of the bundle.
        reader: of a bundle that reads.
        explain: whether it is to tell what each word counts for, and what the voice alone says.
        baseline: whether turns are held against their speaker's others, by a bundle that can.
        prior: what is expected of the recording.
        causal: whether turns must be judged as they end, without those that follow.
    """
    if isinstance(session, BaselineSession):
        return BaselineJudge(card, session, baseline=baseline, prior=prior, causal=causal)
    if reader is None:
        return ListeningJudge(card, session, prior=prior)
    return ReadingJudge(card, session, reader, explain=explain, prior=prior)


class ListeningJudge:
    """Judges what it hears; the windows that a call completes go through the network together."""

    def __init__(self, card: Card, session: Session, *, prior: Prior | None = None) -> None:
        self._card = card
        self._prior = prior
        self._cutter = TurnCutter(card, session.logits)

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """Take sound, and give the turns that ended with it, in their order."""
        return [
            verdict(self._card, heard.turn, peak=heard.peak, spans=heard.spans, logits=heard.scores, prior=self._prior)
            for heard in self._cutter.hear(pieces)
        ]

    def finish(self) -> list[TurnEmotion]:
        """No turn waits for the others."""
        return []

    def notes(self) -> tuple[str, ...]:
        """Say what was expected."""
        return expected(self._prior)


@dataclass(kw_only=True, eq=False)
class _WholeTurn:
    """A turn that is judged once all of it was heard: its words are placed by the whole of it."""

    stream: LogMelStream
    frames: list[NDArray[np.float32]] = field(default_factory=list)
    """Parts, each of shape (frame, mel)."""
    peak: float = 0.0


class ReadingJudge:
    """Judges turns by what they sound like and by what is said in them, if that is known.

    Holds the features of open turns, 32 kB for each second.
    """

    def __init__(
        self, card: Card, session: Session, reader: Reader, *, explain: bool = False, prior: Prior | None = None
    ) -> None:
        self._card = card
        self._prior = prior
        self._session = session
        self._reader = reader
        self._explain = explain
        self._length, self._hop = window_frames(card)
        self._open: dict[int, _WholeTurn] = {}
        self._judged = 0
        self._unread = 0
        self._unplaced = 0
        self._disagreed = 0

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """As `Judge.hear`; the windows are those of `ListeningJudge`."""
        found = []
        for piece in pieces:
            turn = self._open.setdefault(piece.key, _WholeTurn(stream=LogMelStream(self._card.front_end)))
            if len(piece.samples):
                turn.peak = max(turn.peak, float(np.abs(piece.samples).max()))
                turn.frames.append(turn.stream.feed(piece.samples))
            if piece.last:
                found.append(self._judge(piece.turn, self._open.pop(piece.key)))
        return found

    def finish(self) -> list[TurnEmotion]:
        """No turn waits for the others."""
        return []

    def notes(self) -> tuple[str, ...]:
        """Say in how many turns there was nothing to read, words were not found, or voice and words disagree."""
        of_all = f"of {self._judged} turns"
        unread = f"without a transcript, {self._unread} {of_all} were judged by their voice alone"
        unplaced = f"the words of {self._unplaced} {of_all} were read, but could not be found in the sound"
        apart = f"in {self._disagreed} {of_all} the voice alone would be taken for another emotion than with its words"
        told = ((self._unread, unread), (self._unplaced, unplaced), (self._disagreed, apart))
        return (*expected(self._prior), *(note for count, note in told if count))

    def _judge(self, turn: Turn, heard: _WholeTurn) -> TurnEmotion:
        frames = np.concatenate(heard.frames) if heard.frames else np.empty((0, 0), dtype=np.float32)
        if not len(frames) or turn.duration < self._card.windows.shortest_s:
            return verdict(self._card, turn, peak=heard.peak, spans=(), logits=())
        read = self._reader.read(frames, turn.text)
        if heard.peak:
            self._judged += 1
            self._unread += not len(read.tokens)
            self._unplaced += self._reader.places and len(read.tokens) > 0 and not read.words
        spans = window_spans(len(frames), self._length, self._hop)
        logits = self._session.logits([frames[start:end] for start, end in spans], self._reader.scripts(read, spans))
        if read.words:
            placed = words_at(read.words, turn.start)
            if self._explain:
                placed = self._with_shares(placed, read, frames, spans)
                turn = replace(turn, words=placed)
            turn = turn if turn.words else replace(turn, words=placed)
        found = verdict(self._card, turn, peak=heard.peak, spans=spans, logits=list(logits), prior=self._prior)
        if self._explain and len(read.tokens) and found.probabilities is not None:
            found = replace(found, by_voice=self._by_voice(frames, spans))
            self._disagreed += found.voice_disagrees
        return found

    def _by_voice(self, frames: NDArray[np.float32], spans: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """Judge a turn as if it had no transcript."""
        scripts = self._reader.scripts(self._reader.read(frames, None), spans)
        logits = self._session.logits([frames[start:end] for start, end in spans], scripts)
        return probabilities_of(self._card, self._prior, np.mean(logits, axis=0)).astype(np.float32)

    def _with_shares(
        self, placed: tuple[Word, ...], read: Read, frames: NDArray[np.float32], spans: Sequence[tuple[int, int]]
    ) -> tuple[Word, ...]:
        """Judge the turn once more without each word: its text left out, and its sound turned to the turn's mean.

        Occlusion (Zeiler & Fergus 2014, section 4.3). The whole is judged again, too, with the words as they were
        placed, for a text loses its punctuation with any word.
        """
        hidden = [self._hidden(read, frames, word) for word in (None, *range(len(placed)))]
        logits = [
            np.mean(self._session.logits([sound[a:b] for a, b in spans], self._reader.scripts(said, spans)), axis=0)
            for said, sound in hidden
        ]
        probabilities = probabilities_of(self._card, self._prior, np.stack(logits))
        best = int(probabilities[0].argmax())
        return tuple(
            replace(word, share=float(probabilities[0, best] - without[best]))
            for word, without in zip(placed, probabilities[1:], strict=True)
        )

    def _hidden(self, read: Read, frames: NDArray[np.float32], hidden: int | None) -> tuple[Read, NDArray[np.float32]]:
        kept = " ".join(word.word for place, word in enumerate(read.words) if place != hidden)
        said = replace(read, tokens=self._reader.tokens(kept))
        if hidden is None:
            return said, frames
        word = read.words[hidden]
        silenced = frames.copy()
        silenced[word.first * SUBSAMPLING : word.end * SUBSAMPLING] = frames.mean(axis=0)
        return said, silenced
