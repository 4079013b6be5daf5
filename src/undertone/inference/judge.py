"""From the sound of turns to emotions: features, windows, network, calibration, abstention."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from undertone.audio.fbank import LogMelStream
from undertone.audio.stretches import SUBSAMPLING
from undertone.inference.reading import words_at
from undertone.inference.windows import window_spans
from undertone.metrics.calibration import softmax
from undertone.records import Abstention, TurnEmotion, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.card import Card
    from undertone.inference.listen import Piece
    from undertone.inference.reading import Read, Reader
    from undertone.inference.session import Session
    from undertone.records import Turn, Word


@dataclass(kw_only=True, eq=False)
class _OpenTurn:
    """A turn while its sound comes in; holds at most one window of frames and a block."""

    stream: LogMelStream
    frames: NDArray[np.float32]
    """The newest frames, shape (frame, mel)."""
    first: int = 0
    """Number of the first frame in `frames`."""
    next_start: int = 0
    """Where the next full window begins."""
    peak: float = 0.0
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Windows cut so far."""
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    """Scores of the windows, in their order."""


class Judge(Protocol):
    """Judges turns as their sound comes in."""

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """Take sound, and give the turns that ended with it, in their order."""

    def notes(self) -> tuple[str, ...]:
        """Say what a reader of the timeline must know of how turns were judged so far."""


def judge_of(card: Card, session: Session, reader: Reader | None, *, explain: bool = False) -> Judge:
    """Make what judges the turns of one recording.

    Args:
        card: of the bundle.
        session: of the bundle.
        reader: of a bundle that reads.
        explain: whether it is to tell what each word counts for, and what the voice alone says.
    """
    return ListeningJudge(card, session) if reader is None else ReadingJudge(card, session, reader, explain=explain)


