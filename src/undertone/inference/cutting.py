"""Cutting turns into windows while their sound comes in, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from undertone.audio.fbank import LogMelStream
from undertone.audio.whisper_mel import WhisperMelStream
from undertone.inference.card import WHISPER_MEL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.inference.card import Card
    from undertone.inference.listen import Piece
    from undertone.records import Turn

    Score = Callable[[Sequence[NDArray[np.float32]]], NDArray[np.float32]]
    """Takes windows, each of shape (frame, mel), and gives numbers for each, shape (window, number)."""


class FrameStream(Protocol):
    """Turns samples into frames as they come."""

    def feed(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take samples, shape (sample,), and return the frames they complete, shape (frame, mel)."""

    def finish(self) -> NDArray[np.float32]:
        """End the sound and return the frames that waited for it, shape (frame, mel)."""


def frame_stream(card: Card) -> FrameStream:
    """Begin to compute what a bundle's network hears."""
    return WhisperMelStream() if card.features == WHISPER_MEL else LogMelStream(card.front_end)


def window_frames(card: Card) -> tuple[int, int]:
    """Give the length of a bundle's windows and the step from one to the next, in frames."""
    hop_ms = card.front_end.hop_length_ms
    return round(card.windows.length_s * 1000 / hop_ms), round(card.windows.hop_s * 1000 / hop_ms)


@dataclass(frozen=True, kw_only=True, eq=False)
class HeardTurn:
    """A turn that ended."""

    turn: Turn
    peak: float
    """Largest sample, to either side of zero."""
    spans: tuple[tuple[int, int], ...]
    """First frame and the one after the last, by window."""
    scores: tuple[NDArray[np.float32], ...]
    """By window, each of shape (number,)."""


@dataclass(kw_only=True, eq=False)
class _OpenTurn:
    """A turn while its sound comes in; holds at most one window of frames and a block."""

    stream: FrameStream
    frames: NDArray[np.float32]
    """The newest frames, shape (frame, mel)."""
    first: int = 0
    """Number of the first frame in `frames`."""
    next_start: int = 0
    """Where the next full window begins."""
    peak: float = 0.0
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Windows cut so far."""
    scores: list[NDArray[np.float32]] = field(default_factory=list)
    """What was said of the windows, in their order."""


class TurnCutter:
    """Cuts turns into windows and has them scored: those that a call completes go through the network together.

    The windows are those of `undertone.inference.windows.window_spans`, however the sound was cut into pieces.

    Args:
        card: of the bundle.
        score: its network.
    """

    def __init__(self, card: Card, score: Score) -> None:
        self._card = card
        self._score = score
        self._length, self._hop = window_frames(card)
        self._open: dict[int, _OpenTurn] = {}

    def hear(self, pieces: Sequence[Piece]) -> list[HeardTurn]:
        """Take sound, and give the turns that ended with it, in their order."""
        owners: list[_OpenTurn] = []
        windows: list[NDArray[np.float32]] = []
        ended: list[tuple[Turn, _OpenTurn]] = []
        for piece in pieces:
            turn = self._open.get(piece.key) or self._begin(piece.key)
            cut = self._cut(turn, piece)
            windows += cut
            owners += [turn] * len(cut)
            if piece.last:
                ended.append((piece.turn, self._open.pop(piece.key)))
        if windows:
            for turn, scores in zip(owners, self._score(windows), strict=True):
                turn.scores.append(scores)
        return [
            HeardTurn(turn=turn, peak=heard.peak, spans=tuple(heard.spans), scores=tuple(heard.scores))
            for turn, heard in ended
        ]

    def _begin(self, key: int) -> _OpenTurn:
        nothing = np.empty((0, self._card.front_end.mel_bins), dtype=np.float32)
        turn = _OpenTurn(stream=frame_stream(self._card), frames=nothing)
        self._open[key] = turn
        return turn

    def _cut(self, turn: _OpenTurn, piece: Piece) -> list[NDArray[np.float32]]:
        """Cut the windows that a piece completes."""
        if len(piece.samples):
            turn.peak = max(turn.peak, float(np.abs(piece.samples).max()))
            turn.frames = np.concatenate((turn.frames, turn.stream.feed(piece.samples)))
        if piece.last:
            turn.frames = np.concatenate((turn.frames, turn.stream.finish()))
        return self._full_windows(turn) + (self._last_window(turn) if piece.last else [])

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
