"""Networks arranged for ONNX Runtime: the weights and the numbers stay, the steps become fewer and larger.

The shorter a window, the more of its time goes into starting a graph's nodes and into moving numbers about. Here all
frames of a batch lie in one matrix wherever they do not meet, so that a layer's bias is part of its product; products
of the same input are one; constant factors are in the weights; what depends on positions alone is computed once for a
batch; and masks that change nothing in a real frame are left out. Padded frames may hold other numbers than before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar, cast

import torch
from torch import Tensor, nn

from undertone.backbones.lengths import frame_mask, halved
from undertone.backbones.network import Backbone, Frames, normalised, output_lengths
from undertone.systems.layers import ConvBlock, MaskedConvStem

if TYPE_CHECKING:
    from transformers.models.parakeet import modeling_parakeet as parakeet

    from undertone.backbones.network import FrameNorm

SILENCED: Final = -1e6
"""What a padded frame adds to a convolution's output, so that the activation behind it gives 0."""

silu = nn.functional.silu


def arranged(network: nn.Module) -> nn.Module:
    """Replace every part of a network that this file knows how to arrange, and give the network.

    Answers stay what they are, but for rounding; what stands in padded frames on the way may not.

    Args:
        network: a copy that is in evaluation mode and only to be exported; its parts are replaced in place.
    """
    if isinstance(network, Backbone):
        return ArrangedBackbone(network)
    if isinstance(network, MaskedConvStem):
        return ArrangedStem(network)
    if isinstance(network, ConvBlock):
        return ArrangedConvBlock(network)
    for name, part in network.named_children():
        setattr(network, name, arranged(part))
    return network


Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)


def given(layer: Layer, weight: Tensor, bias: Tensor | None) -> Layer:
    """Give a layer these weights."""
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.register_parameter("bias", None if bias is None else nn.Parameter(bias.detach().clone()))
    return layer


