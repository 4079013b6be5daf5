"""How numbers and words are written."""

from __future__ import annotations

import numpy as np
import pytest

from undertone.conversation.formats.notation import (
    emotion_word,
    milliseconds,
    one_line,
    recording_name,
    rounded_confidence,
    rounded_probabilities,
    verdict,
    well_formed,
)
from undertone.records import Abstention, Recording
from undertone.testing.timelines import make_turn_emotion


def test_thirds_get_their_missing_step_back():
    assert rounded_probabilities(np.full(3, 1 / 3, dtype=np.float32)) == (0.3334, 0.3333, 0.3333)


def test_what_does_not_quite_sum_to_one_is_scaled():
    assert rounded_probabilities(np.array([0.6, 0.3], dtype=np.float32)) == (0.6667, 0.3333)


@pytest.mark.parametrize("wrong", [[np.nan, 1.0], [-0.5, 1.5], [0.0, 0.0], [np.inf, 0.0]])
def test_what_is_no_distribution_is_refused(wrong: list[float]):
    with pytest.raises(ValueError, match=r"probabilities are numbers from 0 to 1 that sum to 1, not \["):
        rounded_probabilities(np.array(wrong, dtype=np.float32))


def test_the_confidence_is_the_largest_probability_as_written():
    assert rounded_confidence(make_turn_emotion(0, 1, confidence=0.81996)) == 0.82
    assert rounded_confidence(make_turn_emotion(0, 1, abstention=Abstention.SILENT)) is None


def test_halves_of_a_millisecond_go_up():
    assert milliseconds(1.0005, 2.0004999) == (1001, 2000)


def test_a_verdict_is_a_label_with_a_percentage():
    assert verdict(make_turn_emotion(0, 1, label="angry", confidence=0.815)) == "angry 82 %"


@pytest.mark.parametrize("reason", list(Abstention))
def test_without_a_label_the_verdict_is_unclear(reason: Abstention):
    item = make_turn_emotion(0, 1, abstention=reason)
    assert (verdict(item), emotion_word(item)) == ("unclear", "unclear")


def test_white_space_collapses_and_controls_become_visible():
    assert one_line(" a\tb\r\n\u2028c\u00a0 d\x07 ") == "a b c d\ufffd"


def test_emoji_and_all_scripts_stay():
    assert well_formed("🙂 你好 ñ\n\t") == "🙂 你好 ñ\n\t"


def test_the_folders_of_a_recording_are_not_told():
    assert recording_name(Recording(path="/home/me/a\nb.wav", channels=1, sample_rate=8000, duration=1.0)) == "a b.wav"


def test_a_file_name_that_is_not_unicode_can_be_written():
    name = recording_name(Recording(path="call\udcff.wav", channels=1, sample_rate=8000, duration=1.0))
    assert name.encode() == "call\ufffd.wav".encode()
