"""Qieemo: what is said and how, both heard by one phone recogniser, joined frame by frame. A reconstruction.

Chen, Fang, Zheng, Wang, Fei: Qieemo (arXiv 2503.22687). Sourced: a pretrained recogniser gives both features, aligned
by frame; the one is a phonetic posteriorgram, the other comes from middle blocks; two modules, multimodal fusion (MMF)
and cross-modal attention (CMA), join them; training has two stages. Inferred from the abstract and common practice:
every equation and every size. docs/explanation/qieemo.md tells them apart.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor, nn

from undertone.backbones.lengths import frame_mask
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.errors import ConfigError
from undertone.systems.base import Outputs, Stream, System
from undertone.systems.freezing import OnBackbone
from undertone.systems.fusion import (
    CMA,
    MMF,
    POOLINGS,
    CrossModalAttention,
    PlainProjection,
    fusion_of,
    pooled_width,
    pooling_of,
)
from undertone.systems.posteriorgram import POSTERIORGRAMS, BlockStatistics, ContentFeature, EmotionFeature

TOPOLOGIES: Final = ("parallel", "serial")
"""Where both modules are on: side by side, or CMA behind MMF."""

EVIDENCE: Final = ("both", "content", "emotion")
"""Which of the two features is used."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """Everything behind the backbone. The defaults are ours; the paper's are not known."""

    width: int = 128
    """Of each feature, and of what they become."""
    heads: int = 4
    """Of the attention."""
    evidence: str = "both"
    """One of `EVIDENCE`."""
    posteriorgram: str = "posterior"
    """One of `POSTERIORGRAMS`."""
    temperature: float = 1.0
    """What scores of symbols are divided by."""
    most_symbols: int = 8
    """Of the posteriorgram `top-k`."""
    first_block: int = 0
    """Emotion is read from this block to `last_block`, counted as in `Frames.blocks`. 0 for both: the middle third."""
    last_block: int = 0
    mmf: str = "gate"
    """One of `MMF`."""
    cma: str = "both"
    """One of `CMA`."""
    cma_layers: int = 1
    topology: str = "parallel"
    """One of `TOPOLOGIES`."""
    pooling: str = "attentive"
    """One of `POOLINGS`."""
    statistics: bool = False
    """Whether the classifier hears of the blocks past MMF and CMA, too: their mean and deviation over time. Ours."""
    hidden: int = 256
    """Width of the classifier, and of the embedding."""
    dropout: float = 0.1
    classifier_dropout: float = 0.3


@dataclass(frozen=True, kw_only=True)
class QieemoSizes:
    """How large the whole is."""

    mel_bins: int = 80
    """Overrules the backbone's own."""
    labels: int = 7
    backbone: BackboneSizes = field(default_factory=BackboneSizes)
    head: Head = field(default_factory=Head)


