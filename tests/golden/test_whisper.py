"""Whisper's log-mel and encoder against those of transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tiny_checkpoints import built, saved

from undertone.audio.whisper_mel import MelScale, scaled, whisper_mel
from undertone.backbones.whisper import WhisperEncoder, WhisperSizes, rescaled, sinusoids
from undertone.backbones.whisper_files import PARTS, whisper_base, whisper_checkpoint
from undertone.testing.sounds import voice


@pytest.fixture(autouse=True)
def _no_progress_bar() -> Iterator[None]:
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


def sounds(rng: np.random.Generator) -> list[np.ndarray]:
    noisy = rng.normal(0, 0.2, 40_000).astype(np.float32)
    return [voice(2.0, rng=rng, pitch=120.0), noisy, np.float32(1e-3) * noisy, voice(0.5, rng=rng, pitch=240.0)]


def padded(samples: np.ndarray, length: int) -> np.ndarray:
    return np.pad(samples, (0, length - len(samples)))


def test_log_mel_is_the_published_extractors(rng: np.random.Generator) -> None:
    extractor = transformers.WhisperFeatureExtractor(feature_size=80)
    for samples in sounds(rng):
        theirs = extractor(samples, sampling_rate=16_000, return_tensors="np").input_features[0].T
        ours = whisper_mel(padded(samples, 30 * 16_000))
        assert np.allclose(scaled(ours), theirs, atol=2e-5, rtol=0)
        inside = (len(samples) - 200) // 160  # further on a frame sees the end: reflected here, silent there
        assert np.allclose(whisper_mel(samples)[:inside], ours[:inside], atol=1e-5, rtol=0)


def test_log_mel_without_padding_is_the_published_extractors_in_double_precision(rng: np.random.Generator) -> None:
    """Its PyTorch half computes in single precision, which 80 dB below a tone is 1e-4 off; its NumPy half is not."""
    extractor = transformers.WhisperFeatureExtractor(feature_size=80)
    time = np.arange(12_345) / 16_000
    click = np.where(np.arange(8_000) == 4_000, 0.9, 0.0)
    tones = [0.5 * np.sin(2 * np.pi * 440 * time), 0.3 * np.sin(2 * np.pi * (50 + 1_800 * time) * time), click]
    for samples in (*sounds(rng), *(tone.astype(np.float32) for tone in tones), np.zeros(4_800, np.float32)):
        theirs = np.asarray(extractor._np_extract_fbank_features(samples[None], "cpu"))[0].T
        ours = scaled(whisper_mel(samples))
        assert ours.shape == (len(samples) // 160, 80)
        assert np.allclose(ours, theirs[: len(ours)], atol=2e-5, rtol=0)


def test_scaling_is_one_thing_by_numpy_and_in_the_graph(rng: np.random.Generator) -> None:
    mel = whisper_mel(rng.normal(0, 0.1, 8_000).astype(np.float32))
    for scale in (MelScale(), MelScale(level=1.0), MelScale(range_decades=5.0, level=-1.0)):
        found = rescaled(torch.from_numpy(mel)[None], scale)[0].numpy()
        assert np.allclose(found, scaled(mel, scale), atol=1e-6)


def require_as_transformers(ours: WhisperEncoder, theirs: Any, features: torch.Tensor) -> None:
    """Every block, to what floats of this size allow; the last of theirs has passed the norm that ours leaves out."""
    with torch.inference_mode():
        states = theirs(features.transpose(1, 2), output_hidden_states=True).hidden_states
        found = ours(features).blocks
        assert len(found) == len(states)
        for mine, other in zip((*found[:-1], theirs.layer_norm(found[-1])), states, strict=True):
            assert torch.allclose(mine, other, atol=2e-4, rtol=1e-4)


def test_a_checkpoints_encoder_is_that_of_transformers(tmp_path: Path, rng: np.random.Generator) -> None:
    saved("whisper", tmp_path / "tiny")
    mel = scaled(whisper_mel(padded(voice(0.7, rng=rng), 16_000)))
    ours = whisper_checkpoint(str(tmp_path / "tiny")).encoder
    require_as_transformers(ours, built("whisper").get_encoder(), torch.from_numpy(mel)[None])


def test_with_a_decoder_and_its_output_layer_it_is_the_same(tmp_path: Path, rng: np.random.Generator) -> None:
    saved("whisper", tmp_path / "tiny", "ForConditionalGeneration")
    mel = torch.from_numpy(rng.normal(size=(1, 100, 80)).astype(np.float32))
    ours = whisper_checkpoint(str(tmp_path / "tiny")).encoder
    theirs = built("whisper", "ForConditionalGeneration").get_encoder()
    require_as_transformers(ours, theirs, mel)


def test_base_is_what_transformers_makes_of_its_weights(rng: np.random.Generator) -> None:
    for package, _ in PARTS:
        pytest.importorskip(package, reason="the weights of Whisper base are not installed (undertone[whisper-base])")
    encoder = whisper_base().encoder
    config = transformers.WhisperConfig(d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048)
    theirs = transformers.models.whisper.modeling_whisper.WhisperEncoder(config).eval()
    theirs.load_state_dict(as_transformers(encoder), strict=False)
    mel = scaled(whisper_mel(padded(voice(3.0, rng=rng), 30 * 16_000)))
    require_as_transformers(encoder, theirs, torch.from_numpy(mel)[None])


def as_transformers(encoder: WhisperEncoder) -> dict[str, torch.Tensor]:
    state = encoder.state_dict()
    found = {"embed_positions.weight": state["positions"]}
    for mine, name in (("first", "conv1"), ("second", "conv2")):
        found |= {f"{name}.{part}": state[f"{mine}.{part}"] for part in ("weight", "bias")}
    names = {
        "attention_norm": "self_attn_layer_norm", "answer": "self_attn.out_proj", "norm": "final_layer_norm",
        "into": "fc1", "out": "fc2",
    }  # fmt: skip
    for number in range(len(encoder.blocks)):
        for part in ("weight", "bias"):
            for mine, name in names.items():
                found[f"layers.{number}.{name}.{part}"] = state[f"blocks.{number}.{mine}.{part}"]
            for each, value in zip("qkv", state[f"blocks.{number}.asked.{part}"].chunk(3), strict=True):
                if (each, part) != ("k", "bias"):
                    found[f"layers.{number}.self_attn.{each}_proj.{part}"] = value
    return found


def test_positions_that_are_drawn_are_whispers() -> None:
    theirs = transformers.models.whisper.modeling_whisper.sinusoids(1500, 512)
    assert torch.allclose(sinusoids(1500, 512), theirs, atol=1e-3)
    assert torch.equal(WhisperEncoder(WhisperSizes(blocks=0)).positions, sinusoids(1500, 512))
