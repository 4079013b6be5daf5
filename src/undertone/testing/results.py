"""Results for tests: predictions drawn for one protocol, without sound, network or training."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.corpora.audit import FoldAudit
from undertone.experiments.results import FORMAT, FitRecord, Prediction, ProtocolStamp, Result
from undertone.experiments.scoring import score_result

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCHS: Final = 6
"""Of a made learning curve."""


def make_result(
    name: str = "made",
    accuracy: float = 0.7,
    speakers: int = 6,
    per_speaker: int = 12,
    labels: tuple[str, ...] = ("neutral", "happy", "sad", "angry"),
    seeds: tuple[int, ...] = (0,),
    seed: int = 0,
    shared_speakers: int = 0,
    with_history: bool = False,
) -> Result:
    """Make a result whose predictions are drawn.

    Results of the same speakers, utterances and labels have one protocol and can be compared. Every speaker says
    every label in turn, some speakers are harder than others, and a wrong answer is less certain than a right one.

    Args:
        name: of the result.
        accuracy: the chance that an utterance of a speaker of average difficulty is answered rightly.
        speakers: how many; each third of them is the test part of one fold.
        per_speaker: utterances of each.
        labels: in the order of the probabilities.
        seeds: that the learner was fitted with; each has predictions of its own.
        seed: of the draws: another one is another system of the same accuracy.
        shared_speakers: how many test speakers of each fold training heard as well; above 0, the result is stamped
            `speaker-dependent`.
        with_history: whether the fits have learning curves.
    """
    rng = np.random.default_rng(seed)
    folds = min(3, speakers)
    predictions = _predictions(folds, accuracy, speakers, per_speaker, labels, seeds, rng)
    fits = tuple(
        FitRecord(
            fold=fold + 1,
            seed=fitted,
            seconds=1.5 + 0.1 * fold,
            chosen={"epoch": float(EPOCHS)} if with_history else {},
            history=_curve(accuracy, rng) if with_history else (),
        )
        for fitted in seeds
        for fold in range(folds)
    )
    fingerprint = hashlib.sha256(f"{speakers} {per_speaker} {labels} {shared_speakers}".encode()).hexdigest()[:12]
    return Result(
        format=FORMAT,
        name=name,
        learner="made",
        title="Predictions drawn for a test",
        source="ours",
        encoder=None,
        weights="none",
        corpora=("made",),
        corpus_hash=fingerprint[::-1],
        protocol=_stamp(folds, speakers, per_speaker, shared_speakers, fingerprint),
        excluded=(),
        labels=labels,
        seeds=seeds,
        settings={"accuracy": f"{accuracy:g}"},
        taught="category",
        command="undertone crossval made.toml",
        commit="0" * 40,
        versions={"python": "3.11", "numpy": np.__version__},
        machine="a made machine",
        seconds=sum(fit.seconds for fit in fits),
        scores=score_result(labels, predictions, np.random.default_rng(0)),
        fits=fits,
        predictions=predictions,
    )


def _predictions(
    folds: int,
    accuracy: float,
    speakers: int,
    per_speaker: int,
    labels: tuple[str, ...],
    seeds: tuple[int, ...],
    rng: np.random.Generator,
) -> tuple[Prediction, ...]:
    # Difficulty belongs to the speaker, so it does not depend on the system's seed.
    difficulty = np.random.default_rng(speakers).normal(0, 0.05, speakers)
    return tuple(
        Prediction(
            id=f"made/{speaker:02}_{number:02}",
            speaker=f"{speaker:02}",
            fold=speaker % folds + 1,
            seed=fitted,
            truth=labels[number % len(labels)],
            probabilities=_draw(number % len(labels), accuracy + difficulty[speaker], len(labels), rng),
        )
        for fitted in seeds
        for fold in range(folds)
        for speaker in range(fold, speakers, folds)
        for number in range(per_speaker)
    )


def _stamp(folds: int, speakers: int, per_speaker: int, shared_speakers: int, fingerprint: str) -> ProtocolStamp:
    tested = [len(range(fold, speakers, folds)) for fold in range(folds)]
    return ProtocolStamp(
        name="made/drawn",
        hash=fingerprint,
        title="Each third of the speakers is tested once",
        source="ours",
        speakers_known=True,
        folds=tuple(
            FoldAudit(
                test_utterances=count * per_speaker,
                test_speakers=count,
                shared_speakers=min(shared_speakers, count),
                test_sentences=None,
                shared_sentences=None,
            )
            for count in tested
        ),
    )


def _draw(truth: int, accuracy: float, labels: int, rng: np.random.Generator) -> tuple[float, ...]:
    """Probabilities whose highest is the truth's in a share `accuracy` of all draws."""
    right = rng.random() < accuracy
    answer = truth if right else (truth + 1 + int(rng.integers(labels - 1))) % labels
    least = 1 / labels
    confidence = least + (0.98 - least) * (rng.beta(4, 2) if right else rng.beta(2, 3))
    rest = rng.dirichlet(np.full(labels - 1, 2.0)) * (1 - confidence)
    # No other label may reach the answer's probability.
    rest = 0.5 * rest + 0.5 * rest.mean()
    row: NDArray[np.float64] = np.insert(np.minimum(rest, 0.99 * confidence), answer, confidence)
    return tuple(float(value) for value in row / row.sum())


def _curve(accuracy: float, rng: np.random.Generator) -> tuple[dict[str, float], ...]:
    """A learning curve that rises to the accuracy, as learners in epochs write it."""
    return tuple(
        {
            "loss": round(2.0 * 0.7**epoch + float(rng.uniform(0, 0.05)), 4),
            "validation_ua": round(accuracy * (1 - 0.6 ** (epoch + 1)) + float(rng.uniform(0, 0.02)), 4),
        }
        for epoch in range(EPOCHS)
    )
