"""Frames of a speech recogniser held in memory, and batches of them that are drawn by index alone.

Cropping, masking, shifting and shuffling change which frame stands where, never the numbers: a batch is one gathering
of rows. Behind the frames stand a mean row for every utterance, which masks show, and one of zeros, for padding.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from undertone.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.encoders.base import Layout
    from undertone.learners.base import Part
    from undertone.training.store import FeatureStore
    from undertone.units import Seconds

ORDERS: Final = ("kept", "shuffled", "hidden")
"""Of the posteriorgram's frames within an utterance; hidden ones are all zero, so that they tell nothing."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What is done to the posteriorgram beside the emotion features (claims A-2 and A-7 about Qieemo)."""

    shift_s: Seconds = 0.0
    """It is rotated within the utterance by so much, later where positive."""
    order: str = "kept"
    seed: int = 0
    """Of the shuffling, together with the utterance's id."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Which numbers of a frame are read."""

    blocks: tuple[int, ...]
    """Whose states tell how it is said."""
    content: str
    """What tells what is said: `scores` of symbols, the state of the `last-block`, or `none`."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """The frames of a part, as far as they are read. Rows: the frames, a mean for every utterance, one of zeros."""

    states: Tensor
    """Shape (block, row, width), float16."""
    content: Tensor
    """Shape (row, column), float16."""
    starts: NDArray[np.int64]
    """First frame of every utterance and, at the end, the number of frames; shape (utterance + 1,)."""
    places: NDArray[np.int64]
    """Whose frame's content stands at each frame, shape (frame,)."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Frames of every utterance, shape (utterance,)."""
        return np.diff(self.starts)


@dataclass(frozen=True, kw_only=True, eq=False)
class FrameBatch:
    states: Tensor
    """Shape (batch, block, frame, width), zero beyond the lengths."""
    content: Tensor
    """Shape (batch, frame, column), zero beyond the lengths."""
    lengths: Tensor
    """Shape (batch,)."""


@dataclass(frozen=True, kw_only=True)
class Disturbance:
    """What is done to the utterances of a training batch, in frames."""

    longest: int
    """What is longer is cropped at random."""
    masks: int
    longest_mask: int
    """And never more than a fifth of the utterance."""


def frame_store_of(part: Part, learner: str) -> tuple[FeatureStore, Layout]:
    """The frames of a part and how they are read.

    Raises:
        UsageError: if the encoder gives something else than frames of a speech recogniser.
    """
    store = part.store
    if store is None or store.layout is None or store.rows.ndim != 2:
        raise UsageError(
            f"{learner} needs an encoder that gives the frames of a speech recogniser; "
            "name one: asr-frames:FOLDER or hub-asr-frames:PATH"
        )
    return store, store.layout


def read_frames(part: Part, learner: str, reading: Reading, content: Content) -> Frames:
    """Read of every frame what is used of it.

    Args:
        part: whose utterances.
        learner: who asks, for the message.
        reading: what is used.
        content: what is done to what is said.

    Raises:
        UsageError: if the part has no frames, or an order of the content is unknown.
    """
    store, layout = frame_store_of(part, learner)
    ids = [item.id for item in part.utterances]
    spans = [store.spans[name] for name in ids]
    starts = np.cumsum([0, *(end - start for start, end in spans)], dtype=np.int64)
    columns = [slice(block * layout.width, (block + 1) * layout.width) for block in reading.blocks]
    told = _content_columns(reading, layout)
    rows = int(starts[-1]) + len(spans) + 1
    states = np.zeros((len(columns), rows, layout.width), dtype=np.float16)
    contents = np.zeros((rows, told.stop - told.start), dtype=np.float16)
    for number, (begin, end) in enumerate(spans):
        frames = store.rows[begin:end]
        here, mean = slice(starts[number], starts[number + 1]), int(starts[-1]) + number
        for block, column in zip(states, columns, strict=True):
            block[here] = frames[:, column]
            block[mean] = block[here].mean(axis=0, dtype=np.float32)
        if content.order != "hidden":
            contents[here] = frames[:, told]
            contents[mean] = contents[here].mean(axis=0, dtype=np.float32)
    return Frames(
        states=torch.from_numpy(states),
        content=torch.from_numpy(contents),
        starts=starts,
        places=content_places(ids, starts, content, layout.frames_per_s),
    )


