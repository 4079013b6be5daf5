"""What every transcriber gives."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from undertone.audio.stretches import stretches_of
from undertone.units import SAMPLE_RATE

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


def words_in(samples: NDArray[np.float32], transcriber: Transcriber) -> tuple[Word, ...]:
    """Hear the words of sound at 16 kHz of any length, shape (sample,), with times from its beginning."""
    return tuple(word for first, part in stretches_of([samples]) for word in heard_from(first, part, transcriber))


def heard_from(first: int, stretch: NDArray[np.float32], transcriber: Transcriber) -> tuple[Word, ...]:
    """Hear a stretch that begins with sample `first` of a whole, from whose beginning times count."""
    start = first / SAMPLE_RATE
    return tuple(replace(word, start=start + word.start, end=start + word.end) for word in transcriber.hear(stretch))
