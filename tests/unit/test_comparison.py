"""Comparing two systems: that intervals hold what they promise, and that only what is comparable is compared."""

from __future__ import annotations

import dataclasses
import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.errors import ResultError
from undertone.experiments.compare import SHOWN, compare_all, compare_results
from undertone.experiments.scoring import arrange, groups_of, per_fold, score_result
from undertone.metrics.categorical import unweighted_accuracies
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import cluster_bootstrap, paired_bootstrap
from undertone.testing.results import make_result

if TYPE_CHECKING:
    from undertone.experiments.results import Prediction, Result

LABELS = 4
TRUE_DIFFERENCE = 0.04


def simulate(speakers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Confusion counts of two correlated systems by item, shape (item, label, label), and each item's speaker.

    How often a speaker's label is recognised varies around 0.62 for one system and 0.66 for the other, evenly, so the
    true difference of UA is 0.04. Some of that variation, and 6 of 10 answers, the systems share; some speakers suit
    one system better. Speakers have 12 to 72 utterances.
    """
    sizes = rng.integers(12, 73, speakers)
    speaker = np.repeat(np.arange(speakers), sizes)
    truth = np.concatenate([np.arange(size) % LABELS for size in sizes])
    shared = rng.uniform(-0.1, 0.1, (speakers, LABELS))
    luck = rng.random(len(truth))
    systems = []
    for recall, chance in ((0.62, luck), (0.66, np.where(rng.random(len(truth)) < 0.6, luck, rng.random(len(truth))))):
        own = rng.uniform(-0.12, 0.12, (speakers, 1)) + rng.uniform(-0.05, 0.05, (speakers, LABELS))
        right = chance < (recall + shared + own)[speaker, truth]
        answer = np.where(right, truth, (truth + rng.integers(1, LABELS, len(truth))) % LABELS)
        counts = np.zeros((len(truth), LABELS, LABELS))
        counts[np.arange(len(truth)), truth, answer] = 1
        systems.append(counts)
    return np.stack(systems, axis=1), speaker


def interval_over(counts: np.ndarray, groups: np.ndarray, rng: np.random.Generator, draws: int):
    """The paired interval of the difference of UA, from counts by item that are summed by group first."""
    number = int(groups.max()) + 1
    summed = np.zeros((number, *counts.shape[1:]))
    np.add.at(summed, groups, counts)

    def difference(weights: np.ndarray) -> np.ndarray:
        drawn = (weights @ summed.reshape(number, -1)).reshape(-1, 2, LABELS, LABELS)
        return (unweighted_accuracies(drawn[:, 1]) - unweighted_accuracies(drawn[:, 0]))[:, None]

    return paired_bootstrap(difference, number, draws=draws, rng=rng)[0]


@pytest.mark.parametrize("speakers", [4, 10, 24])
def test_the_paired_interval_covers_the_true_difference_at_its_rate(speakers: int, rng: np.random.Generator) -> None:
    """95 % of 600 intervals, with room for three standard errors; and p is uniform enough to be believed at 5 %."""
    covered = 0
    for _ in range(600):
        counts, speaker = simulate(speakers, rng)
        found = interval_over(counts, speaker, rng, draws=300)
        covered += found.low <= TRUE_DIFFERENCE <= found.high
    assert 0.923 <= covered / 600 <= 0.977


def test_an_interval_over_utterances_covers_too_rarely(rng: np.random.Generator) -> None:
    """What is measured again and again in one person is not many people: this is why speakers are redrawn."""
    covered = 0
    for _ in range(80):
        counts, _ = simulate(10, rng)
        found = interval_over(counts, np.arange(len(counts)), rng, draws=100)
        covered += found.low <= TRUE_DIFFERENCE <= found.high
    assert covered / 80 < 0.87


@given(
    values=st.lists(st.floats(-1, 1), min_size=3, max_size=20),
    shift=st.floats(-1, 1),
    seed=st.integers(0, 999),
)
@settings(deadline=None)
def test_p_and_interval_say_the_same(values: list[float], shift: float, seed: int) -> None:
    column = np.array(values)[:, None] + shift
    found = paired_bootstrap(
        lambda weights: weights @ column / len(values), len(values), draws=400, rng=np.random.default_rng(seed)
    )[0]
    assert 1 / 401 <= found.p <= 1
    if abs(found.p - 0.05) > 1e-6 and 0 not in (found.low, found.high):
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)


def test_p_of_a_mean_over_speakers_is_that_of_the_paired_t_test(rng: np.random.Generator) -> None:
    from scipy import stats

    values = rng.normal(0.3, 1, 12)
    found = paired_bootstrap(lambda weights: weights @ values[:, None] / 12, 12, draws=50_000, rng=rng)[0]
    expected = stats.ttest_1samp(values, 0)
    assert found.p == pytest.approx(expected.pvalue, rel=0.05)
    low, high = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02)


def test_a_difference_that_never_varies_is_as_sure_as_draws_can_tell(rng: np.random.Generator) -> None:
    found = paired_bootstrap(lambda weights: np.full((len(weights), 2), [0.5, 0.0]), 5, draws=99, rng=rng)
    assert (found[0].low, found[0].high, found[0].p) == (0.5, 0.5, 0.01)
    assert found[1].p == 1


def test_draws_in_pieces_are_the_same_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(30.0)[:, None]
    found = []
    for cells in (4_000_000, 100):
        monkeypatch.setattr("undertone.metrics.uncertainty.CELLS", cells)
        rng = np.random.default_rng(0)
        found.append(cluster_bootstrap(lambda weights: weights @ values, 30, draws=50, rng=rng))
    assert found[0] == found[1]


# Scoring


def test_scores_are_pooled_over_folds_and_the_mean_over_seeds() -> None:
    result = make_result(seeds=(0, 1), speakers=5)
    expected = []
    for seed in (0, 1):
        rows = [item for item in result.predictions if item.seed == seed]
        truth = np.array([result.labels.index(item.truth) for item in rows])
        expected.append(METRICS["UA"].function(np.array([item.probabilities for item in rows]), truth))
    assert expected[0] != expected[1]
    assert result.scores["UA"].value == pytest.approx(np.mean(expected))
    assert list(result.scores) == list(METRICS)


def test_intervals_hold_their_values_and_end_where_the_scale_ends() -> None:
    scores = make_result(accuracy=0.97, speakers=3).scores
    for name, score in scores.items():
        assert METRICS[name].lowest <= score.low <= score.value <= score.high <= METRICS[name].highest
    assert scores["WA"].high == 1
    alone = make_result(speakers=1, per_speaker=1).scores["WA"]
    assert (alone.low, alone.high) == (0, 1)


def test_the_order_of_predictions_does_not_matter(rng: np.random.Generator) -> None:
    result = make_result(seeds=(0, 1))
    mixed = [result.predictions[index] for index in rng.permutation(len(result.predictions))]
    assert score_result(result.labels, mixed, np.random.default_rng(0)) == result.scores


def test_every_metric_of_thousands_of_predictions_takes_seconds() -> None:
    result = make_result(speakers=24, per_speaker=188, seeds=(0, 1, 2))
    start = time.process_time()
    score_result(result.labels, result.predictions, np.random.default_rng(0))
    assert time.process_time() - start < 4


def test_folds_are_scored_one_by_one() -> None:
    result = make_result(seeds=(0, 1), speakers=6)
    expected = []
    for fold in (1, 2, 3):
        rows = [item for item in result.predictions if item.fold == fold]
        expected.append(np.mean([result.labels[int(np.argmax(item.probabilities))] == item.truth for item in rows]))
    found = per_fold(result.labels, result.predictions)
    assert found["WA"].mean == pytest.approx(np.mean(expected))
    assert found["WA"].deviation == pytest.approx(np.std(expected, ddof=1))
    assert found["WA"].folds == 3
    assert list(found) == list(METRICS)
    first = [item for item in result.predictions if item.fold == 1]
    assert math.isnan(per_fold(result.labels, first, ["UA"])["UA"].deviation)


def test_speakers_of_one_name_in_two_corpora_are_two() -> None:
    result = make_result(speakers=3)
    twice = [
        dataclasses.replace(item, id=item.id.replace("made", corpus))
        for corpus in ("one", "other")
        for item in result.predictions
    ]
    assert groups_of(arrange(result.labels, twice)).count == 6


def change(result: Result, index: int, **fields: object) -> tuple[Prediction, ...]:
    rows = list(result.predictions)
    rows[index] = dataclasses.replace(rows[index], **fields)
    return tuple(rows)


def test_predictions_that_cannot_be_scored_are_refused() -> None:
    result = make_result(seeds=(0, 1))
    first = result.predictions[0].id
    with pytest.raises(ResultError, match="predictions: there are none; run the experiment again"):
        arrange(result.labels, ())
    with pytest.raises(ResultError, match=f"fold 1 with seed 0 tested {first} twice"):
        arrange(result.labels, (*result.predictions, result.predictions[0]))
    with pytest.raises(ResultError, match=f"seeds 0 and 1 tested different utterances, 1 of them, the first {first}"):
        arrange(result.labels, result.predictions[1:])
    with pytest.raises(ResultError, match=f"the truth of {first} is glad; the labels are neutral, happy, sad, angry"):
        arrange(result.labels, change(result, 0, truth="glad"))


# Comparing results


def test_a_result_does_not_differ_from_itself(rng: np.random.Generator) -> None:
    found = compare_results(make_result(), make_result(name="twin"), rng, draws=200)
    for each in found.changes:
        assert (each.difference.value, each.difference.low, each.difference.high) == (0, 0, 0)
        assert each.difference.p == each.corrected_p == 1
    assert (found.mcnemar.only_a, found.mcnemar.only_b, found.mcnemar.p) == (0, 0, 1)


def test_a_comparison_says_what_was_compared(rng: np.random.Generator) -> None:
    a = make_result(name="a", accuracy=0.55, speakers=12, per_speaker=40)
    b = make_result(name="b", accuracy=0.8, speakers=12, per_speaker=40, seed=1, seeds=(0, 1, 2))
    found = compare_results(a, b, rng)
    assert (found.first, found.second, found.protocol, found.hash) == ("a", "b", "made/drawn", a.protocol.hash)
    assert (found.stamp, found.by, found.warnings) == ("speaker-disjoint", "speaker", ())
    assert (found.utterances, found.speakers, found.seeds) == (480, 12, (1, 3))
    assert [each.metric for each in found.changes] == list(SHOWN)
    for each in found.changes:
        assert each.first == pytest.approx(a.scores[each.metric].value)
        assert each.second == pytest.approx(b.scores[each.metric].value)
        assert each.difference.value == pytest.approx(each.second - each.first)
        assert 0 < each.difference.low < each.difference.value < each.difference.high
        assert each.difference.p <= each.corrected_p < 0.05
    assert found.mcnemar.only_b > found.mcnemar.only_a
    assert found.mcnemar.p < 0.001


def test_turning_a_comparison_round_turns_its_signs() -> None:
    a, b = make_result(name="a"), make_result(name="b", seed=1)
    there = compare_results(a, b, np.random.default_rng(0), draws=500)
    back = compare_results(b, a, np.random.default_rng(0), draws=500)
    for one, other in zip(there.changes, back.changes, strict=True):
        assert one.difference.value == -other.difference.value
        assert one.difference.low == pytest.approx(-other.difference.high)
        assert one.difference.p == pytest.approx(other.difference.p)
    assert there.mcnemar.p == back.mcnemar.p


def test_every_metric_can_be_compared(rng: np.random.Generator) -> None:
    found = compare_results(make_result(), make_result(seed=1), rng, metrics=tuple(METRICS), draws=200)
    assert [each.metric for each in found.changes] == list(METRICS)
    assert all(each.difference.low <= each.difference.high for each in found.changes)


def test_p_is_corrected_over_the_whole_table(rng: np.random.Generator) -> None:
    results = [make_result(name=name, seed=number) for number, name in enumerate("abcd")]
    found = compare_all(results, rng, draws=500)
    assert [(each.first, each.second) for each in found] == [("a", "b"), ("a", "c"), ("a", "d")]
    cells = [change for each in found for change in each.changes]
    least = min(cells, key=lambda cell: cell.difference.p)
    assert least.corrected_p == pytest.approx(min(1, len(cells) * least.difference.p))
    assert all(cell.corrected_p >= cell.difference.p for cell in cells)


def test_random_weights_few_speakers_and_shared_ones_are_said(rng: np.random.Generator) -> None:
    a = dataclasses.replace(make_result(name="a", speakers=2, shared_speakers=1), weights="random")
    b = make_result(name="b", speakers=2, shared_speakers=1, seed=1)
    found = compare_results(a, b, rng, draws=100)
    assert (found.stamp, found.by, found.speakers) == ("speaker-dependent", "utterance", 2)
    assert found.warnings == (
        "a heard through random weights: its numbers are no accuracy of anything",
        "speakers are fewer than three: utterances are redrawn, and the intervals are optimistic",
        "speaker-dependent: test speakers were heard in training",
    )


def test_unknown_speakers_are_not_redrawn(rng: np.random.Generator) -> None:
    a, b = make_result(), make_result(seed=1)
    unknown = dataclasses.replace(a.protocol, speakers_known=False)
    a, b = dataclasses.replace(a, protocol=unknown), dataclasses.replace(b, protocol=unknown, corpus_hash="else")
    found = compare_results(a, b, rng, draws=100)
    assert (found.stamp, found.by, found.speakers) == ("speakers unknown", "utterance", None)
    assert found.warnings == (
        "nobody knows who speaks: utterances are redrawn, and the intervals are optimistic",
        "the corpora's files differ: some durations or labels are not the same",
    )


def test_json_has_no_nan(rng: np.random.Generator) -> None:
    a = make_result(speakers=1, per_speaker=1)
    found = compare_results(a, a, rng, draws=10)
    assert math.isnan(found.changes[0].difference.low)
    assert found.as_json()["changes"][0]["difference"]["low"] is None
    assert found.as_json()["seeds"] == [1, 1]


def test_only_results_of_one_protocol_are_compared(rng: np.random.Generator) -> None:
    a, other = make_result(name="a"), make_result(name="b", speakers=7)
    hashes = (
        rf"a and b: their protocols differ: made/drawn \({a.protocol.hash}\) and made/drawn \({other.protocol.hash}\)"
    )
    with pytest.raises(ResultError, match=hashes):
        compare_results(a, other, rng)


def test_only_the_same_questions_are_compared(rng: np.random.Generator) -> None:
    a, b = make_result(name="a"), make_result(name="b", seed=1)
    first = a.predictions[0].id
    turned = dataclasses.replace(b, labels=("happy", "neutral", "sad", "angry"))
    with pytest.raises(ResultError, match="a and b: their labels differ: neutral, happy, sad, angry and happy, neu"):
        compare_results(a, turned, rng)
    with pytest.raises(ResultError, match=f"tested different utterances, 1 of them, the first {first} of fold 1"):
        compare_results(a, dataclasses.replace(b, predictions=b.predictions[1:]), rng)
    told = dataclasses.replace(b, predictions=change(b, 0, truth="sad"))
    with pytest.raises(ResultError, match=f"truth differs for 1 utterances, the first {first}: neutral and sad."):
        compare_results(a, told, rng)
    with pytest.raises(ResultError, match="there is no metric UAR; choose among WA, UA, macro-F1"):
        compare_results(a, b, rng, metrics=("UAR",))


# Made results


@pytest.mark.parametrize("labels", [("sad", "angry"), ("neutral", "happy", "sad", "angry", "fearful")])
def test_made_results_have_the_accuracy_that_was_asked_for(labels: tuple[str, ...]) -> None:
    result = make_result(accuracy=0.7, speakers=40, per_speaker=60, labels=labels)
    assert result.scores["WA"].value == pytest.approx(0.7, abs=0.04)
    for item in result.predictions:
        assert sum(item.probabilities) == pytest.approx(1)
        assert min(item.probabilities) >= 0
    assert result.scores["AURC"].value < 1 - result.scores["WA"].value  # the certain ones are right more often


def test_made_results_have_curves_and_stamps_where_asked_for() -> None:
    plain, full = make_result(), make_result(shared_speakers=1, with_history=True)
    assert (plain.protocol.stamp, full.protocol.stamp) == ("speaker-disjoint", "speaker-dependent")
    assert all(not fit.history for fit in plain.fits)
    assert all(fit.history[-1]["validation_ua"] > fit.history[0]["validation_ua"] for fit in full.fits)
