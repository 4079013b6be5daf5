"""What a corpus consists of, counted."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from undertone.corpora.statistics import QUANTILES, EmotionCount, statistics_of
from undertone.records import Utterance


def utterance(
    speaker: str, emotion: str | None, *, gender: str | None = None, length: float = 1.0, sentence: str | None = None
) -> Utterance:
    return Utterance(
        id="a/1", path="x", corpus="a", speaker=speaker, language="de", emotion=emotion, duration=length, gender=gender,
        sentence=sentence,
    )  # fmt: skip


def test_everything_is_counted() -> None:
    found = statistics_of(
        [
            utterance("anna", "sad", gender="F", length=1.0, sentence="a"),
            utterance("anna", "angry", gender="F", length=2.0, sentence="b"),
            utterance("anna", "sad", length=3.0, sentence="a"),
            utterance("ben", "sad", gender="M", length=4.0),
            utterance("cleo", None, gender="F"),
            utterance("cleo", None, gender="M"),
        ]
    )
    assert (found.utterances, found.speakers, found.sentences, found.duration) == (6, 3, 2, 12.0)
    assert found.genders == {"F": 1, "M": 1, "unknown": 1}, "two genders of one speaker are none"
    assert found.emotions == (
        EmotionCount(emotion="sad", utterances=3, share=0.5),
        EmotionCount(emotion="angry", utterances=1, share=1 / 6),
        EmotionCount(emotion=None, utterances=2, share=1 / 3),
    )
    assert found.per_speaker == (1.0, 2.0, 3.0)
    assert found.one_emotion == ("ben",), "nobody without an emotion has one"
    assert found.by_speaker == {"anna": {"sad": 2, "angry": 1}, "ben": {"sad": 1}, "cleo": {}}
    assert (found.lengths[0.0], found.lengths[0.5], found.lengths[1.0]) == (1.0, 1.5, 4.0)


def test_nothing_has_undefined_lengths() -> None:
    found = statistics_of([])
    assert (found.utterances, found.speakers, found.duration, found.emotions) == (0, 0, 0.0, ())
    assert all(math.isnan(value) for value in (*found.lengths.values(), *found.per_speaker))


def test_an_unknown_length_makes_the_whole_unknown() -> None:
    assert math.isnan(statistics_of([utterance("a", "sad"), utterance("a", "sad", length=math.nan)]).duration)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, "sad", "angry"]), st.floats(0.1, 9)), min_size=1)
)
def test_parts_add_up_to_the_whole(drawn: list[tuple[str, str | None, float]]) -> None:
    found = statistics_of([utterance(who, emotion, length=length) for who, emotion, length in drawn])
    assert sum(item.utterances for item in found.emotions) == found.utterances
    assert math.isclose(math.fsum(item.share for item in found.emotions), 1)
    in_table = sum((Counter(counts) for counts in found.by_speaker.values()), Counter())
    assert in_table == {item.emotion: item.utterances for item in found.emotions if item.emotion}
    lengths = [found.lengths[share] for share in QUANTILES]
    assert lengths == sorted(lengths)
    assert sum(found.genders.values()) == found.speakers
    fewest, median, most = found.per_speaker
    assert fewest <= median <= most <= found.utterances
