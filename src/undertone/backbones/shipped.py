"""The backbones that come with the package, each a folder beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from undertone.backbones.files import CARD, WEIGHTS
from undertone.errors import ConfigError

HOME: Final = Path(__file__).parent


def shipped_backbones(weights: str = WEIGHTS) -> tuple[str, ...]:
    """Name the backbones that come with the package, in order.

    Args:
        weights: the file of the weights, which tells a network of its own from a head on another.
    """
    return tuple(sorted(card.parent.name for card in HOME.glob(f"*/{CARD}") if (card.parent / weights).is_file()))


def backbone_folder(place: str, weights: str = WEIGHTS) -> Path:
    """Find a backbone.

    Args:
        place: its folder, or the name of one that comes with the package; a folder of that name comes first.
        weights: as `shipped_backbones`.

    Raises:
        ConfigError: if it is neither; the names that there are are listed.
    """
    if Path(place).is_dir():
        return Path(place)
    shipped = shipped_backbones(weights)
    if place in shipped:
        return HOME / place
    there = f"with this version come {', '.join(shipped)}" if shipped else "none comes with this version"
    raise ConfigError(
        f"backbone {place}",
        ["there is no such folder, and no backbone of that name", there, f"name a folder with {CARD} and {weights}"],
    )