def middle_blocks(head: Head, *, blocks: int) -> range:
    """Say which blocks emotion is read from.

    Args:
        head: where `first_block` and `last_block` are both 0, the middle third is taken: ⌊L/3⌋+1 to ⌊2L/3⌋ of L blocks.
        blocks: count of the blocks, L + 1 with block 0.
    """
    if head.first_block or head.last_block:
        return range(head.first_block, head.last_block + 1)
    count = blocks - 1
    first = count // 3 + 1
    return range(first, max(first, 2 * count // 3) + 1)  # of a single block, that one


def head_problems(head: Head, *, blocks: int, symbols: int) -> list[str]:
    """Find what keeps a head from being built, one sentence each.

    Args:
        head: the settings.
        blocks: count of the encoder's blocks, block 0 among them.
        symbols: count of the recogniser's symbols, the blank among them; 0 for an encoder that recognises nothing.
    """
    return [*_word_problems(head), *_number_problems(head), *_fit_problems(head, blocks, symbols)]


def _word_problems(head: Head) -> list[str]:
    accepted = {
        "evidence": EVIDENCE,
        "posteriorgram": POSTERIORGRAMS,
        "mmf": MMF,
        "cma": CMA,
        "topology": TOPOLOGIES,
        "pooling": POOLINGS,
    }
    problems = [
        f"{name} must be one of {', '.join(words)}, not {getattr(head, name)!r}"
        for name, words in accepted.items()
        if getattr(head, name) not in words
    ]
    joined = [f"{name} = {getattr(head, name)!r}" for name in ("mmf", "cma") if getattr(head, name) != "none"]
    if head.evidence in {"content", "emotion"} and joined:
        problems.append(
            f"with evidence {head.evidence!r} there is nothing to fuse, but {' and '.join(joined)}; "
            "set mmf and cma to 'none'"
        )
    if head.evidence == "content" and head.statistics:
        problems.append("statistics are of the emotion features, which evidence 'content' leaves out; set it to false")
    if head.topology == "serial" and len(joined) < 2:
        problems.append("topology 'serial' puts CMA behind MMF; set both mmf and cma, or take 'parallel'")
    return problems


def _number_problems(head: Head) -> list[str]:
    problems = [
        f"{name} must be 1 or more, not {getattr(head, name)}"
        for name in ("width", "heads", "most_symbols", "cma_layers", "hidden")
        if getattr(head, name) < 1
    ]
    if head.cma != "none" and head.heads > 0 and head.width % head.heads:
        problems.append(f"width must be a multiple of the heads ({head.heads}), not {head.width}")
    if not (math.isfinite(head.temperature) and head.temperature > 0):
        problems.append(f"temperature must be above 0, not {head.temperature:g}")
    problems.extend(
        f"{name} must be from 0 to below 1, not {getattr(head, name):g}"
        for name in ("dropout", "classifier_dropout")
        if not 0 <= getattr(head, name) < 1
    )
    return problems


def _fit_problems(head: Head, blocks: int, symbols: int) -> list[str]:
    """What keeps the settings from fitting an encoder."""
    problems = []
    if blocks < 2:
        problems.append(f"the encoder has no block behind its front end (blocks = {blocks}); 2 or more are needed")
    elif not 0 <= head.first_block <= head.last_block < blocks:
        problems.append(
            f"first_block and last_block must be in order and from 0 to {blocks - 1}, "
            f"not {head.first_block} and {head.last_block}"
        )
    if head.evidence == "emotion" or head.posteriorgram not in POSTERIORGRAMS:
        return problems
    if symbols == 0 and head.posteriorgram != "bottleneck":
        problems.append(
            f"the encoder recognises no symbols, so it has no {head.posteriorgram!r}; set posteriorgram to 'bottleneck'"
        )
    elif head.posteriorgram == "top-k" and head.most_symbols > symbols:
        problems.append(f"most_symbols must be at most the {symbols} symbols there are, not {head.most_symbols}")
    return problems


class QieemoHead(nn.Module):
    """Maps the blocks and the scores of a phone recogniser to emotions.

    Raises:
        ConfigError: if the head cannot be built, with `head_problems`.
    """

    def __init__(self, head: Head, *, blocks: int, width: int, symbols: int, labels: int) -> None:
        super().__init__()
        problems = head_problems(head, blocks=blocks, symbols=symbols)
        if problems:
            raise ConfigError("head", problems)
        self.head = head
        self.middle = middle_blocks(head, blocks=blocks)
        size = head.width
        self.content: ContentFeature | None = None
        self.emotion: EmotionFeature | None = None
        self.mmf = None if head.mmf == "none" else fusion_of(head.mmf, width=size)
        self.cma: CrossModalAttention | None = None
        self.plain: PlainProjection | None = None
        if head.evidence != "emotion":
            self.content = ContentFeature(
                kind=head.posteriorgram,
                temperature=head.temperature,
                most_symbols=head.most_symbols,
                width=width,
                symbols=symbols,
                features=size,
                dropout=head.dropout,
            )
        if head.evidence != "content":
            self.emotion = EmotionFeature(blocks=len(self.middle), width=width, features=size, dropout=head.dropout)
        if head.cma != "none":
            self.cma = CrossModalAttention(
                kind=head.cma, width=size, heads=head.heads, layers=head.cma_layers, dropout=head.dropout
            )
        if head.mmf == head.cma == "none":
            self.plain = PlainProjection(features=2 if head.evidence == "both" else 1, width=size)
        side_by_side = "none" not in {head.mmf, head.cma} and head.topology == "parallel"
        self.pools = nn.ModuleList(pooling_of(head.pooling, width=size) for _ in range(1 + side_by_side))
        pooled = len(self.pools) * pooled_width(head.pooling, width=size)
        self.embed = nn.Sequential(nn.LayerNorm(pooled), nn.Linear(pooled, head.hidden))
        self.statistics: BlockStatistics | None = None
        if head.statistics:
            self.statistics = BlockStatistics(
                blocks=len(self.middle), width=width, hidden=head.hidden, dropout=head.classifier_dropout
            )
        self.classify = nn.Sequential(nn.Dropout(head.classifier_dropout), nn.Linear(head.hidden, labels))

    def forward(self, blocks: Tensor, scores: Tensor, lengths: Tensor) -> Outputs:
        """Judge what a recogniser heard.

        Args:
            blocks: states of all blocks, block 0 first, shape (batch, block, frame, width); padding may hold anything.
            scores: unnormalised scores of symbols, shape (batch, frame, symbol); padding may hold anything.
            lengths: real frames of every item, shape (batch,), at least 1.

        Returns:
            `logits` of shape (batch, label) and `embedding` of shape (batch, hidden).
        """
        mask = frame_mask(lengths, blocks.shape[2])
        beyond = ~mask[:, :, None]
        features = []
        if self.content is not None:
            features.append(self.content(blocks[:, -1].masked_fill(beyond, 0), scores.masked_fill(beyond, 0)))
        states = blocks[:, self.middle.start : self.middle.stop].masked_fill(beyond[:, None], 0)
        if self.emotion is not None:
            features.append(self.emotion(states))
        joined = self._joined(features, mask)
        pooled = torch.cat([pool(each, mask) for pool, each in zip(self.pools, joined, strict=True)], dim=1)
        told = self.embed(pooled)
        if self.statistics is not None:
            told = told + self.statistics(states, mask)
        embedding = nn.functional.gelu(told)
        return Outputs(logits=self.classify(embedding), embedding=embedding)

    @torch.no_grad()
    def settle(self, blocks: Tensor, lengths: Tensor) -> None:
        """Take what standardises the blocks from training material, before any training.

        Args:
            blocks: as `forward`.
            lengths: likewise.
        """
        mask = frame_mask(lengths, blocks.shape[2])
        states = blocks[:, self.middle.start : self.middle.stop]
        if self.emotion is not None:
            self.emotion.settle(states.transpose(0, 1)[:, mask])
        if self.statistics is not None:
            self.statistics.settle(states.masked_fill(~mask[:, None, :, None], 0), mask)

    def _joined(self, features: list[Tensor], mask: Tensor) -> list[Tensor]:
        """Join features, p before e, each (batch, frame, width); gives one sequence for every pooling."""
        if self.plain is not None:
            return [self.plain(*features)]
        p, e = features
        fused = [] if self.mmf is None else [self.mmf(p, e)]
        if self.cma is None:
            return fused
        if self.head.topology == "serial":
            return [self.cma(p, e, mask, asker=fused[0])]
        return [*fused, self.cma(p, e, mask)]


class Qieemo(OnBackbone):
    """Log-mel in, emotion scores out.

    Raises:
        ConfigError: if the backbone or the head cannot be built.
    """

    def __init__(self, sizes: QieemoSizes) -> None:
        super().__init__()
        self.sizes = sizes
        backbone = replace(sizes.backbone, mel_bins=sizes.mel_bins)
        self.backbone = Backbone(backbone)
        self.head = QieemoHead(
            sizes.head,
            blocks=backbone.blocks + 1,
            width=backbone.width,
            symbols=backbone.symbols,
            labels=sizes.labels,
        )

    def forward(self, features: Tensor, lengths: Tensor) -> Outputs:
        """Judge windows.

        Args:
            features: natural-log mel energies, shape (batch, frame, mel); padding may hold any number.
            lengths: real frames of each window, shape (batch,), at least 1.

        Returns:
            `logits` of shape (batch, label) and `embedding` of shape (batch, hidden).
        """
        heard = self.backbone(features, lengths)
        outputs: Outputs = self.head(torch.stack(heard.blocks, dim=1), heard.logits, heard.lengths)
        return outputs


SYSTEM = System(
    name="qieemo",
    source="a reconstruction of Qieemo (arXiv 2503.22687): its parts are sourced, its equations and sizes are inferred",
    needs=frozenset({Stream.LOG_MEL}),
    sizes=QieemoSizes,
    build=Qieemo,
)
