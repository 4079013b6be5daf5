"""What the test part of a protocol shares with what was trained and chosen on: speakers, sentences, recordings."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from math import nan
from typing import TYPE_CHECKING

from undertone.corpora.grouping import speaker_of
from undertone.corpora.own_rows import UNKNOWN_SPEAKER
from undertone.corpora.protocols import split_by
from undertone.corpora.registry import corpus_named
from undertone.errors import CorpusError
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from undertone.corpora.base import Exclusion
    from undertone.corpora.protocols import Protocol, Split


@dataclass(frozen=True, kw_only=True)
class FoldAudit:
    """What the test part of a fold shares with what was trained and chosen on.

    *Shared* is what is in the test part and in the training or the validation part as well. None stands where the
    corpus does not tell.
    """

    test_utterances: int
    test_speakers: int
    """Those who are named: where nobody says who speaks, there are none to count, and the stamp says so."""
    shared_speakers: int
    test_sentences: int | None
    """None where the corpus does not tell what is said."""
    shared_sentences: int | None
    train_utterances: int | None = None
    validation_utterances: int | None = None
    validation_speakers: int | None = None
    """Those who are named."""
    validation_shared_speakers: int | None = None
    """Speakers that are in the training part as well: allowed, but what is chosen may then suit known voices."""
    test_dialogues: int | None = None
    shared_dialogues: int | None = None
    test_recordings: int | None = None
    """Files; more than one utterance may lie in one."""
    shared_recordings: int | None = None
    near_duplicates: int | None = None
    """Test utterances of which a copy, or a piece of a copy, was trained or chosen on; None where nobody listened."""


def audit_protocol(
    protocol: Protocol,
    utterances: Iterable[Utterance],
    *,
    exclusions: Iterable[Exclusion] = (),
    near_duplicates: Mapping[str, frozenset[str]] | None = None,
) -> tuple[FoldAudit, ...]:
    """Count what each fold's test part shares.

    Args:
        protocol: which.
        utterances: of the corpora, whole; `utterances_from_names` gives them without any recording.
        exclusions: utterances that are left out of every part.
        near_duplicates: for each utterance the others that hold the same sound, as `find_near_duplicates` gives them.

    Raises:
        CorpusError: if an utterance that the protocol names is missing.
    """
    return tuple(_audit(split, near_duplicates) for split in split_by(protocol, utterances, exclusions))


def stamp_of(folds: Iterable[FoldAudit], *, known: bool) -> str:
    """What must stand beside every number: `speaker-disjoint`, `speaker-dependent` or `speakers unknown`.

    Args:
        folds: as audited.
        known: whether the corpus tells of every utterance who speaks.
    """
    if not known:
        return "speakers unknown"
    return "speaker-dependent" if any(fold.shared_speakers for fold in folds) else "speaker-disjoint"


def utterances_from_names(protocol: Protocol) -> tuple[Utterance, ...]:
    """Build records from the ids of a protocol alone: who speaks and what is said, as far as names tell.

    Raises:
        CorpusError: if a corpus is unknown, its names tell nothing, or an id is none of its names.
    """
    ids = sorted({name for fold in protocol.folds for part in fold.parts().values() for name in part})
    return tuple(_from_name(protocol.name, name) for name in ids)


def utterance_from_name(corpus: str, name: str, *, emotion: str | None = None) -> Utterance:
    """Build a record from a name alone.

    Args:
        corpus: the corpus's name.
        name: a path without suffix, or an id without the corpus's name.
        emotion: what to fill in where the name does not tell it.

    Raises:
        CorpusError: if the corpus's names tell nothing, or this is none of them.
    """
    known = corpus_named(corpus)
    if known.parse_name is None:
        raise CorpusError(corpus, "its names tell nothing about its utterances; name its folder with --data")
    named = known.parse_name(name)
    if named is None:
        raise CorpusError(corpus, f"{name} is no name of this corpus; correct the protocol")
    return Utterance(
        id=f"{corpus}/{named.id}",
        path="",
        corpus=corpus,
        speaker=named.speaker or UNKNOWN_SPEAKER,
        language=known.card.language,
        emotion=named.emotion or emotion,
        duration=nan,
        gender=named.gender,
        text=named.text,
        sentence=named.sentence,
        dialogue=named.dialogue,
        turn_index=named.turn_index,
    )


def sentence_of(item: Utterance) -> str | None:
    """Name what is said: the prompt, or the text without case, accents of typing and punctuation."""
    if item.sentence is not None:
        return f"{item.corpus}: {item.sentence}"
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", item.text or "").casefold())
    return " ".join(words) or None


def _from_name(protocol: str, name: str) -> Utterance:
    corpus, _, own = name.partition("/")
    found = utterance_from_name(corpus, own)
    if found.id != name:
        raise CorpusError(protocol, f"{name} is spelled {found.id} by the corpus; correct the protocol")
    return found


def _audit(split: Split, near_duplicates: Mapping[str, frozenset[str]] | None) -> FoldAudit:
    used = (*split.train, *split.validation)
    speakers = _counter(lambda item: None if item.speaker == UNKNOWN_SPEAKER else speaker_of(item))
    dialogues = _counter(lambda item: None if item.dialogue is None else f"{item.corpus}/{item.dialogue}")
    recordings = _counter(lambda item: item.path or None)
    sentences = _counter(sentence_of)
    test_speakers, shared_speakers = speakers(split.test, used)
    validation_speakers, validation_shared = speakers(split.validation, split.train)
    test_sentences, shared_sentences = sentences(split.test, used)
    test_dialogues, shared_dialogues = dialogues(split.test, used)
    test_recordings, shared_recordings = recordings(split.test, used)
    known = {item.id for item in used}
    return FoldAudit(
        test_utterances=len(split.test),
        test_speakers=test_speakers or 0,
        shared_speakers=shared_speakers or 0,
        test_sentences=test_sentences,
        shared_sentences=shared_sentences,
        train_utterances=len(split.train),
        validation_utterances=len(split.validation),
        validation_speakers=validation_speakers or 0,
        validation_shared_speakers=validation_shared or 0,
        test_dialogues=test_dialogues,
        shared_dialogues=shared_dialogues,
        test_recordings=test_recordings,
        shared_recordings=shared_recordings,
        near_duplicates=None
        if near_duplicates is None
        else sum(not known.isdisjoint(near_duplicates.get(item.id, ())) for item in split.test),
    )


def _counter(
    name_of: Callable[[Utterance], str | None],
) -> Callable[[Sequence[Utterance], Sequence[Utterance]], tuple[int | None, int | None]]:
    """Make a function that counts the names in some utterances, and those of them in others; None where none has."""

    def count(tested: Sequence[Utterance], used: Sequence[Utterance]) -> tuple[int | None, int | None]:
        names = {name for item in tested if (name := name_of(item)) is not None}
        if not names:
            return None, None
        return len(names), len(names & {name_of(item) for item in used})

    return count
