"""Scoring a result's predictions: pooled over folds, mean over seeds, intervals over speakers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.errors import ResultError
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import Estimate, Groups, cluster_bootstrap, group_items

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.experiments.results import Prediction
    from undertone.metrics.registry import Metric


@dataclass(frozen=True, kw_only=True, eq=False)
class Scored:
    """A result's predictions as arrays: the test parts of all folds together, once for each seed."""

    ids: tuple[str, ...]
    speakers: tuple[str, ...]
    """With the corpus's name, so that two corpora's speakers stay two."""
    folds: NDArray[np.int64]
    """Shape (item,)."""
    truth: NDArray[np.int64]
    """Indices of labels, shape (item,)."""
    probabilities: Mapping[int, NDArray[np.float64]]
    """By seed, shape (item, label)."""

    @property
    def mean_probabilities(self) -> NDArray[np.float64]:
        """Over seeds, shape (item, label)."""
        return np.mean(list(self.probabilities.values()), axis=0)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How a number varies over folds."""

    mean: float
    deviation: float
    """Standard deviation over folds, with n-1; nan for one fold."""
    folds: int


def arrange(labels: Sequence[str], predictions: Iterable[Prediction]) -> Scored:
    """Sort predictions by seed, each seed's by fold and id.

    Raises:
        ResultError: if there are none, one is there twice, a truth is none of the labels, or the seeds have not tested
            the same utterances.
    """
    by_seed: dict[int, dict[tuple[int, str], Prediction]] = {}
    for item in predictions:
        tested = by_seed.setdefault(item.seed, {})
        if (item.fold, item.id) in tested:
            raise ResultError(
                "predictions",
                f"fold {item.fold} with seed {item.seed} tested {item.id} twice; run the experiment again",
            )
        tested[item.fold, item.id] = item
    if not by_seed:
        raise ResultError("predictions", "there are none; run the experiment again")
    first, *others = sorted(by_seed)
    keys = sorted(by_seed[first])
    for seed in others:
        odd = sorted(by_seed[seed].keys() ^ by_seed[first].keys())
        if odd:
            raise ResultError(
                "predictions",
                f"seeds {first} and {seed} tested different utterances, {len(odd)} of them, the first {odd[0][1]} of "
                f"fold {odd[0][0]}; run the experiment again",
            )
    rows = [by_seed[first][key] for key in keys]
    unknown = next((item for item in rows if item.truth not in labels), None)
    if unknown:
        raise ResultError(
            "predictions",
            f"the truth of {unknown.id} is {unknown.truth}; the labels are {', '.join(labels)}. "
            "Run the experiment again",
        )
    index = {label: number for number, label in enumerate(labels)}
    return Scored(
        ids=tuple(item.id for item in rows),
        speakers=tuple(f"{item.id.partition('/')[0]}/{item.speaker}" for item in rows),
        folds=np.array([item.fold for item in rows], dtype=np.int64),
        truth=np.array([index[item.truth] for item in rows], dtype=np.int64),
        probabilities={
            seed: np.array([by_seed[seed][key].probabilities for key in keys], dtype=np.float64)
            for seed in (first, *others)
        },
    )


def weigh_seeds(
    scored: Scored, metrics: Sequence[Metric], groups: Groups, weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Metrics for each way of weighing the groups, mean over seeds, shape (draw, metric)."""
    seeds = [
        [metric.weigh(probabilities, scored.truth, groups.of_item, weights) for metric in metrics]
        for probabilities in scored.probabilities.values()
    ]
    return np.mean(seeds, axis=0).T


def score_result(
    labels: Sequence[str],
    predictions: Iterable[Prediction],
    rng: np.random.Generator,
    *,
    draws: int = 1000,
    speakers_known: bool = True,
) -> dict[str, Estimate]:
    """Score predictions by every metric: of all folds' test parts together, mean over seeds.

    The 95 % intervals are over redrawn speakers, the same for all seeds: t with a bootstrap standard error
    (`paired_bootstrap` says how and why), cut off where the metric's scale ends. With fewer than three speakers, or
    unknown ones, utterances are redrawn: `groups_of` says which. Of one utterance the interval is the whole scale. What
    the choice of seeds adds is not in the intervals.

    Args:
        labels: in the order of the probabilities.
        predictions: of all folds and seeds.
        rng: source of the draws.
        draws: how many times to redraw.
        speakers_known: False where the corpus does not say who speaks.

    Raises:
        ResultError: as `arrange`.
    """
    scored = arrange(labels, predictions)
    groups = groups_of(scored, speakers_known=speakers_known)
    metrics = tuple(METRICS.values())
    found = cluster_bootstrap(
        lambda weights: weigh_seeds(scored, metrics, groups, weights), groups.count, draws=draws, rng=rng
    )
    # fmax and fmin pass over nan: where nothing was redrawn, the number could be anywhere on its scale.
    return {
        metric.name: Estimate(
            value=each.value,
            low=float(np.fmax(each.low, metric.lowest)),
            high=float(np.fmin(each.high, metric.highest)),
        )
        for metric, each in zip(metrics, found, strict=True)
    }


def groups_of(scored: Scored, *, speakers_known: bool = True) -> Groups:
    """What intervals over these predictions redraw: speakers, or utterances where speakers are few or unknown."""
    return group_items(scored.speakers, scored.ids, speakers_known=speakers_known)


def per_fold(
    labels: Sequence[str], predictions: Iterable[Prediction], metrics: Iterable[str] = METRICS
) -> dict[str, Spread]:
    """Score each fold by itself, mean over seeds, and say how the folds vary.

    Args:
        labels: in the order of the probabilities.
        predictions: of all folds and seeds.
        metrics: names.

    Raises:
        ResultError: as `arrange`.
    """
    scored = arrange(labels, predictions)
    wanted = [METRICS[name] for name in metrics]
    count = len(np.unique(scored.folds))
    groups = Groups(of_item=np.unique(scored.folds, return_inverse=True)[1], count=count, by="utterance")
    found = weigh_seeds(scored, wanted, groups, np.eye(count))
    return {
        metric.name: Spread(
            mean=float(column.mean()),
            deviation=float(column.std(ddof=1)) if count > 1 else float("nan"),
            folds=count,
        )
        for metric, column in zip(wanted, found.T, strict=True)
    }
