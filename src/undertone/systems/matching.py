"""A plain head with as many weights as another one: what is more in that is then not its size."""

from __future__ import annotations

import bisect
from dataclasses import replace
from typing import Final

import torch

from undertone.errors import ConfigError
from undertone.systems.qieemo import Head, QieemoHead

MATCHED: Final = 0.02
"""The most by which the counts of weights of two heads that are to be alike may differ, as a share."""


def matched_concat(head: Head, *, blocks: int, width: int, symbols: int, labels: int) -> Head:
    """Find the plain concatenation that has as many weights as a head, within 2 per cent.

    What is more in `head` than in it cannot be its size then. The widest concatenation that is not larger is taken, and
    its classifier is made wider until the counts meet.

    Args:
        head: with the evidence of both features.
        blocks: count of the encoder's blocks, block 0 among them.
        width: of its states.
        symbols: count of the recogniser's symbols.
        labels: count of the emotions.

    Returns:
        A head without MMF and CMA.

    Raises:
        ConfigError: if `head` cannot be built, has no two features, or is smaller than every concatenation.
    """
    if head.evidence != "both":
        raise ConfigError("head", [f"evidence must be 'both' to be matched by a concatenation, not {head.evidence!r}"])

    def weights(candidate: Head) -> int:
        with torch.device("meta"):
            built = QieemoHead(candidate, blocks=blocks, width=width, symbols=symbols, labels=labels)
        return sum(weight.numel() for weight in built.parameters())

    def plain(size: int, hidden: int) -> Head:
        return replace(head, mmf="none", cma="none", topology="parallel", width=size, hidden=hidden)

    wanted = weights(head)
    widths = range(1, 64 * head.width)
    size = max(1, bisect.bisect_right(widths, wanted, key=lambda each: weights(plain(each, head.hidden))))
    spare = wanted - weights(plain(size, head.hidden))
    step = weights(plain(size, head.hidden + 1)) - weights(plain(size, head.hidden))
    found = plain(size, max(1, head.hidden + round(spare / step)))
    if abs(weights(found) - wanted) > MATCHED * wanted:
        raise ConfigError(
            "head", [f"its {wanted} weights are too few for any concatenation; take a larger width or hidden"]
        )
    return found
