"""Metrics against independent implementations and against their definitions."""

from __future__ import annotations

import math

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics as sk

from undertone.metrics.calibration import (
    abstention_threshold,
    expected_calibration_error,
    fit_temperature,
    log_loss,
    softmax,
)
from undertone.metrics.categorical import confusion, macro_f1, recalls, unweighted_accuracy, weighted_accuracy
from undertone.metrics.uncertainty import bootstrap_by_speaker

pairs = st.integers(1, 60).flatmap(
    lambda n: st.tuples(
        arrays.arrays(np.int64, n, elements=st.integers(0, 4)), arrays.arrays(np.int64, n, elements=st.integers(0, 4))
    )
)


@given(pair=pairs)
def test_accuracies_agree_with_scikit_learn_and_audmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = pair
    counts = confusion(truth, predicted, 5)
    present = sorted(set(truth.tolist()))
    assert np.array_equal(counts, sk.confusion_matrix(truth, predicted, labels=range(5)))
    assert weighted_accuracy(counts) == pytest.approx(audmetric.accuracy(truth, predicted))
    assert unweighted_accuracy(counts) == pytest.approx(
        sk.recall_score(truth, predicted, labels=present, average="macro")
    )
    assert macro_f1(counts) == pytest.approx(
        sk.f1_score(truth, predicted, labels=present, average="macro", zero_division=0)
    )


@given(pair=pairs, seed=st.integers(0, 99))
def test_order_of_items_does_not_matter(pair: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    truth, predicted = pair
    order = np.random.default_rng(seed).permutation(len(truth))
    assert np.array_equal(confusion(truth, predicted, 5), confusion(truth[order], predicted[order], 5))


def test_no_items_give_nan_and_never_a_number() -> None:
    nothing = confusion(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    for metric in (weighted_accuracy, unweighted_accuracy, macro_f1):
        assert math.isnan(metric(nothing))
    assert math.isnan(expected_calibration_error(np.empty((0, 3)), np.empty(0, np.int64)))
    assert math.isnan(log_loss(np.empty((0, 3)), np.empty(0, np.int64)))


def test_recall_of_a_label_that_no_item_has_is_nan() -> None:
    found = recalls(confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 3))
    assert found[:2].tolist() == [0.5, 1.0]
    assert math.isnan(found[2])


def test_calibration_error_is_the_formula_written_out(rng: np.random.Generator) -> None:
    probabilities = softmax(rng.normal(0, 2, (500, 4)))
    truth = rng.integers(0, 4, 500)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    expected = 0.0
    for lower in np.arange(15) / 15:
        inside = (confidence > lower) & (confidence <= lower + 1 / 15)
        if inside.any():
            expected += inside.sum() / 500 * abs(hit[inside].mean() - confidence[inside].mean())
    assert expected_calibration_error(probabilities, truth) == pytest.approx(expected)


def test_always_right_and_certain_has_no_calibration_error() -> None:
    assert expected_calibration_error(np.eye(3), np.arange(3)) == 0.0


def test_log_loss_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    probabilities = softmax(rng.normal(0, 2, (200, 4)))
    truth = rng.integers(0, 4, 200)
    assert log_loss(probabilities, truth) == pytest.approx(sk.log_loss(truth, probabilities, labels=range(4)))


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_temperature_is_recovered_from_labels_drawn_with_it(true_temperature: float, rng: np.random.Generator) -> None:
    logits = rng.normal(0, 4, (20_000, 5))
    probabilities = softmax(logits, true_temperature)
    truth = (probabilities.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert fit_temperature(logits, truth, np.ones(20_000)) == pytest.approx(true_temperature, rel=0.06)


def test_threshold_is_the_lowest_that_is_accurate_enough() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    truth = np.array([0, 0, 1, 0])
    assert abstention_threshold(probabilities, truth, np.ones(4), accuracy=0.75) == 0.6
    assert abstention_threshold(probabilities, truth, np.ones(4), accuracy=0.9) == 0.8
    assert abstention_threshold(probabilities, np.array([1, 1, 1, 1]), np.ones(4), accuracy=0.5) > 0.9


def test_bootstrap_interval_covers_the_truth_at_its_rate(rng: np.random.Generator) -> None:
    covered = 0
    for _ in range(200):
        speakers = np.repeat(np.arange(20), 15)
        values = rng.normal(0, 1, 20)[speakers] + rng.normal(0, 1, 300)
        found = bootstrap_by_speaker(
            lambda items, values=values: float(values[items].mean()), speakers.astype(str).tolist(), draws=200, rng=rng
        )
        covered += found.low <= 0.0 <= found.high
    assert 0.88 <= covered / 200 <= 1.0


def test_bootstrap_of_one_speaker_still_has_width(rng: np.random.Generator) -> None:
    values = rng.normal(0, 1, 50)
    found = bootstrap_by_speaker(lambda items: float(values[items].mean()), ["a"] * 50, rng=rng)
    assert found.high - found.low > 0.2
    assert found.rounded(1).high == round(found.high, 1)
