"""Loading an utterance whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from undertone.audio.decode import Decoder
from undertone.audio.load import load_mono, load_utterance
from undertone.errors import EmptyAudioError, TruncatedAudioError
from undertone.records import Utterance
from undertone.testing.sounds import noise


def test_channels_are_mixed_and_the_rate_is_16_khz(tmp_path: Path) -> None:
    left = np.full(8_000, 0.5)
    soundfile.write(tmp_path / "two.wav", np.stack((left, -0.1 * left), axis=1), 8_000, subtype="FLOAT")
    found = load_mono(tmp_path / "two.wav")
    assert found.shape == (16_000,)
    assert found[4_000:12_000] == pytest.approx(np.full(8_000, 0.225), abs=1e-3)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_a_handful_of_samples_is_no_failure(tmp_path: Path, samples: int) -> None:
    soundfile.write(tmp_path / "click.wav", np.full(samples, 0.5), 48_000)
    assert load_mono(tmp_path / "click.wav").ndim == 1


def stretch(path: Path, start: float, end: float | None) -> Utterance:
    return Utterance(
        id="a/u",
        path=str(path),
        corpus="a",
        speaker="s",
        language="de",
        emotion=None,
        duration=1.0,
        start=start,
        end=end,
    )


@pytest.fixture
def long_file(tmp_path: Path) -> Path:
    """25 s, which are three blocks."""
    soundfile.write(tmp_path / "long.wav", noise(25.0, rng=np.random.default_rng(0)), 16_000, subtype="FLOAT")
    return tmp_path / "long.wav"


@pytest.mark.parametrize(
    ("start", "end"), [(0.0, None), (0.0, 3.0), (2.5, 4.0), (9.9, 10.1), (10.0, 20.0), (12.0, None), (24.5, 25.0)]
)
def test_a_stretch_of_a_file_is_what_one_would_cut_out(long_file: Path, start: float, end: float | None) -> None:
    whole = load_mono(long_file)
    found = load_utterance(stretch(long_file, start, end))
    assert np.array_equal(found, whole[round(16_000 * start) : None if end is None else round(16_000 * end)])


def test_a_stretch_at_another_rate_is_cut_behind_resampling(tmp_path: Path) -> None:
    sound = noise(25.0, rng=np.random.default_rng(1), sample_rate=44_100)
    soundfile.write(tmp_path / "long.wav", np.stack((sound, sound / 2), axis=1), 44_100, subtype="FLOAT")
    found = load_utterance(stretch(tmp_path / "long.wav", 9.5, 11.25))
    assert np.allclose(found, load_mono(tmp_path / "long.wav")[152_000:180_000], atol=1e-6)


def test_decoding_stops_where_the_stretch_ends(long_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    blocks = Decoder.blocks

    def counted(self: Decoder, seconds: float = 10.0) -> object:
        for block in blocks(self, seconds):
            taken.append(len(block))
            yield block

    monkeypatch.setattr(Decoder, "blocks", counted)
    load_utterance(stretch(long_file, 1.0, 2.0))
    assert len(taken) == 1


def test_an_end_may_be_a_little_late_and_no_more(long_file: Path) -> None:
    assert len(load_utterance(stretch(long_file, 24.0, 25.1))) == 16_000
    with pytest.raises(TruncatedAudioError, match=r"it ends at 25\.00 s, and a/u at 25\.11 s\. Correct its end"):
        load_utterance(stretch(long_file, 24.0, 25.11))


@pytest.mark.parametrize(("start", "end"), [(25.0, None), (26.0, 26.5), (3.0, 3.0)])
def test_a_stretch_without_a_sample_is_refused(long_file: Path, start: float, end: float | None) -> None:
    with pytest.raises(EmptyAudioError, match=rf"no sound from {start:.2f} s, where a/u starts, to its end"):
        load_utterance(stretch(long_file, start, end))
