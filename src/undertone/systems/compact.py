"""A compact recogniser of our own on log-mel: the first default bundle, and a baseline for every later system.

Not a published system. Masked convolutions, attentive statistics pooling, a linear classifier; about 0.9 M parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from undertone.backbones.lengths import frame_mask
from undertone.systems.base import Outputs, Stream, System
from undertone.systems.layers import AttentiveStatisticsPooling, ConvBlock, MaskedConvStem, ScaledLogMel


@dataclass(frozen=True, kw_only=True)
class CompactSizes:
    """Numbers only; a bundle's card and a checkpoint carry them."""

    mel_bins: int = 80
    labels: int = 7
    channels: int = 32
    width: int = 160
    blocks: int = 6
    kernel: int = 11
    dropout: float = 0.15


class Compact(nn.Module):
    """Log-mel in, emotion scores out."""

    def __init__(self, sizes: CompactSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.scale = ScaledLogMel()
        self.stem = MaskedConvStem(views=2, mel_bins=sizes.mel_bins, channels=sizes.channels, width=sizes.width)
        self.blocks = nn.ModuleList(
            ConvBlock(width=sizes.width, kernel=sizes.kernel, dropout=sizes.dropout) for _ in range(sizes.blocks)
        )
        self.pool = AttentiveStatisticsPooling(width=sizes.width, hidden=sizes.width // 2)
        self.embed = nn.Sequential(nn.LayerNorm(2 * sizes.width), nn.Linear(2 * sizes.width, sizes.width), nn.SiLU())
        self.classify = nn.Sequential(nn.Dropout(2 * sizes.dropout), nn.Linear(sizes.width, sizes.labels))

    def forward(self, features: Tensor, lengths: Tensor) -> Outputs:
        """Judge windows.

        Args:
            features: natural-log mel energies, shape (batch, frame, mel); padding may hold any finite number.
            lengths: real frames of each window, shape (batch,), at least 1.

        Returns:
            `logits` of shape (batch, label) and `embedding` of shape (batch, width).
        """
        views = self.scale(features, frame_mask(lengths, features.shape[1]))
        x, lengths = self.stem(views, lengths)
        mask = frame_mask(lengths, x.shape[1])
        for block in self.blocks:
            x = block(x, mask)
        embedding = self.embed(self.pool(x, mask))
        return Outputs(logits=self.classify(embedding), embedding=embedding)


SYSTEM = System(
    name="compact",
    source="undertone's own; not a published system",
    needs=frozenset({Stream.LOG_MEL}),
    sizes=CompactSizes,
    build=Compact,
)
