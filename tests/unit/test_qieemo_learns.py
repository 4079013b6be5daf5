"""What Qieemo's heads can learn and what they cannot: signals planted in one feature, or only in how the two meet."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from undertone.systems.qieemo import Head, QieemoHead

FRAMES, BLOCKS, WIDTH, SYMBOLS = 8, 4, 6, 5
SMALL = Head(width=16, heads=2, hidden=16, dropout=0.0, classifier_dropout=0.0)
"""Of these blocks, 0 to 3, the middle third is block 2."""

PLAIN = {"mmf": "none", "cma": "none"}
CONTENT = PLAIN | {"evidence": "content"}
EMOTION = PLAIN | {"evidence": "emotion"}

Items = tuple[Tensor, Tensor, Tensor]


def drawn(planted: str, count: int, rng: torch.Generator) -> tuple[Items, Tensor]:
    """Draw items: each frame has a bit of content, in the scores, and a bit of emotion, in block 2.

    Args:
        planted: where the label is. `content` and `emotion`: it is that bit, in all frames. `item`: it is whether the
            two bits differ, which are the same in all frames. `frame`: the same, but half of an item's frames have one
            bit and half the other, so that each feature alone is always the same set.
        count: how many items.
        rng: source of every draw.
    """
    blocks = torch.randn(count, BLOCKS, FRAMES, WIDTH, generator=rng)
    scores = torch.randn(count, FRAMES, SYMBOLS, generator=rng)
    label = torch.randint(2, (count, 1), generator=rng)
    content = torch.randint(2, (count, 1), generator=rng).expand(-1, FRAMES)
    if planted == "content":
        content, emotion = label.expand(-1, FRAMES), content
    elif planted == "emotion":
        emotion = label.expand(-1, FRAMES)
    else:
        if planted == "frame":
            content = torch.rand(count, FRAMES, generator=rng).argsort(dim=1) % 2
        emotion = (content + label) % 2
    scores.scatter_add_(2, 1 + content[:, :, None], torch.full((count, FRAMES, 1), 4.0))
    blocks[:, 2, :, 0] += 6.0 * emotion - 3
    blocks[:, 2, :, 1] -= 6.0 * emotion - 3
    return (blocks, scores, torch.full((count,), FRAMES)), label[:, 0]


def built(change: dict[str, object]) -> QieemoHead:
    torch.manual_seed(0)
    return QieemoHead(replace(SMALL, **change), blocks=BLOCKS, width=WIDTH, symbols=SYMBOLS, labels=2)


def accuracy(change: dict[str, object], planted: str, *, steps: int) -> float:
    """Train a head on fresh items at every step, and test it on others."""
    network, rng = built(change), torch.Generator().manual_seed(1)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    for _ in range(steps):
        items, label = drawn(planted, 64, rng)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(*items).logits, label).backward()
        optimiser.step()
    items, label = drawn(planted, 1000, rng)
    with torch.no_grad():
        found = network.eval()(*items).logits.argmax(dim=1)
    return (found == label).float().mean().item()


def told(changes: list[dict[str, object]]) -> dict[str, object]:
    return {"argvalues": changes, "ids": ["-".join(map(str, change.values())) or "default" for change in changes]}


@pytest.mark.parametrize("change", **told([{}, CONTENT, CONTENT | {"posteriorgram": "top-k", "most_symbols": 2}]))
def test_a_label_in_the_posteriorgram_is_learnt(change: dict[str, object]) -> None:
    assert accuracy(change, "content", steps=50) > 0.9


@pytest.mark.parametrize("change", **told([EMOTION, CONTENT | {"posteriorgram": "bottleneck"}]))
def test_without_the_posteriorgram_its_label_stays_unknown(change: dict[str, object]) -> None:
    assert accuracy(change, "content", steps=50) < 0.6


@pytest.mark.parametrize("change", **told([{}, EMOTION]))
def test_a_label_in_the_middle_blocks_is_learnt(change: dict[str, object]) -> None:
    assert accuracy(change, "emotion", steps=50) > 0.9


@pytest.mark.parametrize("change", **told([CONTENT, EMOTION | {"first_block": 3, "last_block": 3}]))
def test_without_the_middle_blocks_their_label_stays_unknown(change: dict[str, object]) -> None:
    assert accuracy(change, "emotion", steps=50) < 0.6


ONE_SIDED = [
    {"mmf": "none", "cma": cma, "pooling": pooling}
    for cma in ("emotion-asks", "content-asks")
    for pooling in ("attentive", "mean")
]
BLIND = [*ONE_SIDED, {"mmf": "none", "pooling": "mean"}, PLAIN | {"pooling": "mean"}]
"""Cannot tell which frame of content goes with which of emotion: each reads at least one of them as a set."""

SEEING = [
    {},
    {"topology": "serial"},
    {"mmf": "none"},
    {"cma": "none", "mmf": "gate"},
    {"cma": "none", "mmf": "film"},
    {"cma": "none", "mmf": "concat"},
    {"cma": "none", "mmf": "add"},
    {"cma": "none", "mmf": "gate", "pooling": "mean"},
    {"cma": "none", "mmf": "add", "pooling": "mean"},
    PLAIN,
]


@pytest.mark.parametrize("change", **told(SEEING))
def test_what_is_only_in_how_frames_meet_is_learnt(change: dict[str, object]) -> None:
    assert accuracy(change, "frame", steps=100) > 0.9


@pytest.mark.parametrize("change", **told([CONTENT, EMOTION, ONE_SIDED[0], BLIND[-1]]))
def test_what_is_only_in_how_frames_meet_stays_unknown_to_who_sees_one_or_two_sets(change: dict[str, object]) -> None:
    assert accuracy(change, "frame", steps=100) < 0.6


@pytest.mark.parametrize("change", **told(BLIND))
def test_a_blind_head_answers_alike_whatever_the_order_of_the_content(change: dict[str, object]) -> None:
    network = built(change).eval()
    (blocks, scores, lengths), _ = drawn("frame", 20, torch.Generator().manual_seed(2))
    order = torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])
    one, other = network(blocks, scores, lengths).logits, network(blocks, scores[:, order], lengths).logits
    assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("change", **told(SEEING))
def test_a_head_that_sees_frames_answers_otherwise_in_another_order(change: dict[str, object]) -> None:
    network = built(change).eval()
    (blocks, scores, lengths), _ = drawn("frame", 20, torch.Generator().manual_seed(2))
    order = torch.tensor([3, 0, 7, 5, 1, 6, 2, 4])
    one, other = network(blocks, scores, lengths).logits, network(blocks, scores[:, order], lengths).logits
    assert (one - other).abs().max() > 1e-3


@pytest.mark.parametrize("change", **told([ONE_SIDED[0], ONE_SIDED[2], BLIND[-1]]))
def test_a_conjunction_that_holds_for_the_whole_item_is_learnt_by_the_blind_too(change: dict[str, object]) -> None:
    assert accuracy(change, "item", steps=100) > 0.9
