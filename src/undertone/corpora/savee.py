"""SAVEE: Surrey audio-visual expressed emotion (Haq & Jackson 2009).

Layout: `AudioData/DC/a01.wav`, a folder for each of the four men (`DC`, `JE`, `JK`, `KL`); or all in one folder as
`DC_a01.wav`. A name is the emotion's letters and the number of the sentence.
"""

from __future__ import annotations

import re
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import NAMES_CHECKED

EMOTIONS: Final = {
    "a": "angry",
    "d": "disgusted",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}

SPEAKERS: Final = ("DC", "JE", "JK", "KL")

NAME: Final = re.compile(r"(?:.*/)?(?P<speaker>DC|JE|JK|KL)[_/](?P<emotion>sa|su|[adfhn])(?P<sentence>\d\d)", re.DOTALL)
"""`DC_sa03` or `DC/sa03`: speaker DC, third sad sentence."""


def sentences_of(emotion: str) -> int:
    """How many sentences each man said: 15 of an emotion, 30 neutral ones."""
    return 30 if emotion == "n" else 15


def parse_name(name: str) -> Named | None:
    """Read a name such as `AudioData/DC/a01` or `DC_a01`."""
    found = NAME.fullmatch(name)
    if found is None or not 1 <= int(found["sentence"]) <= sentences_of(found["emotion"]):
        return None
    sentence = f"{found['emotion']}{found['sentence']}"
    return Named(
        id=f"{found['speaker']}_{sentence}",
        speaker=f"savee_{found['speaker']}",
        emotion=EMOTIONS[found["emotion"]],
        gender="M",
        sentence=sentence,
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="savee",
        title="SAVEE: Surrey audio-visual expressed emotion",
        language="en",
        licence="free for research, on registration",
        source="Haq & Jackson, Speaker-Dependent Audio-Visual Emotion Recognition, AVSP 2009",
        speakers=4,
        utterances=480,
        counts={
            "neutral": 120, "angry": 60, "disgusted": 60, "fearful": 60, "happy": 60, "sad": 60, "surprised": 60,
        },
        acted=True,
        raters="the actors' instruction; ten listeners named the emotions, their votes are not in the files",
        sample_rate=44_100,
        model_may_be_released=False,
        known_faults=(
            "men only, four of them",
            "most sentences belong to one emotion, so words tell it; three are common to all, under a number of each",
            NAMES_CHECKED,
        ),
    ),
    scan=scan_by_name("savee", "en", parse_name),
    parse_name=parse_name,
    whole=tuple(
        f"{speaker}_{emotion}{number:02}"
        for speaker in SPEAKERS
        for emotion in EMOTIONS
        for number in range(1, sentences_of(emotion) + 1)
    ),
)  # fmt: skip
