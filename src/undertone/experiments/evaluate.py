"""Calibrating on validation speakers, then scoring test speakers once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from undertone.inference.card import Calibration, PlainSpeech, Score
from undertone.labels import EMOTIONS
from undertone.metrics.calibration import (
    abstention_threshold,
    expected_calibration_error,
    fit_temperature,
    rounded_up,
    softmax,
)
from undertone.metrics.categorical import confusion, macro_f1, unweighted_accuracy, weighted_accuracy
from undertone.metrics.uncertainty import bootstrap_by_speaker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.metrics.uncertainty import Estimate
    from undertone.records import Utterance


def truth_of(utterances: Sequence[Utterance]) -> NDArray[np.int64]:
    """Indices of the labels, shape (utterance,)."""
    return np.array([EMOTIONS.index(item.label or "") for item in utterances], dtype=np.int64)


def fit_calibration(
    logits: Sequence[NDArray[np.float32]], utterances: Sequence[Utterance], *, accuracy: float
) -> Calibration:
    """Fit the temperature and the abstention threshold; every corpus weighs the same.

    Args:
        logits: of the validation utterances, shape (utterance, label), once per condition they were heard in.
        utterances: the validation part.
        accuracy: wanted among the utterances that get a label.
    """
    counts = {item.corpus: sum(other.corpus == item.corpus for other in utterances) for item in utterances}
    weights = np.tile([1 / counts[item.corpus] for item in utterances], len(logits))
    truth = np.tile(truth_of(utterances), len(logits))
    scores = np.concatenate(logits)
    temperature = round(fit_temperature(scores, truth, weights), 4)
    threshold = abstention_threshold(softmax(scores, temperature), truth, weights, accuracy=accuracy)
    return Calibration(temperature=temperature, threshold=rounded_up(threshold), accuracy_when_certain=accuracy)


def score(
    logits: NDArray[np.float32],
    utterances: Sequence[Utterance],
    calibration: Calibration,
    *,
    condition: str,
    trained_on_corpus: bool,
    rng: np.random.Generator,
) -> Score:
    """Score the test utterances of one corpus, with intervals over its speakers.

    Args:
        logits: shape (utterance, label).
        utterances: of one corpus, in the order of the logits.
        calibration: fitted on validation speakers.
        condition: how the utterances were heard.
        trained_on_corpus: whether other speakers of the corpus were trained on.
        rng: source of the bootstrap's draws.
    """
    truth = truth_of(utterances)
    probabilities = softmax(logits, calibration.temperature)
    predicted = probabilities.argmax(axis=1)
    speakers = [item.speaker for item in utterances]
    labelled = probabilities.max(axis=1) >= calibration.threshold

    def of_counts(metric: Callable[[NDArray[np.int64]], float]) -> Estimate:
        return _interval(lambda items: metric(confusion(truth[items], predicted[items], len(EMOTIONS))), speakers, rng)

    present = sorted(set(truth.tolist()))
    return Score(
        corpus=utterances[0].corpus,
        condition=condition,
        trained_on_corpus=trained_on_corpus,
        speakers=len(set(speakers)),
        utterances=len(utterances),
        labels=tuple(EMOTIONS[index] for index in present),
        chance_ua=round(1 / len(present), 4),
        WA=of_counts(weighted_accuracy),
        UA=of_counts(unweighted_accuracy),
        macro_f1=of_counts(macro_f1),
        ECE=_interval(lambda items: expected_calibration_error(probabilities[items], truth[items]), speakers, rng),
        labelled=round(float(labelled.mean()), 4),
        accuracy_when_labelled=round(float((predicted == truth)[labelled].mean()), 4) if labelled.any() else None,
    )


def plain_speech(
    logits: NDArray[np.float32],
    utterances: Sequence[Utterance],
    calibration: Calibration,
    *,
    condition: str,
    rng: np.random.Generator,
) -> PlainSpeech:
    """Count what is heard in read speech, with intervals over its speakers.

    Args:
        logits: shape (utterance, label).
        utterances: read speech, in the order of the logits.
        calibration: fitted on validation speakers.
        condition: how the utterances were heard.
        rng: source of the bootstrap's draws.
    """
    probabilities = softmax(logits, calibration.temperature)
    labelled = probabilities.max(axis=1) >= calibration.threshold
    neutral = probabilities.argmax(axis=1) == EMOTIONS.index("neutral")
    speakers = [item.speaker for item in utterances]

    def share(holds: NDArray[np.bool_]) -> Estimate:
        return _interval(lambda items: float(holds[items].mean()), speakers, rng)

    return PlainSpeech(
        condition=condition,
        speakers=len(set(speakers)),
        utterances=len(utterances),
        neutral=share(labelled & neutral),
        withheld=share(~labelled),
        false_alarms=share(labelled & ~neutral),
    )


def predictions_of(
    logits: NDArray[np.float32], utterances: Sequence[Utterance], calibration: Calibration, *, condition: str
) -> list[dict[str, Any]]:
    """List every prediction, so that any two results can be compared in pairs afterwards."""
    probabilities = softmax(logits, calibration.temperature)
    return [
        {
            "id": item.id,
            "speaker": item.speaker,
            "condition": condition,
            "truth": item.label,
            "probabilities": [round(float(value), 4) for value in row],
        }
        for item, row in zip(utterances, probabilities, strict=True)
    ]


def _interval(
    statistic: Callable[[NDArray[np.int64]], float], speakers: Sequence[str], rng: np.random.Generator
) -> Estimate:
    """Estimate a statistic with its interval over speakers, to the four digits that a card holds."""
    return bootstrap_by_speaker(statistic, speakers, rng=rng).rounded(4)
