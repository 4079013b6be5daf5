"""Log-mel statistics, openSMILE's functionals, and looking encoders up."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.encoders.functionals import LEAST_SAMPLES, LOUDEST
from undertone.encoders.registry import ENCODERS, encoder_named
from undertone.encoders.statistics import PERCENTILES, STATISTICS, statistics
from undertone.errors import ConfigError, MissingExtraError
from undertone.testing.sounds import noise, tone, voice

FRAMES = arrays.arrays(
    np.float32, st.tuples(st.integers(1, 20), st.integers(1, 4)), elements=st.floats(-16, 16, width=32)
)


def named(row: np.ndarray, bands: int) -> dict[str, np.ndarray]:
    return dict(zip(STATISTICS, row.reshape(len(STATISTICS), bands), strict=True))


def test_statistics_of_two_frames_are_what_one_computes_by_hand() -> None:
    found = named(statistics(np.array([[1, 10], [3, 20]], dtype=np.float32)), 2)
    expected = {
        "mean": [2, 15], "std": [1, 5], "p5": [1.1, 10.5], "p25": [1.5, 12.5], "p50": [2, 15], "p75": [2.5, 17.5],
        "p95": [2.9, 19.5], "delta_mean": [2, 10], "delta_std": [0, 0],
    }  # fmt: skip
    assert set(found) == set(expected)
    for name, values in expected.items():
        assert found[name] == pytest.approx(values), name


@given(FRAMES)
def test_percentiles_rise_and_lie_within_the_values(frames: np.ndarray) -> None:
    row = statistics(frames)
    assert row.shape == (1, len(STATISTICS) * frames.shape[1])
    assert row.dtype == np.float32
    found = named(row, frames.shape[1])
    ladder = np.stack([frames.min(axis=0), *(found[f"p{share}"] for share in PERCENTILES), frames.max(axis=0)])
    assert (np.diff(ladder, axis=0) >= -1e-5).all()


@given(FRAMES, st.floats(-5, 5, width=32))
def test_louder_sound_moves_levels_and_leaves_spreads(frames: np.ndarray, gain: float) -> None:
    one, other = (named(statistics(values), frames.shape[1]) for values in (frames, frames + np.float32(gain)))
    for name in STATISTICS:
        moved = 0 if name in {"std", "delta_mean", "delta_std"} else gain
        assert other[name] == pytest.approx(one[name] + moved, abs=1e-4), name


@given(FRAMES)
def test_time_turned_round_leaves_everything_but_the_direction_of_deltas(frames: np.ndarray) -> None:
    one, other = (named(statistics(values), frames.shape[1]) for values in (frames, frames[::-1]))
    for name in STATISTICS:
        sign = -1 if name == "delta_mean" else 1
        assert other[name] == pytest.approx(sign * one[name], abs=1e-4), name


def test_a_single_frame_does_not_change_and_no_frame_has_no_row() -> None:
    found = named(statistics(np.full((1, 2), 3, dtype=np.float32)), 2)
    assert found["delta_mean"].tolist() == found["delta_std"].tolist() == found["std"].tolist() == [0, 0]
    assert statistics(np.empty((0, 2), dtype=np.float32)).shape == (0, 2 * len(STATISTICS))


def test_log_mel_is_what_the_network_compact_takes_with_its_silence() -> None:
    spoken = np.concatenate((np.zeros(8000, np.float32), voice(0.5, rng=np.random.default_rng(0), pitch=150.0)))
    (frames,) = encoder_named("log-mel").encode([spoken])
    assert np.array_equal(frames, log_mel(spoken, FrontEnd()))
    assert len(frames) == FrontEnd().num_frames(16_000)


@pytest.mark.parametrize(("name", "size"), [("egemaps", 88), ("compare", 6373)])
def test_functionals_are_opensmiles_own(name: str, size: int) -> None:
    import opensmile

    samples = voice(1.0, rng=np.random.default_rng(1), pitch=180.0)
    feature_set = {"egemaps": opensmile.FeatureSet.eGeMAPSv02, "compare": opensmile.FeatureSet.ComParE_2016}[name]
    smile = opensmile.Smile(feature_set=feature_set, feature_level=opensmile.FeatureLevel.Functionals)
    (row,) = encoder_named(name).encode([samples])
    assert row.shape == (1, size)
    assert np.array_equal(row, smile.process_signal(samples, 16_000).to_numpy(np.float32))


@pytest.mark.parametrize("name", ["egemaps", "compare"])
def test_functionals_of_short_sound_are_those_with_silence_behind_it(name: str) -> None:
    encoder = encoder_named(name)
    short = noise(0.03, rng=np.random.default_rng(0))
    padded = np.concatenate((short, np.zeros(LEAST_SAMPLES - len(short), dtype=np.float32)))
    one, other, nothing = encoder.encode([short, padded, short[:0]])
    assert np.array_equal(one, other)
    assert np.isfinite(one).all()
    assert nothing.shape == (0, *encoder.row_shape)


def test_sound_beyond_full_scale_is_clipped_and_does_not_wrap_round() -> None:
    loud = tone(0.5, 200.0, amplitude=1.2)
    before = loud.copy()
    one, other = encoder_named("egemaps").encode([loud, np.clip(loud, -1, LOUDEST)])
    assert np.array_equal(one, other)
    assert np.array_equal(loud, before)
    wrapped = ((loud * 32768).astype(np.int32).astype(np.int16) / 32768).astype(np.float32)
    assert not np.allclose(one, encoder_named("egemaps").encode([wrapped])[0], rtol=0.1)


def test_without_opensmile_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(
        MissingExtraError, match=r"taking openSMILE functionals needs packages .* 'undertone\[opensmile\]'"
    ):
        encoder_named("egemaps")


@pytest.mark.parametrize("name", ["mfcc", "hub", "hub:", "opensmile:egemaps", ""])
def test_an_unknown_encoder_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"encoder: no encoder is called '{name}'; there are log-mel, .*hub:…"
    ) as held:
        encoder_named(name)
    assert all(known in str(held.value) for known in ENCODERS)


def test_looking_an_encoder_up_loads_only_what_it_needs() -> None:
    code = (
        "import sys; from undertone.encoders.registry import encoder_named; encoder_named('log-mel-statistics');"
        "print(sorted({'torch', 'transformers', 'opensmile', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
