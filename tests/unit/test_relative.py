"""The system `relative`: its vectors, its head, episodes and conversations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from undertone.backbones.whisper import LOUDNESS, WhisperEncoder, WhisperSizes, WhisperStatistics
from undertone.errors import ConfigError
from undertone.experiments.episodes import (
    Answers,
    Episodes,
    Vectors,
    conversation,
    judge,
    judged_alone,
    judged_in_conversation,
    train_head,
)
from undertone.experiments.relative_calibration import calibrate, softened
from undertone.experiments.relative_config import ALONE, IN_CONVERSATION, Expected, read_relative
from undertone.export.relative import head_graph, window_graph
from undertone.inference.session import open_graph
from undertone.inference.verdict import under, with_prior
from undertone.labels import EMOTIONS
from undertone.metrics.calibration import expected_calibration_error, softmax
from undertone.records import Utterance
from undertone.systems.relative import RelativeHead, RelativeSizes, window_statistics
from undertone.training.prepare import READ

SIZES = RelativeSizes(first_block=1, last_block=2)


def statistics() -> WhisperStatistics:
    torch.manual_seed(0)
    encoder = WhisperEncoder(WhisperSizes(width=16, blocks=2, heads=2, feed_forward=32, most_frames=200))
    return window_statistics(encoder.eval(), SIZES)


def window(frames: int = 90, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(-3, 1.5, (1, frames, 80)).astype(np.float32))


def test_the_exported_graphs_answer_as_pytorch_does_for_any_number_of_frames() -> None:
    network = statistics()
    graph = open_graph(window_graph(network, int8=False), "model.onnx")
    rounded = open_graph(window_graph(network), "model.onnx")
    for frames in (5, 64, 301):
        mel = window(frames)
        with torch.inference_mode():
            wanted = network(mel).numpy()
        (found,) = graph.run(["vector"], {"features": mel.numpy()})
        np.testing.assert_allclose(found, wanted, atol=1e-3)
        (near,) = rounded.run(["vector"], {"features": mel.numpy()})
        assert np.corrcoef(near[0, :-LOUDNESS], wanted[0, :-LOUDNESS])[0, 1] > 0.99
    head = random_head(6)
    given = {name: torch.randn(3, 6) for name in ("vectors", "mean", "deviation")}
    given |= {"deviation": given["deviation"].abs() + 0.1, "count": torch.tensor([0.0, 2.0, 9.0])}
    (logits,) = open_graph(head_graph(head), "head.onnx").run(["logits"], {k: v.numpy() for k, v in given.items()})
    with torch.inference_mode():
        np.testing.assert_allclose(logits, head(**given).numpy(), atol=1e-5)


def random_head(numbers: int) -> RelativeHead:
    torch.manual_seed(1)
    head = RelativeHead(numbers, RelativeSizes())
    torch.nn.init.normal_(head.scores.weight)
    head.settle(torch.randn(50, numbers))
    return head.eval()


def test_what_is_said_of_a_speaker_is_not_looked_at_where_nothing_is_known() -> None:
    head, vectors = random_head(6), torch.randn(4, 6)
    nothing = torch.zeros(4)
    with torch.inference_mode():
        first = head(vectors, torch.zeros(4, 6), torch.ones(4, 6), nothing)
        second = head(vectors, torch.full((4, 6), 9.0), torch.full((4, 6), 0.2), nothing)
        louder = head(vectors + torch.tensor([0.0, 0, 5, 5, 5, 5]), torch.zeros(4, 6), torch.ones(4, 6), nothing)
        known = head(vectors, torch.zeros(4, 6), torch.ones(4, 6), torch.full((4,), 9.0))
    torch.testing.assert_close(first, second)
    torch.testing.assert_close(first, louder)  # of a stranger nobody knows what is loud
    assert not torch.allclose(first, known)


def planted(speakers: int, *, corpus: str = "a", seed: int = 0, offset: float = 6.0, kinds: int = 8) -> Vectors:
    """Vectors of speakers who differ by far more than their emotions do: happy is +1 in the first number.

    Voices differ in so many kinds of ways, the same for everybody.
    """
    rng = np.random.default_rng(seed)
    ways = np.eye(8) if kinds == 8 else np.random.default_rng(99).normal(0, 0.5, (kinds, 8))
    items, rows = [], []
    for speaker in range(speakers):
        voice = rng.normal(0, offset, kinds) @ ways
        for take in range(30):
            label = "happy" if take % 3 == 0 else "neutral"
            rows.append(voice + rng.normal(0, 0.3, 8) + (label == "happy") * np.eye(8)[0] * 2)
            items.append(utterance(f"{corpus}/{speaker}-{take}", corpus, f"{corpus}{speaker}", label))
    truth = np.array([EMOTIONS.index(item.emotion or "") for item in items])
    return Vectors(
        utterances=tuple(items), truth=truth, by_condition={"clean": torch.tensor(np.array(rows), dtype=torch.float32)}
    )


def utterance(name: str, corpus: str, speaker: str, emotion: str) -> Utterance:
    return Utterance(id=name, path="", corpus=corpus, speaker=speaker, language="en", emotion=emotion, duration=1.0)


QUICK = Episodes(steps=250, learning_rate=0.02, weight_decay=0.0, dropout=0.0)


@pytest.fixture(scope="module")
def trained() -> RelativeHead:
    return train_head(planted(24), RelativeSizes(), QUICK, seed=0, advance=lambda: None)


def right(answers: Answers) -> float:
    answered = answers.logits[:, :2].argmax(axis=1)  # neutral or happy: the corpus has no other
    return float((answered == answers.truth).mean())


def test_the_baseline_hears_through_a_planted_offset_that_nobody_alone_can_tell(trained: RelativeHead) -> None:
    strangers = planted(10, corpus="b", seed=7)
    alone = right(judged_alone(trained, strangers, "clean"))
    beside = right(judged_in_conversation(trained, strangers, "clean", rng=np.random.default_rng(0)))
    assert alone < 0.75
    assert beside > 0.95


def test_exchanged_voices_teach_a_stranger_s_scores_what_a_voice_is() -> None:
    told = planted(8, kinds=2)
    vectors = told.by_condition["clean"]
    voices = torch.stack([vectors[torch.from_numpy(rows)].mean(dim=0) for rows in told.speakers().values()])
    moved = {}
    for share in (0.0, 1.0):
        head = train_head(
            told, RelativeSizes(), replace(QUICK, exchanged=share, steps=150), seed=0, advance=lambda: None
        )
        margins = np.diff(judge(head, vectors[:30], None)[:, :2])[:, 0]  # happy against neutral, one speaker
        heard = margins[told.truth[:30] == 1].mean() - margins[told.truth[:30] == 0].mean()
        others = [np.diff(judge(head, vectors[:30] + voice - voices[0], None)[:, :2]).mean() for voice in voices]
        moved[share] = np.std(others) / heard
    assert moved[1.0] < 0.7 * moved[0.0]


def test_one_emotional_turn_among_plain_ones_is_not_erased(trained: RelativeHead) -> None:
    part = planted(1, corpus="c", seed=3)
    rows = np.concatenate([np.flatnonzero(part.truth == 0)[:12], np.flatnonzero(part.truth == 1)[:1]])
    vectors = part.by_condition["clean"][torch.from_numpy(rows)]
    logits = judge(trained, vectors, vectors)
    margin = logits[:, 1] - logits[:, 0]  # happy against neutral
    assert margin[-1] > margin[:-1].max() + 1


def test_training_is_repeatable_and_another_seed_is_another_head() -> None:
    few = Episodes(steps=5)
    heads = [train_head(planted(4), RelativeSizes(), few, seed=seed, advance=lambda: None) for seed in (0, 0, 1)]
    weights = [head.scores.weight for head in heads]
    torch.testing.assert_close(weights[0], weights[1], rtol=0, atol=0)
    assert not torch.equal(weights[0], weights[2])


def test_read_speech_says_that_nobody_there_acted() -> None:
    told = planted(6)
    read = planted(6, corpus=READ, seed=5)
    neutral = tuple(utterance(item.id, READ, item.speaker, "neutral") for item in read.utterances)
    both = Vectors(
        utterances=told.utterances + neutral,
        truth=np.concatenate([told.truth, np.zeros(len(neutral), dtype=np.int64)]),
        by_condition={"clean": torch.cat([told.by_condition["clean"], read.by_condition["clean"]])},
    )
    how = replace(QUICK, read=0.5, read_weight=1.0, steps=150)
    head = train_head(both, RelativeSizes(), how, seed=0, advance=lambda: None)
    logits = judged_alone(head, both.of({READ}), "clean").logits
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    without = train_head(told, RelativeSizes(), how, seed=0, advance=lambda: None)
    other = judged_alone(without, both.of({READ}), "clean").logits
    assert probability[:, 0].mean() > (np.exp(other) / np.exp(other).sum(axis=1, keepdims=True))[:, 0].mean()


def test_a_label_that_no_corpus_taught_is_never_answered(trained: RelativeHead) -> None:
    told = planted(6, corpus="b", seed=4)
    logits = judged_in_conversation(trained, told, "clean", rng=np.random.default_rng(0)).logits
    assert set(logits.argmax(axis=1).tolist()) == {0, 1}
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    assert (chance[:, 2:] / chance.sum(axis=1, keepdims=True)).max() < 1e-6


def test_a_conversation_has_the_share_of_neutral_turns_that_is_asked_for() -> None:
    truth = np.array([0, 0, 0, *range(1, 7), *range(1, 7)])
    rng = np.random.default_rng(0)
    chosen = conversation(np.arange(100, 115), truth, rng, turns=20, neutral=0.6)
    labels = truth[chosen - 100]
    assert (labels == 0).sum() == 12  # three utterances, some of them several times
    assert (labels != 0).sum() == 8
    one_sided = conversation(np.arange(9), np.full(9, 3), rng, turns=5, neutral=0.6)
    assert len(set(one_sided.tolist())) == 5


def test_a_prior_that_is_flat_adds_nothing() -> None:
    np.testing.assert_allclose(with_prior(np.full(7, 1 / 7)), 0, atol=1e-6)
    assert with_prior(np.array([0.6, 0.4 / 6] + [0.4 / 6] * 5))[0] == pytest.approx(np.log(4.2))


FLAT = Expected(name="flat", shares=(1 / 7,) * 7, source="", fitted=ALONE)
CALLS = Expected(name="calls", shares=(0.7, *[0.05] * 6), source="", fitted=IN_CONVERSATION)


def drawn(temperature: float, count: float, shares: np.ndarray, seed: int, items: int = 6000) -> Answers:
    """Logarithms of likelihoods, up to what labels share, made too sure by a temperature."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(7, items, p=shares)
    strength = 1.5
    seen = strength * np.eye(7)[truth] + rng.normal(0, 1, (items, 7))
    return Answers(
        rows=np.arange(items), logits=strength * seen * temperature, truth=truth, counts=np.full(items, count)
    )


