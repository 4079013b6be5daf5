"""What single blocks of a frozen speech encoder know of the emotion: the probe of claim A-1 about Qieemo.

Every block gets the same machine on the same utterances: the curve over blocks compares blocks and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from undertone.errors import UsageError
from undertone.learners import linear, svm
from undertone.learners.base import Fitted, Fitting, Learner, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray

MACHINES: Final[Mapping[str, tuple[Callable[[Part, Part, Fitting], Fitted], type[Any]]]] = {
    "svm": (svm.fit, svm.SvmSettings),
    "logistic": (linear.fit, linear.LinearSettings),
}
"""How each kind is fitted, and its settings."""


@dataclass(frozen=True, kw_only=True)
class BlockProbeSettings:
    first_block: int = 0
    last_block: int = 0
    """Included; the rows of several blocks stand side by side."""
    kind: str = "svm"
    """`svm` with an RBF kernel, or `logistic` regression."""
    penalties: tuple[float, ...] = ()
    """Values of C among which the validation part chooses by UA; none takes the kind's usual ones."""


def fit_block_probe(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Fit the usual machine of `egemaps-svm` or `log-mel-linear` on the rows of the blocks that the settings name.

    Raises:
        UsageError: if the encoder gives no row for every block, has no such block, or the kind is unknown.
    """
    settings: BlockProbeSettings = how.settings
    if settings.kind not in MACHINES:
        raise UsageError(f"block-probe has no kind {settings.kind!r}; there are {', '.join(MACHINES)}")
    fit, usual = MACHINES[settings.kind]
    inner = usual(penalties=settings.penalties) if settings.penalties else usual()
    fitted = fit(_narrowed(train, settings), _narrowed(validation, settings), replace(how, settings=inner))

    def predict(part: Part) -> NDArray[np.float64]:
        return fitted.predict(_narrowed(part, settings))

    return replace(fitted, predict=predict)


def _narrowed(part: Part, settings: BlockProbeSettings) -> Part:
    """The same part, hearing only the blocks that are probed; nothing is copied."""
    if part.store is None or part.store.rows.ndim != 3:
        raise UsageError(
            "block-probe needs an encoder that gives one row an utterance for every block; "
            "name one such as asr:FOLDER, hub-asr:FOLDER or hub:FOLDER"
        )
    first, last, blocks = settings.first_block, settings.last_block, part.store.rows.shape[1]
    if not 0 <= first <= last < blocks:
        raise UsageError(
            f"block-probe cannot take blocks {first} to {last} of this encoder, whose blocks are 0 to {blocks - 1}; "
            "set first_block and last_block among them"
        )
    return replace(part, store=replace(part.store, rows=part.store.rows[:, first : last + 1]))


LEARNER = Learner(
    name="block-probe",
    title="one block of a frozen speech encoder + SVM or logistic regression",
    source="undertone's own; the question which blocks of a recogniser know the emotion is that of Qieemo "
    "(arXiv 2503.22687)",
    encoder=None,
    seeded=False,
    settings=BlockProbeSettings,
    fit=fit_block_probe,
)
