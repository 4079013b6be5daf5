"""What every card says in words: what a model may be used for, what it may not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.corpora.base import CorpusCard

INTENDED_USE: Final = (
    "research on emotional speech",
    "a first look through recordings that people were told are analysed, with a person who listens before concluding",
    "a baseline for better systems",
)

EXCLUDED_USE: Final = (
    "inferring emotions of employees at work or of students in education (prohibited in the EU: AI Act, Art. 5(1)(f))",
    "decisions about a person: hiring, credit, insurance, policing, border control, health",
    "lie detection, diagnosis, or claims about what somebody feels rather than how they sound",
)

LIMITS: Final = (
    "trained on acted speech of a few dozen speakers in German, English and Polish; spontaneous speech sounds less "
    "clearly emotional, and probabilities are calibrated on acted speech only",
    "acted corpora hold every emotion about equally often; real conversations are mostly neutral, so rare emotions are "
    "reported too often there, although read speech was trained on as neutral to hold this back",
    "words are not understood: only the voice is judged",
    "children, elderly speakers, other languages, singing, and overlapping voices were not trained on",
)


def licence_of(cards: Sequence[CorpusCard]) -> str:
    """The licence of weights trained on these corpora: the strictest of theirs."""
    licences = {card.licence for card in cards}
    return "CC BY-NC-SA 4.0" if any("NC-SA" in licence for licence in licences) else "CC BY 4.0"