def test_each_amount_of_evidence_gets_the_temperature_that_was_planted() -> None:
    even = np.full(7, 1 / 7)
    answers = {ALONE: [drawn(3.0, 0.0, even, 0)], IN_CONVERSATION: [drawn(1.5, 27.0, even, 1)]}
    found = calibrate(answers, (FLAT, CALLS), shrink_turns=3.0, accuracy=0.8)
    assert found.evidence[0] == pytest.approx(3.0, rel=0.06)
    # Behind 27 turns a baseline weighs 0.9: 3 ** 0.1 * T ** 0.9 is the temperature there.
    assert 3.0**0.1 * found.evidence[1] ** 0.9 == pytest.approx(1.5, rel=0.06)
    assert [prior.temperature for prior in found.priors] == pytest.approx([1.0, 1.0], rel=0.06)


def test_a_prior_is_right_as_often_as_it_says_where_its_shares_hold() -> None:
    shares = np.array(CALLS.shares)
    answers = {
        ALONE: [drawn(3.0, 0.0, np.full(7, 1 / 7), 0)],
        IN_CONVERSATION: [drawn(2.0, 12.0, shares, 1)],
    }
    found = calibrate(answers, (FLAT, CALLS), shrink_turns=3.0, accuracy=0.8)
    unheard = drawn(2.0, 12.0, shares, 5)
    probabilities = softmax(under(found.priors[1], softened(unheard, found.evidence, 3.0)), 1.0)
    assert expected_calibration_error(probabilities, unheard.truth) < 0.02
    labelled = probabilities.max(axis=1) >= found.priors[1].threshold
    hit = probabilities.argmax(axis=1) == unheard.truth
    assert hit[labelled].mean() == pytest.approx(0.8, abs=0.02)
    assert hit.mean() < 0.8


