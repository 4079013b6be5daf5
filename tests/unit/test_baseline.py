"""Judging turns against their speaker's own baseline: against graphs whose answers are known."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import undertone
from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.whisper_mel import whisper_mel
from undertone.cli import main
from undertone.cli.bundle import describe
from undertone.errors import BundleError, ChecksumError, LabelMismatchError, UsageError
from undertone.inference.baseline import SpeakerStatistics, stranger, weight_of, with_turn
from undertone.inference.bundle import HEAD, SUMS, Bundle, read_bundle, sums_of
from undertone.inference.card import Baseline, Prior, Windows
from undertone.inference.judge import judge_of
from undertone.inference.listen import Piece
from undertone.inference.parity import largest_difference
from undertone.inference.recognizer import Recognizer
from undertone.inference.relative_judge import BaselineJudge
from undertone.inference.session import BaselineSession, Session, session_of
from undertone.inference.verdict import prior_of
from undertone.inference.windows import window_spans
from undertone.labels import EMOTIONS
from undertone.metrics.calibration import softmax
from undertone.records import Abstention, Turn, TurnEmotion
from undertone.testing.bundles import make_baseline_bundle, make_bundle
from undertone.testing.sounds import voice

SHORT = Windows(length_s=0.5, hop_s=0.25, shortest_s=0.1)
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "conversation.flac"
CONVERSATION = Prior(
    name="conversation", shares=(0.7, *[0.05] * 6), temperature=2.0, threshold=0.4, source="counted in calls"
)
EVEN = Prior(name="even", shares=(1 / 7,) * 7, temperature=1.0, threshold=0.2, source="nothing is known")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return read_bundle(make_baseline_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def session(bundle: Bundle) -> BaselineSession:
    return BaselineSession(bundle, threads=1)


class Planted:
    """A session that hears given vectors, window by window, in place of the sound."""

    def __init__(self, session: BaselineSession, vectors: np.ndarray) -> None:
        self._waiting = iter(vectors.astype(np.float32))
        self.judge = session.judge

    def vectors(self, windows: list[np.ndarray]) -> np.ndarray:
        return np.stack([next(self._waiting) for _ in windows])


def said(index: int, speaker: str, *, length: float = 1.0, level: float = 0.1, channel: int | None = None) -> Piece:
    """A turn of one window, in one piece."""
    turn = Turn(start=10.0 * index, end=10.0 * index + length, speaker=speaker, channel=channel)
    return Piece(key=index, turn=turn, samples=np.full(round(16_000 * length), level, dtype=np.float32), last=True)


def judged(
    bundle: Bundle, session: Any, vectors: np.ndarray, pieces: list[Piece], **options: Any
) -> tuple[list[TurnEmotion], BaselineJudge]:
    chosen: dict[str, Any] = {"baseline": True, "prior": None, "causal": False} | options
    judge = BaselineJudge(bundle.card, Planted(session, vectors), **chosen)  # type: ignore[arg-type]
    return [*judge.hear(pieces), *judge.finish()], judge


def answers(found: list[TurnEmotion]) -> np.ndarray:
    return np.stack([item.probabilities for item in found if item.probabilities is not None])


def relative(vectors: np.ndarray) -> np.ndarray:
    """What the bundle's head answers to turns of one speaker, all of one weight."""
    away = vectors - vectors.mean(axis=0)
    return softmax(away / np.maximum(vectors.std(axis=0), 0.01))


# --- statistics


