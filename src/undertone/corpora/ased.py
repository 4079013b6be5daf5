"""ASED: Amharic speech emotion dataset (Retta et al. 2023).

Layout: `01Neutral/n1-01-01-01-01.wav` and the folders `02Fearful`, `03Happy`, `04Sad`, `05Angry`. The parts of a name
are the emotion's letter and number, the sentence, the repetition, the gender (01 a woman, 02 a man) and the speaker.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import NAMES_CHECKED

EMOTIONS: Final = {"n1": "neutral", "f2": "fearful", "h3": "happy", "s4": "sad", "a5": "angry"}

GENDERS: Final = {"01": "F", "02": "M"}

COMMON: Final = {"01", "02"}
"""Sentences that everybody says in every emotion. The authors do not tell their numbers; these two are kept in numbers
that differ from emotion to emotion, the other five in 74 of every emotion."""

NAME: Final = re.compile(
    r"(?P<emotion>n1|f2|h3|[sS]4|a5)-(?P<sentence>0[1-7])-(?P<take>0[12])-(?P<gender>0[12])-(?P<speaker>\d\d)"
)
"""`a5-03-01-02-50`: angry, sentence 3, first time, a man, speaker 50. One file begins with a capital `S`."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `05Angry/a5-03-01-02-50`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        return None
    emotion, sentence = found["emotion"].lower(), found["sentence"]
    return Named(
        id=found[0].lower(),
        speaker=f"ased_{found['speaker']}",
        emotion=EMOTIONS[emotion],
        gender=GENDERS[found["gender"]],
        sentence=sentence if sentence in COMMON else f"{emotion}-{sentence}",
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="ased",
        title="ASED: Amharic speech emotion dataset",
        language="am",
        licence="none stated; free to download",
        source="Retta et al., A New Amharic Speech Emotion Dataset and Classification Benchmark, ACM TALLIP 2023",
        speakers=65,
        utterances=2474,
        counts={"neutral": 522, "fearful": 510, "angry": 486, "happy": 486, "sad": 470},
        acted=True,
        raters="the speakers' instruction; takes kept if five of eight judges agreed, their votes are not in the files",
        sample_rate=0,
        model_may_be_released=False,
        known_faults=(
            "five of the seven sentences of every emotion belong to it alone, so words tell the emotion",
            "the names give speakers 09, 15, 21, 23 and 25 both genders",
            "which two sentences are common to all emotions is not published; it was concluded from the counts",
            NAMES_CHECKED,
        ),
    ),
    scan=scan_by_name("ased", "am", parse_name),
    parse_name=parse_name,
)
