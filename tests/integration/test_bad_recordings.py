"""Whatever people hand in: each ends in the right error, or in a timeline that says what was heard."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from odd_recordings import cut

import undertone
from undertone.errors import (
    AudioError,
    EmptyAudioError,
    MissingRecordingError,
    NotFiniteAudioError,
    TooManyChannelsError,
    TruncatedAudioError,
    UnreadableAudioError,
    UnsupportedRateError,
)
from undertone.inference.recognizer import Recognizer
from undertone.testing.bundles import make_bundle
from undertone.testing.sounds import noise, tone, voice, write_recording

NOBODY = "nobody was heard to speak"
Make = Callable[[Path], Path]


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return undertone.load(make_bundle(tmp_path_factory.mktemp("bundle")), threads=1)


def spoken(seconds: float = 2.0, sample_rate: int = 16_000) -> np.ndarray:
    return voice(seconds, rng=np.random.default_rng(3), sample_rate=sample_rate)


def content(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def floats(path: Path, samples: np.ndarray, sample_rate: int = 16_000) -> Path:
    soundfile.write(path, samples, sample_rate, subtype="FLOAT")
    return path


def empty_sound(folder: Path) -> Path:
    head = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16) + b"data" + struct.pack("<I", 0)
    return content(folder / "zero.wav", b"RIFF" + struct.pack("<I", len(head)) + head)


REFUSED: dict[str, tuple[Make, type[AudioError] | tuple[type[AudioError], ...], str]] = {
    "missing": (lambda folder: folder / "gone.wav", MissingRecordingError, r"gone\.wav: it does not exist"),
    "a folder": (lambda folder: folder, MissingRecordingError, "it is a folder, not a recording"),
    "empty": (lambda folder: content(folder / "empty.wav", b""), EmptyAudioError, r"it is empty \(0 bytes\)"),
    "words": (
        lambda folder: content(folder / "words.wav", b"these are words, not sound\n" * 40),
        UnreadableAudioError,
        r"words\.wav: ",
    ),
    "no samples": (empty_sound, EmptyAudioError, "it holds no samples"),
    "cut m4a": (
        lambda folder: cut(write_recording(folder / "call.m4a", spoken())),
        (TruncatedAudioError, UnreadableAudioError),
        r"cut_call\.m4a: ",
    ),
    "cut wav": (
        lambda folder: cut(write_recording(folder / "call.wav", spoken())),
        TruncatedAudioError,
        "1.00 s .* 2.00 s",
    ),
    "all nan": (
        lambda folder: floats(folder / "nan.wav", np.full(16_000, np.nan, dtype=np.float32)),
        NotFiniteAudioError,
        r"a sample at 0\.000 s is not a number",
    ),
    "one infinite sample": (
        lambda folder: floats(folder / "inf.wav", np.where(np.arange(16_000) == 12_000, np.inf, 0).astype(np.float32)),
        NotFiniteAudioError,
        r"a sample at 0\.750 s is not a number",
    ),
    "nine channels": (
        lambda folder: floats(folder / "nine.wav", np.zeros((1600, 9), dtype=np.float32)),
        TooManyChannelsError,
        "it has 9 channels; at most 8 are read",
    ),
    "4 kHz": (
        lambda folder: floats(folder / "low.wav", np.zeros(4000, dtype=np.float32), 4000),
        UnsupportedRateError,
        "its sample rate is 4000 Hz; 8000 to 384000 Hz are read",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_recording_is_refused_with_the_reason(recognizer: Recognizer, tmp_path: Path, name: str) -> None:
    make, kind, said = REFUSED[name]
    path = make(tmp_path)
    with pytest.raises(kind, match=said) as caught:
        recognizer.analyze(path)
    assert caught.value.path == str(path)


NOBODY_SPEAKS: dict[str, Make] = {
    "digital silence": lambda folder: floats(folder / "x.wav", np.zeros(48_000, dtype=np.float32)),
    "constant": lambda folder: floats(folder / "x.wav", np.full(48_000, 0.5, dtype=np.float32)),
    "full scale constant": lambda folder: floats(folder / "x.wav", np.full(48_000, 1.0, dtype=np.float32)),
    "a tone": lambda folder: floats(folder / "x.wav", tone(3.0, 1000.0)),
    "one sample": lambda folder: floats(folder / "x.wav", np.full(1, 0.5, dtype=np.float32)),
    "a tenth of a second": lambda folder: floats(folder / "x.wav", spoken(0.1)),
    "eight silent channels": lambda folder: floats(folder / "x.wav", np.zeros((16_000, 8), dtype=np.float32)),
}


@pytest.mark.parametrize("name", NOBODY_SPEAKS)
def test_where_nobody_speaks_the_timeline_has_no_turns_and_says_so(
    recognizer: Recognizer, tmp_path: Path, name: str
) -> None:
    path = NOBODY_SPEAKS[name](tmp_path)
    timeline = recognizer.analyze(path)
    assert timeline.turns == ()
    assert timeline.notes[0] == NOBODY
    assert timeline.recording.duration == pytest.approx(soundfile.info(path).duration, abs=1e-4)


def test_clipped_noise_gives_a_timeline_whatever_is_heard_in_it(recognizer: Recognizer, tmp_path: Path) -> None:
    loud = np.clip(noise(3.0, rng=np.random.default_rng(0), level=3.0), -1, 1)
    timeline = recognizer.analyze(floats(tmp_path / "noise.wav", loud))
    assert (NOBODY in timeline.notes) == (timeline.turns == ())
    assert timeline.recording.duration == 3.0


def test_samples_beyond_full_scale_are_heard_as_they_are(recognizer: Recognizer, tmp_path: Path) -> None:
    timeline = recognizer.analyze(floats(tmp_path / "loud.wav", 8 * spoken()))
    assert len(timeline.turns) == 1


@pytest.mark.parametrize("sample_rate", [8_000, 11_025, 22_050, 48_000, 192_000])
def test_speech_is_heard_at_every_rate(recognizer: Recognizer, tmp_path: Path, sample_rate: int) -> None:
    quiet = np.zeros(sample_rate, dtype=np.float32)
    sound = np.concatenate((quiet, spoken(2.0, sample_rate), quiet))
    timeline = recognizer.analyze(floats(tmp_path / "call.wav", sound, sample_rate))
    (item,) = timeline.turns
    assert item.turn.start == pytest.approx(1.0, abs=0.2)
    assert item.turn.end == pytest.approx(3.0, abs=0.25)
    assert item.probabilities is not None
    assert timeline.recording.sample_rate == sample_rate
    assert timeline.recording.duration == pytest.approx(4.0, abs=1e-3)


def test_eight_people_at_eight_microphones_are_told_apart(recognizer: Recognizer, tmp_path: Path) -> None:
    sound = np.zeros((8 * 24_000, 8), dtype=np.float32)
    for channel in range(8):
        sound[channel * 24_000 : channel * 24_000 + 16_000, channel] = spoken(1.0)
    timeline = recognizer.analyze(floats(tmp_path / "table.wav", sound))
    assert [item.turn.channel for item in timeline.turns] == list(range(8))
    assert timeline.speakers == tuple(f"speaker_{number}" for number in range(1, 9))


@pytest.mark.parametrize("suffix", [".mp3", ".m4a", ".opus", ".webm", ".flac"])
def test_every_kind_of_file_gives_the_same_turns(recognizer: Recognizer, tmp_path: Path, suffix: str) -> None:
    quiet = np.zeros(48_000, dtype=np.float32)
    sound = np.concatenate((quiet, spoken(2.0, 48_000), quiet))
    timeline = recognizer.analyze(write_recording(tmp_path / f"call{suffix}", sound, 48_000))
    (item,) = timeline.turns
    assert item.turn.start == pytest.approx(1.0, abs=0.25)
    assert item.turn.end == pytest.approx(3.0, abs=0.3)


def test_the_front_door_is_the_same(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "bundle")
    path = floats(tmp_path / "call.wav", spoken())
    assert len(undertone.analyze(path, bundle=bundle).turns) == 1
    assert len(undertone.analyze(str(path), bundle=str(bundle)).turns) == 1
    with pytest.raises(undertone.UndertoneError, match=r"gone\.wav: it does not exist"):
        undertone.analyze(tmp_path / "gone.wav", bundle=bundle)