@given(
    turns=st.lists(
        st.tuples(st.lists(st.floats(-50, 50), min_size=3, max_size=3), st.floats(0.01, 1)), min_size=1, max_size=20
    ),
    seed=st.integers(0, 99),
)
def test_statistics_are_weighted_means_whatever_the_order(turns: list[tuple[list[float], float]], seed: int) -> None:
    vectors, weights = np.array([turn[0] for turn in turns]), np.array([turn[1] for turn in turns])
    found = stranger(3)
    for index in np.random.default_rng(seed).permutation(len(turns)):
        found = with_turn(found, vectors[index], weights[index])
    mean = np.average(vectors, axis=0, weights=weights)
    spread = np.sqrt(np.average((vectors - mean) ** 2, axis=0, weights=weights))
    assert found.count == pytest.approx(weights.sum())
    assert np.allclose(found.mean, mean, atol=1e-9)
    assert np.allclose(found.deviation, spread, atol=1e-6)


def test_a_small_spread_far_from_zero_is_not_lost() -> None:
    found = stranger(1)
    for value in (1e6 - 0.01, 1e6 + 0.01):
        found = with_turn(found, np.array([value]), 1.0)
    assert found.deviation[0] == pytest.approx(0.01, rel=1e-6)


def test_a_stranger_has_no_turns_and_a_turn_of_no_weight_changes_nothing() -> None:
    nobody = stranger(2)
    assert (nobody.count, nobody.mean.tolist(), nobody.deviation.tolist()) == (0.0, [0.0, 0.0], [1.0, 1.0])
    assert with_turn(nobody, np.ones(2), 0.0) is nobody
    once = with_turn(nobody, np.array([2.0, 3.0], dtype=np.float32), 0.25)
    assert (once.count, once.mean.tolist(), once.deviation.tolist()) == (0.25, [2.0, 3.0], [0.0, 0.0])
    assert once.mean.dtype == np.float64
    with pytest.raises(ValueError, match=r"a turn counts as 0 turns or more, not as -0\.5"):
        with_turn(once, np.ones(2), -0.5)


@pytest.mark.parametrize(("duration", "weight"), [(0.3, 0.0), (0.5, 0.25), (1.5, 0.75), (2.0, 1.0), (60.0, 1.0)])
def test_short_turns_count_in_part(duration: float, weight: float) -> None:
    assert weight_of(Baseline(numbers=1, full_turn_s=2.0, shortest_s=0.4), duration) == weight


# --- the judge


def test_how_a_speaker_always_sounds_is_learned_away(bundle: Bundle, session: BaselineSession) -> None:
    rng = np.random.default_rng(1)
    plain, offset = rng.normal(0, 1, (8, 7)), rng.normal(0, 5, 7)
    pieces = [said(index, "a" if index < 8 else "b") for index in range(16)]
    vectors = np.concatenate((plain, plain + offset))
    found = answers(judged(bundle, session, vectors, pieces)[0])
    assert np.allclose(found[:8], relative(plain), atol=1e-5)
    assert np.allclose(found[8:], found[:8], atol=1e-4)
    alone = answers(judged(bundle, session, vectors, pieces, baseline=False)[0])
    assert np.allclose(alone, softmax(vectors), atol=1e-5)
    assert np.abs(alone[8:] - alone[:8]).max() > 0.3


def test_a_turn_that_differs_from_the_others_stays_apart(bundle: Bundle, session: BaselineSession) -> None:
    vectors = np.random.default_rng(2).normal(0, 1, (12, 7)) + 20 * (np.arange(7) == 1)
    vectors[5, 3] += 12
    found, _ = judged(bundle, session, vectors, [said(index, "a") for index in range(12)])
    assert found[5].label == EMOTIONS[3]
    assert found[5].confidence is not None
    assert found[5].confidence > 0.5
    assert not any(item.label == EMOTIONS[3] and item.confidence > 0.5 for item in found if item is not found[5])


