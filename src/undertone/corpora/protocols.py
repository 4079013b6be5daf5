"""Which speaker is trained on, chosen with, and tested. A number means nothing without the hash of its protocol."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from undertone.errors import ConfigError, CorpusError
from undertone.labels import EMOTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from undertone.corpora.base import Exclusion
    from undertone.records import Utterance


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Utterance ids of one train, validation and test part."""

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def parts(self) -> dict[str, tuple[str, ...]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """Who is trained on, chosen with and tested when, and what counts as which class."""

    name: str
    """The corpora joined by `+`, a slash, and the protocol's own name: `emodb/emobox`."""
    title: str
    source: str
    """Who published the folds, and which parts of them are ours."""
    classes: Mapping[str, str]
    """The corpora's own words (`Utterance.emotion`) and the class each counts as."""
    folds: tuple[Fold, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, in the order that every array of probabilities keeps: the seven emotions first."""
        found = set(self.classes.values())
        return tuple(name for name in EMOTIONS if name in found) + tuple(sorted(found.difference(EMOTIONS)))

    @property
    def hash(self) -> str:
        return protocol_hash(self.folds)


@dataclass(frozen=True, kw_only=True)
class Split:
    """One fold, as utterances: all of them are at hand and have a class."""

    train: tuple[Utterance, ...]
    validation: tuple[Utterance, ...]
    test: tuple[Utterance, ...]

    def parts(self) -> dict[str, tuple[Utterance, ...]]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


def apply_protocol(
    protocol: Protocol, utterances: Iterable[Utterance], exclusions: Iterable[Exclusion] = ()
) -> tuple[Split, ...]:
    """Find the utterances of every fold; nothing that the protocol names is left out unless an exclusion says so.

    Args:
        protocol: which.
        utterances: of the corpora, whole.
        exclusions: utterances to leave out of every part.

    Raises:
        CorpusError: if an utterance that the protocol names is missing, or its emotion is none of the protocol's
            classes: all are counted, the first is named.
    """
    splits = split_by(protocol, utterances, exclusions)
    named = {item.id: item for split in splits for part in split.parts().values() for item in part}
    odd = sorted(name for name, item in named.items() if item.emotion not in protocol.classes)
    if odd:
        raise CorpusError(
            protocol.name,
            f"{len(odd)} of {len(named)} utterances have no class of the protocol, the first {odd[0]} "
            f"({named[odd[0]].emotion}); it knows {', '.join(protocol.classes)}",
        )
    return splits


def split_by(
    protocol: Protocol, utterances: Iterable[Utterance], exclusions: Iterable[Exclusion] = ()
) -> tuple[Split, ...]:
    """Find the utterances of every fold, whatever their emotions.

    Args:
        protocol: which.
        utterances: of the corpora, whole.
        exclusions: utterances to leave out of every part.

    Raises:
        CorpusError: if an utterance that the protocol names is missing: all are counted, the first is named.
    """
    by_id = {item.id: item for item in utterances}
    excluded = {item.id for item in exclusions}
    named = {name for fold in protocol.folds for part in fold.parts().values() for name in part} - excluded
    missing = sorted(named - set(by_id))
    if missing:
        raise CorpusError(
            protocol.name,
            f"{len(missing)} of {len(named)} utterances are missing, the first {missing[0]}; "
            "copy them anew, or exclude them with a reason",
        )
    return tuple(
        Split(
            **{part: tuple(by_id[name] for name in ids if name not in excluded) for part, ids in fold.parts().items()}
        )
        for fold in protocol.folds
    )


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The speakers of one corpus that training never hears."""

    validation: tuple[str, ...]
    test: tuple[str, ...]


def fold_by_speaker(utterances: Iterable[Utterance], held_out: Mapping[str, HeldOut]) -> Fold:
    """Split labelled utterances by speaker; speakers that are not held out are trained on.

    Args:
        utterances: of all corpora together; those without a label are left out.
        held_out: by corpus name.

    Raises:
        ConfigError: if a held-out speaker is unknown or is held out twice, listing all of them.
    """
    labelled = [utterance for utterance in utterances if utterance.label is not None]
    problems = held_out_problems(labelled, held_out)
    if problems:
        raise ConfigError("protocol", problems)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for item in labelled:
        speakers = held_out.get(item.corpus, HeldOut(validation=(), test=()))
        part = (
            "test"
            if item.speaker in speakers.test
            else "validation"
            if item.speaker in speakers.validation
            else "train"
        )
        parts[part].append(item.id)
    return Fold(**{name: tuple(sorted(ids)) for name, ids in parts.items()})


def held_out_problems(utterances: Iterable[Utterance], held_out: Mapping[str, HeldOut]) -> list[str]:
    """Find held-out speakers that nobody knows or that are held out twice, a sentence each.

    Args:
        utterances: of all corpora together.
        held_out: by corpus name.
    """
    known = {(item.corpus, item.speaker) for item in utterances}
    problems = [
        f"{corpus} has no speaker {speaker}"
        for corpus, speakers in held_out.items()
        for speaker in (*speakers.validation, *speakers.test)
        if (corpus, speaker) not in known
    ]
    problems += [
        f"{corpus} holds speaker {speaker} out for validation and for test"
        for corpus, speakers in held_out.items()
        for speaker in sorted(set(speakers.validation) & set(speakers.test))
    ]
    return problems


def protocol_hash(folds: Sequence[Fold]) -> str:
    """Fingerprint which utterance is in which part of which fold, in 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for number, fold in enumerate(folds):
        for part, ids in fold.parts().items():
            for utterance in sorted(ids):
                digest.update(f"{number}\t{part}\t{utterance}\n".encode())
    return digest.hexdigest()[:12]


def shared_speakers(fold: Fold, utterances: Iterable[Utterance]) -> frozenset[str]:
    """Find the speakers of the test part that training or validation heard too."""
    speaker_of = {item.id: f"{item.corpus}/{item.speaker}" for item in utterances}
    heard = {speaker_of[item] for item in (*fold.train, *fold.validation)}
    return frozenset(heard & {speaker_of[item] for item in fold.test})
