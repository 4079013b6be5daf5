"""Late fusion: the mean of what several runs say of an utterance.

Late fusion of models of speech, of text and of both is part of multi-level fusion (arXiv 2207.04697); that it is the
mean of probabilities, each weighing the same, is inferred. The mean over seeds of one run is its control: an ensemble
that knows nothing more.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.encoders.registry import JOIN
from undertone.errors import ResultError
from undertone.experiments.crossval import flat_settings
from undertone.experiments.scoring import score_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.experiments.results import Prediction, Result

NAME: Final = "late-fusion"
"""Stands where results name their learner."""


@dataclass(frozen=True, kw_only=True)
class LateFusion:
    """Which runs are fused."""

    runs: tuple[str, ...]
    over_seeds: bool = False
    """Whether all seeds are fused, too, into one answer; otherwise each seed with the same seed of the others."""


def fused(results: Sequence[Result], how: LateFusion) -> Result:
    """Take the mean of the probabilities of results of one protocol.

    A run that has one seed only counts with it for every seed of the others.

    Args:
        results: in the order of `how.runs`.
        how: the settings, which stand in the result.

    Returns:
        A result with new predictions and scores and the first one's stamp.

    Raises:
        ResultError: if they have not tested the same utterances on the same protocol, or their seeds differ.
    """
    first = results[0]
    for other in results[1:]:
        if (other.protocol.hash, other.labels, other.corpus_hash) != (
            first.protocol.hash,
            first.labels,
            first.corpus_hash,
        ):
            raise ResultError(other.name, f"it is of another protocol or corpus than {first.name}; run both again")
    seeds = _seeds(results)
    told = [_by_place(result) for result in results]
    whole = all(
        each.keys() == told[0].keys() and all(len(rows) == len(result.seeds) for rows in each.values())
        for each, result in zip(told, results, strict=True)
    )
    if not whole:
        raise ResultError(first.name, "the results to be fused have not tested the same utterances; run them again")
    predictions = []
    for seed in seeds:
        for place, item in told[0].items():
            rows = [
                row
                for each in told
                for number, row in each[place].items()
                if how.over_seeds or number == seed or len(each[place]) == 1
            ]
            mean = np.mean([row.probabilities for row in rows], axis=0)
            some = next(iter(item.values()))
            predictions.append(replace(some, seed=seed, probabilities=_rounded(mean)))
        if how.over_seeds:
            break
    encoders = dict.fromkeys(result.encoder for result in results if result.encoder)
    return replace(
        first,
        learner=NAME,
        title="Late fusion: mean of probabilities",
        source="late fusion of multi-level fusion (arXiv 2207.04697); that it is an even mean is inferred",
        encoder=None,
        weights=JOIN.join(dict.fromkeys(result.weights for result in results)) if encoders else "none",
        seeds=seeds[:1] if how.over_seeds else seeds,
        settings=flat_settings(asdict(how)),
        seconds=0.0,
        scores=score_result(
            first.labels, predictions, np.random.default_rng(0), speakers_known=first.protocol.speakers_known
        ),
        fits=(),
        predictions=tuple(predictions),
        revision=None,
    )


def _seeds(results: Sequence[Result]) -> tuple[int, ...]:
    """The seeds that all results have, but for those that have one only."""
    many = {result.seeds for result in results if len(result.seeds) > 1}
    if len(many) > 1:
        raise ResultError(results[0].name, f"runs to be fused have unlike seeds, {sorted(many)}; give them the same")
    return many.pop() if many else results[0].seeds


def _by_place(result: Result) -> dict[tuple[int, str], dict[int, Prediction]]:
    """Predictions by fold and utterance, then by seed."""
    found: dict[tuple[int, str], dict[int, Prediction]] = defaultdict(dict)
    for row in result.predictions:
        found[row.fold, row.id][row.seed] = row
    return found


def _rounded(probabilities: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in probabilities)
