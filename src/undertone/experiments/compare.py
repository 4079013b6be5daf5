"""Comparing results in pairs: the same test utterances, the same redrawn speakers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from undertone.errors import ResultError
from undertone.experiments.scoring import arrange, groups_of, weigh_seeds
from undertone.metrics.comparison import McNemar, holm, mcnemar
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import Difference, paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.experiments.results import Result
    from undertone.experiments.scoring import Scored

SHOWN: Final = ("WA", "UA", "macro-F1")
"""The metrics of a table unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """By how much a metric differs: the second result minus the first."""

    metric: str
    first: float
    second: float
    difference: Difference
    corrected_p: float
    """Holm's, over all pairs and metrics of the table."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two results on one protocol. Differences are the second's minus the first's."""

    first: str
    second: str
    """The results' names."""
    protocol: str
    hash: str
    stamp: str
    """Whether speakers were shared: what must stand beside every number."""
    changes: tuple[Change, ...]
    mcnemar: McNemar
    """On the mean of the probabilities over seeds; it takes utterances as independent."""
    utterances: int
    speakers: int | None
    """None where the corpus does not say who speaks."""
    seeds: tuple[int, int]
    """How many each result has."""
    by: Literal["speaker", "utterance"]
    """What the intervals redraw; by utterance they are optimistic."""
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values; a number that is not defined is None."""
        table: dict[str, Any] = _plain(asdict(self))
        return table


def compare_results(
    first: Result,
    second: Result,
    rng: np.random.Generator,
    *,
    metrics: Sequence[str] = SHOWN,
    draws: int = 10_000,
) -> Comparison:
    """Compare two results of one protocol.

    Each metric is the mean over a result's seeds. Speakers are redrawn, the same for both results and all seeds
    (`undertone.metrics.uncertainty.paired_bootstrap`).

    Args:
        first: the baseline.
        second: what is compared with it.
        rng: source of the draws.
        metrics: names in `METRICS`.
        draws: how many times to redraw.

    Raises:
        ResultError: if the protocols, the labels, the test utterances or their truths differ, or a metric is unknown.
    """
    return compare_all((first, second), rng, metrics=metrics, draws=draws)[0]


def compare_all(
    results: Sequence[Result], rng: np.random.Generator, *, metrics: Sequence[str] = SHOWN, draws: int = 10_000
) -> tuple[Comparison, ...]:
    """Compare the first result with each of the others; p values are corrected over the whole table.

    Args:
        results: two or more; the first is the baseline.
        rng: source of the draws.
        metrics: names in `METRICS`.
        draws: how many times to redraw.

    Raises:
        ResultError: as `compare_results`.
    """
    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise ResultError("metrics", f"there is no metric {unknown[0]}; choose among {', '.join(METRICS)}")
    baseline, *others = results
    arranged = [arrange(result.labels, result.predictions) for result in results]
    for result, scored in zip(others, arranged[1:], strict=True):
        require_one_test(baseline, arranged[0], result, scored)
    pairs = [
        (result, scored, _differences(arranged[0], scored, baseline, rng, metrics, draws))
        for result, scored in zip(others, arranged[1:], strict=True)
    ]
    corrected = iter(holm([each.p for _, _, differences in pairs for each in differences]))
    return tuple(
        _comparison(baseline, arranged[0], result, scored, dict(zip(metrics, differences, strict=True)), corrected)
        for result, scored, differences in pairs
    )


def require_one_test(a: Result, scored_a: Scored, b: Result, scored_b: Scored) -> None:
    """Refuse two results that did not answer the same questions."""
    who = f"{a.name} and {b.name}"
    if a.protocol.hash != b.protocol.hash:
        raise ResultError(
            who,
            f"their protocols differ: {a.protocol.name} ({a.protocol.hash}) and {b.protocol.name} ({b.protocol.hash}). "
            "Only results of one protocol can be compared; run one of them anew on the other's",
        )
    if a.labels != b.labels:
        raise ResultError(
            who, f"their labels differ: {', '.join(a.labels)} and {', '.join(b.labels)}. Run one of them anew"
        )
    keys_a = list(zip(scored_a.folds.tolist(), scored_a.ids, strict=True))
    keys_b = list(zip(scored_b.folds.tolist(), scored_b.ids, strict=True))
    odd = sorted(set(keys_a) ^ set(keys_b))
    if odd:
        raise ResultError(
            who,
            f"they tested different utterances, {len(odd)} of them, the first {odd[0][1]} of fold {odd[0][0]}; "
            "run one of them anew with the other's exclusions",
        )
    others = np.flatnonzero(scored_a.truth != scored_b.truth)
    if len(others):
        at = int(others[0])
        raise ResultError(
            who,
            f"the truth differs for {len(others)} utterances, the first {scored_a.ids[at]}: "
            f"{a.labels[scored_a.truth[at]]} and {b.labels[scored_b.truth[at]]}. Run one of them anew",
        )


def _differences(
    a: Scored, b: Scored, baseline: Result, rng: np.random.Generator, metrics: Sequence[str], draws: int
) -> tuple[Difference, ...]:
    wanted = [METRICS[name] for name in metrics]
    groups = groups_of(a, speakers_known=baseline.protocol.speakers_known)
    return paired_bootstrap(
        lambda weights: weigh_seeds(b, wanted, groups, weights) - weigh_seeds(a, wanted, groups, weights),
        groups.count,
        draws=draws,
        rng=rng,
    )


def _comparison(
    a: Result,
    scored_a: Scored,
    b: Result,
    scored_b: Scored,
    differences: dict[str, Difference],
    corrected: Iterable[float],
) -> Comparison:
    groups = groups_of(scored_a, speakers_known=a.protocol.speakers_known)
    remaining = iter(corrected)
    right = [scored.mean_probabilities.argmax(axis=1) == scored.truth for scored in (scored_a, scored_b)]
    return Comparison(
        first=a.name,
        second=b.name,
        protocol=a.protocol.name,
        hash=a.protocol.hash,
        stamp=a.protocol.stamp,
        changes=tuple(
            Change(
                metric=name,
                first=_mean(scored_a, name),
                second=_mean(scored_b, name),
                difference=difference,
                corrected_p=next(remaining),
            )
            for name, difference in differences.items()
        ),
        mcnemar=mcnemar(*right),
        utterances=len(scored_a.ids),
        speakers=len(set(scored_a.speakers)) if a.protocol.speakers_known else None,
        seeds=(len(scored_a.probabilities), len(scored_b.probabilities)),
        by=groups.by,
        warnings=_warnings(a, b, groups.by),
    )


def _mean(scored: Scored, name: str) -> float:
    values = [METRICS[name].function(each, scored.truth) for each in scored.probabilities.values()]
    return float(np.mean(values))


def _warnings(a: Result, b: Result, by: str) -> tuple[str, ...]:
    warnings = [
        f"{result.name} heard through random weights: its numbers are no accuracy of anything"
        for result in (a, b)
        if result.weights == "random"
    ]
    if by == "utterance":
        why = "speakers are fewer than three" if a.protocol.speakers_known else "nobody knows who speaks"
        warnings.append(f"{why}: utterances are redrawn, and the intervals are optimistic")
    if a.protocol.stamp == "speaker-dependent":
        warnings.append("speaker-dependent: test speakers were heard in training")
    if a.corpus_hash != b.corpus_hash:
        warnings.append("the corpora's files differ: some durations or labels are not the same")
    return tuple(warnings)


def _plain(value: Any) -> Any:  # noqa: ANN401  whatever a record holds
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
