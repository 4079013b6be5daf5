"""ESD: emotional speech database for voice conversion, Chinese and English (Zhou et al. 2021).

Layout: `0001/Angry/train/0001_000351.wav`, a folder for each speaker, emotion and part (`train`, `evaluation`, `test`;
a later edition has no folders for parts), and `0001/0001.txt` with the words. Speakers 0001 to 0010 speak Chinese, 0011
to 0020 English. A name is the speaker and a number, of which each emotion has 350 in turn.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import TABLE, scan_by_name
from undertone.corpora.tables import UNHEARD, read_text
from undertone.labels import canonical

if TYPE_CHECKING:
    from undertone.records import Utterance

EMOTIONS: Final = ("neutral", "angry", "happy", "sad", "surprised")
"""In the order of the numbers: 1 to 350, 351 to 700, …"""

SENTENCES: Final = 350

CHINESE: Final = range(1, 11)
ENGLISH: Final = range(11, 21)

MEN: Final = {4, 5, 6, 8, 10, 11, 12, 13, 14, 20}

SPLITS: Final = {"train": "train", "evaluation": "validation", "test": "test"}

NAME: Final = re.compile(r"(?P<speaker>00(?:0[1-9]|1[0-9]|20))_(?P<number>[0-9]{6})")
"""`0001_000351`: first speaker, first angry sentence."""

LINE: Final = re.compile(r"(?P<id>[0-9]{4}_[0-9]{6})[\t ]+(?P<text>[^\t]*[^\t ])[\t ]+(?P<emotion>\w+)")
"""`0001_000351`, the words, and the emotion's name, between tabs."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `0001/Angry/train/0001_000351`; a folder that names another emotion contradicts it."""
    path = PurePosixPath(name)
    found = NAME.fullmatch(path.name)
    if found is None or not 1 <= int(found["number"]) <= SENTENCES * len(EMOTIONS):
        return None
    block, sentence = divmod(int(found["number"]) - 1, SENTENCES)
    folders = {canonical(part) for part in path.parts[:-1]} & set(EMOTIONS)
    if folders and folders != {EMOTIONS[block]}:
        return None
    speaker = int(found["speaker"])
    return Named(
        id=found[0],
        speaker=f"esd_{found['speaker']}",
        emotion=EMOTIONS[block],
        gender="M" if speaker in MEN else "F",
        sentence=f"{language_of(speaker)}{sentence + 1:03}",
    )


def language_of(speaker: int) -> str:
    """The language of a speaker, by number."""
    return "zh" if speaker in CHINESE else "en"


def scan(folder: Path) -> tuple[Utterance, ...]:
    """List the corpus with each speaker's language and words, and the parts where folders name them.

    Raises:
        CorpusError: if the folder is not this corpus, or a table of words cannot be read.
    """
    listed = scan_by_name("esd", "mul", parse_name)(folder)
    if (folder / TABLE).is_file():
        return listed
    texts: dict[str, str] = {}
    for path in sorted(folder.rglob("00[012][0-9].txt")):
        encoding = "gb18030" if int(path.stem) in CHINESE else "cp1252"
        texts |= parse_words(read_text(path, "esd", encoding=encoding))
    return tuple(_completed(item, texts) for item in listed)


def parse_words(text: str) -> dict[str, str]:
    """Read a speaker's table of words by id; lines that lack a part are left out."""
    lines = (LINE.fullmatch(line.strip()) for line in text.splitlines())
    return {line["id"]: line["text"].strip() for line in lines if line}


def _completed(item: Utterance, texts: dict[str, str]) -> Utterance:
    name = item.id.removeprefix("esd/")
    parts = (SPLITS[part] for part in reversed(Path(item.path).parts[:-1]) if part in SPLITS)
    language = language_of(int(name[:4]))
    return replace(item, language=language, text=texts.get(name), split=next(parts, None))


CORPUS = Corpus(
    card=CorpusCard(
        name="esd",
        title="ESD: emotional speech database, Chinese and English",
        language="mul",
        licence="research only, by signed agreement",
        source="Zhou et al., Emotional Voice Conversion: Theory, Databases and ESD, Speech Communication 2022",
        speakers=20,
        utterances=35_000,
        counts=dict.fromkeys(EMOTIONS, 7000),
        acted=True,
        raters="the speakers' instruction",
        sample_rate=16_000,
        model_may_be_released=False,
        known_faults=(
            "all speakers of a language say the same 350 sentences in every emotion; the official parts share speakers",
            "tables of words have several encodings, and some lines lack a part; those utterances have no words",
            UNHEARD,
        ),
    ),
    scan=scan,
    parse_name=parse_name,
    whole=tuple(
        f"{speaker:04}_{number:06}"
        for speaker in (*CHINESE, *ENGLISH)
        for number in range(1, SENTENCES * len(EMOTIONS) + 1)
    ),
)
