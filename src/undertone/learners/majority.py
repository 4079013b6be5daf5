"""The least that any learner must beat: it hears nothing and says how often each class occurs in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.learners.base import Fitted, Fitting, Learner, Part

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class MajoritySettings:
    """There is nothing to set."""


def fit(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Count the classes of the training part."""
    del validation  # there is nothing to choose
    shares = np.bincount(train.truth, minlength=len(how.labels)) / len(train.truth)

    def predict(part: Part) -> NDArray[np.float64]:
        return np.tile(shares, (len(part.utterances), 1))

    return Fitted(predict=predict)


LEARNER = Learner(
    name="majority",
    title="majority class",
    source="undertone's own; the floor of every table",
    encoder=None,
    seeded=False,
    settings=MajoritySettings,
    fit=fit,
)
