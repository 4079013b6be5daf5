"""Attention between two sequences: one asks, the other is asked, or both do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

ASKERS: Final = ("both", "speech", "text")
"""Which of two sequences asks the other in a `CoAttention`."""


class AskingLayer(nn.Module):
    """One feature asks the other: x̃ = LN(x + MHA(x, y, y)), LN(x̃ + FFN(x̃)), with an FFN four times as wide.

    Post-norm, as in ViLBERT (Lu et al. 2019). Without positions: which frame y stands in is not known.
    """

    def __init__(self, *, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.ask = nn.Linear(width, width)
        self.told = nn.Linear(width, 2 * width)
        self.answer = nn.Linear(width, width)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.feed_forward_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.fused = True
        """Whether PyTorch's own attention is called; without it matrices are multiplied, which computes the same."""

    def forward(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Let one sequence ask another.

        Args:
            x: who asks, shape (batch, step, width).
            y: who is asked, shape (batch, other step, width).
            mask: which steps of y are real, shape (batch, other step); at least one of each item.

        Returns:
            The asker's new state, shape (batch, step, width).
        """
        x = self.attention_norm(x + self.dropout(self._answer(x, y, mask)))
        asked: Tensor = self.feed_forward_norm(x + self.dropout(self.feed_forward(x)))
        return asked

    def _answer(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Attention in float32 and without dropout of its weights: only for that is there a fast kernel on a CPU."""
        query, key, value = (
            each.unflatten(2, (self.heads, -1)).transpose(1, 2).float()
            for each in (self.ask(x), *self.told(y).chunk(2, dim=2))
        )
        beyond = torch.zeros_like(mask, dtype=torch.float32).masked_fill(~mask, -torch.inf)[:, None, None]
        with torch.autocast(x.device.type, enabled=False):
            if self.fused:
                answer = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=beyond)
            else:
                scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3]) + beyond
                answer = scores.softmax(dim=3) @ value
        found: Tensor = self.answer(answer.transpose(1, 2).flatten(2))
        return found


def asking_layers(count: int, *, width: int, heads: int, dropout: float) -> nn.ModuleList:
    """Build so many layers that ask one after the other."""
    return nn.ModuleList(AskingLayer(width=width, heads=heads, dropout=dropout) for _ in range(count))


class CoAttention(nn.Module):
    """Speech and text ask each other, layer by layer: X' = L(X, T), T' = L(T, X), both of the layer before.

    The co-attentional transformer layer of ViLBERT (Lu et al. 2019, section 3.1), without the self-attention that
    follows it there. Of one asker alone, the other sequence stays as it is.
    """

    def __init__(self, *, asker: str, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()

        self.speech_asks = asking_layers(
            layers if asker in {"both", "speech"} else 0, width=width, heads=heads, dropout=dropout
        )
        self.text_asks = asking_layers(
            layers if asker in {"both", "text"} else 0, width=width, heads=heads, dropout=dropout
        )

    def forward(self, speech: Tensor, text: Tensor, speech_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Let them ask each other.

        Args:
            speech: shape (batch, step, width).
            text: shape (batch, token, width).
            speech_mask: which steps are real, shape (batch, step).
            text_mask: which tokens are real, shape (batch, token).

        Returns:
            Both, in their shapes.
        """
        for layer in range(max(len(self.speech_asks), len(self.text_asks))):
            before = speech, text
            if len(self.speech_asks):
                speech = self.speech_asks[layer](before[0], before[1], text_mask)
            if len(self.text_asks):
                text = self.text_asks[layer](before[1], before[0], speech_mask)
        return speech, text
