"""JL corpus: emotional speech in New Zealand English (James, Tian & Watson 2018).

Layout: `Raw JL corpus (unchecked and unannotated)/JL(wav+txt)/male2_angry_12a_2.wav` with a text of the same name
beside each file. The parts of a name are the speaker, the emotion, the sentence and the repetition.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import TABLE, scan_by_name
from undertone.corpora.tables import NAMES_CHECKED, read_text

if TYPE_CHECKING:
    from undertone.records import Utterance

PRIMARY: Final = ("angry", "excited", "happy", "neutral", "sad")

SECONDARY: Final = ("anxious", "apologetic", "assertive", "concerned", "encouraging")
"""Shades of emotion that are heard in conversations with machines rather than named by dictionaries."""

SPEAKERS: Final = ("female1", "female2", "male1", "male2")

SENTENCES: Final = tuple(f"{number}{letter}" for number in range(1, 16) for letter in "ab")

NAME: Final = re.compile(r"(?P<speaker>(?:fe)?male[12])_(?P<emotion>[a-z]+)_(?P<sentence>\d\d?[ab])_(?P<take>[12])")
"""`male2_angry_12a_2`: second man, angry, sentence 12a, second time."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `JL(wav+txt)/male2_angry_12a_2`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or found["emotion"] not in PRIMARY + SECONDARY or found["sentence"] not in SENTENCES:
        return None
    return Named(
        id=found[0],
        speaker=f"jlcorpus_{found['speaker']}",
        emotion=found["emotion"],
        gender=found["speaker"][0].upper(),
        sentence=found["sentence"],
    )


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the corpus, with the text beside each file where there is one.

    Raises:
        CorpusError: if the folder is not this corpus.
    """
    listed = scan_by_name("jlcorpus", "en", parse_name)(folder)
    return listed if (folder / TABLE).is_file() else tuple(map(_with_text, listed))


def _with_text(item: Utterance) -> Utterance:
    beside = Path(item.path).with_suffix(".txt")
    return replace(item, text=read_text(beside, "jlcorpus").strip() or None) if beside.is_file() else item


CORPUS = Corpus(
    card=CorpusCard(
        name="jlcorpus",
        title="JL corpus: emotional speech in New Zealand English",
        language="en",
        licence="CC0",
        source="James et al., An Open Source Emotional Speech Corpus for Human Robot Interaction Applications, "
        "Interspeech 2018",
        speakers=4,
        utterances=2400,
        counts=dict.fromkeys(PRIMARY + SECONDARY, 240),
        acted=True,
        raters="the actors' instruction",
        sample_rate=44_100,
        model_may_be_released=True,
        known_faults=(
            "its publisher calls the recordings unchecked",
            "four speakers only",
            "the licence is the one that stands beside the download, not in the files",
            NAMES_CHECKED,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
    whole=tuple(
        f"{speaker}_{emotion}_{sentence}_{take}"
        for speaker in SPEAKERS
        for emotion in PRIMARY + SECONDARY
        for sentence in SENTENCES
        for take in (1, 2)
    ),
)
