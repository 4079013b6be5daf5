"""Corpora of speech read aloud by people who were not asked to act: what a plain voice sounds like."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard
from undertone.corpora.layouts import scan_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.corpora.base import Scan
    from undertone.records import Utterance

CARDS: Final = (
    CorpusCard(
        name="an4",
        title="AN4, the census database: spelled words, numbers, dates and commands",
        language="en",
        licence="free for any purpose",
        source="Acero, Acoustical and Environmental Robustness in Automatic Speech Recognition, Kluwer, 1993",
        speakers=84,
        utterances=1078,
        acted=False,
        raters="nobody",
        sample_rate=16_000,
        model_may_be_released=True,
        known_faults=("letters, figures and commands only: no sentences",),
    ),
    CorpusCard(
        name="kathleen_arctic",
        title="Kathleen: CMU Arctic prompts read by one woman",
        language="en",
        licence="CC0",
        source="a voice of the Rhasspy project, read from the prompts of Kominek & Black, CMU Arctic, 2003",
        speakers=1,
        utterances=1620,
        acted=False,
        raters="nobody",
        sample_rate=22_050,
        model_may_be_released=True,
    ),
    CorpusCard(
        name="kerstin_de",
        title="Kerstin: German sentences read by one woman",
        language="de",
        licence="CC0",
        source="a voice of the Rhasspy project",
        speakers=1,
        utterances=1374,
        acted=False,
        raters="nobody",
        sample_rate=22_050,
        model_may_be_released=True,
    ),
    CorpusCard(
        name="librispeech_sample",
        title="LibriSpeech, a part of train-clean-100",
        language="en",
        licence="CC BY 4.0",
        source="Panayotov et al., LibriSpeech: an ASR corpus based on public domain audio books, ICASSP 2015",
        speakers=7,
        utterances=863,
        acted=False,
        raters="nobody",
        sample_rate=16_000,
        model_may_be_released=True,
        known_faults=("the text of four speakers was rebuilt from alignments",),
    ),
    CorpusCard(
        name="speechocean762",
        title="speechocean762: English read by natives of Mandarin, half of them children",
        language="en",
        licence="free, commercial use too",
        source="Zhang et al., speechocean762: An Open-Source Non-native English Speech Corpus, Interspeech 2021",
        speakers=250,
        utterances=5000,
        acted=False,
        raters="nobody rated emotion",
        sample_rate=16_000,
        model_may_be_released=True,
        known_faults=("slow and accented; the readers often do not say the dictionary's phones",),
    ),
)

PARTS: Final = {"an4_train": "train", "an4_test": "test"}
"""What AN4 calls its official parts, and their names here."""


def _scan(card: CorpusCard) -> Scan:
    """Read `metadata.csv`, with our names for the official parts."""
    scan = scan_metadata(card.name, card.language)

    def scan_parts(folder: Path) -> tuple[Utterance, ...]:
        return tuple(replace(item, split=PARTS.get(item.split or "", item.split)) for item in scan(folder))

    return scan_parts


READ_SPEECH: Final = tuple(Corpus(card=card, scan=_scan(card)) for card in CARDS)
