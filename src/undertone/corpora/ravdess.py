"""RAVDESS: Ryerson audio-visual database of emotional speech and song, the speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.corpora.base import Corpus, CorpusCard, read_metadata

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance


def read(folder: Path) -> tuple[Utterance, ...]:
    """Read the folder that holds `metadata.csv`."""
    return read_metadata(folder, corpus="ravdess", language="en")


CORPUS = Corpus(
    card=CorpusCard(
        name="ravdess",
        title="RAVDESS: Ryerson audio-visual database of emotional speech and song, the speech",
        language="en",
        licence="CC BY-NC-SA 4.0",
        speakers=24,
        utterances=1440,
        acted=True,
        model_may_be_released=True,
        known_faults=(
            "Actor_07 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07 are byte-identical",
            "two sentences only, so words carry no emotion",
        ),
    ),
    read=read,
)
