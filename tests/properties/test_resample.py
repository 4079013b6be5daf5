"""Laws of changing the sample rate: any cut into blocks is the whole, and time is kept."""

from __future__ import annotations

import numpy as np
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.audio.resample import QUALITY, resampled

rates = st.sampled_from((8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000, 384_000))
odd_rates = st.integers(8_000, 384_000)


@st.composite
def sounds(draw: st.DrawFn) -> np.ndarray:
    """Noise, shape (sample, channel)."""
    length = draw(st.integers(0, 30_000))
    channels = draw(st.integers(1, 3))
    seed = draw(st.integers(0, 2**32 - 1))
    return np.random.default_rng(seed).standard_normal((length, channels)).astype(np.float32)


def joined(blocks: list[np.ndarray], source_rate: int, target_rate: int = 16_000) -> np.ndarray:
    found = list(resampled(blocks, source_rate, target_rate))
    assert all(len(block) for block in found)
    return np.concatenate(found) if found else np.empty((0, blocks[0].shape[1]), np.float32)


@given(sound=sounds(), rate=rates, cuts=st.lists(st.integers(0, 30_000), max_size=12))
@settings(deadline=None, max_examples=100)
def test_any_cut_into_blocks_gives_exactly_what_the_whole_gives(sound: np.ndarray, rate: int, cuts: list[int]) -> None:
    found = joined(np.split(sound, sorted(cuts)), rate)
    expected = soxr.resample(sound, rate, 16_000, quality=QUALITY)
    np.testing.assert_array_equal(found, expected)


@given(sound=sounds(), source_rate=odd_rates, target_rate=rates)
@settings(deadline=None, max_examples=60)
def test_result_lasts_as_long_as_the_source_to_one_sample(
    sound: np.ndarray, source_rate: int, target_rate: int
) -> None:
    found = joined([sound], source_rate, target_rate)
    assert found.dtype == np.float32
    assert abs(len(found) - len(sound) * target_rate / source_rate) <= 1


@given(sound=sounds(), rate=rates, gain=st.sampled_from((-2.0, 0.25, 4.0)))
@settings(deadline=None, max_examples=30)
def test_louder_source_gives_a_louder_result_and_nothing_else(sound: np.ndarray, rate: int, gain: float) -> None:
    # Powers of two scale floating-point numbers without rounding.
    np.testing.assert_array_equal(joined([np.float32(gain) * sound], rate), np.float32(gain) * joined([sound], rate))
