"""Multi-level fusion of frozen speech and text encoders, trained on states that were taken once. A reconstruction.

Zhao, Wang, Wang: Multi-level fusion of wav2vec 2.0 and BERT (arXiv 2207.04697). The modules are reconstructed, as told
in `undertone.systems.multilevel`; that both encoders stay as they are, and all numbers of the training, are ours.

Two controls put other segments in the place of the linguistic ones: of the same lengths in another order, or even ones.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import torch
from torch import nn

from undertone.errors import ConfigError, UsageError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.frames import (
    Content,
    Frames,
    Reading,
    frame_store_of,
    plan_epoch,
    read_frames,
    whole,
)
from undertone.learners.utterances import judged, taught, weighted_loss
from undertone.learners.vectors import calibrated, ua_of
from undertone.speech.script import padded_segments
from undertone.speech.segments import bounds_of
from undertone.systems.base import MOST_SETTLED
from undertone.systems.multilevel import Fusion, Multilevel, Segments, fusion_problems
from undertone.training.fit import Course, Recipe, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.encoders.base import Layout
    from undertone.training.store import FeatureStore

CONTROLS: Final = ("none", "shuffled", "even")
"""What stands in the place of linguistic segments."""

NEEDED: Final = "frames of a speech recogniser, tokens of a text encoder and segments"


@dataclass(frozen=True, kw_only=True)
class MultilevelSettings:
    fusion: Fusion = field(default_factory=Fusion)
    first_block: int = 0
    """Speech is read from this block on."""
    last_block: int = 8
    """Included."""
    control: str = "none"
    """`shuffled`: segments of the same lengths in random order; `even`: as many, all of one length."""
    text_dropped: float = 0.1
    """Share of training utterances whose transcript is withheld each time, so that the voice alone must do."""
    steps: int = 900
    """Batches in all, whatever the size of the corpus."""
    batch: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    label_smoothing: float = 0.1
    balanced: bool = True
    """Whether classes weigh the same in the loss, however many utterances they have."""
    average: float = 0.98
    """Decay of the running average of the weights, which is what is validated."""
    patience: int = 30
    """Epochs without a better validation UA after which training stops."""
    checkpoint_every_s: float = 120.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Material:
    """Everything that is known of the utterances of a part."""

    frames: Frames
    tokens: tuple[NDArray[np.floating], ...]
    """States of each utterance, shape (token, width); no token where there is no transcript."""
    bounds: dict[str, tuple[NDArray[np.int64], ...]]
    """First frame and the one after the last of each utterance's segments, shape (segment, 2), by granularity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    blocks: Tensor
    lengths: Tensor
    tokens: Tensor
    token_lengths: Tensor
    segments: dict[str, Segments]
    targets: Tensor
    """Shape (batch, class)."""
    weights: Tensor
    """Of the utterances in the loss, shape (batch,)."""


