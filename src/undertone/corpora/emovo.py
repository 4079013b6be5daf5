"""EMOVO: Italian emotional speech (Costantini et al. 2014).

Layout: `f1/dis-f1-b1.wav`, a folder for each actor (`f1` to `f3`, `m1` to `m3`). The parts of a name are the emotion,
the actor and the sentence.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from undertone.corpora.base import Corpus, CorpusCard, Named
from undertone.corpora.layouts import scan_by_name
from undertone.corpora.tables import NAMES_CHECKED

EMOTIONS: Final = {
    "dis": "disgusted",  # disgusto
    "gio": "happy",  # gioia
    "neu": "neutral",
    "pau": "fearful",  # paura
    "rab": "angry",  # rabbia
    "sor": "surprised",  # sorpresa
    "tri": "sad",  # tristezza
}

ACTORS: Final = ("f1", "f2", "f3", "m1", "m2", "m3")

SENTENCES: Final = {
    "b1": "Gli operai si alzano presto.",
    "b2": "I vigili sono muniti di pistola.",
    "b3": "La cascata fa molto rumore.",
    "l1": "L'autunno prossimo Tony partirà per la Spagna nella prima metà di ottobre.",
    "l2": "Ora prendo la felpa di là ed esco per fare una passeggiata.",
    "l3": "Un attimo dopo s'è incamminato ... ed è inciampato.",
    "l4": "Vorrei il numero telefonico del Signor Piatti.",
    "n1": "La casa forte vuole col pane.",
    "n2": "La forza trova il passo e l'aglio rosso.",
    "n3": "Il gatto sta scorrendo nella pera.",
    "n4": "Insalata pastasciutta coscia d'agnello limoncello.",
    "n5": "Uno quarantatré dieci mille cinquantasette venti.",
    "d1": "Sabato sera cosa farà?",
    "d2": "Porti con te quella cosa?",
}
"""Short, long, nonsense, and questions."""

NAME: Final = re.compile(r"(?P<emotion>[a-z]{3})-(?P<actor>[fm][123])-(?P<sentence>[bdln]\d)")
"""`gio-f2-b2`: joy, second actress, second short sentence."""


def parse_name(name: str) -> Named | None:
    """Read a name such as `f2/gio-f2-b2`."""
    found = NAME.fullmatch(PurePosixPath(name).name)
    if found is None or found["emotion"] not in EMOTIONS or found["sentence"] not in SENTENCES:
        return None
    return Named(
        id=found[0],
        speaker=f"emovo_{found['actor']}",
        emotion=EMOTIONS[found["emotion"]],
        gender=found["actor"][0].upper(),
        sentence=found["sentence"],
        text=SENTENCES[found["sentence"]],
    )


CORPUS = Corpus(
    card=CorpusCard(
        name="emovo",
        title="EMOVO: Italian emotional speech",
        language="it",
        licence="none stated; free for research",
        source="Costantini et al., EMOVO Corpus: an Italian Emotional Speech Database, LREC 2014",
        speakers=6,
        utterances=588,
        counts=dict.fromkeys(sorted(EMOTIONS.values()), 84),
        acted=True,
        raters="the actors' instruction; two groups of 24 listeners named two of the sentences, 80 % rightly",
        sample_rate=48_000,
        model_may_be_released=False,
        known_faults=("14 sentences only, so words carry no emotion", NAMES_CHECKED),
    ),
    scan=scan_by_name("emovo", "it", parse_name),
    parse_name=parse_name,
    whole=tuple(f"{emotion}-{actor}-{sentence}" for actor in ACTORS for emotion in EMOTIONS for sentence in SENTENCES),
)
