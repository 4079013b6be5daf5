"""What a speaker's turns add up to."""

import pytest

from undertone.conversation.summary import ranked, summaries_of
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion

LABELS = ("neutral", "happy", "sad")
RECORDING = Recording(path="call.wav", channels=1, sample_rate=16_000, duration=20.0)


def judged(start, end, speaker, probabilities, label):
    abstention = None if label else Abstention.UNCERTAIN
    turn = Turn(start=start, end=end, speaker=speaker)
    return TurnEmotion(turn=turn, probabilities=probabilities, label=label, abstention=abstention)


def too_short(start, end, speaker):
    turn = Turn(start=start, end=end, speaker=speaker)
    return TurnEmotion(turn=turn, probabilities=None, label=None, abstention=Abstention.TOO_SHORT)


def timeline(*turns):
    return Timeline(recording=RECORDING, turns=turns, labels=LABELS, bundle_id="test")


def test_shares_are_weighted_by_length_and_kept_per_speaker():
    first, second = summaries_of(
        timeline(
            judged(0, 6, "Ann", [0.1, 0.1, 0.8], "sad"),
            judged(6, 8, "Bob", [0.4, 0.3, 0.3], None),
            judged(8, 9, "Ann", [0.9, 0.1, 0.0], "neutral"),
            too_short(10, 11, "Ann"),
        )
    )
    assert (first.speaker, first.turns, first.speaking) == ("Ann", 3, 8.0)
    assert first.shares == pytest.approx({"sad": 6 / 8, "neutral": 1 / 8, "too short": 1 / 8})
    assert list(first.shares) == ["neutral", "sad", "too short"], "in the order of labels, then of reasons"
    assert (second.speaker, second.shares) == ("Bob", {"uncertain": 1.0})


def test_no_turns_add_up_to_no_speakers():
    assert summaries_of(timeline()) == ()


def test_ranked_pairs_labels_with_probabilities_from_the_top():
    names = [name for name, _ in ranked(judged(0, 1, "Ann", [0.2, 0.5, 0.3], "happy"), LABELS)]
    assert names == ["happy", "sad", "neutral"]
    assert ranked(too_short(0, 1, "Ann"), LABELS) == []
