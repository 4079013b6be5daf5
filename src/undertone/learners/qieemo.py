"""Qieemo on a frozen phone recogniser: its head, trained on frames that were taken once. A reconstruction.

Chen, Fang, Zheng, Wang, Fei: Qieemo (arXiv 2503.22687). The modules inside the head are reconstructed, as told in
`undertone.systems.qieemo`; that the recogniser stays as it is, and all numbers of the training, are ours.

Frames are held in memory, and only those blocks of them that the head reads. Two settings put the posteriorgram out of
step with the emotion features, or hide it, in training and test alike, to ask what it and its alignment are worth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn

from undertone.errors import ConfigError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.frames import (
    Content,
    Disturbance,
    FrameBatch,
    Frames,
    Reading,
    disturbed,
    frame_store_of,
    plan_epoch,
    read_frames,
    whole,
)
from undertone.learners.utterances import judged, taught, weighted_loss
from undertone.learners.vectors import calibrated, ua_of
from undertone.systems.base import MOST_SETTLED
from undertone.systems.qieemo import Head, QieemoHead, head_problems, middle_blocks
from undertone.training.fit import Course, Recipe, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.encoders.base import Layout


@dataclass(frozen=True, kw_only=True)
class QieemoSettings:
    head: Head = field(default_factory=Head)
    steps: int = 900
    """Batches in all, whatever the size of the corpus."""
    batch: int = 16
    """Utterances."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    balanced: bool = True
    """Whether classes weigh the same in the loss, however many utterances they have."""
    average: float = 0.98
    """Decay of the running average of the weights, which is what is validated."""
    patience: int = 10
    """Epochs without a better validation UA after which training stops."""
    longest_s: float = 4.0
    """What is longer is cropped at random in training; validation and test hear the whole."""
    time_masks: int = 2
    longest_mask_s: float = 0.4
    bfloat16: bool = True
    """Whether training multiplies matrices in bfloat16; validation and test never do."""
    content_shift_s: float = 0.0
    """The posteriorgram is rotated in time by so much within each utterance; later where positive."""
    content_order: str = "kept"
    """`shuffled` puts the posteriorgram's frames into a random order within an utterance, `hidden` makes all alike."""
    checkpoint_every_s: float = 120.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    frames: FrameBatch
    targets: Tensor
    """Shape (batch, class)."""
    weights: Tensor
    """Of the utterances in the loss, shape (batch,)."""


