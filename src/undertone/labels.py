"""The seven emotions, in the order every array of probabilities keeps, and the corpora's own words for them."""

from typing import Final

EMOTIONS: Final = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")

SYNONYMS: Final = {
    "anger": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprise": "surprised",
    # RAVDESS recorded calm beside neutral as a second baseline because neutral alone was often heard as slightly
    # negative (Livingstone & Russo 2018, "Emotional expressions"); nobody else has the label.
    "calm": "neutral",
}
"""Other words for the seven. A word that is neither here nor in EMOTIONS (boredom, contempt, …) has no counterpart."""


def emotion_of(word: str) -> str | None:
    """Translate a corpus's word to one of `EMOTIONS`, or None where it has no counterpart."""
    lowered = word.strip().lower()
    if lowered in EMOTIONS:
        return lowered
    return SYNONYMS.get(lowered)
