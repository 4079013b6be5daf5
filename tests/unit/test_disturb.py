"""Disturbing speech: noise at the ratio asked for, rooms without delay, the telephone's band."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.errors import CorpusError, MissingRecordingError
from undertone.testing.sounds import noise, tone, voice, write_recording
from undertone.training.config import Augmentation
from undertone.training.disturb import (
    CODECS,
    MOST_COMPRESSION,
    Surroundings,
    disturbed,
    read_surroundings,
    rms,
    through_codec,
    through_room,
    through_telephone,
    with_hiss,
    with_noise,
)
from undertone.units import SAMPLE_RATE

NEVER = Augmentation(telephone=0.0, room=0.0, noise=0.0)


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    samples = voice(1.0, rng=np.random.default_rng(1))
    samples.setflags(write=False)
    return samples


@pytest.fixture(scope="module")
def surroundings() -> Surroundings:
    rng = np.random.default_rng(2)
    fading = (rng.standard_normal(3000) * np.exp(-np.arange(3000) / 500) * 0.2).astype(np.float32)
    fading[40] = 1.0
    return Surroundings(noises=(noise(0.3, rng=rng), tone(2.0, 200.0)), rooms=(fading, fading[20:]))


def level_db(after: np.ndarray, before: np.ndarray) -> float:
    return 20 * np.log10((rms(after) + 1e-12) / rms(before))  # −240 dB stands for silence


def power_share(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    """The share of the power of samples at 16 kHz that lies between two frequencies."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(power[(hertz >= low_hz) & (hertz <= high_hz)].sum() / power.sum())


