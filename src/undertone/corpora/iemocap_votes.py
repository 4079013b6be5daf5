"""IEMOCAP's own files: what raters said of each turn, and when each word and phone was said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.corpora.tables import number_or_none
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Rating
from undertone.units import seconds_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from undertone.units import Seconds

EMOTIONS: Final = {
    "ang": "angry",
    "dis": "disgusted",
    "exc": "excited",
    "fea": "fearful",
    "fru": "frustrated",
    "hap": "happy",
    "neu": "neutral",
    "oth": "other",
    "sad": "sad",
    "sur": "surprised",
}

NO_MAJORITY: Final = "xxx"

FRAMES_PER_SECOND: Final = 100
"""Of the forced alignments."""

TURN: Final = re.compile(
    r"\[(?P<start>[0-9.]+) - (?P<end>[0-9.]+)\]\s+(?P<id>\S+)\s+(?P<emotion>\S+)\s+"
    r"\[(?P<valence>[^,\]]+),\s*(?P<activation>[^,\]]+),\s*(?P<dominance>[^,\]]+)\]"
)
"""`[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]`"""

VOTE: Final = re.compile(r"(?P<kind>[CA])-(?P<rater>[EFM][0-9]*):\s*(?P<said>.*?);\s*\((?P<comment>.*)\)?")
"""`C-E2:\tNeutral; Sadness;\t(tired)` or `A-E3:\tval 3; act 2; dom  2;\t()`; E is a listener, F or M an actor."""

DIMENSION: Final = re.compile(r"(?P<name>val|act|dom)\s+(?P<value>[0-9.]+)")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A turn of a dialogue and what people said about it."""

    id: str
    start: Seconds
    """In the dialogue's recording, as `end`."""
    end: Seconds
    emotion: str | None
    """None where no emotion has the majority."""
    ratings: tuple[Rating, ...] = ()
    valence: float | None = None
    activation: float | None = None
    dominance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A word or a phone in time, as the corpus's forced alignment has it."""

    label: str
    start: Seconds
    end: Seconds


def parse_evaluation(text: str) -> tuple[Judged, ...]:
    """Read a file of `dialog/EmoEvaluation`: a line for each turn, and below it a line for each vote.

    Raises:
        CorpusError: if a turn has a label that the corpus does not have, or its times are no numbers.
    """
    found: list[tuple[re.Match[str], list[str]]] = []
    for line in text.splitlines():
        turn = TURN.match(line)
        if turn:
            found.append((turn, []))
        elif found:
            found[-1][1].append(line)
    return tuple(_judged(turn, lines) for turn, lines in found)


def _judged(turn: re.Match[str], lines: Iterable[str]) -> Judged:
    start, end = number_or_none(turn["start"]), number_or_none(turn["end"])
    if start is None or end is None:
        raise CorpusError("iemocap", f"{turn['id']} lasts from {turn['start']} to {turn['end']}; copy the file anew")
    if turn["emotion"] not in EMOTIONS and turn["emotion"] != NO_MAJORITY:
        raise CorpusError(
            "iemocap",
            f"{turn['id']} has the label {turn['emotion']}; known are {', '.join((*EMOTIONS, NO_MAJORITY))}",
        )
    return Judged(
        id=turn["id"],
        start=start,
        end=end,
        emotion=EMOTIONS.get(turn["emotion"]),
        ratings=parse_votes(lines),
        **{name: number_or_none(turn[name]) for name in ("valence", "activation", "dominance")},
    )


def parse_votes(lines: Iterable[str]) -> tuple[Rating, ...]:
    """Join the votes of each rater on emotions and on dimensions; raters in order of first appearance."""
    emotions: dict[str, tuple[str, ...]] = {}
    dimensions: dict[str, dict[str, float | None]] = {}
    for line in lines:
        vote = VOTE.match(line.strip())
        if vote is None:
            continue
        emotions.setdefault(vote["rater"], ())
        if vote["kind"] == "C":
            words = (word.strip() for word in vote["said"].split(";"))
            emotions[vote["rater"]] += tuple(_spelled(word) for word in words if word)
        else:
            told = {item["name"]: number_or_none(item["value"]) for item in DIMENSION.finditer(vote["said"])}
            dimensions[vote["rater"]] = told
    return tuple(
        Rating(
            rater=rater,
            emotions=tuple(dict.fromkeys(said)),
            valence=dimensions.get(rater, {}).get("val"),
            activation=dimensions.get(rater, {}).get("act"),
            dominance=dimensions.get(rater, {}).get("dom"),
        )
        for rater, said in emotions.items()
    )


def _spelled(word: str) -> str:
    """Spell a rater's word; the form they filled in called neutral a state."""
    return canonical(word.lower().removesuffix(" state"))


def parse_alignment(text: str) -> tuple[Segment, ...]:
    """Read a file of `sentences/ForcedAlignment`: `.wdseg` for words, `.phseg` for phones.

    A line is first frame, last frame, score and label; frames last 10 ms and the last one belongs to the segment. Words
    keep the aligner's marks: `<s>`, `<sil>`, and `WHAT(2)` for a second pronunciation. A phone's label is all that
    follows the score, because the aligner writes its neighbours too.
    """
    found = []
    for line in text.splitlines():
        cells = line.split(maxsplit=3)
        if len(cells) == 4 and cells[0].isdecimal() and cells[1].isdecimal():
            start, last = int(cells[0]), int(cells[1])
            found.append(
                Segment(
                    label=cells[3].strip(),
                    start=seconds_for(start, FRAMES_PER_SECOND),
                    end=seconds_for(last + 1, FRAMES_PER_SECOND),
                )
            )
    return tuple(found)
