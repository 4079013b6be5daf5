"""Where a metric is not defined it is nan, never a number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from undertone.metrics.calibration import brier_score, reliability
from undertone.metrics.categorical import confusion, unweighted_accuracies, weighted_f1
from undertone.metrics.comparison import holm, mcnemar
from undertone.metrics.dimensional import concordance_cc, pearson_cc, root_mean_square_error
from undertone.metrics.selective import area_under_risk_coverage, risk_coverage
from undertone.metrics.uncertainty import cluster_bootstrap, group_items, paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = np.empty((0, 3)), np.empty(0, dtype=np.int64)


def test_no_items_give_nan() -> None:
    assert math.isnan(brier_score(*NOTHING))
    assert math.isnan(area_under_risk_coverage(*NOTHING))
    assert math.isnan(weighted_f1(confusion(NOTHING[1], NOTHING[1], 3)))
    assert math.isnan(mcnemar(np.empty(0, dtype=bool), np.empty(0, dtype=bool)).p)
    assert math.isnan(root_mean_square_error(np.empty(0), np.empty(0)))


def test_no_items_give_empty_tables() -> None:
    curve = risk_coverage(*NOTHING)
    assert len(curve.threshold) == len(curve.coverage) == len(curve.risk) == 0
    table = reliability(*NOTHING)
    assert table.count.sum() == 0
    assert np.isnan(table.accuracy).all()


def test_only_the_matrices_without_items_are_nan() -> None:
    counts = np.array([np.zeros((2, 2)), np.eye(2)])
    found = unweighted_accuracies(counts)
    assert math.isnan(found[0])
    assert found[1] == 1


@pytest.mark.parametrize("metric", [concordance_cc, pearson_cc])
def test_a_correlation_of_one_item_or_of_nan_is_nan(
    metric: Callable[[np.ndarray, np.ndarray], float],
) -> None:
    assert math.isnan(metric(np.empty(0), np.empty(0)))
    assert math.isnan(metric(np.ones(1), np.ones(1)))
    assert math.isnan(metric(np.array([1.0, np.nan, 2.0]), np.array([1.0, 2.0, 3.0])))


def test_correlations_of_constants() -> None:
    """Pearson's is 0/0 where either is constant; Lin's only where both are the same constant."""
    constant, other = np.full(7, 0.1), np.linspace(0, 1, 7)
    assert math.isnan(pearson_cc(constant, other))
    assert math.isnan(pearson_cc(other, constant))
    assert math.isnan(concordance_cc(constant, constant))
    assert concordance_cc(constant, other) == pytest.approx(0, abs=1e-12)
    assert concordance_cc(constant, constant + 1) == pytest.approx(0, abs=1e-12)


def test_one_group_has_no_interval(rng: np.random.Generator) -> None:
    found = paired_bootstrap(lambda weights: weights @ np.array([[0.25]]), 1, rng=rng)[0]
    assert found.value == 0.25
    assert all(math.isnan(number) for number in (found.low, found.high, found.p))
    alone = cluster_bootstrap(lambda weights: weights @ np.array([[0.25]]), 1, rng=rng)[0]
    assert alone.value == 0.25
    assert math.isnan(alone.low)


def test_a_statistic_that_no_draw_defines_has_no_interval(rng: np.random.Generator) -> None:
    found = paired_bootstrap(lambda weights: np.full((len(weights), 1), np.nan), 5, rng=rng)[0]
    assert all(math.isnan(number) for number in (found.value, found.low, found.high, found.p))


def test_holm_leaves_nan_and_does_not_count_it() -> None:
    corrected = holm([0.01, math.nan, 0.03])
    assert corrected[0] == 0.02
    assert math.isnan(corrected[1])
    assert corrected[2] == 0.03
    assert holm([]) == ()


def test_too_few_or_unknown_speakers_are_replaced_by_utterances() -> None:
    items = ("x/1", "x/2", "x/3", "x/3")
    assert group_items("aabc", items).by == "speaker"
    assert group_items("aabc", items).count == 3
    for groups in (group_items("aabb", items), group_items("aabc", items, speakers_known=False)):
        assert (groups.by, groups.count) == ("utterance", 3)
        assert groups.of_item.tolist() == [0, 1, 2, 2]
