"""How a speaker usually sounds in a recording: what their turns are held against (speaker normalisation).

Mean and spread of the vectors of their turns, added up turn by turn (West 1979, "Updating mean and variance estimates",
Communications of the ACM 22), in double precision, so that the order of the turns changes rounding only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.inference.card import Baseline
    from undertone.units import Seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeakerStatistics:
    """What is known of one speaker's turns so far."""

    count: float
    """Turns, short ones in part; 0 for a stranger."""
    mean: NDArray[np.float64]
    """Of the turns' vectors by weight, shape (number,)."""
    squares: NDArray[np.float64]
    """Weighted sum of squared distances from the mean, shape (number,)."""

    @property
    def deviation(self) -> NDArray[np.float64]:
        """Spread of the turns around the mean, shape (number,); 0 after one turn, and 1 for a stranger."""
        return np.sqrt(self.squares / self.count) if self.count else np.ones_like(self.squares)


def stranger(numbers: int) -> SpeakerStatistics:
    """Know nothing of a speaker yet, with vectors of so many numbers."""
    return SpeakerStatistics(count=0.0, mean=np.zeros(numbers), squares=np.zeros(numbers))


def with_turn(statistics: SpeakerStatistics, vector: NDArray[np.floating], weight: float) -> SpeakerStatistics:
    """Add a turn to what is known of its speaker.

    Args:
        statistics: of the turns before; they are not changed.
        vector: of the turn, shape (number,).
        weight: as how much of a turn it counts; one of 0 changes nothing.

    Raises:
        ValueError: if the weight is below 0.
    """
    if weight < 0:
        raise ValueError(f"a turn counts as 0 turns or more, not as {weight}")
    if not weight:
        return statistics
    count = statistics.count + weight
    away = vector.astype(np.float64) - statistics.mean
    mean = statistics.mean + away * (weight / count)
    # One factor is measured from the old mean and one from the new: the product is never negative.
    return SpeakerStatistics(count=count, mean=mean, squares=statistics.squares + weight * away * (vector - mean))


def weight_of(baseline: Baseline, duration: Seconds) -> float:
    """Say as how much of a turn one of this length counts in its speaker's baseline."""
    return 0.0 if duration < baseline.shortest_s else min(1.0, duration / baseline.full_turn_s)
