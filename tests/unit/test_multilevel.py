"""The multi-level system: every fusion and granularity, ragged segments, missing text, and what each can learn."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from undertone.errors import ConfigError
from undertone.systems.attention import ASKERS, CoAttention
from undertone.systems.multilevel import FUSIONS, GRANULARITIES, Fusion, Multilevel, Segments, fusion_problems
from undertone.systems.segments import POOLINGS, SegmentPooling, membership, sinusoids

BLOCKS, WIDTH, TEXT, LABELS = 3, 6, 5, 3
SMALL = Fusion(width=8, heads=2, hidden=5, dropout=0.0, classifier_dropout=0.0)


def network_of(fusion: Fusion) -> Multilevel:
    torch.manual_seed(0)
    return Multilevel(fusion, blocks=BLOCKS, speech_width=WIDTH, text_width=TEXT, labels=LABELS).eval()


Heard = tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Segments]]


def heard(*sizes: tuple[int, int, int], seed: int = 1) -> Heard:
    """Items of so many frames, tokens and segments; padding is of the largest."""
    rng = torch.Generator().manual_seed(seed)
    frames, tokens, counts = (torch.tensor(each) for each in zip(*sizes, strict=True))
    blocks = torch.randn(len(sizes), BLOCKS, int(frames.max()), WIDTH, generator=rng)
    told = torch.randn(len(sizes), int(tokens.max()), TEXT, generator=rng)
    segments = {}
    for name in GRANULARITIES[1:]:
        bounds = torch.tensor([0, 1]).repeat(len(sizes), int(counts.max()), 1)
        for row, (length, _, count) in enumerate(sizes):
            edges = torch.linspace(0, length, count + 1).round().long()
            bounds[row, :count, 0], bounds[row, :count, 1] = edges[:-1], torch.maximum(edges[1:], edges[:-1] + 1)
        segments[name] = Segments(bounds=bounds, counts=counts)
    return blocks, frames, told, tokens, segments


ALL = [
    replace(SMALL, fusion=fusion, granularities=granularities)
    for fusion, granularities in itertools.product(
        FUSIONS, [*((name,) for name in GRANULARITIES), GRANULARITIES]
    )
] + [replace(SMALL, granularities=("word", "frame"), segments="attention", layers=2)]  # fmt: skip
every_fusion = pytest.mark.parametrize(
    "fusion", ALL, ids=lambda it: "-".join((it.fusion, *it.granularities, it.segments))
)


@every_fusion
def test_every_combination_gives_numbers_and_learns_with_every_weight(fusion: Fusion) -> None:
    network = network_of(fusion).train()
    outputs = network(*heard((9, 4, 3), (4, 1, 1), (6, 3, 5)))
    assert outputs.logits.shape == (3, LABELS)
    assert outputs.embedding.shape == (3, fusion.hidden)
    assert torch.isfinite(outputs.logits).all()
    (outputs.logits * torch.arange(1.0, LABELS + 1)).square().sum().backward()
    without = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert without == []


@every_fusion
def test_what_stands_in_the_padding_does_not_matter(fusion: Fusion) -> None:
    network = network_of(fusion)
    blocks, frames, told, tokens, segments = heard((9, 4, 3), (5, 2, 2))
    clean = network(blocks, frames, told, tokens, segments).logits
    blocks[1, :, 5:] = 1e30
    told[1, 2:] = -1e30
    segments = {
        name: Segments(
            bounds=each.bounds.where(torch.arange(3)[:, None] < each.counts[:, None, None], torch.tensor([2, 4])),
            counts=each.counts,
        )
        for name, each in segments.items()
    }  # fmt: skip
    assert torch.allclose(network(blocks, frames, told, tokens, segments).logits, clean, atol=1e-5)


@every_fusion
def test_a_batch_gives_what_its_items_give_one_by_one(fusion: Fusion) -> None:
    network = network_of(fusion)
    blocks, frames, told, tokens, segments = heard((9, 4, 3), (5, 2, 2), (4, 0, 1))
    together = network(blocks, frames, told, tokens, segments).logits
    for row in range(3):
        one = slice(row, row + 1)
        alone = {
            name: Segments(bounds=each.bounds[one, : int(each.counts[row])], counts=each.counts[one])
            for name, each in segments.items()
        }
        found = network(
            blocks[one, :, : int(frames[row])], frames[one], told[one, : int(tokens[row])], tokens[one], alone
        )
        assert torch.allclose(found.logits[0], together[row], atol=1e-5)


def test_speech_and_text_alone_look_at_nothing_else() -> None:
    given, other = heard((9, 4, 3)), heard((9, 4, 3), seed=2)
    speech, text = (network_of(replace(SMALL, fusion=name)) for name in ("speech", "text"))
    assert torch.equal(speech(*given).logits, speech(given[0], given[1], other[2], given[3], given[4]).logits)
    assert torch.equal(text(*given).logits, text(other[0], *given[1:]).logits)
    assert not torch.allclose(speech(*given).logits, speech(other[0], *given[1:]).logits)
    assert not torch.allclose(text(*given).logits, text(given[0], given[1], other[2], *given[3:]).logits)


@pytest.mark.parametrize("fusion", ["co-attention", "speech-asks", "text-asks", "concat", "text"])
def test_without_a_transcript_there_is_an_answer_that_no_words_decide(fusion: str) -> None:
    network = network_of(replace(SMALL, fusion=fusion))
    blocks, frames, told, _, segments = heard((9, 4, 3))
    nothing = torch.zeros(1, dtype=torch.long)
    found = network(blocks, frames, told, nothing, segments).logits
    assert torch.isfinite(found).all()
    assert torch.equal(found, network(blocks, frames, told + 1, nothing, segments).logits)
    assert torch.allclose(found, network(blocks, frames, told[:, :0], nothing, segments).logits, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_segments_are_pooled_as_a_loop_pools_them(pooling: str) -> None:
    torch.manual_seed(0)
    pool = SegmentPooling(pooling=pooling, width=4)
    states = torch.randn(2, 7, 4)
    bounds = torch.tensor([[[0, 3], [3, 4], [2, 7]], [[1, 5], [0, 7], [6, 7]]])
    found = pool(states, bounds)
    for row, segment in itertools.product(range(2), range(3)):
        first, end = bounds[row, segment].tolist()
        inside = states[row, first:end]
        wanted = inside.mean(dim=0)
        if pooling == "attention":
            wanted = (pool.score(torch.tanh(pool.hidden(inside))).softmax(dim=0) * inside).sum(dim=0)
        assert torch.allclose(found[row, segment], wanted, atol=1e-6)


def test_membership_is_half_open() -> None:
    assert membership(torch.tensor([[[1, 3]]]), 4).tolist() == [[[False, True, True, False]]]


def test_sinusoids_are_their_formula() -> None:
    found = sinusoids(5, 4)
    for step in range(5):
        wanted = [torch.tensor(step * 1.0).sin(), torch.tensor(step * 1.0).cos(), *(
            f(torch.tensor(step / 100.0)) for f in (torch.sin, torch.cos)
        )]  # fmt: skip
        assert torch.allclose(found[step], torch.stack(wanted), atol=1e-6)
    assert sinusoids(3, 5).shape == (3, 5)


@pytest.mark.parametrize("asker", ASKERS)
def test_both_sides_ask_what_the_layer_before_left(asker: str) -> None:
    torch.manual_seed(0)
    attention = CoAttention(asker=asker, width=8, heads=2, layers=2, dropout=0.0)
    speech, text = torch.randn(2, 5, 8), torch.randn(2, 3, 8)
    masks = torch.ones(2, 5, dtype=torch.bool), torch.ones(2, 3, dtype=torch.bool)
    x, t = speech, text
    for layer in range(2):
        asked = attention.speech_asks[layer](x, t, masks[1]) if asker != "text" else x
        t = attention.text_asks[layer](t, x, masks[0]) if asker != "speech" else t
        x = asked
    found = attention(speech, text, *masks)
    assert torch.allclose(found[0], x)
    assert torch.allclose(found[1], t)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fusion": "early"}, "fusion must be one of co-attention, .*, text, not 'early'"),
        ({"granularities": ()}, "granularities must be one or more of .*, each once, not none"),
        ({"granularities": ("word", "word")}, "granularities must be .* not word, word"),
        ({"segments": "max"}, "segments must be one of mean, attention, not 'max'"),
        ({"layers": 0}, "layers must be 1 or more, not 0"),
        ({"width": 9}, r"width must be a multiple of the heads \(2\), not 9"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1"),
    ],
)  # fmt: skip
def test_settings_that_fit_nothing_are_told(changes: dict[str, object], told: str) -> None:
    assert fusion_problems(SMALL) == []
    assert len(fusion_problems(replace(SMALL, **changes))) == 1
    with pytest.raises(ConfigError, match=told):
        network_of(replace(SMALL, **changes))


def planted(where: str, count: int, seed: int) -> tuple[Heard, Tensor]:
    """Items whose label is told by the voice, by a word, or by whether voice and word agree."""
    rng = torch.Generator().manual_seed(seed)
    blocks, frames, told, tokens, segments = heard(*[(8, 4, 4)] * count, seed=seed)
    voice, word = (torch.randint(2, (count,), generator=rng) for _ in range(2))
    blocks = 0.3 * blocks
    told = 0.2 * told
    blocks[:, :, :, 0] += 2.0 * voice[:, None, None] - 1
    told[:, 2, 0] += 4.0 * word - 2
    truth = {"voice": voice, "word": word, "conflict": (voice != word).long()}[where]
    return (blocks, frames, told, tokens, segments), truth


@pytest.mark.parametrize(
    ("where", "learn", "fail"),
    [
        ("voice", ("speech", "concat", "co-attention"), ("text",)),
        ("word", ("text", "concat", "co-attention"), ("speech",)),
        ("conflict", ("concat", "co-attention", "speech-asks"), ("speech", "text")),
    ],
)
def test_what_is_planted_is_found_where_it_can_be(where: str, learn: tuple[str, ...], fail: tuple[str, ...]) -> None:
    given, truth = planted(where, 128, seed=3)
    test, wanted = planted(where, 256, seed=4)
    for fusion in (*learn, *fail):
        torch.manual_seed(1)
        network = Multilevel(
            replace(SMALL, fusion=fusion, granularities=("word",), hidden=16),
            blocks=BLOCKS, speech_width=WIDTH, text_width=TEXT, labels=2,
        )  # fmt: skip
        network.settle(given[0], given[1])
        optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
        for _ in range(200):
            optimiser.zero_grad()
            nn.functional.cross_entropy(network(*given).logits, truth).backward()
            optimiser.step()
        right = (network(*test).logits.argmax(dim=1) == wanted).float().mean()
        if fusion in learn:
            assert right > 0.9, fusion
        else:
            assert right < 0.65, fusion
