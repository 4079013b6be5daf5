"""Phones heard by Whisper: a small head that tells one every 20 ms, on an encoder that never learns.

Connectionist temporal classification (Graves et al. 2006) on the states of some blocks of a frozen encoder (Radford et
al. 2022), which has heard 680,000 hours; it lacks a head that names phones, and hours of speech give that. The head's
blocks are those of ConvNeXt (Liu et al., A ConvNet for the 2020s, 2022) over time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from undertone.audio.whisper_mel import LEVELLED
from undertone.backbones.lengths import frame_mask
from undertone.backbones.network import Frames
from undertone.backbones.whisper import WhisperSizes, rescaled
from undertone.errors import ConfigError
from undertone.speech.phones import SYMBOLS

if TYPE_CHECKING:
    from torch import Tensor

    from undertone.backbones.whisper import WhisperEncoder

SCALE: Final = LEVELLED
"""As the emotion model hears, so that one hearing can serve both."""


@dataclass(frozen=True, kw_only=True)
class PhoneHeadSizes:
    """How large a head is, and what it reads."""

    read: tuple[int, ...] = (4, 6)
    """Blocks of the encoder, in order; 0 is what stands after the convolutions."""
    states: int = WhisperSizes().width
    """Numbers of a block."""
    width: int = 256
    layers: int = 2
    kernel: int = 11
    """Frames that a layer sees, 20 ms each."""
    expansion: int = 2
    """How much wider a layer is inside."""
    input_dropout: float = 0.1
    dropout: float = 0.1
    symbols: int = len(SYMBOLS)
    """The blank, which is the first, among them."""


def head_problems(sizes: PhoneHeadSizes) -> list[str]:
    """What keeps a head from being built, one sentence each."""
    problems = [
        f"{name} must be 1 or more, not {getattr(sizes, name)}"
        for name in ("states", "width", "expansion")
        if getattr(sizes, name) < 1
    ]
    if sizes.layers < 0:
        problems.append(f"layers must be 0 or more, not {sizes.layers}")
    if not sizes.read or list(sizes.read) != sorted(set(sizes.read)) or sizes.read[0] < 0:
        problems.append(f"read must name blocks in order, each once, 0 or more, not {list(sizes.read)}")
    if sizes.kernel < 1 or sizes.kernel % 2 == 0:
        problems.append(f"kernel must be odd, so that a frame stands in its middle, not {sizes.kernel}")
    if sizes.symbols < 2:
        problems.append(f"symbols must be 2 or more, the blank and a phone, not {sizes.symbols}")
    problems += [
        f"{name} must be from 0 to below 1, not {getattr(sizes, name):g}"
        for name in ("input_dropout", "dropout")
        if not 0 <= getattr(sizes, name) < 1
    ]
    return problems


class _Layer(nn.Module):
    """x + what a convolution over frames and two products make of it."""

    def __init__(self, sizes: PhoneHeadSizes) -> None:
        super().__init__()
        self.near = nn.Conv1d(sizes.width, sizes.width, sizes.kernel, padding=sizes.kernel // 2, groups=sizes.width)
        self.norm = nn.LayerNorm(sizes.width)
        self.into = nn.Linear(sizes.width, sizes.expansion * sizes.width)
        self.out = nn.Linear(sizes.expansion * sizes.width, sizes.width)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, x: Tensor, beyond: Tensor | None) -> Tensor:
        """Map (batch, frame, width) to the same shape; `beyond` marks padding, (batch, frame, 1)."""
        seen = x if beyond is None else x.masked_fill(beyond, 0.0)
        near = self.near(seen.transpose(1, 2)).transpose(1, 2)
        return x + self.dropout(self.out(nn.functional.gelu(self.into(self.norm(near)))))


class PhoneHead(nn.Module):
    """States of an encoder in, scores of symbols out.

    Raises:
        ConfigError: if the sizes fit no head.
    """

    def __init__(self, sizes: PhoneHeadSizes) -> None:
        super().__init__()
        problems = head_problems(sizes)
        if problems:
            raise ConfigError("head", problems)
        self.sizes = sizes
        self.into = nn.Linear(len(sizes.read) * sizes.states, sizes.width)
        self.layers = nn.ModuleList(_Layer(sizes) for _ in range(sizes.layers))
        self.norm = nn.LayerNorm(sizes.width)
        self.out = nn.Linear(sizes.width, sizes.symbols)
        self.input_dropout = nn.Dropout(sizes.input_dropout)
        self.dropout = nn.Dropout(sizes.dropout)

    def forward(self, features: Tensor, lengths: Tensor, chunk: int | None = None) -> Frames:
        """Hear a batch of utterances.

        Args:
            features: states of the blocks that are read, side by side, shape (batch, frame, block * states); padding
                may hold any number.
            lengths: frames of every utterance, shape (batch,), at least 1.
            chunk: None; an encoder that hears whole stretches hears no stream.

        Returns:
            Scores of every frame; no blocks.

        Raises:
            ConfigError: if a chunk is asked for.
        """
        if chunk is not None:
            raise ConfigError("chunk", ["Whisper hears whole stretches, and no stream; hear without chunks"])
        beyond = ~frame_mask(lengths, features.shape[1])[:, :, None]
        return Frames(blocks=(), logits=self.scores(features, beyond), lengths=lengths)

    def scores(self, features: Tensor, beyond: Tensor | None = None) -> Tensor:
        """Score states, shape (batch, frame, block * states), where `beyond` marks padding, shape (batch, frame, 1);
        gives (batch, frame, symbol)."""
        parts = torch.split(features.float(), self.sizes.states, dim=2)
        x = torch.cat([nn.functional.layer_norm(part, part.shape[2:]) for part in parts], dim=2)
        x = self.dropout(nn.functional.gelu(self.into(self.input_dropout(x))))
        for layer in self.layers:
            x = layer(x, beyond)
        scores: Tensor = self.out(self.norm(x))
        return scores


class WhisperStates(nn.Module):
    """Log-mel in, the states of some blocks side by side out: what a head hears.

    Args:
        encoder: with blocks up to the last that is read.
        read: the blocks, in order; 0 is what stands after the convolutions.

    Raises:
        ConfigError: if the encoder has no such block.
    """

    def __init__(self, encoder: WhisperEncoder, read: tuple[int, ...]) -> None:
        super().__init__()
        if max(read) > len(encoder.blocks):
            raise ConfigError("head", [f"read must name blocks up to {len(encoder.blocks)}, the encoder's last"])
        self.encoder = encoder
        self.read = read

    def forward(self, features: Tensor) -> Tensor:
        """Hear utterances of one length.

        Args:
            features: decimal logarithms of mel energies as `whisper_mel` gives them, not scaled, shape
                (batch, frame, mel), from 1 to twice `most_frames` frames.

        Returns:
            Shape (batch, frame / 2 rounded up, block * width).
        """
        heard = self.encoder(rescaled(features, SCALE))
        return torch.cat([heard.blocks[number] for number in self.read], dim=2)


class WhisperPhones(nn.Module):
    """An encoder and the head on it: scaled log-mel in, the outputs of all blocks and scores of symbols out.

    Raises:
        ConfigError: if the head reads a block that the encoder has not.
    """

    def __init__(self, encoder: WhisperEncoder, head: PhoneHead) -> None:
        super().__init__()
        self.states = WhisperStates(encoder, head.sizes.read)
        self.head = head

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        """Hear a batch of utterances.

        Args:
            features: log-mel, scaled by `SCALE`, shape (batch, frame, mel); padding may hold any number.
            lengths: frames of every utterance, shape (batch,), from 1 to 3000.
        """
        blocks, counts = self.states.encoder(features, lengths)
        heard = self.head(torch.cat([blocks[number] for number in self.states.read], dim=2), counts)
        return Frames(blocks=blocks, logits=heard.logits, lengths=counts)
