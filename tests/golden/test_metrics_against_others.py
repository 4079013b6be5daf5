"""Metrics against other people's implementations, and against their formulas written out slowly."""

from __future__ import annotations

import math

import audmetric
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve

from undertone.metrics.calibration import BINS, brier_score, expected_calibration_error, reliability, softmax
from undertone.metrics.categorical import confusion, confusions, unweighted_accuracies, unweighted_accuracy, weighted_f1
from undertone.metrics.comparison import holm, mcnemar
from undertone.metrics.dimensional import concordance_cc, pearson_cc, root_mean_square_error
from undertone.metrics.selective import area_under_risk_coverage, risk_coverage
from undertone.metrics.student import t_quantile, within_t

LABELS = 4


@st.composite
def answers(draw: st.DrawFn, least: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and truth, with ties among the probabilities."""
    items = draw(st.integers(least, 40))
    heights = draw(arrays.arrays(np.int64, (items, LABELS), elements=st.integers(0, 3)))
    truth = draw(arrays.arrays(np.int64, items, elements=st.integers(0, LABELS - 1)))
    return softmax(heights.astype(np.float64)), truth


numbers = st.integers(2, 30).flatmap(
    lambda n: st.tuples(*2 * [arrays.arrays(np.float64, n, elements=st.floats(-5, 5).map(lambda x: round(x, 3)))])
)


@given(case=answers())
def test_weighted_f1_is_that_of_scikit_learn(case: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, truth = case
    predicted = probabilities.argmax(axis=1)
    expected = sk.f1_score(truth, predicted, average="weighted", zero_division=0)
    assert weighted_f1(confusion(truth, predicted, LABELS)) == pytest.approx(expected)


@given(case=answers())
def test_unweighted_accuracy_is_that_of_audmetric(case: tuple[np.ndarray, np.ndarray]) -> None:
    """Audmetric gives a label that no item has a recall of 0, so the labels are those that items have."""
    probabilities, truth = case
    predicted = probabilities.argmax(axis=1)
    present = sorted(set(truth.tolist()))
    expected = np.mean([audmetric.recall_per_class(truth, predicted, labels=range(LABELS))[each] for each in present])
    assert unweighted_accuracy(confusion(truth, predicted, LABELS)) == pytest.approx(expected)
    if len(present) == LABELS:
        expected = audmetric.unweighted_average_recall(truth, predicted)
        assert unweighted_accuracy(confusion(truth, predicted, LABELS)) == pytest.approx(expected)


@given(case=answers())
def test_brier_score_is_that_of_scikit_learn_and_the_formula(case: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, truth = case
    slow = sum(
        (probability - (label == right)) ** 2
        for row, right in zip(probabilities, truth, strict=True)
        for label, probability in enumerate(row)
    ) / len(truth)
    assert brier_score(probabilities, truth) == pytest.approx(slow)
    two = probabilities[:, :2] / probabilities[:, :2].sum(axis=1, keepdims=True)
    binary = np.minimum(truth, 1)
    assert brier_score(two, binary) == pytest.approx(2 * sk.brier_score_loss(binary, two[:, 1], pos_label=1))


@given(case=answers())
def test_risk_coverage_is_the_definition_written_out(case: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, truth = case
    confidence, wrong = probabilities.max(axis=1), probabilities.argmax(axis=1) != truth
    risks = [wrong[confidence >= threshold].mean() for threshold in confidence]
    assert area_under_risk_coverage(probabilities, truth) == pytest.approx(np.mean(risks))
    curve = risk_coverage(probabilities, truth)
    assert curve.threshold.tolist() == sorted(set(confidence.tolist()), reverse=True)
    for threshold, coverage, risk in zip(curve.threshold, curve.coverage, curve.risk, strict=True):
        assert coverage == pytest.approx((confidence >= threshold).mean())
        assert risk == pytest.approx(wrong[confidence >= threshold].mean())
    assert curve.coverage[-1] == 1


def test_reliability_is_the_curve_of_scikit_learn(rng: np.random.Generator) -> None:
    probabilities, truth = softmax(rng.normal(0, 2, (500, LABELS))), rng.integers(0, LABELS, 500)
    table = reliability(probabilities, truth)
    hit = probabilities.argmax(axis=1) == truth
    accuracy, confidence = calibration_curve(hit, probabilities.max(axis=1), n_bins=BINS)
    filled = table.count > 0
    assert table.accuracy[filled] == pytest.approx(accuracy)
    assert table.confidence[filled] == pytest.approx(confidence)
    assert np.isnan(table.accuracy[~filled]).all()
    assert table.count.sum() == 500
    assert table.upper[-1] == 1
    weighted = np.abs(accuracy - confidence) @ table.count[filled] / 500
    assert expected_calibration_error(probabilities, truth) == pytest.approx(weighted)


@given(pair=numbers)
def test_dimensions_agree_with_audmetric(pair: tuple[np.ndarray, np.ndarray]) -> None:
    truth, predicted = pair
    if np.ptp(truth) > 0 or np.ptp(predicted) > 0:
        assert concordance_cc(truth, predicted) == pytest.approx(audmetric.concordance_cc(truth, predicted))
    if np.ptp(truth) > 0 and np.ptp(predicted) > 0:
        assert pearson_cc(truth, predicted) == pytest.approx(audmetric.pearson_cc(truth, predicted))
        assert pearson_cc(truth, predicted) == pytest.approx(stats.pearsonr(truth, predicted).statistic)
    assert root_mean_square_error(truth, predicted) == pytest.approx(
        math.sqrt(audmetric.mean_squared_error(truth, predicted)), abs=1e-9
    )


def test_concordance_is_the_formula_of_lin(rng: np.random.Generator) -> None:
    truth, predicted = rng.normal(0, 1, 50), rng.normal(1, 2, 50)
    correlation = np.corrcoef(truth, predicted)[0, 1]
    numerator = 2 * correlation * truth.std() * predicted.std()
    denominator = truth.var() + predicted.var() + (truth.mean() - predicted.mean()) ** 2
    assert concordance_cc(truth, predicted) == pytest.approx(numerator / denominator)


@given(freedom=st.integers(1, 60), t=st.floats(0, 20), level=st.floats(0.01, 0.999))
def test_students_t_is_that_of_scipy(freedom: int, t: float, level: float) -> None:
    assert within_t(t, freedom) == pytest.approx(1 - 2 * stats.t.sf(t, freedom), abs=1e-12)
    assert t_quantile(level, freedom) == pytest.approx(stats.t.ppf((1 + level) / 2, freedom), rel=1e-9)


def test_students_t_of_many_degrees_of_freedom_is_that_of_scipy() -> None:
    assert t_quantile(0.95, 4999) == pytest.approx(stats.t.ppf(0.975, 4999), rel=1e-9)


@given(only_a=st.integers(0, 60), only_b=st.integers(0, 60), both=st.integers(1, 5))
def test_mcnemar_is_scipys_binomial_test(only_a: int, only_b: int, both: int) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True] * both)
    b = np.array([False] * only_a + [True] * only_b + [True] * both)
    found = mcnemar(a, b)
    expected = stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert (found.only_a, found.only_b) == (only_a, only_b)
    assert found.p == pytest.approx(expected)


def test_mcnemar_of_thousands_is_scipys_binomial_test() -> None:
    a = np.arange(6000) < 2900
    assert mcnemar(a, ~a).p == pytest.approx(stats.binomtest(2900, 6000).pvalue)


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_definition_written_out(values: list[float]) -> None:
    """A hypothesis falls at a level if it and all with lower p do, each at the level over those that remain."""
    order = np.argsort(values, kind="stable")
    corrected = holm(values)
    for level in (0.01, 0.05, 0.3):
        falls = set()
        for rank, index in enumerate(order):
            if values[index] * (len(values) - rank) > level:
                break
            falls.add(int(index))
        assert {index for index, p in enumerate(corrected) if p <= level} == falls


@given(case=answers(), groups=st.integers(1, 5), seed=st.integers(0, 99))
def test_many_matrices_at_once_are_each_by_itself(case: tuple[np.ndarray, np.ndarray], groups: int, seed: int) -> None:
    probabilities, truth = case
    predicted = probabilities.argmax(axis=1)
    of_item = np.random.default_rng(seed).integers(groups, size=len(truth))
    counts = confusions(truth, predicted, LABELS, of_item, groups)
    for group in range(groups):
        inside = of_item == group
        expected = np.zeros((LABELS, LABELS))
        if inside.any():
            expected = sk.confusion_matrix(truth[inside], predicted[inside], labels=range(LABELS))
        assert np.array_equal(counts[group], expected)
        assert unweighted_accuracies(counts)[group] == pytest.approx(unweighted_accuracy(counts[group]), nan_ok=True)
