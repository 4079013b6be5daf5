"""EmoV-DB: the emotional voices database (Adigwe et al. 2018).

Layout, sorted: `bea/Amused/amused_1-28_0001.wav`. Layout of OpenSLR 115: a folder for each archive, `bea_Amused/…`. A
folder above the file must name the speaker. The parts of a name are the emotion, the range of prompts of the session,
and the number of the CMU Arctic prompt (set A). Where `cmuarctic.data` lies in the folder, prompts get their words.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import UNHEARD, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance

GENDERS: Final = {"bea": "F", "jenie": "F", "josh": "M", "sam": "M"}

EMOTIONS: Final = {
    "amused": "amused",
    "anger": "angry",
    "angry": "angry",
    "disgust": "disgusted",
    "disgusted": "disgusted",
    "neutral": "neutral",
    "sleepiness": "sleepy",
    "sleepy": "sleepy",
}

PROMPTS: Final = "cmuarctic.data"

PROMPT: Final = re.compile(r'\(\s*arctic_a(?P<number>\d{4})\s+"(?P<text>.*)"\s*\)')
"""`( arctic_a0001 "Author of the danger trail, Philip Steels, etc." )`"""

NAME: Final = re.compile(r"(?P<emotion>[a-z]+)_(?P<prompts>\d+-\d+)_(?P<sentence>\d{4})", re.IGNORECASE | re.ASCII)
"""`anger_1-28_0011`: angry, from the session with prompts 1 to 28, prompt 11."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `bea/Angry/anger_1-28_0011` or `bea_Angry/anger_1-28_0011`."""
    path = PurePosixPath(name)
    found = NAME.fullmatch(path.name)
    starts = (part.lower().partition("_")[0] for part in reversed(path.parts[:-1]))
    speaker = next((start for start in starts if start in GENDERS), None)
    if found is None or speaker is None or found["emotion"].lower() not in EMOTIONS:
        return None
    return Named(
        id=f"{speaker}/{found[0].lower()}",
        speaker=f"emovdb_{speaker}",
        emotion=EMOTIONS[found["emotion"].lower()],
        gender=GENDERS[speaker],
        sentence=found["sentence"],
    )


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the corpus, with the words of the prompts where their table is there.

    Raises:
        CorpusError: if the folder is not this corpus, or the table of prompts cannot be read.
    """
    listed = scan_by_name("emovdb", "en", parse_name)(folder)
    if not (folder / PROMPTS).is_file():
        return listed
    texts = {found["number"]: found["text"] for found in PROMPT.finditer(read_text(folder / PROMPTS, "emovdb"))}
    return tuple(replace(item, text=item.text or texts.get(item.sentence or "")) for item in listed)


CORPUS = Corpus(
    card=CorpusCard(
        name="emovdb",
        title="EmoV-DB: the emotional voices database",
        language="en",
        licence="non-commercial purposes: research, teaching, scientific publication, personal experiments",
        source="Adigwe et al., The Emotional Voices Database: Towards Controlling the Emotion Dimension in Voice "
        "Generation Systems, arXiv:1806.09514, 2018",
        speakers=4,
        utterances=7000,
        counts={"sleepy": 1744, "neutral": 1585, "amused": 1330, "angry": 1308, "disgusted": 1033},
        acted=True,
        raters="the actors' instruction",
        sample_rate=0,
        model_may_be_released=False,
        known_faults=(
            "josh has neither angry nor disgusted speech",
            "amused speech holds laughter, and sleepy speech yawns, beside the words",
            "editions differ in their number of files; the counts are those of the authors' page",
            UNHEARD,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
)
