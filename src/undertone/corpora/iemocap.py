"""IEMOCAP: interactive emotional dyadic motion capture database (Busso et al. 2008).

Layout: `Session1` to `Session5`, each with `dialog/EmoEvaluation/Ses01F_impro01.txt` (labels and votes),
`dialog/transcriptions/Ses01F_impro01.txt` (words), `sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav` (sound) and
`sentences/ForcedAlignment/Ses01F_impro01/Ses01F_impro01_F000.wdseg` (words in time; `.phseg` for phones). The
utterances are those that were rated; `XX` turns of the transcriptions were not.
"""

from __future__ import annotations

import math
import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.iemocap_votes import EMOTIONS, Judged, parse_evaluation
from undertone.corpora.layouts import TABLE, read_metadata, require_folder, require_unique
from undertone.corpora.tables import NAMES_CHECKED, read_text
from undertone.errors import CorpusError
from undertone.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SESSIONS: Final = range(1, 6)

NAME: Final = re.compile(
    r"(?P<dialogue>Ses0(?P<session>[1-5])[FM]_(?:impro0[1-8][ab]?|script0[1-3]_[1-3]b?))_(?P<speaker>[FM])[0-9]{3}"
)
"""`Ses01F_impro01_M003`: session 1, the woman wore the markers, first improvisation, the man's fourth turn."""

SPOKEN: Final = re.compile(r"(?P<id>Ses\S+) \[[0-9.]+\s*-\s*[0-9.]+\]:(?P<text>.*)")
"""`Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.`"""

NOT_SPOKEN: Final = re.compile(r"\[[A-Z]+\]")
"""Sounds between the words of a transcription: `[LAUGHTER]`, `[BREATHING]`."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000`; it tells no emotion."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None:
        return None
    return Named(
        id=found[0],
        speaker=f"iemocap_0{found['session']}{found['speaker']}",
        gender=found["speaker"],
        dialogue=found["dialogue"],
    )


def parse_transcription(text: str) -> dict[str, str]:
    """Read the words of a dialogue by the id of the turn, without the sounds that are noted between them."""
    found = (SPOKEN.fullmatch(line.strip()) for line in text.splitlines())
    return {line["id"]: " ".join(NOT_SPOKEN.sub(" ", line["text"]).split()) for line in found if line}


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List every rated utterance with its votes, its words and its place in the dialogue.

    Raises:
        CorpusError: if the folder holds no session, or a file of labels cannot be read.
    """
    if (folder / TABLE).is_file():
        return read_metadata(folder, corpus="iemocap", language="en", parse_name=parse_name)
    require_folder(folder, "iemocap")
    found: list[Utterance] = []
    for session in (folder / f"Session{number}" for number in SESSIONS):
        for path in sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt")):
            judged = parse_evaluation(read_text(path, "iemocap"))
            words = session / "dialog" / "transcriptions" / path.name
            texts = parse_transcription(read_text(words, "iemocap")) if words.is_file() else {}
            found.extend(_utterances(session, judged, texts))
    if not found:
        raise CorpusError(
            "iemocap",
            f"{folder} holds no Session1 … Session5 with dialog/EmoEvaluation/*.txt; name the folder that holds them",
        )
    require_unique("iemocap", (item.id for item in found))
    return tuple(found)


def _utterances(session: Path, judged: tuple[Judged, ...], texts: Mapping[str, str]) -> list[Utterance]:
    """The utterances of one dialogue, in the order in which they begin."""
    found = []
    for index, item in enumerate(sorted(judged, key=lambda each: (each.start, each.end, each.id))):
        named = parse_name(item.id)
        if named is None or named.dialogue is None:
            raise CorpusError("iemocap", f"{session} rates {item.id}, which is no name of this corpus; copy it anew")
        found.append(
            Utterance(
                id=f"iemocap/{item.id}",
                path=str(session / "sentences" / "wav" / named.dialogue / f"{item.id}.wav"),
                corpus="iemocap",
                speaker=named.speaker,
                language="en",
                emotion=item.emotion,
                duration=math.nan,
                gender=named.gender,
                text=texts.get(item.id) or None,
                dialogue=named.dialogue,
                turn_index=index,
                ratings=item.ratings,
                valence=item.valence,
                activation=item.activation,
                dominance=item.dominance,
            )
        )
    return found


CORPUS = Corpus(
    card=CorpusCard(
        name="iemocap",
        title="IEMOCAP: interactive emotional dyadic motion capture database",
        language="en",
        licence="research only, by signed agreement with the University of Southern California",
        source="Busso et al., IEMOCAP: Interactive emotional dyadic motion capture database, Language Resources and "
        "Evaluation 2008",
        speakers=10,
        utterances=10_039,
        counts={
            EMOTIONS["fru"]: 1849, EMOTIONS["neu"]: 1708, EMOTIONS["ang"]: 1103, EMOTIONS["sad"]: 1084,
            EMOTIONS["exc"]: 1041, EMOTIONS["hap"]: 595, EMOTIONS["sur"]: 107, EMOTIONS["fea"]: 40,
            EMOTIONS["oth"]: 3, EMOTIONS["dis"]: 2,
        },
        acted=True,
        raters="three listeners name emotions, two or more give dimensions, and most actors judge themselves (their "
        "names begin with F and M); the label is the majority of the listeners",
        sample_rate=16_000,
        model_may_be_released=False,
        scale=(1.0, 5.0),
        known_faults=(
            "2507 utterances have no majority and so no emotion",
            "the two people of a dialogue are heard in each other's files where they talk at once",
            "scripted dialogues repeat their words in every session, so words tell emotions there: find them by text",
            "votes on emotions (C-E1) and on dimensions (A-E1) under one number are taken as one person's; the corpus "
            "does not say that they are",
            NAMES_CHECKED,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
    lists_all=False,
)  # fmt: skip