def _content_columns(reading: Reading, layout: Layout) -> slice:
    states = layout.blocks * layout.width
    return {
        "scores": slice(states, states + layout.symbols),
        "last-block": slice(states - layout.width, states),
        "none": slice(0, 0),
    }[reading.content]


def content_places(
    ids: Sequence[str], starts: NDArray[np.int64], content: Content, frames_per_s: float
) -> NDArray[np.int64]:
    """Tell whose frame's scores stand at each frame, shape (frame,); never another utterance's.

    Raises:
        UsageError: if the order is unknown.
    """
    if content.order not in ORDERS:
        raise UsageError(f"content_order {content.order!r} is unknown; it can be {', '.join(ORDERS)}")
    places = np.arange(starts[-1])
    for number, name in enumerate(ids):
        here = places[starts[number] : starts[number + 1]]
        if content.order == "shuffled":
            np.random.default_rng([content.seed, zlib.crc32(name.encode())]).shuffle(here)
        here[:] = np.roll(here, round(content.shift_s * frames_per_s))
    return places


def plan_epoch(
    lengths: NDArray[np.int64], batch: int, rng: np.random.Generator, *, unlike: float = 0.1
) -> list[NDArray[np.int64]]:
    """Put utterances of like length together, anew each time; every utterance once, the batches in any order.

    Args:
        lengths: shape (utterance,).
        batch: utterances in a batch.
        rng: draws.
        unlike: by what share lengths are moved at random before they are compared.
    """
    order = np.argsort(lengths * rng.uniform(1 - unlike, 1 + unlike, size=len(lengths)), kind="stable")
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    return [batches[number] for number in rng.permutation(len(batches))]


def whole(frames: Frames, chosen: NDArray[np.int64]) -> FrameBatch:
    """Take utterances as they are."""
    return _gathered(frames, frames.starts[chosen], frames.lengths[chosen], None)


def disturbed(frames: Frames, chosen: NDArray[np.int64], how: Disturbance, rng: np.random.Generator) -> FrameBatch:
    """Take utterances, cropped and masked: light SpecAugment on frames (Park et al. 2019), of time alone."""
    lengths = np.minimum(frames.lengths[chosen], how.longest)
    starts = frames.starts[chosen] + rng.integers(frames.lengths[chosen] - lengths + 1)
    hidden = np.zeros((len(chosen), int(lengths.max())), dtype=bool)
    axis = np.arange(hidden.shape[1])
    for _ in range(how.masks):
        widths = rng.integers(np.minimum(how.longest_mask, lengths // 5) + 1)
        begins = rng.integers(lengths - widths + 1)
        hidden |= (axis >= begins[:, None]) & (axis < (begins + widths)[:, None])
    means = frames.starts[-1] + chosen
    return _gathered(frames, starts, lengths, np.where(hidden, means[:, None], -1))


def _gathered(
    frames: Frames, starts: NDArray[np.int64], lengths: NDArray[np.int64], instead: NDArray[np.int64] | None
) -> FrameBatch:
    """Gather rows; `instead`, of shape (batch, frame), names another row where it is not negative."""
    axis = np.arange(int(lengths.max()))
    zeros = len(frames.content) - 1
    inside = axis < lengths[:, None]
    places = np.where(inside, starts[:, None] + axis, 0)
    content = frames.places[places]
    if instead is not None:
        places, content = (np.where(instead >= 0, instead, each) for each in (places, content))
    places, content = (np.where(inside, each, zeros).ravel() for each in (places, content))
    states = frames.states.index_select(1, torch.from_numpy(places)).float()
    told = frames.content.index_select(0, torch.from_numpy(content)).float()
    size = (len(lengths), len(axis))
    return FrameBatch(
        states=states.view(len(states), *size, states.shape[2]).transpose(0, 1),
        content=told.view(*size, told.shape[1]),
        lengths=torch.from_numpy(lengths),
    )
