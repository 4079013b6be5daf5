"""Segments of speech: what a phone, a syllable or a word is, from the frames that it spans.

Zhao, Wang, Wang: Multi-level fusion of wav2vec 2.0 and BERT (arXiv 2207.04697). Sourced: that there are embeddings of
phones, syllables and words beside those of frames. Inferred: every formula here.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

POOLINGS: Final = ("mean", "attention")
"""How frames of a segment become one vector."""


def membership(bounds: Tensor, frames: int) -> Tensor:
    """Tell which frame belongs to which segment.

    Args:
        bounds: first frame and the one after the last of every segment, shape (batch, segment, 2).
        frames: how many there are.

    Returns:
        Booleans, shape (batch, segment, frame).
    """
    places = torch.arange(frames, device=bounds.device)
    return (places >= bounds[:, :, :1]) & (places < bounds[:, :, 1:])


class SegmentPooling(nn.Module):
    """S_k = Σ_t a_kt A_t over the frames of segment k, with a_kt even, or softmax over them of wᵀ tanh(W A_t).

    All segments of a batch at once, as one product of matrices: of 4 s of speech it is 50 × 100, mostly zeros, and
    still far quicker than a loop.
    """

    def __init__(self, *, pooling: str, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width) if pooling == "attention" else None
        self.score = nn.Linear(width, 1, bias=False) if pooling == "attention" else None

    def forward(self, states: Tensor, bounds: Tensor) -> Tensor:
        """Pool.

        Args:
            states: shape (batch, frame, width); finite beyond the real ones, too.
            bounds: as `membership` takes them, at least one frame in each; padding is any such segment.

        Returns:
            Shape (batch, segment, width).
        """
        inside = membership(bounds, states.shape[1])
        if self.hidden is None or self.score is None:
            weights = inside / inside.sum(dim=2, keepdim=True)
        else:
            scores = self.score(torch.tanh(self.hidden(states))).transpose(1, 2).float()
            weights = scores.expand_as(inside).masked_fill(~inside, -torch.inf).softmax(dim=2)
        return weights.to(states.dtype) @ states


def sinusoids(steps: int, width: int) -> Tensor:
    """Positions as sines and cosines, shape (step, width) (Vaswani et al. 2017, section 3.5)."""
    pairs = torch.arange(0, width, 2, dtype=torch.float32)
    angles = torch.arange(steps, dtype=torch.float32)[:, None] * torch.exp(-math.log(10_000.0) * pairs / width)
    return torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)[:, :width]
