"""Layers that systems are composed of. Each takes flat, keyword-only numbers and says its shapes."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from undertone.backbones.lengths import frame_mask, halved

LEAST_DEVIATION: Final = 1e-3
"""A channel that moves less in training is not blown up."""


class Standardised(nn.Module):
    """(x − m) / s for each channel, with constants that are taken from training material once, before training.

    A norm of each frame cannot do that: channels that move much in all speech would go on drowning the others.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def settle(self, values: Tensor) -> None:
        """Take the constants from values (…, width), all of them real."""
        rows = values.reshape(-1, values.shape[-1]).double()
        self.mean.copy_(rows.mean(dim=0))
        self.deviation.copy_(rows.std(dim=0, correction=0).clamp(min=LEAST_DEVIATION))

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, width) to the same shape."""
        return (x - self.mean) / self.deviation


class ScaledLogMel(nn.Module):
    """Makes log-mel independent of gain, and offers it once with the room's and the line's colour and once without.

    The first view is x − mean over frames and bins; the second x − mean over frames of each bin. Both are divided by a
    constant. Energies are held within `range_nats` of the loudest one first: digital silence is no outlier then.
    Reconstruction: no source beyond common practice (Whisper's front end clamps at 8 decades below the maximum).
    """

    def __init__(self, *, range_nats: float = 18.0, scale: float = 4.0) -> None:
        super().__init__()
        self.range_nats = range_nats
        self.scale = scale

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, mel) and its mask (batch, frame) to (batch, view=2, frame, mel)."""
        real = mask[:, :, None]
        loudest = features.masked_fill(~real, -torch.inf).amax(dim=(1, 2), keepdim=True)
        clamped = torch.maximum(features, loudest - self.range_nats) * real
        count = real.sum(dim=1, keepdim=True)
        bin_mean = clamped.sum(dim=1, keepdim=True) / count
        level = bin_mean.mean(dim=2, keepdim=True)
        views = torch.stack((clamped - level, clamped - bin_mean), dim=1) / self.scale
        return views * real[:, None]


class MaskedConvStem(nn.Module):
    """Two 3×3 convolutions of stride 2 over (frame, mel), then a projection: four times fewer frames."""

    def __init__(self, *, views: int, mel_bins: int, channels: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(views, channels, 3, stride=2, padding=1)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.second_norm = nn.BatchNorm2d(channels)
        self.project = nn.Linear(channels * ((mel_bins + 3) // 4), width)

    def forward(self, views: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, view, frame, mel) and lengths (batch,) to (batch, frame/4, width) and lengths."""
        lengths = halved(lengths)
        x = nn.functional.silu(self.first_norm(self.first(views)))
        x = x * frame_mask(lengths, x.shape[2])[:, None, :, None]
        lengths = halved(lengths)
        x = nn.functional.silu(self.second_norm(self.second(x)))
        x = self.project(x.transpose(1, 2).flatten(2))
        return x * frame_mask(lengths, x.shape[1])[:, :, None], lengths


class ConvBlock(nn.Module):
    """A residual block: gated depthwise convolution over frames, then squeeze-and-excitation over the whole window.

    The convolution module of the Conformer (Gulati et al. 2020, section 2.2) followed by the gate of Hu et al. (2018).
    """

    def __init__(self, *, width: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.depthwise_norm = nn.BatchNorm1d(width)
        self.squeeze = nn.Linear(width, width // 4)
        self.excite = nn.Linear(width // 4, width)
        self.contract = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, width) to the same shape; `mask` is (batch, frame)."""
        real = mask[:, :, None]
        y = nn.functional.glu(self.expand(self.norm(x)), dim=-1) * real
        y = self.depthwise_norm(self.depthwise(y.transpose(1, 2))).transpose(1, 2)
        y = nn.functional.silu(y) * real
        summary = y.sum(dim=1) / real.sum(dim=1)
        gate = torch.sigmoid(self.excite(nn.functional.silu(self.squeeze(summary))))
        y = self.contract(y * gate[:, None, :])
        return (x + self.dropout(y)) * real


class AttentiveStatisticsPooling(nn.Module):
    """Weighted mean and deviation over frames, with weights softmax_t(V tanh(W x_t)) for each channel.

    Okabe et al. 2018, equations 5 and 6.
    """

    def __init__(self, *, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, hidden)
        self.score = nn.Linear(hidden, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, width) and its mask (batch, frame) to (batch, 2·width)."""
        scores = self.score(torch.tanh(self.hidden(x))).masked_fill(~mask[:, :, None], -torch.inf)
        weights = scores.softmax(dim=1)
        mean = (weights * x).sum(dim=1)
        variance = (weights * x.square()).sum(dim=1) - mean.square()
        return torch.cat((mean, variance.clamp(min=1e-6).sqrt()), dim=1)
