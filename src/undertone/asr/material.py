"""From utterances with text to batches of frames, phones and frame targets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from undertone.asr.alignments import frame_targets, phones_in
from undertone.asr.hearing import LOG_MEL, Hearing
from undertone.errors import ConfigError
from undertone.training.batches import padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.asr.alignments import Segment
    from undertone.asr.config import Chunks
    from undertone.records import Utterance
    from undertone.training.config import Masking
    from undertone.training.store import FeatureStore

UNKNOWN: Final = -100
"""The target of a frame of which nothing is known."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """An utterance and what is said in it."""

    utterance: Utterance
    phones: tuple[int, ...]
    """Indices of symbols: what the aligner found to be said, or else the first pronunciation of every word."""
    segments: tuple[Segment, ...] = ()
    """The phones in time; none where the utterance was not aligned."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Condition:
    """One way in which every utterance is heard."""

    store: FeatureStore
    speed: float = 1.0
    hearing: Hearing = LOG_MEL
    """What the store holds; the same in all conditions of a material."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeechBatch:
    features: Tensor
    """What is heard, shape (batch, row, number), zero beyond the lengths."""
    lengths: Tensor
    """Shape (batch,)."""
    phones: Tensor
    """Indices of symbols, shape (batch, phone), the blank beyond their lengths."""
    phone_lengths: Tensor
    """Shape (batch,)."""
    frames: Tensor
    """The symbol of every output frame, shape (batch, output frame); `UNKNOWN` beyond the true frames, and everywhere
    in utterances that were not aligned."""
    aligned: Tensor
    """Booleans of shape (batch,)."""
    chunk: int | None = None
    """Output frames that are heard at a time; None for the whole."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SpeechMaterial:
    """What is trained on."""

    items: tuple[Item, ...]
    conditions: tuple[Condition, ...]
    lengths: NDArray[np.int64]
    """Frames of every item in every condition, shape (item, condition)."""


def make_item(utterance: Utterance, first: Sequence[int], segments: Sequence[Segment] | None) -> Item:
    """Put an utterance, its first pronunciation and its alignment together."""
    found = tuple(segments or ())
    return Item(utterance=utterance, phones=phones_in(found) or tuple(first), segments=found)


def make_material(items: Sequence[Item], conditions: Sequence[Condition]) -> SpeechMaterial:
    """Keep the items that can be learned from: in no condition are there more phones than frames for them.

    CTC needs a frame for each phone, and one more between two that are alike.

    Raises:
        ConfigError: if none is left.
    """
    lengths = np.array(
        [[_frames(condition, item) for condition in conditions] for item in items], dtype=np.int64
    ).reshape(-1, len(conditions))
    needed = np.array([len(item.phones) + _repeats(item.phones) for item in items])
    room = conditions[0].hearing.frames_of(lengths).min(axis=1) if items else needed
    kept = np.flatnonzero((room >= needed) & (needed > 0))
    if not len(kept):
        raise ConfigError("material", [f"none of {len(items)} utterances can be learned from; name others"])
    return SpeechMaterial(
        items=tuple(items[index] for index in kept.tolist()), conditions=tuple(conditions), lengths=lengths[kept]
    )


def draw_batches(
    material: SpeechMaterial,
    *,
    epoch: int,
    steps: int,
    batch_frames: int,
    masking: Masking,
    chunks: Chunks,
    seed: int,
) -> Iterator[SpeechBatch]:
    """Draw the batches of an epoch; they depend on the seed and the epoch alone.

    An epoch is a number of batches, not a pass: passes follow each other without end, and every utterance is heard once
    in each, in a condition that is drawn.
    """
    plans = itertools.chain.from_iterable(
        plan_pass(material.lengths, batch_frames, np.random.default_rng([seed, 0, number]))
        for number in itertools.count()
    )
    first = epoch * steps
    for step, plan in enumerate(itertools.islice(plans, first, first + steps), start=first):
        rng = np.random.default_rng([seed, 1, step])
        batch = collate(
            [material.items[item] for item, _ in plan], [material.conditions[way] for _, way in plan], masking, rng
        )
        yield replace(batch, chunk=_drawn_chunk(chunks, rng))


def plan_pass(lengths: NDArray[np.int64], batch_frames: int, rng: np.random.Generator) -> list[list[tuple[int, int]]]:
    """Put every item, in a condition that is drawn, into a batch with others of about its length.

    Args:
        lengths: shape (item, condition).
        batch_frames: most frames of a batch, padding included; a longer item is a batch of its own.
        rng: source of the draws.

    Returns:
        Batches of indices of items and conditions, in an order that is drawn.
    """
    ways = rng.integers(lengths.shape[1], size=len(lengths))
    chosen = lengths[np.arange(len(lengths)), ways]
    order = np.argsort(chosen * rng.uniform(0.9, 1.1, size=len(chosen)), kind="stable")  # neighbours change each pass
    batches: list[list[tuple[int, int]]] = []
    longest = 0
    for index in order.tolist():
        longest = max(longest, int(chosen[index]))
        if not batches or longest * (len(batches[-1]) + 1) > batch_frames:
            batches.append([])
            longest = int(chosen[index])
        batches[-1].append((index, int(ways[index])))
    return [batches[index] for index in rng.permutation(len(batches))]


def collate(
    items: Sequence[Item], conditions: Sequence[Condition], masking: Masking | None, rng: np.random.Generator
) -> SpeechBatch:
    """Join items, each heard in its condition, with what is said in them.

    Args:
        items: at least one.
        conditions: of each; all hear alike.
        masking: what is done to the frames; None leaves them as they are.
        rng: source of the masks.
    """
    windows = []
    for item, condition in zip(items, conditions, strict=True):
        frames = condition.store.features(item.utterance.id).astype(np.float32)
        windows.append(frames if masking is None else condition.hearing.masked(frames, masking, rng))
    features, lengths = padded(windows)
    outputs = conditions[0].hearing.frames_of(lengths.numpy())
    phones = torch.zeros(len(items), max(len(item.phones) for item in items), dtype=torch.long)
    targets = torch.full((len(items), int(outputs.max())), UNKNOWN)
    for row, (item, condition) in enumerate(zip(items, conditions, strict=True)):
        phones[row, : len(item.phones)] = torch.tensor(item.phones, dtype=torch.long)
        if item.segments:
            count = int(outputs[row])
            known = frame_targets(item.segments, count, grid=condition.hearing.grid, speed=condition.speed)
            targets[row, :count] = torch.from_numpy(known)
    return SpeechBatch(
        features=features,
        lengths=lengths,
        phones=phones,
        phone_lengths=torch.tensor([len(item.phones) for item in items]),
        frames=targets,
        aligned=torch.tensor([bool(item.segments) for item in items]),
    )


def part_of_batch(batch: SpeechBatch, items: slice) -> SpeechBatch:
    """Take some items of a batch."""
    return SpeechBatch(
        features=batch.features[items],
        lengths=batch.lengths[items],
        phones=batch.phones[items],
        phone_lengths=batch.phone_lengths[items],
        frames=batch.frames[items],
        aligned=batch.aligned[items],
        chunk=batch.chunk,
    )


def _drawn_chunk(chunks: Chunks, rng: np.random.Generator) -> int | None:
    drawn = int(rng.integers(chunks.least, chunks.most, endpoint=True))
    return drawn if rng.random() < chunks.share else None


def _frames(condition: Condition, item: Item) -> int:
    start, end = condition.store.spans[item.utterance.id]
    return end - start


def _repeats(phones: Sequence[int]) -> int:
    return sum(one == other for one, other in itertools.pairwise(phones))
