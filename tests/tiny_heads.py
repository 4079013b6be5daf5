"""Tiny heads with random weights on tiny checkpoints of Whisper, saved as trained ones are."""

from __future__ import annotations

from pathlib import Path

import torch
from tiny_backbones import CARD as OWN
from tiny_checkpoints import built

from undertone.backbones.files import FORMAT
from undertone.backbones.whisper_files import whisper_named
from undertone.backbones.whisper_phones import SCALE, PhoneHead, PhoneHeadSizes
from undertone.backbones.whisper_phones_files import WhisperPhonesCard, save_head
from undertone.speech.phones import SYMBOLS

SIZES = PhoneHeadSizes(read=(1, 2), states=32, width=16, layers=1, kernel=3)


def saved_whisper(folder: Path, *, frames: int = 150) -> Path:
    """Save a checkpoint of two blocks of 32, with positions for three seconds, whose states tell sounds apart."""
    model = built("whisper", max_source_positions=frames)
    with torch.no_grad():
        model.encoder.conv1.weight.mul_(4)
        model.encoder.conv2.weight.mul_(12)  # else positions drown what is heard
    model.save_pretrained(folder)
    return folder


def saved_head(folder: Path, encoder: Path, *, sizes: PhoneHeadSizes = SIZES, seed: int = 3) -> Path:
    """Save a head on a checkpoint."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = PhoneHead(sizes)
    card = WhisperPhonesCard(
        format=FORMAT, name="tiny-head", encoder=str(encoder), encoder_sha256=whisper_named(str(encoder)).sha256,
        scale=SCALE, sizes=sizes, symbols=SYMBOLS, sources=OWN.sources, protocol="0123456789ab", seed=seed, epoch=1,
        validation_per=0.25, scores=(), sha256="",
    )  # fmt: skip
    save_head(head, card, folder)
    return folder
