"""Log-mel against Kaldi's definition written out in NumPy, and streaming against the whole."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.audio.fbank import FrontEnd, LogMelStream, log_mel

FRONT_END = FrontEnd()


def mel(hz: np.ndarray | float) -> np.ndarray:
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


def kaldi_log_mel(samples: np.ndarray) -> np.ndarray:
    """Kaldi's feature-window.cc, mel-computations.cc and feature-fbank.cc with their defaults, without dither."""
    frames = 1 + (len(samples) - 400) // 160
    framed = np.stack([samples[160 * index : 160 * index + 400] for index in range(frames)]).astype(np.float64) * 32768
    framed -= framed.mean(axis=1, keepdims=True)
    framed = framed - 0.97 * np.concatenate((framed[:, :1], framed[:, :-1]), axis=1)
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    power = np.abs(np.fft.rfft(framed * povey, 512)) ** 2
    edges = np.linspace(mel(20), mel(8000), 82)
    bins = mel(np.arange(256) * 16000 / 512)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    return np.log(np.maximum(power[:, :256] @ weights.T, np.finfo(np.float32).eps))


def test_log_mel_is_kaldis_filter_bank(rng: np.random.Generator) -> None:
    time = np.arange(16_000) / 16_000
    samples = (0.3 * np.sin(2 * np.pi * 220 * time) + rng.normal(0, 0.01, 16_000)).astype(np.float32)
    assert np.allclose(log_mel(samples, FRONT_END), kaldi_log_mel(samples), atol=2e-3)


def test_frames_are_counted_without_padding() -> None:
    for samples in (0, 399, 400, 559, 560, 16_000):
        found = log_mel(np.full(samples, 0.1, np.float32), FRONT_END)
        assert found.shape == (FRONT_END.num_frames(samples), 80)


def test_gain_moves_all_bins_alike(rng: np.random.Generator) -> None:
    samples = rng.normal(0, 0.1, 8_000).astype(np.float32)
    difference = log_mel(samples, FRONT_END) - log_mel(samples / 10, FRONT_END)
    assert np.allclose(difference, 2 * np.log(10), atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 8_000), max_size=8))
def test_any_cut_of_the_sound_gives_the_same_frames(cuts: list[int]) -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, 8_000).astype(np.float32)
    stream = LogMelStream(FRONT_END)
    edges = [0, *sorted(cuts), len(samples)]
    pieces = [stream.feed(samples[first:end]) for first, end in itertools.pairwise(edges)]
    assert np.array_equal(np.concatenate(pieces), log_mel(samples, FRONT_END))


def test_hop_that_is_no_whole_number_of_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="1000 does not divide 110250"):
        _ = FrontEnd(sample_rate=11_025).hop_length
