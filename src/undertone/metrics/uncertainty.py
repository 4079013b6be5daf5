"""How far a number could have come out otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


def bootstrap_by_speaker(
    statistic: Callable[[NDArray[np.int64]], float],
    speakers: Sequence[str],
    *,
    draws: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> Estimate:
    """Percentile interval over redrawn speakers, and redrawn items within each (two-stage bootstrap, Davison & Hinkley
    1997, section 3.8: the second stage keeps the interval from collapsing where speakers are few).

    Args:
        statistic: maps indices of items, shape (drawn item,), to a number; nan draws are left out.
        speakers: of the items, in their order.
        draws: how many times to redraw.
        level: of the interval.
        rng: source of the draws.
    """
    names = np.asarray(speakers)
    groups = [np.flatnonzero(names == speaker) for speaker in np.unique(names)]
    values = np.empty(draws)
    for draw in range(draws):
        chosen = rng.integers(len(groups), size=len(groups))
        items = [rng.choice(groups[index], size=len(groups[index])) for index in chosen]
        values[draw] = statistic(np.concatenate(items))
    edge = (1 - level) / 2
    low, high = np.nanquantile(values, [edge, 1 - edge])
    return Estimate(value=statistic(np.arange(len(names))), low=float(low), high=float(high))
