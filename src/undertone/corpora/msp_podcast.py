"""MSP-Podcast: turns of podcasts, rated by a crowd (Lotfian & Busso 2019).

Layout: `Labels/labels_consensus.csv` (older releases: `labels_concensus.csv`), `Labels/labels_detailed.csv` with a row
for each vote, `Audios/MSP-PODCAST_0001_0008.wav` and `Transcripts/MSP-PODCAST_0001_0008.txt`. Votes are read in both
forms that releases have had: a column for each part, or one column `EmoDetail`.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import TABLE, read_metadata, require_folder, require_unique
from undertone.corpora.tables import UNHEARD, first_file, number_or_none, read_rows, read_text
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Rating, Utterance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

EMOTIONS: Final = {
    "A": "angry",
    "C": "contempt",
    "D": "disgusted",
    "F": "fearful",
    "H": "happy",
    "N": "neutral",
    "O": "other",
    "S": "sad",
    "U": "surprised",
    "X": None,  # no agreement
}

SPLITS: Final = {"train": "train", "development": "validation", "validation": "validation"}
"""The official parts that have other names here; `Test1`, `Test2`, `Test3` keep theirs in lower case."""

GENDERS: Final = {"male": "M", "female": "F"}

CONSENSUS: Final = ("Labels/labels_consensus.csv", "Labels/labels_concensus.csv")
DETAILED: Final = ("Labels/labels_detailed.csv",)
COLUMNS: Final = ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set")

WORKERS: Final = ("Workers", "Worker", "WorkerID")
"""How releases call the column of who voted."""

NAME: Final = re.compile(r"MSP-PODCAST_[0-9]+(?:_[0-9]+)+")
"""`MSP-PODCAST_0001_0008`: podcast 1, turn 8."""

DETAIL: Final = re.compile(
    r"(?P<worker>[^;]+);\s*(?P<emotion>[^;]*);.*?"
    r"A:\s*(?P<act>[0-9.]+);\s*V:\s*(?P<val>[0-9.]+);\s*D:\s*(?P<dom>[0-9.]+)"
)
"""`WORKER00014325; Angry; Angry,Frustrated; A:6.000000; V:2.000000; D:6.000000;`"""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Audios/MSP-PODCAST_0001_0008`; everything else stands in the tables."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    return Named(id=found[0], speaker="") if found else None


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List every labelled turn with its votes and its words, as far as their files are there.

    Raises:
        CorpusError: if the table of labels is missing, a table lacks a column, or a label is unknown.
    """
    if (folder / TABLE).is_file():
        return read_metadata(folder, corpus="msp_podcast", language="en", parse_name=parse_name)
    require_folder(folder, "msp_podcast")
    table = first_file(folder, CONSENSUS)
    if table is None:
        raise CorpusError("msp_podcast", f"{folder} holds no {CONSENSUS[0]}; name the folder of the release")
    detailed = first_file(folder, DETAILED)
    votes = read_votes(detailed) if detailed else {}
    words = {path.stem: path for path in (folder / "Transcripts").glob("*.txt")}
    rows = read_rows(table, "msp_podcast", COLUMNS)
    found = tuple(_utterance(row, folder, table, votes, words) for row in rows)
    require_unique("msp_podcast", (item.id for item in found))
    return found


def _utterance(
    row: Mapping[str, str],
    folder: Path,
    table: Path,
    votes: Mapping[str, tuple[Rating, ...]],
    words: Mapping[str, Path],
) -> Utterance:
    named = parse_name(row["FileName"].removesuffix(".wav"))
    if named is None or row["EmoClass"] not in EMOTIONS:
        raise CorpusError(
            "msp_podcast",
            f"{table} has a row with the file {row['FileName']!r} and the label {row['EmoClass']!r}; labels are "
            f"{', '.join(EMOTIONS)}, so copy it anew",
        )
    split = row["Split_Set"].strip().lower()
    return Utterance(
        id=f"msp_podcast/{named.id}",
        path=str(folder / "Audios" / f"{named.id}.wav"),
        corpus="msp_podcast",
        speaker=f"msp_podcast_{row['SpkrID'].strip() or 'Unknown'}",
        language="en",
        emotion=EMOTIONS[row["EmoClass"]],
        duration=math.nan,
        gender=GENDERS.get(row["Gender"].strip().lower()),
        text=(read_text(words[named.id], "msp_podcast").strip() or None) if named.id in words else None,
        split=SPLITS.get(split, split) or None,
        ratings=votes.get(named.id, ()),
        valence=number_or_none(row["EmoVal"]),
        activation=number_or_none(row["EmoAct"]),
        dominance=number_or_none(row["EmoDom"]),
    )


