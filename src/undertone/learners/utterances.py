"""What learners on whole utterances share: how utterances weigh, their loss, and how a part is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from undertone.audio.batches import plan_listening

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from undertone.learners.base import Part


MOST_FRAMES: Final = 4096
"""Of a recogniser, with padding, that are judged at once."""


class Taught(NamedTuple):
    """What a network is taught of a part's utterances."""

    targets: Tensor
    """Shape (utterance, class)."""
    weights: Tensor
    """Of the utterances in the loss, shape (utterance,)."""


def taught(part: Part, *, balanced: bool) -> Taught:
    """Read what is taught of a part; `balanced` is as in `utterance_weights`."""
    return Taught(
        targets=torch.from_numpy(part.targets.astype(np.float32)),
        weights=torch.from_numpy(utterance_weights(part.targets, balanced=balanced).astype(np.float32)),
    )


def utterance_weights(targets: NDArray[np.float64], *, balanced: bool) -> NDArray[np.float64]:
    """Weights of utterances in the loss, shape (utterance,), whose mean is 1.

    Args:
        targets: shape (utterance, class), each row summing to 1.
        balanced: whether classes get the same weight in all.
    """
    if not balanced:
        return np.ones(len(targets))
    share = targets.mean(axis=0)
    return (targets * np.divide(1, share, out=np.zeros_like(share), where=share > 0)).sum(axis=1) / (share > 0).sum()


def weighted_loss(logits: Tensor, targets: Tensor, weights: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Cross entropy of a batch: logits and targets (utterance, class), weights (utterance,)."""
    losses = nn.functional.cross_entropy(logits.float(), targets, label_smoothing=smoothing, reduction="none")
    return (losses * weights).mean()


@torch.inference_mode()
def judged(
    network: nn.Module,
    lengths: NDArray[np.int64],
    answer: Callable[[NDArray[np.int64]], Tensor],
    *,
    labels: int,
) -> NDArray[np.float32]:
    """Judge whole utterances in batches of like length.

    Args:
        network: is put into evaluation mode.
        lengths: of the utterances, shape (utterance,).
        answer: gives the network's logits (utterance, class) of those that are chosen by number.
        labels: count of the classes.

    Returns:
        Logits, shape (utterance, class).
    """
    network.eval()
    logits = np.zeros((len(lengths), labels), dtype=np.float32)
    for chosen in plan_listening(lengths, MOST_FRAMES):
        logits[chosen] = answer(chosen).numpy()
    return logits