@given(seed=st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_the_order_of_speakers_and_turns_changes_nothing(bundle: Bundle, session: BaselineSession, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(0, 3, (10, 7))
    pieces = [said(index, "ab"[index % 2]) for index in range(10)]
    order = rng.permutation(10)
    straight = answers(judged(bundle, session, vectors, pieces)[0])
    mixed = answers(judged(bundle, session, vectors[order], [pieces[index] for index in order])[0])
    assert np.allclose(mixed, straight[order], atol=1e-5)


def test_speakers_of_one_name_on_two_channels_are_two(bundle: Bundle, session: BaselineSession) -> None:
    vectors = np.random.default_rng(3).normal(0, 1, (8, 7)) + np.repeat([[0.0], [9.0]], 4, axis=0)
    found, judge = judged(bundle, session, vectors, [said(index, "a", channel=index // 4) for index in range(8)])
    assert np.allclose(answers(found), np.concatenate((relative(vectors[:4]), relative(vectors[4:]))), atol=1e-4)
    assert judge.notes() == (
        "each speaker is judged against their own baseline: a on channel 0 by 4.0 turns, a on channel 1 by 4.0",
    )


def test_a_stream_judges_each_turn_by_those_before_it(bundle: Bundle, session: BaselineSession) -> None:
    vectors = np.random.default_rng(4).normal(0, 1, (5, 7))
    pieces = [said(index, "a") for index in range(5)]
    judge = BaselineJudge(bundle.card, Planted(session, vectors), baseline=True, prior=None, causal=True)  # type: ignore[arg-type]
    found = [item for piece in pieces for item in judge.hear([piece])]
    assert judge.finish() == []
    assert [item.baseline for item in found] == [1, 2, 3, 4, 5]
    for count in range(1, 6):
        assert np.allclose(answers(found)[count - 1], relative(vectors[:count])[-1], atol=1e-5)


def test_a_file_is_judged_at_its_end(bundle: Bundle, session: BaselineSession) -> None:
    judge = BaselineJudge(bundle.card, Planted(session, np.ones((2, 7))), baseline=True, prior=None, causal=False)  # type: ignore[arg-type]
    assert judge.hear([said(0, "a"), said(1, "b")]) == []
    assert [item.turn.speaker for item in judge.finish()] == ["a", "b"]
    assert judge.finish() == []


def test_one_turn_only_tells_nothing_and_the_timeline_says_so(bundle: Bundle, session: BaselineSession) -> None:
    (found,), judge = judged(bundle, session, np.arange(7.0)[None], [said(0, "a", length=0.5)])
    assert np.allclose(found.probabilities, 1 / 7, atol=1e-5)
    assert found.baseline == 0.5
    assert judge.notes() == ("the baseline of a is thin (0.5 turns): judged almost as a stranger",)


def test_what_is_too_short_or_silent_is_no_part_of_a_baseline(bundle: Bundle, session: BaselineSession) -> None:
    pieces = [said(0, "a"), said(1, "a", length=0.3), said(2, "a", level=0.0), said(3, "a", length=0.5)]
    found, _ = judged(bundle, session, np.arange(28.0).reshape(4, 7), pieces)
    assert [item.abstention for item in found][1:3] == [Abstention.TOO_SHORT, Abstention.SILENT]
    assert [item.baseline for item in found] == [1.5, None, None, 1.5]


def test_a_turn_too_short_for_the_baseline_is_judged_by_the_others(tmp_path: Path) -> None:
    counted = Baseline(numbers=7, full_turn_s=1.0, shortest_s=0.6)
    bundle = read_bundle(make_baseline_bundle(tmp_path / "b", baseline=counted))
    found, _ = judged(bundle, BaselineSession(bundle), np.eye(7)[:2], [said(0, "a", length=0.5), said(1, "b")])
    assert [item.baseline for item in found] == [0, 1]
    assert np.allclose(answers(found)[0], softmax(np.eye(7)[0]), atol=1e-6)  # a stranger


def test_without_a_baseline_turns_are_told_at_once(bundle: Bundle, session: BaselineSession) -> None:
    judge = BaselineJudge(bundle.card, Planted(session, np.eye(7)), baseline=False, prior=None, causal=False)  # type: ignore[arg-type]
    (found,) = judge.hear([said(0, "a")])
    assert np.allclose(found.probabilities, softmax(np.eye(7)[0]), atol=1e-6)
    assert found.baseline is None
    assert judge.finish() == []
    assert judge.notes() == ()


def test_a_turn_is_the_mean_of_its_windows_and_all_are_held_against_one_baseline(tmp_path: Path) -> None:
    bundle = read_bundle(make_baseline_bundle(tmp_path / "b", windows=SHORT))
    rng = np.random.default_rng(6)
    sounds = [rng.normal(0, level, 32_000).astype(np.float32) for level in (0.1, 0.2, 0.05)]
    judge = judge_of(bundle.card, session_of(bundle, threads=2), None)
    for key, sound in enumerate(sounds):
        turn = Turn(start=3.0 * key, end=3.0 * key + 2, speaker="a")
        assert judge.hear([Piece(key=key, turn=turn, samples=sound, last=True)]) == []
    found = judge.finish()
    spans = window_spans(198, 50, 25)
    frames = [log_mel(sound, FrontEnd())[:, :7] for sound in sounds]
    windows = np.array([[each[start:end].mean(axis=0) for start, end in spans] for each in frames])
    turns = windows.mean(axis=1)
    logits = (windows - turns.mean(axis=0)) / turns.std(axis=0)
    assert np.allclose(answers(found), softmax(logits.mean(axis=1)), atol=1e-3)
    assert np.allclose([window.probabilities for window in found[1].track], softmax(logits[1]), atol=1e-3)


def test_level_and_the_last_bit_change_nothing_and_faint_hiss_little(tmp_path: Path) -> None:
    """Of turns that are given: where speech begins, voice activity says."""
    given = ((0.5, 4.8, "Ben"), (5.6, 10.7, "Anna"), (11.6, 16.6, "Ben"))
    turns = [Turn(start=start, end=end, speaker=speaker) for start, end, speaker in given]
    sound, rate = soundfile.read(EXAMPLE, dtype="float32", stop=round(17 * soundfile.info(EXAMPLE).samplerate))
    rng = np.random.default_rng(0)
    changed = {
        "as it is": sound,
        "quieter": sound * np.float32(0.25),
        "rounded": np.floor(sound * np.float32(0.7) * 32768) / 32768,
        "hiss": sound + rng.normal(0, 1e-4, sound.shape).astype(np.float32),  # -80 dB from full scale
    }
    recognizer = undertone.load()
    found = {}
    for name, samples in changed.items():
        soundfile.write(tmp_path / "call.wav", samples, rate, subtype="FLOAT")
        timeline = recognizer.analyze(tmp_path / "call.wav", turns=turns, channels="mix", prior="flat")
        found[name] = answers(list(timeline.turns))
    moved = {name: float(np.abs(each - found["as it is"]).max()) for name, each in found.items()}
    assert moved["quieter"] < 0.01, moved
    assert moved["rounded"] < 0.03, moved
    assert moved["hiss"] < 0.15, moved


# --- priors


def test_priors_shift_answers_as_bayes_says(bundle: Bundle, session: BaselineSession) -> None:
    vectors = np.random.default_rng(7).normal(0, 2, (4, 7))
    pieces = [said(index, "a") for index in range(4)]
    found, judge = judged(bundle, session, vectors, pieces, baseline=False, prior=CONVERSATION)
    posterior = softmax(vectors / CONVERSATION.temperature) * np.array(CONVERSATION.shares)
    assert np.allclose(answers(found), posterior / posterior.sum(axis=1, keepdims=True), atol=1e-5)
    assert np.allclose([item.track[0].probabilities for item in found], answers(found), atol=1e-6)
    assert [item.label is None for item in found] == [row.max() < 0.4 for row in answers(found)]
    assert judge.notes() == ("expected shares: conversation",)
    strict, _ = judged(
        bundle, session, vectors, pieces, baseline=False, prior=dataclasses.replace(EVEN, threshold=0.999)
    )
    assert [item.abstention for item in strict] == [Abstention.UNCERTAIN] * 4
    even, _ = judged(bundle, session, vectors, pieces, baseline=False, prior=EVEN)
    plain, _ = judged(bundle, session, vectors, pieces, baseline=False)
    assert np.allclose(answers(even), answers(plain), atol=1e-6)


def test_the_first_prior_is_expected_if_nobody_says(tmp_path: Path, bundle: Bundle) -> None:
    card = read_bundle(make_baseline_bundle(tmp_path / "b", priors=(CONVERSATION, EVEN))).card
    assert card.priors == (CONVERSATION, EVEN)
    assert prior_of(card, None) == CONVERSATION
    assert prior_of(card, "even") == EVEN
    with pytest.raises(UsageError, match=r"prior can be conversation, even with the bundle relative-.*, not 'calls'"):
        prior_of(card, "calls")
    assert prior_of(bundle.card, None) is None
    with pytest.raises(UsageError, match=r"the bundle relative-\w+ has no priors, so that 'even' cannot be expected"):
        prior_of(bundle.card, "even")


# --- bundles


def change_card(folder: Path, **fields: object) -> None:
    card = json.loads((folder / "card.json").read_text(encoding="utf-8")) | fields
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")


def a_prior(**fields: object) -> list[dict[str, object]]:
    return [dataclasses.asdict(EVEN) | fields]


COUNTED = {"numbers": 7, "full_turn_s": 2.0, "shortest_s": 0.5}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"features": "mfcc"}, "features must be one of log-mel, whisper-mel, not 'mfcc'"),
        ({"features": "whisper-mel"}, "front_end must be that of whisper-mel: sample_rate 16000, .* low_hz 0, "),
        ({"baseline": COUNTED | {"numbers": 0}}, r"baseline\.numbers must be 1 or more, not 0"),
        ({"baseline": COUNTED | {"full_turn_s": 0}}, r"baseline\.full_turn_s must be above 0, not 0"),
        ({"baseline": COUNTED | {"shortest_s": -1}}, r"baseline\.shortest_s must be 0 or more, not -1"),
        ({"baseline": COUNTED | {"turns": 3}}, r"baseline\.turns is not a setting"),
        ({"baseline": COUNTED | {"full_turn_s": float("inf")}}, r"baseline\.full_turn_s must be a finite number"),
        ({"priors": a_prior(shares=[0.5, 0.5])}, r"priors\[0\]\.shares must be 7 numbers, one a label, not 2"),
        ({"priors": a_prior(shares=[0, 0.4, *[0.12] * 5])}, r"priors\[0\]\.shares must all be above 0, not 0"),
        ({"priors": a_prior(shares=[0.2] * 7)}, r"priors\[0\]\.shares must sum to 1, not to 1\.4"),
        ({"priors": a_prior(temperature=0)}, r"priors\[0\]\.temperature must be above 0, not 0"),
        ({"priors": a_prior(threshold=1.5)}, r"priors\[0\]\.threshold must lie within 0 to 1, not 1\.5"),
        ({"priors": a_prior() * 2}, r"priors\[1\]\.name must be a name that no other prior has, not 'even'"),
        ({"priors": a_prior(name="")}, r"priors\[0\]\.name must be a name that no other prior has, not ''"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(tmp_path: Path, fields: dict[str, object], problem: str) -> None:
    folder = make_baseline_bundle(tmp_path / "b")
    change_card(folder, **fields)
    with pytest.raises(BundleError, match=rf"card\.json does not fit: .*{problem}"):
        read_bundle(folder)


def test_a_card_with_a_baseline_survives_writing_and_reading_and_is_shown(tmp_path: Path) -> None:
    folder = make_baseline_bundle(tmp_path / "b", features="whisper-mel", priors=(CONVERSATION,))
    card = read_bundle(folder).card
    assert (card.format, card.features, card.front_end.low_hz) == (2, "whisper-mel", 0)
    assert card.as_json() == (folder / "card.json").read_text(encoding="utf-8")
    told = describe(card)
    assert "baseline    turns are held against their speaker's others; one counts in full from 1 s, and not at" in told
    assert "prior       conversation: neutral 70%, happy 5%" in told
    assert "(counted in calls); abstains under a probability of 0.40 (temperature 2.00)" in told


def test_a_bundle_of_the_first_format_is_read(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "b")
    change_card(folder, format=1)
    bundle = read_bundle(folder)
    assert bundle.card.format == 1
    assert isinstance(session_of(bundle), Session)


def test_a_head_that_is_missing_or_not_the_published_one_is_named(tmp_path: Path) -> None:
    folder = make_baseline_bundle(tmp_path / "b")
    assert f"  {HEAD}\n" in (folder / SUMS).read_text(encoding="utf-8")
    (folder / HEAD).write_bytes((folder / HEAD).read_bytes() + b" ")
    with pytest.raises(ChecksumError, match=r"head\.onnx has the checksum"):
        read_bundle(folder)
    (folder / HEAD).unlink()
    with pytest.raises(BundleError, match=r"head\.onnx missing; fetch or build the bundle anew"):
        read_bundle(folder)


def test_a_head_and_a_baseline_go_together(tmp_path: Path) -> None:
    folder = make_baseline_bundle(tmp_path / "without")
    (folder / HEAD).unlink()
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")
    with pytest.raises(BundleError, match=r"do not agree on whether it has a baseline, which takes head\.onnx"):
        read_bundle(folder)
    folder = make_bundle(tmp_path / "with")
    (folder / HEAD).write_bytes(b"a graph")
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")
    with pytest.raises(BundleError, match="do not agree on whether it has a baseline"):
        read_bundle(folder)


def test_graphs_that_do_not_fit_the_card_are_refused(tmp_path: Path, bundle: Bundle) -> None:
    wide = dataclasses.replace(bundle.card, baseline=Baseline(numbers=8, full_turn_s=1.0, shortest_s=0.2))
    with pytest.raises(BundleError, match=r"model\.onnx gives 7 numbers but card\.json has baseline\.numbers 8"):
        BaselineSession(dataclasses.replace(bundle, card=wide))
    six = dataclasses.replace(bundle.card, labels=EMOTIONS[:6])
    with pytest.raises(LabelMismatchError, match=r"head\.onnx gives 7 scores but card\.json has 6 labels"):
        BaselineSession(dataclasses.replace(bundle, card=six))
    with pytest.raises(BundleError, match=r"model\.onnx takes and gives count, .*; it must take features and give ve"):
        BaselineSession(dataclasses.replace(bundle, model=bundle.head))
    with pytest.raises(BundleError, match=r"head\.onnx takes .* it must take vectors, mean, deviation and count and"):
        BaselineSession(dataclasses.replace(bundle, head=bundle.model))
    with pytest.raises(BundleError, match="its card has no baseline; load it as a Session"):
        BaselineSession(read_bundle(make_bundle(tmp_path / "b")))


def test_goldens_are_answers_to_strangers(bundle: Bundle) -> None:
    assert largest_difference(bundle) < 1e-4
    session = BaselineSession(bundle)
    with pytest.raises(ValueError, match="a bundle with a baseline reads nothing, not tokens"):
        session.run(bundle.golden.features, bundle.golden.lengths, {"tokens": np.zeros((2, 2), dtype=np.int64)})


@pytest.mark.parametrize("threads", [1, 3])
def test_windows_are_heard_alone_and_come_back_in_their_order(bundle: Bundle, threads: int) -> None:
    rng = np.random.default_rng(8)
    windows = [rng.normal(8, 4, (length, 80)).astype(np.float32) for length in rng.integers(1, 60, 40)]
    expected = [window.mean(axis=0)[:7] for window in windows]
    session = BaselineSession(bundle, threads=threads)
    assert np.allclose(session.vectors(windows), expected, atol=1e-4)
    assert session.vectors([]).shape == (0, 7)


def test_each_row_is_judged_against_its_own_baseline(session: BaselineSession) -> None:
    vectors = np.arange(14, dtype=np.float32).reshape(2, 7)
    known = SpeakerStatistics(count=4.0, mean=np.full(7, 3.0), squares=np.full(7, 16.0))
    logits = session.judge(vectors, [known, stranger(7)])
    assert np.allclose(logits, [(vectors[0] - 3) / 2, vectors[1]])


# --- recordings

SPOKEN = ((0.5, 2.5, 0), (3.5, 5.0, 1), (6.2, 8.2, 0), (9.5, 11.0, 1), (12.0, 14.0, 0))


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    """Two people who take turns on two channels, shape (sample, channel)."""
    rng = np.random.default_rng(11)
    made = np.zeros((15 * 16_000, 2), dtype=np.float32)
    for start, end, channel in SPOKEN:
        spoken = voice(end - start, rng=rng, sample_rate=16_000, pitch=(110.0, 200.0)[channel])
        made[round(start * 16_000) :, channel][: len(spoken)] = spoken
    return made


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory, sound: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    return path


@pytest.fixture(scope="module", params=["log-mel", "whisper-mel"])
def recognizer(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Recognizer:
    folder = tmp_path_factory.mktemp("bundle")
    make_baseline_bundle(folder, features=request.param, windows=SHORT, priors=(CONVERSATION, EVEN))
    return undertone.load(folder, threads=1)


def test_a_recording_is_judged_by_all_of_it(recognizer: Recognizer, call: Path) -> None:
    timeline = recognizer.analyze(call, names=("Anna", "Ben"))
    assert [item.turn.speaker for item in timeline.turns] == ["Anna", "Ben", "Anna", "Ben", "Anna"]
    assert [item.baseline for item in timeline.turns] == [3, 2, 3, 2, 3]
    assert timeline.notes[-3:] == (
        "expected shares: conversation",
        "each speaker is judged against their own baseline: Anna by 3.0 turns",
        "the baseline of Ben is thin (2.0 turns): judged almost as a stranger",
    )


def test_a_recording_without_baseline_is_judged_turn_by_turn(recognizer: Recognizer, call: Path) -> None:
    apart = recognizer.analyze(call, names=("Anna", "Ben"), baseline="none", prior="even")
    assert [item.baseline for item in apart.turns] == [None] * 5
    assert apart.notes[-1] == "expected shares: even"
    whole = recognizer.analyze(call, names=("Anna", "Ben"), prior="even")
    assert np.abs(answers(list(apart.turns)) - answers(list(whole.turns))).max() > 0.1


def test_people_who_are_left_out_have_no_baseline(recognizer: Recognizer, call: Path) -> None:
    timeline = recognizer.analyze(call, names=("Anna", "Ben"), skip=("Ben",))
    assert not any("Ben" in note for note in timeline.notes if "baseline" in note)


def test_a_stream_ends_where_the_file_does(recognizer: Recognizer, call: Path, sound: np.ndarray) -> None:
    expected = {item.turn: item for item in recognizer.analyze(call, prior="even").turns}

    @settings(max_examples=4, deadline=None)
    @given(cuts=st.lists(st.integers(0, len(sound)), max_size=6), step=st.sampled_from([0, 160, 4001]))
    def check(cuts: list[int], step: int) -> None:
        edges = [0, *sorted([*cuts, *(range(0, len(sound), step) if step else ())]), len(sound)]
        stream = recognizer.stream(channels=2, prior="even")
        found = [item for first, end in itertools.pairwise(edges) for item in stream.feed(sound[first:end])]
        found += stream.finish()
        assert [item.turn for item in found] == list(expected)
        assert [item.baseline for item in found] == [1, 1, 2, 2, 3]
        for item in found[-2:]:  # each speaker's last turn has all their others before it
            assert np.allclose(item.probabilities, expected[item.turn].probabilities, atol=1e-3)
        first = found[0].probabilities
        assert np.allclose(first, 1 / 7, atol=1e-3)  # held against itself alone

    check()


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 31_999), max_size=6, unique=True))
def test_cutting_a_turn_into_pieces_changes_nothing(recognizer: Recognizer, cuts: list[int]) -> None:
    samples = np.random.default_rng(5).normal(0, 0.1, 32_000).astype(np.float32)
    turn = Turn(start=1.0, end=3.0, speaker="a")

    def judge_cut(edges: list[int]) -> TurnEmotion:
        judge = judge_of(recognizer.card, recognizer._session, None, baseline=False, prior=EVEN)
        found = []
        for first, end in itertools.pairwise(edges):
            found += judge.hear([Piece(key=1, turn=turn, samples=samples[first:end], last=end == len(samples))])
        return found[0]

    whole, pieces = judge_cut([0, 32_000]), judge_cut([0, *sorted(cuts), 32_000])
    assert whole.probabilities is not None
    assert pieces.probabilities is not None
    assert np.allclose(whole.probabilities, pieces.probabilities, atol=1e-5)
    assert [(w.start, w.end) for w in whole.track] == [(w.start, w.end) for w in pieces.track]


def test_whispers_frames_are_heard_where_the_card_says_so(tmp_path: Path) -> None:
    bundle = read_bundle(make_baseline_bundle(tmp_path / "b", features="whisper-mel", windows=SHORT))
    samples = np.random.default_rng(9).normal(0, 0.1, 16_000).astype(np.float32)
    judge = judge_of(bundle.card, session_of(bundle), None, baseline=False)
    (found,) = judge.hear([Piece(key=1, turn=Turn(start=2.0, end=3.0, speaker="a"), samples=samples, last=True)])
    frames = whisper_mel(samples)[:, :7]
    logits = [frames[start:end].mean(axis=0) for start, end in window_spans(100, 50, 25)]
    assert np.allclose(found.probabilities, softmax(np.mean(logits, axis=0)), atol=1e-5)
    assert [(w.start, w.end) for w in found.track] == [
        (2.0, pytest.approx(2.5025)),
        (pytest.approx(2.2375), pytest.approx(2.7525)),
        (pytest.approx(2.4875), 3.0),
    ]


def test_what_cannot_be_asked_for_is_refused(recognizer: Recognizer, tmp_path: Path) -> None:
    for ask in (lambda **options: recognizer.analyze("no.wav", **options), recognizer.stream):
        with pytest.raises(UsageError, match="baseline can be speaker, none, not 'Anna'"):
            ask(baseline="Anna")
        with pytest.raises(UsageError, match="prior can be conversation, even with the bundle"):
            ask(prior="calls")
    old = undertone.load(make_bundle(tmp_path / "old"))
    with pytest.raises(UsageError, match="has no priors"):
        old.stream(prior="even")
    assert old.stream(baseline="none").finish() == []  # there is none


def test_the_command_line_takes_both(call: Path, tmp_path: Path) -> None:
    folder = str(make_baseline_bundle(tmp_path / "b", priors=(CONVERSATION, EVEN)))
    told = ["analyze", str(call), "--bundle", folder, "-f", "json", "-q", "--prior", "even"]
    plain = CliRunner().invoke(main, [*told, "--baseline", "none"])
    assert plain.exit_code == 0, plain.output
    assert "baseline" not in json.loads(plain.stdout)["turns"][0]
    assert json.loads(CliRunner().invoke(main, told).stdout)["turns"][0]["baseline"] == 3
    wrong = CliRunner().invoke(main, [*told[:-1], "calls"])
    assert wrong.exit_code == 1
    assert "prior can be conversation, even" in wrong.stderr
    verified = CliRunner().invoke(main, ["bundle", "verify", folder])
    assert verified.exit_code == 0, verified.output
