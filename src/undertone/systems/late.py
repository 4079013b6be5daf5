"""Late fusion: systems that learned apart answer together."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from undertone.systems.base import Outputs


class LateFusion(nn.Module):
    """Says the mean of the probabilities that systems give.

    log Σₛ softmax(zₛ) − log S, for the logits zₛ of S systems. Weights are even: none is fitted, so none can be fitted
    too well.

    Args:
        systems: trained; each maps (features, lengths) to `Outputs`.
    """

    def __init__(self, *systems: nn.Module) -> None:
        super().__init__()
        self.systems = nn.ModuleList(systems)

    def forward(self, features: Tensor, lengths: Tensor) -> Outputs:
        """Judge windows.

        Args:
            features: log-mel, shape (batch, frame, mel).
            lengths: real frames, shape (batch,).

        Returns:
            Logits that are logarithms of probabilities, shape (batch, label), and the embeddings side by side.
        """
        given: list[Outputs] = [system(features, lengths) for system in self.systems]
        told = torch.stack([each.logits.log_softmax(dim=-1) for each in given])
        return Outputs(
            logits=told.logsumexp(dim=0) - math.log(len(given)),
            embedding=torch.cat([each.embedding for each in given], dim=-1),
        )
