"""A finished head on Whisper as files: `head.safetensors` and `card.json`. No code, no pickle, loaded strictly.

The encoder's weights are not among them: the card names them by their SHA-256, and they come with their own package.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from undertone.audio.whisper_mel import MelScale
from undertone.backbones.files import ENCODER, Score, Source, card_of, fill, table_of_card, write_weights
from undertone.backbones.whisper_files import whisper_named
from undertone.backbones.whisper_phones import SCALE, PhoneHead, PhoneHeadSizes, WhisperPhones
from undertone.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path


HEAD: Final = "head.safetensors"


@dataclass(frozen=True, kw_only=True)
class WhisperPhonesCard:
    """What a user must know, and everything that loading needs."""

    format: int
    name: str
    encoder: str
    """What the head stands on, as `whisper_named` takes it."""
    encoder_sha256: str
    """Of the encoder's weights."""
    scale: MelScale
    sizes: PhoneHeadSizes
    symbols: tuple[str, ...]
    sources: tuple[Source, ...]
    protocol: str
    """Hash of who is in which part."""
    seed: int
    epoch: int
    """Which epoch's weights these are, from 1."""
    validation_per: float
    scores: tuple[Score, ...]
    sha256: str
    """Of `head.safetensors`."""


def save_head(head: PhoneHead, card: WhisperPhonesCard, folder: Path) -> WhisperPhonesCard:
    """Write a head; the card, which is written last and whose `sha256` is filled in, makes it whole.

    Raises:
        OutputError: if it cannot be written.
        BundleError: as `undertone.backbones.files.round_weights`.
    """
    write_weights(head, asdict(card), folder, HEAD)
    return read_head_card(folder)


def read_head_card(folder: Path) -> WhisperPhonesCard:
    """Read the card of a head.

    Raises:
        BundleError: if it is missing, a field is missing, unknown or of the wrong type, or it is of no head on Whisper.
        FormatVersionError: if it was made for another version of the format.
    """
    table = table_of_card(folder)
    if ENCODER not in table:
        raise BundleError(
            str(folder), "it is a network of its own, and a head on Whisper is wanted; name another backbone"
        )
    card = card_of(WhisperPhonesCard, table, folder)
    if card.scale != SCALE:
        raise BundleError(str(folder), f"it hears {card.scale}; this version takes {SCALE}")
    return card


def load_head(folder: Path) -> tuple[PhoneHead, WhisperPhonesCard]:
    """Load a head, ready to be asked: every byte and every name must be what was written.

    Raises:
        BundleError, FormatVersionError: as `read_head_card`; or if the weights are missing or not of these sizes.
        ChecksumError: if the weights are not those that were written.
        ConfigError: if no head has the sizes on the card.
    """
    card = read_head_card(folder)
    head = PhoneHead(card.sizes)
    fill(head, folder, HEAD, card.sha256)
    return head, card


def load_whisper_phones(folder: Path) -> tuple[WhisperPhones, WhisperPhonesCard]:
    """Load a head and the encoder that it stands on.

    Raises:
        BundleError: if the encoder's weights are not those that the head was trained on, or as `load_head`.
        ChecksumError, ConfigError, FormatVersionError: as `load_head`.
        ConfigError, MissingExtraError: as `whisper_named`.
    """
    head, card = load_head(folder)
    pretrained = whisper_named(card.encoder)
    if pretrained.sha256 != card.encoder_sha256:
        raise BundleError(
            str(folder),
            f"it stands on weights of {card.encoder} with the SHA-256 {card.encoder_sha256[:12]}…, and those at hand "
            f"have {pretrained.sha256[:12]}…; install the packages that this version names",
        )
    return WhisperPhones(pretrained.encoder, head).eval(), card
