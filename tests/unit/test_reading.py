"""Reading: tokens of a transcript, its words in the sound, and judging turns by both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_scores import heard_for
from tiny_checkpoints import saved_text

from undertone.audio.fbank import FrontEnd
from undertone.errors import BundleError
from undertone.inference.bundle import read_bundle
from undertone.inference.card import Reads, Windows
from undertone.inference.judge import ReadingJudge
from undertone.inference.listen import Piece
from undertone.inference.reading import AT_ONCE, Reader, words_at
from undertone.inference.transcript import outside, with_words
from undertone.records import Turn, Word
from undertone.speech.script import Script
from undertone.speech.segments import UNITS, bounds_of
from undertone.testing.bundles import make_bundle

HEARD = heard_for(
    ("-", 5), ("HH", 1), ("AH", 2), ("L", 1), ("OW", 3), ("-", 4), ("Y", 1), ("UW", 2), ("-", 6), sure=12.0
)  # fmt: skip
FRAMES = 4 * len(HEARD)


class Phones:
    """Hears `HEARD` in every second frame count that fits it, and pauses elsewhere."""

    def run(self, features: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        frames = -(-int(lengths[0]) // 4)
        heard = HEARD if frames == len(HEARD) else heard_for(("-", frames), sure=12.0)
        return heard[None].astype(np.float32), np.array([frames])


def reads(*granularities: str, most_tokens: int = 8) -> Reads:
    return Reads(
        encoder="tiny", sha256="", source="", most_tokens=most_tokens, granularities=granularities, withheld=0.0
    )  # fmt: skip


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (saved_text(tmp_path_factory.mktemp("text")) / "tokenizer.json").read_bytes()


def reader(tokenizer: bytes, *granularities: str, most_tokens: int = 8) -> Reader:
    phones: Any = Phones()
    return Reader(reads(*granularities, most_tokens=most_tokens), tokenizer, phones)


def features(frames: int) -> np.ndarray:
    return np.zeros((frames, FrontEnd().mel_bins), dtype=np.float32)


def test_tokens_are_those_of_the_encoder_and_are_cut(tokenizer: bytes) -> None:
    read = reader(tokenizer).read(features(40), "I am so happy")
    assert read.tokens.tolist() == [2, 5, 6, 7, 8, 3]
    assert len(reader(tokenizer, most_tokens=4).read(features(40), "i am so happy").tokens) == 4
    assert reader(tokenizer).read(features(40), None).tokens.tolist() == []
    assert reader(tokenizer).read(features(40), "  ").tokens.tolist() == []


def test_words_are_found_where_they_are_heard(tokenizer: bytes) -> None:
    read = reader(tokenizer, "word", "phone").read(features(FRAMES), "hello you")
    assert bounds_of(read.units, "word").tolist() == [[5, 12], [16, 19]]
    assert [word.word for word in read.words] == ["hello", "you"]
    first, second = words_at(read.words, 2.0)
    assert (first.text, second.text) == ("hello", "you")
    assert 2.19 < first.start < 2.22
    assert first.end < second.start
    assert first.confidence == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(("text", "english"), [("something else entirely", True), ("hello you", False), ("…", True)])
def test_without_words_that_fit_phones_are_those_recognised(tokenizer: bytes, text: str, english: bool) -> None:
    one = reader(tokenizer, "word", "phone")
    read = one.read(features(FRAMES), text, english=english)
    silent = one.read(features(FRAMES), None)
    assert read.words == ()
    assert np.array_equal(read.units, silent.units)
    assert not (read.units[:, 0] == UNITS.index("word")).any()


def test_windows_get_all_of_the_text_and_their_own_segments(tokenizer: bytes) -> None:
    one = reader(tokenizer, "word")
    first, second = one.scripts(one.read(features(FRAMES), "hello you"), [(0, 44), (44, FRAMES)])
    assert first.tokens.tolist() == second.tokens.tolist()
    assert first.segments["word"].tolist() == [[5, 11]]
    assert second.segments["word"].tolist() == [[0, 1], [5, 8]]


def test_what_is_longer_than_the_recogniser_hears_is_heard_in_parts(tokenizer: bytes) -> None:
    read = reader(tokenizer, "word").read(features(AT_ONCE + 10), "hello")
    assert read.units.tolist() == [[0, 0, AT_ONCE // 4 + 3]]


def test_something_else_than_a_tokenizer_is_refused() -> None:
    phones: Any = Phones()
    with pytest.raises(BundleError, match="it is no tokenizer"):
        Reader(reads(), b"{}", phones)


class Session:
    """Scores a window by how many tokens it is given."""

    def __init__(self) -> None:
        self.asked: list[Script] = []

    def logits(self, windows: Sequence[np.ndarray], scripts: Sequence[Script]) -> np.ndarray:
        self.asked += scripts
        return np.array([np.arange(7) == len(script.tokens) for script in scripts], dtype=np.float32)


def test_turns_are_judged_by_their_text_and_it_is_told_where_there_is_none(tokenizer: bytes, tmp_path: Path) -> None:
    card = read_bundle(make_bundle(tmp_path / "b", windows=Windows(length_s=0.5, hop_s=0.25, shortest_s=0.1))).card
    session: Any = Session()
    judge = ReadingJudge(card, session, reader(tokenizer, "word"))
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32) / 10
    told = Turn(start=0, end=1, speaker="a", text="happy")
    mute = Turn(start=1, end=2, speaker="a")
    found = judge.hear([Piece(key=1, turn=told, samples=sound[:7000], last=False)])
    found += judge.hear(
        [Piece(key=1, turn=told, samples=sound[7000:], last=True), Piece(key=2, turn=mute, samples=sound, last=True)]
    )
    assert [len(script.tokens) for script in session.asked] == [3] * 3 + [0] * 3
    assert [item.label for item in found] == [card.labels[3], card.labels[0]]
    assert len(found[0].track) == 3
    assert judge.notes() == (
        "without a transcript, 1 of 2 turns were judged by their voice alone",
        "the words of 1 of 2 turns were read, but could not be found in the sound",
    )


class HappySession:
    """Hears nothing; is the surer of label 1 the more often it reads `happy`, token 8."""

    def logits(self, windows: Sequence[np.ndarray], scripts: Sequence[Script]) -> np.ndarray:
        return np.array([np.eye(7)[1] * 3 * np.sum(script.tokens == 8) for script in scripts], dtype=np.float32)


def test_what_a_word_counts_for_is_what_is_missing_without_it(tokenizer: bytes, tmp_path: Path) -> None:
    card = read_bundle(make_bundle(tmp_path / "b")).card
    session: Any = HappySession()
    one = reader(tokenizer, "word")
    sound = np.random.default_rng(0).normal(size=160 * FRAMES + 240).astype(np.float32) / 10
    place = Turn(start=1, end=1 + len(sound) / 16_000, speaker="a", text="Hello you!")
    (plain,) = ReadingJudge(card, session, one).hear([Piece(key=1, turn=place, samples=sound, last=True)])
    assert [word.share for word in plain.turn.words] == [None, None]
    happy = replace(place, text="happy you")
    assert one.read(features(FRAMES), "happy you").words == ()  # it was not said
    (found,) = ReadingJudge(card, session, one, explain=True).hear([Piece(key=1, turn=happy, samples=sound, last=True)])
    assert found.turn.words == ()
    (told,) = ReadingJudge(card, session, Happy(reads("word"), tokenizer, Phones())).hear(  # type: ignore[arg-type]
        [Piece(key=1, turn=place, samples=sound, last=True)]
    )
    assert told.turn.words[0].share is None
    (told,) = ReadingJudge(card, session, Happy(reads("word"), tokenizer, Phones()), explain=True).hear(  # type: ignore[arg-type]
        [Piece(key=1, turn=place, samples=sound, last=True)]
    )
    first, second = told.turn.words
    assert first.share == pytest.approx(np.exp(3) / (np.exp(3) + 6) - 1 / 7, abs=1e-4)
    assert second.share == pytest.approx(0, abs=1e-6)


def test_what_the_voice_alone_says_is_told_where_it_was_asked_and_words_were_read(
    tokenizer: bytes, tmp_path: Path
) -> None:
    card = read_bundle(make_bundle(tmp_path / "b", windows=Windows(length_s=0.5, hop_s=0.25, shortest_s=0.1))).card
    session: Any = Session()
    sound = np.random.default_rng(0).normal(size=16_000).astype(np.float32) / 10
    turns = [Turn(start=at, end=at + 1, speaker="a", text=text) for at, text in enumerate(("happy", "", None))]
    pieces = [Piece(key=key, turn=turn, samples=sound, last=True) for key, turn in enumerate(turns)]
    plain = ReadingJudge(card, session, reader(tokenizer)).hear(pieces)
    assert [item.by_voice for item in plain] == [None, None, None]
    judge = ReadingJudge(card, session, reader(tokenizer), explain=True)
    told, empty, mute = judge.hear(pieces)
    np.testing.assert_array_equal(told.probabilities, plain[0].probabilities)
    np.testing.assert_array_equal(told.by_voice, mute.probabilities)
    assert told.voice_disagrees
    assert empty.by_voice is None
    assert mute.by_voice is None
    assert not mute.voice_disagrees
    assert any(note.startswith("in 1 of 3 turns the voice alone") for note in judge.notes())


class Happy(Reader):
    """Reads `happy` for `hello`."""

    def tokens(self, text: str) -> np.ndarray:
        return super().tokens(text.lower().replace("hello", "happy"))


def test_a_turn_without_sound_or_too_short_is_not_judged(tokenizer: bytes, tmp_path: Path) -> None:
    card = read_bundle(make_bundle(tmp_path / "b")).card
    session: Any = Session()
    judge = ReadingJudge(card, session, reader(tokenizer))
    none = np.empty(0, dtype=np.float32)
    short = Turn(start=0, end=0.2, speaker="a", text="happy")
    pieces = [
        Piece(key=1, turn=short, samples=np.ones(3200, dtype=np.float32), last=True),
        Piece(key=2, turn=Turn(start=1, end=2, speaker="a"), samples=none, last=True),
    ]
    assert [item.abstention for item in judge.hear(pieces)] == ["too short", "too short"]
    assert session.asked == []
    assert judge.notes() == ()


WORDS = tuple(
    Word(text=text, start=start, end=start + 0.4) for text, start in (("one", 0.1), ("two", 0.9), ("six", 3.0))
)


def test_turns_get_the_words_whose_middle_they_hold() -> None:
    turns = [with_words(Turn(start=start, end=start + 1, speaker="a"), WORDS) for start in (0, 1, 2)]
    assert [turn.text for turn in turns] == ["one", "two", None]
    assert turns[0].words == WORDS[:1]
    assert outside(WORDS, turns) == 1
    told = Turn(start=0, end=9, speaker="a", text="said otherwise")
    assert with_words(told, WORDS) is told
