"""Multi-level fusion as one network, with both pretrained encoders inside: log-mel and tokens in. A reconstruction.

What stands behind the encoders, and what of it is sourced, is told in `undertone.systems.multilevel`. Here the encoder
of speech is a phone recogniser, which can tell where segments lie; that of text is any BERT-like one of transformers,
and never learns.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from undertone.backbones.lengths import frame_mask
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.errors import ConfigError
from undertone.speech.script import COUNT, TOKENS
from undertone.systems.base import Outputs, Stream, System
from undertone.systems.freezing import OnBackbone
from undertone.systems.multilevel import Fusion, Multilevel, Segments

if TYPE_CHECKING:
    from collections.abc import Mapping


def _small_bert() -> dict[str, object]:
    """Stands where no encoder is named, as in the contract tests; a run always names one."""
    return {
        "model_type": "bert",
        "vocab_size": 64,
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 32,
    }


@dataclass(frozen=True, kw_only=True)
class MultilevelSizes:
    """How large the whole is."""

    mel_bins: int = 80
    """Overrules the backbone's own."""
    labels: int = 7
    backbone: BackboneSizes = field(default_factory=BackboneSizes)
    text: dict[str, object] = field(default_factory=_small_bert)
    """The configuration of the encoder of text, as transformers reads it; `model_type` says which it is."""
    first_block: int = 0
    """Speech is read from this block of the backbone on."""
    last_block: int = 0
    """Included. 0 takes the last there is."""
    fusion: Fusion = field(default_factory=Fusion)


class MultilevelNetwork(OnBackbone):
    """Log-mel, tokens and segments in, emotion scores out.

    Raises:
        ConfigError: if the backbone, the encoder of text or the fusion cannot be built.
    """

    def __init__(self, sizes: MultilevelSizes) -> None:
        super().__init__()
        self.sizes = sizes
        backbone = replace(sizes.backbone, mel_bins=sizes.mel_bins)
        last = sizes.last_block or backbone.blocks
        if not 0 <= sizes.first_block <= last <= backbone.blocks:
            raise ConfigError(
                "sizes",
                [
                    f"first_block and last_block must be in order and from 0 to {backbone.blocks}, "
                    f"not {sizes.first_block} and {sizes.last_block}"
                ],
            )
        self.read_blocks = slice(sizes.first_block, last + 1)
        self.backbone = Backbone(backbone)
        self.text_encoder = encoder_of_text(sizes.text)
        self.head = Multilevel(
            sizes.fusion,
            blocks=last + 1 - sizes.first_block,
            speech_width=backbone.width,
            text_width=self.text_encoder.config.hidden_size,
            labels=sizes.labels,
        )

    def never_learning(self) -> tuple[nn.Module, ...]:
        """The encoder of text."""
        return (self.text_encoder,)

    def forward(self, features: Tensor, lengths: Tensor, scripts: Mapping[str, Tensor]) -> Outputs:
        """Judge windows.

        Args:
            features: natural-log mel energies, shape (batch, frame, mel); padding may hold any number.
            lengths: real frames of each window, shape (batch,), at least 1.
            scripts: tokens and segments, as `undertone.speech.script` names them; a window without a token is judged by
                its sound.

        Returns:
            `logits` of shape (batch, label) and `embedding` of shape (batch, hidden).
        """
        heard = self.backbone(features, lengths)
        counts = scripts[TOKENS + COUNT]
        outputs: Outputs = self.head(
            torch.stack(heard.blocks[self.read_blocks], dim=1),
            heard.lengths,
            self._states(scripts[TOKENS], counts),
            counts,
            {
                name: Segments(bounds=scripts[name], counts=scripts[name + COUNT])
                for name in segments_asked(self.sizes.fusion)
            },
        )
        return outputs

    def _states(self, tokens: Tensor, counts: Tensor) -> Tensor:
        """Encode tokens (batch, token); one is attended to even where none is real, for a softmax needs one."""
        real = frame_mask(counts.clamp(min=1), tokens.shape[1])
        states: Tensor = self.text_encoder(input_ids=tokens, attention_mask=real.long()).last_hidden_state
        return states


def segments_asked(fusion: Fusion) -> tuple[str, ...]:
    """Name the granularities whose segments a fusion is given."""
    return tuple(name for name in fusion.granularities if name != "frame") if fusion.fusion != "text" else ()


def encoder_of_text(told: Mapping[str, object]) -> Any:  # noqa: ANN401  transformers' classes share no useful type
    """Build an encoder of text, with random weights, without the pooling that nothing here reads.

    Raises:
        ConfigError: if transformers knows no such encoder.
    """
    try:
        config = AutoConfig.for_model(
            str(told["model_type"]), **{name: told[name] for name in told if name != "model_type"}
        )
        model = AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    except (TypeError, ValueError, KeyError) as error:
        raise ConfigError("sizes.text", [f"transformers builds no encoder of it ({error})"]) from error
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


SYSTEM = System(
    name="multilevel",
    source="a reconstruction of multi-level fusion (arXiv 2207.04697): co-attention and the four granularities are "
    "sourced, its equations, sizes and training are inferred or ours",
    needs=frozenset({Stream.LOG_MEL, Stream.TEXT, Stream.SEGMENTS}),
    sizes=MultilevelSizes,
    build=MultilevelNetwork,
)