def fit_multilevel(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train with AdamW, stopping early on validation UA; the validation part also fits the temperature.

    Raises:
        UsageError: if the encoders give something else than it needs, or a control is unknown.
        ConfigError: if a setting is out of its range.
    """
    settings: MultilevelSettings = how.settings
    layout = frame_store_of(train, "multilevel")[1]
    _require_sound(settings, layout)
    learned, held_out = (_material(part, settings) for part in (train, validation))
    torch.manual_seed(how.seed)
    network = Multilevel(
        settings.fusion,
        blocks=settings.last_block - settings.first_block + 1,
        speech_width=layout.width,
        text_width=_text_store(train).rows.shape[1],
        labels=len(how.labels),
    )
    course = _course(train, learned, how, lambda average: ua_of(_logits(average, held_out, how), validation.truth))
    recipe = _recipe(settings, epochs=max(1, round(settings.steps / course.steps)))
    history = fit(network, course, recipe, seed=how.seed, folder=how.folder, report=lambda *_: None)
    logits = _logits(network, held_out, how)
    return calibrated(lambda part: _logits(network, _material(part, settings), how), logits, validation.truth, history)


def _require_sound(settings: MultilevelSettings, layout: Layout) -> None:
    if settings.control not in CONTROLS:
        raise UsageError(f"control {settings.control!r} is unknown; it can be {', '.join(CONTROLS)}")
    problems = [f"fusion: {problem}" for problem in fusion_problems(settings.fusion)]
    if not 0 <= settings.first_block <= settings.last_block < layout.blocks:
        problems.append(
            f"first_block and last_block must be in order and from 0 to {layout.blocks - 1}, "
            f"not {settings.first_block} and {settings.last_block}"
        )
    if not 0 <= settings.text_dropped < 1:
        problems.append(f"text_dropped must be from 0 to below 1, not {settings.text_dropped:g}")
    if problems:
        raise ConfigError("settings.multilevel", problems)


def _recipe(settings: MultilevelSettings, *, epochs: int) -> Recipe:
    return Recipe(
        epochs=epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warm_up_epochs=epochs / 10,
        clip=1.0,
        patience=settings.patience,
        average=settings.average,
        bfloat16=False,
        checkpoint_every_s=settings.checkpoint_every_s,
    )


def _text_store(part: Part) -> FeatureStore:
    if len(part.others) != 2:
        raise UsageError(
            f"multilevel needs three encoders, {NEEDED}; name them, joined by ' + ', such as {LEARNER.encoder}"
        )
    return part.others[0]


def _material(part: Part, settings: MultilevelSettings) -> _Material:
    texts, spans = _text_store(part), part.others[1]
    blocks = tuple(range(settings.first_block, settings.last_block + 1))
    frames = read_frames(part, "multilevel", Reading(blocks=blocks, content="none"), Content())
    told = [name for name in settings.fusion.granularities if name != "frame"]
    return _Material(
        frames=frames,
        tokens=tuple(texts.features(item.id) for item in part.utterances),
        bounds={
            name: tuple(
                controlled(
                    segments_in(spans.features(item.id), name, int(length)), int(length), item.id, settings.control
                )
                for item, length in zip(part.utterances, frames.lengths, strict=True)
            )
            for name in told
        },
    )


def segments_in(rows: NDArray[np.floating], granularity: str, frames: int) -> NDArray[np.int64]:
    """Read the segments of a kind on the frames of the speech encoder, which may be on another clock than theirs.

    Args:
        rows: as the encoder `segments` gives them; the first spans the whole utterance.
        granularity: one of `undertone.speech.segments.UNITS`.
        frames: of the speech encoder in the utterance.

    Returns:
        First frame and the one after the last, shape (segment, 2), at least one frame in each.
    """
    bounds = bounds_of(rows, granularity)
    scaled = np.round(bounds * (frames / float(rows[0, 2]))).astype(np.int64)
    first = np.minimum(scaled[:, 0], frames - 1)
    return np.stack((first, np.clip(scaled[:, 1], first + 1, frames)), axis=1)


def controlled(bounds: NDArray[np.int64], frames: int, name: str, control: str) -> NDArray[np.int64]:
    """Put other segments in the place of these; pauses are not kept, in either control."""
    if control == "none":
        return bounds
    first, end, count = int(bounds[0, 0]), int(bounds[-1, 1]), len(bounds)
    if control == "even":
        edges = np.linspace(first, end, count + 1).round().astype(np.int64)
    else:
        lengths = np.diff(bounds, axis=1)[:, 0]
        np.random.default_rng(zlib.crc32(name.encode())).shuffle(lengths)
        edges = first + np.concatenate([[0], np.round(np.cumsum(lengths) * (end - first) / lengths.sum())])
    found = np.stack((edges[:-1], np.maximum(edges[1:], edges[:-1] + 1)), axis=1).astype(np.int64)
    return np.minimum(found, [frames - 1, frames])


def _course(train: Part, material: _Material, how: Fitting, validate: Callable[[nn.Module], float]) -> Course[_Batch]:
    settings: MultilevelSettings = how.settings
    targets, weights = taught(train, balanced=settings.balanced)

    def settle(network: nn.Module) -> None:
        chosen = np.random.default_rng(how.seed).permutation(len(targets))[:MOST_SETTLED]
        heard = whole(material.frames, chosen)
        cast("Multilevel", network).settle(heard.states, heard.lengths)

    def batches(epoch: int) -> Iterator[_Batch]:
        rng = np.random.default_rng([how.seed, epoch])
        for chosen in plan_epoch(material.frames.lengths, settings.batch, rng):
            batch = _batch(material, chosen)
            kept = torch.from_numpy(rng.random(len(chosen)) >= settings.text_dropped)
            yield replace(
                batch, token_lengths=batch.token_lengths * kept, targets=targets[chosen], weights=weights[chosen]
            )

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        logits = _answer(network, batch)
        return weighted_loss(logits, batch.targets, batch.weights, smoothing=settings.label_smoothing)

    return Course(
        steps=-(-len(targets) // settings.batch),
        batches=batches,
        part=_part_of_batch,
        size=lambda batch: len(batch.lengths),
        loss=loss,
        validate=validate,
        settle=settle,
    )


def _answer(network: nn.Module, batch: _Batch) -> Tensor:
    logits: Tensor = network(batch.blocks, batch.lengths, batch.tokens, batch.token_lengths, batch.segments).logits
    return logits


def _batch(material: _Material, chosen: NDArray[np.int64]) -> _Batch:
    """Put utterances together, as they are."""
    heard = whole(material.frames, chosen)
    tokens = [material.tokens[index] for index in chosen]
    token_lengths = torch.tensor([len(each) for each in tokens])
    padded = torch.zeros(len(tokens), int(token_lengths.max()), tokens[0].shape[1])
    for row, each in enumerate(tokens):
        padded[row, : len(each)] = torch.from_numpy(each.astype(np.float32))
    return _Batch(
        blocks=heard.states,
        lengths=heard.lengths,
        tokens=padded,
        token_lengths=token_lengths,
        segments={name: segments_of([each[index] for index in chosen]) for name, each in material.bounds.items()},
        targets=torch.empty(len(tokens), 0),
        weights=torch.ones(len(tokens)),
    )


def segments_of(bounds: Sequence[NDArray[np.int64]]) -> Segments:
    """Put the segments of utterances, each (segment, 2), together."""
    together, counts = padded_segments(bounds)
    return Segments(bounds=torch.from_numpy(together), counts=torch.from_numpy(counts))


def _part_of_batch(batch: _Batch, items: slice) -> _Batch:
    return _Batch(
        blocks=batch.blocks[items],
        lengths=batch.lengths[items],
        tokens=batch.tokens[items],
        token_lengths=batch.token_lengths[items],
        segments={
            name: Segments(bounds=each.bounds[items], counts=each.counts[items])
            for name, each in batch.segments.items()
        },
        targets=batch.targets[items],
        weights=batch.weights[items],
    )


def _logits(network: nn.Module, material: _Material, how: Fitting) -> NDArray[np.float32]:
    """Judge whole utterances; shape (utterance, class)."""
    return judged(
        network,
        material.frames.lengths,
        lambda chosen: _answer(network, _batch(material, chosen)),
        labels=len(how.labels),
    )


LEARNER = Learner(
    name="multilevel",
    title="Multi-level fusion (reconstruction) of frozen speech and text encoders",
    source="a reconstruction of multi-level fusion (arXiv 2207.04697) on frozen encoders: co-attention and the four "
    "granularities are sourced, its inner modules, sizes and training are inferred or ours",
    encoder="asr-frames:phones-en + text-tokens:minilm + segments:phones-en",
    seeded=True,
    settings=MultilevelSettings,
    fit=fit_multilevel,
)
