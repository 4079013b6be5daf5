"""The seven emotions and the corpora's own words for them."""

from __future__ import annotations

import pytest

from undertone.labels import EMOTIONS, SYNONYMS, canonical, emotion_of


def test_the_order_of_the_emotions_is_a_contract() -> None:
    """Every stored probability and every bundle's card relies on it."""
    assert EMOTIONS == ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotion_is_its_own_name(emotion: str) -> None:
    assert emotion_of(emotion) == emotion


@pytest.mark.parametrize(("word", "emotion"), SYNONYMS.items())
def test_a_synonym_leads_to_another_spelling_that_stays_as_it_is(word: str, emotion: str) -> None:
    """The spelling may have no counterpart among the seven, as bored and frustrated have none."""
    assert canonical(word) == canonical(emotion) == emotion != word
    assert word not in EMOTIONS
    assert emotion_of(word) == (emotion if emotion in EMOTIONS else None)


@pytest.mark.parametrize(
    ("word", "emotion"), [(" Angry\n", "angry"), ("DISGUST", "disgusted"), ("Calm", "neutral"), ("Fear", "fearful")]
)
def test_case_and_white_space_around_a_word_do_not_matter(word: str, emotion: str) -> None:
    assert emotion_of(word) == emotion


@pytest.mark.parametrize("word", ["boredom", "contempt", "", " ", "anger!", "not angry"])
def test_a_word_without_a_counterpart_has_no_emotion(word: str) -> None:
    assert emotion_of(word) is None
