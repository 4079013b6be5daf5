"""EmoDB: Berlin database of emotional speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="emodb", language="de")


CORPUS = Corpus(
    card=CorpusCard(
        name="emodb",
        title="EmoDB: Berlin database of emotional speech",
        language="de",
        licence="free for research; a newer release is CC BY 4.0",
        speakers=10,
        utterances=535,
        acted=True,
        model_may_be_released=True,
        known_faults=(
            "every file is normalised to full scale, so loudness carries nothing",
            "a copy circulates with all files exactly 2.000 s long at 22050 Hz: it is corrupt",
        ),
    ),
    read=read,
)
