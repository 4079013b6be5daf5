"""Training on a pretrained backbone: what a run may ask for, what is built, what learns, and what the card tells."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from undertone.audio.fbank import FrontEnd
from undertone.backbones.files import FORMAT, BackboneCard, Source, save_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.errors import BundleError, ConfigError
from undertone.experiments.build import build_network, plan_network, pretrained_of, speakers_heard
from undertone.experiments.words import limits_of_backbone
from undertone.parsing import parse_record
from undertone.records import Utterance
from undertone.speech.phones import SYMBOLS
from undertone.systems.qieemo import Head, Qieemo, QieemoSizes
from undertone.systems.registry import system_named
from undertone.training.batches import padded
from undertone.training.config import PretrainedBackbone, TrainConfig, read_config, sizes_of, takes_backbone
from undertone.training.fit import Course, Recipe, fit

TINY = BackboneSizes(width=16, blocks=3, heads=2, feed_forward=16, kernel=3, subsampling_channels=4, dropout=0.2)
HEAD = {"width": 8, "heads": 2, "hidden": 8}

RUN = """
name = "small"
system = "{system}"
corpora = ["emodb"]
[held_out.emodb]
validation = ["emodb_14"]
test = ["emodb_15"]
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("backbones") / "tiny"
    torch.manual_seed(7)
    card = BackboneCard(
        format=FORMAT, name="tiny", sizes=TINY, symbols=SYMBOLS, front_end=FrontEnd(), protocol="0123456789ab", seed=0,
        epoch=1, validation_per=0.5, scores=(), sha256="",
        sources=(
            Source(
                corpus="librispeech_sample", title="LibriSpeech", licence="CC BY 4.0", source="", utterances=9,
                speakers=("ls_1", "ls_2"), aligned=0, left_out={},
            ),
        ),
    )  # fmt: skip
    save_backbone(Backbone(TINY), card, folder)
    return folder


def config_of(place: Path, **fields: Any) -> TrainConfig:
    wanted: dict[str, Any] = {
        "name": "small",
        "system": "qieemo",
        "corpora": ("emodb",),
        "held_out": {},
        "sizes": {"head": HEAD},
        "backbone": PretrainedBackbone(place=str(place)),
    }
    return TrainConfig(**(wanted | fields))


# configuration


