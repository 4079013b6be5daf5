"""The corpora that undertone can read. Being listed here puts a corpus under the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undertone.corpora import emodb, nemo, ravdess, urdu
from undertone.corpora.read_speech import READ_SPEECH
from undertone.errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.corpora.base import Corpus


CORPORA: Final[Mapping[str, Corpus]] = {
    corpus.card.name: corpus
    for corpus in (
        emodb.CORPUS,
        nemo.CORPUS,
        ravdess.CORPUS,
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
