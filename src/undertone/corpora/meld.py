"""MELD: multimodal emotion lines dataset, scenes of the television series Friends (Poria et al. 2019).

Layout: `train_sent_emo.csv`, `dev_sent_emo.csv`, `test_sent_emo.csv` anywhere below the folder, and the clips
`train_splits/dia0_utt0.mp4`, `dev_splits_complete/…`, `output_repeated_splits_test/…`; other sound of the same name
does as well. The tables tell everything: names say neither who speaks nor how.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import SOUND_SUFFIXES, Corpus, CorpusCard, Exclusion, Named
from undertone.corpora.layouts import TABLE, read_metadata, require_folder, require_unique
from undertone.corpora.tables import NAMES_CHECKED, read_rows
from undertone.errors import CorpusError
from undertone.labels import canonical
from undertone.records import Utterance

if TYPE_CHECKING:
    from pathlib import Path

CLIPS: Final = {"train": "train_splits", "dev": "dev_splits_complete", "test": "output_repeated_splits_test"}
"""The folder of each part's clips."""

SPLITS: Final = {"train": "train", "dev": "validation", "test": "test"}

COLUMNS: Final = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID")

NAME: Final = re.compile(
    r"(?:.*/)?(?:(?P<part>train|dev|test)|(?P<clips>train_splits|dev_splits_complete|output_repeated_splits_test))"
    r"/(?P<dialogue>dia[0-9]+)_utt(?P<turn>[0-9]+)",
    re.DOTALL,
)
"""`train_splits/dia0_utt0`: numbers of dialogues begin anew in every part, so the folder must be told."""

QUOTES: Final = str.maketrans(
    {"\x85": "…", "\x91": "‘", "\x92": "’", "\x93": "“", "\x94": "”", "\x96": "–", "\x97": "—"}
)
"""Characters of Windows that some copies of the tables keep as control characters."""

EXCLUSIONS: Final = (
    Exclusion(id="meld/train/dia125_utt3", reason="the published clip cannot be decoded"),
    Exclusion(id="meld/dev/dia110_utt7", reason="the published archive lacks the clip"),
)


def parse_name(name: str) -> Named | None:
    """Read a name such as `train/train_splits/dia0_utt0`; who speaks stands in the tables only."""
    found = NAME.fullmatch(name)
    if found is None:
        return None
    part = found["part"] or next(part for part, clips in CLIPS.items() if clips == found["clips"])
    return Named(
        id=f"{part}/{found['dialogue']}_utt{found['turn']}",
        speaker="",
        dialogue=f"{part}/{found['dialogue']}",
        turn_index=int(found["turn"]),
    )


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the utterances of all three tables, whether or not their clips are there.

    Raises:
        CorpusError: if a table is missing or lacks a column, or an utterance stands there twice.
    """
    if (folder / TABLE).is_file():
        return read_metadata(folder, corpus="meld", language="en", parse_name=parse_name)
    require_folder(folder, "meld")
    found: list[Utterance] = []
    for part in CLIPS:
        table = next(iter(sorted(folder.rglob(f"{part}_sent_emo.csv"))), None)
        if table is None:
            raise CorpusError(
                "meld", f"{folder} holds no {part}_sent_emo.csv; copy the tables of the repository beside the clips"
            )
        place, clips = find_clips(folder, part)
        found.extend(_utterance(row, part, table, place, clips) for row in read_rows(table, "meld", COLUMNS))
    require_unique("meld", (item.id for item in found))
    return tuple(found)


def find_clips(folder: Path, part: str) -> tuple[Path, dict[str, Path]]:
    """Find the folder of a part's clips, and the clips by name; video goes before sound that was taken from it."""
    places = [folder / CLIPS[part], *sorted(folder.rglob(CLIPS[part]))]
    place = next((item for item in places if item.is_dir()), places[0])
    order = {suffix: rank for rank, suffix in enumerate(dict.fromkeys((".mp4", *SOUND_SUFFIXES)))}
    files = [path for path in place.glob("dia*_utt*") if path.suffix.lower() in order]
    files.sort(key=lambda path: order[path.suffix.lower()], reverse=True)
    return place, {path.stem: path for path in files}


def _utterance(row: dict[str, str], part: str, table: Path, place: Path, clips: dict[str, Path]) -> Utterance:
    dialogue, turn = row["Dialogue_ID"].strip(), row["Utterance_ID"].strip()
    speaker = re.sub(r"\W+", "_", row["Speaker"].strip()).strip("_")
    if not dialogue.isdecimal() or not turn.isdecimal() or not speaker:
        raise CorpusError(
            "meld",
            f"{table} has a row with the dialogue {dialogue!r}, the utterance {turn!r} and the speaker {speaker!r}; "
            "it needs two numbers and a name, so copy it anew",
        )
    stem = f"dia{dialogue}_utt{turn}"
    return Utterance(
        id=f"meld/{part}/{stem}",
        path=str(clips.get(stem, place / f"{stem}.mp4")),
        corpus="meld",
        speaker=f"meld_{speaker}",
        language="en",
        emotion=canonical(row["Emotion"]) or None,
        duration=math.nan,
        text=row["Utterance"].translate(QUOTES).strip() or None,
        dialogue=f"{part}/dia{dialogue}",
        turn_index=int(turn),
        split=SPLITS[part],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="meld",
        title="MELD: multimodal emotion lines dataset",
        language="en",
        licence="GPL-3.0 for the repository; the scenes belong to the makers of the series",
        source="Poria et al., MELD: A Multimodal Multi-Party Dataset for Emotion Recognition in Conversations, "
        "ACL 2019",
        speakers=303,
        utterances=13_708,
        counts={
            "neutral": 6436, "happy": 2308, "surprised": 1636, "angry": 1607, "sad": 1002, "disgusted": 361,
            "fearful": 358,
        },
        acted=True,
        raters="the majority of three annotators who saw the video; single votes are not in the tables",
        sample_rate=0,
        model_may_be_released=False,
        known_faults=(
            "the official parts share their speakers: six actors say five of six utterances in all three",
            "laughter of the audience and music lie under the voices",
            "clips were cut by an automatic alignment: some hold other words, and test dia38_utt4, test dia220_utt0 "
            "and train dia309_utt0 last for minutes",
            "some speakers are several people at once, such as All, Both, Ross and Rachel",
            "folders of dev and test hold clips that no table names",
            NAMES_CHECKED,
        ),
        exclusions=EXCLUSIONS,
    ),
    scan=scan,
    parse_name=parse_name,
    lists_all=False,
)  # fmt: skip
