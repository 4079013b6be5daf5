"""RAVDESS: Ryerson audio-visual database of emotional speech and song, the speech (Livingstone & Russo 2018).

Layout: `Actor_12/03-01-06-01-02-01-12.wav`. The parts of a name are modality (03 is sound), speech or song (01 is
speech), emotion, intensity, sentence, repetition and actor; songs and videos beside them are not read.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Exclusion, Named
from undertone.corpora.layouts import scan_by_name

EMOTIONS: Final = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgusted",
    "08": "surprised",
}

SENTENCES: Final = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}

NAME: Final = re.compile(
    r"03-01-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<sentence>0[12])-(?P<repetition>0[12])-(?P<actor>[01]\d|2[0-4])"
)
"""`03-01-06-01-02-01-12`: sound only, speech, fearful, normal, dogs, first time, actor 12. Song is `03-02`."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Actor_12/03-01-06-01-02-01-12`; songs and videos are not of this corpus."""
    stem = PurePosixPath(name).name
    found = NAME.fullmatch(stem)
    if found is None or found["actor"] == "00" or (found["emotion"], found["intensity"]) == ("01", "02"):
        return None
    actor = found["actor"]
    return Named(
        id=f"Actor_{actor}/{stem}",
        speaker=f"ravdess_{actor}",
        emotion=EMOTIONS[found["emotion"]],
        gender="M" if int(actor) % 2 else "F",
        sentence=found["sentence"],
        text=SENTENCES[found["sentence"]],
    )


WHOLE: Final = tuple(
    f"Actor_{actor:02}/03-01-{emotion}-{intensity}-{sentence}-{repetition}-{actor:02}"
    for actor in range(1, 25)
    for emotion in EMOTIONS
    for intensity in ("01", "02")
    if (emotion, intensity) != ("01", "02")
    for sentence in SENTENCES
    for repetition in ("01", "02")
)
"""Every actor says each sentence twice in every emotion and intensity; neutral has one intensity only."""

CORPUS = Corpus(
    card=CorpusCard(
        name="ravdess",
        title="RAVDESS: Ryerson audio-visual database of emotional speech and song, the speech",
        language="en",
        licence="CC BY-NC-SA 4.0",
        source="Livingstone & Russo, The Ryerson Audio-Visual Database of Emotional Speech and Song, PLoS ONE 2018",
        speakers=24,
        utterances=1440,
        counts={
            "neutral": 96, "calm": 192, "happy": 192, "sad": 192, "angry": 192, "fearful": 192, "disgusted": 192,
            "surprised": 192,
        },
        acted=True,
        raters="the actors' instruction; 10 of 247 listeners rated each take, their votes are not in the files",
        sample_rate=48_000,
        model_may_be_released=True,
        known_faults=(
            "Actor_07 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07 are byte-identical",
            "5 source files are stereo",
            "two sentences only, so words carry no emotion",
        ),
        exclusions=(
            Exclusion(
                id="ravdess/Actor_07/03-01-03-01-02-02-07",
                reason="byte-identical to 03-01-03-01-02-01-07, which stays: one take would count twice",
            ),
        ),
    ),
    scan=scan_by_name("ravdess", "en", parse_name),
    parse_name=parse_name,
    whole=WHOLE,
)  # fmt: skip
