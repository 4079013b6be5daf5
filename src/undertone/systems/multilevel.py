"""Multi-level fusion of speech and text, with speech as frames, phones, syllables and words. A reconstruction.

Zhao, Wang, Wang: Multi-level fusion of wav2vec 2.0 and BERT for multimodal emotion recognition (arXiv 2207.04697).
Sourced: co-attention as early fusion, after ViLBERT (by the same authors' next paper); late fusion of scores; segment
embeddings at phone, syllable and word beside frames; two pretrained encoders. Inferred: every formula and size. What
is ours: blocks of the speech encoder are standardised and mixed, and a token that stands where nothing was said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from undertone.backbones.lengths import frame_mask
from undertone.errors import ConfigError
from undertone.systems.attention import CoAttention
from undertone.systems.base import Outputs
from undertone.systems.posteriorgram import EmotionFeature
from undertone.systems.segments import POOLINGS, SegmentPooling, sinusoids

if TYPE_CHECKING:
    from collections.abc import Mapping

GRANULARITIES: Final = ("frame", "phone", "syllable", "word")
"""As what speech is told."""

FUSIONS: Final = ("co-attention", "speech-asks", "text-asks", "concat", "speech", "text")
"""How speech and text meet; in `speech` and `text` the other one is not there."""

_ASKERS: Final = {"co-attention": "both", "speech-asks": "speech", "text-asks": "text"}


@dataclass(frozen=True, kw_only=True)
class Fusion:
    """Everything behind the two encoders. The defaults are ours; the paper's are not known."""

    fusion: str = "co-attention"
    """One of `FUSIONS`."""
    granularities: tuple[str, ...] = ("frame",)
    """Some of `GRANULARITIES`: each has a co-attention of its own, and all are pooled side by side."""
    width: int = 64
    heads: int = 4
    layers: int = 1
    """Of each co-attention."""
    segments: str = "mean"
    """One of `POOLINGS`: how frames become a segment."""
    hidden: int = 128
    """Width of the classifier, and of the embedding."""
    dropout: float = 0.1
    classifier_dropout: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Where the phones, syllables or words of a batch lie."""

    bounds: Tensor
    """First frame and the one after the last, shape (batch, segment, 2); at least one frame, in padding too."""
    counts: Tensor
    """How many are real, shape (batch,), at least 1."""


def fusion_problems(fusion: Fusion) -> list[str]:
    """Find what keeps a fusion from being built, one sentence each."""
    problems = []
    if fusion.fusion not in FUSIONS:
        problems.append(f"fusion must be one of {', '.join(FUSIONS)}, not {fusion.fusion!r}")
    unknown = [name for name in fusion.granularities if name not in GRANULARITIES]
    if unknown or not fusion.granularities or len(set(fusion.granularities)) < len(fusion.granularities):
        problems.append(
            f"granularities must be one or more of {', '.join(GRANULARITIES)}, each once, "
            f"not {', '.join(fusion.granularities) or 'none'}"
        )
    if fusion.segments not in POOLINGS:
        problems.append(f"segments must be one of {', '.join(POOLINGS)}, not {fusion.segments!r}")
    problems += [
        f"{name} must be 1 or more, not {getattr(fusion, name)}"
        for name in ("width", "heads", "layers", "hidden")
        if getattr(fusion, name) < 1
    ]
    if fusion.heads > 0 and fusion.width % fusion.heads:
        problems.append(f"width must be a multiple of the heads ({fusion.heads}), not {fusion.width}")
    problems += [
        f"{name} must be from 0 to below 1, not {getattr(fusion, name):g}"
        for name in ("dropout", "classifier_dropout")
        if not (math.isfinite(getattr(fusion, name)) and 0 <= getattr(fusion, name) < 1)
    ]
    return problems


class TextFeature(nn.Module):
    """T = [n; LN(W B)]: the tokens' states B, behind a learned token n that is there even if nothing was said."""

    def __init__(self, *, width: int, features: int, dropout: float) -> None:
        super().__init__()
        self.nothing = nn.Parameter(0.02 * torch.randn(features))
        self.project = nn.Linear(width, features)
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens (batch, token, width) and lengths (batch,), which may be 0, to (batch, 1 + token, feature) and
        their mask (batch, 1 + token)."""
        told = self.dropout(self.norm(self.project(tokens)))
        nothing = self.nothing.to(told.dtype).expand(len(told), 1, -1)
        return torch.cat((nothing, told), dim=1), frame_mask(lengths + 1, told.shape[1] + 1)


class Branch(nn.Module):
    """Speech of one granularity and text as one vector: [mean of X; mean of T], behind their co-attention if any.

    Segments get sinusoidal positions by their number; frames bring those of the speech encoder.
    """

    def __init__(self, fusion: Fusion, granularity: str) -> None:
        super().__init__()
        self.granularity = granularity
        self.pool = None if granularity == "frame" else SegmentPooling(pooling=fusion.segments, width=fusion.width)
        self.attention: CoAttention | None = None
        if fusion.fusion in _ASKERS:
            self.attention = CoAttention(
                asker=_ASKERS[fusion.fusion],
                width=fusion.width,
                heads=fusion.heads,
                layers=fusion.layers,
                dropout=fusion.dropout,
            )

    def forward(
        self,
        speech: tuple[Tensor, Tensor],
        text: tuple[Tensor, Tensor] | None,
        segments: Mapping[str, Segments],
    ) -> Tensor:
        """Fuse.

        Args:
            speech: frames (batch, frame, width) and their mask (batch, frame).
            text: tokens (batch, token, width) and their mask (batch, token); None where it is left out.
            segments: those of this granularity, by its name, unless it is that of frames.
        """
        heard, heard_mask = speech
        if self.pool is not None:
            here = segments[self.granularity]
            heard = self.pool(heard, here.bounds)
            heard = heard + sinusoids(heard.shape[1], heard.shape[2]).to(heard)
            heard_mask = frame_mask(here.counts, heard.shape[1])
        if text is None:
            return mean_of(heard, heard_mask)
        told, told_mask = text
        if self.attention is not None:
            heard, told = self.attention(heard, told, heard_mask, told_mask)
        return torch.cat((mean_of(heard, heard_mask), mean_of(told, told_mask)), dim=1)


class Multilevel(nn.Module):
    """Maps the blocks of a speech encoder, the tokens of a text encoder and segments to emotions.

    Raises:
        ConfigError: if it cannot be built, with `fusion_problems`.
    """

    def __init__(self, fusion: Fusion, *, blocks: int, speech_width: int, text_width: int, labels: int) -> None:
        super().__init__()
        problems = fusion_problems(fusion)
        if problems:
            raise ConfigError("fusion", problems)
        self.fusion = fusion
        self.speech: EmotionFeature | None = None
        self.text: TextFeature | None = None
        vectors = fusion.width
        self.branches = nn.ModuleList()
        if fusion.fusion != "text":
            self.speech = EmotionFeature(
                blocks=blocks, width=speech_width, features=fusion.width, dropout=fusion.dropout
            )
            self.branches.extend(Branch(fusion, name) for name in fusion.granularities)
            vectors = len(self.branches) * fusion.width * (1 if fusion.fusion == "speech" else 2)
        if fusion.fusion != "speech":
            self.text = TextFeature(width=text_width, features=fusion.width, dropout=fusion.dropout)
        self.embed = nn.Sequential(nn.Dropout(fusion.dropout), nn.Linear(vectors, fusion.hidden), nn.ReLU())
        self.classify = nn.Sequential(nn.Dropout(fusion.classifier_dropout), nn.Linear(fusion.hidden, labels))

    def forward(
        self,
        blocks: Tensor,
        lengths: Tensor,
        tokens: Tensor,
        token_lengths: Tensor,
        segments: Mapping[str, Segments],
    ) -> Outputs:
        """Judge utterances.

        Args:
            blocks: states of the speech encoder, shape (batch, block, frame, width); padding may hold anything.
            lengths: real frames of every item, shape (batch,), at least 1.
            tokens: states of the text encoder's tokens, shape (batch, token, width); padding may hold anything.
            token_lengths: real tokens of every item, shape (batch,); 0 where there is no transcript.
            segments: by granularity, those that `fusion` names but frames.

        Returns:
            `logits` of shape (batch, label) and `embedding` of shape (batch, hidden).
        """
        text = None
        if self.text is not None:
            real = frame_mask(token_lengths, tokens.shape[1])
            text = self.text(tokens.masked_fill(~real[:, :, None], 0), token_lengths)
        vectors = []
        if self.speech is not None:
            mask = frame_mask(lengths, blocks.shape[2])
            speech = self.speech(blocks.masked_fill(~mask[:, None, :, None], 0)), mask
            vectors = [branch(speech, text, segments) for branch in self.branches]
        elif text is not None:
            vectors = [mean_of(*text)]
        embedding = self.embed(torch.cat(vectors, dim=1))
        return Outputs(logits=self.classify(embedding), embedding=embedding)

    @torch.no_grad()
    def settle(self, blocks: Tensor, lengths: Tensor) -> None:
        """Take what standardises the blocks from training material, before any training.

        Args:
            blocks: as `forward`.
            lengths: likewise.
        """
        if self.speech is not None:
            self.speech.settle(blocks.transpose(0, 1)[:, frame_mask(lengths, blocks.shape[2])])


def mean_of(steps: Tensor, mask: Tensor) -> Tensor:
    """Mean over the real steps: (batch, step, width) and (batch, step) to (batch, width)."""
    real = mask[:, :, None]
    return steps.masked_fill(~real, 0).sum(dim=1) / real.sum(dim=1)
