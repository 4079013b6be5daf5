"""Kerstin: German sentences read by one woman."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="kerstin_de", language="de")


CORPUS = Corpus(
    card=CorpusCard(
        name="kerstin_de",
        title="Kerstin: German sentences read by one woman",
        language="de",
        licence="CC0",
        speakers=1,
        utterances=1374,
        acted=False,
        model_may_be_released=True,
        known_faults=(),
    ),
    read=read,
)
