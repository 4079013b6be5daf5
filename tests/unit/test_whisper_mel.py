"""Whisper's log-mel as a stream: cuts, edges, counts, and what scaling keeps and takes out."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.audio.whisper_mel import MEL_BINS, MelScale, WhisperMelStream, mel_filters, scaled, whisper_mel


def sound(samples: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.1, samples).astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(length=st.integers(0, 4_000), cuts=st.lists(st.integers(0, 4_000), max_size=8))
def test_any_cut_of_the_sound_gives_the_same_frames(length: int, cuts: list[int]) -> None:
    samples = sound(length)
    stream = WhisperMelStream()
    edges = [0, *sorted(min(cut, length) for cut in cuts), length]
    parts = [stream.feed(samples[a:b]) for a, b in itertools.pairwise(edges)]
    found = np.concatenate((*parts, stream.finish()))
    assert found.shape == (length // 160, MEL_BINS)
    assert np.allclose(found, whisper_mel(samples), atol=1e-6, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 100, 159, 160, 200, 201, 319, 320, 399, 400, 401, 16_000, 16_159])
def test_frames_are_counted_and_short_sounds_have_finite_ones(samples: int) -> None:
    found = whisper_mel(sound(samples))
    assert found.shape == (samples // 160, MEL_BINS)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_edges_are_reflected() -> None:
    samples = sound(1_600)
    before = np.concatenate((samples[320:0:-1], samples))  # two frames more
    behind = np.concatenate((samples, samples[-2:-202:-1]))
    found = whisper_mel(samples)
    assert np.allclose(found[:2], whisper_mel(before)[2:4], atol=1e-6)
    assert np.allclose(found[9], whisper_mel(behind)[9], atol=1e-6)


def test_silence_is_the_least_energy() -> None:
    assert np.array_equal(whisper_mel(np.zeros(1_600, np.float32)), np.full((10, MEL_BINS), -10, np.float32))


def test_every_band_hears_something_and_no_more_than_its_neighbours() -> None:
    filters = mel_filters()
    assert filters.shape == (201, MEL_BINS)
    assert (filters.sum(axis=0) > 0).all()
    assert (np.count_nonzero(filters, axis=1) <= 2).all()


def test_published_scaling_keeps_the_level_and_limits_the_range() -> None:
    frames = np.linspace(-10, 1.5, 5 * MEL_BINS, dtype=np.float32).reshape(5, MEL_BINS)
    found = scaled(frames)
    assert found.max() == pytest.approx((1.5 + 4) / 4)
    assert found.min() == pytest.approx((1.5 - 8 + 4) / 4)
    assert found.dtype == np.float32
    assert frames.min() == -10  # nothing is changed in place


@pytest.mark.parametrize("gain", [0.05, 0.5, 4.0])
def test_with_a_level_gain_changes_nothing(gain: float) -> None:
    scale = MelScale(level=1.0)
    quiet = scaled(whisper_mel(np.float32(gain) * sound(8_000)), scale)
    assert np.allclose(quiet, scaled(whisper_mel(sound(8_000)), scale), atol=1e-5)
    assert quiet.max() == pytest.approx((1.0 + 4) / 4)
    assert not np.allclose(scaled(whisper_mel(np.float32(gain) * sound(8_000))), quiet, atol=1e-2)


def test_a_smaller_range_hides_what_lies_far_below() -> None:
    frames = np.zeros((2, MEL_BINS), np.float32)
    frames[1] = -7
    assert scaled(frames, MelScale(range_decades=5.0)).min() == pytest.approx((-5 + 4) / 4)
