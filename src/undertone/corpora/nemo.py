"""nEMO: Polish emotional speech (Christop 2024).

Layout: `samples/EB0_anger_12.wav`. The parts of a name are the speaker, the emotion and the sentence.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.labels import canonical

GENDERS: Final = {
    "EB0": "F", "IC0": "F", "KD0": "F", "KS0": "M", "MK0": "F", "MP0": "M", "SM0": "M", "TP0": "M", "WR0": "M",
}  # fmt: skip

NAME: Final = re.compile(
    r"(?P<speaker>[A-Z]{2}\d)_(?P<emotion>anger|fear|happiness|neutral|sadness|surprised)_(?P<sentence>\d+)"
)
"""`EB0_anger_12`: speaker EB0, anger, sentence 12."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `samples/EB0_anger_12`."""
    stem = PurePosixPath(name).name
    found = NAME.fullmatch(stem)
    if found is None or found["speaker"] not in GENDERS:
        return None
    return Named(
        id=stem,
        speaker=f"nemo_{found['speaker']}",
        emotion=canonical(found["emotion"]),
        gender=GENDERS[found["speaker"]],
        sentence=found["sentence"],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="nemo",
        title="nEMO: Polish emotional speech",
        language="pl",
        licence="CC BY-NC-SA 4.0",
        source="Christop, nEMO: Dataset of Emotional Speech in Polish, LREC-COLING 2024",
        speakers=9,
        utterances=4481,
        counts={"neutral": 809, "sad": 769, "angry": 749, "happy": 749, "fearful": 736, "surprised": 669},
        acted=True,
        raters="the actors' instruction; takes were checked by the author's listeners",
        sample_rate=24_000,
        model_may_be_released=True,
        known_faults=("MK0 has no surprised speech and MP0 about half of every emotion but neutral",),
    ),
    scan=scan_by_name("nemo", "pl", parse_name),
    parse_name=parse_name,
)
