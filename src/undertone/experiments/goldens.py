"""What a bundle's golden answers are asked about: noise, and made-up text. A bundle carries nobody's speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.stretches import SUBSAMPLING
from undertone.speech.script import Script

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.audio.fbank import FrontEnd
    from undertone.inference.card import Reads, Windows


def golden_windows(windows: Windows, front_end: FrontEnd, *, seed: int) -> list[NDArray[np.float32]]:
    """Make a few windows of unlike lengths, each of shape (frame, mel)."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(8.0, 4.0, (length, front_end.mel_bins)).astype(np.float32) for length in _lengths(windows, front_end)
    ]


def golden_scripts(reads: Reads | None, windows: Windows, front_end: FrontEnd) -> list[Script]:
    """Say what is read of these windows: as much as can be, a little, and nothing; no script where the system hears."""
    if reads is None:
        return []
    scripts = []
    for frames, tokens in zip(_lengths(windows, front_end), (reads.most_tokens, 5, 0), strict=True):
        heard = -(-frames // SUBSAMPLING)
        edges = np.linspace(0, heard, min(heard, 6) + 1).astype(np.int64)
        bounds = np.stack((edges[:-1], edges[1:]), axis=1)
        scripts.append(
            Script(
                tokens=np.arange(tokens, dtype=np.int64) % 5 + 1,
                segments={
                    name: bounds[min(place, len(bounds) - 1) :] for place, name in enumerate(reads.granularities)
                },
            )
        )
    return scripts


def _lengths(windows: Windows, front_end: FrontEnd) -> tuple[int, int, int]:
    longest = round(windows.length_s * 1000 / front_end.hop_length_ms)
    return longest, longest // 3, 7
