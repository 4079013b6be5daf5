"""From the sound of turns to emotions: features, windows, network, calibration, abstention."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.fbank import LogMelStream
from undertone.metrics.calibration import softmax
from undertone.records import Abstention, TurnEmotion, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.card import Card
    from undertone.inference.listen import Piece
    from undertone.inference.session import Session
    from undertone.records import Turn


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


class Judge:
    """Judges turns as their sound comes in; the windows that a call completes go through the network together."""

    def __init__(self, card: Card, session: Session) -> None:
        self._card = card
        self._session = session
        self._length = round(card.windows.length_s * 1000 / card.front_end.hop_length_ms)
        self._hop = round(card.windows.hop_s * 1000 / card.front_end.hop_length_ms)
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
        return [self._verdict(turn, heard) for turn, heard in ended]

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

    def _verdict(self, turn: Turn, heard: _OpenTurn) -> TurnEmotion:
        if turn.duration < self._card.windows.shortest_s or not heard.logits:
            return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)
        if not heard.peak:
            return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.SILENT)
        calibration = self._card.calibration
        probabilities = softmax(np.mean(heard.logits, axis=0), calibration.temperature)
        best = int(probabilities.argmax())
        certain = probabilities[best] >= calibration.threshold
        return TurnEmotion(
            turn=turn,
            probabilities=probabilities.astype(np.float32),
            label=self._card.labels[best] if certain else None,
            abstention=None if certain else Abstention.UNCERTAIN,
            track=tuple(
                self._point(turn, span, logits) for span, logits in zip(heard.spans, heard.logits, strict=True)
            ),
        )

    def _point(self, turn: Turn, span: tuple[int, int], logits: NDArray[np.float32]) -> Window:
        front_end = self._card.front_end
        start, end = span
        sound_end = (end - 1) * front_end.hop_length + front_end.frame_length
        return Window(
            start=turn.start + start * front_end.hop_length / front_end.sample_rate,
            end=min(turn.end, turn.start + sound_end / front_end.sample_rate),
            probabilities=softmax(logits, self._card.calibration.temperature).astype(np.float32),
        )
