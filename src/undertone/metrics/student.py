"""Student's t for whole degrees of freedom, so that the light half needs no SciPy."""

from __future__ import annotations

import math

import numpy as np


def within_t(t: float, freedom: int) -> float:
    """The probability that Student's t lies within -t and t (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4).

    Args:
        t: 0 or more.
        freedom: degrees of freedom, 1 or more.
    """
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    # The series' factors: 1/2, 3/4, 5/6, … for even and 2/3, 4/5, 6/7, … for odd degrees of freedom.
    steps = np.arange(1 + odd, freedom - 2, 2)
    terms = np.cumprod(np.concatenate([[1.0], steps / (steps + 1) * math.cos(angle) ** 2]))
    if not odd:
        return float(math.sin(angle) * terms.sum())
    series = math.sin(angle) * math.cos(angle) * terms.sum() if freedom > 1 else 0.0
    return float(2 / math.pi * (angle + series))


def t_quantile(level: float, freedom: int) -> float:
    """How far from 0 Student's t stays with this probability, found by halving.

    Args:
        level: above 0, under 1.
        freedom: degrees of freedom, 1 or more.
    """
    low, high = 0.0, 1.0
    while within_t(high, freedom) < level:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if within_t(middle, freedom) < level else (low, middle)
    return (low + high) / 2