def test_the_root_mean_square_of_a_sine_is_its_amplitude_over_the_root_of_two() -> None:
    assert rms(tone(1.0, 100.0, amplitude=0.5)) == pytest.approx(0.5 / np.sqrt(2), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(snr_db=st.floats(-20, 60), level=st.floats(1e-3, 10.0))
def test_noise_comes_at_the_ratio_asked_for(snr_db: float, level: float) -> None:
    samples = tone(0.2, 440.0)
    loud = noise(0.2, rng=np.random.default_rng(3), level=level)
    added = with_noise(samples, loud, snr_db).astype(np.float64) - samples
    assert 20 * np.log10(rms(samples) / rms(added)) == pytest.approx(snr_db, abs=0.05)


def test_noise_keeps_length_and_kind_and_its_arguments(speech: np.ndarray) -> None:
    loud = noise(1.0, rng=np.random.default_rng(3))
    loud.setflags(write=False)
    mixed = with_noise(speech, loud, 10.0)
    assert mixed.shape == speech.shape
    assert mixed.dtype == np.float32


def test_silent_speech_and_silent_noise_stay_as_they_are(speech: np.ndarray) -> None:
    silence = np.zeros_like(speech)
    assert np.array_equal(with_noise(speech, silence, 10.0), speech)
    assert np.array_equal(with_noise(silence, speech, 10.0), silence)


def test_a_telephone_lets_nothing_through_outside_its_band() -> None:
    before = noise(4.0, rng=np.random.default_rng(4))
    after = through_telephone(before)
    assert power_share(before, 300, 3400) < 0.4
    assert power_share(after, 300, 3400) > 0.96
    assert power_share(after, 0, 150) < 0.002
    assert power_share(after, 4050, 8000) < 1e-5


@pytest.mark.parametrize(
    ("frequency", "least_db", "most_db"), [(60.0, -250, -40), (1000.0, -1, 1), (5000.0, -250, -60)]
)
def test_a_telephone_passes_tones_by_their_frequency(frequency: float, least_db: float, most_db: float) -> None:
    before = tone(1.0, frequency)
    middle = slice(4000, 12_000)  # where the filter has settled
    assert least_db < level_db(through_telephone(before)[middle], before[middle]) < most_db


def test_a_telephone_codes_with_the_steps_of_eight_bits(speech: np.ndarray) -> None:
    """µ-law keeps speech about 38 dB above its own noise: audible in features, not gone and not free."""
    once = through_telephone(speech)
    assert not np.allclose(once, speech, atol=0.01)
    assert level_db(once, speech) > -6


@pytest.mark.parametrize("samples", [1, 2, 159, 16_000, 16_001])
def test_a_telephone_keeps_the_length(samples: int) -> None:
    before = noise(2.0, rng=np.random.default_rng(5))[:samples]
    before.setflags(write=False)
    after = through_telephone(before)
    assert after.shape == (samples,)
    assert after.dtype == np.float32


def test_a_silent_telephone_is_silent() -> None:
    assert not through_telephone(np.zeros(1600, dtype=np.float32)).any()


@pytest.mark.parametrize("delay", [0, 1, 500])
def test_a_room_without_echo_changes_nothing(speech: np.ndarray, delay: int) -> None:
    room = np.zeros(delay + 1, dtype=np.float32)
    room[delay] = -0.3
    assert np.allclose(through_room(speech, room), -speech, atol=1e-5)


def test_a_room_keeps_length_level_and_the_time_of_the_direct_sound(
    speech: np.ndarray, surroundings: Surroundings
) -> None:
    for room in surroundings.rooms:
        room.setflags(write=False)
        wet = through_room(speech, room)
        assert wet.shape == speech.shape
        assert wet.dtype == np.float32
        assert rms(wet) == pytest.approx(rms(speech), rel=1e-4)
        assert not np.allclose(wet, speech, atol=0.01)
        click = np.zeros(8000, dtype=np.float32)
        click[3000] = 0.5
        assert np.argmax(np.abs(through_room(click, room))) == 3000


def test_a_silent_room_and_silent_speech_stay_as_they_are(speech: np.ndarray) -> None:
    assert np.array_equal(through_room(speech, np.zeros(100, dtype=np.float32)), speech)
    silence = np.zeros(100, dtype=np.float32)
    assert np.array_equal(through_room(silence, np.ones(3, dtype=np.float32)), silence)


def test_without_any_disturbance_speech_is_itself(speech: np.ndarray, surroundings: Surroundings) -> None:
    assert np.array_equal(disturbed(speech, NEVER, surroundings, np.random.default_rng(0)), speech)


@pytest.mark.parametrize("kind", ["telephone", "room", "noise", "hiss", "codec"])
def test_each_disturbance_alone_does_something(speech: np.ndarray, surroundings: Surroundings, kind: str) -> None:
    how = dataclasses.replace(NEVER, **{kind: 1.0}, most_hiss_db=-40.0, least_hiss_db=-41.0)
    found = disturbed(speech, how, surroundings, np.random.default_rng(0))
    assert found.shape == speech.shape
    assert found.dtype == np.float32
    assert not np.allclose(found, speech, atol=1e-3)


def test_noise_is_drawn_within_the_ratios(speech: np.ndarray, surroundings: Surroundings) -> None:
    how = dataclasses.replace(NEVER, noise=1.0, least_snr_db=5.0, most_snr_db=9.0)
    rng = np.random.default_rng(0)
    ratios = [level_db(speech, disturbed(speech, how, surroundings, rng) - speech) for _ in range(20)]
    assert min(ratios) > 4.9
    assert max(ratios) < 9.1
    assert max(ratios) - min(ratios) > 1


def test_hiss_has_the_level_that_it_is_asked_for_however_loud_the_speech(speech: np.ndarray) -> None:
    for gain in (1.0, 0.01):
        hiss = with_hiss(speech * gain, -60.0, np.random.default_rng(0)) - speech * gain
        assert 20 * np.log10(rms(hiss)) == pytest.approx(-60, abs=0.2)


@pytest.mark.parametrize(("container", "codec"), CODECS)
@pytest.mark.parametrize("gain", [0.001, 1.0, 3.0])
def test_a_codec_keeps_length_time_and_level(container: str, codec: str, gain: float) -> None:
    seconds = np.arange(16_000) / 16_000
    sound = (0.5 * gain * np.sin(2 * np.pi * 440 * seconds) * np.hanning(16_000)).astype(np.float32)
    for compression in (0.5, MOST_COMPRESSION):
        decoded = through_codec(sound, container, codec, compression)
        assert decoded.shape == sound.shape
        assert decoded.dtype == np.float32
        assert rms(decoded) == pytest.approx(rms(sound), rel=0.1)
        assert abs(np.argmax(scipy.signal.correlate(decoded, sound, "same")) - 8000) < 16
    silence = np.zeros(100, dtype=np.float32)
    assert np.array_equal(through_codec(silence, container, codec, 0.5), silence)


def test_the_draws_depend_on_the_generator_alone(speech: np.ndarray, surroundings: Surroundings) -> None:
    how = Augmentation(telephone=0.5, room=0.5, noise=0.5)
    draws = [disturbed(speech, how, surroundings, np.random.default_rng(seed)) for seed in (0, 0, 1, 2, 3)]
    assert np.array_equal(draws[0], draws[1])
    assert not all(np.array_equal(draws[0], other) for other in draws[2:])


def make_noise_folder(root: Path, name: str, rows: str) -> None:
    (root / name / "audio").mkdir(parents=True)
    (root / name / "metadata.csv").write_text(rows, encoding="utf-8")
    write_recording(root / name / "audio" / "rain.wav", noise(0.2, rng=np.random.default_rng(0)))
    write_recording(root / name / "audio" / "hall.wav", np.eye(1, 800, 5, dtype=np.float32)[0] * 0.9)


def test_noises_and_rooms_are_told_apart_by_their_kind(tmp_path: Path) -> None:
    make_noise_folder(tmp_path, "rain", "file\naudio/rain.wav\n")
    make_noise_folder(tmp_path, "rooms", "file,kind\naudio/hall.wav,rir\naudio/rain.wav,noise\n")
    found = read_surroundings(tmp_path, ("rain", "rooms"))
    assert [len(item) for item in found.noises] == [3200, 3200]
    assert [int(np.argmax(item)) for item in found.rooms] == [5]


def test_surroundings_that_lack_something_are_refused(tmp_path: Path) -> None:
    make_noise_folder(tmp_path, "rain", "file\naudio/rain.wav\n")
    make_noise_folder(tmp_path, "nameless", "path\naudio/rain.wav\n")
    make_noise_folder(tmp_path, "gone", "file\naudio/snow.wav\n")
    with pytest.raises(CorpusError, match=r"streets: .*metadata\.csv is missing; name folders of noise"):
        read_surroundings(tmp_path, ("rain", "streets"))
    with pytest.raises(CorpusError, match="noise: 1 noises and 0 room responses found; at least one of each is needed"):
        read_surroundings(tmp_path, ("rain",))
    with pytest.raises(
        CorpusError, match=r"nameless: a row of .*metadata\.csv names no file; it needs the column file"
    ):
        read_surroundings(tmp_path, ("nameless",))
    with pytest.raises(MissingRecordingError, match=r"snow\.wav: it does not exist"):
        read_surroundings(tmp_path, ("gone",))
