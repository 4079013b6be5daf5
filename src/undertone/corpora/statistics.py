"""What a corpus consists of: who speaks, in which emotions, how long."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from undertone.records import Utterance
    from undertone.units import Seconds

QUANTILES: Final = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True, kw_only=True)
class EmotionCount:
    """How often an emotion occurs."""

    emotion: str | None
    """None stands for utterances without one."""
    utterances: int
    share: float
    """Of all utterances, within 0 … 1."""


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """What a corpus consists of; of no utterances, quantiles and medians are nan."""

    utterances: int
    duration: Seconds
    """Of all utterances together; nan if one of them is unknown."""
    speakers: int
    genders: Mapping[str, int]
    """Speakers by gender; `unknown` counts those for whom nobody tells, or different utterances tell different ones."""
    emotions: tuple[EmotionCount, ...]
    """The most frequent first; utterances without one last."""
    lengths: Mapping[float, Seconds]
    """Quantiles of the utterances' lengths, by their share."""
    per_speaker: tuple[float, float, float]
    """Fewest, median and most utterances of a speaker."""
    one_emotion: tuple[str, ...]
    """Speakers whose utterances have one emotion only: a recogniser of voices answers rightly for them."""
    sentences: int
    """Different prompts; 0 where the corpus does not tell them."""
    by_speaker: Mapping[str, Mapping[str, int]]
    """Utterances by speaker, then by emotion; those without one are not counted."""


def statistics_of(utterances: Iterable[Utterance]) -> Statistics:
    """Count."""
    items = list(utterances)
    emotions = Counter(item.emotion for item in items)
    ranked = sorted(emotions, key=lambda name: (name is None, -emotions[name], name or ""))
    per_speaker = list(Counter(item.speaker for item in items).values())
    by_speaker = {name: Counter[str]() for name in sorted({item.speaker for item in items})}
    for item in items:
        if item.emotion is not None:
            by_speaker[item.speaker][item.emotion] += 1
    lengths = np.array([item.duration for item in items])
    fewest, median, most = _quantiles(per_speaker, (0.0, 0.5, 1.0))
    return Statistics(
        utterances=len(items),
        duration=math.fsum(lengths),
        speakers=len(by_speaker),
        genders=_genders(items),
        emotions=tuple(
            EmotionCount(emotion=name, utterances=emotions[name], share=emotions[name] / len(items)) for name in ranked
        ),
        lengths=dict(zip(QUANTILES, _quantiles(lengths.tolist(), QUANTILES), strict=True)),
        per_speaker=(fewest, median, most),
        one_emotion=tuple(name for name, counts in by_speaker.items() if len(counts) == 1),
        sentences=len({item.sentence for item in items if item.sentence is not None}),
        by_speaker={name: dict(counts) for name, counts in by_speaker.items()},
    )


def _genders(items: Iterable[Utterance]) -> dict[str, int]:
    told: dict[str, set[str]] = {}
    for item in items:
        told.setdefault(item.speaker, set()).update({item.gender} if item.gender else set())
    counted = Counter(next(iter(genders)) if len(genders) == 1 else "unknown" for genders in told.values())
    return dict(sorted(counted.items()))


def _quantiles(values: Sequence[float], shares: Sequence[float]) -> list[float]:
    if not values:
        return [math.nan] * len(shares)
    return [float(value) for value in np.quantile(values, shares)]
