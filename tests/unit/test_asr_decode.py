"""Decoding and counting mistakes: greedy CTC, edit distance, the phone error rate and its interval."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from undertone.asr.decode import NOTHING, Edits, edits_between, error_rate
from undertone.asr.recognise import transcribe
from undertone.audio.stretches import LONGEST_S, stretches, stretches_of
from undertone.backbones.network import Frames, output_lengths
from undertone.speech.greedy import Heard, greedy
from undertone.units import SAMPLE_RATE

phones = st.lists(st.integers(1, 4), max_size=9)


def one_hot(symbols: list[int]) -> np.ndarray:
    return np.eye(5)[symbols] if symbols else np.empty((0, 5))


def test_equal_neighbours_are_joined_and_blanks_dropped() -> None:
    assert greedy(one_hot([0, 2, 2, 0, 2, 3, 3, 3, 0, 0])) == (
        Heard(symbol=2, first=1, end=3), Heard(symbol=2, first=4, end=5), Heard(symbol=3, first=5, end=8),
    )  # fmt: skip


@given(st.lists(st.integers(0, 4), max_size=30))
def test_greedy_decoding_is_that_of_the_definition(frames: list[int]) -> None:
    wanted = [symbol for symbol, _ in itertools.groupby(frames) if symbol != 0]
    heard = greedy(one_hot(frames))
    assert [each.symbol for each in heard] == wanted
    assert all(frames[each.first : each.end] == [each.symbol] * (each.end - each.first) for each in heard)


def slowly(truth: list[int], heard: list[int]) -> int:
    """Edit distance by its recursion."""
    if not truth or not heard:
        return len(truth) + len(heard)
    if truth[0] == heard[0]:
        return slowly(truth[1:], heard[1:])
    return 1 + min(slowly(truth[1:], heard[1:]), slowly(truth[1:], heard), slowly(truth, heard[1:]))


@given(st.lists(st.integers(1, 3), max_size=6), st.lists(st.integers(1, 3), max_size=6))
def test_edits_are_the_fewest(truth: list[int], heard: list[int]) -> None:
    assert edits_between(truth, heard).errors == slowly(truth, heard)


@given(phones, phones)
def test_the_pairs_of_an_edit_are_the_two_sequences(truth: list[int], heard: list[int]) -> None:
    edits = edits_between(truth, heard)
    assert [one for one, _ in edits.pairs if one != NOTHING] == truth
    assert [other for _, other in edits.pairs if other != NOTHING] == heard
    assert edits.errors == sum(one != other for one, other in edits.pairs)


@given(phones, phones)
def test_deletions_and_insertions_swap_when_truth_and_hearing_do(truth: list[int], heard: list[int]) -> None:
    one, other = edits_between(truth, heard), edits_between(heard, truth)
    assert one.errors == other.errors
    assert one.deletions - one.insertions == other.insertions - other.deletions == len(truth) - len(heard)


def test_an_edit_tells_what_was_taken_for_what() -> None:
    assert edits_between([1, 2, 3, 4], [1, 3, 3]) == Edits(
        substitutions=1, insertions=0, deletions=1, pairs=((1, 1), (2, NOTHING), (3, 3), (4, 3))
    )


def rate_of(pairs: list[tuple[list[int], list[int]]], speakers: list[str]):
    return error_rate(
        [edits_between(*pair) for pair in pairs],
        speakers=speakers,
        utterances=[str(number) for number in range(len(pairs))],
        rng=np.random.default_rng(0),
    )


def test_the_rate_is_of_all_phones_together() -> None:
    rate = rate_of([([1, 2, 3, 4], [1, 2, 3, 4]), ([1], [2]), ([2, 2], [2, 2, 3])], ["a", "b", "c"])
    assert rate.rate.value == pytest.approx(2 / 7)
    assert (rate.substitutions, rate.insertions, rate.deletions, rate.said) == (1, 1, 0, 7)
    assert (rate.by, rate.speakers, rate.utterances) == ("speaker", 3, 3)
    assert rate.confusions == ((NOTHING, 3, 1), (1, 2, 1))
    assert sum(count for truth, _, count in rate.pairs if truth != NOTHING) == rate.said


def test_the_interval_is_over_speakers_and_covers_the_rate() -> None:
    rng = np.random.default_rng(1)
    pairs, speakers = [], []
    for speaker in range(8):
        for _ in range(5):
            truth = rng.integers(1, 5, 20).tolist()
            wrong = rng.random(20) < 0.05 * (1 + speaker)
            pairs.append((truth, [9 if bad else each for each, bad in zip(truth, wrong, strict=True)]))
            speakers.append(f"s{speaker}")
    rate = rate_of(pairs, speakers)
    assert rate.rate.low < rate.rate.value < rate.rate.high
    by_utterance = rate_of(pairs, [str(number) for number in range(40)])
    assert rate.rate.high - rate.rate.low > by_utterance.rate.high - by_utterance.rate.low


def test_the_rate_of_nothing_is_undefined() -> None:
    assert math.isnan(rate_of([([], [])], ["a"]).rate.value)


def test_with_two_speakers_utterances_are_redrawn() -> None:
    assert rate_of([([1], [1]), ([1], [2]), ([1], [1])], ["a", "a", "b"]).by == "utterance"


class Loudest(nn.Module):
    """Hears phone 1 where the sound is loud, and the blank elsewhere."""

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        loud = features.mean(dim=2)[:, ::4] > 5
        logits = nn.functional.one_hot(loud.long(), 40).float()
        return Frames(blocks=(), logits=logits, lengths=output_lengths(lengths))


def test_phones_have_the_times_at_which_they_sound() -> None:
    samples = np.random.default_rng(0).normal(size=2 * SAMPLE_RATE).astype(np.float32) * 0.1
    samples[: SAMPLE_RATE // 2] = 0
    samples[SAMPLE_RATE:] = 0
    (phone,) = transcribe(Loudest(), samples)
    assert phone.phone == "AA"
    assert phone.start == pytest.approx(0.5, abs=0.04)
    assert phone.end == pytest.approx(1.0, abs=0.04)


@given(st.integers(0, 75 * 100))
def test_stretches_cover_a_recording_without_a_gap(centiseconds: int) -> None:
    samples = np.zeros(160 * centiseconds, dtype=np.float32)
    found = list(stretches(samples))
    assert [first for first, _ in found] == [0, *(end for _, end in found[:-1])][: len(found)]
    assert (found[-1][1] if found else 0) == len(samples)
    assert all(0 < end - first <= LONGEST_S * SAMPLE_RATE for first, end in found)


def test_a_long_recording_is_cut_in_a_pause() -> None:
    samples = np.random.default_rng(0).normal(size=30 * SAMPLE_RATE).astype(np.float32)
    samples[17 * SAMPLE_RATE : 17 * SAMPLE_RATE + 3200] = 0
    (_, cut), _ = stretches(samples)
    assert 17 < cut / SAMPLE_RATE < 17.2


def test_a_recording_that_comes_in_blocks_is_cut_as_the_whole_is() -> None:
    samples = np.random.default_rng(0).normal(size=55 * SAMPLE_RATE).astype(np.float32)
    whole = list(stretches(samples))
    assert len(whole) > 2
    for size in (SAMPLE_RATE, 7 * SAMPLE_RATE + 3, 40 * SAMPLE_RATE):
        blocks = (samples[first : first + size] for first in range(0, len(samples), size))
        assert [(first, first + len(part)) for first, part in stretches_of(blocks)] == whole


def test_silence_too_short_for_a_frame_has_no_phones() -> None:
    assert transcribe(Loudest(), np.zeros(100, dtype=np.float32)) == ()
