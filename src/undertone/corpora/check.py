"""Whether a corpus on disk is what its publisher gave: every file is decoded, every fault found is told."""

from __future__ import annotations

import filecmp
import math
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from undertone.audio._headers import GIT_LFS
from undertone.corpora.exclusions import require_known
from undertone.corpora.hearing import hear
from undertone.corpora.layouts import TABLE, sound_files
from undertone.errors import (
    AudioError,
    EmptyAudioError,
    MissingRecordingError,
    NotFiniteAudioError,
    TruncatedAudioError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from undertone.corpora.base import Corpus, Exclusion
    from undertone.corpora.hearing import Heard
    from undertone.records import Utterance
    from undertone.units import Seconds

SILENCE_DB: Final = -80.0
"""Level in dB below full scale under which there is nothing to judge: three steps of 16-bit sound. Codecs give zeros
back as noise under one step (−90 dB), and the quietest speech that anybody kept lies far above."""

LENGTH_TOLERANCE: Final[Seconds] = 0.02
"""By how much a table may err: it covers rounding, and the frame of up to 20 ms that a codec adds or drops."""

MANY: Final = 20
"""Files from which speech of one length to the sample cannot be chance."""


class Kind(StrEnum):
    """What can be wrong with a corpus on disk."""

    MISSING = "missing"
    """A table, a link or the corpus's design names an utterance whose file is not there."""
    EXTRA = "extra"
    """A sound file that is none of the corpus's."""
    LFS_POINTER = "lfs-pointer"
    """A few lines of text that stand for the sound: it was not fetched from Git LFS."""
    EMPTY = "empty"
    """No bytes, or no samples."""
    TRUNCATED = "truncated"
    """The sound stops before the file says that it ends."""
    UNREADABLE = "unreadable"
    """The bytes cannot be decoded, or may not be read."""
    NOT_FINITE = "not-finite"
    """A sample is NaN or infinite."""
    SILENT = "silent"
    """An utterance quieter than `SILENCE_DB`."""
    DUPLICATE = "duplicate"
    """The same sound under several names."""
    WRONG_RATE = "wrong-rate"
    """Another sample rate than the publisher's; in a converted copy, than that of the other files."""
    WRONG_LENGTH = "wrong-length"
    """Another length than the table says."""
    UNIFORM_LENGTH = "uniform-length"
    """All files are equally long to the sample: they were cut or padded."""
    WRONG_EMOTION = "wrong-emotion"
    """The table says another emotion than the file's name."""
    WRONG_COUNT = "wrong-count"
    """More or fewer utterances than the publisher counted, in all or of an emotion."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault."""

    kind: Kind
    name: str
    """An utterance's id; a file's path below the corpus's folder where it is no utterance or holds several; an emotion,
    or the corpus itself."""
    detail: str
    """What was found, and what to do where that is not plain."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a check found."""

    corpus: str
    folder: str
    utterances: int
    """That the folder or its table names, excluded ones counted."""
    files: int
    """That were decoded to their end."""
    duration: Seconds
    """Of these files together."""
    findings: tuple[Finding, ...]
    """In order of their kinds, then of names."""
    exclusions: tuple[Exclusion, ...]
    """Utterances that were left out, and why."""

    @property
    def counts(self) -> Mapping[Kind, int]:
        """How many findings there are of each kind that was found."""
        found = Counter(item.kind for item in self.findings)
        return {kind: found[kind] for kind in Kind if found[kind]}


def check_corpus(
    corpus: Corpus,
    folder: Path,
    exclusions: Sequence[Exclusion] = (),
    advance: Callable[[], None] = lambda: None,
) -> Report:
    """Check a corpus, going on past every fault.

    Args:
        corpus: which.
        folder: where it lies.
        exclusions: utterances to leave out, beside those of the corpus's card. They count as present.
        advance: called once for every utterance that `corpus.scan` lists.

    Raises:
        CorpusError: if the folder is not that corpus, or its table cannot be read.
        ConfigError: if an excluded utterance is none of the corpus's.
    """
    card = corpus.card
    listed = corpus.scan(folder)
    names = {item.id for item in listed} | {f"{card.name}/{name}" for name in corpus.whole}
    require_known([item for item in exclusions if not _is_named(corpus, item.id)], names, "exclusions")
    left_out = {item.id: item for item in (*exclusions, *card.exclusions)}
    kept = [item for item in listed if item.id not in left_out]
    findings = [*_counts(corpus, listed, left_out), *_absent(corpus, listed, left_out), *_contradictions(corpus, kept)]
    if corpus.lists_all:
        findings += _extras(folder, listed)
    for _ in range(len(listed) - len(kept)):
        advance()
    heard: dict[str, Heard] = {}
    files = _by_file(kept)
    for path, items in files.items():
        found, sound = _listen(path, items, folder)
        findings += found
        if sound is not None:
            heard[path] = sound
        for _ in items:
            advance()
    titles = {path: _title(path, items, folder) for path, items in files.items()}
    findings += _duplicates(heard, files, titles)
    findings += _rates(heard, titles, corpus, 0 if (folder / TABLE).is_file() else card.sample_rate)
    findings += _uniform(heard, card.name)
    order = {kind: number for number, kind in enumerate(Kind)}
    return Report(
        corpus=card.name,
        folder=str(folder),
        utterances=len(listed),
        files=len(heard),
        duration=math.fsum(sound.duration for sound in heard.values()),
        findings=tuple(sorted(findings, key=lambda item: (order[item.kind], item.name, item.detail))),
        exclusions=tuple(left_out.values()),
    )


def _is_named(corpus: Corpus, name: str) -> bool:
    """Whether an id is one that the corpus could have, whether or not its file is there."""
    owner, _, own = name.partition("/")
    told = corpus.parse_name(own) if corpus.parse_name and owner == corpus.card.name else None
    return told is not None and told.id == own


def _counts(corpus: Corpus, listed: Sequence[Utterance], left_out: Mapping[str, Exclusion]) -> list[Finding]:
    """Compare with the publisher's numbers; an utterance that was left out on purpose counts as present."""
    card = corpus.card
    emotions = {item.id: item.emotion for item in listed}
    untold = 0  # left out, not there, and of an emotion that no name tells
    for name in left_out.keys() - emotions.keys():
        told = corpus.parse_name(name.partition("/")[2]) if corpus.parse_name else None
        emotions[name] = told.emotion if told else None
        untold += emotions[name] is None
    findings = []
    if len(emotions) != card.utterances:
        detail = f"{len(emotions)} utterances; its publisher counted {card.utterances}"
        findings.append(Finding(kind=Kind.WRONG_COUNT, name=card.name, detail=detail))
    found = Counter(emotions.values())
    wanted = dict(card.counts)
    if wanted and sum(wanted.values()) == card.utterances:  # otherwise emotions that nobody counted are no fault
        wanted = dict.fromkeys(sorted(name for name in found if name), 0) | wanted
    findings += [
        Finding(
            kind=Kind.WRONG_COUNT,
            name=name,
            detail=f"{found[name]} utterances of this emotion; the publisher counted {count}",
        )
        for name, count in wanted.items()
        if not found[name] <= count <= found[name] + untold
    ]
    return findings


def _absent(corpus: Corpus, listed: Sequence[Utterance], left_out: Mapping[str, Exclusion]) -> list[Finding]:
    present = {item.id for item in listed}
    designed = [f"{corpus.card.name}/{name}" for name in corpus.whole]
    return [
        Finding(kind=Kind.MISSING, name=name, detail="every whole copy has it; get it from the publisher again")
        for name in designed
        if name not in present and name not in left_out
    ]


def _contradictions(corpus: Corpus, kept: Iterable[Utterance]) -> list[Finding]:
    """Find utterances whose emotion in a table is not that of their name."""
    findings = []
    for item in kept:
        told = corpus.parse_name(item.id.partition("/")[2]) if corpus.parse_name else None
        if told is not None and told.emotion is not None and told.emotion != item.emotion:
            detail = f"the table says {item.emotion or 'nothing'}, the file's name {told.emotion}"
            findings.append(Finding(kind=Kind.WRONG_EMOTION, name=item.id, detail=detail))
    return findings


def _extras(folder: Path, listed: Iterable[Utterance]) -> list[Finding]:
    known = {Path(item.path) for item in listed}
    detail = f"{TABLE} does not list it" if (folder / TABLE).is_file() else "its name is none of the corpus's"
    return [
        Finding(kind=Kind.EXTRA, name=path.relative_to(folder).as_posix(), detail=f"{detail}; move it elsewhere")
        for path in sound_files(folder)
        if path not in known
    ]


def _by_file(items: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    files: dict[str, list[Utterance]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    return files


def _title(path: str, items: Sequence[Utterance], folder: Path) -> str:
    """What to call a file: its utterance, because that is what one excludes, or its path where it holds several."""
    if len(items) == 1:
        return items[0].id
    place = Path(path)
    return (place.relative_to(folder) if place.is_relative_to(folder) else place).as_posix()


KINDS: Final[Mapping[type[AudioError], Kind]] = {
    EmptyAudioError: Kind.EMPTY,
    TruncatedAudioError: Kind.TRUNCATED,
    NotFiniteAudioError: Kind.NOT_FINITE,
}
"""What each error of decoding means for a corpus; every other one is `UNREADABLE`."""


def _listen(path: str, items: Sequence[Utterance], folder: Path) -> tuple[list[Finding], Heard | None]:
    """Decode a file; what is wrong with it, and what it sounds like if it could be decoded."""
    title = _title(path, items, folder)
    if _is_pointer(path):
        detail = "it is a Git LFS pointer, not the sound; run `git lfs pull` in the repository it came from"
        return [Finding(kind=Kind.LFS_POINTER, name=title, detail=detail)], None
    try:
        sound = hear(path, [(item.start, item.end) for item in items])
    except MissingRecordingError:
        return [Finding(kind=Kind.MISSING, name=title, detail=f"{path} is not there; copy it anew")], None
    except AudioError as error:
        return [Finding(kind=KINDS.get(type(error), Kind.UNREADABLE), name=title, detail=error.problem)], None
    findings = []
    for item, level in zip(items, sound.levels, strict=True):
        findings += _lengths(item, sound)
        if level < SILENCE_DB:
            detail = "all its samples are the same" if math.isinf(level) else f"its level is {level:.1f} dBFS"
            findings.append(Finding(kind=Kind.SILENT, name=item.id, detail=f"{detail}; nobody can be heard"))
    return findings, sound


def _is_pointer(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return file.read(len(GIT_LFS)) == GIT_LFS
    except OSError:
        return False  # decoding says what is wrong with it


def _lengths(item: Utterance, sound: Heard) -> list[Finding]:
    """Compare an utterance's length and place with its file's."""
    end = sound.duration if item.end is None else item.end
    if max(item.start, end) > sound.duration + LENGTH_TOLERANCE:
        detail = f"it runs from {item.start:.3f} s to {end:.3f} s, and the file ends at {sound.duration:.3f} s"
    elif abs(item.duration - (end - item.start)) > LENGTH_TOLERANCE:
        detail = f"it lasts {end - item.start:.3f} s; the table says {item.duration:.3f} s"
    else:
        return []
    return [Finding(kind=Kind.WRONG_LENGTH, name=item.id, detail=detail)]


def _duplicates(
    heard: Mapping[str, Heard], files: Mapping[str, Sequence[Utterance]], titles: Mapping[str, str]
) -> list[Finding]:
    """Group files by the samples that they decode to; equal bytes decode to equal samples."""
    groups: dict[str, list[str]] = {}
    for path, sound in heard.items():
        groups.setdefault(sound.digest, []).append(path)
    findings = []
    for first, *others in groups.values():
        if others:
            same = all(filecmp.cmp(first, other, shallow=False) for other in others)
            names = ", ".join(titles[other] for other in others)
            told = sorted({item.emotion or "no emotion" for path in (first, *others) for item in files[path]})
            advice = "exclude all but one" if len(told) == 1 else f"exclude all: they are called {' and '.join(told)}"
            detail = f"the same {'bytes' if same else 'sound, in other bytes,'} as {names}; {advice}"
            findings.append(Finding(kind=Kind.DUPLICATE, name=titles[first], detail=detail))
    return findings


def _rates(heard: Mapping[str, Heard], titles: Mapping[str, str], corpus: Corpus, published: int) -> list[Finding]:
    """Find files of another rate than the published one; where that is 0, than most of the others."""
    rates = Counter(sound.sample_rate for sound in heard.values())
    if not rates:
        return []
    wanted = published or rates.most_common(1)[0][0]
    rule = f"the publisher's are at {wanted} Hz" if published else f"{rates[wanted]} files are at {wanted} Hz"
    if len(rates) == 1:
        (rate,) = rates
        if rate == wanted:
            return []
        detail = f"all {len(heard)} files are at {rate} Hz; {rule}: they were converted, list them in {TABLE}"
        return [Finding(kind=Kind.WRONG_RATE, name=corpus.card.name, detail=detail)]
    return [
        Finding(kind=Kind.WRONG_RATE, name=titles[path], detail=f"it is at {sound.sample_rate} Hz; {rule}")
        for path, sound in heard.items()
        if sound.sample_rate != wanted
    ]


def _uniform(heard: Mapping[str, Heard], corpus: str) -> list[Finding]:
    lengths = {(sound.samples, sound.sample_rate) for sound in heard.values()}
    if len(heard) <= MANY or len(lengths) > 1:
        return []
    ((samples, rate),) = lengths
    detail = f"all {len(heard)} files last {samples / rate:.3f} s exactly: they were cut or padded; get the original"
    return [Finding(kind=Kind.UNIFORM_LENGTH, name=corpus, detail=detail)]
