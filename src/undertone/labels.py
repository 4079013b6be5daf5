"""The seven emotions, in the order every array of probabilities keeps, and the corpora's own words for emotions."""

from typing import Final

EMOTIONS: Final = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")

SYNONYMS: Final = {
    "anger": "angry",
    "boredom": "bored",
    "disgust": "disgusted",
    "excitement": "excited",
    "fear": "fearful",
    "frustration": "frustrated",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
"""Other words for the same emotion: nouns become the adjectives that are used here."""

MERGED: Final = {
    # RAVDESS recorded calm beside neutral as a second baseline because neutral alone was often heard as slightly
    # negative (Livingstone & Russo 2018, "Emotional expressions"); nobody else has the label.
    "calm": "neutral",
}
"""Emotions of their own that count as one of the seven. One that is neither here nor there has no counterpart."""


def canonical(word: str) -> str:
    """Spell a corpus's word as it is spelled here: lower case, the adjective. Unknown words stay as they are."""
    lowered = word.strip().lower()
    return SYNONYMS.get(lowered, lowered)


def emotion_of(word: str) -> str | None:
    """Translate a corpus's word to one of `EMOTIONS`, or None where it has no counterpart (boredom, contempt, …)."""
    spelled = canonical(word)
    merged = MERGED.get(spelled, spelled)
    return merged if merged in EMOTIONS else None