def read_votes(path: Path) -> dict[str, tuple[Rating, ...]]:
    """Read each worker's primary emotion and dimensions by turn; of two votes of one worker the later counts.

    Raises:
        CorpusError: if the table has neither form, or a vote cannot be read.
    """
    rows = read_rows(path, "msp_podcast", ("FileName",))
    columns = frozenset(rows[0]) if rows else frozenset()
    worker = next((name for name in WORKERS if name in columns), None)
    if worker is None and "EmoDetail" not in columns:
        raise CorpusError(
            "msp_podcast",
            f"{path} has the columns {', '.join(sorted(columns)) or 'none'}; it needs one of {', '.join(WORKERS)} with "
            "EmoClass_Major, EmoAct, EmoVal and EmoDom, or EmoDetail",
        )
    ratings = _from_columns(rows, worker) if worker else _from_details(rows, path)
    found: dict[str, dict[str, Rating]] = defaultdict(dict)
    for name, rating in ratings:
        found[name.removesuffix(".wav")][rating.rater] = rating
    return {name: tuple(given.values()) for name, given in found.items()}


def _from_columns(rows: Iterable[Mapping[str, str]], worker: str) -> Iterable[tuple[str, Rating]]:
    for row in rows:
        yield (
            row["FileName"],
            _rating(
                row[worker],
                row.get("EmoClass_Major", ""),
                *(row.get(name, "") for name in ("EmoVal", "EmoAct", "EmoDom")),
            ),
        )


def _from_details(rows: Iterable[Mapping[str, str]], path: Path) -> Iterable[tuple[str, Rating]]:
    for number, row in enumerate(rows, start=1):
        vote = DETAIL.match(row["EmoDetail"].strip())
        if vote is None:
            raise CorpusError(
                "msp_podcast",
                f"row {number} of {path} has the vote {row['EmoDetail']!r}; it needs a worker, an emotion, and A:, V: "
                "and D: with numbers, so copy it anew",
            )
        yield row["FileName"], _rating(vote["worker"], vote["emotion"], vote["val"], vote["act"], vote["dom"])


def _rating(worker: str, emotion: str, valence: str, activation: str, dominance: str) -> Rating:
    """A vote; what a worker wrote beside the offered emotions (`Other-annoyed`) counts as other."""
    word = canonical(emotion)
    word = "other" if word.startswith("other") else word
    return Rating(
        rater=worker.strip(),
        emotions=(word,) if word else (),
        valence=number_or_none(valence),
        activation=number_or_none(activation),
        dominance=number_or_none(dominance),
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="msp_podcast",
        title="MSP-Podcast: turns of podcasts",
        language="en",
        licence="research only, by signed agreement with the University of Texas at Dallas; others on request",
        source="Lotfian & Busso, Building Naturalistic Emotionally Balanced Speech Corpus by Retrieving Emotional "
        "Speech From Existing Podcast Recordings, IEEE Transactions on Affective Computing 2019",
        speakers=2100,
        utterances=151_654,
        acted=False,
        raters="the majority of five or more workers of a crowd; dimensions are their means",
        sample_rate=16_000,
        model_may_be_released=False,
        scale=(1.0, 7.0),
        known_faults=(
            "it grows: the counts are of release 1.11 (151,654 turns; 1,409 speakers in train, 454 in development, 237 "
            "in test 1)",
            "turns of unknown speakers share the speaker Unknown",
            "the test parts share speakers with each other",
            "labels of test 3 are not published",
            UNHEARD,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
    lists_all=False,
)
