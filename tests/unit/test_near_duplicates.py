"""Copies are found whatever was done to them; other takes are other sounds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.audio.load import load_mono
from undertone.corpora import near_duplicates
from undertone.corpora.near_duplicates import (
    ERRORS,
    FRAME,
    HOP,
    LAG,
    Fingerprint,
    error_rate,
    find_near_duplicates,
    fingerprint,
    same_sounds,
)
from undertone.records import Utterance

RATE = 16_000


def noise(seconds: float, seed: int) -> np.ndarray:
    """Sound without two equal moments: noise whose bands rise and fall, as speech does."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=round(seconds * RATE))
    shape = np.repeat(rng.uniform(0.05, 1.0, size=len(samples) // 1600 + 1), 1600)[: len(samples)]
    return (0.1 * samples * shape).astype(np.float32)


def through_opus(samples: np.ndarray, folder: Path) -> np.ndarray:
    path = folder / "copy.opus"
    soundfile.write(path, samples, RATE, format="OGG", subtype="OPUS")
    return load_mono(path)


def through_telephone(samples: np.ndarray) -> np.ndarray:
    """At 8 kHz, in 8 bits by the μ-law (ITU-T G.711)."""
    narrow = soxr.resample(samples, RATE, 8_000)
    bits = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    wide = np.sign(bits) * np.expm1(np.abs(bits) * np.log(256)) / 255
    return soxr.resample(wide, 8_000, RATE).astype(np.float32)


def is_copy(first: np.ndarray, second: np.ndarray) -> bool:
    return same_sounds([fingerprint(first), fingerprint(second)]) == ((0, 1),)


@settings(max_examples=15)
@given(
    seed=st.integers(0, 1000),
    start=st.integers(0, 16_000),
    gain=st.floats(0.01, 10),
)
def test_a_piece_of_a_copy_is_found_wherever_it_was_cut_and_however_loud(seed: int, start: int, gain: float) -> None:
    whole = noise(3.0, seed)
    piece = gain * whole[start : start + 28_000]
    assert is_copy(whole, piece)
    assert is_copy(piece, whole)
    assert not is_copy(noise(3.0, seed + 1), piece)


def test_fingerprints_do_not_depend_on_how_they_are_cut_into_blocks() -> None:
    sound = noise(7.0, 1)
    whole = fingerprint(sound)
    assert len(whole.words) == 1 + (len(sound) - FRAME) // HOP - LAG
    late = fingerprint(sound[600 * HOP - 100 * HOP :])
    np.testing.assert_array_equal(whole.words[500:], late.words)


def test_silence_is_no_copy_of_silence() -> None:
    quiet = np.zeros(5 * RATE, dtype=np.float32)
    assert not is_copy(quiet, quiet)
    padded = [np.concatenate([quiet, noise(1.5, seed), quiet]) for seed in (1, 2)]
    assert not is_copy(*padded)
    assert is_copy(padded[0], padded[0])


@pytest.mark.parametrize("samples", [0, 1, FRAME - 1, FRAME, FRAME + LAG * HOP, RATE // 2])
def test_what_is_too_short_is_never_a_copy(samples: int) -> None:
    sound = noise(1.0, 1)[:samples]
    assert not is_copy(sound, sound)
    assert same_sounds([]) == ()


def test_an_utterance_under_a_second_is_compared_whole() -> None:
    sound = noise(3.0, 1)
    assert is_copy(sound, sound[8_000:21_000])
    assert not is_copy(sound, sound[8_000:17_000])


def test_the_share_of_differing_bits_is_what_was_planted() -> None:
    words = np.arange(200, dtype=np.uint32)
    voiced = np.ones(200, dtype=np.bool_)
    first = Fingerprint(words=words, voiced=voiced)
    other = Fingerprint(words=~words, voiced=voiced)
    flipped = Fingerprint(words=words ^ np.uint32(0x0F), voiced=voiced)
    assert error_rate(first, first, 0) == 0
    assert error_rate(first, Fingerprint(words=words[60:], voiced=voiced[60:]), 60) == 0
    assert error_rate(first, Fingerprint(words=words[60:], voiced=voiced[60:]), 62) == 0
    assert error_rate(first, other, 0) == pytest.approx(1, abs=0.3)
    assert error_rate(first, flipped, 0) <= 4 / 32
    assert error_rate(first, first, 150) == 1
    assert error_rate(first, Fingerprint(words=words, voiced=~voiced), 0) == 1


def utterance(name: str, path: Path, **fields: object) -> Utterance:
    return Utterance(
        id=f"a/{name}",
        path=str(path),
        corpus="a",
        speaker="x",
        language="de",
        emotion=None,
        duration=math.nan,
        **fields,
    )


def test_stretches_of_files_are_compared_by_their_ids(tmp_path: Path) -> None:
    sound = noise(6.0, 1)
    soundfile.write(tmp_path / "long.wav", sound, RATE)
    soundfile.write(tmp_path / "copy.wav", 0.5 * sound[: 2 * RATE], RATE)
    heard = []
    found = find_near_duplicates(
        [
            utterance("second", tmp_path / "long.wav", start=3.0, end=6.0),
            utterance("first", tmp_path / "long.wav", start=0.0, end=3.0),
            utterance("copy", tmp_path / "copy.wav"),
        ],
        lambda: heard.append(1),
    )
    assert found == {"a/copy": frozenset({"a/first"}), "a/first": frozenset({"a/copy"})}
    assert len(heard) == 3


def test_more_candidates_than_are_compared_do_not_hide_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "CANDIDATES", 1)
    prints = [fingerprint(noise(2.0, seed)) for seed in (1, 2, 3, 2)]
    assert same_sounds(prints) == ((1, 3),)


def test_real_recordings_are_found_again(data: Path, tmp_path: Path) -> None:
    paths = sorted((data / "ravdess" / "audio" / "Actor_05").iterdir())[::9]
    sounds = [load_mono(path) for path in paths]
    copies = [
        change(sound[3_001:])
        for sound in sounds[:6]
        for change in (
            lambda samples: 0.1 * samples,
            lambda samples: through_opus(samples, tmp_path),
            through_telephone,
        )
    ]
    prints = [fingerprint(sound) for sound in (*sounds, *copies)]
    expected = {(index // 3, len(sounds) + index) for index in range(len(copies))}
    found = set(same_sounds(prints))
    assert expected <= found
    assert {first for first, second in found if second < len(sounds)} == set()


@pytest.mark.parametrize("actor", ["02", "07", "23"])
def test_other_takes_of_a_sentence_by_an_actor_are_other_sounds(data: Path, actor: str) -> None:
    """Actors 02 and 23 repeat themselves most alike of all; actor 07 has two files of the same bytes."""
    paths = sorted((data / "ravdess" / "audio" / f"Actor_{actor}").glob("03-01-0[38]-*"))
    prints = [fingerprint(load_mono(path)) for path in paths]
    found = {(paths[first].stem, paths[second].stem) for first, second in same_sounds(prints)}
    assert found == ({("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")} if actor == "07" else set())
    assert ERRORS < 0.25
