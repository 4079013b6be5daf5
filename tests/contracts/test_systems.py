"""Every registered system: shapes, gradients, padding, batches, saving, export, and learning a planted signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from undertone.backbones.network import BackboneSizes
from undertone.errors import UsageError
from undertone.export.graph import TOLERANCE, export_graph, golden_of
from undertone.speech.script import COUNT, Script, padded_scripts, script_alone
from undertone.systems.base import Settles
from undertone.systems.multilevel import Fusion
from undertone.systems.qieemo import Head
from undertone.systems.registry import SYSTEMS, system_named
from undertone.training.batches import as_tensors, padded

LABELS = 7
SMALL: dict[str, dict[str, object]] = {
    "qieemo": {
        "backbone": BackboneSizes(
            width=32, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8, dropout=0.0
        ),
        "head": Head(width=32, heads=2, hidden=32, first_block=1, last_block=2, dropout=0.0, classifier_dropout=0.0),
    },
    "multilevel": {
        "backbone": BackboneSizes(
            width=32, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8, dropout=0.0
        ),
        "first_block": 1,
        "fusion": Fusion(
            granularities=("frame", "phone", "word"), width=32, heads=2, hidden=32, dropout=0.0, classifier_dropout=0.0
        ),
    },
}
"""Sizes of systems that are slow as they come."""
UNASKED = {"multilevel": ("backbone.conformer.ctc_head.weight", "backbone.conformer.ctc_head.bias")}
"""Weights of a backbone that a system does not need: scores of symbols, where no posteriorgram is read."""
every_system = pytest.mark.parametrize("name", sorted(SYSTEMS))


def build(name: str) -> nn.Module:
    torch.manual_seed(0)
    system = system_named(name)
    return system.build(system.sizes(labels=LABELS, **SMALL.get(name, {}))).eval()


def windows(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.normal(8, 4, (length, 80)).astype(np.float32) for length in lengths]


def scripts_of(name: str, items: list[np.ndarray], tokens: int = 5) -> list[Script]:
    """For systems that read: fewer tokens in every window, down to none, and a few segments in each."""
    if not system_named(name).reads:
        return []
    scripts = []
    for place, item in enumerate(items):
        frames = -(-len(item) // 4)
        edges = np.linspace(0, frames, min(frames, 4) + 1).astype(np.int64)
        bounds = np.stack((edges[:-1], edges[1:]), axis=1)
        tokens_here = np.arange(1, 1 + max(0, tokens - 2 * place), dtype=np.int64)
        scripts.append(Script(tokens=tokens_here, segments={"phone": bounds, "word": bounds[:2]}))
    return scripts


def batch_of(name: str, items: list[np.ndarray]) -> tuple[Any, ...]:
    """Everything that a system takes of some windows."""
    scripts = scripts_of(name, items)
    return (*padded(items), as_tensors(padded_scripts(scripts))) if scripts else padded(items)


def part(batch: tuple[Any, ...], row: int) -> tuple[Any, ...]:
    """One window of a batch, without the padding that the others asked for."""
    features, lengths, *read = batch
    alone = (features[row : row + 1, : lengths[row]], lengths[row : row + 1])
    if not read:
        return alone
    arrays = {key: values.numpy() for key, values in read[0].items()}
    return (*alone, as_tensors(script_alone(arrays, row)))


@every_system
def test_scores_have_the_promised_shape_and_are_numbers(name: str) -> None:
    outputs = build(name)(*batch_of(name, windows(60, 1, 33)))
    assert outputs.logits.shape == (3, LABELS)
    assert outputs.embedding.shape[0] == 3
    assert torch.isfinite(outputs.logits).all()


@every_system
def test_every_weight_gets_a_gradient(name: str) -> None:
    network = build(name).train()
    network(*batch_of(name, windows(80, 80, 60, 80))).logits.square().sum().backward()
    without = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert [key for key in without if key not in UNASKED.get(name, ())] == []


@every_system
def test_a_batch_gives_what_its_items_give_one_by_one(name: str) -> None:
    network = build(name)
    batch = batch_of(name, windows(90, 17, 41, 5))
    together = network(*batch).logits
    alone = torch.cat([network(*part(batch, row)).logits for row in range(4)])
    assert torch.allclose(together, alone, atol=1e-5)


@every_system
def test_what_stands_in_the_padding_does_not_matter(name: str) -> None:
    network = build(name)
    features, lengths, *read = batch_of(name, windows(50, 20))
    loud = features.clone()
    loud[1, 20:] = 1e4
    other = [
        {
            key: values if key.endswith(COUNT) else others_in_padding(key, values, each[key + COUNT])
            for key, values in each.items()
        }
        for each in read
    ]
    assert torch.allclose(network(features, lengths, *read).logits, network(loud, lengths, *other).logits, atol=1e-5)


def others_in_padding(name: str, values: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Put another token, or another segment, where there is none."""
    real = torch.arange(values.shape[1])[None] < counts[:, None]
    if name == "tokens":
        return torch.where(real, values, torch.full_like(values, 9))
    return torch.where(real[:, :, None], values, torch.tensor([2, 4]))


@every_system
def test_gain_of_the_recording_does_not_matter(name: str) -> None:
    network = build(name)
    features, *rest = batch_of(name, windows(50))
    assert torch.allclose(network(features, *rest).logits, network(features + 3, *rest).logits, atol=1e-4)


@every_system
def test_saved_weights_give_the_same_scores(name: str) -> None:
    first, second = build(name), build(name)
    with torch.no_grad():
        for weight in second.parameters():
            weight.add_(1)
    second.load_state_dict(first.state_dict())
    batch = batch_of(name, windows(30, 12))
    assert torch.equal(first(*batch).logits, second(*batch).logits)


@every_system
def test_exported_graph_gives_the_same_scores(name: str, tmp_path: Path) -> None:
    network = build(name)
    granularities = ("phone", "word") if system_named(name).reads else None
    export_graph(network, tmp_path / "model.onnx", mel_bins=80, granularities=granularities)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for lengths in ((400,), (1,), (5, 1), (37, 90, 90)):
        items = windows(*lengths)
        golden = golden_of(network, items, scripts_of(name, items))
        asked = {"features": golden.features, "lengths": golden.lengths, **golden.scripts}
        (logits,) = session.run(["logits"], asked)
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
    batch = batch_of(name, items)
    if isinstance(network, Settles):
        network.settle(*batch[:2])
    for _ in range(60):
        loss = nn.functional.cross_entropy(network(*batch).logits, torch.from_numpy(truth))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    fresh = windows(*[40] * 60)[48:]
    for label, item in enumerate(fresh):
        item[20:, 20 * (label % 3) : 20 * (label % 3) + 20] += 6.0
    found = network.eval()(*batch_of(name, fresh)).logits.argmax(dim=1).tolist()
    assert found == [label % 3 for label in range(12)]


def test_an_unknown_system_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="'nonsense'; there are compact"):
        system_named("nonsense")
