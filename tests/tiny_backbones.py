"""Tiny backbones of our own with random weights, saved as trained ones are."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from undertone.audio.fbank import FrontEnd
from undertone.backbones.files import FORMAT, BackboneCard, Source, save_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.speech.phones import SYMBOLS

SIZES = BackboneSizes(width=24, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8, dropout=0.1)

CARD = BackboneCard(
    format=FORMAT,
    name="tiny-phones",
    sizes=SIZES,
    symbols=SYMBOLS,
    front_end=FrontEnd(),
    sources=(
        Source(
            corpus="an4", title="AN4", licence="free", source="CMU", speakers=("a",), utterances=3, aligned=2,
            left_out={},
        ),
    ),
    protocol="0123456789ab",
    seed=0,
    epoch=2,
    validation_per=0.25,
    scores=(),
    sha256="",
)  # fmt: skip


def rewrite(folder: Path, **change: object) -> None:
    """Change fields of the card in a folder."""
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))


def saved_backbone(folder: Path, *, seed: int = 3, gain: float = 1.0) -> Path:
    """Save a backbone; `gain` scales what the front end gives, and so its first block."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Backbone(SIZES)
    with torch.no_grad():
        network.conformer.encoder.subsampling.linear.weight.mul_(gain)
    save_backbone(network, CARD, folder)
    return folder