def linear_of(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """Build a layer of weights (out, in), or of those of a convolution with a kernel of 1."""
    rows = weight.flatten(1)
    return given(nn.Linear(rows.shape[1], rows.shape[0]), rows, bias)


def from_channels_last(linear: nn.Linear, channels: int) -> nn.Linear:
    """Build of a layer on (channel, mel) one that takes (mel, channel)."""
    return linear_of(linear.weight.view(len(linear.weight), channels, -1).transpose(1, 2), linear.bias)


def without_norm(convolution: nn.Conv1d | nn.Conv2d, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Put a batch norm, as it is outside training, into the weight and the bias of the convolution before it."""
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    return torch.nn.utils.fuse_conv_bn_weights(
        convolution.weight, convolution.bias, mean, variance, norm.eps, norm.weight, norm.bias
    )


class SilencingConvolution(nn.Module):
    """A first convolution of stride 2 whose padded frames an activation then makes 0, without a mask.

    A channel that marks padded frames is heard in the middle of the kernel alone. The frame in the middle of output t
    is 2t, which is real if and only if t is. Rounding passes the weight over: too little stands behind its channels
    (`rounding.LEAST_BEHIND`), and a scale that holds `SILENCED` would leave nothing of the rest.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        mark = torch.zeros_like(weight[:, :1])
        mark[:, 0, 1, 1] = SILENCED
        channels, views = weight.shape[:2]
        empty = nn.Conv2d(views + 1, channels, 3, stride=2, padding=1)
        self.convolution = given(empty, torch.cat((weight, mark), dim=1), bias)

    def forward(self, views: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, view, frame, mel), zero where `mask` (batch, frame) is not set, to (batch, channel, ½, ½)."""
        beyond = (~mask)[:, None, :, None].to(views.dtype).expand(-1, -1, -1, views.shape[3])
        heard: Tensor = self.convolution(torch.cat((views, beyond), dim=1))
        return heard


class DepthwiseConvolution(nn.Module):
    """A depthwise convolution over frames as one over pictures of height 1, for which there is a fast kernel."""

    def __init__(self, weight: Tensor, bias: Tensor | None, *, before: int, after: int) -> None:
        super().__init__()
        channels, _, kernel = weight.shape
        empty = nn.Conv2d(channels, channels, (1, kernel), groups=channels)
        self.convolution = given(empty, weight[:, :, None], bias)
        self.padding = (before, after)

    def forward(self, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """Map rows (batch·frame, channel) of `size` (batch, frame) to the same shape."""
        pictures = rows.view(size[0], 1, size[1], -1).permute(0, 3, 1, 2)
        heard: Tensor = self.convolution(nn.functional.pad(pictures, self.padding))
        return heard.permute(0, 2, 3, 1).reshape(rows.shape)


class ArrangedFrontEnd(nn.Module):
    """The backbone's convolutions. Padded frames are made 0 once, before the second looks at their neighbours."""

    def __init__(self, subsampling: parakeet.ParakeetEncoderSubsamplingConv2D, scale: float) -> None:
        super().__init__()
        first, _, depthwise, pointwise, _ = cast("list[nn.Conv2d]", list(subsampling.layers))
        self.first = SilencingConvolution(first.weight, first.bias)
        self.depthwise, self.pointwise = depthwise, pointwise
        told = from_channels_last(subsampling.linear, pointwise.out_channels)
        self.told = linear_of(told.weight * scale, told.bias * scale)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, mel) to rows (batch·frame/4, width)."""
        heard = self.first(features[:, None], mask).relu()
        heard = self.pointwise(self.depthwise(heard)).relu().permute(0, 2, 3, 1)
        told: Tensor = self.told(heard.reshape(heard.shape[0] * heard.shape[1], -1))
        return told


class ArrangedAttention(nn.Module):
    """Attention with relative positions (Dai et al., Transformer-XL, 2019, section 3.3).

    Its like is `ParakeetEncoderAttention`. The scale is in the query's weights, and the query's first bias u in its
    own. Relative keys come from outside.
    """

    between: Tensor
    """What the query has more for places than for content, shape (head, 1, width of a head)."""

    def __init__(self, attention: parakeet.ParakeetEncoderAttention) -> None:
        super().__init__()
        self.heads, scale = attention.bias_u.shape[0], attention.scaling
        query, key, value = attention.q_proj, attention.k_proj, attention.v_proj
        weights = (query.weight * scale, key.weight, value.weight)
        biases = ((query.bias + attention.bias_u.flatten()) * scale, key.bias, value.bias)
        self.asked = linear_of(torch.cat(weights), torch.cat(biases))
        between = (attention.bias_v - attention.bias_u) * scale
        self.register_buffer("between", between.detach()[:, None])
        self.answer = attention.o_proj

    def forward(self, rows: Tensor, relative_keys: Tensor, unseen: Tensor) -> Tensor:
        """Let frames ask each other.

        Args:
            rows: shape (batch·frame, width).
            relative_keys: of frame − 1 down to −frame, shape (head, width of a head, 2·frame).
            unseen: 0 for frames that are seen and −∞ for others, shape (batch, 1, 1, frame).
        """
        batch, frames = unseen.shape[0], unseen.shape[3]
        parts = self.asked(rows).view(batch, frames, 3 * self.heads, -1).transpose(1, 2)
        query, key, value = parts.split(self.heads, dim=1)
        places = shifted((query + self.between) @ relative_keys)
        seen = (query @ key.transpose(2, 3) + places + unseen).softmax(dim=3)
        told: Tensor = self.answer((seen @ value).transpose(1, 2).reshape(rows.shape))
        return told


def shifted(scores: Tensor) -> Tensor:
    """Take out of every frame's scores those of the places it stands in: [t, s] is [t, frame − 1 − t + s] before.

    The relative shift of Transformer-XL (appendix B): in one long row, what is wanted of each frame begins a little
    earlier than the frame's own part does.

    Args:
        scores: shape (batch, head, frame, 2·frame).

    Returns:
        Shape (batch, head, frame, frame).
    """
    batch, heads, frames, _ = scores.shape
    row = scores.view(batch, heads, -1)[:, :, frames - 1 : frames - 1 + frames * (2 * frames - 1)]
    return row.reshape(batch, heads, frames, 2 * frames - 1)[..., :frames]


class ArrangedConvolution(nn.Module):
    """A block's convolution, which looks back only: what stands beyond the end of an utterance is not seen."""

    def __init__(self, convolution: parakeet.ParakeetEncoderConvolutionModule) -> None:
        super().__init__()
        into, depthwise, out = convolution.pointwise_conv1, convolution.depthwise_conv, convolution.pointwise_conv2
        self.into = linear_of(into.weight, into.bias)
        before = depthwise.kernel_size[0] - 1
        self.depthwise = DepthwiseConvolution(depthwise.weight, depthwise.bias, before=before, after=0)
        self.norm = cast("FrameNorm", convolution.norm).norm
        self.out = linear_of(out.weight, out.bias)

    def forward(self, rows: Tensor, size: tuple[int, int]) -> Tensor:
        """Map rows (batch·frame, width) of `size` (batch, frame) to the same shape."""
        heard = self.depthwise(nn.functional.glu(self.into(rows), dim=1), size)
        told: Tensor = self.out(silu(self.norm(heard)))
        return told


class ArrangedBlock(nn.Module):
    """A Conformer block on rows, its halves of feed-forward layers in their weights."""

    def __init__(self, block: parakeet.ParakeetEncoderBlock) -> None:
        super().__init__()
        self.first = _half_feed_forward(block.norm_feed_forward1, block.feed_forward1)
        self.attention_norm, self.attention = block.norm_self_att, ArrangedAttention(block.self_attn)
        self.convolution_norm, self.convolution = block.norm_conv, ArrangedConvolution(block.conv)
        self.second = _half_feed_forward(block.norm_feed_forward2, block.feed_forward2)
        self.norm = block.norm_out

    def forward(self, rows: Tensor, relative_keys: Tensor, unseen: Tensor) -> Tensor:
        """As `ArrangedAttention`."""
        size = unseen.shape[0], unseen.shape[3]
        rows = rows + self.first(rows)
        rows = rows + self.attention(self.attention_norm(rows), relative_keys, unseen)
        rows = rows + self.convolution(self.convolution_norm(rows), size)
        told: Tensor = self.norm(rows + self.second(rows))
        return told


def _half_feed_forward(norm: nn.Module, feed_forward: parakeet.ParakeetEncoderFeedForward) -> nn.Sequential:
    last = feed_forward.linear2
    return nn.Sequential(norm, feed_forward.linear1, nn.SiLU(), linear_of(last.weight / 2, last.bias / 2))


class ArrangedBackbone(nn.Module):
    """A `Backbone` that hears whole utterances."""

    angles: Tensor
    """What a place's number is multiplied by, shape (width / 2,)."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        encoder, head = backbone.conformer.encoder, backbone.conformer.ctc_head
        self.front_end = ArrangedFrontEnd(encoder.subsampling, encoder.input_scale)
        self.blocks = nn.ModuleList(ArrangedBlock(block) for block in encoder.layers)
        self.heads = encoder.config.num_attention_heads
        keys = [block.self_attn.relative_k_proj.weight for block in encoder.layers]
        self.relative_keys = linear_of(torch.cat(keys), None)
        self.register_buffer("angles", encoder.encode_positions.inv_freq, persistent=False)
        self.scores = linear_of(head.weight, head.bias)

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        """As `Backbone.forward` without chunks."""
        inside = frame_mask(lengths, features.shape[1])
        rows = self.front_end(normalised(features, inside), inside)
        lengths = output_lengths(lengths)
        size = features.shape[0], rows.shape[0] // features.shape[0]
        unseen = torch.zeros(size).masked_fill(~frame_mask(lengths, size[1]), -torch.inf)[:, None, None]
        keys = self._keys(size[1])
        blocks = [rows]
        for number, block in enumerate(self.blocks):
            blocks.append(block(blocks[-1], keys[number], unseen))
        scores = self.scores(blocks[-1]).view(*size, -1)
        return Frames(blocks=tuple(each.view(*size, -1) for each in blocks), logits=scores, lengths=lengths)

    def _keys(self, frames: int) -> Tensor:
        """Relative keys of frame − 1 down to −frame, shape (block, head, width of a head, 2·frame)."""
        angles = torch.arange(frames - 1, -frames - 1, -1)[:, None].float() * self.angles
        places = torch.stack((angles.sin(), angles.cos()), dim=2).flatten(1)
        keys: Tensor = self.relative_keys(places)
        return keys.T.view(len(self.blocks), self.heads, -1, 2 * frames)


class ArrangedStem(nn.Module):
    """A `MaskedConvStem`; its batch norms are in its convolutions."""

    def __init__(self, stem: MaskedConvStem) -> None:
        super().__init__()
        self.first = SilencingConvolution(*without_norm(stem.first, stem.first_norm))
        channels = stem.second.out_channels
        empty = nn.Conv2d(channels, channels, 3, stride=2, padding=1)
        self.second = given(empty, *without_norm(stem.second, stem.second_norm))
        self.project = from_channels_last(stem.project, channels)

    def forward(self, views: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """As `MaskedConvStem.forward`."""
        heard = silu(self.first(views, frame_mask(lengths, views.shape[2])))
        heard = silu(self.second(heard)).permute(0, 2, 3, 1)
        size = heard.shape[0], heard.shape[1]
        told = self.project(heard.reshape(size[0] * size[1], -1))
        return told.view(*size, -1), halved(halved(lengths))


class ArrangedConvBlock(nn.Module):
    """A `ConvBlock`; its batch norm is in its convolution. What it adds to a padded frame is masked by the next."""

    def __init__(self, block: ConvBlock) -> None:
        super().__init__()
        self.norm, self.expand = block.norm, block.expand
        beside = block.depthwise.kernel_size[0] // 2
        self.depthwise = DepthwiseConvolution(
            *without_norm(block.depthwise, block.depthwise_norm), before=beside, after=beside
        )
        self.squeeze, self.excite, self.contract = block.squeeze, block.excite, block.contract

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """As `ConvBlock.forward`."""
        size, real = (x.shape[0], x.shape[1]), mask[:, :, None]
        rows = x.reshape(size[0] * size[1], -1)
        heard = nn.functional.glu(self.expand(self.norm(rows)), dim=1).view(x.shape) * real
        heard = silu(self.depthwise(heard.view(rows.shape), size)).view(x.shape)
        summary = (heard * real).sum(dim=1) / real.sum(dim=1)
        gate = torch.sigmoid(self.excite(silu(self.squeeze(summary))))
        told: Tensor = self.contract((heard * gate[:, None]).view(rows.shape))
        return (rows + told).view(x.shape)
