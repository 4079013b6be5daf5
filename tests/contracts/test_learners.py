"""What every learner must keep: it learns what is there, says probabilities, and hears only what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_backbones import saved_backbone
from tiny_checkpoints import WORDS, saved_text

from undertone.encoders.base import Layout
from undertone.errors import CorpusError, UsageError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.compact import CompactSettings
from undertone.learners.multilevel import MultilevelSettings
from undertone.learners.qieemo import QieemoSettings
from undertone.learners.qieemo_tuned import QieemoTunedSettings
from undertone.learners.registry import LEARNERS, learner_named
from undertone.learners.superb import SuperbSettings
from undertone.learners.text_tuned import TextTunedSettings
from undertone.metrics.categorical import confusion, unweighted_accuracy
from undertone.records import Utterance
from undertone.systems.multilevel import Fusion
from undertone.systems.qieemo import Head
from undertone.training.config import Masking
from undertone.training.store import FeatureStore

LABELS = ("neutral", "happy", "angry")

SHAPES = {
    "superb-head": (3, 8), "block-probe": (3, 8), "compact": (16,), "qieemo": (4 * 6 + 5,),
    "qieemo-tuned": (80,), "multilevel": (4 * 6 + 5,), "text-tuned": (1,),
}  # fmt: skip
"""Of a row, where it is not a plain vector."""

LAYOUT = Layout(blocks=4, width=6, symbols=5)
FRAMES = {"compact": None, "qieemo": LAYOUT, "qieemo-tuned": None, "multilevel": LAYOUT}
"""What those that hear frames are told of a row."""

QUICK: dict[str, Any] = {
    "compact": CompactSettings(steps=60, batch=16, window_s=0.4, hop_s=0.2, dropout=0.0, learning_rate=4e-3),
    "superb-head": SuperbSettings(epochs=30, width=16, learning_rate=1e-2),
    "qieemo": QieemoSettings(
        head=Head(width=8, heads=2, hidden=8, dropout=0.0), steps=80, batch=8, learning_rate=1e-2, bfloat16=False
    ),
    "multilevel": MultilevelSettings(
        fusion=Fusion(width=8, heads=2, hidden=8, dropout=0.0, granularities=("frame", "word")), last_block=3, steps=80,
        batch=8, learning_rate=1e-2,
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def backbone(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A tiny backbone and a tiny encoder of text, for the learners that are built on them."""
    head = Head(width=16, heads=2, hidden=16, first_block=1, last_block=2, dropout=0.0, classifier_dropout=0.0)
    QUICK["qieemo-tuned"] = QieemoTunedSettings(
        backbone=str(saved_backbone(tmp_path_factory.mktemp("backbone"))), kept="all", head=head, steps=160,
        window_s=0.6, hop_s=0.3, learning_rate=3e-3, backbone_learning_rate=2e-3,
        masking=Masking(frequency_masks=0, time_masks=0, warp=0.0, tilt_db=0.0),
    )  # fmt: skip
    place = saved_text(tmp_path_factory.mktemp("text"))
    QUICK["text-tuned"] = TextTunedSettings(place=str(place), epochs=20, batch=8, learning_rate=3e-3, average=0.9)


every_learner = pytest.mark.parametrize("name", sorted(LEARNERS))
every_hearing_learner = pytest.mark.parametrize("name", sorted(set(LEARNERS) - {"majority"}))


def part_of(name: str, start: int, count: int, *, store: FeatureStore | None) -> Part:
    utterances = tuple(
        Utterance(
            id=f"made/{number}", path="x.wav", corpus="made", speaker=f"s{number % 4}", language="de",
            emotion=LABELS[number % 3], duration=1.0, text=said(store, number) if name == "text-tuned" else None,
        )
        for number in range(start, start + count)
    )  # fmt: skip
    truth = np.arange(start, start + count) % 3
    others = tokens_and_segments(store) if name == "multilevel" and store is not None else ()
    return Part(utterances=utterances, truth=truth, targets=np.eye(3)[truth], store=store, others=others)


