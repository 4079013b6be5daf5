"""Whether two systems differ on the same items."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """On how many items one system is right and the other wrong, and how probable that is if neither is better."""

    only_a: int
    """Items on which only the first is right."""
    only_b: int
    """Items on which only the second is right."""
    p: float
    """Two-sided; 1 where the systems are right on the same items, nan for no items."""


def mcnemar(a_right: NDArray[np.bool_], b_right: NDArray[np.bool_]) -> McNemar:
    """McNemar's exact test (McNemar 1947): a binomial test of the items on which one of two is right.

    It takes items as independent. Where speakers have several, it finds differences too easily; the bootstrap over
    speakers does not.

    Args:
        a_right: whether the first system is right, shape (item,).
        b_right: whether the second is, on the same items.
    """
    only_a = int((a_right & ~b_right).sum())
    only_b = int((b_right & ~a_right).sum())
    if not len(a_right):
        return McNemar(only_a=0, only_b=0, p=math.nan)
    trials = only_a + only_b
    # Whole numbers of any size: their ratio is rounded once, however many items there are.
    term = tail = 1
    for successes in range(1, min(only_a, only_b) + 1):
        term = term * (trials - successes + 1) // successes
        tail += term
    return McNemar(only_a=only_a, only_b=only_b, p=min(1.0, 2 * tail / 2**trials))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Correct p values for being several, so that the chance of any false alarm stays at the level (Holm 1979).

    Args:
        p_values: of one family of tests; nan stays nan and counts for none.

    Returns:
        The corrected ones, in the order given.
    """
    order = sorted((index for index, p in enumerate(p_values) if not math.isnan(p)), key=lambda index: p_values[index])
    corrected = [math.nan] * len(p_values)
    reached = 0.0
    for rank, index in enumerate(order):
        reached = max(reached, min(1.0, (len(order) - rank) * p_values[index]))
        corrected[index] = reached
    return tuple(corrected)
