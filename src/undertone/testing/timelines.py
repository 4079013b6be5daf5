"""Timelines for tests, made in one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertone.labels import EMOTIONS
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.records import Word
    from undertone.units import Hertz, Seconds


def make_probabilities(label: str, confidence: float, labels: tuple[str, ...] = EMOTIONS) -> NDArray[np.float32]:
    """Give one label a probability and the others equal parts of the rest; shape (label,).

    Raises:
        ValueError: if the label is not among the labels.
    """
    probabilities = np.full(len(labels), (1 - confidence) / max(1, len(labels) - 1), dtype=np.float32)
    probabilities[labels.index(label)] = confidence
    return probabilities


def make_turn_emotion(
    start: Seconds,
    end: Seconds,
    *,
    speaker: str = "caller",
    label: str = "neutral",
    confidence: float = 0.82,
    abstention: Abstention | None = None,
    channel: int | None = None,
    text: str | None = None,
    words: tuple[Word, ...] = (),
    track: tuple[Window, ...] | None = None,
    labels: tuple[str, ...] = EMOTIONS,
) -> TurnEmotion:
    """Make a turn that was judged, or with `abstention` one that was not.

    An uncertain turn keeps its probabilities, a short or silent one has none. Without a `track` the turn is one window.
    """
    judged = abstention in {None, Abstention.UNCERTAIN}
    probabilities = make_probabilities(label, confidence, labels) if judged else None
    windows = () if probabilities is None else (Window(start=start, end=end, probabilities=probabilities),)
    return TurnEmotion(
        turn=Turn(start=start, end=end, speaker=speaker, channel=channel, text=text, words=words),
        probabilities=probabilities,
        label=label if abstention is None else None,
        abstention=abstention,
        track=windows if track is None else track,
    )


def make_timeline(
    *turns: TurnEmotion,
    path: str = "call.wav",
    channels: int = 1,
    sample_rate: Hertz = 16_000,
    duration: Seconds | None = None,
    labels: tuple[str, ...] = EMOTIONS,
    bundle_id: str = "test-bundle",
    notes: tuple[str, ...] = (),
) -> Timeline:
    """Make a timeline of turns in order; without a `duration` the recording lasts one second longer than they do."""
    last = max((item.turn.end for item in turns), default=0.0)
    return Timeline(
        recording=Recording(
            path=path,
            channels=channels,
            sample_rate=sample_rate,
            duration=last + 1.0 if duration is None else duration,
        ),
        turns=tuple(
            sorted(turns, key=lambda item: (item.turn.start, -1 if item.turn.channel is None else item.turn.channel))
        ),
        labels=labels,
        bundle_id=bundle_id,
        notes=notes,
    )
