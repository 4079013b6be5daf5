"""Speech encoders of the Hugging Face hub, with the weights of a checkpoint or with random ones."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn

from undertone.encoders.base import Encoder, Layout
from undertone.encoders.checkpoints import load_checkpoint, random_checkpoint
from undertone.encoders.states import states_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.encoders.checkpoints import Checkpoint
    from undertone.encoders.states import Heard, States

PRECISIONS: Final = ("float32", "bfloat16")

BATCH_S: Final = 40.0
"""With one thread, wav2vec 2.0 base takes the same time within 5 % at 5 to 80 s; memory grows with it."""


def utterance_means(rest: str) -> Encoder:
    """Build `hub:PATH`: one row an utterance, the mean over time of every block, shape (block, width).

    The head of SUPERB (Yang et al., SUPERB: Speech processing Universal PERformance Benchmark, 2021) weights
    the blocks, projects every frame linearly and takes the mean over time. All three are linear, so they commute: from
    these rows that head computes what it would from all frames, with one row in place of 50 a second.

    Args:
        rest: a folder, or a name of the hub; behind a comma `float32` or `bfloat16`, which is otherwise taken where
            the processor has instructions for it.

    Raises:
        ConfigError: as `load_checkpoint`.
    """
    place, precision = split_precision(rest)
    return _means("hub", load_checkpoint(place), precision)


def frames(rest: str) -> Encoder:
    """Build `hub-frames:PATH`: every frame of every block as float16, shape (block, width).

    Raises:
        ConfigError: as `load_checkpoint`.
    """
    place, precision = split_precision(rest)
    checkpoint = load_checkpoint(place)

    def take(heard: Heard) -> NDArray[np.floating]:
        return heard.states.transpose(0, 1).to(torch.float16).numpy()

    states = states_of(checkpoint.model, checkpoint.extractor)
    shape = (states.blocks, states.width)
    return frozen("hub-frames", checkpoint, precision, states, row_shape=shape, rows="frame", take=take)


def random_means(rest: str) -> Encoder:
    """Build `random:PATH` or `random:ARCHITECTURE`: as `hub:PATH`, with weights drawn from a fixed seed.

    No number that it leads to is an accuracy of anything. It is for measuring speed, and what an architecture does
    without training.

    Raises:
        ConfigError: if there is neither such a folder nor such an architecture.
    """
    place, precision = split_precision(rest)
    return _means("random", random_checkpoint(place), precision)


def _means(family: str, checkpoint: Checkpoint, precision: str) -> Encoder:
    def take(heard: Heard) -> NDArray[np.floating]:
        return heard.states.float().mean(dim=1)[None].numpy()

    states = states_of(checkpoint.model, checkpoint.extractor)
    shape = (states.blocks, states.width)
    return frozen(family, checkpoint, precision, states, row_shape=shape, rows="utterance", take=take)


def frozen(
    family: str,
    checkpoint: Checkpoint,
    precision: str,
    states: States,
    *,
    row_shape: tuple[int, ...],
    rows: str,
    take: Callable[[Heard], NDArray[np.floating]],
    layout: Layout | None = None,
) -> Encoder:
    """Put a checkpoint, how its encoder is run, and what is taken of every utterance together.

    Args:
        family: what stands before the colon of the encoder's name.
        checkpoint: its name, fingerprint and source.
        precision: one of `PRECISIONS`, for the products of the encoder.
        states: how the encoder is run.
        row_shape: of one row.
        rows: `utterance`, stored as float32, or `frame`, stored as float16.
        take: gives the rows of an utterance, shape (row, *row_shape).
        layout: how a row is read.
    """
    if precision == "bfloat16":
        _lower(states.model)

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        nothing: NDArray[np.floating] = np.empty((0, *row_shape), dtype=np.float32)
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return [nothing if heard is None else take(heard) for heard in states.compute(sounds)]

    return Encoder(
        name=f"{family}:{checkpoint.name}",
        revision=f"1, {checkpoint.fingerprint}, {precision}, transformers {version('transformers')}",
        source=checkpoint.source,
        weights=checkpoint.weights,
        row_shape=row_shape,
        rows=rows,
        dtype="float32" if rows == "utterance" else "float16",
        encode=encode,
        batch=BATCH_S,
        layout=layout,
    )


def split_precision(rest: str) -> tuple[str, str]:
    """Split what stands behind a family's colon into the place and the precision."""
    place, _, precision = rest.rpartition(",")
    if place and precision in PRECISIONS:
        return place, precision
    return rest, "bfloat16" if has_bfloat16() else "float32"


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 by instructions of its own; without them it is emulated."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())  # noqa: SLF001


def _lower(model: nn.Module) -> None:
    """Keep the weights of products in bfloat16, so that autocasting does not convert them for every batch.

    Sums, norms and the stream between the blocks stay float32.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d) and not list(module.buffers()):
            for weight in module.parameters(recurse=False):
                weight.data = weight.data.to(torch.bfloat16)
