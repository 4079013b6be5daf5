"""Lengths of the items of a batch: which frames are real, and what a convolution leaves of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """Mark the real frames, from true lengths and never from values.

    Args:
        lengths: shape (batch,), integers.
        frames: size of the padded axis.

    Returns:
        Booleans, shape (batch, frame).
    """
    return torch.arange(frames, device=lengths.device)[None, :] < lengths[:, None]


def halved(lengths: Tensor) -> Tensor:
    """Lengths behind a convolution of stride 2 with a kernel of 3 and padding of 1: half, rounded up."""
    return (lengths + 1) // 2
