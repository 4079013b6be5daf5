"""The backbone: a small Conformer over log-mel frames that tells a phone every 40 ms.

Conformer (Gulati et al., Conformer: Convolution-augmented Transformer for Speech Recognition, 2020) with the
convolutional front end of Fast Conformer (Rekesh et al., 2023), as `ParakeetForCTC` of transformers has them. Three
changes: the front end takes every fourth frame, not every eighth; the norm inside the convolution modules looks at one
frame at a time; and these modules look back only, so that attention alone decides how far a frame sees ahead.

That makes one network of two: it hears whole utterances, or chunk by chunk as they come (the dynamic chunks of Zhang
et al., Unified Streaming and Non-streaming Two-pass End-to-end Model for Speech Recognition, 2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch import nn
from transformers import ParakeetCTCConfig, ParakeetEncoderConfig, ParakeetForCTC

from undertone.audio.stretches import SUBSAMPLING
from undertone.backbones.lengths import frame_mask
from undertone.errors import ConfigError
from undertone.speech.phones import SYMBOLS

if TYPE_CHECKING:
    from torch import Tensor

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


class CausalConvolution(nn.Conv1d):
    """Depthwise convolution over the frame and those before it, for (batch, channel, frame)."""

    def __init__(self, *, channels: int, kernel: int, bias: bool) -> None:
        super().__init__(channels, channels, kernel, groups=channels, bias=bias)

    def forward(self, values: Tensor) -> Tensor:
        return super().forward(nn.functional.pad(values, (self.kernel_size[0] - 1, 0)))


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
        for layer in self.conformer.encoder.subsampling.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()  # transformers' 0.02 throughout leaves less than the norms' epsilon of a sound
        for block in self.conformer.encoder.layers:
            block.conv.norm = FrameNorm(channels=sizes.width)
            block.conv.depthwise_conv = CausalConvolution(
                channels=sizes.width, kernel=sizes.kernel, bias=block.conv.depthwise_conv.bias is not None
            )

    def forward(self, features: Tensor, lengths: Tensor, chunk: int | None = None) -> Frames:
        """Hear a batch of utterances.

        Args:
            features: log-mel of shape (batch, frame, mel); what stands beyond the lengths does not matter.
            lengths: frames of every utterance, shape (batch,), at least 1.
            chunk: output frames in a chunk. What is heard in one depends on it and what came before, so that a stream
                can be heard as it comes. None: every frame sees the whole utterance.
        """
        encoder = self.conformer.encoder
        inside = frame_mask(lengths, features.shape[1])
        values = normalised(features, inside, None if chunk is None else chunk * SUBSAMPLING)
        values = encoder.subsampling(values, inside) * encoder.input_scale
        places = encoder.encode_positions(values)
        values = nn.functional.dropout(values, encoder.dropout, self.training)
        seen = _seen(frame_mask(output_lengths(lengths), values.shape[1]), chunk)
        blocks = [values]
        for block in encoder.layers:
            blocks.append(block(blocks[-1], attention_mask=seen, position_embeddings=places))
        return Frames(blocks=tuple(blocks), logits=self.conformer.ctc_head(blocks[-1]), lengths=output_lengths(lengths))


def normalised(features: Tensor, inside: Tensor, chunk: int | None = None) -> Tensor:
    """Give every band of an utterance mean 0 and variance 1 over its true frames; zero beyond them.

    Args:
        features: shape (batch, frame, mel).
        inside: which frames are true, booleans of shape (batch, frame).
        chunk: frames in a chunk, for which mean and variance are taken over it and what came before; None takes them
            over the whole.
    """
    true = inside[:, :, None]
    values = features.float().masked_fill(~true, 0)
    if chunk is None:
        count = true.sum(dim=1, keepdim=True)
        mean = values.sum(dim=1, keepdim=True) / count
        variance = (values - mean).masked_fill(~true, 0).square().sum(dim=1, keepdim=True) / count
    else:
        frames = torch.arange(features.shape[1], device=features.device)
        last = ((frames // chunk + 1) * chunk).clamp(max=len(frames)) - 1
        count = true.cumsum(dim=1)[:, last]
        mean = values.cumsum(dim=1)[:, last] / count
        variance = (values.square().cumsum(dim=1)[:, last] / count - mean.square()).clamp(min=0)
    return ((values - mean) / (variance + LEAST_DEVIATION**2).sqrt()).masked_fill(~true, 0)


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


def _seen(inside: Tensor, chunk: int | None) -> Tensor:
    """Which frame (third axis' place) sees which (fourth's), booleans of shape (batch, 1, frame, frame)."""
    seen = inside[:, None, :, None] & inside[:, None, None, :]
    if chunk is not None:
        of_chunk = torch.arange(inside.shape[1], device=inside.device) // chunk
        seen = seen & (of_chunk[:, None] >= of_chunk[None, :])
    return seen


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
