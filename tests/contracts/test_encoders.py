"""What every encoder must keep. An encoder that is listed in the registry is tested here without another line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import transformers
from pages import ROOT
from tiny_backbones import saved_backbone
from tiny_checkpoints import saved, saved_text
from tiny_heads import saved_head

from undertone.encoders.base import Encoder, Told
from undertone.encoders.registry import ENCODERS, FAMILIES, encoder_named, hears_sound
from undertone.records import Utterance
from undertone.testing.sounds import voice, write_recording
from undertone.training.store import open_or_extract


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a speech recogniser of the hub, a speech encoder too, Whisper, one of text, a backbone of ours."""
    folder = tmp_path_factory.mktemp("networks")
    transformers.utils.logging.disable_progress_bar()
    saved("wav2vec2-group-norm", folder / "hub", "ForCTC")
    saved("whisper", folder / "whisper")
    saved_text(folder / "text")
    saved_backbone(folder / "asr")
    saved_head(folder / "phones", folder / "whisper")
    yield folder
    transformers.utils.logging.enable_progress_bar()


@cache
def built(name: str, place: Path) -> Encoder:
    if name in ENCODERS:
        return encoder_named(name)
    if name.startswith("text"):
        return encoder_named(f"{name}:{place / 'text'}")
    if name.startswith("heard"):
        return encoder_named(f"{name}:pocketsphinx,{place / 'text'}")
    if name == "whisper-phones-frames":
        return encoder_named(f"{name}:{place / 'phones'},first=1")
    if name.startswith("whisper"):
        blocks = ",first=1,last=2" if name == "whisper-statistics" else ""
        return encoder_named(f"{name}:{place / 'whisper'}{blocks}")
    ours = name.startswith(("asr", "segments"))
    return encoder_named(f"{name}:{place / 'asr'},chunk=8" if ours else f"{name}:{place / 'hub'},float32")


def hears_words(encoder: Encoder) -> bool:
    """Whether its rows are tokens of what it hears."""
    return encoder.reads == "sound" and encoder.rows == "token"


@pytest.fixture(params=[*ENCODERS, *FAMILIES])
def encoder(request: pytest.FixtureRequest, place: Path) -> Encoder:
    return built(request.param, place)


def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(8)
    return [voice(length, rng=rng, pitch=pitch) for length, pitch in ((0.9, 120.0), (0.4, 210.0), (0.7, 160.0))]


@pytest.fixture
def read(encoder: Encoder) -> list[Any]:
    """What an encoder reads, of three utterances, the first the longest."""
    texts = ["I am so happy", "sad", "the train leaves"]
    if encoder.reads == "both":
        return [Told(samples, text, "en") for samples, text in zip(sounds(), texts, strict=True)]
    if hears_words(encoder):
        return speech()
    return texts if encoder.reads == "text" else sounds()


def speech() -> list[np.ndarray]:
    """Turns of the example, for what hears words."""
    samples, _ = soundfile.read(ROOT / "examples" / "conversation.flac", dtype="float32")
    return [samples[a * 16_000 : b * 16_000].mean(axis=1) for a, b in ((5, 11), (0, 5), (42, 46))]


def test_an_encoder_says_what_it_is(encoder: Encoder) -> None:
    assert encoder.name.split(":")[0] in {*ENCODERS, *FAMILIES}
    assert all((encoder.revision, encoder.source, encoder.weights))
    rows = {"sound": "frame", "text": "token", "both": "segment"}
    assert encoder.rows in {"utterance", "token" if hears_words(encoder) else rows[encoder.reads]}
    assert encoder.dtype in {"float32", "float16"}
    assert encoder.batch >= 0
    assert hears_sound(encoder.name) == (encoder.reads != "text")


def test_rows_have_the_declared_shape_and_are_finite(encoder: Encoder, read: list[Any]) -> None:
    found = encoder.encode(read)
    assert len(found) == len(read)
    for rows in found:
        assert rows.shape[1:] == encoder.row_shape
        assert np.isfinite(rows).all()
        assert len(rows) == 1 if encoder.rows == "utterance" else len(rows) >= (10 if encoder.rows == "frame" else 3)
        assert rows.std() > 0
    assert encoder.rows == "utterance" or len(found[0]) > len(found[1])


def test_a_layout_says_how_rows_are_read(encoder: Encoder, read: list[Any]) -> None:
    layout = encoder.layout
    if layout is None:
        known = encoder.name in ENCODERS or encoder.reads != "sound" or encoder.rows in {"utterance", "token"}
        assert known or len(encoder.row_shape) == 2
        return
    assert (encoder.rows, encoder.dtype) == ("frame", "float16")
    assert encoder.row_shape == (layout.blocks * layout.width + layout.symbols,)
    assert 0 <= layout.blank < max(1, layout.symbols)
    for samples, rows in zip(read, encoder.encode(read), strict=True):
        assert abs(len(rows) - layout.frames_per_s * len(samples) / 16_000) <= 4


def test_what_one_utterance_gets_depends_on_no_other(encoder: Encoder, read: list[Any]) -> None:
    together = encoder.encode(read)
    turned = encoder.encode(read[::-1])[::-1]
    for given, one, other in zip(read, together, turned, strict=True):
        (alone,) = encoder.encode([given])
        assert np.allclose(one, alone, atol=1e-5, rtol=2**-9)
        assert np.allclose(one, other, atol=1e-5, rtol=2**-9)
    assert not np.allclose(together[0].mean(axis=0), together[1].mean(axis=0))


def test_sound_is_not_changed_and_may_be_read_only(encoder: Encoder, read: list[Any]) -> None:
    for given in read:
        if encoder.reads != "text":
            (given.samples if isinstance(given, Told) else given).setflags(write=False)
    first, again = encoder.encode(read), encoder.encode(read)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one, other)


def test_nothing_has_no_row_and_silence_or_what_is_no_word_has_finite_rows(encoder: Encoder) -> None:
    given = [np.zeros(0, dtype=np.float32), np.zeros(16_000, dtype=np.float32)]
    told = [Told(samples, "", "en") for samples in given]
    nothing, silence = encoder.encode({"text": [" ", "…"], "both": told, "sound": given}[encoder.reads])
    assert nothing.shape == (0, *encoder.row_shape)
    assert len(silence) == 0 if hears_words(encoder) else len(silence) >= 1
    assert np.isfinite(silence).all()
    assert encoder.encode([]) == []


def test_a_store_holds_what_the_encoder_gives(encoder: Encoder, read: list[Any], tmp_path: Path) -> None:
    items = []
    for number, given in enumerate(read):
        path = tmp_path / f"{number}.wav"
        samples, text, _ = {"text": (None, given, ""), "both": given, "sound": (given, None, "")}[encoder.reads]
        if samples is not None:
            write_recording(path, samples)
        items.append(
            Utterance(
                id=f"a/{number}", path=str(path), corpus="a", speaker="s", language="en", emotion="sad", duration=1.0,
                text=text,
            )
        )  # fmt: skip
    store = open_or_extract(items, encoder, tmp_path / "cache")
    assert store.rows.dtype == encoder.dtype
    assert store.layout == encoder.layout
    for item, rows in zip(items, encoder.encode(read), strict=True):
        found = store.features(item.id).astype(np.float64)
        assert found.shape == rows.shape
        assert np.corrcoef(found.ravel(), rows.astype(np.float64).ravel())[0, 1] > 0.99  # the file is 16 bit
