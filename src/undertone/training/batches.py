"""From stores of features to batches of windows, with masks that follow true lengths."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from undertone.audio.batches import padded as padded_windows
from undertone.labels import EMOTIONS
from undertone.speech.script import padded_scripts
from undertone.units import exact_div

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.inference.reading import Read, Reader
    from undertone.records import Utterance
    from undertone.speech.script import Script, Scripts
    from undertone.training.config import Masking
    from undertone.training.store import FeatureStore


TOGETHER: Final = 8
"""Batches that are drawn together, so that windows of like length can share one: less than half is padding then."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    features: Tensor
    """Shape (batch, frame, mel), zero beyond the lengths."""
    lengths: Tensor
    """Shape (batch,)."""
    targets: Tensor
    """Index of the label, shape (batch,)."""
    allowed: Tensor
    """Which labels the utterance's corpus has, booleans of shape (batch, label)."""
    scripts: dict[str, Tensor] = field(default_factory=dict)
    """What is read, by the names of `undertone.speech.script`; empty for a network that only hears."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """What a network that reads is given of utterances."""

    reader: Reader
    of: Mapping[str, Read]
    """By the utterance's id."""
    withheld: float = 0.0
    """Share of the training windows that are heard without their transcript."""

    def scripts(self, id: str, spans: Sequence[tuple[int, int]], *, silent: bool = False) -> list[Script]:  # noqa: A002
        """Give what is read of windows of an utterance; where it is `silent`, without its transcript."""
        read = self.of[id]
        return self.reader.scripts(replace(read, tokens=read.tokens[:0]) if silent else read, spans)


def labels_of(utterances: Sequence[Utterance]) -> dict[str, NDArray[np.bool_]]:
    """Find which of the seven labels each corpus has; shape (label,) by corpus."""
    return {
        corpus: np.isin(EMOTIONS, [item.label for item in utterances if item.corpus == corpus and item.label])
        for corpus in sorted({item.corpus for item in utterances})
    }


def draw_epoch(
    utterances: Sequence[Utterance],
    stores: Sequence[FeatureStore],
    *,
    allowed: Mapping[str, NDArray[np.bool_]],
    masking: Masking,
    window: int,
    batch: int,
    corpus_balance: float,
    centre: bool,
    rng: np.random.Generator,
    reading: Reading | None = None,
) -> Iterator[Batch]:
    """Draw one epoch of training windows, with as many draws as there are utterances.

    Args:
        utterances: the training part; each has a label.
        stores: the conditions to draw from, each holding every utterance.
        allowed: the labels each corpus has.
        masking: what is done to the features of a draw.
        window: most frames in a window.
        batch: windows in a batch; a shorter last batch is dropped.
        corpus_balance: corpora are drawn in proportion to (number of utterances) to this power.
        centre: whether masks are laid into frames whose bands have mean 0: for a network that takes the mean out.
        rng: source of every draw.
        reading: what is read of the utterances; None for a network that only hears.
    """
    counts = {corpus: sum(item.corpus == corpus for item in utterances) for corpus in allowed}
    weights = np.array([counts[item.corpus] ** (corpus_balance - 1) for item in utterances])
    chosen = rng.choice(len(utterances), size=len(utterances), p=weights / weights.sum())
    whole = len(chosen) // batch * batch
    for first in range(0, whole, TOGETHER * batch):
        items = [utterances[index] for index in chosen[first : min(first + TOGETHER * batch, whole)]]
        windows, scripts = [], []
        for item in items:
            features = stores[int(rng.integers(len(stores)))].features(item.id)
            start, end = crop_span(len(features), window, rng)
            frames = features[start:end].astype(np.float32)
            windows.append(masked(centred(frames) if centre else frames, masking, rng))
            if reading is not None:
                scripts += reading.scripts(item.id, [(start, end)], silent=rng.random() < reading.withheld)
        order = np.argsort([len(each) for each in windows], kind="stable").reshape(-1, batch)
        for group in rng.permutation(order):
            yield collate(
                [items[index] for index in group],
                [windows[index] for index in group],
                allowed,
                [scripts[index] for index in group] if scripts else (),
            )


