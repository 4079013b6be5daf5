"""Whisper's encoder on batches and long sounds, the rows that are taken of it, and the graph of its statistics."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
import transformers
from tiny_checkpoints import saved

from undertone.audio.whisper_mel import MelScale, scaled, whisper_mel
from undertone.backbones.whisper import WhisperEncoder, WhisperSizes, WhisperStatistics
from undertone.backbones.whisper_files import whisper_checkpoint
from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError
from undertone.testing.sounds import voice

SIZES = WhisperSizes(width=16, blocks=3, heads=2, feed_forward=24, most_frames=60)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of two blocks of 32, with positions for one second."""
    transformers.utils.logging.disable_progress_bar()
    yield saved("whisper", tmp_path_factory.mktemp("whisper") / "tiny")
    transformers.utils.logging.enable_progress_bar()


@pytest.fixture
def encoder() -> WhisperEncoder:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return WhisperEncoder(SIZES).eval().requires_grad_(requires_grad=False)


@pytest.mark.parametrize("frames", [1, 2, 3, 40, 77])
def test_padding_changes_nothing(encoder: WhisperEncoder, frames: int) -> None:
    torch.manual_seed(0)
    batch = torch.randn(3, 80, 80)
    batch[1, frames:] = 1e6  # padding may hold any number
    heard = encoder(batch, torch.tensor([80, frames, 41]))
    assert heard.lengths.tolist() == [40, (frames + 1) // 2, 21]
    alone = encoder(batch[1:2, :frames])
    for together, single in zip(heard.blocks, alone.blocks, strict=True):
        assert torch.allclose(together[1, : heard.lengths[1]], single[0], atol=1e-5)


def test_blocks_that_are_not_built_change_nothing_before_them(encoder: WhisperEncoder) -> None:
    short = WhisperEncoder(SIZES, blocks=1)
    short.load_state_dict({name: value for name, value in encoder.state_dict().items() if name in short.state_dict()})
    features = torch.randn(1, 50, 80)
    for mine, whole in zip(short.eval()(features).blocks, encoder(features).blocks, strict=False):
        assert torch.equal(mine, whole)


def test_statistics_are_what_they_say(encoder: WhisperEncoder, rng: np.random.Generator) -> None:
    mel = whisper_mel(voice(0.8, rng=rng))
    scale = MelScale(level=1.0)
    found = WhisperStatistics(encoder, 1, 2, scale)(torch.from_numpy(mel)[None])[0].numpy()
    blocks = [each[0].numpy() for each in encoder(torch.from_numpy(scaled(mel, scale))[None]).blocks[1:3]]
    energies = (10.0 ** mel.astype(np.float64)).mean(axis=1)
    levels = np.log10(energies)
    loud = [np.log10(energies.mean()), mel.max(), levels.mean(), levels.std()]
    means, deviations = ([getattr(each, name)(axis=0) for each in blocks] for name in ("mean", "std"))
    assert np.allclose(found, np.concatenate([*means, *deviations, loud]), atol=1e-5)


def test_statistics_of_a_batch_are_those_of_each(encoder: WhisperEncoder) -> None:
    module = WhisperStatistics(encoder, 0, 3, MelScale(level=1.0))
    batch = torch.randn(3, 30, 80) - torch.arange(3)[:, None, None]
    found = module(batch)
    assert found.shape == (3, module.coefficients) == (3, 2 * 4 * 16 + 4)
    for row, features in zip(found, batch, strict=True):
        assert torch.allclose(row, module(features[None])[0], atol=1e-5)


def test_gain_moves_loudness_alone(encoder: WhisperEncoder, rng: np.random.Generator) -> None:
    module = WhisperStatistics(encoder, 1, 3, MelScale(level=1.0))
    samples = rng.normal(0, 0.1, 16_000).astype(np.float32)
    one, other = (module(torch.from_numpy(whisper_mel(each))[None])[0] for each in (samples, samples / 10))
    assert torch.allclose(one[:-4], other[:-4], atol=1e-4)
    assert torch.allclose(one[-4:] - other[-4:], torch.tensor([2.0, 2.0, 2.0, 0.0]), atol=1e-3)


@pytest.mark.parametrize(("first", "last"), [(2, 1), (-1, 2), (0, 4)])
def test_blocks_that_are_not_there_cannot_be_described(encoder: WhisperEncoder, first: int, last: int) -> None:
    with pytest.raises(ConfigError, match=f"first {first} and last {last} must be in order, from 0 to 3"):
        WhisperStatistics(encoder, first, last, MelScale())


def test_the_graph_of_the_statistics_answers_alike(encoder: WhisperEncoder, tmp_path: Path) -> None:
    module = WhisperStatistics(encoder, 1, 2, MelScale(level=1.0)).eval()
    frames = torch.export.Dim("frames", min=2, max=2 * SIZES.most_frames)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter's own
        torch.onnx.export(
            module, (torch.randn(1, 50, 80),), tmp_path / "model.onnx", input_names=["features"],
            output_names=["row"], dynamic_shapes={"features": {1: frames}}, dynamo=True, external_data=False,
            verbose=False,
        )  # fmt: skip
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for length in (2, 3, 33, 120):
        features = 2 * torch.randn(1, length, 80) - 3
        (row,) = session.run(None, {"features": features.numpy()})
        assert np.allclose(row, module(features).numpy(), atol=1e-4)


def test_rows_are_moments_and_frames_of_all_blocks(tiny: Path, rng: np.random.Generator) -> None:
    samples = voice(0.9, rng=rng)
    (row,) = encoder_named(f"whisper:{tiny}").encode([samples])
    (frames,) = encoder_named(f"whisper-frames:{tiny}").encode([samples])
    blocks = whisper_checkpoint(str(tiny)).encoder(torch.from_numpy(scaled(whisper_mel(samples)))[None]).blocks
    stacked = torch.stack(blocks)[:, 0].numpy()  # (block, frame, width)
    assert row.shape == (1, 3, 64)
    assert row.dtype == np.float32
    assert np.allclose(row[0], np.concatenate((stacked.mean(axis=1), stacked.std(axis=1)), axis=1), atol=1e-5)
    assert frames.dtype == np.float16
    assert np.allclose(frames, stacked.transpose(1, 0, 2).reshape(len(frames), 96), atol=1e-2)


def test_a_long_sound_is_heard_in_stretches_whose_frames_are_joined(tiny: Path, rng: np.random.Generator) -> None:
    samples = voice(2.35, rng=rng)
    network = whisper_checkpoint(str(tiny)).encoder
    mel = torch.from_numpy(scaled(whisper_mel(samples)))
    parts = [torch.cat(network(each[None]).blocks, dim=2)[0] for each in (mel[:100], mel[100:200], mel[200:])]
    (frames,) = encoder_named(f"whisper-frames:{tiny}").encode([samples])
    assert len(frames) == (len(mel) + 1) // 2
    assert np.allclose(frames, torch.cat(parts).numpy(), atol=1e-2)
    together = encoder_named(f"whisper:{tiny}").encode([samples[:5_000], samples])[1]
    assert np.allclose(together[0, :, :32].ravel(), torch.cat(parts).mean(dim=0).numpy(), atol=1e-4)


def test_statistics_of_a_long_sound_are_those_of_its_joined_frames(tiny: Path, rng: np.random.Generator) -> None:
    samples = voice(1.6, rng=rng)
    (row,) = encoder_named(f"whisper-statistics:{tiny},first=0,last=2").encode([samples])
    (described,) = encoder_named(f"whisper:{tiny},level=1").encode([samples])
    means, deviations = described[0, :, :32].ravel(), described[0, :, 32:].ravel()
    assert np.allclose(row[0, :-4], np.concatenate((means, deviations)), atol=1e-5)
    assert row[0, -3] == pytest.approx(whisper_mel(samples).max())


def test_names_hold_the_options_and_revisions_everything(tiny: Path) -> None:
    plain, level = encoder_named(f"whisper:{tiny}"), encoder_named(f"whisper:{tiny},range=5.5,level=1")
    assert (plain.name, level.name) == ("whisper:tiny", "whisper:tiny,level=1,range=5.5")
    assert plain.revision != level.revision
    fewer = encoder_named(f"whisper:{tiny},blocks=1")
    assert fewer.row_shape == (2, 64)
    statistics = encoder_named(f"whisper-statistics:{tiny},first=1,last=1")
    assert statistics.row_shape == (2 * 32 + 4,)
    assert "blocks 1 to 1" in statistics.revision


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("whisper:{},blocks=0", "blocks must be a whole number from 1 to 999999999, not '0'"),
        ("whisper:{},level=11", "level must be a number from -10 to 10, not '11'"),
        ("whisper-frames:{},range=nan", "range must be a number from 0.1 to 20, not 'nan'"),
        ("whisper:{},first=1", "whisper takes blocks and level and range, not 'first'"),
        ("whisper-statistics:{},level=1", "whisper-statistics takes first and last, not 'level'"),
        ("whisper-statistics:{},last=3", "it has 2 blocks; 3 are none of them"),
        ("whisper-statistics:{},first=2,last=1", "first 2 and last 1 must be in order, from 0 to 1"),
        ("whisper:{},blocks=3", "it has 2 blocks; 3 are none of them"),
    ],
)
def test_options_that_cannot_be_used_are_told(tiny: Path, name: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        encoder_named(name.format(tiny))
