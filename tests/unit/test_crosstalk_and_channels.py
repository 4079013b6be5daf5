"""Leaks between channels, and calls told from rooms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from undertone.conversation.channels import hear_different_voices
from undertone.conversation.crosstalk import ECHO_FRAMES, MARGIN_DB, Leaks, without_crosstalk


def test_leak_of_a_louder_voice_is_silenced_and_the_voice_is_not() -> None:
    probabilities = np.full((4, 2), 0.9, dtype=np.float32)
    levels = np.array([[-20.0, -20.0 - MARGIN_DB - 1]] * 4)
    _, kept = without_crosstalk(Leaks(), probabilities, levels)
    assert np.allclose(kept, [[0.9, 0.0]] * 4)


def test_two_people_talking_at_once_are_both_kept() -> None:
    probabilities = np.full((4, 2), 0.9, dtype=np.float32)
    levels = np.array([[-20.0, -20.0 - MARGIN_DB + 1]] * 4)
    _, kept = without_crosstalk(Leaks(), probabilities, levels)
    assert np.array_equal(kept, probabilities)


def test_echo_after_a_voice_is_silenced_until_it_has_died_away() -> None:
    probabilities = np.zeros((ECHO_FRAMES + 4, 2), dtype=np.float32)
    probabilities[0, 0] = 0.9
    probabilities[:, 1] = 0.6
    levels = np.full((ECHO_FRAMES + 4, 2), -60.0)
    levels[0, 0] = -20.0
    _, kept = without_crosstalk(Leaks(), probabilities, levels)
    assert np.flatnonzero(kept[:, 1]).tolist() == list(range(ECHO_FRAMES, ECHO_FRAMES + 4))


def test_loud_noise_that_is_no_voice_silences_nobody() -> None:
    probabilities = np.array([[0.1, 0.9]] * 3, dtype=np.float32)
    levels = np.array([[-5.0, -40.0]] * 3)
    assert np.array_equal(without_crosstalk(Leaks(), probabilities, levels)[1], probabilities)


def test_one_channel_is_left_alone() -> None:
    probabilities = np.array([[0.9]], dtype=np.float32)
    assert np.array_equal(without_crosstalk(Leaks(), probabilities, np.array([[-50.0]]))[1], probabilities)


@given(cut=st.integers(0, 60), seed=st.integers(0, 50))
def test_cutting_the_sound_into_blocks_changes_nothing(cut: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.random((60, 3)).astype(np.float32)
    levels = rng.normal(-35, 15, (60, 3))
    _, whole = without_crosstalk(Leaks(), probabilities, levels)
    leaks, first = without_crosstalk(Leaks(), probabilities[:cut], levels[:cut])
    _, second = without_crosstalk(leaks, probabilities[cut:], levels[cut:])
    assert np.array_equal(np.concatenate((first, second)), whole)


def speech_like(rng: np.random.Generator, seconds: int) -> np.ndarray:
    envelope = np.repeat(rng.random(seconds * 4) > 0.5, 4000)
    return (rng.normal(0, 0.1, len(envelope)) * envelope).astype(np.float32)


def test_two_ends_of_a_call_hear_different_voices(rng: np.random.Generator) -> None:
    call = np.stack((speech_like(rng, 20), speech_like(rng, 20)), axis=1)
    assert hear_different_voices([call], 16_000)


def test_two_microphones_in_a_room_hear_the_same_voices(rng: np.random.Generator) -> None:
    voice = speech_like(rng, 20)
    delayed = 0.7 * np.roll(voice, 40) + rng.normal(0, 0.002, len(voice)).astype(np.float32)
    assert not hear_different_voices([np.stack((voice, delayed), axis=1)], 16_000)


def test_a_silent_channel_beside_a_voice_is_another_end(rng: np.random.Generator) -> None:
    voice = speech_like(rng, 5)
    assert hear_different_voices([np.stack((voice, np.zeros_like(voice)), axis=1)], 16_000)


def test_nothing_heard_is_no_call() -> None:
    assert not hear_different_voices([], 16_000)


def test_a_real_call_is_told_from_a_room(data: Path) -> None:
    call, rate = soundfile.read(
        data / "conversations_demo" / "auto_repairs_call.flac", dtype="float32", stop=60 * 16_000
    )
    assert hear_different_voices([call], rate)
    mixed = call.mean(axis=1)
    assert not hear_different_voices([np.stack((mixed, 0.8 * mixed), axis=1)], rate)
