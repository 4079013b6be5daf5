"""The backbone: a small Conformer over log-mel frames that tells a phone every 40 ms.

Conformer (Gulati et al., Conformer: Convolution-augmented Transformer for Speech Recognition, 2020) with the
convolutional front end of Fast Conformer (Rekesh et al., 2023), as `ParakeetForCTC` of transformers has them. Two
changes: the front end takes every fourth frame, not every eighth, and the norm inside the convolution modules looks
at one frame at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch import nn
from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

from undertone.errors import ConfigError
from undertone.speech.phones import SYMBOLS

if TYPE_CHECKING:
    from torch import Tensor

SUBSAMPLING: Final = 4
"""Input frames to an output frame."""

LEAST_DEVIATION: Final = 1e-2
"""In nats: a band that moves less than this over an utterance is not blown up."""


@dataclass(frozen=True, kw_only=True)
class BackboneSizes:
    """How large the network is. `symbols` counts the blank, which is the first."""

    symbols: int = len(SYMBOLS)
    mel_bins: int = 80
    width: int = 144
    blocks: int = 8
    heads: int = 4
    feed_forward: int = 576
    kernel: int = 9
    subsampling_channels: int = 64
    dropout: float = 0.1


class Frames(NamedTuple):
    """What the backbone gives."""

    blocks: tuple[Tensor, ...]
    """Block 0 is the front end's output, block i the i-th Conformer block's; each of shape (batch, frame, width)."""
    logits: Tensor
    """Unnormalised scores, shape (batch, frame, symbol)."""
    lengths: Tensor
    """True frames of every item, shape (batch,); beyond them nothing has a meaning."""


class FrameNorm(nn.Module):
    """Layer norm over the channels of a frame, for (batch, channel, frame).

    Stands where Conformer has batch norm, whose means run over padding while it learns, and over whatever else is in
    the batch.
    """

    def __init__(self, *, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, values: Tensor) -> Tensor:
        return self.norm(values.transpose(1, 2)).transpose(1, 2)


class Backbone(nn.Module):
    """Maps log-mel frames to the outputs of all blocks and to scores of symbols.

    Raises:
        ConfigError: if the sizes fit no network.
    """

    def __init__(self, sizes: BackboneSizes) -> None:
        super().__init__()
        problems = size_problems(sizes)
        if problems:
            raise ConfigError("sizes", problems)
        self.conformer = ParakeetForCTC(_configuration(sizes))
        for block in self.conformer.encoder.layers:
            block.conv.norm = FrameNorm(channels=sizes.width)

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        """Hear a batch of utterances.

        Args:
            features: log-mel of shape (batch, frame, mel); what stands beyond the lengths does not matter.
            lengths: frames of every utterance, shape (batch,), at least 1.
        """
        mask = torch.arange(features.shape[1], device=features.device)[None, :] < lengths[:, None]
        heard = self.conformer(
            input_features=normalised(features, mask), attention_mask=mask, output_hidden_states=True
        )
        return Frames(blocks=tuple(heard.hidden_states), logits=heard.logits, lengths=output_lengths(lengths))


def normalised(features: Tensor, mask: Tensor) -> Tensor:
    """Give every band of an utterance mean 0 and variance 1 over its true frames; zero beyond them.

    Args:
        features: shape (batch, frame, mel).
        mask: which frames are true, booleans of shape (batch, frame).
    """
    inside = mask[:, :, None]
    features = features.float()
    count = inside.sum(dim=1, keepdim=True)
    mean = features.masked_fill(~inside, 0).sum(dim=1, keepdim=True) / count
    centred = (features - mean).masked_fill(~inside, 0)
    variance = centred.square().sum(dim=1, keepdim=True) / count
    return centred / (variance + LEAST_DEVIATION**2).sqrt()


def output_lengths(lengths: Tensor) -> Tensor:
    """Count output frames: each of the two convolutions halves and rounds up."""
    return (lengths + SUBSAMPLING - 1) // SUBSAMPLING


def size_problems(sizes: BackboneSizes) -> list[str]:
    """What keeps sizes from being built, one sentence each."""
    problems = [
        f"{name} must be 1 or more, not {getattr(sizes, name)}"
        for name in ("width", "blocks", "heads", "feed_forward", "subsampling_channels")
        if getattr(sizes, name) < 1
    ]
    if sizes.symbols < 2:
        problems.append(f"symbols must be 2 or more, the blank and a phone, not {sizes.symbols}")
    if sizes.heads > 0 and sizes.width % (2 * sizes.heads):
        problems.append(f"width must be a multiple of twice the heads ({2 * sizes.heads}), not {sizes.width}")
    if sizes.mel_bins < SUBSAMPLING or sizes.mel_bins % SUBSAMPLING:
        problems.append(f"mel_bins must be a multiple of {SUBSAMPLING}, not {sizes.mel_bins}")
    if sizes.kernel < 1 or sizes.kernel % 2 == 0:
        problems.append(f"kernel must be odd, so that a frame stands in its middle, not {sizes.kernel}")
    if not 0 <= sizes.dropout < 1:
        problems.append(f"dropout must be from 0 to below 1, not {sizes.dropout:g}")
    return problems


def _configuration(sizes: BackboneSizes) -> ParakeetCTCConfig:
    encoder = ParakeetEncoderConfig(
        hidden_size=sizes.width,
        num_hidden_layers=sizes.blocks,
        num_attention_heads=sizes.heads,
        intermediate_size=sizes.feed_forward,
        conv_kernel_size=sizes.kernel,
        subsampling_factor=SUBSAMPLING,
        subsampling_conv_channels=sizes.subsampling_channels,
        num_mel_bins=sizes.mel_bins,
        dropout=sizes.dropout,
        activation_dropout=sizes.dropout,
        attention_dropout=sizes.dropout,
        layerdrop=0.0,  # a block that is skipped would be missing among the blocks
    )
    return ParakeetCTCConfig(vocab_size=sizes.symbols, pad_token_id=0, encoder_config=encoder)
