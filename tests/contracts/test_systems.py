"""Every registered system: shapes, gradients, padding, batches, saving, export, and learning a planted signal."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from undertone.backbones.network import BackboneSizes
from undertone.errors import UsageError
from undertone.export.graph import TOLERANCE, export_graph, golden_of
from undertone.systems.qieemo import Head
from undertone.systems.registry import SYSTEMS, system_named
from undertone.training.batches import padded

LABELS = 7
SMALL: dict[str, dict[str, object]] = {
    "qieemo": {
        "backbone": BackboneSizes(
            width=32, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8, dropout=0.0
        ),
        "head": Head(width=32, heads=2, hidden=32, first_block=1, last_block=2, dropout=0.0, classifier_dropout=0.0),
    }
}
"""Sizes of systems that are slow as they come."""
every_system = pytest.mark.parametrize("name", sorted(SYSTEMS))


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    system = system_named(name)
    return system.build(system.sizes(labels=LABELS, **SMALL.get(name, {}))).eval()


def windows(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(8, 4, (length, 80)).astype(np.float32) for length in lengths]


@every_system
def test_scores_have_the_promised_shape_and_are_numbers(name: str) -> None:
    features, lengths = padded(windows(60, 1, 33))
    outputs = build(name)(features, lengths)
    assert outputs.logits.shape == (3, LABELS)
    assert outputs.embedding.shape[0] == 3
    assert torch.isfinite(outputs.logits).all()


@every_system
def test_every_weight_gets_a_gradient(name: str) -> None:
    network = build(name).train()
    features, lengths = padded(windows(80, 80, 60, 80))
    network(features, lengths).logits.square().sum().backward()
    without = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []


@every_system
def test_a_batch_gives_what_its_items_give_one_by_one(name: str) -> None:
    network = build(name)
    items = windows(90, 17, 41, 5)
    together = network(*padded(items)).logits
    alone = torch.cat([network(*padded([item])).logits for item in items])
    assert torch.allclose(together, alone, atol=1e-5)


@every_system
def test_what_stands_in_the_padding_does_not_matter(name: str) -> None:
    network = build(name)
    features, lengths = padded(windows(50, 20))
    loud = features.clone()
    loud[1, 20:] = 1e4
    assert torch.allclose(network(features, lengths).logits, network(loud, lengths).logits, atol=1e-5)


@every_system
def test_gain_of_the_recording_does_not_matter(name: str) -> None:
    network = build(name)
    features, lengths = padded(windows(50))
    assert torch.allclose(network(features, lengths).logits, network(features + 3, lengths).logits, atol=1e-4)


@every_system
def test_saved_weights_give_the_same_scores(name: str) -> None:
    first, second = build(name), build(name)
    with torch.no_grad():
        for weight in second.parameters():
            weight.add_(1)
    second.load_state_dict(first.state_dict())
    batch = padded(windows(30, 12))
    assert torch.equal(first(*batch).logits, second(*batch).logits)


@every_system
def test_exported_graph_gives_the_same_scores(name: str, tmp_path: Path) -> None:
    network = build(name)
    export_graph(network, tmp_path / "model.onnx", mel_bins=80)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for lengths in ((400,), (1,), (5, 1), (37, 90, 90)):
        golden = golden_of(network, windows(*lengths))
        (logits,) = session.run(["logits"], {"features": golden.features, "lengths": golden.lengths})
        assert np.abs(logits - golden.logits).max() <= TOLERANCE


@every_system
def test_a_planted_signal_is_learnt(name: str) -> None:
    network = build(name).train()
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 48)
    items = windows(*[40] * 48)
    for item, label in zip(items, truth, strict=True):  # not in all frames: a band's mean is the microphone's
        item[20:, 20 * label : 20 * label + 20] += 6.0
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    batch = padded(items)
    for _ in range(60):
        loss = nn.functional.cross_entropy(network(*batch).logits, torch.from_numpy(truth))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    fresh = windows(*[40] * 60)[48:]
    for label, item in enumerate(fresh):
        item[20:, 20 * (label % 3) : 20 * (label % 3) + 20] += 6.0
    found = network.eval()(*padded(fresh)).logits.argmax(dim=1).tolist()
    assert found == [label % 3 for label in range(12)]


def test_an_unknown_system_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'nonsense'; there are compact"):
        system_named("nonsense")
