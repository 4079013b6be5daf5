"""Votes of raters as what a network is taught."""

from __future__ import annotations

import numpy as np
import pytest

from undertone.corpora.ratings import targets_of, votes_of
from undertone.records import Rating, Utterance

CLASSES = {"happy": "happy", "excited": "happy", "sad": "sad"}
LABELS = ("happy", "sad")


def heard(*votes: tuple[str, ...], emotion: str = "happy") -> Utterance:
    return Utterance(
        id="a/1", path="x", corpus="a", speaker="s", language="en", emotion=emotion, duration=1.0,
        ratings=tuple(Rating(rater=str(number), emotions=words) for number, words in enumerate(votes)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("votes", "wanted"),
    [
        ([("happy",), ("sad",)], [0.5, 0.5]),
        ([("happy",), ("excited",), ("sad",)], [2 / 3, 1 / 3]),
        ([("happy", "sad"), ("sad",)], [0.25, 0.75]),
        ([("happy",), ("angry",)], [1.0, 0.0]),
        ([("happy", "angry"), ("sad",)], [1 / 3, 2 / 3]),
    ],
)
def test_each_rater_has_one_vote(votes: list[tuple[str, ...]], wanted: list[float]) -> None:
    shares = votes_of(heard(*votes), CLASSES, LABELS)
    assert shares is not None
    np.testing.assert_allclose(shares, wanted)


@pytest.mark.parametrize("votes", [[], [()], [("angry",)]])
def test_without_a_vote_for_a_class_there_are_no_shares(votes: list[tuple[str, ...]]) -> None:
    assert votes_of(heard(*votes), CLASSES, LABELS) is None


def test_the_category_is_taught_where_votes_are_not_wanted_or_not_there() -> None:
    items = [heard(("happy",), ("sad",)), heard(emotion="sad"), heard(emotion="excited")]
    np.testing.assert_allclose(targets_of(items, CLASSES, LABELS, votes=False), [[1, 0], [0, 1], [1, 0]])
    np.testing.assert_allclose(targets_of(items, CLASSES, LABELS, votes=True), [[0.5, 0.5], [0, 1], [1, 0]])
