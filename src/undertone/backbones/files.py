"""The finished backbone as files: `backbone.safetensors` and `card.json`. No code, no pickle, loaded strictly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import safetensors
import safetensors.torch
import torch

from undertone.audio.fbank import FrontEnd
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.errors import BundleError, ChecksumError, FormatVersionError
from undertone.files import install_folder, make_folder, write_beside, write_text
from undertone.parsing import parse_record
from undertone.speech.phones import SYMBOLS

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

FORMAT: Final = 1
WEIGHTS: Final = "backbone.safetensors"
CARD: Final = "card.json"
ENCODER: Final = "encoder"
"""The field that only the card of a head has: what it stands on."""

HALF_MOST: Final = torch.finfo(torch.float16).max


@dataclass(frozen=True, kw_only=True)
class Source:
    """A corpus that was trained on."""

    corpus: str
    title: str
    licence: str
    source: str
    speakers: tuple[str, ...]
    """Those that were heard while training or choosing the epoch."""
    utterances: int
    aligned: int
    """Of the training utterances, how many had frame targets."""
    left_out: dict[str, int]
    """How many of its utterances could not be used, by reason."""
    hours: float | None = None
    """Of the utterances, as they are."""


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """A mistake and how often it was made."""

    truth: str | None
    """None where nothing was to be said."""
    heard: str | None
    """None where nothing was heard."""
    count: int


@dataclass(frozen=True, kw_only=True)
class Score:
    """The phone error rate of one corpus's test part, with a 95 % interval."""

    corpus: str
    per: float
    low: float | None
    """None where the interval cannot be told."""
    high: float | None
    by: str
    """What was redrawn: `speaker` or `utterance`."""
    utterances: int
    speakers: int
    shared_speakers: int
    """Test speakers that training or choosing the epoch heard."""
    phones: int
    substitutions: int
    insertions: int
    deletions: int
    confusions: tuple[Confusion, ...]
    """The most frequent, in order."""
    wer: float | None = None
    """The word error rate; None where no words were searched."""
    wer_low: float | None = None
    wer_high: float | None = None
    words: int | None = None
    """That were to be said."""
    unknown_words: int | None = None
    """How many of them are not in the vocabulary, and so cannot be heard."""


@dataclass(frozen=True, kw_only=True)
class BackboneCard:
    """What a user must know, and everything that loading needs."""

    format: int
    name: str
    sizes: BackboneSizes
    symbols: tuple[str, ...]
    front_end: FrontEnd
    sources: tuple[Source, ...]
    protocol: str
    """Hash of who is in which part."""
    seed: int
    epoch: int
    """Which epoch's weights these are, from 1."""
    validation_per: float
    scores: tuple[Score, ...]
    sha256: str
    """Of `backbone.safetensors`."""


