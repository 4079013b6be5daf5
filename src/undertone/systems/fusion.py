"""Two features of the same frames become one: frame by frame (MMF), by attention (CMA); then frames become one vector.

Reconstruction of Qieemo's modules (arXiv 2503.22687). Sourced: that there is a multimodal fusion and a cross-modal
attention, and their names. Inferred: every formula here. In all of them p is what is said, e how it is said, both of
shape (batch, frame, width).
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from undertone.systems.attention import asking_layers

MMF: Final = ("none", "concat", "add", "gate", "film")
"""How the features of a frame meet; `none` leaves the module out."""

CMA: Final = ("none", "emotion-asks", "content-asks", "both")
"""Who asks whom: in `emotion-asks`, e is the query and p keys and values."""

POOLINGS: Final = ("attentive", "mean")


class ConcatFusion(nn.Module):
    """m = LN(W_m [p; e])."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, p: Tensor, e: Tensor) -> Tensor:
        """Map two features (batch, frame, width) to one."""
        fused: Tensor = self.norm(self.mix(torch.cat((p, e), dim=-1)))
        return fused


class AddFusion(nn.Module):
    """m = LN(e + p)."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)

    def forward(self, p: Tensor, e: Tensor) -> Tensor:
        """Map two features (batch, frame, width) to one."""
        fused: Tensor = self.norm(e + p)
        return fused


class GateFusion(nn.Module):
    """m = LN(g ⊙ e + (1 − g) ⊙ p + W_m [p; e]), with a gate g = σ(W_g [p; e] + b_g) for each channel."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.gate = nn.Linear(2 * width, width)
        self.mix = nn.Linear(2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, p: Tensor, e: Tensor) -> Tensor:
        """Map two features (batch, frame, width) to one."""
        both = torch.cat((p, e), dim=-1)
        gate = torch.sigmoid(self.gate(both))
        fused: Tensor = self.norm(gate * e + (1 - gate) * p + self.mix(both))
        return fused


class FilmFusion(nn.Module):
    """m = LN(e ⊙ (1 + γ(p)) + β(p)), with linear γ and β: content bends emotion (FiLM, Perez et al. 2018)."""

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.bend = nn.Linear(width, 2 * width)
        self.norm = nn.LayerNorm(width)

    def forward(self, p: Tensor, e: Tensor) -> Tensor:
        """Map two features (batch, frame, width) to one."""
        gamma, beta = self.bend(p).chunk(2, dim=-1)
        fused: Tensor = self.norm(e * (1 + gamma) + beta)
        return fused


class PlainProjection(nn.Module):
    """W [p; e], or W of the one feature there is: what stands where neither module is on. Linear, without a norm."""

    def __init__(self, *, features: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(features * width, width)

    def forward(self, *features: Tensor) -> Tensor:
        """Map features, each (batch, frame, width), to one."""
        projected: Tensor = self.project(torch.cat(features, dim=-1))
        return projected


_FUSIONS: Final = {"concat": ConcatFusion, "add": AddFusion, "gate": GateFusion, "film": FilmFusion}


def fusion_of(kind: str, *, width: int) -> nn.Module:
    """Build a multimodal fusion, one of `MMF` but `none`: a module that maps (p, e) to m."""
    fusion: nn.Module = _FUSIONS[kind](width=width)
    return fusion


class CrossModalAttention(nn.Module):
    """Emotion asks content, content asks emotion, or both: c = F_e, c = F_p, or c = W_c [F_e; F_p].

    With more than one layer both sides move on together, as in ViLBERT: a layer asks what the layer before it made of
    the other side. Where a third stream asks in their place, what it asks stays p and e.
    """

    def __init__(self, *, kind: str, width: int, heads: int, layers: int, dropout: float) -> None:
        super().__init__()

        self.asks_content = asking_layers(
            layers if kind in {"emotion-asks", "both"} else 0, width=width, heads=heads, dropout=dropout
        )
        self.asks_emotion = asking_layers(
            layers if kind in {"content-asks", "both"} else 0, width=width, heads=heads, dropout=dropout
        )
        self.join = nn.Linear(2 * width, width) if kind == "both" else None

    def forward(self, p: Tensor, e: Tensor, mask: Tensor, asker: Tensor | None = None) -> Tensor:
        """Let the features ask each other.

        Args:
            p: what is said, shape (batch, frame, width).
            e: how it is said, likewise.
            mask: which frames are real, shape (batch, frame).
            asker: asks in the place of e and p if given, shape (batch, frame, width).

        Returns:
            Shape (batch, frame, width).
        """
        of_emotion, of_content = (e, p) if asker is None else (asker, asker)
        for layer in range(max(len(self.asks_content), len(self.asks_emotion))):
            content, emotion = (of_content, of_emotion) if asker is None else (p, e)
            if len(self.asks_content):
                of_emotion = self.asks_content[layer](of_emotion, content, mask)
            if len(self.asks_emotion):
                of_content = self.asks_emotion[layer](of_content, emotion, mask)
        if self.join is not None:
            joined: Tensor = self.join(torch.cat((of_emotion, of_content), dim=-1))
            return joined
        return of_emotion if len(self.asks_content) else of_content


class AttentivePooling(nn.Module):
    """Weighted mean and deviation over frames, with one weight a frame: a_t = softmax_t(vᵀ tanh(W x_t)).

    Okabe et al. 2018, equations 4 to 6. `layers.AttentiveStatisticsPooling` has a weight for each channel instead. The
    variance is taken about the mean, so that of a single frame is zero and not a rounding error.
    """

    def __init__(self, *, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, width)
        self.score = nn.Linear(width, 1, bias=False)  # a bias is the same for all frames: softmax does not see it

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, width) and its mask (batch, frame) to (batch, 2·width)."""
        scores = self.score(torch.tanh(self.hidden(x))).masked_fill(~mask[:, :, None], -torch.inf)
        weights = scores.softmax(dim=1)
        mean = (weights * x).sum(dim=1)
        variance = (weights * (x - mean[:, None]).square()).sum(dim=1)
        return torch.cat((mean, variance.clamp(min=1e-6).sqrt()), dim=1)


class MeanPooling(nn.Module):
    """The mean over the real frames."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map (batch, frame, width) and its mask (batch, frame) to (batch, width)."""
        real = mask[:, :, None]
        return x.masked_fill(~real, 0).sum(dim=1) / real.sum(dim=1)


def pooling_of(kind: str, *, width: int) -> nn.Module:
    """Build a pooling, one of `POOLINGS`: a module that maps (x, mask) to a vector of `pooled_width`."""
    return AttentivePooling(width=width) if kind == "attentive" else MeanPooling()


def pooled_width(kind: str, *, width: int) -> int:
    """How wide a pooling's answer is."""
    return 2 * width if kind == "attentive" else width