def test_a_head_divides_its_scores_as_calibration_does() -> None:
    head, vectors = random_head(6), torch.randn(2, 6)
    counts = torch.tensor([0.0, 9.0])
    with torch.inference_mode():
        before = head(vectors, torch.zeros(2, 6), torch.ones(2, 6), counts)
        head.temperature.copy_(torch.tensor([3.0, 1.5]))
        after = head(vectors, torch.zeros(2, 6), torch.ones(2, 6), counts)
    answers = Answers(rows=np.arange(2), logits=before.numpy(), truth=np.zeros(2, int), counts=counts.numpy())
    np.testing.assert_allclose(after.numpy(), softened(answers, (3.0, 1.5), head.shrink_turns), rtol=1e-5)


def test_everything_that_does_not_fit_a_run_is_named_at_once() -> None:
    table = {
        "name": "x",
        "system": "relative",
        "corpora": ["emodb", "nobody"],
        "sizes": {"first_block": 4, "last_block": 2},
        "expected": [{"name": "odd", "shares": [0.5, 0.6], "source": "", "fitted": "somehow"}],
    }
    with pytest.raises(ConfigError) as caught:
        read_relative(table, "x.toml")
    told = str(caught.value)
    for part in (
        "'nobody' is unknown",
        "blocks run from 0 to 6, not from 4 to 2",
        "odd.shares must be 7 numbers",
        "'somehow'",
    ):
        assert part in told
    with pytest.raises(ConfigError, match="two or more"):
        read_relative(table | {"corpora": ["emodb"], "sizes": {}, "expected": []}, "x.toml")
