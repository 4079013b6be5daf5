"""Forced alignment: the most probable path that says every word, found again by trying all of them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_scores import heard_for
from numpy.typing import NDArray

from undertone.errors import AlignmentError
from undertone.speech.alignment import OUTSIDE, AlignedWord, align, with_anything
from undertone.speech.phones import BLANK, SYMBOLS, indices_of
from undertone.speech.pronounce import Spoken

FEW = ("AA", "B", "D")
"""So few that the same phone often follows itself."""


def word(name: str, *pronunciations: str) -> Spoken:
    return Spoken(word=name, pronunciations=tuple(tuple(each.split()) for each in pronunciations), known=True)


def heard(*runs: tuple[str, int], sure: float = 5.0) -> NDArray[np.float64]:
    return heard_for(*runs, sure=sure)


def places(found: tuple[AlignedWord, ...]) -> list[tuple[str, int, int]]:
    return [(phone.phone, phone.first, phone.end) for each in found for phone in each.phones]


def test_each_phone_is_found_where_it_is_said() -> None:
    sound = heard(("-", 4), ("B", 3), ("EH", 5), ("D", 2), ("-", 1), ("D", 2), ("EY", 6), ("-", 3))
    found = align(sound, [word("bed", "B EH D"), word("day", "D EY")])
    assert places(found) == [("B", 4, 7), ("EH", 7, 12), ("D", 12, 14), ("D", 15, 17), ("EY", 17, 23)]
    assert [(each.word, each.first, each.end) for each in found] == [("bed", 4, 14), ("day", 15, 23)]


def test_the_pronunciation_that_was_said_is_taken() -> None:
    both = word("either", "IY DH ER", "AY DH ER")
    for vowel in ("IY", "AY"):
        found = align(heard((vowel, 3), ("DH", 2), ("ER", 3)), [both])
        assert [phone.phone for phone in found[0].phones] == [vowel, "DH", "ER"]


def test_a_score_is_the_mean_log_probability_of_its_frames() -> None:
    sound = heard(("B", 2), ("AA", 6))
    found = align(sound, [word("baa", "B AA")])[0]
    best = sound.max(axis=1)
    assert [phone.score for phone in found.phones] == pytest.approx([best[:2].mean(), best[2:].mean()])
    assert found.score == pytest.approx(best.mean())


def test_a_sound_that_is_too_short_is_refused_with_what_it_takes() -> None:
    with pytest.raises(AlignmentError, match="has 4 frames, and saying the transcript takes 6"):
        align(heard(("B", 2), ("AA", 2)), [word("bad", "B AA D"), word("day", "D EY")])  # and a blank between D and D


def test_a_transcript_that_goes_on_after_the_sound_is_refused_where_the_sound_ends() -> None:
    said = [word("bay", "B EY"), word("tea", "T IY"), word("shoe", "SH UW")]
    sound = heard(("B", 20), ("EY", 20), ("T", 20), ("IY", 20), sure=40.0)
    with pytest.raises(AlignmentError, match="the rest of the transcript, from this word on, is not heard"):
        align(sound, said, beam=30.0)


def test_what_is_said_before_and_after_the_transcript_is_left_alone() -> None:
    sound = heard(("K", 9), ("IY", 9), ("B", 3), ("EY", 5), ("S", 9), ("T", 9), ("EY", 5))
    assert places(align(sound, [word("bay", "B EY")])) == [("B", 18, 21), ("EY", 21, 26)]


def test_nothing_to_align_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="no word"):
        align(heard(("B", 2)), [])


pronunciations = st.lists(st.sampled_from(FEW), min_size=1, max_size=3).map(" ".join)
words = st.lists(
    st.lists(pronunciations, min_size=1, max_size=2, unique=True).map(lambda ways: word("-".join(ways), *ways)),
    min_size=1,
    max_size=3,
)


def random_scores(frames: int, seed: int) -> NDArray[np.float64]:
    scores = np.random.default_rng(seed).normal(0, 2, (frames, len(SYMBOLS)))
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))


@settings(max_examples=120, deadline=None)
@given(said=words, frames=st.integers(3, 30), seed=st.integers(0, 2**16))
def test_no_path_is_more_probable(said: list[Spoken], frames: int, seed: int) -> None:
    scores = random_scores(frames, seed)
    best = max(
        best_score(scores, [phone for way in ways for phone in indices_of(way)])
        for ways in itertools.product(*(each.pronunciations for each in said))
    )
    if best == -np.inf:
        with pytest.raises(AlignmentError, match="saying the transcript takes"):
            align(scores, said)
        return
    found = align(scores, said)
    path = np.full(frames, OUTSIDE)
    path[found[0].first : found[-1].end] = BLANK
    for phone, first, end in places(found):
        path[first:end] = indices_of((phone,))[0]
    assert with_anything(scores)[np.arange(frames), path].sum() == pytest.approx(best)


def best_score(scores: NDArray[np.float64], phones: list[int]) -> float:
    """The score of the best path that says these phones: equations 6 to 8 of Graves et al. 2006, with a maximum."""
    symbols = [OUTSIDE, *[each for phone in phones for each in (phone, BLANK)][:-1], OUTSIDE]
    scores = with_anything(scores)
    row = [scores[0, symbols[0]], scores[0, symbols[1]], *[-np.inf] * (len(symbols) - 2)]
    for frame in scores[1:]:
        row = [
            frame[symbol]
            + max(
                row[place],
                row[place - 1] if place else -np.inf,
                row[place - 2] if place > 1 and symbol not in (BLANK, OUTSIDE, symbols[place - 2]) else -np.inf,
            )
            for place, symbol in enumerate(symbols)
        ]
    return max(row[-2:])


@settings(max_examples=80, deadline=None)
@given(said=words, frames=st.integers(17, 60), seed=st.integers(0, 2**16))
def test_phones_follow_each_other_inside_the_sound_and_are_those_of_the_words(
    said: list[Spoken], frames: int, seed: int
) -> None:
    found = align(random_scores(frames, seed), said)
    edges = [edge for _, first, end in places(found) for edge in (first, end)]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= frames
    assert all(first < end for _, first, end in places(found))
    for each, expected in zip(found, said, strict=True):
        assert tuple(phone.phone for phone in each.phones) in expected.pronunciations


def test_a_narrow_beam_finds_the_same_in_clear_speech_and_follows_few_states() -> None:
    rng = np.random.default_rng(0)
    names = [SYMBOLS[index] for index in rng.integers(1, len(SYMBOLS), 400)]
    said = [word(str(number), " ".join(names[number : number + 4])) for number in range(0, 400, 4)]
    runs = [run for name in names for run in ((name, int(rng.integers(1, 6))), ("-", 1))]
    sound = heard(*runs, sure=8.0)
    assert places(align(sound, said, beam=20.0)) == places(align(sound, said, beam=np.inf))
