"""Time and level: the one place where seconds, samples, frames and decibels meet.

Inside the package time is an integer count of samples or frames; seconds appear at the edge, in records and files.
"""

import math
from typing import Final

Seconds = float
Hertz = int
Decibels = float

SAMPLE_RATE: Final[Hertz] = 16_000
"""The rate of every waveform behind the decoder, in samples per second."""


def samples_for(seconds: Seconds, sample_rate: Hertz) -> int:
    """Count the samples in a length of time, rounding halves up (never to even, so that equal lengths stay equal).

    Raises:
        ValueError: if `seconds` is negative or not finite, or `sample_rate` is not positive.
    """
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"a length of time must be a number of seconds from 0 up, not {seconds}")
    if sample_rate <= 0:
        raise ValueError(f"a sample rate must be positive, not {sample_rate} Hz")
    return math.floor(seconds * sample_rate + 0.5)


def seconds_for(samples: int, sample_rate: Hertz) -> Seconds:
    """Convert a count of samples to seconds."""
    return samples / sample_rate


def exact_div(dividend: int, divisor: int) -> int:
    """Divide, and refuse to round.

    Raises:
        ValueError: if `divisor` does not divide `dividend`.
    """
    if dividend % divisor:
        raise ValueError(f"{divisor} does not divide {dividend}")
    return dividend // divisor


def clock(seconds: Seconds) -> str:
    """Write a time for people: `0:07.3`, `12:05.0`, `1:02:03.4`."""
    tenths = math.floor(seconds * 10 + 0.5)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    tail = f"{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{minutes:02d}:{tail}" if hours else f"{minutes}:{tail}"
