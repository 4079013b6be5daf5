"""From logits to a card's numbers, counted by hand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from undertone.cli.bundle import describe
from undertone.experiments.evaluate import fit_calibration, plain_speech, predictions_of, score, truth_of
from undertone.inference.bundle import read_bundle
from undertone.inference.card import Calibration
from undertone.labels import EMOTIONS
from undertone.records import Utterance

EVERYTHING = Calibration(temperature=1.0, threshold=0.0, accuracy_when_certain=0.7)
NOTHING = dataclasses.replace(EVERYTHING, threshold=1.1)
HEARD = ("sad", "sad", "angry", "sad", "neutral", "neutral")
TRUTH = ("sad", "sad", "sad", "angry", "neutral", "sad")


def utterances(labels: tuple[str, ...] = TRUTH, corpus: str = "emodb") -> list[Utterance]:
    return [
        Utterance(
            id=f"{corpus}/{number}", path="x", corpus=corpus, speaker="ab"[number % 2], language="de", emotion=label,
            duration=1.0,
        )
        for number, label in enumerate(labels)
    ]  # fmt: skip


def logits(heard: tuple[str, ...] = HEARD, height: float = 5.0) -> np.ndarray:
    return (height * np.eye(7)[[EMOTIONS.index(name) for name in heard]]).astype(np.float32)


def scored(calibration: Calibration):
    rng = np.random.default_rng(0)
    return score(logits(), utterances(), calibration, condition="clean", trained_on_corpus=True, rng=rng)


def test_a_score_is_what_can_be_counted() -> None:
    """Sad is right 2 times of 4, angry 0 of 1, neutral 1 of 1."""
    found = scored(EVERYTHING)
    assert (found.corpus, found.condition, found.trained_on_corpus) == ("emodb", "clean", True)
    assert (found.speakers, found.utterances) == (2, 6)
    assert found.labels == ("neutral", "sad", "angry")
    assert found.chance_ua == 0.3333
    assert found.WA.value == 0.5
    assert found.UA.value == 0.5
    assert found.macro_f1.value == pytest.approx((2 / 3 + 4 / 7 + 0) / 3, abs=1e-4)
    assert found.labelled == 1.0
    assert found.accuracy_when_labelled == 0.5
    for interval in (found.WA, found.UA, found.macro_f1):
        assert 0 <= interval.low <= interval.value <= interval.high <= 1


def test_accuracy_among_labelled_counts_the_certain_ones_only() -> None:
    rng = np.random.default_rng(0)
    mixed = logits()
    mixed[2:] *= 0.1
    calibration = dataclasses.replace(EVERYTHING, threshold=0.9)
    found = score(mixed, utterances(), calibration, condition="clean", trained_on_corpus=False, rng=rng)
    assert found.labelled == 0.3333
    assert found.accuracy_when_labelled == 1.0


def test_where_nothing_is_labelled_there_is_no_accuracy_and_the_card_says_none() -> None:
    found = scored(NOTHING)
    assert found.labelled == 0.0
    assert found.accuracy_when_labelled is None
    card = dataclasses.replace(read_bundle().card, scores=(found,))
    assert json.loads(card.as_json())["scores"][0]["accuracy_when_labelled"] is None
    assert "0% labelled; 2 speakers, 6 utterances" in describe(card)
    assert "100% labelled, of these 50% right; 2 speakers" in describe(
        dataclasses.replace(card, scores=(scored(EVERYTHING),))
    )


def test_plain_speech_is_neutral_withheld_or_a_false_alarm() -> None:
    heard = logits(("neutral", "neutral", "sad", "neutral"))
    heard[3] *= 0.1
    calibration = dataclasses.replace(EVERYTHING, threshold=0.9)
    read = utterances(("neutral",) * 4, "read")
    found = plain_speech(heard, read, calibration, condition="telephone", rng=np.random.default_rng(0))
    assert (found.condition, found.speakers, found.utterances) == ("telephone", 2, 4)
    assert (found.neutral.value, found.withheld.value, found.false_alarms.value) == (0.5, 0.25, 0.25)


def test_every_corpus_weighs_the_same_in_the_calibration() -> None:
    """A hundred overconfident utterances of one corpus weigh no more than the ten right ones of another."""
    right = utterances(("sad",) * 10, "small")
    wrong = utterances(("angry",) * 100, "large")
    hot = fit_calibration([logits(("sad",) * 110)], right + wrong, accuracy=0.5)
    alone = fit_calibration([logits(("sad",) * 110)], right + utterances(("angry",) * 100, "small"), accuracy=0.5)
    assert hot.temperature < alone.temperature
    assert hot.accuracy_when_certain == 0.5


def test_where_no_confidence_is_good_enough_nothing_gets_a_label() -> None:
    items = utterances(("sad", *("angry",) * 9))
    heard = logits(("sad",) * 10)
    calibration = fit_calibration([heard], items, accuracy=0.5)
    rng = np.random.default_rng(0)
    found = score(heard, items, calibration, condition="clean", trained_on_corpus=True, rng=rng)
    assert found.labelled == 0.0


@pytest.mark.parametrize("accuracy", [0.3, 0.6, 0.9])
def test_labelled_utterances_are_right_as_often_as_asked_for(accuracy: float, rng: np.random.Generator) -> None:
    truth = tuple(EMOTIONS[index] for index in rng.integers(7, size=400))
    heard = logits(truth, height=1.5) + rng.normal(0, 1, (400, 7)).astype(np.float32)
    items = utterances(truth)
    calibration = fit_calibration([heard], items, accuracy=accuracy)
    found = score(heard, items, calibration, condition="clean", trained_on_corpus=True, rng=rng)
    assert found.labelled > 0
    assert found.accuracy_when_labelled is not None
    assert found.accuracy_when_labelled >= accuracy - 0.01


def test_conditions_are_calibrated_together() -> None:
    once = fit_calibration([logits()], utterances(), accuracy=0.7)
    twice = fit_calibration([logits(), logits()], utterances(), accuracy=0.7)
    assert once == twice


def test_predictions_name_the_utterance_and_what_was_heard() -> None:
    rows = predictions_of(logits(), utterances(), EVERYTHING, condition="clean")
    assert [row["id"] for row in rows] == [f"emodb/{number}" for number in range(6)]
    assert [row["truth"] for row in rows] == list(TRUTH)
    assert [row["speaker"] for row in rows] == ["a", "b"] * 3
    assert {row["condition"] for row in rows} == {"clean"}
    assert [EMOTIONS[int(np.argmax(row["probabilities"]))] for row in rows] == list(HEARD)
    assert truth_of(utterances()).tolist() == [EMOTIONS.index(label) for label in TRUTH]
    with pytest.raises(ValueError, match="shorter"):
        predictions_of(logits()[:3], utterances(), EVERYTHING, condition="clean")