def said(store: FeatureStore | None, number: int) -> str:
    """A transcript whose words stand in the store: for the learner that reads, and hears nothing."""
    return " ".join(WORDS[int(row[0])] for row in store.features(f"made/{number}")) if store else ""


def tokens_and_segments(store: FeatureStore) -> tuple[FeatureStore, ...]:
    """Three tokens that tell nothing, and two words, of everybody in a store of frames."""
    rng = np.random.default_rng(5)
    rows = [
        row for start, end in store.spans.values()
        for row in ((0, 0, end - start), (3, 0, (end - start) // 2), (3, (end - start) // 2, end - start))
    ]  # fmt: skip
    spans = {name: (3 * number, 3 * number + 3) for number, name in enumerate(store.spans)}
    tokens = rng.normal(size=(len(rows), 7)).astype(np.float16)
    return FeatureStore(rows=tokens, spans=spans), FeatureStore(rows=np.array(rows, dtype=np.float32), spans=spans)


def make_store(name: str, count: int, *, signal: float = 1.5) -> FeatureStore:
    """Rows in which the class moves every coefficient a little; frames of unlike lengths for those that hear them."""
    rng = np.random.default_rng(3)
    if name == "text-tuned":
        words = rng.integers(8, 13, size=(count, 4, 1))
        words[:, 2, 0] = 5 + (np.arange(count) if signal else rng.integers(3, size=count)) % 3
        return FeatureStore(
            rows=words.reshape(-1, 1), spans={f"made/{row}": (4 * row, 4 * row + 4) for row in range(count)}
        )
    shape = SHAPES.get(name, (12,))
    direction = rng.normal(size=(3, *shape))
    rows, spans, end = [], {}, 0
    for number in range(count):
        length = int(rng.integers(20, 60)) if name in FRAMES else 1
        moved = np.ones((length, *[1] * len(shape)))
        if name == "qieemo-tuned":  # what is the same in all frames is the microphone's
            moved[np.arange(length) // 8 % 2 == 0] = 0
        rows.append(signal * moved * direction[number % 3] + rng.normal(size=(length, *shape)))
        spans[f"made/{number}"] = (end, end + length)
        end += length
    return FeatureStore(rows=np.concatenate(rows).astype(np.float32), spans=spans, layout=FRAMES.get(name))


def fit(learner: Learner, folder: Path, *, store: FeatureStore | None, seed: int = 0, train: int = 60) -> Fitted:
    folder.mkdir(parents=True, exist_ok=True)
    how = Fitting(labels=LABELS, settings=QUICK.get(learner.name, learner.settings()), seed=seed, folder=folder)
    return learner.fit(part_of(learner.name, 0, train, store=store), part_of(learner.name, train, 30, store=store), how)


@pytest.fixture(scope="module")
def fitted_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Fitted]:
    """Fit each learner with seed 0 on the usual rows, once for all tests that only ask it."""

    @cache
    def fitted(name: str) -> Fitted:
        learner, store = learner_named(name), make_store(name, 120)
        return fit(learner, tmp_path_factory.mktemp(name), store=heard_by(learner, store))

    return fitted


def heard_by(learner: Learner, store: FeatureStore) -> FeatureStore | None:
    return None if learner.name == "majority" else store


@every_learner
def test_probabilities_are_probabilities_in_the_order_of_the_labels(
    name: str, fitted_once: Callable[[str], Fitted]
) -> None:
    learner, store = learner_named(name), make_store(name, 120)
    rows = fitted_once(name).predict(part_of(name, 90, 30, store=heard_by(learner, store)))
    assert rows.shape == (30, 3)
    assert (rows >= 0).all()
    np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)


@every_hearing_learner
def test_a_planted_signal_is_learned(name: str, fitted_once: Callable[[str], Fitted]) -> None:
    test = part_of(name, 90, 30, store=make_store(name, 120))
    predicted = fitted_once(name).predict(test).argmax(axis=1)
    assert unweighted_accuracy(confusion(test.truth, predicted, 3)) > 0.8


@every_hearing_learner
def test_without_a_signal_nothing_is_learned(name: str, tmp_path: Path) -> None:
    learner, store = learner_named(name), make_store(name, 120, signal=0.0)
    test = part_of(name, 90, 30, store=store)
    predicted = fit(learner, tmp_path, store=store).predict(test).argmax(axis=1)
    assert unweighted_accuracy(confusion(test.truth, predicted, 3)) < 0.7


@every_learner
def test_the_same_seed_gives_the_same_answer(name: str, tmp_path: Path, fitted_once: Callable[[str], Fitted]) -> None:
    learner, store = learner_named(name), make_store(name, 120)
    test = part_of(name, 90, 30, store=heard_by(learner, store))
    again = fit(learner, tmp_path, store=test.store)
    np.testing.assert_array_equal(again.predict(test), fitted_once(name).predict(test))


@every_learner
def test_another_seed_changes_the_answer_exactly_where_the_learner_says_so(
    name: str, tmp_path: Path, fitted_once: Callable[[str], Fitted]
) -> None:
    learner, store = learner_named(name), make_store(name, 120)
    test = part_of(name, 90, 30, store=heard_by(learner, store))
    other = fit(learner, tmp_path, store=test.store, seed=1)
    assert np.array_equal(other.predict(test), fitted_once(name).predict(test)) != learner.seeded


@every_learner
def test_the_truth_of_a_test_part_is_never_looked_at(name: str, fitted_once: Callable[[str], Fitted]) -> None:
    learner, store, fitted = learner_named(name), make_store(name, 120), fitted_once(name)
    test = part_of(name, 90, 30, store=heard_by(learner, store))
    hidden = replace(test, truth=np.full(30, -1), targets=np.full((30, 1), np.nan))
    np.testing.assert_array_equal(fitted.predict(test), fitted.predict(hidden))


@every_learner
def test_an_answer_does_not_depend_on_the_others(name: str, fitted_once: Callable[[str], Fitted]) -> None:
    learner, store, fitted = learner_named(name), make_store(name, 120), fitted_once(name)
    together = fitted.predict(part_of(name, 90, 30, store=heard_by(learner, store)))
    alone = fitted.predict(part_of(name, 97, 1, store=heard_by(learner, store)))
    np.testing.assert_allclose(alone[0], together[7], atol=1e-5)


@every_learner
def test_it_says_what_validation_chose(name: str, fitted_once: Callable[[str], Fitted]) -> None:
    fitted = fitted_once(name)
    if name == "majority":
        assert not fitted.chosen
        return
    assert 0 <= fitted.chosen["validation_ua"] <= 1
    assert fitted.chosen["temperature"] > 0
    if fitted.history:
        best = max(row["validation_ua"] for row in fitted.history)
        assert fitted.history[int(fitted.chosen["epoch"]) - 1]["validation_ua"] == best


@every_hearing_learner
def test_a_learner_that_cannot_hear_or_read_refuses(name: str, tmp_path: Path) -> None:
    learner = learner_named(name)
    kind, told = (CorpusError, "have no transcript") if learner.reads else (UsageError, "needs an encoder")
    with pytest.raises(kind, match=told):
        fit(learner, tmp_path, store=None)


@pytest.mark.parametrize("name", ["log-mel-linear", "egemaps-svm", "superb-head", "block-probe"])
def test_a_learner_on_vectors_refuses_frames(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs an encoder"):
        fit(learner_named(name), tmp_path, store=make_store("compact", 120))


def test_the_majority_class_is_that_of_the_training_part(tmp_path: Path) -> None:
    how = Fitting(labels=LABELS, settings=learner_named("majority").settings(), seed=0, folder=tmp_path)
    train = replace(part_of("majority", 0, 4, store=None), truth=np.array([1, 1, 1, 2]))
    fitted = learner_named("majority").fit(train, part_of("majority", 4, 4, store=None), how)
    np.testing.assert_allclose(fitted.predict(part_of("majority", 8, 2, store=None)), [[0, 0.75, 0.25]] * 2)


def test_a_learner_that_is_unknown_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no learner is called 'oracle'; there are majority, log-mel-linear"):
        learner_named("oracle")
