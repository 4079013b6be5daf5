"""EmoDB: Berlin database of emotional speech (Burkhardt et al. 2005).

Layout: `wav/03a01Fa.wav`. The parts of a name are the speaker, the sentence, the German emotion's letter and the take.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name

EMOTIONS: Final = {
    "W": "angry",  # Wut
    "L": "bored",  # Langeweile
    "E": "disgusted",  # Ekel
    "A": "fearful",  # Angst
    "F": "happy",  # Freude
    "T": "sad",  # Trauer
    "N": "neutral",
}

MEN: Final = {"03", "10", "11", "12", "15"}
WOMEN: Final = {"08", "09", "13", "14", "16"}

SENTENCES: Final = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}

NAME: Final = re.compile(r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFTN])(?P<take>[a-z]?)")
"""`03a01Fa`: speaker 03, sentence a01, Freude, first take."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `wav/03a01Fa`."""
    stem = PurePosixPath(name).name
    found = NAME.fullmatch(stem)
    if found is None or found["speaker"] not in MEN | WOMEN or found["sentence"] not in SENTENCES:
        return None
    return Named(
        id=stem,
        speaker=f"emodb_{found['speaker']}",
        emotion=EMOTIONS[found["emotion"]],
        gender="M" if found["speaker"] in MEN else "F",
        sentence=found["sentence"],
        text=SENTENCES[found["sentence"]],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="emodb",
        title="EmoDB: Berlin database of emotional speech",
        language="de",
        licence="free for research; a newer release is CC BY 4.0",
        source="Burkhardt et al., A Database of German Emotional Speech, Interspeech 2005",
        speakers=10,
        utterances=535,
        counts={
            "angry": 127, "bored": 81, "neutral": 79, "happy": 71, "fearful": 69, "sad": 62, "disgusted": 46,
        },
        acted=True,
        raters="the actors' instruction; takes kept if 20 listeners named it in over 80 % and found it natural in 60 %",
        sample_rate=16_000,
        model_may_be_released=True,
        known_faults=(
            "every file is normalised to full scale, so loudness carries nothing",
            "a copy circulates with all files exactly 2.000 s long at 22050 Hz: it is corrupt",
            "10 sentences only, said by everybody in every emotion, so words carry no emotion",
        ),
    ),
    scan=scan_by_name("emodb", "de", parse_name),
    parse_name=parse_name,
)  # fmt: skip
