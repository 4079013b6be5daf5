"""The corpora that undertone can read. Being listed here puts a corpus under the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undertone.corpora import (
    ased,
    cafe,
    cremad,
    emodb,
    emovdb,
    emovo,
    esd,
    iemocap,
    jlcorpus,
    meld,
    msp_podcast,
    nemo,
    ravdess,
    savee,
    shemo,
    subesco,
    tess,
    turevdb,
    urdu,
)
from undertone.corpora.read_speech import READ_SPEECH
from undertone.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.corpora.base import Corpus


CORPORA: Final[Mapping[str, Corpus]] = {
    corpus.card.name: corpus
    for corpus in (
        ased.CORPUS,
        cafe.CORPUS,
        cremad.CORPUS,
        emodb.CORPUS,
        emovdb.CORPUS,
        emovo.CORPUS,
        esd.CORPUS,
        iemocap.CORPUS,
        jlcorpus.CORPUS,
        meld.CORPUS,
        msp_podcast.CORPUS,
        nemo.CORPUS,
        ravdess.CORPUS,
        savee.CORPUS,
        shemo.CORPUS,
        subesco.CORPUS,
        tess.CORPUS,
        turevdb.CORPUS,
        urdu.CORPUS,
        *READ_SPEECH,
    )
}


def corpus_named(name: str) -> Corpus:
    """Look a corpus up.

    Raises:
        CorpusError: if no corpus has that name.
    """
    if name not in CORPORA:
        raise CorpusError(name, f"no such corpus; known are {', '.join(CORPORA)}")
    return CORPORA[name]
