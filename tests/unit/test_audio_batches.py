"""Batches of unlike lengths: everything once, within a budget, and no more batches than it takes."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from undertone.audio.batches import plan_listening


@given(st.lists(st.integers(1, 800), min_size=1, max_size=40))
def test_listening_hears_every_utterance_once_within_its_budget(lengths: list[int]) -> None:
    batches = list(plan_listening(np.array(lengths), most_frames=400))
    assert sorted(np.concatenate(batches)) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[number] for number in batch) <= 400
    for batch, _ in itertools.pairwise(batches):
        assert (len(batch) + 1) * max(lengths[number] for number in batch) > 400
