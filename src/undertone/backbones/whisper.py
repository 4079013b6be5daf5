"""Whisper's encoder as a backbone: the states of its blocks, for sound of its true length.

Radford et al. 2022, section 2.2: two convolutions, sinusoidal positions, pre-norm transformer blocks. The published
decoder hears windows of 30 s, padded with silence; the encoder itself takes any length up to that, and padding costs
ten times the work on a turn of three seconds. Here an utterance is as long as it is, and in a batch a mask from true
lengths hides what pads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn

from undertone.audio.whisper_mel import MEL_BINS, MelScale
from undertone.backbones.lengths import frame_mask, halved
from undertone.errors import ConfigError

FRAMES_PER_S: Final = 50
"""Of the blocks; one for two frames of log-mel."""
LOUDNESS: Final = 4
"""Numbers of loudness at the end of what `WhisperStatistics` gives."""


@dataclass(frozen=True, kw_only=True)
class WhisperSizes:
    """Sizes of an encoder; the defaults are those of Whisper base."""

    width: int = 512
    blocks: int = 6
    heads: int = 8
    feed_forward: int = 2048
    mel_bins: int = MEL_BINS
    most_frames: int = 1500
    """Frames of the blocks that there are positions for: 30 s."""


class WhisperFrames(NamedTuple):
    """What an encoder gives of a batch."""

    blocks: tuple[Tensor, ...]
    """What stands after the convolutions, then the output of each block: each (batch, frame, width)."""
    lengths: Tensor
    """Real frames, shape (batch,)."""


class WhisperBlock(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, sizes: WhisperSizes) -> None:
        super().__init__()
        self.heads = sizes.heads
        self.attention_norm = nn.LayerNorm(sizes.width)
        self.asked = nn.Linear(sizes.width, 3 * sizes.width)  # query, key, value; the key's bias is zero
        self.answer = nn.Linear(sizes.width, sizes.width)
        self.norm = nn.LayerNorm(sizes.width)
        self.into = nn.Linear(sizes.width, sizes.feed_forward)
        self.out = nn.Linear(sizes.feed_forward, sizes.width)

    def forward(self, x: Tensor, unseen: Tensor | None) -> Tensor:
        """Map (batch, frame, width) to the same shape; `unseen` is added to scores, (batch, 1, 1, frame)."""
        parts = self.asked(self.attention_norm(x)).unflatten(2, (3 * self.heads, -1)).transpose(1, 2)
        query, key, value = parts.chunk(3, dim=1)  # (batch, head, frame, width of a head)
        seen = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=unseen)
        x = x + self.answer(seen.transpose(1, 2).flatten(2))
        return x + self.out(nn.functional.gelu(self.into(self.norm(x))))


class WhisperEncoder(nn.Module):
    """Scaled log-mel in, the states of the blocks out.

    Args:
        sizes: of the encoder.
        blocks: how many of its blocks are built; all where None. What no block reads need not be computed.
    """

    positions: Tensor

    def __init__(self, sizes: WhisperSizes, *, blocks: int | None = None) -> None:
        super().__init__()
        self.sizes = sizes
        self.first = nn.Conv1d(sizes.mel_bins, sizes.width, 3, padding=1)
        self.second = nn.Conv1d(sizes.width, sizes.width, 3, stride=2, padding=1)
        self.register_buffer("positions", sinusoids(sizes.most_frames, sizes.width))
        count = sizes.blocks if blocks is None else blocks
        self.blocks = nn.ModuleList(WhisperBlock(sizes) for _ in range(count))

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> WhisperFrames:
        """Hear a batch.

        Args:
            features: scaled log-mel, shape (batch, frame, mel), at most twice `most_frames` frames; padding may hold
                any number.
            lengths: real frames, shape (batch,), each at least 1; all of them where None.
        """
        x = features.transpose(1, 2)  # (batch, mel, frame)
        unseen = None
        if lengths is None:
            x = nn.functional.gelu(self.first(x))
            lengths = torch.full((x.shape[0],), x.shape[2], dtype=torch.int64, device=x.device)
        else:
            real = frame_mask(lengths, x.shape[2])[:, None]
            x = nn.functional.gelu(self.first(x.masked_fill(~real, 0.0))).masked_fill(~real, 0.0)
            inside = frame_mask(halved(lengths), (x.shape[2] + 1) // 2)
            unseen = torch.zeros(inside.shape, device=x.device).masked_fill(~inside, -torch.inf)[:, None, None]
        x = nn.functional.gelu(self.second(x)).transpose(1, 2)
        x = x + self.positions[: x.shape[1]]
        states = [x]
        for block in self.blocks:
            states.append(block(states[-1], unseen))
        return WhisperFrames(blocks=tuple(states), lengths=halved(lengths))


def sinusoids(frames: int, width: int) -> Tensor:
    """Positions as Whisper has them: sines of falling frequencies, then cosines; shape (frame, width)."""
    rates = torch.exp(-math.log(10_000) / (width // 2 - 1) * torch.arange(width // 2))
    angles = torch.arange(frames)[:, None] * rates
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class WhisperStatistics(nn.Module):
    """Log-mel in, one flat row an utterance out: means and deviations of some blocks over time, and how loud it was.

    What the network hears is scaled here, so that what is exported does as what is trained on did.

    Args:
        encoder: with blocks up to `last`; blocks behind it are computed and not read.
        first: the first block that is described; 0 is what stands after the convolutions.
        last: the last one.
        scale: how the logarithms become what the network hears.

    Raises:
        ConfigError: if the encoder has no such blocks.
    """

    def __init__(self, encoder: WhisperEncoder, first: int, last: int, scale: MelScale) -> None:
        super().__init__()
        if not 0 <= first <= last <= len(encoder.blocks):
            raise ConfigError(
                "Whisper's blocks",
                [f"first {first} and last {last} must be in order, from 0 to {len(encoder.blocks)}, its last block"],
            )
        self.encoder = encoder
        self.first = first
        self.last = last
        self.scale = scale

    @property
    def coefficients(self) -> int:
        """Numbers of a row."""
        return 2 * (self.last - self.first + 1) * self.encoder.sizes.width + LOUDNESS

    def forward(self, features: Tensor) -> Tensor:
        """Describe utterances of one length.

        Args:
            features: decimal logarithms of mel energies as `whisper_mel` gives them, not scaled, shape
                (batch, frame, mel), from 1 to twice `most_frames` frames.

        Returns:
            Shape (batch, coefficient): the means of the blocks in their order, their deviations, and `loudness`.
        """
        heard = self.encoder(rescaled(features, self.scale))
        return self.described(torch.stack(heard.blocks[self.first : self.last + 1], dim=1), features)

    def described(self, states: Tensor, features: Tensor) -> Tensor:
        """As `forward`, of blocks `first` to `last` that were heard already, shape (batch, block, frame, width)."""
        means = states.mean(dim=2)
        deviations = (states - means[:, :, None]).square().mean(dim=2).sqrt()
        return torch.cat((means.flatten(1), deviations.flatten(1), loudness(features)), dim=1)


def rescaled(features: Tensor, scale: MelScale) -> Tensor:
    """Limit each item's range and map it to about −1 … 1: `whisper_mel.scaled` for a batch of one length.

    Args:
        features: decimal logarithms of mel energies, shape (batch, frame, mel).
        scale: how.
    """
    loudest = features.amax(dim=(1, 2), keepdim=True)
    found = torch.maximum(features, loudest - scale.range_decades)
    if scale.level is not None:
        found = found + (scale.level - loudest)
    return (found + 4) / 4


def loudness(features: Tensor) -> Tensor:
    """Tell how loud utterances are, which `MelScale.level` takes out of what the network hears.

    Args:
        features: decimal logarithms of mel energies, shape (batch, frame, mel).

    Returns:
        Shape (batch, 4), decimal logarithms: of the mean energy; the largest; mean and deviation over time of the
        frames' levels, each of which is the logarithm of a frame's mean energy.
    """
    energies = torch.pow(10.0, features)
    levels = energies.mean(dim=2).log10()  # (batch, frame)
    mean = levels.mean(dim=1)
    deviation = (levels - mean[:, None]).square().mean(dim=1).sqrt()
    return torch.stack((energies.mean(dim=(1, 2)).log10(), features.amax(dim=(1, 2)), mean, deviation), dim=1)