def fit_qieemo(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train the head with AdamW, stopping early on validation UA; the validation part also fits the temperature.

    Raises:
        UsageError: if the encoder gives no frames of a speech recogniser, or a setting is unknown.
        ConfigError: if the head does not fit the recogniser, or a number is out of its range.
    """
    settings: QieemoSettings = how.settings
    layout = frame_store_of(train, "qieemo")[1]
    _require_sound(settings, layout)
    reading = reading_of(settings.head, layout)
    content = Content(shift_s=settings.content_shift_s, order=settings.content_order, seed=how.seed)
    frames, held_out = (read_frames(part, "qieemo", reading, content) for part in (train, validation))
    torch.manual_seed(how.seed)
    network = head_of(settings.head, layout, labels=len(how.labels))

    def judge(network: nn.Module, heard: Frames) -> NDArray[np.float32]:
        return _logits(network, heard, reading, labels=len(how.labels))

    course = _course(
        train, frames, reading, how, layout, lambda average: ua_of(judge(average, held_out), validation.truth)
    )
    epochs = max(1, round(settings.steps / course.steps))
    history = fit(network, course, _recipe(settings, epochs), seed=how.seed, folder=how.folder, report=lambda *_: None)
    logits = judge(network, held_out)
    return calibrated(
        lambda part: judge(network, read_frames(part, "qieemo", reading, content)), logits, validation.truth, history
    )


def reading_of(head: Head, layout: Layout) -> Reading:
    """Say what of a frame the head reads."""
    content = "last-block" if head.posteriorgram == "bottleneck" else "scores"
    return Reading(
        blocks=() if head.evidence == "content" else tuple(middle_blocks(head, blocks=layout.blocks)),
        content="none" if head.evidence == "emotion" else content,
    )


def head_of(head: Head, layout: Layout, *, labels: int) -> QieemoHead:
    """Build a head that is given only the blocks that it reads, as `head_inputs` puts them."""
    count = len(middle_blocks(head, blocks=layout.blocks))
    first, last = (0, count - 1) if count > 1 else (1, 1)
    narrow = replace(head, first_block=first, last_block=last)
    return QieemoHead(narrow, blocks=max(count, 2) + 1, width=layout.width, symbols=layout.symbols, labels=labels)


def head_inputs(batch: FrameBatch, reading: Reading) -> tuple[Tensor, Tensor, Tensor]:
    """Give a batch the form that the head takes: blocks (batch, block, frame, width), scores, lengths.

    Its last block is the content where that is the bottleneck, and is not read otherwise. A single block of emotion
    stands there twice, as number 1 too: the head takes blocks 0 to 0 for the middle third.
    """
    states, content = batch.states, batch.content
    none = content[:, :, :0]
    if states.shape[1] == 0:  # content alone
        states = (content if reading.content == "last-block" else none)[:, None]
    if states.shape[1] == 1:
        states = states.expand(-1, 2, -1, -1)
    if reading.content == "last-block":
        return torch.cat((states, content[:, None]), dim=1), none, batch.lengths
    return states, content, batch.lengths


def _require_sound(settings: QieemoSettings, layout: Layout) -> None:
    problems = [
        f"head: {problem}" for problem in head_problems(settings.head, blocks=layout.blocks, symbols=layout.symbols)
    ]
    accepted = {
        "1 or more": [("steps", settings.steps >= 1), ("batch", settings.batch >= 1)],
        "0 or more": [
            ("patience", settings.patience >= 0),
            ("time_masks", settings.time_masks >= 0),
            ("longest_mask_s", settings.longest_mask_s >= 0),
            ("weight_decay", settings.weight_decay >= 0),
        ],
        "from 0 to below 1": [
            ("label_smoothing", 0 <= settings.label_smoothing < 1),
            ("average", 0 <= settings.average < 1),
        ],
        "above 0": [("learning_rate", settings.learning_rate > 0)],
    }
    problems += [
        f"{name} must be {words}, not {getattr(settings, name)}"
        for words, checks in accepted.items()
        for name, fine in checks
        if not fine
    ]
    if settings.longest_s * layout.frames_per_s < 1:
        problems.append(f"longest_s must hold one frame or more, not {settings.longest_s}")
    if problems:
        raise ConfigError("settings.qieemo", problems)


def _course(
    train: Part,
    frames: Frames,
    reading: Reading,
    how: Fitting,
    layout: Layout,
    validate: Callable[[nn.Module], float],
) -> Course[_Batch]:
    settings: QieemoSettings = how.settings
    targets, weights = taught(train, balanced=settings.balanced)
    disturbance = Disturbance(
        longest=round(settings.longest_s * layout.frames_per_s),
        masks=settings.time_masks,
        longest_mask=round(settings.longest_mask_s * layout.frames_per_s),
    )

    def settle(network: nn.Module) -> None:
        chosen = np.random.default_rng(how.seed).permutation(len(frames.lengths))[:MOST_SETTLED]
        states, _, lengths = head_inputs(whole(frames, chosen), reading)
        cast("QieemoHead", network).settle(states, lengths)

    def batches(epoch: int) -> Iterator[_Batch]:
        rng = np.random.default_rng([how.seed, epoch])
        lengths = np.minimum(frames.lengths, disturbance.longest)
        for chosen in plan_epoch(lengths, settings.batch, rng):
            yield _Batch(
                frames=disturbed(frames, chosen, disturbance, rng), targets=targets[chosen], weights=weights[chosen]
            )

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        logits = network(*head_inputs(batch.frames, reading)).logits
        return weighted_loss(logits, batch.targets, batch.weights, smoothing=settings.label_smoothing)

    return Course(
        steps=-(-len(targets) // settings.batch),
        batches=batches,
        part=_part_of_batch,
        size=lambda batch: len(batch.targets),
        loss=loss,
        validate=validate,
        settle=settle,
    )


def _part_of_batch(batch: _Batch, items: slice) -> _Batch:
    frames = batch.frames
    return _Batch(
        frames=FrameBatch(states=frames.states[items], content=frames.content[items], lengths=frames.lengths[items]),
        targets=batch.targets[items],
        weights=batch.weights[items],
    )


def _recipe(settings: QieemoSettings, epochs: int) -> Recipe:
    return Recipe(
        epochs=epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warm_up_epochs=epochs / 10,
        clip=1.0,
        patience=settings.patience,
        average=settings.average,
        bfloat16=settings.bfloat16,
        checkpoint_every_s=settings.checkpoint_every_s,
    )


def _logits(network: nn.Module, frames: Frames, reading: Reading, *, labels: int) -> NDArray[np.float32]:
    """Judge whole utterances; shape (utterance, class)."""

    def answer(chosen: NDArray[np.int64]) -> Tensor:
        logits: Tensor = network(*head_inputs(whole(frames, chosen), reading)).logits
        return logits

    return judged(network, frames.lengths, answer, labels=labels)


LEARNER = Learner(
    name="qieemo",
    title="Qieemo head (reconstruction) on a frozen speech recogniser",
    source="a reconstruction of Qieemo (arXiv 2503.22687) on a frozen backbone: its parts are sourced, its inner "
    "modules, sizes and training are inferred or ours",
    encoder=None,
    seeded=True,
    settings=QieemoSettings,
    fit=fit_qieemo,
)
