"""Qieemo, backbone and head together, learned from one protocol's emotion labels. A reconstruction.

Chen, Fang, Zheng, Wang, Fei: Qieemo (arXiv 2503.22687): its second stage of training. Which of its weights go on
learning, how fast, and everything inside the head is inferred or ours, as `undertone.systems.qieemo` tells.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import backbone_folder
from undertone.errors import ConfigError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.windows import fit_windows, store_of
from undertone.systems.freezing import freeze
from undertone.systems.qieemo import Head, Qieemo, QieemoSizes
from undertone.training.config import Masking


@dataclass(frozen=True, kw_only=True)
class QieemoTunedSettings:
    backbone: str = "phones-en"
    """A folder, or the name of one that ships."""
    kept: str = "top"
    """What goes on learning: `head`, `top` blocks too, or `all` blocks."""
    top: int = 5
    """Blocks, where `kept` is `top`."""
    head: Head = field(default_factory=Head)
    steps: int = 600
    """Batches in all, whatever the size of the corpus."""
    batch: int = 16
    learning_rate: float = 1e-3
    """Of the head, at its peak."""
    backbone_learning_rate: float = 3e-4
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    patience: int = 1000
    """Epochs; the cosine ends training otherwise."""
    window_s: float = 6.0
    hop_s: float = 3.0
    masking: Masking = field(default_factory=lambda: Masking(tilt_db=0.0))
    """The backbone takes every band's mean out: a tilt of the spectrum would change nothing."""
    checkpoint_every_s: float = 120.0


def fit_qieemo_tuned(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train head and backbone as `fit_windows` does, each with its own learning rate.

    Raises:
        UsageError: if the encoder gives something else than frames of one axis.
        ConfigError: if there is no such backbone, or it or the head does not fit.
        BundleError: if the backbone's files cannot be used.
    """
    settings: QieemoTunedSettings = how.settings
    bins = store_of(train, "qieemo-tuned").rows.shape[1]
    backbone, card = load_backbone(backbone_folder(settings.backbone))
    if bins != card.sizes.mel_bins:
        raise ConfigError(
            "settings.qieemo-tuned",
            [f"the backbone {card.name} hears {card.sizes.mel_bins} bands, the encoder gives {bins}; take log-mel"],
        )
    torch.manual_seed(how.seed)
    network = Qieemo(QieemoSizes(mel_bins=bins, labels=len(how.labels), backbone=card.sizes, head=settings.head))
    network.backbone.load_state_dict(backbone.state_dict())
    freeze(network, settings.kept, settings.top)
    rates = {"backbone.": settings.backbone_learning_rate}
    return fit_windows(network, train, validation, how, name="qieemo-tuned", centre=True, rates=rates)


LEARNER = Learner(
    name="qieemo-tuned",
    title="Qieemo (reconstruction), recogniser and head",
    source="a reconstruction of Qieemo (arXiv 2503.22687) whose recogniser goes on learning: its parts are sourced, "
    "its inner modules, sizes and training are inferred or ours",
    encoder="log-mel",
    seeded=True,
    settings=QieemoTunedSettings,
    fit=fit_qieemo_tuned,
)
