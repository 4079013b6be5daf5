"""nEMO: Polish emotional speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="nemo", language="pl")


CORPUS = Corpus(
    card=CorpusCard(
        name="nemo",
        title="nEMO: Polish emotional speech",
        language="pl",
        licence="CC BY-NC-SA 4.0",
        speakers=9,
        utterances=4481,
        acted=True,
        model_may_be_released=True,
        known_faults=("MK0 has no surprised speech and MP0 about half of every emotion but neutral",),
    ),
    read=read,
)
