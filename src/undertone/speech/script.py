"""What a network that reads is given of a window beside its sound: tokens of the transcript, and where segments lie.

Arrays of several windows go by name: `tokens`, and `phone`, `syllable` or `word` for the segments that are asked for,
each with `_count` behind it for how many of its rows are real. NumPy only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Scripts = Mapping[str, NDArray[np.int64]]
    """Of several windows, padded: `tokens` (window, token), segments (window, segment, 2), counts (window,)."""

TOKENS: Final = "tokens"

COUNT: Final = "_count"
"""Behind the name of what is counted."""

LEAST: Final = 2
"""Rows that a padded axis has at least: graphs of some encoders of text take no axis of one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Script:
    """Of one window."""

    tokens: NDArray[np.int64]
    """Numbers of the transcript's tokens, shape (token,); none where there is no transcript."""
    segments: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """By granularity, first frame of the phone recogniser and the one after the last, shape (segment, 2); at least one
    segment of one frame."""


def script_names(granularities: Sequence[str]) -> tuple[str, ...]:
    """Name the arrays that a network asks for.

    Args:
        granularities: of its segments; frames need none.
    """
    return tuple(each for name in (TOKENS, *granularities) for each in (name, name + COUNT))


def padded_scripts(scripts: Sequence[Script]) -> dict[str, NDArray[np.int64]]:
    """Put the scripts of some windows together.

    Tokens are padded with 0, to `LEAST` or more; segments with the first frame.
    """
    tokens = [script.tokens for script in scripts]
    together = {
        TOKENS: _padded(tokens, np.zeros((len(tokens), max(LEAST, *map(len, tokens))), dtype=np.int64)),
        TOKENS + COUNT: np.array([len(each) for each in tokens], dtype=np.int64),
    }
    for name in scripts[0].segments:
        together[name], together[name + COUNT] = padded_segments(
            [script.segments[name] for script in scripts], least=LEAST
        )
    return together


def padded_segments(
    bounds: Sequence[NDArray[np.int64]], *, least: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Put the segments of utterances together; padding is the first frame.

    Args:
        bounds: of each, shape (segment, 2).
        least: segments that the axis has at least.

    Returns:
        Shape (utterance, segment, 2), and how many are real, shape (utterance,).
    """
    none = np.tile(np.array([0, 1], dtype=np.int64), (len(bounds), max(least, *map(len, bounds)), 1))
    return _padded(bounds, none), np.array([len(each) for each in bounds], dtype=np.int64)


def script_alone(scripts: Scripts, row: int) -> dict[str, NDArray[np.int64]]:
    """Take one window of several, without the padding that the others asked for."""
    alone = {name: values[row : row + 1] for name, values in scripts.items()}
    return {
        name: values if name.endswith(COUNT) else values[:, : max(LEAST, int(alone[name + COUNT][0]))]
        for name, values in alone.items()
    }


def segments_within(bounds: NDArray[np.int64], first: int, frames: int) -> NDArray[np.int64]:
    """Take the segments that a window holds some of, on its own frames; where there is none, the whole window is one.

    Args:
        bounds: on the frames of an utterance, shape (segment, 2).
        first: frame of the utterance that the window begins with.
        frames: of the window.
    """
    moved = np.clip(bounds - first, 0, frames)
    held = moved[moved[:, 0] < moved[:, 1]]
    return held if len(held) else np.array([[0, frames]], dtype=np.int64)


def _padded(rows: Sequence[NDArray[np.int64]], into: NDArray[np.int64]) -> NDArray[np.int64]:
    for place, row in enumerate(rows):
        into[place, : len(row)] = row
    return into
