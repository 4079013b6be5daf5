"""URDU: emotional speech from Urdu talk shows (Latif et al. 2018).

Layout: `Angry/SM1_F10_A010.wav`, a folder for each emotion. The parts of a name are the speaker (`SM` a man, `SF` a
woman), the speaker's file, and the emotion's letter with a number.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name

EMOTIONS: Final = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
FOLDERS: Final = {"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"}

NAME: Final = re.compile(r"(?P<speaker>S[MF]\d+)_F\d+_(?P<emotion>[AHNS])\d+")
"""`SM1_F10_A010`: a man, his tenth file, angry, tenth of all angry files."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Angry/SM1_F10_A010`."""
    stem = PurePosixPath(name).name
    found = NAME.fullmatch(stem)
    if found is None:
        return None
    return Named(
        id=f"{FOLDERS[found['emotion']]}/{stem}",
        speaker=f"urdu_{found['speaker']}",
        emotion=EMOTIONS[found["emotion"]],
        gender=found["speaker"][1],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="urdu",
        title="URDU: emotional speech from Urdu talk shows",
        language="ur",
        licence="research only",
        source="Latif et al., Cross Lingual Speech Emotion Recognition: Urdu vs. Western Languages, FIT 2018",
        speakers=29,
        utterances=400,
        counts={"angry": 100, "happy": 100, "neutral": 100, "sad": 100},
        acted=False,
        raters="four listeners; single votes are not in the files",
        sample_rate=44_100,
        model_may_be_released=False,
        known_faults=(
            "29 speaker ids although its authors say 38",
            "most speakers have one emotion only, so a recogniser of speakers scores well on shared speakers",
        ),
    ),
    scan=scan_by_name("urdu", "ur", parse_name),
    parse_name=parse_name,
)
