"""A whole run on a pretrained backbone, in miniature: from recordings to a bundle of rounded weights that listens."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from interruptions import PulledPlugError, pulling_the_plug, silent
from miniature_corpora import EMODB_HELD_OUT, SHORT_RUN, WINDOWS, make_data, speak_amid_quiet

from undertone.audio.fbank import FrontEnd
from undertone.backbones.files import FORMAT, BackboneCard, Source, save_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.cli.bundle import describe
from undertone.errors import ConfigError
from undertone.experiments.build import build_network, plan_network
from undertone.experiments.run import Finished, run
from undertone.export.write import answers_of
from undertone.inference.bundle import read_bundle
from undertone.inference.parity import largest_difference
from undertone.inference.recognizer import Recognizer
from undertone.metrics.calibration import softmax
from undertone.speech.phones import SYMBOLS
from undertone.training.checkpoint import load_checkpoint
from undertone.training.config import TrainConfig, read_config

TINY = BackboneSizes(width=16, blocks=1, heads=2, feed_forward=16, kernel=3, subsampling_channels=4)

CONFIG = (
    """
name = "miniature"
system = "qieemo"
corpora = ["emodb"]
seed = 5
[backbone]
place = "{place}"
kept = "top"
top = 1
learning_rate = 1e-3
[sizes.head]
width = 8
heads = 2
hidden = 8
[export]
precision = "int8"
"""
    + EMODB_HELD_OUT
    + WINDOWS
    + SHORT_RUN
)


def make_backbone(folder: Path, *, seed: int) -> Path:
    """A backbone that has heard the test speaker, which nobody should do."""
    torch.manual_seed(seed)
    source = Source(
        corpus="librispeech_sample", title="LibriSpeech", licence="CC BY 4.0", source="", utterances=9,
        speakers=("ls_1", "emodb_4"), aligned=0, left_out={},
    )  # fmt: skip
    card = BackboneCard(
        format=FORMAT, name="tiny", sizes=TINY, symbols=SYMBOLS, front_end=FrontEnd(), sources=(source,),
        protocol="0123456789ab", seed=0, epoch=1, validation_per=0.5, scores=(), sha256="",
    )  # fmt: skip
    save_backbone(Backbone(TINY), card, folder)
    return folder


@dataclass(frozen=True)
class Made:
    finished: Finished
    settings: TrainConfig
    root: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("qieemo")
    make_data(root / "data", takes=2)
    place = make_backbone(root / "backbone", seed=1)
    (root / "run.toml").write_text(CONFIG.format(place=place), encoding="utf-8")
    settings = read_config(root / "run.toml")
    finished = run(settings, root / "data", root / "run", silent)
    assert finished is not None
    return Made(finished=finished, settings=settings, root=root)


def test_the_bundle_is_whole_and_its_card_tells_of_backbone_and_rounding(made: Made) -> None:
    bundle = read_bundle(made.finished.bundle)
    card = bundle.card
    assert card == made.finished.card
    assert largest_difference(bundle) <= bundle.golden.tolerance
    assert card.system == "qieemo"
    assert "reconstruction" in card.system_source
    assert card.backbone is not None
    assert (card.backbone.name, card.backbone.learnt) == ("tiny", "top")
    assert card.backbone.test_speakers_heard == {"emodb": 1}
    assert any("had heard 1 of the speakers tested with as emodb" in limit for limit in card.limits)
    assert isinstance(card.sizes["backbone"], dict)
    assert card.sizes["backbone"]["width"] == 16
    assert isinstance(card.sizes["head"], dict)
    assert (card.sizes["head"]["width"], card.sizes["head"]["mmf"]) == (8, "gate")
    assert card.rounding is not None
    assert card.rounding.precision == "int8"
    assert 1e-4 < card.rounding.largest_difference < 0.2
    assert [(item.corpus, item.condition) for item in card.rounding.float32] == [
        (score.corpus, score.condition) for score in card.scores
    ]
    assert "which heard 1 of the test speakers of emodb" in describe(card)


def test_the_bundle_listens(made: Made, tmp_path: Path) -> None:
    path = speak_amid_quiet(tmp_path / "angry.wav")
    (turn,) = Recognizer(read_bundle(made.finished.bundle), threads=1).analyze(path).turns
    assert turn.probabilities is not None
    assert turn.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert len(turn.track) > 1


def test_a_run_that_is_begun_on_one_backbone_does_not_go_on_with_another(made: Made, tmp_path: Path) -> None:
    place = make_backbone(tmp_path / "backbone", seed=2)
    config = dataclasses.replace(made.settings, backbone=dataclasses.replace(made.settings.backbone, place=str(place)))
    with pytest.raises(ConfigError, match=r"backbone was .* and is now .*; set it back to go on"):
        run(config, made.root / "data", made.root / "run", silent)
    begun = (made.root / "run" / "config.json").read_text(encoding="utf-8")
    (tmp_path / "config.json").write_text(begun.replace(str(made.root / "backbone"), str(place)), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"backbone was .*sha256.* and is now .*; set it back to go on"):
        run(config, made.root / "data", tmp_path, silent)


FUSED = """
[fused_with]
system = "compact"
[fused_with.sizes]
channels = 8
[fused_with.optimisation]
epochs = 1
batch = 8
"""


@dataclass(frozen=True)
class Fused:
    finished: Finished
    checkpoints: dict[str, int]
    """When each was written, in ns, as the run stopped."""


@pytest.fixture(scope="module")
def fused(made: Made) -> Fused:
    """A run that stopped in its second system, and went on."""
    text = CONFIG.format(place=made.root / "backbone") + FUSED
    (made.root / "fused.toml").write_text(text, encoding="utf-8")
    (made.root / "fused" / "features").parent.mkdir()
    shutil.copytree(made.root / "run" / "features", made.root / "fused" / "features")
    config = read_config(made.root / "fused.toml")
    with pytest.raises(PulledPlugError):
        run(config, made.root / "data", made.root / "fused", pulling_the_plug("training epochs of compact", after=1))
    times = times_of_checkpoints(made.root)
    found = run(config, made.root / "data", made.root / "fused", silent)
    assert found is not None
    return Fused(finished=found, checkpoints=times)


def times_of_checkpoints(root: Path) -> dict[str, int]:
    found = (root / "fused").rglob("checkpoint.safetensors")
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in found}


def test_two_systems_that_learned_apart_answer_together(made: Made, fused: Fused) -> None:
    config = read_config(made.root / "fused.toml")
    assert config.second is not None
    networks = []
    for each, folder in ((config, "fused"), (config.second, "fused/fused_with")):
        network = build_network(plan_network(each), each)
        checkpoint = load_checkpoint(made.root / folder / "checkpoint.safetensors")
        network.load_state_dict(checkpoint.group("best"), strict=False)
        networks.append(network.eval())
    bundle = read_bundle(fused.finished.bundle)
    assert largest_difference(bundle) <= bundle.golden.tolerance
    features, lengths = bundle.golden.features, bundle.golden.lengths
    with torch.inference_mode():
        told = [network(torch.from_numpy(features), torch.from_numpy(lengths)).logits for network in networks]
    together = torch.stack([each.softmax(dim=-1) for each in told]).mean(dim=0).numpy()
    heard = softmax(answers_of(bundle.model)(features, lengths))
    np.testing.assert_allclose(heard, together, atol=0.02)  # the graph's weights are rounded
    assert np.abs(heard - told[0].softmax(dim=-1).numpy()).max() > 0.02


def test_the_card_of_a_fused_bundle_names_both(fused: Fused) -> None:
    card = fused.finished.card
    assert card.system == "qieemo+compact"
    assert set(card.sizes) == {"qieemo", "compact"}
    assert "reconstruction" in card.system_source
    assert "fused late with compact" in card.system_source
    results = json.loads(fused.finished.results.read_text(encoding="utf-8"))
    assert 0 <= results["validation_ua"] <= 1
    history = results["history"]
    assert (len(history["epochs"]), len(history["fused_with"]["epochs"])) == (2, 1)


def test_a_fused_run_goes_on_where_it_stopped(made: Made, fused: Fused) -> None:
    times = times_of_checkpoints(made.root)
    assert set(times) == {"fused/checkpoint.safetensors", "fused/fused_with/checkpoint.safetensors"}
    assert times["fused/checkpoint.safetensors"] == fused.checkpoints["fused/checkpoint.safetensors"]
    again = run(read_config(made.root / "fused.toml"), made.root / "data", made.root / "fused", silent)
    assert again is not None
    assert again.card == fused.finished.card
    assert times_of_checkpoints(made.root) == times


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'system = "compact"',
            'system = "qieemo"',
            "must be another one than 'qieemo', .* or have another seed than 5",
        ),
        ('system = "compact"', 'system = "compact"\nseed = -1', "fused_with: seed must be 0 or more, not -1"),
        ('system = "compact"', 'system = "multilevel"', "fused_with: system 'multilevel' is built on a backbone"),
        ('system = "compact"', 'system = "tiny"', "fused_with: system 'tiny' is unknown"),
        ("channels = 8", "heads = 8", r"fused_with: .*heads"),
        ("epochs = 1", "epochs = 0", "fused_with: optimisation.epochs must be 1 or more, not 0"),
    ],
)
def test_what_cannot_be_fused_is_refused(made: Made, tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in FUSED
    text = CONFIG.format(place=made.root / "backbone") + FUSED.replace(old, new)
    (tmp_path / "run.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        read_config(tmp_path / "run.toml")