def collate(
    items: Sequence[Utterance],
    windows: Sequence[NDArray[np.float32]],
    allowed: Mapping[str, NDArray[np.bool_]],
    scripts: Sequence[Script] = (),
) -> Batch:
    """Join windows, each of shape (frame, mel), with what their utterances say, and their scripts if any."""
    features, lengths = padded(windows)
    return Batch(
        features=features,
        lengths=lengths,
        targets=torch.tensor([EMOTIONS.index(item.label or "") for item in items]),
        allowed=torch.from_numpy(np.stack([allowed[item.corpus] for item in items])),
        scripts=as_tensors(padded_scripts(scripts)) if scripts else {},
    )


def as_tensors(scripts: Scripts) -> dict[str, Tensor]:
    """Make tensors of what is read."""
    return {name: torch.from_numpy(values) for name, values in scripts.items()}


def part_of_batch(batch: Batch, items: slice) -> Batch:
    """Take some windows of a batch."""
    return Batch(
        features=batch.features[items],
        lengths=batch.lengths[items],
        targets=batch.targets[items],
        allowed=batch.allowed[items],
        scripts={name: values[items] for name, values in batch.scripts.items()},
    )


def padded(windows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
    """Pad windows, each of shape (frame, mel), to (batch, frame, mel) and give their lengths, shape (batch,)."""
    features, lengths = padded_windows(windows)
    return torch.from_numpy(features), torch.from_numpy(lengths)


def crop(features: NDArray[np.float16], most: int, rng: np.random.Generator) -> NDArray[np.float16]:
    """Take a random stretch of at most `most` frames, sometimes shorter, as windows of short turns are."""
    start, end = crop_span(len(features), most, rng)
    return features[start:end]


def crop_span(frames: int, most: int, rng: np.random.Generator) -> tuple[int, int]:
    """Say where `crop` cuts: the first frame and the one after the last."""
    longest = min(most, frames)
    length = longest if rng.random() < 0.5 else int(rng.integers(min(longest, exact_div(most, 4)), longest + 1))
    start = int(rng.integers(frames - length + 1))
    return start, start + length


def centred(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give every band mean 0, so that a mask, which takes the mean of all, is the mean of each; shape (frame, mel)."""
    return frames - frames.mean(axis=0)


def time_masked(rows: NDArray[np.float32], how: Masking, rng: np.random.Generator) -> NDArray[np.float32]:
    """Mask times of an utterance of an encoder's states, shape (row, number), with its mean row.

    Bands and their axis mean nothing among states, so that nothing else of `how` is done.
    """
    rows, mean = rows.copy(), rows.mean(axis=0)
    for start, end in _mask_times(len(rows), how, rng):
        rows[start:end] = mean
    return rows


def masked(features: NDArray[np.float32], how: Masking, rng: np.random.Generator) -> NDArray[np.float32]:
    """Warp the mel axis, tilt the spectrum and mask bands and times of a window, shape (frame, mel).

    Masks take the window's mean, so that they carry no level of their own (SpecAugment, Park et al. 2019; vocal tract
    length perturbation, Jaitly & Hinton 2013).
    """
    frames, bins = features.shape
    axis = np.arange(bins, dtype=np.float32)
    source = np.clip(axis * rng.uniform(1 - how.warp, 1 + how.warp), 0, bins - 1)
    low = source.astype(int)
    high = np.minimum(low + 1, bins - 1)
    share = source - low
    features = features[:, low] * (1 - share) + features[:, high] * share
    nats = how.tilt_db * np.log(10) / 10
    features += np.interp(axis, np.linspace(0, bins - 1, 5), rng.uniform(-nats, nats, size=5))
    mean = features.mean()
    for _ in range(how.frequency_masks):
        width = int(rng.integers(how.most_bins + 1))
        start = int(rng.integers(bins - width + 1))
        features[:, start : start + width] = mean
    for start, end in _mask_times(frames, how, rng):
        features[start:end] = mean
    return features.astype(np.float32)


def _mask_times(frames: int, how: Masking, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    for _ in range(how.time_masks):
        width = int(rng.integers(min(how.most_frames, frames // 5) + 1))
        start = int(rng.integers(frames - width + 1))
        yield start, start + width