class Symbolled(Protocol):
    """A card that names what is recognised."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """The blank, and the phones."""
        ...


Card = TypeVar("Card", bound=Symbolled)


def round_weights(network: nn.Module) -> None:
    """Round every weight in place to what a file keeps: the nearest number of 16 bits.

    Raises:
        BundleError: if a weight is not finite, or too large for 16 bits.
    """
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.copy_(_halved(name, weight))


def save_backbone(network: Backbone, card: BackboneCard, folder: Path) -> BackboneCard:
    """Write a backbone; the card, which is written last, makes it whole.

    Weights are kept in 16 bits, which halves the file: a number is off by 1 part in 2048 at most, by 3 · 10⁻⁸ where it
    is next to zero.

    Args:
        network: with the weights to keep.
        card: its `sha256` is filled in here.
        folder: is made if missing.

    Returns:
        The card as it was written.

    Raises:
        OutputError: if it cannot be written.
        BundleError: as `round_weights`.
    """
    write_weights(network, asdict(card), folder, WEIGHTS)
    return read_card(folder)


def write_weights(network: nn.Module, fields: dict[str, Any], folder: Path, name: str) -> None:
    """Write weights in 16 bits, and a card with their checksum.

    Args:
        network: with the weights to keep.
        fields: of the card; `sha256` is filled in here.
        folder: is made if missing.
        name: of the file of the weights.

    Raises:
        OutputError: if it cannot be written.
        BundleError: as `round_weights`.
    """
    weights = {name: _halved(name, value) for name, value in network.state_dict().items()}
    make_folder(folder)
    held = safetensors.torch.save(weights)
    fields = fields | {"sha256": hashlib.sha256(held).hexdigest()}
    (folder / CARD).unlink(missing_ok=True)
    with write_beside(folder / name) as file:
        file.write(held)
    write_text(folder / CARD, json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _halved(name: str, weight: Tensor) -> Tensor:
    held = weight.detach().to(torch.float16, copy=True).contiguous()
    if not held.isfinite().all():
        most = float(weight.detach().abs().max())
        raise BundleError(name, f"weights up to {HALF_MOST:g} can be kept, not {most:g}; train with a lower rate")
    return held


def install_backbone(folder: Path, target: Path, *, weights: str = WEIGHTS) -> None:
    """Put a finished backbone where the package, or a user, will load it from; a backbone that is there is replaced.

    Raises:
        OutputError: if something else is there, or the backbone cannot be written.
    """
    install_folder(folder, target, mark=weights, what="backbone")


def read_card(folder: Path) -> BackboneCard:
    """Read the card of a backbone.

    Raises:
        BundleError: if it is missing, or a field is missing, unknown or of the wrong type.
        FormatVersionError: if it was made for another version of the format.
    """
    table = table_of_card(folder)
    if ENCODER in table:
        raise BundleError(
            str(folder), f"it is a head on {table[ENCODER]}, and a network of its own is wanted; name another backbone"
        )
    card = card_of(BackboneCard, table, folder)
    if card.front_end != FrontEnd():
        raise BundleError(str(folder), f"it hears {card.front_end}; this version takes {FrontEnd()}")
    return card


def table_of_card(folder: Path) -> dict[str, Any]:
    """Read the card in a folder, of a network of its own or of a head, as it stands there.

    Raises:
        BundleError: if it is missing or no JSON.
        FormatVersionError: if it was made for another version of the format.
    """
    try:
        table = json.loads((folder / CARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(str(folder), f"{CARD} cannot be read ({error}); name the folder of a backbone") from error
    told = table.get("format") if isinstance(table, dict) else None
    if told != FORMAT:
        raise FormatVersionError(str(folder), f"its format is {told!r}; this version reads {FORMAT}")
    return dict(table)


def is_head(folder: Path) -> bool:
    """Tell a head on another network from a network of its own.

    Raises:
        BundleError, FormatVersionError: as `table_of_card`.
    """
    return ENCODER in table_of_card(folder)


def card_of(kind: type[Card], table: dict[str, Any], folder: Path) -> Card:
    """Make a card of what stands in a file.

    Raises:
        BundleError: if a field is missing, unknown or of the wrong type, or the symbols are others.
    """
    problems: list[str] = []
    card = parse_record(kind, table, problems)
    if card is None:
        raise BundleError(str(folder), f"{CARD}: {'; '.join(problems)}")
    if card.symbols != SYMBOLS:
        raise BundleError(str(folder), f"its {len(card.symbols)} symbols are not the {len(SYMBOLS)} of this version")
    return card


def fill(network: nn.Module, folder: Path, name: str, sha256: str) -> None:
    """Give a network the weights of a file, for evaluation: every byte and every name must be what was written.

    Args:
        network: of the sizes on the card.
        folder: of the file.
        name: of the file.
        sha256: of its bytes, on the card.

    Raises:
        BundleError: if it is missing, or the weights are not those of the sizes on the card.
        ChecksumError: if the weights are not those that were written.
    """
    try:
        held = (folder / name).read_bytes()
    except OSError as error:
        raise BundleError(str(folder), f"{name} cannot be read ({error.strerror}); copy the folder anew") from error
    found = hashlib.sha256(held).hexdigest()
    if found != sha256:
        raise ChecksumError(
            str(folder), f"{name} has the checksum {found[:12]}…, not {sha256[:12]}…; copy the folder anew"
        )
    try:
        network.load_state_dict(safetensors.torch.load(held), strict=True)
    except (RuntimeError, safetensors.SafetensorError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise BundleError(str(folder), f"{name} is not of the sizes on the card ({reason})") from error
    network.eval()


def load_backbone(folder: Path) -> tuple[Backbone, BackboneCard]:
    """Load a backbone, ready to be asked: every byte and every name must be what was written.

    Raises:
        BundleError: if a file is missing, or the weights are not those of the sizes on the card.
        ChecksumError: if the weights are not those that were written.
        FormatVersionError: as `read_card`.
        ConfigError: if no network has the sizes on the card.
    """
    card = read_card(folder)
    network = Backbone(card.sizes)
    fill(network, folder, WEIGHTS, card.sha256)
    return network, card
