"""TurEV-DB: Turkish emotion voice database (Canpolat, Ormanoğlu & Zeyrek 2020).

Layout: `Sound Source/Angry/1984_kz_satir.wav`, a folder for each emotion. The parts of a name are the speaker, two
letters of the emotion's Turkish name, and the word that is said, without Turkish letters.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import NAMES_CHECKED

EMOTIONS: Final = {
    "hl": "sad",  # hüzünlü
    "kz": "angry",  # kızgın
    "mt": "happy",  # mutlu
    "sk": "calm",  # sakin
}

SPEAKERS: Final = {"1157", "1234", "1358", "1984", "6783", "7895"}

NAME: Final = re.compile(r"(?P<speaker>\d{4})_(?P<emotion>hl|kz|mt|sk)_(?P<word>[a-z]+)(?P<take>\d?)")
"""`1984_kz_satir`: speaker 1984, angry, the word satır. A digit at the end marks a second take."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Sound Source/Angry/1984_kz_satir`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or found["speaker"] not in SPEAKERS:
        return None
    return Named(
        id=found[0],
        speaker=f"turevdb_{found['speaker']}",
        emotion=EMOTIONS[found["emotion"]],
        sentence=found["word"],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="turevdb",
        title="TurEV-DB: Turkish emotion voice database",
        language="tr",
        licence="CC BY-NC-ND 4.0",
        source="Canpolat et al., Turkish Emotion Voice Database (TurEV-DB), SLTU-CCURL 2020",
        speakers=6,
        utterances=1735,
        counts={"angry": 487, "sad": 483, "calm": 408, "happy": 357},
        acted=True,
        raters="the speakers' instruction",
        sample_rate=0,
        model_may_be_released=False,
        known_faults=("single words, so there is little speech in each", NAMES_CHECKED),
    ),
    scan=scan_by_name("turevdb", "tr", parse_name),
    parse_name=parse_name,
)
