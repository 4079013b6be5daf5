"""Which emotion appears when: the emotion diarization error rate (EDER)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TypeAlias

    from undertone.units import Seconds

    Segment: TypeAlias = tuple[Seconds, Seconds, str]
    """Start, end, emotion."""

NEUTRAL: Final = "neutral"


@dataclass(frozen=True, kw_only=True)
class EmotionErrors:
    """How long a timeline of emotions is wrong, in which way."""

    missed: Seconds
    """There is an emotion, and none was found."""
    false_alarm: Seconds
    """There is none, and one was found."""
    confusion: Seconds
    """There is an emotion, and only others were found."""
    overlap: Seconds
    """There is an emotion; it was found, and another at the same time."""
    duration: Seconds
    """Of all that was judged: every speaker's whole time."""

    @property
    def rate(self) -> float:
        """EDER: all errors over the duration; nan for a duration of 0."""
        wrong = self.missed + self.false_alarm + self.confusion + self.overlap
        return wrong / self.duration if self.duration > 0 else float("nan")


def emotion_errors(
    truth: Sequence[Segment], found: Sequence[Segment], *, duration: Seconds, neutral: str = NEUTRAL
) -> EmotionErrors:
    """Compare one track of emotions with what was found, exactly: between two boundaries nothing changes.

    Wang et al. 2023, "Speech emotion diarization: which emotion appears when?" (arXiv:2306.12991), the four components
    of its metric, summed over the duration. Time without a segment is without emotion, as neutral time is.

    Args:
        truth: segments, in any order; segments of different emotions may not overlap, because the paper does not say
            what is right then.
        found: segments, in any order; they may overlap.
        duration: of the utterance or recording; both start at 0.
        neutral: the label that is no emotion.

    Raises:
        UsageError: if a segment is not within 0 to the duration, or the truth has two emotions at once.
    """
    for start, end, emotion in (*truth, *found):
        if not 0 <= start <= end <= duration:
            raise UsageError(
                f"the segment {start:g} to {end:g} s ({emotion}) does not lie within the duration, "
                f"0 to {duration:g} s; correct the one or the other"
            )
    missed, false_alarm, confusion, overlap = 0.0, 0.0, 0.0, 0.0
    cuts = sorted({0.0, duration, *(time for start, end, _ in (*truth, *found) for time in (start, end))})
    for start, end, there, heard in _sweep(cuts, truth, found, neutral):
        if len(there) > 1:
            raise UsageError(
                f"the truth has {' and '.join(sorted(there))} at once at {start:g} s; one emotion at a time can be "
                "judged. Give each speaker a track of their own"
            )
        if there and not heard:
            missed += end - start
        elif heard and not there:
            false_alarm += end - start
        elif there and not there & heard:
            confusion += end - start
        elif there != heard:
            overlap += end - start
    return EmotionErrors(
        missed=missed, false_alarm=false_alarm, confusion=confusion, overlap=overlap, duration=duration
    )


def conversation_errors(
    truth: Mapping[str, Sequence[Segment]],
    found: Mapping[str, Sequence[Segment]],
    *,
    duration: Seconds,
    neutral: str = NEUTRAL,
) -> EmotionErrors:
    """Compare the tracks of several speakers, and add up their errors and their durations.

    A speaker who was not found is a track without emotion. One who was found and does not exist adds errors and no
    duration, so that inventing speakers cannot lower the rate.

    Args:
        truth: segments, by speaker.
        found: segments, by the same names.
        duration: of the recording.
        neutral: the label that is no emotion.

    Raises:
        UsageError: as `emotion_errors`.
    """
    tracks = [
        emotion_errors(truth.get(name, ()), found.get(name, ()), duration=duration, neutral=neutral)
        for name in dict.fromkeys((*truth, *found))
    ]
    return EmotionErrors(
        missed=sum(track.missed for track in tracks),
        false_alarm=sum(track.false_alarm for track in tracks),
        confusion=sum(track.confusion for track in tracks),
        overlap=sum(track.overlap for track in tracks),
        duration=duration * len(truth),
    )


def _sweep(
    cuts: Sequence[Seconds], truth: Sequence[Segment], found: Sequence[Segment], neutral: str
) -> Iterable[tuple[Seconds, Seconds, set[str], set[str]]]:
    """Every stretch between two boundaries, with the emotions that are there and those that were found."""
    starts: dict[Seconds, list[tuple[int, str]]] = {}
    ends: dict[Seconds, list[tuple[int, str]]] = {}
    for track, segments in enumerate((truth, found)):
        for start, end, emotion in segments:
            if emotion != neutral and start < end:
                starts.setdefault(start, []).append((track, emotion))
                ends.setdefault(end, []).append((track, emotion))
    open_now: tuple[list[str], list[str]] = ([], [])
    for start, end in itertools.pairwise(cuts):
        for track, emotion in ends.get(start, ()):
            open_now[track].remove(emotion)
        for track, emotion in starts.get(start, ()):
            open_now[track].append(emotion)
        yield start, end, set(open_now[0]), set(open_now[1])
