"""Scores of phones that were heard for certain, as a recogniser would give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from undertone.speech.phones import BLANK, SYMBOLS, indices_of


def heard_for(*runs: tuple[str, int], sure: float) -> NDArray[np.float64]:
    """Log-probabilities of phones, or of `-` for a pause, that last so many frames."""
    symbols = [BLANK if name == "-" else indices_of((name,))[0] for name, count in runs for _ in range(count)]
    scores = np.zeros((len(symbols), len(SYMBOLS)))
    scores[np.arange(len(symbols)), symbols] = sure
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
