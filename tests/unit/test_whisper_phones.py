"""Phones heard by a head on Whisper: the head, its files, its graph, its rows, and what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tiny_backbones import rewrite, saved_backbone
from tiny_heads import SIZES, saved_head, saved_whisper

from undertone.asr.hearing import at_speed, whisper_states
from undertone.asr.recognise import grid_of, scores_of_stretches, transcribe
from undertone.audio.stretches import WHISPER_GRID, frame_begins
from undertone.audio.whisper_mel import scaled, whisper_mel
from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import HOME, backbone_folder, shipped_backbones
from undertone.backbones.whisper_files import whisper_named
from undertone.backbones.whisper_phones import SCALE, PhoneHead, PhoneHeadSizes, WhisperStates
from undertone.backbones.whisper_phones_files import HEAD, load_head, load_whisper_phones
from undertone.encoders.registry import encoder_named
from undertone.errors import BundleError, ChecksumError, ConfigError, FormatVersionError, MissingExtraError
from undertone.export.recogniser import export_recogniser
from undertone.inference.phones import GRAPH, PhoneNetwork, recogniser_of
from undertone.learners.base import Fitting, Part
from undertone.learners.qieemo import QieemoSettings, fit_qieemo
from undertone.records import Utterance
from undertone.speech.phones import SYMBOLS
from undertone.systems.qieemo import Head
from undertone.testing.sounds import voice
from undertone.training.store import FeatureStore


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A checkpoint of two blocks of 32, with positions for three seconds."""
    transformers.utils.logging.disable_progress_bar()
    yield saved_whisper(tmp_path_factory.mktemp("whisper") / "tiny")
    transformers.utils.logging.enable_progress_bar()