class ListeningJudge:
    """Judges what it hears; the windows that a call completes go through the network together."""

    def __init__(self, card: Card, session: Session) -> None:
        self._card = card
        self._session = session
        self._length, self._hop = window_frames(card)
        self._open: dict[int, _OpenTurn] = {}

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        """Take sound, and give the turns that ended with it, in their order.

        The windows are those of `undertone.inference.windows.window_spans`, however the sound was cut into pieces.
        """
        owners: list[_OpenTurn] = []
        windows: list[NDArray[np.float32]] = []
        ended: list[tuple[Turn, _OpenTurn]] = []
        for piece in pieces:
            turn = self._open.get(piece.key) or self._begin(piece.key)
            if len(piece.samples):
                turn.peak = max(turn.peak, float(np.abs(piece.samples).max()))
                turn.frames = np.concatenate((turn.frames, turn.stream.feed(piece.samples)))
            cut = self._full_windows(turn) + (self._last_window(turn) if piece.last else [])
            windows += cut
            owners += [turn] * len(cut)
            if piece.last:
                ended.append((piece.turn, self._open.pop(piece.key)))
        if windows:
            for turn, logits in zip(owners, self._session.logits(windows), strict=True):
                turn.logits.append(logits)
        return [
            verdict(self._card, turn, peak=heard.peak, spans=heard.spans, logits=heard.logits) for turn, heard in ended
        ]

    def notes(self) -> tuple[str, ...]:
        """There is nothing to say."""
        return ()

    def _begin(self, key: int) -> _OpenTurn:
        front_end = self._card.front_end
        turn = _OpenTurn(stream=LogMelStream(front_end), frames=np.empty((0, front_end.mel_bins), dtype=np.float32))
        self._open[key] = turn
        return turn

    def _full_windows(self, turn: _OpenTurn) -> list[NDArray[np.float32]]:
        """Cut every window that is complete, and let go of frames that no later one needs."""
        windows = []
        end = turn.first + len(turn.frames)
        while turn.next_start + self._length <= end:
            windows.append(self._window(turn, turn.next_start, turn.next_start + self._length))
            turn.next_start += self._hop
        keep_from = max(turn.first, end - self._length)
        turn.frames = turn.frames[keep_from - turn.first :].copy()
        turn.first = keep_from
        return windows

    def _last_window(self, turn: _OpenTurn) -> list[NDArray[np.float32]]:
        """Cut the window that ends with the turn, if the ones so far do not."""
        end = turn.first + len(turn.frames)
        if end == (turn.spans[-1][1] if turn.spans else 0):
            return []
        return [self._window(turn, max(0, end - self._length), end)]

    @staticmethod
    def _window(turn: _OpenTurn, start: int, end: int) -> NDArray[np.float32]:
        turn.spans.append((start, end))
        return turn.frames[start - turn.first : end - turn.first]


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

    def __init__(self, card: Card, session: Session, reader: Reader, *, explain: bool = False) -> None:
        self._card = card
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

    def notes(self) -> tuple[str, ...]:
        """Say in how many turns there was nothing to read, words were not found, or voice and words disagree."""
        of_all = f"of {self._judged} turns"
        unread = f"without a transcript, {self._unread} {of_all} were judged by their voice alone"
        unplaced = f"the words of {self._unplaced} {of_all} were read, but could not be found in the sound"
        apart = f"in {self._disagreed} {of_all} the voice alone would be taken for another emotion than with its words"
        told = ((self._unread, unread), (self._unplaced, unplaced), (self._disagreed, apart))
        return tuple(note for count, note in told if count)

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
        found = verdict(self._card, turn, peak=heard.peak, spans=spans, logits=list(logits))
        if self._explain and len(read.tokens) and found.probabilities is not None:
            found = replace(found, by_voice=self._by_voice(frames, spans))
            self._disagreed += found.voice_disagrees
        return found

    def _by_voice(self, frames: NDArray[np.float32], spans: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
        """Judge a turn as if it had no transcript."""
        scripts = self._reader.scripts(self._reader.read(frames, None), spans)
        logits = self._session.logits([frames[start:end] for start, end in spans], scripts)
        return softmax(np.mean(logits, axis=0), self._card.calibration.temperature).astype(np.float32)

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
        probabilities = softmax(np.stack(logits), self._card.calibration.temperature)
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


def window_frames(card: Card) -> tuple[int, int]:
    """Give the length of a bundle's windows and the step from one to the next, in frames."""
    hop_ms = card.front_end.hop_length_ms
    return round(card.windows.length_s * 1000 / hop_ms), round(card.windows.hop_s * 1000 / hop_ms)


def verdict(
    card: Card,
    turn: Turn,
    *,
    peak: float,
    spans: Sequence[tuple[int, int]],
    logits: Sequence[NDArray[np.float32]],
) -> TurnEmotion:
    """Make of a turn's windows what is said of it.

    Args:
        card: of the bundle.
        turn: judged.
        peak: largest sample, to either side of zero.
        spans: first frame and the one after the last, by window.
        logits: by window, each of shape (label,).
    """
    if turn.duration < card.windows.shortest_s or not logits:
        return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)
    if not peak:
        return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.SILENT)
    calibration = card.calibration
    probabilities = softmax(np.mean(logits, axis=0), calibration.temperature)
    best = int(probabilities.argmax())
    certain = probabilities[best] >= calibration.threshold
    return TurnEmotion(
        turn=turn,
        probabilities=probabilities.astype(np.float32),
        label=card.labels[best] if certain else None,
        abstention=None if certain else Abstention.UNCERTAIN,
        track=tuple(_point(card, turn, span, each) for span, each in zip(spans, logits, strict=True)),
    )


def _point(card: Card, turn: Turn, span: tuple[int, int], logits: NDArray[np.float32]) -> Window:
    front_end = card.front_end
    start, end = span
    sound_end = (end - 1) * front_end.hop_length + front_end.frame_length
    return Window(
        start=turn.start + start * front_end.hop_length / front_end.sample_rate,
        end=min(turn.end, turn.start + sound_end / front_end.sample_rate),
        probabilities=softmax(logits, card.calibration.temperature).astype(np.float32),
    )
