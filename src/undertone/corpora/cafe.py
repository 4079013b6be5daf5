"""CaFE: Canadian French emotional speech (Gournay, Lahaie & Lefebvre 2018).

Layout: `Colère/Faible/01-C-1-1.wav`, a folder for each emotion and, but for the neutral speech, for each of two
intensities (`Faible`, `Fort`). The parts of a name are the actor, the emotion's letter, the intensity and the sentence.
The edition at 192 kHz has AIFF files in their place. The folders' names may be spelled in any way; only the files'
names count.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import SOUND_SUFFIXES, Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import UNHEARD

EMOTIONS: Final = {
    "C": "angry",  # colère
    "D": "disgusted",  # dégoût
    "J": "happy",  # joie
    "N": "neutral",
    "P": "fearful",  # peur
    "S": "surprised",
    "T": "sad",  # tristesse
}

SENTENCES: Final = {
    "1": "Un cheval fou dans mon jardin",
    "2": "Deux ânes aigris au pelage brun",
    "3": "Trois cygnes aveugles au bord du lac",
    "4": "Quatre vieilles truies éléphantesques",
    "5": "Cinq pumas fiers et passionnés",
    "6": "Six ours aimants domestiqués",
}

NAME: Final = re.compile(r"(?P<actor>0[1-9]|1[0-2])-(?P<emotion>[CDJNPST])-(?P<intensity>[012])-(?P<sentence>[1-6])")
"""`01-C-2-3`: actor 1, anger, strong, third sentence."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Colère/Fort/01-C-2-3`; only neutral speech may have the intensity 0."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or (found["intensity"] == "0" and found["emotion"] != "N"):
        return None
    return Named(
        id=found[0],
        speaker=f"cafe_{found['actor']}",
        emotion=EMOTIONS[found["emotion"]],
        gender="M" if int(found["actor"]) % 2 else "F",
        sentence=found["sentence"],
        text=SENTENCES[found["sentence"]],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="cafe",
        title="CaFE: Canadian French emotional speech",
        language="fr",
        licence="CC BY-NC-SA 4.0",
        source="Gournay et al., A Canadian French Emotional Speech Dataset, ACM MMSys 2018",
        speakers=12,
        utterances=936,
        counts={
            "angry": 144, "disgusted": 144, "happy": 144, "fearful": 144, "surprised": 144, "sad": 144, "neutral": 72,
        },
        acted=True,
        raters="the actors' instruction",
        sample_rate=48_000,
        model_may_be_released=True,
        known_faults=(
            "six sentences only, so words carry no emotion",
            "the digit that stands for the intensity of neutral speech is not verified; 0, 1 and 2 are read",
            UNHEARD,
        ),
    ),
    scan=scan_by_name("cafe", "fr", parse_name, suffixes=(*SOUND_SUFFIXES, ".aiff", ".aif")),
    parse_name=parse_name,
)  # fmt: skip
