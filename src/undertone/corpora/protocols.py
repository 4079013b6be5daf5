"""Which speaker is trained on, chosen with, and tested. A number means nothing without the hash of its protocol."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    known = {(item.corpus, item.speaker) for item in labelled}
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
