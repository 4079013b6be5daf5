"""speechocean762: English read by natives of Mandarin, half of them children."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="speechocean762", language="en")


CORPUS = Corpus(
    card=CorpusCard(
        name="speechocean762",
        title="speechocean762: English read by natives of Mandarin, half of them children",
        language="en",
        licence="free, commercial use too",
        speakers=250,
        utterances=5000,
        acted=False,
        model_may_be_released=True,
        known_faults=("slow and accented; the readers often do not say the dictionary's phones",),
    ),
    read=read,
)
