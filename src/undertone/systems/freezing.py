"""Networks with pretrained parts, and what of them goes on learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self, cast

import torch
from torch import Tensor, nn

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from undertone.backbones.network import Backbone
    from undertone.systems.base import Settles

KEPT: Final = ("head", "top", "all")
"""What of a network goes on learning."""


class OnBackbone(nn.Module):
    """A network with a phone recogniser inside, as `backbone`, of which a part or all may be frozen."""

    backbone: Backbone
    head: nn.Module
    """What reads the backbone's blocks; takes constants from them by `settle`."""
    read_blocks: slice = slice(None)
    """Blocks that the head is given."""

    @torch.no_grad()
    def settle(self, features: Tensor, lengths: Tensor) -> None:
        """Take what standardises the blocks from training windows, before any training.

        Args:
            features: as `forward` takes them.
            lengths: likewise.
        """
        training = self.training
        self.eval()
        heard = self.backbone(features, lengths)
        cast("Settles", self.head).settle(torch.stack(heard.blocks[self.read_blocks], dim=1), heard.lengths)
        self.train(training)

    def never_learning(self) -> tuple[nn.Module, ...]:
        """Other pretrained parts; they stay as they are whatever is chosen."""
        return ()

    def train(self, mode: bool = True) -> Self:
        """As `nn.Module.train`, but parts that are frozen stay as they are asked: without dropout."""
        super().train(mode)
        encoder = self.backbone.conformer.encoder
        parts = [encoder.subsampling, *encoder.layers, self.backbone.conformer.ctc_head, *self.never_learning()]
        for part in parts:
            if not _learns(part):
                part.eval()
        # The dropout before the first block is the backbone's own; it comes and goes with that block.
        self.backbone.training = mode and _learns(encoder.layers[0])
        return self


def freeze(network: OnBackbone, kept: str, top: int = 0) -> None:
    """Choose what goes on learning; what was chosen before is forgotten.

    The front end and the scores of symbols never learn, so that the posteriorgram stays one. Frozen parts keep their
    dropout off while the rest trains.

    Args:
        network: is changed in place.
        kept: `head`, the head alone; `top`, the backbone's last blocks too; `all`, all its blocks.
        top: of `top`, how many blocks.

    Raises:
        ConfigError: if `kept` is none of these, or the backbone has no so many blocks.
    """
    blocks = network.backbone.conformer.encoder.layers
    if kept not in KEPT:
        raise ConfigError("freeze", [f"kept must be one of {', '.join(KEPT)}, not {kept!r}"])
    if kept == "top" and not 1 <= top <= len(blocks):
        raise ConfigError("freeze", [f"top must be from 1 to the {len(blocks)} blocks of the backbone, not {top}"])
    network.requires_grad_(True)
    for part in (network.backbone, *network.never_learning()):
        part.requires_grad_(False)
    learning = {"head": 0, "top": top, "all": len(blocks)}[kept]
    for block in blocks[len(blocks) - learning :]:
        block.requires_grad_(True)
    network.train(network.training)


def _learns(part: nn.Module) -> bool:
    return any(weight.requires_grad for weight in part.parameters())
