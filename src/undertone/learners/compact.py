"""The compact network of the first default bundle, trained on one protocol from scratch."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.windows import fit_windows, store_of
from undertone.systems.compact import Compact, CompactSizes
from undertone.training.config import Masking


@dataclass(frozen=True, kw_only=True)
class CompactSettings:
    steps: int = 300
    """Batches in all, whatever the size of the corpus."""
    batch: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.1
    patience: int = 1000
    """Epochs; the cosine ends training otherwise."""
    window_s: float = 4.0
    hop_s: float = 2.0
    dropout: float = 0.15
    masking: Masking = field(default_factory=Masking)
    checkpoint_every_s: float = 120.0


def fit_compact(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train as the bundle was trained, without disturbed copies, as `fit_windows` does.

    Raises:
        UsageError: if the encoder gives something else than frames of one axis.
    """
    settings: CompactSettings = how.settings
    bins = store_of(train, "compact").rows.shape[1]
    torch.manual_seed(how.seed)
    network = Compact(CompactSizes(mel_bins=bins, labels=len(how.labels), dropout=settings.dropout))
    return fit_windows(network, train, validation, how, name="compact")


LEARNER = Learner(
    name="compact",
    title="compact network, from scratch",
    source="undertone's own; not a published system",
    encoder="log-mel",
    seeded=True,
    settings=CompactSettings,
    fit=fit_compact,
)
