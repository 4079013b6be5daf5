"""Changing the sample rate keeps what the target can hold and removes what it cannot."""

from __future__ import annotations

import numpy as np
import pytest

from undertone.audio.resample import Resampler, resampled
from undertone.testing.sounds import tone
from undertone.units import SAMPLE_RATE

RATES = (8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 384_000)


def changed(samples: np.ndarray, source_rate: int, target_rate: int = SAMPLE_RATE) -> np.ndarray:
    return np.concatenate(list(resampled([samples[:, np.newaxis]], source_rate, target_rate)))[:, 0]


def inner(samples: np.ndarray) -> np.ndarray:
    """Without the tenth at either end, where a tone that begins at once is no pure tone."""
    return samples[len(samples) // 10 : -len(samples) // 10]


@pytest.mark.parametrize("source_rate", RATES)
def test_tone_stays_the_same_tone(source_rate: int) -> None:
    found = changed(tone(1, 1000, sample_rate=source_rate), source_rate)
    expected = tone(1, 1000)
    assert len(found) == len(expected)
    assert np.abs(inner(found) - inner(expected)).max() < 1e-4


@pytest.mark.parametrize("source_rate", [44_100, 48_000, 96_000, 192_000])
def test_passband_is_flat_to_91_percent_of_the_new_nyquist_frequency(source_rate: int) -> None:
    level = np.sqrt(2) * inner(changed(tone(1, 7280, sample_rate=source_rate), source_rate)).std()
    assert 20 * np.log10(level / 0.5) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("source_rate", [44_100, 48_000, 96_000, 192_000])
@pytest.mark.parametrize("frequency", [8_800, 10_000, 15_000])
def test_what_the_target_cannot_hold_vanishes(source_rate: int, frequency: float) -> None:
    level = np.sqrt(2) * inner(changed(tone(1, frequency, sample_rate=source_rate), source_rate)).std()
    assert 20 * np.log10(level / 0.5) < -100


def test_upsampling_adds_nothing_above_the_old_nyquist_frequency() -> None:
    found = inner(changed(tone(1, 3000, sample_rate=8000), 8000))
    spectrum = np.abs(np.fft.rfft(found * np.blackman(len(found))))
    frequencies = np.fft.rfftfreq(len(found), 1 / SAMPLE_RATE)
    assert spectrum[frequencies > 4500].max() < 1e-5 * spectrum.max()


def test_equal_rates_pass_the_blocks_themselves() -> None:
    blocks = [np.ones((5, 2), np.float32), np.zeros((3, 2), np.float32)]
    found = list(resampled(blocks, 16_000, 16_000))
    assert all(one is other for one, other in zip(found, blocks, strict=True))


def test_channels_stay_apart() -> None:
    samples = np.stack([tone(1, 500, sample_rate=48_000), np.zeros(48_000, np.float32)], axis=1)
    found = np.concatenate(list(resampled([samples], 48_000)))
    assert found.shape == (16_000, 2)
    assert not found[:, 1].any()
    assert np.abs(found[:, 0]).max() == pytest.approx(0.5, abs=0.01)


def test_no_blocks_give_no_blocks() -> None:
    assert list(resampled([], 48_000)) == []


def test_argument_is_not_changed() -> None:
    block = tone(0.1, 440, sample_rate=8000)[:, np.newaxis]
    before = block.copy()
    block.setflags(write=False)
    list(resampled([block], 8000))
    np.testing.assert_array_equal(block, before)


@pytest.mark.parametrize("rates", [(0, 16_000), (16_000, -1)])
def test_rates_that_are_none_are_refused(rates: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=rf"sample rates must be positive, not {rates[0]} Hz and {rates[1]} Hz"):
        Resampler(*rates, channels=1)


def test_no_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="one channel or more, not 0"):
        Resampler(8000, 16_000, 0)


@pytest.mark.parametrize("shape", [(100,), (100, 3)])
def test_block_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape \(sample, 2\), not \(100,"):
        Resampler(8000, 16_000, 2).feed(np.zeros(shape, np.float32))
