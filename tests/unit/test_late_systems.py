"""Systems that are fused late say the mean of their probabilities."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from undertone.systems.base import Outputs
from undertone.systems.compact import SYSTEM
from undertone.systems.late import LateFusion


class Says(nn.Module):
    """Gives every window the same logits."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.logits = torch.tensor(logits)

    def forward(self, features: Tensor, lengths: Tensor) -> Outputs:
        rows = self.logits.expand(len(features), -1)
        return Outputs(logits=rows, embedding=rows[:, :1])


def test_probabilities_are_averaged_and_not_logits() -> None:
    sure, even = Says(50.0, 0.0), Says(0.0, 0.0)
    told = LateFusion(sure, even)(torch.zeros(3, 4, 5), torch.tensor([4, 4, 4]))
    torch.testing.assert_close(told.logits.exp(), torch.tensor([[0.75, 0.25]] * 3))
    assert told.embedding.shape == (3, 2)


def test_one_alone_keeps_its_answer_whatever_is_added_to_its_logits() -> None:
    logits = torch.tensor([2.0, -1.0, 0.5])
    for shift in (0.0, 80.0, -80.0):
        told = LateFusion(Says(*(logits + shift).tolist()))(torch.zeros(1, 2, 3), torch.tensor([2]))
        torch.testing.assert_close(told.logits[0].exp(), logits.softmax(dim=0), atol=1e-5, rtol=1e-4)


def test_both_learn_nothing_of_each_other_and_padding_does_not_matter() -> None:
    torch.manual_seed(0)
    networks = [SYSTEM.build(SYSTEM.sizes(mel_bins=16, labels=7)) for _ in range(2)]
    fused = LateFusion(*networks).eval()
    features = torch.randn(2, 80, 16)
    alone = fused(features[1:, :60], torch.tensor([60])).logits
    padded = fused(torch.cat([features[:1], torch.cat([features[1:, :60], torch.zeros(1, 20, 16)], dim=1)]),
                   torch.tensor([80, 60])).logits  # fmt: skip
    torch.testing.assert_close(padded[1:], alone, atol=1e-5, rtol=1e-4)
    assert len(list(fused.parameters())) == 2 * len(list(networks[0].parameters()))
