"""Laws of decoding: blocks do not change samples, and bytes of any kind give sound or one of our errors."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from undertone.audio.decode import open_recording
from undertone.errors import AudioError
from undertone.testing.sounds import noise, write_recording

FORMATS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm", ".amr")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    samples = noise(2.1, rng=np.random.default_rng(1), sample_rate=8000)
    for suffix in FORMATS:
        write_recording(folder / f"a{suffix}", samples, 8000)
    return folder


@cache
def whole(path: Path) -> bytes:
    with open_recording(path) as recording:
        return next(recording.blocks(1000)).tobytes()


@given(suffix=st.sampled_from(FORMATS), seconds=st.floats(0.001, 3))
@settings(deadline=None, max_examples=60)
def test_length_of_blocks_does_not_change_the_samples(folder: Path, suffix: str, seconds: float) -> None:
    path = folder / f"a{suffix}"
    with open_recording(path) as recording:
        blocks = list(recording.blocks(seconds))
    assert len({len(block) for block in blocks[:-1]}) <= 1
    assert np.concatenate(blocks).tobytes() == whole(path)


@given(
    suffix=st.sampled_from(FORMATS),
    end=st.floats(0, 1),
    place=st.floats(0, 1),
    patch=st.binary(max_size=60),
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_bytes_give_sound_or_our_error(
    folder: Path, tmp_path: Path, suffix: str, end: float, place: float, patch: bytes
) -> None:
    content = bytearray((folder / f"a{suffix}").read_bytes())
    start = int(place * len(content))
    content[start : start + len(patch)] = patch
    path = tmp_path / f"damaged{suffix}"
    path.write_bytes(content[: int(end * len(content)) or 1])
    try:
        with open_recording(path) as recording:
            for block in recording.blocks(0.5):
                assert block.shape[1] == recording.channels
                assert np.isfinite(block).all()
    except AudioError as error:
        assert str(error).startswith(f"{path}: ")


@given(
    content=st.binary(max_size=400), magic=st.sampled_from((b"", b"RIFF", b"fLaC", b"OggS", b"caff", b".snd", b"FORM"))
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_give_sound_or_our_error(tmp_path: Path, magic: bytes, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(magic + content)
    try:
        with open_recording(path) as recording:
            list(recording.blocks())
    except AudioError as error:
        assert str(error).startswith(f"{path}: ")
