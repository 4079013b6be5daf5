"""How a timeline's numbers and words are written, the same in every format."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.units import samples_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.records import Recording, TurnEmotion
    from undertone.units import Seconds

UNCLEAR: Final = "unclear"
"""What stands in the place of an emotion where the system abstains; an empty place would read as no turn at all."""

_STEPS: Final = 10_000
"""Probabilities are written in steps of 1/10 000: four decimals."""

# XML 1.0, section 2.2, production Char: what is outside may not occur in XML at all, and the other formats gain
# nothing from it.
_NOT_TEXT: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def rounded_probabilities(probabilities: NDArray[np.float32]) -> tuple[float, ...]:
    """Round to four decimals so that the sum stays 1 and the order is kept (method of the largest remainder).

    Shape (label,) in, one number a label out. Rounding the result once more changes nothing.

    Raises:
        ValueError: if a probability is negative or not finite, or all are 0.
    """
    exact = probabilities.astype(np.float64)
    if not (np.isfinite(exact).all() and (exact >= 0).all() and exact.sum() > 0):
        raise ValueError(f"probabilities are numbers from 0 to 1 that sum to 1, not {exact.tolist()}")
    steps = exact / exact.sum() * _STEPS
    whole = np.floor(steps).astype(np.int64)
    missing = _STEPS - int(whole.sum())
    whole[np.argsort(whole - steps, kind="stable")[:missing]] += 1
    return tuple(count / _STEPS for count in whole.tolist())


def rounded_confidence(item: TurnEmotion) -> float | None:
    """The largest probability as it is written; None where the turn could not be judged."""
    return None if item.probabilities is None else max(rounded_probabilities(item.probabilities))


def milliseconds(start: Seconds, end: Seconds) -> tuple[int, int]:
    """Round a stretch of time to milliseconds, and keep at least one of them."""
    first = samples_for(start, 1000)
    return first, max(first + 1, samples_for(end, 1000))


def emotion_word(item: TurnEmotion) -> str:
    """The label, or `UNCLEAR` where the system abstains."""
    return UNCLEAR if item.label is None else item.label


def verdict(item: TurnEmotion) -> str:
    """What people read: `angry 82 %`, or `unclear`."""
    confidence = rounded_confidence(item)
    if item.label is None or confidence is None:
        return UNCLEAR
    return f"{item.label} {int(confidence * 100 + 0.5)} %"


def well_formed(text: str) -> str:
    """Replace what no UTF-8 file and no XML may hold (control characters, half surrogates) by U+FFFD."""
    return _NOT_TEXT.sub("\ufffd", text)


def one_line(text: str) -> str:
    """Collapse every run of white space, line breaks included, to one space."""
    return well_formed(" ".join(text.split()))


def one_word(name: str) -> str:
    """Make a name hold together where white space parts fields: `_` for white space, `'` for the quotation mark."""
    return one_line(name).replace(" ", "_").replace('"', "'")


def recording_name(recording: Recording) -> str:
    """The file's name without its folders: the path would tell who works where."""
    return one_line(PurePath(recording.path).name)
