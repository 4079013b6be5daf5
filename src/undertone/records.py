"""The records that pass between the stages. All are frozen; the arrays in them are read-only.

Times in records are seconds, because records are what files and people see. Stages count in samples or frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from undertone.labels import emotion_of
from undertone.units import SAMPLE_RATE, Hertz, Seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray


def frozen_array(values: object) -> NDArray[np.float32]:
    """Copy numbers into a read-only float32 array."""
    array = np.array(values, dtype=np.float32)
    array.setflags(write=False)
    return array


@dataclass(frozen=True, kw_only=True, eq=False)
class Waveform:
    """One channel of sound.

    Raises:
        ValueError: if the samples are not one-dimensional.
    """

    samples: NDArray[np.float32]
    """Shape (sample,), nominally within −1 … 1."""
    sample_rate: Hertz = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError(f"a waveform has one axis (sample,), not shape {self.samples.shape}")
        object.__setattr__(self, "samples", frozen_array(self.samples))

    @property
    def duration(self) -> Seconds:
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True, kw_only=True)
class Recording:
    """A file of sound, without its samples."""

    path: str
    channels: int
    sample_rate: Hertz
    duration: Seconds


@dataclass(frozen=True, kw_only=True)
class Word:
    """A word with its place in time, as a transcript or its alignment gave it."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float | None = None
    share: float | None = None
    """By how much the turn's most probable emotion is less probable without the word, from −1 to 1; None where that was
    not asked."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A word of a transcript, a syllable or a phone of it, where it was heard."""

    label: str
    """The word, or its phones (ARPAbet without stress), those of a syllable with spaces between."""
    start: Seconds
    end: Seconds
    score: float
    """Geometric mean of the probability of its phones over their frames, 0 to 1."""
    word: int
    """Number of the word that it is or belongs to, from 0."""


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """When each word of a transcript was said, each syllable and each phone, all in order of time."""

    duration: Seconds
    """Of the recording."""
    words: tuple[Segment, ...]
    syllables: tuple[Segment, ...]
    phones: tuple[Segment, ...]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One speaker holds the floor from `start` to `end`.

    Raises:
        ValueError: if the turn ends before it starts, or starts before the recording does.
    """

    start: Seconds
    end: Seconds
    speaker: str
    channel: int | None = None
    """Index of the channel the speaker is heard on, from 0; None where the channels are mixed."""
    text: str | None = None
    words: tuple[Word, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(f"a turn runs from 0 s or later to a later time, not from {self.start} s to {self.end} s")

    @property
    def duration(self) -> Seconds:
        return self.end - self.start


class Abstention(StrEnum):
    """Why a turn carries no label."""

    UNCERTAIN = "uncertain"
    """The most probable emotion is less probable than the bundle's threshold."""
    TOO_SHORT = "too short"
    """The turn is shorter than the bundle can judge; it has no probabilities either."""
    SILENT = "silent"
    """The turn holds digital silence only; it has no probabilities either."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Window:
    """A stretch inside a turn with probabilities of its own: one point of the finer curve."""

    start: Seconds
    end: Seconds
    probabilities: NDArray[np.float32]
    """Shape (label,), summing to 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "probabilities", frozen_array(self.probabilities))


@dataclass(frozen=True, kw_only=True, eq=False)
class TurnEmotion:
    """What was heard in one turn."""

    turn: Turn
    probabilities: NDArray[np.float32] | None
    """Calibrated, shape (label,), summing to 1; None where the turn could not be judged."""
    label: str | None
    """The most probable emotion, or None where the system abstains."""
    abstention: Abstention | None = None
    track: tuple[Window, ...] = ()
    """The windows that were judged, in order; more than one only inside long turns."""
    by_voice: NDArray[np.float32] | None = None
    """As `probabilities`, of the voice alone, as if nobody knew what is said; None where that was not asked."""
    baseline: float | None = None
    """How many turns of the speaker it was held against, itself among them, short ones counted in part; None where it
    was judged by itself, or could not be judged."""

    def __post_init__(self) -> None:
        for name in ("probabilities", "by_voice"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen_array(getattr(self, name)))
        if (self.label is None) != (self.abstention is not None):
            raise ValueError(f"a turn has a label or a reason to abstain, not {self.label!r} and {self.abstention!r}")

    @property
    def confidence(self) -> float | None:
        """Probability of the most probable emotion; None where the turn could not be judged."""
        return None if self.probabilities is None else float(self.probabilities.max())

    @property
    def voice_disagrees(self) -> bool:
        """Whether the voice alone would be taken for another emotion than voice and words together."""
        if self.probabilities is None or self.by_voice is None:
            return False
        return int(self.by_voice.argmax()) != int(self.probabilities.argmax())


@dataclass(frozen=True, kw_only=True, eq=False)
class Timeline:
    """Who felt what, when: the result for one recording."""

    recording: Recording
    turns: tuple[TurnEmotion, ...]
    """In order of start, then of channel."""
    labels: tuple[str, ...]
    """The names of the axis `label` of every array of probabilities."""
    bundle_id: str
    notes: tuple[str, ...] = ()
    """What a reader must know beside the turns: no speech found, a speaker left out, channels mixed."""

    @property
    def speakers(self) -> tuple[str, ...]:
        """Every speaker, in order of first appearance."""
        return tuple(dict.fromkeys(item.turn.speaker for item in self.turns))


@dataclass(frozen=True, kw_only=True)
class Rating:
    """What one person heard in an utterance."""

    rater: str
    emotions: tuple[str, ...] = ()
    """Spelled as `undertone.labels.canonical` does; several where the rater might tick several, none where only
    dimensions were asked for."""
    valence: float | None = None
    """On the corpus's own scale, as `activation` and `dominance`."""
    activation: float | None = None
    dominance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """An item of a corpus: where it is and what people said about it."""

    id: str
    """The corpus's name, a slash, and the item's own name: the same in every layout of the corpus."""
    path: str
    corpus: str
    speaker: str
    language: str
    emotion: str | None
    """The corpus's own category, spelled as `undertone.labels.canonical` does; None where it has none."""
    duration: Seconds
    """nan until somebody has opened the file."""
    gender: str | None = None
    text: str | None = None
    sentence: str | None = None
    """Name of the prompt, where the corpus has several takes of the same words."""
    start: Seconds = 0.0
    end: Seconds | None = None
    """Where the utterance lies in the file; None is the file's end."""
    dialogue: str | None = None
    turn_index: int | None = None
    split: str | None = None
    """The corpus's own part: `train`, `validation`, `test`, or a name of its own."""
    ratings: tuple[Rating, ...] = ()
    """One a rater, where the corpus tells."""
    valence: float | None = None
    """Of all raters together, on the corpus's own scale, as `activation` and `dominance`."""
    activation: float | None = None
    dominance: float | None = None

    @property
    def label(self) -> str | None:
        """The one of `undertone.labels.EMOTIONS` that the category counts as; None where it has no counterpart."""
        return None if self.emotion is None else emotion_of(self.emotion)
