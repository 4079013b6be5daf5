"""URDU: emotional speech from Urdu talk shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="urdu", language="ur")


CORPUS = Corpus(
    card=CorpusCard(
        name="urdu",
        title="URDU: emotional speech from Urdu talk shows",
        language="ur",
        licence="research only",
        speakers=29,
        utterances=400,
        acted=False,
        model_may_be_released=False,
        known_faults=(
            "29 speaker ids although its authors say 38",
            "most speakers have one emotion only, so a recogniser of speakers scores well on shared speakers",
        ),
    ),
    read=read,
)
