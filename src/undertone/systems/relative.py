"""A turn judged beside its speaker's own others: statistics of Whisper's middle blocks, and a linear head on two views.

Ours. Its parts are published: middle blocks of a speech recogniser hear emotion (Qieemo, arXiv 2503.22687; for Whisper,
arXiv 2602.06000), and speaker normalisation takes out what a voice, a microphone and a room do to every turn alike
(Busso et al., Iterative Feature Normalization, IEEE Transactions on Affective Computing, 2013). That a turn is seen
both ways at once, and how much its speaker's baseline counts, is learned in episodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from undertone.audio.whisper_mel import MelScale
from undertone.backbones.whisper import LOUDNESS, WhisperStatistics

if TYPE_CHECKING:
    from undertone.backbones.whisper import WhisperEncoder

LEAST_DEVIATION: Final = 1e-3
CLOSED: Final = -30.0
"""Score of a label that is never answered, before any temperature."""


@dataclass(frozen=True, kw_only=True)
class RelativeSizes:
    """What a vector holds, and what the head is; the defaults are those that ship."""

    first_block: int = 2
    last_block: int = 4
    """Of the blocks that are described; 0 is what stands after the convolutions."""
    range_decades: float = 8.0
    """Mel energies further below a window's loudest count as this far below, as Whisper was trained."""
    level: float = 1.0
    """Where every window's loudest mel energy is put, as a decimal logarithm: gain then changes nothing."""
    shrink_turns: float = 3.0
    """With n turns behind it, a baseline weighs n / (n + this) at most, the training material the rest."""
    labels: int = 7


def window_statistics(encoder: WhisperEncoder, sizes: RelativeSizes) -> WhisperStatistics:
    """Build what makes a window's vector: the chosen blocks' means and deviations, then loudness.

    Raises:
        ConfigError: if the encoder has no such blocks.
    """
    scale = MelScale(range_decades=sizes.range_decades, level=sizes.level)
    return WhisperStatistics(encoder, sizes.first_block, sizes.last_block, scale)


class RelativeHead(nn.Module):
    """A vector and what is known of its speaker in, scores out.

    z = (W_a a + W_r r + c) / T, where a is the vector as training material has it, without loudness, and r is the
    vector as its speaker's turns have it: (x − m) / s with m and s shrunk towards the training material by how many
    turns there are. Of a stranger r is a, but for loudness, which is zero. T is a temperature (Guo et al. 2017) for
    each amount of evidence: `temperature[0]` for a stranger, `temperature[1]` behind a baseline that weighs 1, their
    geometric mean between.
    """

    mean: Tensor
    deviation: Tensor
    temperature: Tensor

    def __init__(self, numbers: int, sizes: RelativeSizes, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shrink_turns = sizes.shrink_turns
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("deviation", torch.ones(numbers))
        self.register_buffer("temperature", torch.ones(2))
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(2 * numbers + 2, sizes.labels)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def settle(self, vectors: Tensor) -> None:
        """Take mean and deviation of the training material's vectors (utterance, number)."""
        self.mean.copy_(vectors.mean(dim=0))
        self.deviation.copy_(vectors.std(dim=0, correction=0).clamp(min=LEAST_DEVIATION))

    def close(self, labels: Tensor) -> None:
        """Never answer these labels, booleans of shape (label,): nobody taught what they sound like."""
        with torch.no_grad():
            self.scores.weight[labels] = 0.0
            self.scores.bias[labels] = CLOSED

    def forward(self, vectors: Tensor, mean: Tensor, deviation: Tensor, count: Tensor) -> Tensor:
        """Score turns.

        Args:
            vectors: shape (turn, number).
            mean: of the speaker's turns, shape (turn, number).
            deviation: likewise.
            count: turns that stand behind them, shape (turn,); with 0 they are not looked at.

        Returns:
            Logits, shape (turn, label).
        """
        weight = (count / (count + self.shrink_turns))[:, None]
        known = (count > 0)[:, None]
        middle = torch.where(known, weight * mean + (1 - weight) * self.mean, self.mean)
        spread = torch.where(known, weight * deviation + (1 - weight) * self.deviation, self.deviation)
        alone = ((vectors - self.mean) / self.deviation)[:, :-LOUDNESS]
        relative = (vectors - middle) / spread.clamp(min=LEAST_DEVIATION)
        loud = relative[:, -LOUDNESS:] * known.to(relative.dtype)
        views = (0.5 * alone, torch.zeros_like(loud), relative[:, :-LOUDNESS], loud, weight, count[:, None].log1p() / 4)
        scores: Tensor = self.scores(self.dropout(torch.cat(views, dim=1)))
        return scores / self.temperature[0] ** (1 - weight) / self.temperature[1] ** weight
