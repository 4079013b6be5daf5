"""Rows of a speech recogniser: what is kept of its blocks and of its scores of symbols."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final

import torch

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

HALF_LIMIT: Final = torch.finfo(torch.float16).max
"""65504, the largest number of float16."""


def frame_rows(encoder: str, blocks: Tensor, scores: Tensor | None = None) -> NDArray[np.floating]:
    """Put what was heard of every frame into one flat row, as `Layout` says.

    Args:
        encoder: its name, for the message.
        blocks: shape (block, frame, width).
        scores: unnormalised, shape (frame, symbol); None for a network that recognises nothing.

    Returns:
        float16 of shape (frame, block * width + symbol).

    Raises:
        ConfigError: if a number is too large for float16. None is clipped.
    """
    flat = blocks.transpose(0, 1).flatten(start_dim=1)
    rows = flat if scores is None else torch.cat([flat.float(), scores.float()], dim=1)
    peak = float(rows.abs().max())
    if peak >= HALF_LIMIT:
        raise ConfigError(
            f"encoder {encoder}",
            [
                f"its rows reach {peak:.6g}, and frames are kept as float16, which ends at {HALF_LIMIT:.0f}",
                "name the family without -frames, whose rows of whole utterances are float32",
            ],
        )
    return rows.to(torch.float16).numpy()


def joined(states: Tensor, lengths: Tensor, counts: Iterable[int]) -> list[Tensor]:
    """Put the stretches of utterances together again, which were heard in one batch.

    Args:
        states: shape (…, stretch, frame, width).
        lengths: real frames of each stretch, shape (stretch,).
        counts: stretches of each utterance, one at least, in order.

    Returns:
        Of each utterance, shape (…, frame, width).
    """
    kept = [states[..., row, :length, :] for row, length in enumerate(lengths.tolist())]
    ends = accumulate(counts, initial=0)
    return [torch.cat(kept[begin:end], dim=-2) for begin, end in pairwise(ends)]


def moments(blocks: Tensor) -> NDArray[np.floating]:
    """Describe an utterance by every block's mean over time, then its standard deviation (of the frames there are).

    Args:
        blocks: shape (block, frame, width).

    Returns:
        float32 of shape (1, block, 2 * width). The deviation of a single frame is 0: nothing varies.
    """
    values = blocks.float()
    return torch.cat([values.mean(dim=1), values.std(dim=1, correction=0)], dim=1)[None].numpy()
