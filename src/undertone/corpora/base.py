"""What a corpus is: a card for people, a parser of names, and a reader for the machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from undertone.audio.decode import open_recording
from undertone.errors import AudioError, CorpusError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeAlias

    from undertone.records import Utterance
    from undertone.units import Hertz

SOUND_SUFFIXES: Final = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".mp4", ".m4a", ".avi")
"""Files that count as sound when a corpus's folder is looked through."""


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """An utterance that is left out, and why."""

    id: str
    """With the corpus's name, as in `Utterance.id`."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class CorpusCard:
    """What a user must know before taking a number or a model from a corpus."""

    name: str
    title: str
    language: str
    licence: str
    source: str
    """Who made it and where it is described."""
    speakers: int
    utterances: int
    """The official count of files."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """The official count of utterances by emotion, spelled as here; empty where none was published."""
    acted: bool
    raters: str
    """Who said which emotion it is: the actors' instruction, so many listeners, a crowd."""
    sample_rate: Hertz
    """Of the files as they were published; 0 where they have several or nobody said."""
    model_may_be_released: bool
    """Whether the licence, as far as it could be read, lets a model trained on the corpus be published."""
    scale: tuple[float, float] | None = None
    """Ends of the scale of valence, activation and dominance; None where there are none."""
    known_faults: tuple[str, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()
    """Utterances that nobody should use, and why; they are left out of every protocol."""


@dataclass(frozen=True, kw_only=True)
class Named:
    """What the name of a file says about what is in it."""

    id: str
    """The item's own name, without the corpus's."""
    speaker: str
    emotion: str | None = None
    gender: str | None = None
    sentence: str | None = None
    text: str | None = None
    dialogue: str | None = None
    turn_index: int | None = None


if TYPE_CHECKING:
    NameParser: TypeAlias = Callable[[str], Named | None]
    """Takes a path without suffix, relative to any folder above (`wav/03a01Fa`), or an id without the corpus's name;
    gives None for a name that is not one of the corpus's."""
    Scan: TypeAlias = Callable[[Path], tuple[Utterance, ...]]


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A card and what turns a folder into records."""

    card: CorpusCard
    scan: Scan
    """Lists what the corpus's folder should hold, without opening sound: durations are nan where no table tells them,
    and a file that a table names may be missing. Raises CorpusError where the folder is not that corpus."""
    parse_name: NameParser | None = None
    """None where names say nothing."""
    whole: tuple[str, ...] = ()
    """Ids, without the corpus's name, that every whole copy has; empty where they do not follow from the design."""
    lists_all: bool = True
    """Whether every sound file in the folder should be one that `scan` lists; False where others lie there too."""


def read_corpus(
    corpus: Corpus, folder: Path, advance: Callable[[], None] = lambda: None, *, sound: bool = True
) -> tuple[Utterance, ...]:
    """List a corpus with the duration of every utterance; one that its card excludes may be missing or unreadable.

    Args:
        corpus: which.
        folder: where it lies.
        advance: called after every utterance.
        sound: whether the recordings must be there; without them durations stay unknown.

    Raises:
        CorpusError: if the folder is not that corpus, or files are missing or cannot be opened: all are counted, the
            first is named.
    """
    if not sound:
        return tuple(corpus.scan(folder))
    excluded = {item.id for item in corpus.card.exclusions}
    utterances = [item for item in corpus.scan(folder) if item.id not in excluded or Path(item.path).is_file()]
    require_files(corpus.card.name, utterances)
    found, unreadable = [], []
    for item in utterances:
        try:
            found.append(measured(item))
        except AudioError as error:
            if item.id not in excluded:
                unreadable.append(error)
        advance()
    if unreadable:
        raise CorpusError(
            corpus.card.name,
            f"{len(unreadable)} of {len(utterances)} files cannot be opened, the first {unreadable[0]}; "
            f"run `undertone corpus check {corpus.card.name} {folder}` for all of them",
        )
    return tuple(found)


def require_files(corpus: str, utterances: Iterable[Utterance]) -> None:
    """Refuse a corpus of which a file is missing.

    Raises:
        CorpusError: with their number and the first.
    """
    listed = list(utterances)
    absent = [item.path for item in listed if not Path(item.path).is_file()]
    if absent:
        raise CorpusError(
            corpus, f"{len(absent)} of {len(listed)} files are missing, the first {absent[0]}; copy them anew"
        )


def measured(item: Utterance) -> Utterance:
    """Fill in the duration, from the file's header where the corpus did not tell it.

    Raises:
        AudioError: if the file cannot be opened.
    """
    if not math.isnan(item.duration):
        return item
    if item.end is not None:
        return replace(item, duration=item.end - item.start)
    with open_recording(item.path) as recording:
        whole = recording.duration or sum(len(block) for block in recording.blocks()) / recording.sample_rate
    return replace(item, duration=whole - item.start)
