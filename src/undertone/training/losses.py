"""Losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def partial_label_loss(logits: Tensor, targets: Tensor, allowed: Tensor, *, smoothing: float) -> Tensor:
    """Cross-entropy over the labels that each utterance's corpus has.

    A corpus that never recorded disgust says nothing about disgust: its utterances leave that score alone instead of
    pushing it down. Smoothing spreads over the allowed labels only.

    Args:
        logits: shape (batch, label).
        targets: shape (batch,), each an allowed label.
        allowed: booleans, shape (batch, label).
        smoothing: share of the target spread evenly over the allowed labels.

    Returns:
        The mean over the batch, a scalar.
    """
    logs = logits.masked_fill(~allowed, -torch.inf).log_softmax(dim=1)
    hit = logs.gather(1, targets[:, None])[:, 0]
    spread = logs.masked_fill(~allowed, 0).sum(dim=1) / allowed.sum(dim=1)
    return -((1 - smoothing) * hit + smoothing * spread).mean()
