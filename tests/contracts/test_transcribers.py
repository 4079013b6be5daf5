"""What every transcriber must keep. One that is listed in the registry is tested here without another line."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import transformers
from pages import ROOT
from tiny_checkpoints import saved_faster_whisper

from undertone.errors import MissingExtraError, UsageError
from undertone.testing.sounds import noise, voice
from undertone.transcribers.base import Transcriber
from undertone.transcribers.registry import TRANSCRIBERS, names, transcriber_named
from undertone.units import SAMPLE_RATE

RNG = np.random.default_rng(4)


@functools.cache
def built(kind: str, folder: Path) -> Transcriber:
    return transcriber_named(f"{kind}:{folder / kind / 'model'}" if TRANSCRIBERS[kind].model else kind)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model for every transcriber that takes one."""
    folder = tmp_path_factory.mktemp("models")
    transformers.utils.logging.disable_progress_bar()
    saved_faster_whisper(folder / "faster-whisper")
    transformers.utils.logging.enable_progress_bar()
    return folder


@pytest.fixture(params=TRANSCRIBERS)
def transcriber(request: pytest.FixtureRequest, places: Path) -> Transcriber:
    return built(request.param, places)


@pytest.mark.parametrize(
    "sound",
    [
        voice(3.0, rng=RNG),
        noise(1.0, rng=RNG) * np.float32(0.1),
        np.zeros(SAMPLE_RATE, dtype=np.float32),
        np.zeros(0, dtype=np.float32),
        np.full(1, 0.5, dtype=np.float32),
        np.full(200, 0.5, dtype=np.float32),
        np.clip(9 * voice(1.0, rng=RNG), -3, 3),
        soundfile.read(ROOT / "examples" / "conversation.flac", frames=20 * SAMPLE_RATE, dtype="float32")[0].mean(
            axis=1
        ),
    ],
    ids=["voice", "noise", "silence", "nothing", "one-sample", "a-click", "too-loud", "longest"],
)
def test_words_are_in_order_within_the_sound_with_a_probability(transcriber: Transcriber, sound: np.ndarray) -> None:
    before = sound.copy()
    words = transcriber.hear(sound)
    np.testing.assert_array_equal(sound, before)
    assert all(word.text and word.text == word.text.strip() for word in words)
    assert all(0 <= word.start <= word.end <= len(sound) / SAMPLE_RATE for word in words)
    assert all(word.confidence is not None and 0 <= word.confidence <= 1 for word in words)
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    if not sound.any():
        assert words == ()


def test_what_was_heard_before_changes_nothing(transcriber: Transcriber) -> None:
    sound = voice(2.0, rng=np.random.default_rng(1))
    first = transcriber.hear(sound)
    transcriber.hear(0.1 * voice(1.0, rng=np.random.default_rng(2), pitch=220))
    assert transcriber.hear(sound) == first


def test_it_names_itself_with_its_version_and_without_a_path(transcriber: Transcriber) -> None:
    assert any(character.isdigit() for character in transcriber.name)
    assert "/" not in transcriber.name
    assert transcriber.language


def test_looking_through_the_names_loads_none() -> None:
    code = (
        "import sys\nimport undertone.transcribers.registry\n"
        "print({'pocketsphinx', 'faster_whisper', 'ctranslate2', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("kind", TRANSCRIBERS)
def test_without_its_package_the_extra_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, kind.replace("-", "_"), None)
    transcriber_named.cache_clear()
    with pytest.raises(MissingExtraError, match=r"hearing words with .* pip install 'undertone\[\w+\]'"):
        transcriber_named(f"{kind}:model" if TRANSCRIBERS[kind].model else kind)


@pytest.mark.parametrize("kind", TRANSCRIBERS)
def test_a_name_that_lacks_its_model_or_has_one_too_many_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match="does not name a transcriber; write"):
        transcriber_named(kind if TRANSCRIBERS[kind].model else f"{kind}:small")


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no transcriber is called 'kaldi'; choose among pocketsphinx"):
        transcriber_named("kaldi")
    assert len(names()) == len(TRANSCRIBERS)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"faster-whisper cannot load .*; name a folder"):
        transcriber_named(f"faster-whisper:{tmp_path}")
