"""Networks arranged for ONNX Runtime give the numbers of the networks that were trained."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from undertone.backbones.lengths import frame_mask
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.export.arranged import ArrangedBackbone, SilencingConvolution, arranged, shifted
from undertone.export.graph import export_graph
from undertone.export.rounding import round_graph
from undertone.export.write import answers_of
from undertone.systems.layers import ConvBlock, MaskedConvStem
from undertone.systems.registry import SYSTEMS

if TYPE_CHECKING:
    from pathlib import Path

SIZES = BackboneSizes(mel_bins=16, width=24, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8)
LENGTHS = torch.tensor([61, 37, 5, 1])


def trained(network: nn.Module) -> nn.Module:
    """Move every weight, and what batch norms counted, away from where a fresh network has them."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
        for name, value in network.named_buffers():
            if name.endswith("running_mean"):
                value.normal_()
            if name.endswith("running_var"):
                value.uniform_(0.5, 2.0)
    return network.eval()


def features() -> torch.Tensor:
    return torch.randn(len(LENGTHS), int(LENGTHS.max()), SIZES.mel_bins, generator=torch.Generator().manual_seed(2)) * 4


def test_a_backbone_hears_the_same_in_every_real_frame() -> None:
    torch.manual_seed(0)
    backbone = trained(Backbone(SIZES))
    sound = features()
    sound[1, 37:] = 1e4  # what stands beyond the end is not heard
    other = arranged(copy.deepcopy(backbone))
    assert isinstance(other, ArrangedBackbone)
    with torch.inference_mode():
        wanted, found = backbone(sound, LENGTHS), other(sound, LENGTHS)
    assert found.lengths.tolist() == wanted.lengths.tolist()
    assert len(found.blocks) == len(wanted.blocks) == 1 + SIZES.blocks
    for before, after in zip((*wanted.blocks, wanted.logits), (*found.blocks, found.logits), strict=True):
        assert after.shape == before.shape
        for row, count in enumerate(wanted.lengths.tolist()):
            torch.testing.assert_close(after[row, :count], before[row, :count], atol=2e-5, rtol=1e-5)


def test_a_stem_and_a_block_of_convolutions_give_the_same_in_every_real_frame() -> None:
    torch.manual_seed(0)
    stem = trained(MaskedConvStem(views=2, mel_bins=16, channels=8, width=24))
    block = trained(ConvBlock(width=24, kernel=5, dropout=0.1))
    mask = frame_mask(LENGTHS, int(LENGTHS.max()))
    views = torch.stack((features(), features().flip(2)), dim=1) * mask[:, None, :, None]
    with torch.inference_mode():
        (wanted, lengths), (found, others) = stem(views, LENGTHS), arranged(copy.deepcopy(stem))(views, LENGTHS)
        inside = frame_mask(lengths, wanted.shape[1])
        assert others.tolist() == lengths.tolist()
        torch.testing.assert_close(found[inside], wanted[inside], atol=1e-5, rtol=1e-5)
        # A block masks what it hears, so padding may hold anything.
        torch.testing.assert_close(
            arranged(copy.deepcopy(block))(found, inside)[inside], block(wanted, inside)[inside], atol=1e-5, rtol=1e-5
        )


def test_padded_frames_are_silenced_and_real_ones_are_not() -> None:
    plain = nn.Conv2d(1, 3, 3, stride=2, padding=1)
    mask = frame_mask(LENGTHS, int(LENGTHS.max()))
    views = (features() * mask[:, :, None])[:, None]
    with torch.inference_mode():
        found = SilencingConvolution(plain.weight, plain.bias)(views, mask)
        wanted = plain(views)
    real = frame_mask((LENGTHS + 1) // 2, found.shape[2])
    assert found.transpose(1, 2)[~real].max() < -1e5
    torch.testing.assert_close(found.transpose(1, 2)[real], wanted.transpose(1, 2)[real])


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_places_are_shifted_to_where_a_frame_stands(frames: int) -> None:
    scores = torch.arange(2 * 3 * frames * 2 * frames).reshape(2, 3, frames, 2 * frames)
    found = shifted(scores)
    assert found.shape == (2, 3, frames, frames)
    for t in range(frames):
        for s in range(frames):
            assert torch.equal(found[:, :, t, s], scores[:, :, t, frames - 1 - t + s])


@pytest.mark.parametrize("name", sorted(name for name, system in SYSTEMS.items() if not system.reads))
def test_a_system_keeps_its_answers(name: str) -> None:
    torch.manual_seed(0)
    system = SYSTEMS[name]
    network = trained(system.build(system.sizes(mel_bins=16, labels=7)))
    other = arranged(copy.deepcopy(network))
    assert {type(part).__module__ for part in other.modules()} >= {"undertone.export.arranged"}
    with torch.inference_mode():
        found, wanted = other(features(), LENGTHS), network(features(), LENGTHS)
    torch.testing.assert_close(found.logits, wanted.logits, atol=1e-5, rtol=1e-4)


def test_a_system_that_is_exported_is_left_as_it_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    system = SYSTEMS["compact"]
    network = trained(system.build(system.sizes(mel_bins=16, labels=7, blocks=1, width=16, channels=8)))
    state = {key: value.clone() for key, value in network.state_dict().items()}
    export_graph(network, tmp_path / "model.onnx", mel_bins=16)
    assert not any(type(part).__module__ == "undertone.export.arranged" for part in network.modules())
    assert network.state_dict().keys() == state.keys()
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())


def test_a_graph_has_the_biases_in_its_products(tmp_path: Path) -> None:
    """Each step on its own costs more than what it computes on a short window: none is added unseen."""
    system = SYSTEMS["compact"]
    network = system.build(system.sizes(mel_bins=16, labels=7, blocks=2, width=32, channels=8)).eval()
    export_graph(network, tmp_path / "model.onnx", mel_bins=16)
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    per_block = {"Gemm": 4, "Conv": 1}  # expand, squeeze, excite and contract
    assert kinds.count("Gemm") == 2 * per_block["Gemm"] + 3  # the stem's projection, the embedding and the classifier
    assert kinds.count("Conv") == 2 * per_block["Conv"] + 2
    assert "BatchNormalization" not in kinds


@pytest.mark.parametrize("name", sorted(name for name, system in SYSTEMS.items() if not system.reads))
def test_rounding_leaves_alone_what_silences_padded_frames(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    system = SYSTEMS[name]
    network = system.build(system.sizes(mel_bins=16, labels=7)).eval()
    export_graph(network, tmp_path / "model.onnx", mel_bins=16)
    rounded = round_graph((tmp_path / "model.onnx").read_bytes())
    assert len(rounded) < 0.5 * (tmp_path / "model.onnx").stat().st_size
    with torch.inference_mode():
        wanted = network(features(), LENGTHS).logits.numpy()
    found = answers_of(rounded)(features().numpy(), LENGTHS.numpy())
    assert np.abs(found - wanted).max() < 0.05 * max(1.0, np.abs(wanted).max())
