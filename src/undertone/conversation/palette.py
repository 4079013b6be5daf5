"""How the seven emotions look: a colour for each theme, a one-letter code and a pattern, so that colour is never alone.

The colours follow Okabe & Ito (2008, "Color Universal Design") and Paul Tol (2021, SRON technical note EPS/TN/09-002)
in hue; lightness was then searched for the largest distance between any two, seen with full colour vision and with
each of the three dichromacies (Machado et al. 2009), under the condition that every colour stands out from the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.records import Abstention

if TYPE_CHECKING:
    from undertone.records import TurnEmotion


@dataclass(frozen=True, kw_only=True)
class Look:
    """How one emotion, or one reason to abstain, is drawn."""

    code: str
    """One character, different for every look; ASCII, so that any terminal can print it."""
    light: str
    """Colour `#RRGGBB` on a light page; also used in terminals, where it stands out from black and from white."""
    dark: str
    """Colour `#RRGGBB` on a dark page."""
    pattern: str
    """SVG path data of the strokes in a tile of 8 by 8; empty for a plain surface."""


LIGHT_PAGE: Final = "#FFFFFF"
DARK_PAGE: Final = "#191B1F"
"""What the colours are drawn on; `LIGHT_PAGE` likewise."""

LOOKS: Final = {
    "neutral": Look(code="N", light="#8C8A84", dark="#B8B6AF", pattern=""),
    "happy": Look(code="H", light="#BF871D", dark="#F0B450", pattern="M2 2h.1M6 6h.1"),
    "sad": Look(code="S", light="#4571C4", dark="#5B76B8", pattern="M0 2h8M0 6h8"),
    "angry": Look(code="A", light="#BB0A06", dark="#E86118", pattern="M-1 1l2-2M0 8l8-8M7 9l2-2"),
    "fearful": Look(code="F", light="#A24989", dark="#BF7CD5", pattern="M0 6l2-4 2 4 2-4 2 4"),
    "disgusted": Look(code="D", light="#00684A", dark="#0FA377", pattern="M0 0l8 8M0 8l8-8"),
    "surprised": Look(code="!", light="#2C9CD1", dark="#56D0FF", pattern="M2 0v8M6 0v8"),
}
"""Keys: `undertone.labels.EMOTIONS`."""

ABSTAINED: Final = {
    Abstention.UNCERTAIN: Look(code="?", light="#6B7078", dark="#9AA0A8", pattern="M-1 7l2 2M0 0l8 8M7-1l2 2"),
    Abstention.TOO_SHORT: Look(code="-", light="#6B7078", dark="#9AA0A8", pattern="M0 4h4"),
    Abstention.SILENT: Look(code="_", light="#6B7078", dark="#9AA0A8", pattern="M4 4h.1"),
}
"""Turns without a label: one neutral colour, never filled, told apart by pattern and code."""

OTHER: Final = Look(code="*", light="#6B7078", dark="#9AA0A8", pattern="M0 4h8M4 0v8")
"""A label that a bundle names beside the seven emotions."""


def look_of(name: str) -> Look:
    """Find how a label or a reason to abstain is drawn; `OTHER` for a label beside the seven emotions."""
    for reason, look in ABSTAINED.items():
        if reason.value == name:
            return look
    return LOOKS.get(name, OTHER)


def outcome_of(item: TurnEmotion) -> str:
    """Name what a turn is drawn as: its label, or its reason to abstain."""
    return item.label if item.label is not None else str(item.abstention)


def contrast(first: str, second: str) -> float:
    """Measure how far two colours `#RRGGBB` stand apart, from 1 (equal) to 21 (black and white).

    Source: WCAG 2.2, "contrast ratio" and "relative luminance".
    """
    brighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def ink_on(colour: str) -> str:
    """Choose black or white for text on a colour `#RRGGBB`, whichever is easier to read."""
    return max("#000000", "#FFFFFF", key=lambda ink: contrast(ink, colour))


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
