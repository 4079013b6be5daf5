"""What every card says in words: what a model may be used for, what it may not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.corpora.base import CorpusCard
    from undertone.inference.card import Pretrained, Source

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

LANGUAGES: Final = {
    "am": "Amharic",
    "bn": "Bangla",
    "de": "German",
    "en": "English",
    "fa": "Persian",
    "fr": "French",
    "it": "Italian",
    "mul": "several languages",
    "pl": "Polish",
    "tr": "Turkish",
    "ur": "Urdu",
    "zh": "Chinese",
}
"""Names of the corpora's languages (ISO 639-1; `mul` is ISO 639-2's for several)."""


FREE: Final = ("CC0", "CC BY 4.0", "free, commercial use too")
"""How licences begin that let weights be published for any purpose, with a word on where they come from."""


def limits_of(corpora: Sequence[CorpusCard], *, speakers: int, read: bool, reads: bool = False) -> tuple[str, ...]:
    """What a model cannot do.

    Args:
        corpora: that the emotions were learnt from.
        speakers: how many were heard in them.
        read: whether read speech was trained on as neutral.
        reads: whether the model takes transcripts, too.
    """
    languages = list(dict.fromkeys(LANGUAGES[card.language] for card in corpora))
    listed = " and ".join(filter(None, (", ".join(languages[:-1]), languages[-1])))
    kind = "acted speech" if all(card.acted for card in corpora) else "speech"
    held_back = ", although read speech was trained on as neutral to hold this back" if read else ""
    return (
        f"the emotions were learnt from {kind} of {speakers} speakers in {listed}; spontaneous speech sounds less "
        f"clearly emotional, and probabilities are calibrated on {kind} only",
        "such corpora hold every emotion about equally often; real conversations are mostly neutral, so rare emotions "
        f"are reported too often there{held_back}",
        _of_words(corpora) if reads else "words are not understood: only the voice is judged",
        "the emotions of children and elderly speakers, other languages, singing, and overlapping voices were not "
        "trained on",
    )


def _of_words(corpora: Sequence[CorpusCard]) -> str:
    if all(card.acted for card in corpora):
        return (
            "transcripts are read, but actors said given sentences in every emotion: what words tell in conversation "
            "was not there to be learned, and what is made of them is not to be relied on"
        )
    return "transcripts are read as an encoder of text tells them; irony, names and what was said before are not known"


def limits_of_backbone(backbone: Pretrained) -> tuple[str, ...]:
    """What a model cannot do because of the phone recogniser that it is built on."""
    languages = list(dict.fromkeys(LANGUAGES.get(source.language, source.language) for source in backbone.sources))
    limits = [
        f"which sounds of speech are heard is judged too, by a recogniser of phones trained on {', '.join(languages)}; "
        "other languages are heard through these sounds",
    ]
    limits += [
        f"that recogniser had heard {count} of the speakers tested with as {corpus}, in its own training"
        for corpus, count in backbone.test_speakers_heard.items()
    ]
    return tuple(limits)


def licence_of(cards: Sequence[CorpusCard | Source], *, private: bool = False) -> str:
    """The licence of weights trained on these corpora: the strictest of theirs, or theirs where none is free.

    Args:
        cards: of the corpora.
        private: whether one of them may forbid passing weights on.
    """
    licences = sorted({card.licence for card in cards})
    if private:
        return f"private, not to be passed on; trained under: {'; '.join(licences)}"
    if any("NC-SA" in licence for licence in licences):
        return "CC BY-NC-SA 4.0"
    unclear = [licence for licence in licences if not licence.startswith(FREE)]
    return f"as its corpora allow: {'; '.join(unclear)}" if unclear else "CC BY 4.0"
