"""Finding turns from probabilities of speech."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.conversation.turns import Floor, Stretch, TurnRules, close, frames_for, needed_from, step

RULES = TurnRules()
PAUSE = frames_for(RULES.least_pause_s)
MARGIN = frames_for(RULES.margin_s)
LONGEST = frames_for(RULES.longest_s)


def stretches(probabilities: list[float], levels: list[float] | None = None, rules: TurnRules = RULES) -> list[Stretch]:
    state, found = Floor(), []
    for probability, level in zip(probabilities, levels or [0.0] * len(probabilities), strict=True):
        state, closed = step(state, probability, level, rules)
        found += closed
    return found + list(close(state, rules)[1])


def test_silence_has_no_turns() -> None:
    assert stretches([0.0] * 500) == []


def test_speech_between_silences_is_one_turn_with_margins() -> None:
    assert stretches([0.0] * 50 + [0.9] * 40 + [0.0] * 50) == [Stretch(start=50 - MARGIN, end=90 + MARGIN)]


def test_short_pause_stays_inside_and_long_pause_ends_the_turn() -> None:
    assert len(stretches([0.9] * 30 + [0.0] * (PAUSE - 1) + [0.9] * 30)) == 1
    assert len(stretches([0.9] * 30 + [0.0] * PAUSE + [0.9] * 30)) == 2


def test_probability_between_offset_and_onset_keeps_a_turn_open_but_opens_none() -> None:
    assert stretches([0.3] * 100) == []
    assert stretches([0.9] * 10 + [0.3] * 100) == [Stretch(start=0, end=110)]


def test_click_is_dropped() -> None:
    assert stretches([0.0] * 30 + [0.9] * 3 + [0.0] * 60) == []


def test_long_stretch_is_split_at_the_quietest_point_past_the_half() -> None:
    levels = [-20.0] * (LONGEST + 200)
    quiet = LONGEST * 3 // 4
    levels[quiet - 3 : quiet + 4] = [-60.0] * 7
    first, second = stretches([0.9] * len(levels), levels)
    assert abs(first.end - quiet) <= 3
    assert second == Stretch(start=first.end, end=len(levels))


def test_margin_before_a_turn_never_reaches_into_the_turn_before() -> None:
    rules = TurnRules(least_pause_s=0.1, margin_s=0.5)
    found = stretches([0.9] * 30 + [0.0] * 3 + [0.9] * 30, rules=rules)
    assert [item.start for item in found[1:]] == [item.end for item in found[:-1]]


@given(
    probabilities=st.lists(st.floats(0, 1), max_size=900),
    longest=st.sampled_from([1.0, 3.0, 20.0]),
    seed=st.integers(0, 100),
)
def test_turns_are_in_order_do_not_overlap_and_are_never_too_long(
    probabilities: list[float], longest: float, seed: int
) -> None:
    rules = TurnRules(longest_s=longest)
    levels = np.random.default_rng(seed).normal(-30, 10, len(probabilities)).tolist()
    found = stretches(probabilities, levels, rules)
    for item in found:
        assert 0 <= item.start < item.end <= len(probabilities)
        assert item.end - item.start <= frames_for(longest) + 2 * MARGIN
    for before, after in itertools.pairwise(found):
        assert before.end <= after.start


@given(probabilities=st.lists(st.sampled_from([0.0, 0.3, 0.9]), max_size=400))
def test_sound_that_a_turn_takes_was_still_needed_before(probabilities: list[float]) -> None:
    state = Floor()
    for probability in probabilities:
        needed = needed_from(state, RULES)
        state, closed = step(state, probability, 0.0, RULES)
        assert all(stretch.start >= needed for stretch in closed)


@pytest.mark.parametrize("shift", [1, 17, 100])
def test_shifting_the_sound_shifts_the_turns(shift: int) -> None:
    sound = [0.0] * 20 + [0.9] * 40 + [0.1] * 30 + [0.8] * 20 + [0.0] * 40
    moved = [Stretch(start=item.start + shift, end=item.end + shift) for item in stretches(sound)]
    assert stretches([0.0] * shift + sound) == moved
