"""TESS: Toronto emotional speech set (Pichora-Fuller & Dupuis 2010).

Layout: files such as `OAF_back_fear.wav`, in one folder or in one for each speaker and emotion (`OAF_Fear/…`). The
parts of a name are the speaker (`OAF`, `YAF`: an older and a younger woman), the word, and the emotion; `ps` is
pleasant surprise.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import NAMES_CHECKED

EMOTIONS: Final = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}

NAME: Final = re.compile(r"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>[a-z]+)")
"""`OAF_back_fear`: the older woman says the word back, fearful. One published name lacks the `F` of `OAF`."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `OAF_Fear/OAF_back_fear`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or found["emotion"] not in EMOTIONS:
        return None
    speaker = "OAF" if found["speaker"] == "OA" else found["speaker"]
    return Named(
        id=f"{speaker}_{found['word']}_{found['emotion']}",
        speaker=f"tess_{speaker}",
        emotion=EMOTIONS[found["emotion"]],
        gender="F",
        sentence=found["word"],
        text=f"Say the word {found['word']}.",
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="tess",
        title="TESS: Toronto emotional speech set",
        language="en",
        licence="CC BY-NC-ND 4.0",
        source="Pichora-Fuller & Dupuis, Toronto emotional speech set (TESS), University of Toronto 2010",
        speakers=2,
        utterances=2800,
        counts=dict.fromkeys(sorted(EMOTIONS.values()), 400),
        acted=True,
        raters="the actresses' instruction",
        sample_rate=24_414,
        model_may_be_released=False,
        known_faults=(
            "two speakers only: a held-out speaker is half of the corpus, and shared speakers make the task trivial",
            "one file is named OA_bite_neutral.wav; it is read as OAF_bite_neutral",
            "a copy circulates that holds every file twice, in a folder of the same name inside itself",
            NAMES_CHECKED,
        ),
    ),
    scan=scan_by_name("tess", "en", parse_name),
    parse_name=parse_name,
)
