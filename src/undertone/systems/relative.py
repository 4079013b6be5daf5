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

if TYPE_CHECKING:
    from undertone.backbones.whisper import WhisperEncoder

LOUDNESS: Final = 4
"""Numbers of a turn's vector that tell how loud it is; the last ones."""
LEAST_VARIANCE: Final = 1e-9
LEAST_DEVIATION: Final = 1e-3


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


class WindowStatistics(nn.Module):
    """Log-mel of one window in, its vector out: what the model makes of sound, before it knows whose it is.

    The vector is the mean of every channel of the chosen blocks over time, then the deviations, then four numbers of
    loudness, which only a baseline can make sense of: the logarithm of the mean energy, the loudest energy, and mean
    and deviation of the frames' levels.
    """

    def __init__(self, encoder: WhisperEncoder, sizes: RelativeSizes) -> None:
        super().__init__()
        self.encoder = encoder
        self.sizes = sizes

    @property
    def numbers(self) -> int:
        """Width of the vector."""
        blocks = self.sizes.last_block - self.sizes.first_block + 1
        return 2 * blocks * self.encoder.sizes.width + LOUDNESS

    def forward(self, features: Tensor) -> Tensor:
        """Map decimal logarithms of mel energies (window, frame, mel), all of one length, to (window, number)."""
        loudest = features.amax(dim=(1, 2), keepdim=True)
        scaled = torch.maximum(features, loudest - self.sizes.range_decades) - loudest + self.sizes.level
        heard = self.encoder((scaled + 4.0) / 4.0)
        states = torch.stack(heard.blocks[self.sizes.first_block : self.sizes.last_block + 1], dim=1)
        mean = states.mean(dim=2)  # (window, block, width)
        variance = (states - mean[:, :, None]).square().mean(dim=2)
        deviation = (variance + LEAST_VARIANCE).sqrt()
        return torch.cat((mean.flatten(1), deviation.flatten(1), loudness(features)), dim=1)


def loudness(features: Tensor) -> Tensor:
    """Tell how loud windows are, from decimal logarithms of mel energies (window, frame, mel): (window, `LOUDNESS`)."""
    energies = torch.pow(10.0, features)
    levels = energies.mean(dim=2).log10()  # (window, frame)
    mean = levels.mean(dim=1)
    deviation = ((levels - mean[:, None]).square().mean(dim=1) + LEAST_VARIANCE).sqrt()
    return torch.stack((energies.mean(dim=(1, 2)).log10(), features.amax(dim=(1, 2)), mean, deviation), dim=1)


class RelativeHead(nn.Module):
    """A vector and what is known of its speaker in, scores out.

    z = W_a a + W_r r + c, where a is the vector as training material has it, without loudness, and r is the vector as
    its speaker's turns have it: (x − m) / s with m and s shrunk towards the training material by how many turns there
    are. Of a stranger r is a, but for loudness, which is zero.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, numbers: int, sizes: RelativeSizes, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shrink_turns = sizes.shrink_turns
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("deviation", torch.ones(numbers))
        self.dropout = nn.Dropout(dropout)
        self.scores = nn.Linear(2 * numbers + 2, sizes.labels)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def settle(self, vectors: Tensor) -> None:
        """Take mean and deviation of the training material's vectors (utterance, number)."""
        self.mean.copy_(vectors.mean(dim=0))
        self.deviation.copy_(vectors.std(dim=0, correction=0).clamp(min=LEAST_DEVIATION))

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
        return scores
