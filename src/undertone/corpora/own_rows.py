"""What every form of a user's own data becomes first: rows of text, one an utterance."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import CorpusCard, require_files
from undertone.corpora.layouts import require_unique
from undertone.corpora.registry import CORPORA
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.records import Rating
    from undertone.units import Seconds

UNKNOWN_SPEAKER: Final = "unknown"
"""The speaker of utterances of which nobody says who speaks."""

UNKNOWN_LANGUAGE: Final = "und"
"""ISO 639-2's code for a language that nobody determined."""

SEVERAL_LANGUAGES: Final = "mul"
"""ISO 639-2's code for several languages."""

GENDERS: Final = {
    "f": "F", "female": "F", "woman": "F", "w": "F",
    "m": "M", "male": "M", "man": "M",
}  # fmt: skip
"""Words that become the corpora's letters; every other one stays as it is."""

SPLITS: Final = {"dev": "validation", "devel": "validation", "val": "validation", "valid": "validation"}
"""Other words for the parts of a corpus."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a user's data say about one utterance; empty text where they say nothing."""

    file: str
    """As it is written there: absolute, or relative to the data's folder."""
    label: str
    speaker: str = ""
    gender: str = ""
    text: str = ""
    sentence: str = ""
    language: str = ""
    split: str = ""
    start: Seconds = 0.0
    end: Seconds | None = None
    ratings: tuple[Rating, ...] = ()


def safe_name(words: str) -> str:
    """Make a corpus's name of anything: small letters, digits and underscores, and not one of the registry's."""
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return f"own_{name}".rstrip("_") if name in CORPORA or not name else name


def gathered(name: str, folder: Path, rows: Sequence[Row], *, title: str) -> tuple[CorpusCard, tuple[Utterance, ...]]:
    """Turn rows into utterances and a card that says what the data do not tell.

    Args:
        name: of the corpus, safe.
        folder: that relative paths start from.
        rows: all of them; those without a label are left out, and counted in the card.
        title: of the card.

    Raises:
        CorpusError: if no row has a label, two are of the same stretch of a file, or files are missing.
    """
    labelled = [row for row in rows if row.label.strip()]
    if not labelled:
        raise CorpusError(name, f"none of {len(rows)} utterances has a label; write one beside each file")
    utterances = tuple(_utterance(name, folder, row) for row in labelled)
    require_unique(name, (item.id for item in utterances))
    require_files(name, utterances)
    unknown = sum(item.speaker == UNKNOWN_SPEAKER for item in utterances)
    faults = []
    if len(labelled) < len(rows):
        faults.append(f"{len(rows) - len(labelled)} of {len(rows)} utterances have no label and are left out")
    if unknown:
        faults.append(
            f"nobody says who speaks in {unknown} of {len(utterances)} utterances: "
            "whoever is trained on may be tested on as well"
        )
    languages = {item.language for item in utterances}
    card = CorpusCard(
        name=name,
        title=title,
        language=languages.pop() if len(languages) == 1 else SEVERAL_LANGUAGES,
        licence="not stated",
        source="data of your own",
        speakers=len({item.speaker for item in utterances} - {UNKNOWN_SPEAKER}),
        utterances=len(utterances),
        counts=dict(Counter(item.emotion for item in utterances if item.emotion)),
        acted=False,
        raters="not stated",
        sample_rate=0,
        model_may_be_released=False,
        known_faults=tuple(faults),
    )
    return card, utterances


def _utterance(name: str, folder: Path, row: Row) -> Utterance:
    split = row.split.strip()
    gender = row.gender.strip()
    return Utterance(
        id=f"{name}/{_own_id(row)}",
        path=str(folder / _posix(row.file)),
        corpus=name,
        speaker=row.speaker.strip() or UNKNOWN_SPEAKER,
        language=row.language.strip().lower() or UNKNOWN_LANGUAGE,
        emotion=canonical(row.label),
        duration=math.nan if row.end is None else row.end - row.start,
        gender=GENDERS.get(gender.lower(), gender) or None,
        text=row.text.strip() or None,
        sentence=row.sentence.strip() or None,
        start=row.start,
        end=row.end,
        split=SPLITS.get(split.lower(), split) or None,
        ratings=row.ratings,
    )


def _own_id(row: Row) -> str:
    """The path without suffix, and the stretch of the file where the row is not of the whole."""
    stem = PurePosixPath(_posix(row.file)).with_suffix("").as_posix().lstrip("/")
    if row.end is None:
        return f"{stem}#{row.start:.3f}" if row.start else stem
    return f"{stem}#{row.start:.3f}-{row.end:.3f}"


def _posix(file: str) -> str:
    """A path with slashes: tables that were made on Windows have backslashes."""
    return file.strip().replace("\\", "/")


def speakers_known(utterances: Iterable[Utterance]) -> bool:
    """Whether every utterance says who speaks; where one does not, no split can keep speakers apart."""
    return all(item.speaker not in {"", UNKNOWN_SPEAKER} for item in utterances)
