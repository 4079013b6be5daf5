"""Turns get the words that are heard in them, however their sound comes in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from undertone.audio.stretches import LONGEST_S
from undertone.inference.listen import Piece
from undertone.inference.transcribing import TranscribingJudge
from undertone.records import Abstention, Turn, TurnEmotion, Word
from undertone.transcribers.base import Transcriber
from undertone.units import SAMPLE_RATE


class Echo:
    """A judge that says nothing of turns but that they were there."""

    def hear(self, pieces: Sequence[Piece]) -> list[TurnEmotion]:
        return [
            TurnEmotion(turn=piece.turn, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)
            for piece in pieces
            if piece.last
        ]

    def finish(self) -> list[TurnEmotion]:
        late = Turn(start=0.0, end=1.0, speaker="late")
        return [TurnEmotion(turn=late, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)]

    def notes(self) -> tuple[str, ...]:
        return ("as judged",)


def clicks(samples: np.ndarray) -> tuple[Word, ...]:
    """Take every sample above one half for a word that is called by its height."""
    assert len(samples) <= LONGEST_S * SAMPLE_RATE
    return tuple(
        Word(text=f"w{samples[place]:.2f}", start=place / SAMPLE_RATE, end=place / SAMPLE_RATE + 0.1, confidence=0.5)
        for place in np.flatnonzero(samples > 0.5)
    )


def judge() -> TranscribingJudge:
    return TranscribingJudge(Transcriber(name="clicks 1", language="Morse", hear=clicks), Echo())


def sound(seconds: float, *, at: Sequence[float]) -> np.ndarray:
    samples = np.full(round(seconds * SAMPLE_RATE), 0.01, dtype=np.float32)
    for number, place in enumerate(at):
        samples[round(place * SAMPLE_RATE)] = 0.6 + number / 100
    return samples


def pieces(turn: Turn, samples: np.ndarray, cuts: Sequence[int], key: int = 0) -> list[Piece]:
    parts = np.split(samples, cuts)
    return [Piece(key=key, turn=turn, samples=part, last=part is parts[-1]) for part in parts]


@pytest.mark.parametrize("cuts", [(), (100, 40_000), tuple(range(16_000, 16_000 * 50, 16_000))])
def test_words_stand_where_they_are_said_however_the_sound_comes_in(cuts: tuple[int, ...]) -> None:
    at = (0.5, 3.0, 19.0, 24.5, 41.0, 49.0)
    turn = Turn(start=10.0, end=60.0, speaker="a")
    transcribing, found = judge(), []
    for piece in pieces(turn, sound(50.0, at=at), cuts):
        found += transcribing.hear([piece])
    (judged,) = found
    assert judged.turn.text == "w0.60 w0.61 w0.62 w0.63 w0.64 w0.65"
    assert [word.start for word in judged.turn.words] == pytest.approx([10 + each for each in at])
    assert transcribing.notes() == (
        "the words of 1 of 1 turns were heard by clicks 1 (Morse): some are wrong",
        "as judged",
    )


def test_turns_that_overlap_keep_their_words_and_those_with_a_text_keep_it() -> None:
    first, second = Turn(start=0, end=2, speaker="a"), Turn(start=1, end=3, speaker="b")
    told = Turn(start=1, end=2, speaker="c", text="as given")
    silent = Turn(start=4, end=6, speaker="a")
    rows = [
        pieces(first, sound(2.0, at=[0.5, 1.5]), (16_000,), key=0),
        pieces(second, sound(2.0, at=[1.0]), (20_000,), key=1),
        pieces(told, sound(1.0, at=[0.5]), (8_000,), key=2),
        pieces(silent, sound(2.0, at=[]), (8_000,), key=3),
    ]
    transcribing = judge()
    found = [*transcribing.hear([row[0] for row in rows]), *transcribing.hear([row[1] for row in rows])]
    assert [item.turn.text for item in found] == ["w0.60 w0.61", "w0.60", "as given", None]
    assert found[2].turn is told
    assert found[3].turn is silent
    assert transcribing.notes()[0].startswith("the words of 2 of 4 turns were heard")


def test_a_word_does_not_outlast_its_turn() -> None:
    turn = Turn(start=5, end=6, speaker="a")
    (judged,) = judge().hear(pieces(turn, sound(1.0, at=[0.97]), ()))
    (word,) = judged.turn.words
    assert (word.start, word.end) == (pytest.approx(5.97), 6)


def test_nothing_is_noted_where_nothing_was_heard() -> None:
    transcribing = judge()
    transcribing.hear(pieces(Turn(start=0, end=1, speaker="a"), sound(1.0, at=[]), ()))
    assert transcribing.notes() == ("as judged",)


def test_turns_that_waited_for_others_are_passed_on() -> None:
    assert [item.turn.speaker for item in judge().finish()] == ["late"]
