"""What every transcriber gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from undertone.records import Word


@dataclass(frozen=True, kw_only=True, eq=False)
class Transcriber:
    """What hears words in speech whose text is not known."""

    name: str
    """With its version and model, as a timeline tells of it."""
    language: str
    """What it hears, in words: `English`, or `the language it takes for the one that is spoken`."""
    hear: Callable[[NDArray[np.float32]], tuple[Word, ...]]
    """Gives the words of at most `undertone.audio.stretches.LONGEST_S` of sound at 16 kHz, shape (sample,): in order,
    with times from its beginning, and as their confidence the probability that they are right, as far as it can tell.
    What was heard before changes nothing."""
