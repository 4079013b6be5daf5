"""From the scores of a turn's windows to what is said of it: mean, expectations, calibration, abstention."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertone.errors import UsageError
from undertone.inference.card import WHISPER_MEL
from undertone.metrics.calibration import softmax
from undertone.records import Abstention, TurnEmotion, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.card import Card, Prior
    from undertone.records import Turn


def prior_of(card: Card, name: str | None) -> Prior | None:
    """Find what is expected of a recording.

    Args:
        card: of the bundle.
        name: of one of its priors; the first, if it has any, where None.

    Raises:
        UsageError: if the card has none of this name.
    """
    if name is None:
        return card.priors[0] if card.priors else None
    if not card.priors:
        raise UsageError(f"the bundle {card.id} has no priors, so that {name!r} cannot be expected; leave prior out")
    found = {prior.name: prior for prior in card.priors}
    if name not in found:
        raise UsageError(f"prior can be {', '.join(found)} with the bundle {card.id}, not {name!r}")
    return found[name]


def expected(prior: Prior | None) -> tuple[str, ...]:
    """Say to a timeline's reader what was expected."""
    return () if prior is None else (f"expected shares: {prior.name}",)


def probabilities_of(card: Card, prior: Prior | None, logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Make probabilities of scores.

    A prior's shares are held against even ones, which is what the scores were learned with (Saerens, Latinne and
    Decaestecker 2002, equation 4). Its temperature is the evidence's alone.

    Args:
        card: of the bundle.
        prior: what is expected; None leaves it to `card.calibration`.
        logits: shape (…, label).

    Returns:
        Shape (…, label), summing to 1.
    """
    if prior is None:
        return softmax(logits, card.calibration.temperature)
    return softmax(under(prior, logits), 1.0)


def under(prior: Prior, logits: NDArray[np.floating]) -> NDArray[np.floating]:
    """Give scores under a prior, shape (…, label): the evidence at its temperature, and what is expected."""
    return logits / prior.temperature + with_prior(np.array(prior.shares))


def with_prior(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a prior adds to logits of balanced classes, shape (label,)."""
    return np.log(shares * len(shares))


def verdict(
    card: Card,
    turn: Turn,
    *,
    peak: float,
    spans: Sequence[tuple[int, int]],
    logits: Sequence[NDArray[np.float32]],
    prior: Prior | None = None,
    baseline: float | None = None,
) -> TurnEmotion:
    """Make of a turn's windows what is said of it.

    Args:
        card: of the bundle.
        turn: judged.
        peak: largest sample, to either side of zero.
        spans: first frame and the one after the last, by window.
        logits: by window, each of shape (label,).
        prior: what is expected of the recording.
        baseline: how many of the speaker's turns it was held against.
    """
    unjudged = _unjudged(card, turn, peak, len(logits))
    if unjudged is not None:
        return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=unjudged)
    probabilities = probabilities_of(card, prior, np.mean(logits, axis=0))
    best = int(probabilities.argmax())
    certain = probabilities[best] >= (prior or card.calibration).threshold
    return TurnEmotion(
        turn=turn,
        probabilities=probabilities.astype(np.float32),
        label=card.labels[best] if certain else None,
        abstention=None if certain else Abstention.UNCERTAIN,
        track=tuple(_point(card, turn, span, prior, each) for span, each in zip(spans, logits, strict=True)),
        baseline=baseline,
    )


def _unjudged(card: Card, turn: Turn, peak: float, windows: int) -> Abstention | None:
    if turn.duration < card.windows.shortest_s or not windows:
        return Abstention.TOO_SHORT
    return None if peak else Abstention.SILENT


def can_be_judged(card: Card, turn: Turn, *, peak: float, windows: int) -> bool:
    """Whether a turn has enough sound; arguments as of `verdict`."""
    return _unjudged(card, turn, peak, windows) is None


def _point(card: Card, turn: Turn, span: tuple[int, int], prior: Prior | None, logits: NDArray[np.float32]) -> Window:
    front_end = card.front_end
    # Whisper's frames look to both sides of their place, Kaldi's ahead.
    before = front_end.frame_length // 2 if card.features == WHISPER_MEL else 0
    start = max(0, span[0] * front_end.hop_length - before)
    end = (span[1] - 1) * front_end.hop_length + front_end.frame_length - before
    return Window(
        start=turn.start + start / front_end.sample_rate,
        end=min(turn.end, turn.start + end / front_end.sample_rate),
        probabilities=probabilities_of(card, prior, logits).astype(np.float32),
    )
