"""What every metric of the table promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pages import REFERENCE, rows, section

from undertone.metrics.calibration import softmax
from undertone.metrics.registry import METRICS, Metric

every_metric = pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)

LABELS = 4


def drawn(rng: np.random.Generator, items: int = 60) -> tuple[np.ndarray, np.ndarray]:
    return softmax(rng.normal(0, 2, (items, LABELS))), rng.integers(0, LABELS, items)


@every_metric
def test_its_name_is_its_key_and_it_says_what_is_better(metric: Metric) -> None:
    assert METRICS[metric.name] is metric
    assert metric.title
    assert metric.better in {"higher", "lower"}


@every_metric
def test_right_and_certain_is_the_best_there_is(metric: Metric) -> None:
    truth = np.arange(12) % LABELS
    best = metric.highest if metric.better == "higher" else metric.lowest
    assert metric.function(np.eye(LABELS)[truth], truth) == pytest.approx(best, abs=1e-12)


@every_metric
def test_wrong_and_certain_is_the_worst_there_is(metric: Metric) -> None:
    truth = np.arange(12) % LABELS
    worst = metric.lowest if metric.better == "higher" else metric.highest
    assert metric.function(np.eye(LABELS)[(truth + 1) % LABELS], truth) == pytest.approx(worst)


@every_metric
def test_no_items_give_nan_and_never_a_number(metric: Metric) -> None:
    assert math.isnan(metric.function(np.empty((0, LABELS)), np.empty(0, dtype=np.int64)))


@every_metric
def test_a_draw_without_items_is_nan_and_leaves_the_others_alone(metric: Metric, rng: np.random.Generator) -> None:
    probabilities, truth = drawn(rng)
    nothing, once = metric.weigh(probabilities, truth, np.zeros(60, dtype=np.int64), np.array([[0.0], [1.0]]))
    assert math.isnan(nothing)
    assert once == metric.function(probabilities, truth)


@every_metric
def test_it_stays_in_its_range(metric: Metric, rng: np.random.Generator) -> None:
    for items in (1, 2, 5, 60):
        assert metric.lowest <= metric.function(*drawn(rng, items)) <= metric.highest


@every_metric
def test_the_order_of_items_does_not_matter_even_where_they_tie(metric: Metric, rng: np.random.Generator) -> None:
    truth = rng.integers(0, LABELS, 200)
    probabilities = softmax(rng.integers(0, 3, (200, LABELS)).astype(np.float64))
    order = rng.permutation(200)
    expected = metric.function(probabilities, truth)
    assert metric.function(probabilities[order], truth[order]) == pytest.approx(expected, rel=1e-12)


@every_metric
def test_the_order_of_labels_does_not_matter(metric: Metric, rng: np.random.Generator) -> None:
    probabilities, truth = drawn(rng)
    order = rng.permutation(LABELS)
    expected = metric.function(probabilities, truth)
    assert metric.function(probabilities[:, order], np.argsort(order)[truth]) == pytest.approx(expected)


@every_metric
def test_weighing_groups_is_the_same_as_repeating_their_items(metric: Metric, rng: np.random.Generator) -> None:
    probabilities, truth = drawn(rng)
    groups = rng.integers(0, 5, 60)
    weights = rng.integers(0, 4, (8, 5))
    found = metric.weigh(probabilities, truth, groups, weights.astype(np.float64))
    for draw, counted in enumerate(weights):
        items = np.repeat(np.arange(60), counted[groups])
        assert found[draw] == pytest.approx(metric.function(probabilities[items], truth[items]), nan_ok=True)


@every_metric
def test_a_better_system_scores_better(metric: Metric, rng: np.random.Generator) -> None:
    """Scores with the truth raised by 3 against the same raised by 1, where probabilities are those of the draw."""
    logits = rng.normal(0, 1, (2000, LABELS))
    truth = rng.integers(0, LABELS, 2000)
    weak, strong = (logits + height * np.eye(LABELS)[truth] for height in (1.0, 3.0))
    # The height that was added is also what makes the scores log-probabilities: both systems are calibrated.
    scores = [metric.function(softmax(each, 1 / height), truth) for each, height in ((weak, 1.0), (strong, 3.0))]
    if metric.name == "ECE":
        assert max(scores) < 0.05
    else:
        assert (scores[1] > scores[0]) == (metric.better == "higher")


@every_metric
def test_its_reference_is_true(metric: Metric) -> None:
    page = REFERENCE / "metrics.md"
    row = next(cells for cells in rows(section(page, "Of labels and probabilities")) if cells[0] == f"`{metric.name}`")
    assert row[1:3] == [metric.better, f"{metric.lowest:g} to {metric.highest:.3g}"]
    assert f"`{metric.name}`" in section(REFERENCE / "cli.md", "undertone compare")
