"""CREMA-D: crowd-sourced emotional multimodal actors dataset (Cao et al. 2014).

Layout: `AudioWAV/1001_IEO_NEU_XX.wav` (or, without that folder, `AudioMP3`), `VideoDemographics.csv` for the actors,
and `finishedResponses.csv` for the crowd's votes, of which those on the voice alone become ratings. The parts of a name
are the actor, the sentence, the emotion and the level. A clone without git-LFS holds pointers in place of sound and
tables.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Exclusion, Named
from undertone.corpora.layouts import TABLE, require_folder, scan_by_name
from undertone.corpora.tables import NAMES_CHECKED, read_rows
from undertone.errors import CorpusError
from undertone.records import Rating

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance

EMOTIONS: Final = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}

LETTERS: Final = {word[0]: emotion for word, emotion in EMOTIONS.items()}
"""How votes are written."""

SENTENCES: Final = {
    "IEO": "It's eleven o'clock.",
    "TIE": "That is exactly what happened.",
    "IOM": "I'm on my way to the meeting.",
    "IWW": "I wonder what this is about.",
    "TAI": "The airplane is almost full.",
    "MTI": "Maybe tomorrow it will be cold.",
    "IWL": "I would like a new alarm clock.",
    "ITH": "I think I have a doctor's appointment.",
    "DFA": "Don't forget a jacket.",
    "ITS": "I think I've seen this before.",
    "TSI": "The surface is slick.",
    "WSI": "We'll stop in a couple of minutes.",
}

ACTORS: Final = range(1001, 1092)

SOUND: Final = ("AudioWAV", "AudioMP3")
"""Folders of the same recordings; the first one there is read."""

DEMOGRAPHICS: Final = "VideoDemographics.csv"
RESPONSES: Final = "finishedResponses.csv"

VOICE_ONLY: Final = "1"
"""`queryType` of votes by people who heard the voice and saw nothing."""

NAME: Final = re.compile(
    r"(?P<id>(?P<actor>1[0-9]{3})_(?P<sentence>[A-Z]{3})_(?P<emotion>[A-Z]{3})_(?P<level>XX|LO|MD|HI))|1040_ITH_SAD_X"
)
"""`1001_IEO_ANG_HI`: actor 1001, eleven o'clock, angry, at the highest level. Older copies misname one file."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `AudioWAV/1001_IEO_NEU_XX`."""
    stem = PurePosixPath(name).name
    found = NAME.fullmatch(f"{stem}X" if stem == "1040_ITH_SAD_X" else stem)
    if found is None or int(found["actor"]) not in ACTORS:
        return None
    if found["emotion"] not in EMOTIONS or found["sentence"] not in SENTENCES:
        return None
    return Named(
        id=found["id"],
        speaker=f"cremad_{found['actor']}",
        emotion=EMOTIONS[found["emotion"]],
        sentence=found["sentence"],
        text=SENTENCES[found["sentence"]],
    )


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the recordings with the actors' gender and the crowd's votes, as far as their tables are there.

    Raises:
        CorpusError: if the folder is not this corpus, or a table is a git-LFS pointer or cannot be read.
    """
    read = scan_by_name("cremad", "en", parse_name)
    if (folder / TABLE).is_file():
        return read(folder)
    require_folder(folder, "cremad")
    listed = read(next((folder / name for name in SOUND if (folder / name).is_dir()), folder))
    genders = read_genders(folder / DEMOGRAPHICS) if (folder / DEMOGRAPHICS).is_file() else {}
    votes = read_votes(folder / RESPONSES) if (folder / RESPONSES).is_file() else {}
    return tuple(
        replace(
            item,
            gender=genders.get(item.speaker.removeprefix("cremad_")),
            ratings=votes.get(item.id.removeprefix("cremad/"), ()),
        )
        for item in listed
    )


def read_genders(path: Path) -> dict[str, str]:
    """Read the gender of each actor.

    Raises:
        CorpusError: if the table cannot be read.
    """
    return {
        row["ActorID"]: row["Sex"][:1].upper() for row in read_rows(path, "cremad", ("ActorID", "Sex")) if row["Sex"]
    }


def read_votes(path: Path) -> dict[str, tuple[Rating, ...]]:
    """Read who heard which emotion in the voice alone, by clip; of two votes of one person the later counts.

    Raises:
        CorpusError: if the table cannot be read, or a vote is none of the six emotions.
    """
    found: dict[str, dict[str, Rating]] = defaultdict(dict)
    for number, row in enumerate(read_rows(path, "cremad", ("localid", "queryType", "clipName", "respEmo")), start=1):
        if row["queryType"] != VOICE_ONLY:
            continue
        if row["respEmo"] not in LETTERS:
            raise CorpusError(
                "cremad",
                f"row {number} of {path} has the vote {row['respEmo']!r}; votes are {', '.join(LETTERS)}, "
                "so copy it anew",
            )
        found[row["clipName"]][row["localid"]] = Rating(rater=row["localid"], emotions=(LETTERS[row["respEmo"]],))
    return {clip: tuple(votes.values()) for clip, votes in found.items()}


CORPUS = Corpus(
    card=CorpusCard(
        name="cremad",
        title="CREMA-D: crowd-sourced emotional multimodal actors dataset",
        language="en",
        licence="ODbL 1.0, its contents DbCL 1.0",
        source="Cao et al., CREMA-D: Crowd-sourced Emotional Multimodal Actors Dataset, IEEE Transactions on Affective "
        "Computing 2014",
        speakers=91,
        utterances=7442,
        counts={
            "angry": 1271, "disgusted": 1271, "fearful": 1271, "happy": 1271, "sad": 1271, "neutral": 1087,
        },
        acted=True,
        raters="the actors' instruction is the emotion; about ten people of a crowd heard each voice alone, and their "
        "votes are ratings where finishedResponses.csv is there",
        sample_rate=16_000,
        model_may_be_released=True,
        known_faults=(
            "the crowd heard the intended emotion in less than half of the voices, and most often neutral",
            "a clone without git-LFS holds pointers of three lines in place of sound",
            "older copies name one file 1040_ITH_SAD_X; it is read as 1040_ITH_SAD_XX",
            "12 sentences only, so words carry no emotion",
            NAMES_CHECKED,
        ),
        exclusions=(Exclusion(id="cremad/1076_MTI_SAD_XX", reason="the file holds no signal"),),
    ),
    scan=scan,
    parse_name=parse_name,
    lists_all=False,
)  # fmt: skip
