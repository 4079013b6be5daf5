"""SUBESCO: SUST Bangla emotional speech corpus (Sultana et al. 2021).

Layout: one folder of files such as `F_02_MONIKA_S_1_NEUTRAL_5.wav`. The parts of a name are the gender, the speaker's
number and name, `S` and the sentence, the emotion, and the take.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import UNHEARD
from undertone.labels import canonical

EMOTIONS: Final = ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE")

NAME: Final = re.compile(
    r"(?P<id>(?P<gender>[FM])_(?P<speaker>\d\d)_[A-Z]+_S_(?P<sentence>[1-9]|10)_(?P<emotion>[A-Z]+)_(?P<take>[1-5]))\]?"
)
"""`F_02_MONIKA_S_1_NEUTRAL_5`: second woman, sentence 1, neutral, fifth take. One published name ends in `]`."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `SUBESCO/F_02_MONIKA_S_1_NEUTRAL_5`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or found["emotion"] not in EMOTIONS:
        return None
    return Named(
        id=found["id"],
        speaker=f"subesco_{found['gender']}{found['speaker']}",  # women and men are counted from 1 each
        emotion=canonical(found["emotion"]),
        gender=found["gender"],
        sentence=found["sentence"],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="subesco",
        title="SUBESCO: SUST Bangla emotional speech corpus",
        language="bn",
        licence="CC BY 4.0",
        source="Sultana et al., SUST Bangla Emotional Speech Corpus (SUBESCO): An audio-only emotional speech corpus "
        "for Bangla, PLoS ONE 2021",
        speakers=20,
        utterances=7000,
        counts={canonical(word): 1000 for word in EMOTIONS},
        acted=True,
        raters="the actors' instruction; 50 listeners named the emotions, 71 % rightly; their votes are not there",
        sample_rate=48_000,
        model_may_be_released=True,
        known_faults=(
            "one file is named F_02_MONIKA_S_2_SURPRISE_3].wav; it is read without the bracket",
            "10 sentences only, so words carry no emotion",
            UNHEARD,
        ),
    ),
    scan=scan_by_name("subesco", "bn", parse_name),
    parse_name=parse_name,
)
