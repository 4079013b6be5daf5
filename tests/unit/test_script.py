"""What a network that reads is given: padding, taking apart again, and segments of windows."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from undertone.speech.script import (
    Script,
    padded_scripts,
    script_alone,
    script_names,
    segments_within,
)

ONE = Script(tokens=np.array([7, 8, 9]), segments={"word": np.array([[0, 3], [3, 5], [6, 9]])})
MUTE = Script(tokens=np.empty(0, dtype=np.int64), segments={"word": np.array([[0, 4]])})


def test_scripts_are_padded_and_counted() -> None:
    together = padded_scripts([ONE, MUTE])
    assert tuple(together) == script_names(["word"])
    assert together["tokens"].tolist() == [[7, 8, 9], [0, 0, 0]]
    assert together["tokens_count"].tolist() == [3, 0]
    assert together["word"].tolist() == [[[0, 3], [3, 5], [6, 9]], [[0, 4], [0, 1], [0, 1]]]
    assert together["word_count"].tolist() == [3, 1]


def test_a_window_alone_has_no_padding_but_the_least() -> None:
    together = padded_scripts([ONE, MUTE])
    alone = script_alone(together, 1)
    expected = padded_scripts([MUTE])
    assert alone.keys() == expected.keys()
    assert all(np.array_equal(alone[name], expected[name]) for name in alone)


def test_segments_of_a_window_are_cut_and_counted_from_its_start() -> None:
    bounds = np.array([[0, 10], [10, 12], [20, 30]])
    assert segments_within(bounds, 5, 10).tolist() == [[0, 5], [5, 7]]
    assert segments_within(bounds, 13, 6).tolist() == [[0, 6]]


@given(
    edges=st.lists(st.integers(0, 200), min_size=2, max_size=12, unique=True).map(sorted),
    first=st.integers(0, 200),
    frames=st.integers(1, 80),
)
def test_every_window_holds_a_segment_and_none_leaves_it(edges: list[int], first: int, frames: int) -> None:
    bounds = np.array([edges[:-1], edges[1:]]).T
    found = segments_within(bounds, first, frames)
    assert len(found) >= 1
    assert (found[:, 0] < found[:, 1]).all()
    assert found.min() >= 0
    assert found.max() <= frames
