"""The SUPERB head on a frozen speech encoder (Yang et al. 2021, section 3.2, emotion recognition).

Learned weights over the blocks, a linear projection, the mean over time, a linear classifier. All of it is linear in
time, so the mean is taken first, when features are stored, and the head learns from one (block, width) row an
utterance: the same answer from a hundredth of the numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from undertone.errors import UsageError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.vectors import calibrated, ua_of
from undertone.training.fit import Course, Recipe, fit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SuperbSettings:
    width: int = 256
    epochs: int = 100
    batch: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    patience: int = 20
    checkpoint_every_s: float = 60.0


class SuperbHead(nn.Module):
    """Mean block states in, class scores out."""

    def __init__(self, *, blocks: int, width: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.mixture = nn.Parameter(torch.zeros(blocks))
        self.project = nn.Linear(width, hidden)
        self.classify = nn.Linear(hidden, classes)

    def forward(self, states: Tensor) -> Tensor:
        """Map states of shape (batch, block, width) to logits of shape (batch, class)."""
        mixed = torch.einsum("nbw,b->nw", states, self.mixture.softmax(dim=0))
        scores: Tensor = self.classify(self.project(mixed))
        return scores


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    states: Tensor
    """Shape (batch, block, width)."""
    targets: Tensor
    """Shape (batch, class)."""


def fit_superb(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train the head with Adam, stopping early on validation UA, which also chooses the temperature."""
    settings: SuperbSettings = how.settings
    states, held_out = _states(train), _states(validation)
    targets = torch.from_numpy(train.targets.astype(np.float32))
    torch.manual_seed(how.seed)
    head = SuperbHead(blocks=states.shape[1], width=states.shape[2], hidden=settings.width, classes=len(how.labels))

    def batches(epoch: int) -> Iterator[_Batch]:
        order = torch.from_numpy(np.random.default_rng([how.seed, epoch]).permutation(len(targets)))
        for items in torch.split(order, settings.batch):
            yield _Batch(states=states[items], targets=targets[items])

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        return nn.functional.cross_entropy(network(batch.states), batch.targets)

    course = Course(
        steps=-(-len(targets) // settings.batch),
        batches=batches,
        part=lambda batch, items: _Batch(states=batch.states[items], targets=batch.targets[items]),
        size=lambda batch: len(batch.targets),
        loss=loss,
        validate=lambda network: ua_of(_logits(network, held_out), validation.truth),
    )
    recipe = Recipe(
        epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warm_up_epochs=0,
        clip=5.0,
        patience=settings.patience,
        average=0.0,
        bfloat16=False,
        checkpoint_every_s=settings.checkpoint_every_s,
    )
    history = fit(head, course, recipe, seed=how.seed, folder=how.folder, report=lambda *_: None)
    logits = _logits(head, held_out)
    return calibrated(lambda part: _logits(head, _states(part)), logits, validation.truth, history)


def _states(part: Part) -> Tensor:
    """Mean block states, shape (utterance, block, width).

    Raises:
        UsageError: if the encoder gives something else.
    """
    if part.store is None or part.store.rows.ndim != 3:
        raise UsageError(
            "superb-head needs an encoder that gives the mean states of every block; name one such as hub:FOLDER"
        )
    rows = np.concatenate([part.store.features(item.id) for item in part.utterances])
    return torch.from_numpy(rows.astype(np.float32))


@torch.inference_mode()
def _logits(head: nn.Module, states: Tensor) -> NDArray[np.float32]:
    head.eval()
    logits: NDArray[np.float32] = head(states).numpy()
    return logits


LEARNER = Learner(
    name="superb-head",
    title="frozen speech encoder + SUPERB head",
    source="Yang et al., SUPERB: Speech processing Universal PERformance Benchmark, Interspeech 2021; "
    "its learning rate and early stopping are ours",
    encoder=None,
    seeded=True,
    settings=SuperbSettings,
    fit=fit_superb,
)
