"""From blocks of sound to the sound of turns, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from undertone.audio.vad import FRAME_LENGTH, SpeechDetector
from undertone.conversation.crosstalk import Leaks, without_crosstalk
from undertone.conversation.turns import Floor, TurnRules, close, needed_from, step
from undertone.records import Turn
from undertone.units import SAMPLE_RATE, samples_for, seconds_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.audio.vad import SpeechNetwork
    from undertone.conversation.turns import Stretch


@dataclass(frozen=True, kw_only=True, eq=False)
class Piece:
    """Some of a turn's sound, in order."""

    key: int
    """The same for all pieces of a turn, and for no other turn."""
    turn: Turn
    samples: NDArray[np.float32]
    """At 16 kHz, shape (sample,)."""
    last: bool
    """Whether the turn ends here."""


class Listener(Protocol):
    """Takes a recording block by block and gives the sound of its turns."""

    def feed(self, block: NDArray[np.float32]) -> list[Piece]:
        """Take sound at 16 kHz, shape (sample, channel)."""

    def finish(self) -> list[Piece]:
        """Give what is still open; nothing may be fed afterwards."""


@dataclass(frozen=True, kw_only=True)
class Voice:
    """Somebody who is heard on a channel, or on all of them mixed."""

    speaker: str
    channel: int | None


def heard_by(block: NDArray[np.float32], channel: int | None) -> NDArray[np.float32]:
    """Take one channel of a block, shape (sample, channel), or mix all of them."""
    return block.mean(axis=1, dtype=np.float32) if channel is None else block[:, channel]


class TurnFinder:
    """A listener that finds the turns itself.

    Args:
        voices: one per channel, or one for all of them.
        rules: when turns begin and end.
        network: that hears speech.
    """

    def __init__(self, voices: Sequence[Voice], rules: TurnRules, network: SpeechNetwork) -> None:
        self._voices = tuple(voices)
        self._rules = rules
        self._detector = SpeechDetector(network, len(self._voices))
        self._floors = [Floor() for _ in voices]
        self._leaks = Leaks()
        self._sound = np.empty((0, len(voices)), dtype=np.float32)
        self._sound_from = 0  # frame that `_sound` begins with
        self._judged = 0  # frames that the detector has judged
        self._turns = 0

    def feed(self, block: NDArray[np.float32]) -> list[Piece]:
        voices = np.stack([heard_by(block, voice.channel) for voice in self._voices], axis=1)
        self._sound = np.concatenate((self._sound, voices))
        probabilities = self._detector.feed(voices)
        levels_db = self._levels(len(probabilities))
        self._leaks, probabilities = without_crosstalk(self._leaks, probabilities, levels_db)
        pieces = []
        for index in range(len(self._voices)):
            for probability, level_db in zip(
                probabilities[:, index].tolist(), levels_db[:, index].tolist(), strict=True
            ):
                self._floors[index], closed = step(self._floors[index], probability, level_db, self._rules)
                pieces += [self._piece(index, stretch) for stretch in closed]
        self._judged += len(probabilities)
        self._forget()
        return sorted(pieces, key=lambda piece: piece.turn.end)

    def finish(self) -> list[Piece]:
        pieces = []
        for index, floor in enumerate(self._floors):
            self._floors[index], closed = close(floor, self._rules)
            pieces += [self._piece(index, stretch) for stretch in closed]
        return sorted(pieces, key=lambda piece: piece.turn.end)

    def _levels(self, frames: int) -> NDArray[np.float64]:
        """Levels in decibels of the frames judged last, shape (frame, voice)."""
        start = (self._judged - self._sound_from) * FRAME_LENGTH
        sound = self._sound[start : start + frames * FRAME_LENGTH].reshape(frames, FRAME_LENGTH, len(self._voices))
        power = np.mean(np.square(sound, dtype=np.float64), axis=1)
        return 10 * np.log10(power + 1e-12)  # −120 dB stands for digital silence

    def _piece(self, index: int, stretch: Stretch) -> Piece:
        voice = self._voices[index]
        start = (stretch.start - self._sound_from) * FRAME_LENGTH
        end = (stretch.end - self._sound_from) * FRAME_LENGTH
        self._turns += 1
        turn = Turn(
            start=seconds_for(stretch.start * FRAME_LENGTH, SAMPLE_RATE),
            end=seconds_for(stretch.end * FRAME_LENGTH, SAMPLE_RATE),
            speaker=voice.speaker,
            channel=voice.channel,
        )
        return Piece(key=self._turns, turn=turn, samples=self._sound[start:end, index].copy(), last=True)

    def _forget(self) -> None:
        """Let go of sound that no future turn can need."""
        needed = min(needed_from(floor, self._rules) for floor in self._floors)
        self._sound = self._sound[(needed - self._sound_from) * FRAME_LENGTH :].copy()
        self._sound_from = needed


class TurnFollower:
    """A listener that takes somebody else's turns.

    Args:
        turns: in order of start.
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._waiting = [
            (samples_for(turn.start, SAMPLE_RATE), samples_for(turn.end, SAMPLE_RATE), key, turn)
            for key, turn in enumerate(turns)
        ]
        self._now = 0

    def feed(self, block: NDArray[np.float32]) -> list[Piece]:
        begin, end = self._now, self._now + len(block)
        self._now = end
        pieces = []
        still = []
        for item in self._waiting:
            first, stop, key, turn = item
            if first < end:
                samples = heard_by(block, turn.channel)[max(0, first - begin) : max(0, stop - begin)]
                pieces.append(Piece(key=key, turn=turn, samples=samples, last=stop <= end))
            if stop > end:
                still.append(item)
        self._waiting = still
        return pieces

    def finish(self) -> list[Piece]:
        nothing = np.empty(0, dtype=np.float32)
        left = [Piece(key=key, turn=turn, samples=nothing, last=True) for _, _, key, turn in self._waiting]
        self._waiting = []
        return left
