"""Qieemo's parts: every switch, masks, formulas, settings that fit nothing, what is frozen, and its graph."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from undertone.backbones.network import BackboneSizes
from undertone.errors import ConfigError
from undertone.export.graph import TOLERANCE, export_graph, golden_of
from undertone.systems.freezing import freeze
from undertone.systems.fusion import (
    CMA,
    MMF,
    POOLINGS,
    AddFusion,
    AttentivePooling,
    ConcatFusion,
    CrossModalAttention,
    FilmFusion,
    GateFusion,
)
from undertone.systems.matching import MATCHED, matched_concat
from undertone.systems.posteriorgram import POSTERIORGRAMS, BlockStatistics, EmotionFeature, posteriorgram
from undertone.systems.qieemo import (
    EVIDENCE,
    TOPOLOGIES,
    Head,
    Qieemo,
    QieemoHead,
    QieemoSizes,
    head_problems,
    middle_blocks,
)

BLOCKS, WIDTH, SYMBOLS, LABELS = 5, 6, 7, 3
SMALL = Head(width=8, heads=2, hidden=5, most_symbols=3, dropout=0.0, classifier_dropout=0.0)
SIZES = QieemoSizes(
    labels=LABELS,
    backbone=BackboneSizes(
        width=16, blocks=3, heads=2, feed_forward=16, kernel=3, subsampling_channels=4, dropout=0.4
    ),
    head=SMALL,
)  # fmt: skip


def head_of(head: Head, *, symbols: int = SYMBOLS) -> QieemoHead:
    torch.manual_seed(0)
    return QieemoHead(head, blocks=BLOCKS, width=WIDTH, symbols=symbols, labels=LABELS).eval()


def heard(*lengths: int, symbols: int = SYMBOLS, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    blocks = torch.randn(len(lengths), BLOCKS, max(lengths), WIDTH, generator=rng)
    scores = 3 * torch.randn(len(lengths), max(lengths), symbols, generator=rng)
    return blocks, scores, torch.tensor(lengths)


FUSED = [
    replace(SMALL, mmf=mmf, cma=cma, topology=topology, pooling=pooling)
    for mmf, cma, topology, pooling in itertools.product(MMF, CMA, TOPOLOGIES, POOLINGS)
    if topology == "parallel" or "none" not in {mmf, cma}
]
SINGLE = [
    replace(SMALL, mmf="none", cma="none", evidence=evidence, pooling=pooling)
    for evidence, pooling in itertools.product(EVIDENCE[1:], POOLINGS)
]
CONTENTS = [replace(SMALL, posteriorgram=kind, cma_layers=2) for kind in POSTERIORGRAMS]
PAST = [
    replace(SMALL, statistics=True),
    replace(SMALL, statistics=True, first_block=0, last_block=4, topology="serial", pooling="mean"),
    replace(SMALL, statistics=True, evidence="emotion", mmf="none", cma="none"),
]
every_head = pytest.mark.parametrize(
    "head",
    FUSED + SINGLE + CONTENTS + PAST,
    ids=lambda head: "-".join(
        (
            *(head.evidence, head.posteriorgram, head.mmf, head.cma, head.topology, head.pooling, str(head.cma_layers)),
            *(["statistics"] if head.statistics else []),
        )
    ),
)


@every_head
def test_every_combination_of_switches_gives_numbers_and_learns_with_every_weight(head: Head) -> None:
    network = head_of(head).train()
    outputs = network(*heard(6, 1, 4))
    assert outputs.logits.shape == (3, LABELS)
    assert outputs.embedding.shape == (3, head.hidden)
    assert torch.isfinite(outputs.logits).all()
    nn.functional.cross_entropy(outputs.logits, torch.arange(3)).backward()
    assert [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


@every_head
def test_what_stands_in_the_padding_does_not_matter(head: Head) -> None:
    network = head_of(head)
    blocks, scores, lengths = heard(7, 2)
    clean = network(blocks, scores, lengths).logits
    blocks[1, :, 2:] = 1e30
    scores[1, 2:] = -1e30
    assert torch.equal(network(blocks, scores, lengths).logits, clean)


@every_head
def test_a_batch_gives_what_its_items_give_one_by_one(head: Head) -> None:
    network = head_of(head)
    blocks, scores, lengths = heard(7, 1, 4)
    together = network(blocks, scores, lengths).logits
    for row, length in enumerate(lengths.tolist()):
        alone = network(blocks[row : row + 1, :, :length], scores[row : row + 1, :length], lengths[row : row + 1])
        assert torch.allclose(alone.logits[0], together[row], atol=1e-5)


@pytest.mark.parametrize("head", [SMALL, replace(SMALL, topology="serial"), replace(SMALL, posteriorgram="top-k")])
def test_mixed_precision_gives_nearly_the_same(head: Head) -> None:
    network = head_of(head)
    whole = network(*heard(6, 3)).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = network(*heard(6, 3)).logits
    assert torch.allclose(mixed.float(), whole, atol=0.1)


def test_each_evidence_looks_at_its_own_feature_alone() -> None:
    blocks, scores, lengths = heard(5)
    lone = replace(SMALL, mmf="none", cma="none")
    content, emotion = head_of(replace(lone, evidence="content")), head_of(replace(lone, evidence="emotion"))
    other_blocks, other_scores, _ = heard(5, seed=2)
    assert torch.equal(content(blocks, scores, lengths).logits, content(other_blocks, scores, lengths).logits)
    assert torch.equal(emotion(blocks, scores, lengths).logits, emotion(blocks, other_scores, lengths).logits)
    assert not torch.allclose(content(blocks, scores, lengths).logits, content(blocks, other_scores, lengths).logits)
    assert not torch.allclose(emotion(blocks, scores, lengths).logits, emotion(other_blocks, scores, lengths).logits)


def test_emotion_is_read_from_the_chosen_blocks_alone() -> None:
    network = head_of(replace(SMALL, mmf="none", cma="none", evidence="emotion", first_block=1, last_block=2))
    blocks, scores, lengths = heard(5)
    before = network(blocks, scores, lengths).logits
    blocks[:, [0, 3, 4]] += 1
    assert torch.equal(network(blocks, scores, lengths).logits, before)
    blocks[:, 2] *= -1
    assert not torch.allclose(network(blocks, scores, lengths).logits, before)


@pytest.mark.parametrize(
    ("blocks", "first", "last"), [(9, 3, 5), (13, 5, 8), (7, 3, 4), (25, 9, 16), (4, 2, 2), (3, 1, 1), (2, 1, 1)]
)
def test_the_middle_third_is_the_default(blocks: int, first: int, last: int) -> None:
    assert list(middle_blocks(Head(), blocks=blocks)) == list(range(first, last + 1))
    assert head_problems(Head(), blocks=blocks, symbols=40) == []


def test_chosen_blocks_are_those_that_were_named() -> None:
    assert list(middle_blocks(Head(first_block=2, last_block=2), blocks=9)) == [2]
    assert list(middle_blocks(Head(first_block=0, last_block=3), blocks=9)) == [0, 1, 2, 3]


def test_the_gate_is_its_formula() -> None:
    gate = GateFusion(width=1)
    with torch.no_grad():
        gate.gate.weight.copy_(torch.tensor([[2.0, -1.0]]))
        gate.gate.bias.fill_(0.5)
        gate.mix.weight.copy_(torch.tensor([[0.25, 0.75]]))
        gate.mix.bias.zero_()
    gate.norm = nn.Identity()
    p, e = 0.6, -0.4
    opened = 1 / (1 + np.exp(-(2 * p - e + 0.5)))
    wanted = opened * e + (1 - opened) * p + 0.25 * p + 0.75 * e
    found = gate(torch.tensor([[[p]]]), torch.tensor([[[e]]])).item()
    assert found == pytest.approx(wanted, abs=1e-6)


def test_the_other_fusions_are_their_formulas() -> None:
    p, e = torch.randn(2, 3, 4), torch.randn(2, 3, 4)
    norm = nn.LayerNorm(4)
    concat, add, film = ConcatFusion(width=4), AddFusion(width=4), FilmFusion(width=4)
    assert torch.allclose(concat(p, e), norm(concat.mix(torch.cat((p, e), dim=2))))
    assert torch.allclose(add(p, e), norm(p + e))
    gamma, beta = film.bend(p)[..., :4], film.bend(p)[..., 4:]
    assert torch.allclose(film(p, e), norm(e * (1 + gamma) + beta))


def test_blocks_are_weighed_as_their_formula_says() -> None:
    feature = EmotionFeature(blocks=2, width=4, features=3, dropout=0.0)
    with torch.no_grad():
        feature.mixture.copy_(torch.tensor([0.0, np.log(3.0)]))
    states = torch.randn(1, 2, 5, 4)
    material = 3 + 2 * torch.randn(2, 50, 4)
    feature.settle(material)
    scaled = (states[0] - material.mean(dim=1, keepdim=True)) / material.std(dim=1, keepdim=True, correction=0)
    mixed = 0.25 * scaled[0] @ feature.maps[0].weight.T + 0.75 * scaled[1] @ feature.maps[1].weight.T
    wanted = nn.LayerNorm(3)(feature.project(mixed))
    assert torch.allclose(feature(states)[0], wanted, atol=1e-5)


def test_statistics_are_their_formula_over_the_real_frames() -> None:
    torch.manual_seed(0)
    path = BlockStatistics(blocks=2, width=3, hidden=4, dropout=0.0)
    lengths = torch.tensor([6, 1, 4, 5])
    mask = torch.arange(6) < lengths[:, None]
    states = (5 + 2 * torch.randn(4, 2, 6, 3)) * mask[:, None, :, None]
    told = torch.stack(
        [
            torch.cat([cut.mean(dim=1).flatten(), (cut.var(dim=1, correction=0) + 1e-6).sqrt().flatten()])
            for cut in (item[:, :length] for item, length in zip(states, lengths, strict=True))
        ]
    )
    path.settle(states, mask)
    scaled = (told - told.mean(dim=0)) / told.std(dim=0, correction=0)
    assert torch.allclose(path(states, mask), scaled @ path.project.weight.T, atol=1e-4)


def test_statistics_go_past_both_modules() -> None:
    network = head_of(replace(SMALL, statistics=True))
    blocks, scores, lengths = heard(5)
    nn.init.zeros_(network.embed[1].weight)  # nothing of MMF and CMA is left
    before = network(blocks, scores, lengths).logits
    assert torch.equal(network(blocks, scores + torch.randn_like(scores), lengths).logits, before)
    assert not torch.allclose(network(2 * blocks, scores, lengths).logits, before)


def test_who_asks_whom_decides_what_is_heard_of_the_other() -> None:
    p, e, mask = torch.randn(1, 4, 8), torch.randn(1, 4, 8), torch.ones(1, 4, dtype=torch.bool)
    other = torch.tensor([3, 2, 1, 0])
    for kind, in_order in (("emotion-asks", e), ("content-asks", p)):
        torch.manual_seed(0)
        attention = CrossModalAttention(kind=kind, width=8, heads=2, layers=2, dropout=0.0)
        found = attention(p, e, mask)
        if in_order is e:  # whose frames keep their order; those asked are a set
            assert torch.allclose(attention(p[:, other], e, mask), found, atol=1e-5)
            assert torch.allclose(attention(p, e[:, other], mask), found[:, other], atol=1e-5)
        else:
            assert torch.allclose(attention(p, e[:, other], mask), found, atol=1e-5)
            assert torch.allclose(attention(p[:, other], e, mask), found[:, other], atol=1e-5)


def test_a_third_stream_asks_in_the_place_of_both() -> None:
    p, e, m, mask = *torch.randn(3, 1, 4, 8), torch.ones(1, 4, dtype=torch.bool)
    attention = CrossModalAttention(kind="both", width=8, heads=2, layers=1, dropout=0.0)
    answered = torch.cat((attention.asks_content[0](m, p, mask), attention.asks_emotion[0](m, e, mask)), dim=2)
    assert torch.allclose(attention(p, e, mask, asker=m), attention.join(answered))


def test_attentive_pooling_is_its_formula_and_of_one_frame_the_frame() -> None:
    pool = AttentivePooling(width=3)
    x = torch.randn(1, 5, 3)
    mask = torch.tensor([[True, True, True, False, False]])
    weights = pool.score(torch.tanh(pool.hidden(x[:, :3]))).softmax(dim=1)
    mean = (weights * x[:, :3]).sum(dim=1)
    deviation = ((weights * x[:, :3].square()).sum(dim=1) - mean.square()).sqrt()
    assert torch.allclose(pool(x, mask), torch.cat((mean, deviation), dim=1), atol=1e-5)
    alone = pool(100 * x[:, :1], mask[:, :1])
    assert torch.allclose(alone, torch.cat((100 * x[:, 0], torch.full((1, 3), 1e-3)), dim=1))


@given(symbols=st.integers(2, 12), kept=st.integers(1, 12), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=40)
def test_top_k_keeps_the_k_greatest_as_they_are(symbols: int, kept: int, seed: int) -> None:
    kept = min(kept, symbols)
    scores = torch.randn(2, 3, symbols, generator=torch.Generator().manual_seed(seed))
    whole = posteriorgram(scores, kind="posterior", temperature=1.0, most_symbols=kept)
    sparse = posteriorgram(scores, kind="top-k", temperature=1.0, most_symbols=kept)
    assert (sparse > 0).sum(dim=-1).tolist() == [[kept] * 3] * 2
    assert torch.equal(sparse[sparse > 0], whole[sparse > 0])
    assert torch.allclose(sparse.sum(dim=-1), whole.sort(dim=-1).values[..., -kept:].sum(dim=-1))


def test_posteriors_sum_to_one_and_the_temperature_flattens_them() -> None:
    scores = 5 * torch.randn(1, 4, 6)
    told = {
        (kind, temperature): posteriorgram(scores, kind=kind, temperature=temperature, most_symbols=1)
        for kind in ("posterior", "log-posterior", "logits")
        for temperature in (1.0, 4.0)
    }
    assert torch.allclose(told["posterior", 1.0].sum(dim=-1), torch.ones(1, 4))
    assert torch.allclose(told["log-posterior", 4.0].exp(), told["posterior", 4.0])
    assert torch.equal(told["logits", 4.0], scores / 4)
    assert (told["posterior", 4.0].amax(dim=-1) < told["posterior", 1.0].amax(dim=-1)).all()


def test_a_recogniser_without_symbols_is_heard_by_its_last_block() -> None:
    network = head_of(replace(SMALL, posteriorgram="bottleneck"), symbols=0)
    blocks, scores, lengths = heard(4, symbols=0)
    assert torch.isfinite(network(blocks, scores, lengths).logits).all()
    assert head_problems(Head(evidence="emotion", mmf="none", cma="none"), blocks=9, symbols=0) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"evidence": "words"}, "evidence must be one of both, content, emotion, not 'words'"),
        ({"posteriorgram": "ppg"}, "posteriorgram must be one of posterior, log-posterior, .*top-k, not 'ppg'"),
        ({"mmf": "sum"}, "mmf must be one of none, concat, add, gate, film, not 'sum'"),
        ({"cma": "all"}, "cma must be one of none, emotion-asks, content-asks, both, not 'all'"),
        ({"topology": "ring"}, "topology must be one of parallel, serial, not 'ring'"),
        ({"pooling": "max"}, "pooling must be one of attentive, mean, not 'max'"),
        ({"evidence": "content"}, "nothing to fuse, but mmf = 'gate' and cma = 'both'; set mmf and cma"),
        ({"evidence": "emotion", "mmf": "none"}, "'emotion' there is nothing to fuse, but cma = 'both'; set"),
        ({"topology": "serial", "mmf": "none"}, "'serial' puts CMA behind MMF; set both mmf and cma, or take"),
        ({"topology": "serial", "cma": "none"}, "'serial' puts CMA behind MMF"),
        ({"width": 0}, "width must be 1 or more, not 0"),
        ({"heads": 0}, "heads must be 1 or more, not 0"),
        ({"most_symbols": 0}, "most_symbols must be 1 or more, not 0"),
        ({"cma_layers": 0}, "cma_layers must be 1 or more, not 0"),
        ({"hidden": -1}, "hidden must be 1 or more, not -1"),
        ({"width": 9}, r"width must be a multiple of the heads \(2\), not 9"),
        ({"temperature": 0.0}, "temperature must be above 0, not 0"),
        ({"temperature": float("nan")}, "temperature must be above 0, not nan"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1, not 1"),
        ({"classifier_dropout": -0.1}, "classifier_dropout must be from 0 to below 1, not -0.1"),
        ({"first_block": 3, "last_block": 2}, "must be in order and from 0 to 4, not 3 and 2"),
        ({"last_block": 5}, "must be in order and from 0 to 4, not 0 and 5"),
        ({"first_block": -1}, "must be in order and from 0 to 4, not -1 and 0"),
        ({"posteriorgram": "top-k", "most_symbols": 8}, "most_symbols must be at most the 7 symbols there are, not 8"),
    ],
)  # fmt: skip
def test_settings_that_fit_no_head_are_refused_with_one_sentence(change: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        head_of(replace(SMALL, **change))
    assert len(caught.value.problems) == 1


def test_encoders_without_blocks_or_symbols_are_refused() -> None:
    assert head_problems(SMALL, blocks=1, symbols=7) == [
        "the encoder has no block behind its front end (blocks = 1); 2 or more are needed"
    ]
    assert head_problems(SMALL, blocks=5, symbols=0) == [
        "the encoder recognises no symbols, so it has no 'posterior'; set posteriorgram to 'bottleneck'"
    ]


def test_every_problem_is_told_at_once() -> None:
    broken = replace(SMALL, mmf="sum", dropout=2.0, last_block=9)
    assert len(head_problems(broken, blocks=BLOCKS, symbols=SYMBOLS)) == 3


def test_heads_do_not_matter_where_nobody_asks() -> None:
    assert head_problems(replace(SMALL, width=9, cma="none"), blocks=BLOCKS, symbols=SYMBOLS) == []


@pytest.mark.parametrize(
    "head", [Head(), Head(mmf="none"), Head(cma="none"), Head(cma_layers=2, topology="serial"), SMALL]
)
def test_a_plain_concatenation_of_the_same_size_is_found(head: Head) -> None:
    def weights(of: Head) -> int:
        built = QieemoHead(of, blocks=9, width=144, symbols=40, labels=7)
        return sum(weight.numel() for weight in built.parameters())

    found = matched_concat(head, blocks=9, width=144, symbols=40, labels=7)
    assert (found.mmf, found.cma, found.topology) == ("none", "none", "parallel")
    assert abs(weights(found) - weights(head)) <= MATCHED * weights(head)


def test_heads_that_no_concatenation_matches_are_refused() -> None:
    with pytest.raises(ConfigError, match="evidence must be 'both' to be matched by a concatenation, not 'content'"):
        matched_concat(replace(SMALL, evidence="content"), blocks=9, width=144, symbols=40, labels=7)
    least = replace(SMALL, width=1, heads=1, hidden=1, mmf="add", cma="none", pooling="mean")
    with pytest.raises(ConfigError, match=r"its \d+ weights are too few for any concatenation; take a larger width"):
        matched_concat(least, blocks=2, width=1, symbols=2, labels=2)


def network_of(sizes: QieemoSizes = SIZES) -> Qieemo:
    torch.manual_seed(0)
    return Qieemo(sizes)


def learning(network: Qieemo) -> set[str]:
    """Which parts have weights that learn: `head`, `front end`, `scores` or the number of a block."""
    found = set()
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            part = name.removeprefix("backbone.conformer.").removeprefix("encoder.")
            words = {"head": "head", "subsampling": "front end", "ctc_head": "scores"}
            found.add(part.split(".")[1] if part.startswith("layers.") else words[part.split(".")[0]])
    return found


def test_before_anything_is_frozen_everything_learns() -> None:
    assert learning(network_of()) == {"head", "front end", "0", "1", "2", "scores"}


@pytest.mark.parametrize(
    ("kept", "top", "parts"),
    [
        ("head", 0, {"head"}),
        ("top", 1, {"head", "2"}),
        ("top", 3, {"head", "0", "1", "2"}),
        ("all", 0, {"head", "0", "1", "2"}),
    ],
)
def test_freezing_leaves_just_the_right_weights_learning(kept: str, top: int, parts: set[str]) -> None:
    network = network_of()
    freeze(network, kept, top)
    assert learning(network) == parts
    for part in network.train().backbone.modules():
        if isinstance(part, nn.Linear | nn.Conv1d | nn.LayerNorm):
            assert part.training == any(weight.requires_grad for weight in part.parameters())


def test_what_was_frozen_before_is_forgotten() -> None:
    network = network_of()
    freeze(network, "head")
    freeze(network, "top", 2)
    assert learning(network) == {"head", "1", "2"}


def test_a_frozen_backbone_hears_alike_while_the_head_trains() -> None:
    network = network_of()
    features, lengths = torch.randn(1, 40, 80), torch.tensor([40])
    sure = network.eval().backbone(features, lengths).logits
    assert not torch.allclose(network.train().backbone(features, lengths).logits, sure, atol=1e-3)
    freeze(network, "head")
    for frozen in (network, network.train()):
        assert torch.allclose(frozen.backbone(features, lengths).logits, sure, atol=1e-5)
    assert network.head.training
    freeze(network, "top", 1)
    blocks = network.train().backbone(features, lengths).blocks
    unmoved = network.eval().backbone(features, lengths).blocks
    assert [torch.allclose(*pair, atol=1e-5) for pair in zip(blocks, unmoved, strict=True)] == [True, True, True, False]


def test_freezing_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ConfigError, match="kept must be one of head, top, all, not 'tail'"):
        freeze(network_of(), "tail")
    for top in (0, 4):
        with pytest.raises(ConfigError, match=f"top must be from 1 to the 3 blocks of the backbone, not {top}"):
            freeze(network_of(), "top", top)


def test_the_number_of_bands_is_said_once() -> None:
    network = network_of(replace(SIZES, mel_bins=40))
    assert network(torch.randn(1, 9, 40), torch.tensor([9])).logits.shape == (1, LABELS)


def test_the_graph_answers_alike_for_every_number_of_frames(tmp_path: Path) -> None:
    # The contract tests export the default head; this one has everything else.
    head = replace(SMALL, topology="serial", mmf="film", posteriorgram="top-k", pooling="mean", statistics=True)
    network = network_of(replace(SIZES, backbone=replace(SIZES.backbone, blocks=1), head=head)).eval()
    export_graph(network, tmp_path / "model.onnx", mel_bins=80)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    for lengths in ((1,), (2,), (3,), (4,), (5, 1), (37, 90, 91), (400, 399, 398, 397)):
        golden = golden_of(network, [rng.normal(8, 4, (length, 80)).astype(np.float32) for length in lengths])
        (logits,) = session.run(["logits"], {"features": golden.features, "lengths": golden.lengths})
        assert np.abs(logits - golden.logits).max() <= TOLERANCE, lengths


def test_a_network_settles_on_real_frames_alone_and_answers_otherwise_afterwards() -> None:
    torch.manual_seed(0)
    network = Qieemo(replace(SIZES, head=replace(SMALL, statistics=True))).train()
    features, lengths = 4 * torch.randn(3, 64, 80) + 8, torch.tensor([64, 40, 24])
    before = network.eval()(features, lengths).logits
    network.train()
    network.settle(features, lengths)
    assert network.training
    after = network.eval()(features, lengths).logits
    assert not torch.allclose(before, after)
    constants = {name: value.clone() for name, value in network.state_dict().items() if "scale" in name}
    features[1, 40:], features[2, 24:] = 1e3, -1e3  # padding
    network.settle(features, lengths)
    for name, value in constants.items():
        assert torch.allclose(network.state_dict()[name], value, atol=1e-4), name
    heard = network.backbone(features[:1], lengths[:1]).blocks
    scaled = network.head.emotion.scales[0](heard[network.head.middle.start])
    assert scaled.mean().abs() < 1
    assert 0.3 < scaled.std() < 3
