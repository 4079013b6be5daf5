"""The backbone: lengths, padding, gradients, sizes, and the files it is kept in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import tiny_backbones
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_backbones import rewrite

from undertone.audio.fbank import FrontEnd
from undertone.backbones.files import (
    install_backbone,
    load_backbone,
    read_card,
    round_weights,
    save_backbone,
)
from undertone.backbones.network import Backbone, BackboneSizes, normalised, output_lengths
from undertone.errors import BundleError, ChecksumError, ConfigError, FormatVersionError, OutputError
from undertone.speech.phones import SYMBOLS

SIZES = BackboneSizes(
    width=24, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8, dropout=0.0
)  # fmt: skip


def backbone(sizes: BackboneSizes = SIZES) -> Backbone:
    torch.manual_seed(3)
    return Backbone(sizes)


def features(frames: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(1, frames, 80, generator=torch.Generator().manual_seed(seed)) + 5


def test_there_is_a_block_for_the_front_end_and_for_each_conformer_block() -> None:
    heard = backbone()(features(101), torch.tensor([101]))
    assert [tuple(block.shape) for block in heard.blocks] == [(1, 26, 24)] * 3
    assert heard.logits.shape == (1, 26, len(SYMBOLS))
    assert heard.lengths.tolist() == [26]


def test_the_last_block_is_what_the_scores_are_taken_from() -> None:
    network = backbone().eval()
    heard = network(features(60), torch.tensor([60]))
    assert torch.allclose(network.conformer.ctc_head(heard.blocks[-1]), heard.logits)


@given(st.integers(1, 200))
@settings(deadline=None, max_examples=25)
def test_lengths_are_those_of_the_frames_that_come_out(frames: int) -> None:
    heard = backbone().eval()(features(frames), torch.tensor([frames]))
    assert heard.lengths.tolist() == [heard.logits.shape[1]] == output_lengths(torch.tensor([frames])).tolist()


@pytest.mark.parametrize("learning", [False, True])
def test_a_batch_gives_what_its_utterances_give_one_by_one(learning: bool) -> None:
    network = backbone().train(learning)
    lengths = [130, 57, 99, 4]
    batch = torch.zeros(4, 130, 80)
    for row, length in enumerate(lengths):
        batch[row, :length] = features(length, row)[0]
    together = network(batch, torch.tensor(lengths))
    for row, length in enumerate(lengths):
        alone = network(features(length, row), torch.tensor([length]))
        for one, other in zip((*alone.blocks, alone.logits), (*together.blocks, together.logits), strict=True):
            assert torch.allclose(one[0], other[row, : one.shape[1]], atol=2e-5)


@pytest.mark.parametrize("rubbish", [1e4, float("nan"), float("-inf")])
def test_what_stands_in_the_padding_does_not_matter(rubbish: float) -> None:
    network = backbone().eval()
    batch = features(120).repeat(2, 1, 1)
    lengths = torch.tensor([120, 61])
    clean = network(batch, lengths).logits
    batch[1, 61:] = rubbish
    assert torch.equal(network(batch, lengths).logits[1, :16], clean[1, :16])


def test_every_weight_gets_a_gradient() -> None:
    network = backbone()
    network(features(80), torch.tensor([80])).logits.square().mean().backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_before_training_the_front_end_lets_the_sound_through() -> None:
    front = backbone(BackboneSizes()).eval()(features(200), torch.tensor([200])).blocks[0]
    assert front.std(dim=1).mean() > 0.1


def test_a_louder_voice_and_another_microphone_sound_the_same() -> None:
    network = backbone().eval()
    heard = network(features(90), torch.tensor([90])).logits
    coloured = network(2 * features(90) + torch.linspace(-4, 4, 80), torch.tensor([90])).logits
    assert torch.allclose(heard, coloured, atol=1e-3)


@pytest.mark.parametrize("chunk", [1, 3, 8])
def test_what_is_heard_in_a_chunk_waits_for_nothing_after_it(chunk: int) -> None:
    network, whole = backbone().eval(), features(110)
    heard = network(whole, torch.tensor([110]), chunk)
    for chunks in (1, 2, 3):
        frames = chunks * chunk
        known = 4 * frames
        early = network(whole[:, :known], torch.tensor([known]), chunk)
        for one, other in zip((*early.blocks, early.logits), (*heard.blocks, heard.logits), strict=True):
            assert torch.allclose(one, other[:, :frames], atol=2e-5)


def test_a_chunk_as_long_as_the_utterance_is_the_utterance() -> None:
    network, lengths = backbone().eval(), torch.tensor([110])
    together, whole = network(features(110), lengths, 28).logits, network(features(110), lengths).logits
    assert torch.allclose(together, whole, atol=1e-3)
    assert not torch.allclose(network(features(110), lengths, 7).logits, whole, atol=1e-3)


def test_chunks_of_a_batch_are_those_of_its_utterances() -> None:
    network = backbone().eval()
    together = network(features(120).repeat(2, 1, 1), torch.tensor([120, 61]), 4)
    alone = network(features(120)[:, :61], torch.tensor([61]), 4)
    assert torch.allclose(alone.logits[0], together.logits[1, :16], atol=2e-5)


def test_a_band_that_does_not_move_is_zero() -> None:
    flat = torch.full((1, 10, 80), 7.0)
    assert normalised(flat, torch.ones(1, 10, dtype=torch.bool)).abs().max() == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"width": 25}, r"width must be a multiple of twice the heads \(4\), not 25"),
        ({"kernel": 4}, "kernel must be odd.*not 4"),
        ({"blocks": 0}, "blocks must be 1 or more, not 0"),
        ({"symbols": 1}, "symbols must be 2 or more.*not 1"),
        ({"mel_bins": 81}, "mel_bins must be a multiple of 4, not 81"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1"),
    ],
)
def test_sizes_that_fit_no_network_are_refused(change: dict[str, float], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Backbone(replace(SIZES, **change))


CARD = replace(
    tiny_backbones.CARD,
    name="tiny",
    sizes=SIZES,
    sources=tuple(replace(source, left_out={"no text": 1}) for source in tiny_backbones.CARD.sources),
)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    network = backbone().eval()
    round_weights(network)
    written = save_backbone(network, CARD, tmp_path / "here")
    loaded, card = load_backbone(tmp_path / "here")
    assert card == written == replace(CARD, sha256=written.sha256)
    assert not loaded.training
    heard = [each(features(70), torch.tensor([70])).logits for each in (network, loaded)]
    assert torch.equal(*heard)


def test_weights_are_kept_as_halves(tmp_path: Path) -> None:
    network = backbone().eval()
    save_backbone(network, CARD, tmp_path)
    loaded, _ = load_backbone(tmp_path)
    kept = loaded.state_dict()
    assert {weight.dtype for weight in kept.values()} == {torch.float32}
    numbers = sum(weight.numel() for weight in kept.values())
    assert 2 * numbers < (tmp_path / "backbone.safetensors").stat().st_size < 3 * numbers
    off = 0.0
    for name, weight in network.state_dict().items():
        bound = (weight.abs() / 2048).clamp(min=2**-25)  # half a step of a half
        assert ((kept[name] - weight).abs() <= bound).all(), name
        off = max(off, float((kept[name] - weight).abs().max()))
    assert off > 0
    exact, rounded = (each(features(70), torch.tensor([70])).logits for each in (network, loaded))
    assert torch.allclose(exact, rounded, atol=0.02)
    round_weights(network)
    assert all(torch.equal(weight, kept[name]) for name, weight in network.state_dict().items())


def test_weights_of_32_bits_can_be_loaded_too(tmp_path: Path) -> None:
    network = backbone().eval()
    save_backbone(network, CARD, tmp_path)
    held = safetensors.torch.save(dict(network.state_dict()))
    (tmp_path / "backbone.safetensors").write_bytes(held)
    rewrite(tmp_path, sha256=hashlib.sha256(held).hexdigest())
    loaded, _ = load_backbone(tmp_path)
    assert all(torch.equal(weight, network.state_dict()[name]) for name, weight in loaded.state_dict().items())


@pytest.mark.parametrize(("weight", "told"), [(1e5, "100000"), (float("nan"), "nan"), (float("-inf"), "inf")])
def test_weights_that_halves_cannot_hold_are_refused(tmp_path: Path, weight: float, told: str) -> None:
    network = backbone()
    with torch.no_grad():
        network.conformer.ctc_head.bias[3] = weight
    for act in (round_weights, lambda each: save_backbone(each, CARD, tmp_path / "new")):
        with pytest.raises(BundleError, match=f"ctc_head.bias: weights up to 65504 can be kept, not {told}"):
            act(network)
    assert not (tmp_path / "new").exists()


def test_a_backbone_is_installed_in_place_of_another_one_only(tmp_path: Path) -> None:
    save_backbone(backbone(), CARD, tmp_path / "made")
    old = replace(CARD, name="old")
    save_backbone(backbone(), old, tmp_path / "there")
    for target in (tmp_path / "there", tmp_path / "fresh"):
        install_backbone(tmp_path / "made", target)
        assert load_backbone(target)[1].name == "tiny"
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "card.json").write_text("{}")
    with pytest.raises(OutputError, match="it holds something other than a backbone, which would be lost"):
        install_backbone(tmp_path / "made", tmp_path / "home")
    with pytest.raises(OutputError, match=r"inside: the backbone cannot be put there \("):
        install_backbone(tmp_path / "made", tmp_path / "home" / "card.json" / "inside")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["fresh", "home", "made", "there"]


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    save_backbone(backbone(), CARD, tmp_path)
    held = bytearray((tmp_path / "backbone.safetensors").read_bytes())
    held[-1] ^= 1
    (tmp_path / "backbone.safetensors").write_bytes(held)
    with pytest.raises(ChecksumError, match=r"backbone.safetensors has the checksum .* copy the folder anew"):
        load_backbone(tmp_path)


def test_weights_that_are_missing_are_refused(tmp_path: Path) -> None:
    save_backbone(backbone(), CARD, tmp_path)
    (tmp_path / "backbone.safetensors").unlink()
    with pytest.raises(BundleError, match=r"backbone\.safetensors cannot be read"):
        load_backbone(tmp_path)


@pytest.mark.parametrize(
    ("change", "kind", "problem"),
    [
        ({"format": 9}, FormatVersionError, "its format is 9; this version reads 1"),
        ({"sorces": []}, BundleError, "sorces is not a setting; did you mean sources"),
        ({"symbols": ["<blank>", "AA"]}, BundleError, "its 2 symbols are not the 40"),
        ({"front_end": FrontEnd(low_hz=50).as_json()}, BundleError, "low_hz=50.*this version takes"),
        ({"sizes": {"width": 48}}, BundleError, "is not of the sizes on the card"),
        ({"sizes": {"width": 25}}, ConfigError, "width must be a multiple.*not 25"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, object], kind: type[Exception], problem: str
) -> None:
    save_backbone(backbone(), CARD, tmp_path)
    rewrite(tmp_path, **change)
    with pytest.raises(kind, match=problem):
        load_backbone(tmp_path)


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"card\.json cannot be read.*name the folder of a backbone"):
        read_card(tmp_path)
