"""A support vector machine on functionals: the usual baseline of the field before neural encoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.svm import SVC

from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.vectors import best_penalty, scale_of, vectors_of
from undertone.metrics.calibration import softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SvmSettings:
    penalties: tuple[float, ...] = (0.1, 1.0, 10.0, 100.0)
    """Values of C among which the validation part chooses by UA."""


def fit(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Fit an RBF machine on standardised coefficients, classes weighing the same; γ is one over their number.

    The validation part chooses C and the temperature; then both parts are learned from.
    """
    rows, held_out = vectors_of(train), vectors_of(validation)
    scale = scale_of(rows)
    rows, held_out = scale.apply(rows), scale.apply(held_out)
    kernel, cross = _kernel(rows, rows), _kernel(held_out, rows)
    penalty, temperature, ua = best_penalty(
        how.settings.penalties,
        lambda c: _scores(_machine(kernel, train.truth, c), cross),
        validation.truth,
    )
    everything = np.concatenate([vectors_of(train), vectors_of(validation)])
    final = scale_of(everything)
    support = final.apply(everything)
    machine = _machine(_kernel(support, support), np.concatenate([train.truth, validation.truth]), penalty)

    def predict(part: Part) -> NDArray[np.float64]:
        scores = _scores(machine, _kernel(final.apply(vectors_of(part)), support))
        return softmax(scores, temperature)

    return Fitted(predict=predict, chosen={"penalty": penalty, "temperature": temperature, "validation_ua": ua})


def _kernel(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """exp(−‖x − y‖² / coefficients), shape (first, second): one product of matrices instead of libsvm's loop."""
    squared = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.exp(-np.maximum(squared, 0) / first.shape[1])


def _machine(kernel: NDArray[np.float64], truth: NDArray[np.int64], penalty: float) -> SVC:
    machine = SVC(C=penalty, kernel="precomputed", class_weight="balanced", decision_function_shape="ovr")
    return machine.fit(kernel, truth)


def _scores(machine: SVC, kernel: NDArray[np.float64]) -> NDArray[np.float64]:
    """One class against the rest, shape (utterance, class)."""
    scores: NDArray[np.float64] = machine.decision_function(kernel)
    return np.stack([-scores, scores], axis=1) if scores.ndim == 1 else scores


EGEMAPS = Learner(
    name="egemaps-svm",
    title="eGeMAPS + SVM",
    source="Eyben et al., The Geneva Minimalistic Acoustic Parameter Set, IEEE TAFFC 2016; openSMILE",
    encoder="egemaps",
    seeded=False,
    settings=SvmSettings,
    fit=fit,
)

COMPARE = Learner(
    name="compare-svm",
    title="ComParE + SVM",
    source="Schuller et al., The Interspeech 2016 Computational Paralinguistics Challenge; openSMILE",
    encoder="compare",
    seeded=False,
    settings=SvmSettings,
    fit=fit,
)
