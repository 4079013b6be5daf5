"""The two features of a frame that a phone recogniser gives: what is said, and how.

Reconstruction of Qieemo's features (arXiv 2503.22687). Sourced: that both come from the recogniser, stand on one frame
clock, and are a phonetic posteriorgram and states of middle blocks. Inferred: every formula here.
"""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn

from undertone.systems.layers import Standardised

POSTERIORGRAMS: Final = ("posterior", "log-posterior", "logits", "bottleneck", "top-k")
"""What may stand for the content of a frame; `bottleneck` is the last block's state, the others are of the scores."""

LEAST_VARIANCE: Final = 1e-6
"""Is added to every variance: the root of 0 has no slope."""


def posteriorgram(scores: Tensor, *, kind: str, temperature: float, most_symbols: int) -> Tensor:
    """Turn scores of symbols into what is told of them; the blank keeps its place.

    Args:
        scores: unnormalised, shape (batch, frame, symbol).
        kind: one of `POSTERIORGRAMS` but `bottleneck`.
        temperature: what scores are divided by first.
        most_symbols: of `top-k`, how many posteriors of a frame stay; the others become zero, and the sum may fall
            below 1.

    Returns:
        Shape (batch, frame, symbol).
    """
    scores = scores / temperature
    if kind == "logits":
        return scores
    if kind == "log-posterior":
        return scores.log_softmax(dim=-1)
    posteriors = scores.softmax(dim=-1)
    if kind == "posterior":
        return posteriors
    kept = posteriors.topk(most_symbols, dim=-1)
    return torch.zeros_like(posteriors).scatter(-1, kept.indices, kept.values)


class ContentFeature(nn.Module):
    """What is said in a frame: p = LN(GELU(W_p P)), where P is the posteriorgram or the last block's state."""

    def __init__(
        self,
        *,
        kind: str,
        temperature: float,
        most_symbols: int,
        width: int,
        symbols: int,
        features: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.temperature = temperature
        self.most_symbols = most_symbols
        self.project = nn.Linear(width if kind == "bottleneck" else symbols, features)
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, last: Tensor, scores: Tensor) -> Tensor:
        """Map the last block (batch, frame, width) and scores (batch, frame, symbol) to (batch, frame, feature)."""
        if self.kind == "bottleneck":
            told = last
        else:
            told = posteriorgram(scores, kind=self.kind, temperature=self.temperature, most_symbols=self.most_symbols)
        found: Tensor = self.dropout(self.norm(nn.functional.gelu(self.project(told))))
        return found


class EmotionFeature(nn.Module):
    """How a frame is said: e = LN(W_e E), E = Σ α_l U_l Z_l(H_l) over the chosen blocks l, α = softmax(a).

    Z_l standardises each channel of a block; see `Standardised`.

    Weighting blocks by learned scalars has its precedent in the layer-adapted fusion of Qifusion-Net, by the authors of
    Qieemo (second hand).
    """

    def __init__(self, *, blocks: int, width: int, features: int, dropout: float) -> None:
        super().__init__()
        self.scales = nn.ModuleList(Standardised(width=width) for _ in range(blocks))
        self.maps = nn.ModuleList(nn.Linear(width, features, bias=False) for _ in range(blocks))
        self.mixture = nn.Parameter(torch.zeros(blocks)) if blocks > 1 else None  # one block has nothing to weigh
        self.project = nn.Linear(features, features)
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)

    def settle(self, states: Tensor) -> None:
        """Take what standardises the chosen blocks from their states (block, frame, width)."""
        for scale, rows in zip(self.scales, states, strict=True):
            cast("Standardised", scale).settle(rows)

    def forward(self, states: Tensor) -> Tensor:
        """Map the chosen blocks' states (batch, block, frame, width) to (batch, frame, feature)."""
        scaled = [scale(state) for scale, state in zip(self.scales, states.unbind(dim=1), strict=True)]
        maps: list[Tensor] = [each.get_parameter("weight") for each in self.maps]
        if self.mixture is not None:
            maps = [each * share for each, share in zip(maps, self.mixture.softmax(dim=0), strict=True)]
        mixed = nn.functional.linear(torch.cat(scaled, dim=-1), torch.cat(maps, dim=1))  # one product for all blocks
        found: Tensor = self.dropout(self.norm(self.project(mixed)))
        return found


class BlockStatistics(nn.Module):
    """W Z(u), where u holds the mean and the deviation over time of every channel of the chosen blocks. Ours.

    Z standardises over utterances; see `Standardised`. Qieemo's sources tell of no such path: it is what a linear probe
    of the blocks reads, so that a head with it need not be below one.
    """

    def __init__(self, *, blocks: int, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.scale = Standardised(width=2 * blocks * width)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(2 * blocks * width, hidden, bias=False)

    def settle(self, states: Tensor, mask: Tensor) -> None:
        """Take what standardises from states as `forward` takes them."""
        self.scale.settle(mean_and_deviation(states, mask))

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Map states (batch, block, frame, width), zero where `mask` (batch, frame) is not set, to (batch, hidden)."""
        found: Tensor = self.project(self.dropout(self.scale(mean_and_deviation(states, mask))))
        return found


def mean_and_deviation(states: Tensor, mask: Tensor) -> Tensor:
    """Mean and deviation over the real frames.

    Args:
        states: shape (batch, block, frame, width), zero where the mask is not set.
        mask: shape (batch, frame).

    Returns:
        Shape (batch, 2·block·width), all means first.
    """
    real = mask[:, None, :, None]
    states = states.float()
    count = real.sum(dim=2)
    mean = states.sum(dim=2) / count
    variance = ((states - mean[:, :, None]).square() * real).sum(dim=2) / count
    deviation = (variance + LEAST_VARIANCE).sqrt()
    return torch.cat((mean.flatten(1), deviation.flatten(1)), dim=1)
