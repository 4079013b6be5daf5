"""What every learner declares, takes and gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.training.store import FeatureStore


@dataclass(frozen=True, kw_only=True, eq=False)
class Part:
    """The utterances of one part of a fold, with what a learner may know of them."""

    utterances: tuple[Utterance, ...]
    truth: NDArray[np.int64]
    """Index of the class, shape (utterance,): what answers are judged by."""
    targets: NDArray[np.float64]
    """What a network is taught, shape (utterance, class), each row summing to 1: the class alone, or raters' votes."""
    store: FeatureStore | None
    """The encoder's rows, by utterance id; None for a learner that hears nothing."""
    others: tuple[FeatureStore, ...] = ()
    """The rows of further encoders, in the order of their names."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitting:
    """How to fit."""

    labels: tuple[str, ...]
    """The classes; their order is that of the axis of probabilities."""
    settings: Any
    """An instance of the learner's `settings`."""
    seed: int
    folder: Path
    """Of this fold and seed, for checkpoints: a fit that was cut off goes on from what it finds there."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """What has been learned."""

    predict: Callable[[Part], NDArray[np.float64]]
    """Gives probabilities of shape (utterance, class), each row summing to 1; looks at `truth` and `targets` never."""
    history: tuple[Mapping[str, float], ...] = ()
    """The learning curve: figures by epoch, `validation_ua` among them; empty where nothing is learned in epochs."""
    chosen: Mapping[str, float] = field(default_factory=dict)
    """What the validation part chose: the epoch, a penalty, a temperature."""


@dataclass(frozen=True, kw_only=True)
class Learner:
    """A learner: what it hears, how it is fitted, and where it comes from."""

    name: str
    title: str
    source: str
    """The paper, or that it is a reconstruction, or ours."""
    encoder: str | None
    """The name of the encoder that it hears through, or several, joined by ` + `; None for one that hears nothing."""
    seeded: bool
    """Whether another seed gives another result."""
    settings: type[Any]
    """A frozen dataclass of plain values with defaults, read from a run's TOML."""
    fit: Callable[[Part, Part, Fitting], Fitted]
    """Takes the training part, which holds every class, and the validation part. The test part is never shown."""
    reads: bool = False
    """Whether it reads transcripts itself, so that the recordings need not be there."""
