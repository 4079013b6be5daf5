"""Windows, judging, abstaining: against a graph whose answers are known."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.inference.bundle import Bundle, read_bundle
from undertone.inference.card import Windows
from undertone.inference.judge import judge_of
from undertone.inference.listen import Piece, TurnFollower
from undertone.inference.session import Session
from undertone.inference.windows import window_spans
from undertone.records import Abstention, Turn, TurnEmotion
from undertone.testing.bundles import first_frame_weights, make_bundle

SHORT = Windows(length_s=0.5, hop_s=0.25, shortest_s=0.1)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return read_bundle(make_bundle(tmp_path_factory.mktemp("bundle"), windows=SHORT))


def judge_cut(bundle: Bundle, samples: np.ndarray, cuts: list[int], turn: Turn) -> list[TurnEmotion]:
    judge = judge_of(bundle.card, Session(bundle, threads=1), None)
    edges = [0, *sorted(cuts), len(samples)]
    found: list[TurnEmotion] = []
    for first, end in itertools.pairwise(edges):
        found += judge.hear([Piece(key=1, turn=turn, samples=samples[first:end], last=end == len(samples))])
        if end == len(samples):
            break
    return found


def expected_probabilities(samples: np.ndarray) -> np.ndarray:
    frames = log_mel(samples, FrontEnd())
    spans = window_spans(len(frames), 50, 25)
    weights = first_frame_weights(7, 80)
    logits = np.mean([frames[start] @ weights for start, _ in spans], axis=0)
    return np.exp(logits) / np.exp(logits).sum()


@given(frames=st.integers(0, 2000), length=st.integers(1, 400), hop=st.integers(1, 400))
def test_windows_cover_the_turn_and_none_is_short(frames: int, length: int, hop: int) -> None:
    hop = min(hop, length)
    spans = window_spans(frames, length, hop)
    assert spans[0][0] == 0
    assert spans[-1][1] == frames
    assert all(after[0] <= before[1] for before, after in itertools.pairwise(spans))
    assert all(end - start == min(length, frames) for start, end in spans)
    assert len(set(spans)) == len(spans)


def test_a_turn_gets_the_mean_of_its_windows_scores(bundle: Bundle, rng: np.random.Generator) -> None:
    samples = rng.normal(0, 0.1, 32_000).astype(np.float32)
    (found,) = judge_cut(bundle, samples, [], Turn(start=3.0, end=5.0, speaker="a"))
    assert found.probabilities is not None
    assert np.allclose(found.probabilities, expected_probabilities(samples), atol=1e-5)
    assert len(found.track) == len(window_spans(198, 50, 25))
    assert found.track[0].start == 3.0
    assert found.track[-1].end == pytest.approx(5.0, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 31_999), max_size=6, unique=True))
def test_cutting_a_turn_into_pieces_changes_nothing(bundle: Bundle, cuts: list[int]) -> None:
    samples = np.random.default_rng(5).normal(0, 0.1, 32_000).astype(np.float32)
    turn = Turn(start=0.0, end=2.0, speaker="a")
    (whole,) = judge_cut(bundle, samples, [], turn)
    (pieces,) = judge_cut(bundle, samples, cuts, turn)
    assert whole.probabilities is not None
    assert pieces.probabilities is not None
    assert np.allclose(whole.probabilities, pieces.probabilities, atol=1e-6)
    assert [(w.start, w.end) for w in whole.track] == [(w.start, w.end) for w in pieces.track]


def test_a_turn_too_short_to_judge_keeps_its_place_without_a_label(bundle: Bundle) -> None:
    samples = np.full(1_200, 0.1, dtype=np.float32)
    (found,) = judge_cut(bundle, samples, [], Turn(start=1.0, end=1.075, speaker="a"))
    assert found.abstention is Abstention.TOO_SHORT
    assert found.label is None
    assert found.probabilities is None
    assert found.confidence is None


def test_a_turn_of_digital_silence_is_not_judged(bundle: Bundle) -> None:
    (found,) = judge_cut(bundle, np.zeros(16_000, dtype=np.float32), [], Turn(start=0.0, end=1.0, speaker="a"))
    assert found.abstention is Abstention.SILENT
    assert found.probabilities is None


def test_an_uncertain_turn_has_probabilities_but_no_label(tmp_path: Path, rng: np.random.Generator) -> None:
    certain = read_bundle(make_bundle(tmp_path / "b", windows=SHORT, threshold=0.999))
    samples = rng.normal(0, 0.1, 16_000).astype(np.float32)
    (found,) = judge_cut(certain, samples, [], Turn(start=0.0, end=1.0, speaker="a"))
    assert found.abstention is Abstention.UNCERTAIN
    assert found.label is None
    assert found.confidence is not None
    assert found.confidence < 0.999


@settings(max_examples=30, deadline=None)
@given(block=st.integers(1, 9_000))
def test_given_turns_get_exactly_their_samples_however_the_sound_is_cut(block: int) -> None:
    sound = np.arange(2 * 20_000, dtype=np.float32).reshape(20_000, 2)
    turns = (
        Turn(start=0.0, end=0.5, speaker="a", channel=0),
        Turn(start=0.25, end=1.0, speaker="b", channel=1),
        Turn(start=1.0, end=1.25, speaker="a"),
    )
    follower = TurnFollower(turns)
    pieces = [piece for first in range(0, len(sound), block) for piece in follower.feed(sound[first : first + block])]
    pieces += follower.finish()
    for key, turn in enumerate(turns):
        heard = np.concatenate([piece.samples for piece in pieces if piece.key == key])
        part = sound[round(turn.start * 16_000) : round(turn.end * 16_000)]
        assert np.array_equal(heard, part.mean(axis=1) if turn.channel is None else part[:, turn.channel])
        assert [piece.last for piece in pieces if piece.key == key].count(True) == 1
