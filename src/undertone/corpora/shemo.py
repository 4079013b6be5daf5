"""ShEMO: Sharif emotional speech database, Persian radio plays (Mohamad Nezami et al. 2019).

Layout: `female/F01A01.wav`, `male/M01A01.wav`. The parts of a name are gender and number of the speaker, the emotion's
letter, and a number. `shemo.json` beside them gives the words.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import TABLE, scan_by_name
from undertone.corpora.tables import UNHEARD, read_text
from undertone.errors import CorpusError

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Utterance

EMOTIONS: Final = {
    "A": "angry",
    "F": "fearful",
    "H": "happy",
    "N": "neutral",
    "S": "sad",
    "W": "surprised",  # wonder
}

TRANSCRIPTS: Final = "shemo.json"

NAME: Final = re.compile(r"(?P<speaker>[FM]\d\d)(?P<emotion>[AFHNSW])(?P<number>\d\d+)")
"""`F03S02`: third woman, her second sad utterance."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `female/F03S02`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        return None
    return Named(
        id=found[0],
        speaker=f"shemo_{found['speaker']}",
        emotion=EMOTIONS[found["emotion"]],
        gender=found["speaker"][0],
    )


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the corpus, with the words where their table is there.

    Raises:
        CorpusError: if the folder is not this corpus, or the table of words cannot be read.
    """
    listed = scan_by_name("shemo", "fa", parse_name)(folder)
    if (folder / TABLE).is_file() or not (folder / TRANSCRIPTS).is_file():
        return listed
    texts = read_transcripts(folder / TRANSCRIPTS)
    return tuple(replace(item, text=texts.get(item.id.partition("/")[2])) for item in listed)


def read_transcripts(path: Path) -> dict[str, str]:
    """Read `shemo.json`: a list of objects with `id` and `transcript`, or one object of them by id.

    Raises:
        CorpusError: if it is neither.
    """
    try:
        told = json.loads(read_text(path, "shemo"))
        rows = told.items() if isinstance(told, dict) else [(row["id"], row) for row in told]
        return {str(name): row["transcript"].strip("\ufeff ") for name, row in rows if row.get("transcript")}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, CorpusError):
            raise
        raise CorpusError("shemo", f"{path} is not the table of transcripts ({error}); copy it anew") from error


CORPUS = Corpus(
    card=CorpusCard(
        name="shemo",
        title="ShEMO: Sharif emotional speech database",
        language="fa",
        licence="free for academic purposes",
        source="Mohamad Nezami et al., ShEMO: a large-scale validated database for Persian speech emotion detection, "
        "Language Resources and Evaluation 2019",
        speakers=87,
        utterances=3000,
        counts={"angry": 1059, "neutral": 1028, "sad": 449, "surprised": 225, "happy": 201, "fearful": 38},
        acted=True,
        raters="the majority of twelve annotators; single votes are not in the files",
        sample_rate=44_100,
        model_may_be_released=False,
        known_faults=(
            "names of sound and of transcripts do not belong together in part, so do not trust the words",
            "fearful speech is rare: 38 utterances",
            UNHEARD,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
)