@pytest.fixture(scope="module")
def folder(whisper: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished head on it, with its graph."""
    made = saved_head(tmp_path_factory.mktemp("heads") / "tiny", whisper)
    assert export_recogniser(made) < 0.1
    return made


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Path:
    """A head whose files may be harmed."""
    for name in ("card.json", HEAD):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize("frames", [1, 2, 9, 40])
def test_padding_changes_nothing(frames: int) -> None:
    torch.manual_seed(0)
    head = PhoneHead(replace(SIZES, layers=2)).eval()
    batch = torch.randn(2, 41, 64)
    batch[1, frames:] = 1e6  # padding may hold any number
    together = head(batch, torch.tensor([41, frames]))
    alone = head(batch[1:, :frames], torch.tensor([frames]))
    assert together.lengths.tolist() == [41, frames]
    assert together.logits.shape == (2, 41, len(SYMBOLS))
    assert torch.allclose(together.logits[1, :frames], alone.logits[0], atol=1e-5)


def test_a_head_hears_no_stream() -> None:
    with pytest.raises(ConfigError, match="Whisper hears whole stretches, and no stream; hear without chunks"):
        PhoneHead(SIZES)(torch.zeros(1, 4, 64), torch.tensor([4]), 2)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"width": 0}, "width must be 1 or more, not 0"),
        ({"layers": -1}, "layers must be 0 or more, not -1"),
        ({"read": ()}, r"read must name blocks in order, each once, 0 or more, not \[\]"),
        ({"read": (2, 1)}, "read must name blocks in order"),
        ({"kernel": 4}, "kernel must be odd, so that a frame stands in its middle, not 4"),
        ({"symbols": 1}, "symbols must be 2 or more, the blank and a phone, not 1"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1"),
    ],
)
def test_sizes_that_fit_no_head_are_refused(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        PhoneHead(replace(SIZES, **change))


def test_a_head_cannot_read_blocks_that_the_encoder_has_not(whisper: Path) -> None:
    with pytest.raises(ConfigError, match="read must name blocks up to 2, the encoder's last"):
        WhisperStates(whisper_named(str(whisper)).encoder, (1, 3))


def test_what_was_saved_is_what_is_loaded(folder: Path) -> None:
    network, card = load_whisper_phones(folder)
    head, _ = load_head(folder)
    assert card.name == "tiny-head"
    assert not network.training
    for name, weight in head.state_dict().items():
        assert torch.equal(weight, network.head.state_dict()[name])


@pytest.mark.parametrize(
    ("change", "kind", "problem"),
    [
        ({"format": 9}, FormatVersionError, "its format is 9; this version reads 1"),
        ({"sorces": []}, BundleError, "sorces is not a setting; did you mean sources"),
        ({"symbols": ["<blank>", "AA"]}, BundleError, "its 2 symbols are not the 40"),
        ({"scale": {"level": 2.0}}, BundleError, "level=2.0.*this version takes"),
        ({"sizes": {"states": 32, "width": 24}}, BundleError, "is not of the sizes on the card"),
        ({"sizes": {"kernel": 2}}, ConfigError, "kernel must be odd"),
        ({"encoder_sha256": "0" * 64}, BundleError, "it stands on weights of .* with the SHA-256 000000000000…, and"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    copied: Path, change: dict[str, object], kind: type[Exception], problem: str
) -> None:
    rewrite(copied, **change)
    with pytest.raises(kind, match=problem):
        load_whisper_phones(copied)


def test_weights_that_were_changed_or_are_missing_are_refused(copied: Path) -> None:
    held = bytearray((copied / HEAD).read_bytes())
    held[-1] ^= 1
    (copied / HEAD).write_bytes(held)
    with pytest.raises(ChecksumError, match=r"head.safetensors has the checksum .* copy the folder anew"):
        load_head(copied)
    (copied / HEAD).unlink()
    with pytest.raises(BundleError, match=r"head\.safetensors cannot be read"):
        load_head(copied)


def test_a_head_and_a_network_of_its_own_are_not_mistaken_for_each_other(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"it is a head on .*, and a network of its own is wanted"):
        load_backbone(folder)
    with pytest.raises(BundleError, match="it is a network of its own, and a head on Whisper is wanted"):
        load_head(saved_backbone(tmp_path / "own"))


def test_the_light_half_hears_as_the_other(folder: Path, rng: np.random.Generator) -> None:
    network, card = load_whisper_phones(folder)
    graph = recogniser_of(folder, threads=1)
    assert graph.about["backbone"] == "tiny-head"
    assert (graph.about["weights"], graph.about["encoder"]) == (card.sha256, card.encoder_sha256)
    assert graph.grid == grid_of(network) == WHISPER_GRID
    for length in (0.01, 0.03, 0.5, 2.0):
        samples = voice(length, rng=rng)
        heard = graph.hear([samples])
        ((_, _, expected),) = scores_of_stretches(network, samples)
        assert heard.log_probabilities.shape == expected.shape == (-(-(len(samples) // 160) // 2), len(SYMBOLS))
        assert np.abs(np.exp(heard.log_probabilities) - np.exp(expected)).max() < 0.1  # products in eight bits
        begins = frame_begins(np.arange(len(expected)), WHISPER_GRID) / 16_000
        assert np.allclose(heard.edges[:-1], begins)
        assert heard.edges[-1] == len(samples) / 16_000
    assert len(graph.hear([np.zeros(100, dtype=np.float32)]).log_probabilities) == 0


def test_a_graph_that_hears_otherwise_is_refused(folder: Path) -> None:
    import onnx

    model = onnx.load(folder / GRAPH)
    onnx.helper.set_model_props(model, {"symbols": " ".join(SYMBOLS), "front_end": "{}"})
    with pytest.raises(BundleError, match="it hears other symbols or features than this version"):
        PhoneNetwork(model.SerializeToString(), "x")


def test_phones_are_told_in_order(folder: Path, rng: np.random.Generator) -> None:
    network, _ = load_whisper_phones(folder)
    found = transcribe(network, voice(1.0, rng=rng))
    edges = [edge for each in found for edge in (each.start, each.end)]
    assert edges == sorted(edges)


def test_training_hears_the_rounded_states(whisper: Path, rng: np.random.Generator) -> None:
    pretrained = whisper_named(str(whisper))
    encoder = whisper_states(pretrained, (0, 2))
    samples = voice(0.7, rng=rng)
    (rows,) = encoder.encode([samples])
    assert (rows.shape, rows.dtype) == ((35, 64), np.float16)
    mel = torch.from_numpy(scaled(whisper_mel(samples), SCALE))[None]
    with torch.inference_mode():
        blocks = pretrained.encoder(mel).blocks
    expected = torch.cat((blocks[0], blocks[2]), dim=2)[0].numpy()
    assert np.corrcoef(rows.astype(np.float32).ravel(), expected.ravel())[0, 1] > 0.99
    (faster,) = at_speed(encoder, 1.1).encode([samples])
    assert len(faster) == pytest.approx(35 / 1.1, abs=1)
    assert len(encoder.encode([np.zeros(90, dtype=np.float32)])[0]) == 0


def test_a_row_is_the_kept_blocks_and_then_the_scores(folder: Path, rng: np.random.Generator) -> None:
    network, _ = load_whisper_phones(folder)
    sounds = [voice(0.8, rng=rng), voice(0.3, rng=rng)]
    whole = encoder_named(f"whisper-phones-frames:{folder}")
    fewer = encoder_named(f"whisper-phones-frames:{folder},first=1,last=1")
    assert (whole.name, fewer.name) == (
        "whisper-phones-frames:tiny-head",
        "whisper-phones-frames:tiny-head,first=1,last=1",
    )
    assert whole.revision != fewer.revision
    assert (whole.layout.blocks, fewer.layout.blocks, whole.layout.symbols) == (3, 1, len(SYMBOLS))
    for samples, rows, some in zip(sounds, whole.encode(sounds), fewer.encode(sounds), strict=True):
        mel = torch.from_numpy(scaled(whisper_mel(samples), SCALE))[None]
        with torch.inference_mode():
            heard = network(mel, torch.tensor([mel.shape[1]]))
        expected = torch.cat([*heard.blocks, heard.logits], dim=2)[0].numpy()
        assert np.allclose(rows, expected, atol=1e-2)
        assert np.array_equal(some, rows[:, [*range(32, 64), *range(96, 136)]])


def test_qieemo_learns_from_these_rows(folder: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    encoder = encoder_named(f"whisper-phones-frames:{folder}")
    frames = encoder.encode([voice(0.4, rng=rng, pitch=pitch) for pitch in (110.0, 220.0) * 6])
    ends = np.cumsum([0, *map(len, frames)]).tolist()
    utterances = [
        Utterance(id=str(n), path="x", corpus="made", speaker="s", language="en", emotion=None, duration=0.4)
        for n in range(len(frames))
    ]
    store = FeatureStore(
        rows=np.concatenate(frames),
        spans={item.id: span for item, span in zip(utterances, pairwise(ends), strict=True)},
        layout=encoder.layout,
    )
    parts = [
        Part(
            utterances=tuple(each),
            truth=np.arange(len(each)) % 2,
            targets=np.eye(2)[np.arange(len(each)) % 2],
            store=store,
        )
        for each in (utterances[:8], utterances[8:])
    ]
    head = Head(width=8, heads=2, hidden=8, first_block=1, last_block=2)
    settings = QieemoSettings(head=head, steps=4, batch=4, bfloat16=False)
    fitted = fit_qieemo(*parts, Fitting(labels=("sad", "happy"), settings=settings, seed=0, folder=tmp_path))
    assert np.allclose(fitted.predict(parts[1]).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (",last=3", "first 0 and last 3 must be in order, from 0 to 2, the encoder's last block"),
        (",first=2,last=1", "first 2 and last 1 must be in order"),
        (",chunk=2", "whisper-phones-frames takes first and last, not 'chunk'"),
    ],
)
def test_blocks_that_cannot_be_kept_are_told(folder: Path, options: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        encoder_named(f"whisper-phones-frames:{folder}{options}")


def test_a_network_of_its_own_is_no_head() -> None:
    with pytest.raises(
        ConfigError, match=r"no backbone of that name.*name a folder with card.json and head.safetensors"
    ):
        encoder_named("whisper-phones-frames:phones-en")


@pytest.mark.parametrize("name", shipped_backbones(HEAD))
def test_the_graph_of_the_head_that_ships_is_made_of_the_weights_that_ship(
    name: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    shipped = Path(shutil.copytree(backbone_folder(name, HEAD), tmp_path / name))
    try:
        network, card = load_whisper_phones(shipped)
    except MissingExtraError:
        pytest.skip("the weights of Whisper base are not installed")
    export_recogniser(shipped)
    graph = recogniser_of(shipped, threads=1)
    assert (graph.about["weights"], graph.about["encoder"]) == (card.sha256, card.encoder_sha256)
    samples = voice(1.0, rng=rng)
    ((_, _, expected),) = scores_of_stretches(network, samples)
    found = graph.hear([samples]).log_probabilities
    assert np.median(np.abs(np.exp(found) - np.exp(expected)).max(axis=1)) < 0.05


def test_a_head_is_small() -> None:
    assert sum(weight.numel() for weight in PhoneHead(PhoneHeadSizes()).parameters()) < 1_000_000
    assert HOME.is_dir()
