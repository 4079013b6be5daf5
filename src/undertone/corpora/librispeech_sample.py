"""LibriSpeech, a part of train-clean-100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="librispeech_sample", language="en")


CORPUS = Corpus(
    card=CorpusCard(
        name="librispeech_sample",
        title="LibriSpeech, a part of train-clean-100",
        language="en",
        licence="CC BY 4.0",
        speakers=7,
        utterances=863,
        acted=False,
        model_may_be_released=True,
        known_faults=("the text of four speakers was rebuilt from alignments",),
    ),
    read=read,
)
