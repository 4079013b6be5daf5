"""The learners by name. Being listed here puts a learner under the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undertone.errors import UsageError
from undertone.learners import (
    block_probe,
    compact,
    linear,
    majority,
    multilevel,
    qieemo,
    qieemo_tuned,
    superb,
    svm,
    text_linear,
    text_tuned,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.learners.base import Learner

LEARNERS: Final[Mapping[str, Learner]] = {
    learner.name: learner
    for learner in (
        majority.LEARNER,
        linear.LEARNER,
        svm.EGEMAPS,
        svm.COMPARE,
        compact.LEARNER,
        superb.LEARNER,
        block_probe.LEARNER,
        qieemo.LEARNER,
        qieemo_tuned.LEARNER,
        text_linear.LEARNER,
        text_tuned.LEARNER,
        multilevel.LEARNER,
    )
}


def learner_named(name: str) -> Learner:
    """Look a learner up.

    Raises:
        UsageError: if no learner has that name.
    """
    if name not in LEARNERS:
        raise UsageError(f"no learner is called {name!r}; there are {', '.join(LEARNERS)}")
    return LEARNERS[name]