def problems_of(folder: Path, system: str, tables: str) -> str:
    path = folder / "run.toml"
    path.write_text(RUN.format(system=system) + tables, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    return "; ".join(caught.value.problems)


@pytest.mark.parametrize(
    ("system", "tables", "said"),
    [
        ("qieemo", "", "system 'qieemo' is built on a backbone; name one in a table [backbone]"),
        ("compact", '[backbone]\nplace = "x"', "system 'compact' is built on no backbone; take the table"),
        ("qieemo", "[backbone]\n", "backbone.place is missing"),
        ("qieemo", '[backbone]\nplace = "x"\nkept = "tail"', "kept must be one of head, top, all, not 'tail'"),
        ("qieemo", '[backbone]\nplace = "x"\nkept = "top"', "top must be 1 or more where kept is 'top', not 0"),
        ("qieemo", '[backbone]\nplace = "x"\ntop = 2', "is read where kept is 'top'; with 'head' it must be 0, not 2"),
        ("qieemo", '[backbone]\nplace = "x"\nlearning_rate = 0', "backbone.learning_rate must be above 0, not 0"),
        ("compact", "[sizes]\nwidht = 9", "sizes.widht is not a setting; did you mean width?"),
        ("compact", "[sizes]\nlabels = 9", "sizes.labels follows from the rest of the run; take it out"),
        ("qieemo", '[backbone]\nplace = "x"\n[sizes.backbone]\nwidth = 9', "sizes.backbone follows from the rest"),
        ("qieemo", '[backbone]\nplace = "x"\n[sizes.head]\nmmf = 3', "sizes.head.mmf must be text, not 3"),
        ("compact", '[export]\nprecision = "int4"', "export.precision must be one of float32, int8, not 'int4'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_a_system_is_named(tmp_path: Path, system: str, tables: str, said: str) -> None:
    assert said in problems_of(tmp_path, system, tables)


def test_all_that_does_not_fit_a_system_is_named_at_once(tmp_path: Path) -> None:
    tables = '[backbone]\nplace = "x"\nkept = "tail"\ntop = -1\n[sizes.head]\nwidht = 3\n[export]\nprecision = "half"'
    said = problems_of(tmp_path, "qieemo", tables)
    for word in ("'tail'", "not -1", "sizes.head.widht", "'half'"):
        assert word in said


def test_a_run_may_say_the_sizes_of_its_system(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    tables = '[backbone]\nplace = "phones-en"\nkept = "all"\n[sizes.head]\nwidth = 32\nmmf = "film"\n'
    path.write_text(RUN.format(system="qieemo") + tables, encoding="utf-8")
    config = read_config(path)
    assert config.backbone == PretrainedBackbone(place="phones-en", kept="all")
    problems: list[str] = []
    sizes = sizes_of(config, system_named("qieemo"), problems, backbone=TINY)
    assert problems == []
    assert sizes == QieemoSizes(labels=7, backbone=TINY, head=Head(width=32, mmf="film"))


def test_a_system_takes_a_backbone_or_none() -> None:
    assert takes_backbone(system_named("qieemo"))
    assert not takes_backbone(system_named("compact"))


# building


def test_the_network_has_the_backbones_weights_and_a_head_that_the_seed_drew(place: Path) -> None:
    config = config_of(place)
    plan = plan_network(config)
    network, again = build_network(plan, config), build_network(plan, config)
    other = build_network(plan, dataclasses.replace(config, seed=1))
    assert plan.backbone is not None
    loaded = plan.backbone.state_dict()
    for name, value in network.get_submodule("backbone").state_dict().items():
        assert torch.equal(value, loaded[name]), name
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), again.parameters(), strict=True))
    heads = [each.get_submodule("head.classify.1").weight for each in (network, other)]
    assert not torch.equal(*heads)
    assert {name.split(".")[0] for name, weight in network.named_parameters() if weight.requires_grad} == {"head"}


def test_a_system_without_a_backbone_is_built_as_ever(place: Path) -> None:
    config = config_of(place, system="compact", backbone=None, sizes={"width": 32})
    plan = plan_network(config)
    network = build_network(plan, config)
    assert plan.sizes.width == 32
    assert all(weight.requires_grad for weight in network.parameters())
    assert pretrained_of(plan, config, {}) is None


def test_a_backbone_that_does_not_fit_is_refused_before_any_work(place: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="backbone nowhere: there is no such folder, and no backbone of that name"):
        plan_network(config_of(Path("nowhere")))
    with pytest.raises(ConfigError, match=r"front_end: the backbone tiny hears .*mel_bins=80.* not .*mel_bins=40"):
        plan_network(config_of(place, front_end=FrontEnd(mel_bins=40)))
    with pytest.raises(ConfigError, match="top must be from 1 to the 3 blocks of the backbone, not 4"):
        plan_network(config_of(place, backbone=PretrainedBackbone(place=str(place), kept="top", top=4)))
    with pytest.raises(ConfigError, match="small: system 'qieemo' is built on a backbone; name one"):
        plan_network(config_of(place, backbone=None))
    with pytest.raises(ConfigError, match=r"small: sizes\.head\.width must be a whole number, not 'wide'"):
        plan_network(config_of(place, sizes={"head": {"width": "wide"}}))
    with pytest.raises(ConfigError, match=r"head: mmf must be one of .*, not 'glue'"):
        plan_network(config_of(place, sizes={"head": {**HEAD, "mmf": "glue"}}))
    with pytest.raises(BundleError, match=r"card\.json cannot be read"):
        plan_network(config_of(tmp_path))


# learning


def course_of() -> Course[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    rng = np.random.default_rng(3)
    features, lengths = padded([rng.normal(8, 4, (frames, 80)).astype(np.float32) for frames in (40, 33, 40, 21)])
    targets = torch.tensor([0, 1, 2, 3])

    def loss(network: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return nn.functional.cross_entropy(network(batch[0], batch[1]).logits, batch[2])

    return Course(
        steps=3,
        batches=lambda _: iter([(features, lengths, targets)] * 3),
        part=lambda batch, rows: tuple(each[rows] for each in batch),
        size=lambda batch: len(batch[2]),
        loss=loss,
        validate=lambda _: 0.5,
    )


RECIPE = Recipe(
    epochs=2, learning_rate=0.01, weight_decay=0.05, warm_up_epochs=0.5, clip=2.0, patience=9, average=0.5,
    bfloat16=False, rates={"backbone.": 0.001},
)  # fmt: skip


def moved(place: Path, folder: Path, kept: str, top: int = 0, recipe: Recipe = RECIPE) -> tuple[set[str], nn.Module]:
    """Train; gives the parts in which a weight is another one than before, and the network."""
    config = config_of(place, backbone=PretrainedBackbone(place=str(place), kept=kept, top=top))
    network = build_network(plan_network(config), config)
    before = {name: value.clone() for name, value in network.named_parameters()}
    fit(network, course_of(), recipe, seed=0, folder=folder, report=lambda *_: None)
    parts = {
        ".".join(name.split(".")[:5]) if name.startswith("backbone") else "head"
        for name, value in network.named_parameters()
        if not torch.equal(value, before[name])
    }
    return parts, network


BLOCKS = [f"backbone.conformer.encoder.layers.{index}" for index in range(3)]


@pytest.mark.parametrize(
    ("kept", "top", "expected"), [("head", 0, []), ("top", 1, BLOCKS[2:]), ("top", 2, BLOCKS[1:]), ("all", 0, BLOCKS)]
)
def test_only_what_was_asked_for_learns(place: Path, tmp_path: Path, kept: str, top: int, expected: list[str]) -> None:
    parts, _ = moved(place, tmp_path, kept, top)
    assert parts == {"head", *expected}


def test_the_backbone_learns_at_its_own_rate(place: Path, tmp_path: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, rates={"backbone.": 0.0})
    parts, _ = moved(place, tmp_path, "all", recipe=recipe)
    assert parts == {"head"}


def test_a_frozen_backbone_draws_no_dropout_while_the_head_learns(place: Path, tmp_path: Path) -> None:
    _, network = moved(place, tmp_path, "head")
    assert isinstance(network, Qieemo)
    network.train()
    batch = padded([np.random.default_rng(0).normal(8, 4, (50, 80)).astype(np.float32)])
    heard = [network.backbone(*batch) for _ in range(2)]
    assert torch.equal(heard[0].logits, heard[1].logits)
    assert not heard[0].logits.requires_grad
    assert not torch.equal(network(*batch).logits, network(*batch).logits)


# the card


def utterance(corpus: str, speaker: str) -> Utterance:
    return Utterance(
        id=f"{corpus}/1", path="x", corpus=corpus, speaker=speaker, language="en", emotion="sad", duration=1.0
    )


def test_test_speakers_whom_the_backbone_heard_are_counted_by_corpus() -> None:
    test = {
        "emodb": [utterance("emodb", "emodb_3")],
        "read": [utterance("read", "ls_2"), utterance("read", "ls_2"), utterance("read", "ls_9")],
    }
    assert speakers_heard(test, ["ls_1", "ls_2"]) == {"read": 1}
    assert speakers_heard(test, []) == {}


def test_the_card_tells_of_the_backbone(place: Path) -> None:
    config = config_of(place)
    plan = plan_network(config)
    found = pretrained_of(plan, config, {"read": [utterance("read", "ls_2")]})
    assert found is not None
    assert plan.backbone_card is not None
    assert (found.name, found.sha256, found.learnt) == ("tiny", plan.backbone_card.sha256, "head")
    assert [(each.corpus, each.language, each.speakers) for each in found.sources] == [("librispeech_sample", "en", 2)]
    assert found.test_speakers_heard == {"read": 1}
    limits = limits_of_backbone(found)
    assert "by a recogniser of phones trained on English; other languages" in limits[0]
    assert limits[1] == "that recogniser had heard 1 of the speakers tested with as read, in its own training"
    assert len(limits_of_backbone(dataclasses.replace(found, test_speakers_heard={}))) == 1


def test_sizes_of_any_kind_survive_the_card() -> None:
    @dataclasses.dataclass(frozen=True)
    class Held:
        sizes: dict[str, object]

    table = {"sizes": {"labels": 7, "head": {"mmf": "gate", "on": True, "list": [1, 2.5]}, "old": 80.0}}
    problems: list[str] = []
    found = parse_record(Held, table, problems)
    assert problems == []
    assert found == Held(sizes={"labels": 7, "head": {"mmf": "gate", "on": True, "list": (1, 2.5)}, "old": 80.0})
    assert parse_record(Held, {"sizes": {"a": {"b": [None]}}}, problems) is None
    assert problems == ["sizes.a.b[0] must be a finite number, text, true or false, a list or a table, not None"]
