"""Speech recognisers of the Hugging Face hub as encoders: their blocks, and the scores of their CTC head.

Where an adapter behind the blocks makes one frame of several, its scores are given to each of them: rows then keep the
clock of the blocks, and what a decoder that joins repeated symbols reads from them does not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import torch

from undertone.encoders.base import Encoder, Layout
from undertone.encoders.checkpoints import load_checkpoint, load_recogniser
from undertone.encoders.hub import frozen, split_precision
from undertone.encoders.rows import frame_rows, moments
from undertone.encoders.states import states_of
from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.encoders.states import Heard

HALVING: Final = (3, 2)
"""Kernel and stride of an adapter's layer that makes one frame of two, the odd one at the end included."""


def frames(rest: str) -> Encoder:
    """Build `hub-asr-frames:PATH`: blocks and scores of every frame as float16, flat, as the layout says.

    Args:
        rest: a folder, or a name of the hub, of a speech recogniser with a CTC head; then perhaps a precision, as
            for `hub:PATH`. The head computes in float32 always.

    Raises:
        ConfigError: as `load_recogniser`; or if the clock of its scores cannot be told.
    """
    place, precision = split_precision(rest)
    checkpoint = load_recogniser(place)
    config = checkpoint.model.config
    score = _head(checkpoint.model, place)
    states = states_of(checkpoint.model.base_model, checkpoint.extractor)
    layout = Layout(
        blocks=states.blocks,
        width=states.width,
        symbols=config.vocab_size,
        blank=checkpoint.blank or 0,
        frames_per_s=states.frames_per_s,
    )
    name = f"hub-asr-frames:{checkpoint.name}"

    def take(heard: Heard) -> NDArray[np.floating]:
        return frame_rows(name, heard.states, score(heard.last))

    shape = (layout.blocks * layout.width + layout.symbols,)
    return frozen(
        "hub-asr-frames", checkpoint, precision, states, row_shape=shape, rows="frame", take=take, layout=layout
    )


def utterances(rest: str) -> Encoder:
    """Build `hub-asr:PATH`: one row an utterance, mean and deviation over time of every block.

    A row has the shape (block, 2 * width).

    Raises:
        ConfigError: as `load_recogniser`.
    """
    place, precision = split_precision(rest)
    checkpoint = load_recogniser(place)
    states = states_of(checkpoint.model.base_model, checkpoint.extractor)

    def take(heard: Heard) -> NDArray[np.floating]:
        return moments(heard.states)

    shape = (states.blocks, 2 * states.width)
    return frozen("hub-asr", checkpoint, precision, states, row_shape=shape, rows="utterance", take=take)


def bare_frames(rest: str) -> Encoder:
    """Build `hub-bare-frames:PATH`: every frame of every block, flat, of a network whose scores nobody asks for.

    The rows of `hub-frames:PATH`, laid out as those of a speech recogniser with no symbols.

    Raises:
        ConfigError: as `load_checkpoint`.
    """
    place, precision = split_precision(rest)
    checkpoint = load_checkpoint(place)
    states = states_of(checkpoint.model, checkpoint.extractor)
    layout = Layout(blocks=states.blocks, width=states.width, symbols=0, frames_per_s=states.frames_per_s)
    name = f"hub-bare-frames:{checkpoint.name}"

    def take(heard: Heard) -> NDArray[np.floating]:
        return frame_rows(name, heard.states)

    shape = (layout.blocks * layout.width,)
    return frozen(
        "hub-bare-frames", checkpoint, precision, states, row_shape=shape, rows="frame", take=take, layout=layout
    )


def _head(model: Any, place: str) -> Callable[[Tensor], Tensor]:  # noqa: ANN401  transformers' classes share no useful type
    """Find what gives scores, shape (frame, symbol), from what the encoder hands on, shape (frame, width).

    Before `states_of`, which takes the adapter off.

    Raises:
        ConfigError: if an adapter does otherwise than halve the frames.
    """
    head = model.ctc_head if model.config.model_type == "parakeet_ctc" else model.lm_head
    adapter = getattr(model.base_model, "adapter", None)
    times = 1
    if adapter is not None:
        config = model.config
        if (config.adapter_kernel_size, config.adapter_stride) != HALVING:
            raise ConfigError(
                f"checkpoint {place}",
                [
                    f"its adapter has kernel {config.adapter_kernel_size} and stride {config.adapter_stride}",
                    f"scores are taken where those are {HALVING[0]} and {HALVING[1]}",
                    f"its blocks alone are heard through hub-bare-frames:{place}",
                ],
            )
        times = config.adapter_stride**config.num_adapter_layers

    def score(last: Tensor) -> Tensor:
        with torch.autocast("cpu", enabled=False):
            heard = last.float()[None]
            scores = head(heard if adapter is None else adapter(heard))[0]
        return scores.repeat_interleave(times, dim=0)[: len(last)]

    return score
