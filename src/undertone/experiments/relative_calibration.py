"""Calibrating the system `relative`: a temperature for each amount of evidence, then what goes with each prior.

A turn that is held against its speaker's others is judged better than a stranger's, so that one temperature for both
is wrong for both. Two are fitted under even shares, and become part of the head; each prior then has a temperature
and a threshold of its own, fitted on the kind of recording that it is for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from undertone.experiments.relative_config import ALONE, IN_CONVERSATION
from undertone.inference.card import Prior
from undertone.inference.verdict import under, with_prior
from undertone.labels import EMOTIONS
from undertone.metrics.calibration import TEMPERATURES, abstention_threshold, log_losses, rounded_up, softmax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.experiments.episodes import Answers
    from undertone.experiments.relative_config import Expected


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """What is fitted on corpora that were left out."""

    evidence: tuple[float, float]
    """`RelativeHead.temperature`."""
    priors: tuple[Prior, ...]


def calibrate(
    answers: Mapping[str, Sequence[Answers]], expected: Iterable[Expected], *, shrink_turns: float, accuracy: float
) -> Calibrated:
    """Fit temperatures and thresholds; every corpus weighs the same, and within one its labels as they are expected.

    Labels that a corpus lacks keep their probability: the model cannot know that nobody there is surprised.

    Args:
        answers: of heads that never heard the corpus, by `ALONE` and `IN_CONVERSATION`, one item for each corpus and
            condition; temperatures are still 1.
        expected: the priors.
        shrink_turns: `RelativeSizes.shrink_turns`.
        accuracy: wanted among the turns that get a label.
    """
    even = np.full(len(EMOTIONS), 1 / len(EMOTIONS))
    stranger = _joined(answers[ALONE], even)
    first = _least_loss(stranger, lambda temperature: stranger.logits / temperature)
    known = _joined(answers[IN_CONVERSATION], even)

    def known_at(temperature: float) -> NDArray[np.floating]:
        return known.logits / _temperatures(known.counts, (first, temperature), shrink_turns)[:, None]

    evidence = (first, _least_loss(known, known_at))
    return Calibrated(
        evidence=evidence,
        priors=tuple(
            _prior(each, answers[each.fitted], evidence, shrink_turns=shrink_turns, accuracy=accuracy)
            for each in expected
        ),
    )


def softened(answers: Answers, evidence: tuple[float, float], shrink_turns: float) -> NDArray[np.floating]:
    """Divide scores by the temperature of the evidence behind them, as `RelativeHead` does; shape (row, label)."""
    return answers.logits / _temperatures(answers.counts, evidence, shrink_turns)[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Joined:
    logits: NDArray[np.floating]
    truth: NDArray[np.int64]
    counts: NDArray[np.floating]
    weights: NDArray[np.float64]


def _joined(parts: Sequence[Answers], shares: NDArray[np.float64]) -> _Joined:
    return _Joined(
        logits=np.concatenate([part.logits for part in parts]),
        truth=np.concatenate([part.truth for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        weights=np.concatenate([_weights(part.truth, shares) for part in parts]) / len(parts),
    )


def _weights(truth: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh items so that labels have these shares, but for labels that are not there; the sum is 1."""
    counts = np.bincount(truth, minlength=len(shares))
    weights = (shares / np.maximum(counts, 1))[truth]
    return np.asarray(weights / weights.sum())


def _temperatures(
    counts: NDArray[np.floating], evidence: tuple[float, float], shrink_turns: float
) -> NDArray[np.float64]:
    weight = counts / (counts + shrink_turns)
    return np.asarray(evidence[0] ** (1 - weight) * evidence[1] ** weight, dtype=np.float64)


def _least_loss(joined: _Joined, scores_at: Callable[[float], NDArray[np.floating]]) -> float:
    """Find the temperature with the least weighted log-loss, of scores that depend on it; rounded as cards have it."""

    def loss(logarithm: float) -> float:
        probabilities = softmax(scores_at(math.exp(logarithm)), 1.0)
        return float((joined.weights * log_losses(probabilities, joined.truth)).sum())

    found = minimize_scalar(loss, bounds=(math.log(TEMPERATURES[0]), math.log(TEMPERATURES[-1])), method="bounded")
    return round(math.exp(found.x), 4)


def _prior(
    expected: Expected,
    parts: Sequence[Answers],
    evidence: tuple[float, float],
    *,
    shrink_turns: float,
    accuracy: float,
) -> Prior:
    shares = np.array(expected.shares)
    joined = _joined(parts, shares)
    soft = joined.logits / _temperatures(joined.counts, evidence, shrink_turns)[:, None]
    prior = Prior(
        name=expected.name,
        shares=expected.shares,
        temperature=_least_loss(joined, lambda temperature: soft / temperature + with_prior(shares)),
        threshold=0.0,
        source=expected.source,
    )
    threshold = abstention_threshold(softmax(under(prior, soft), 1.0), joined.truth, joined.weights, accuracy=accuracy)
    return replace(prior, threshold=min(1.0, rounded_up(threshold)))
