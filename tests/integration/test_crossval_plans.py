"""Plans beyond one corpus and its categories: from one corpus to another, raters' votes, and encoders of the hub."""

from __future__ import annotations

import csv
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from click.testing import CliRunner, Result
from miniature_corpora import MANNERS, make_data, speak
from numpy.typing import NDArray
from tiny_checkpoints import saved

from undertone.cli import main
from undertone.corpora.protocols import Fold, Protocol
from undertone.errors import ConfigError
from undertone.experiments.crossval import Experiment, cross_validate
from undertone.experiments.plan import protocol_named
from undertone.experiments.results import read_result
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.majority import MajoritySettings
from undertone.records import Rating, Utterance
from undertone.testing.sounds import write_recording


def crossval(*words: object) -> Result:
    return CliRunner().invoke(main, ["crossval", *map(str, words)])


def test_a_plan_trains_on_one_corpus_and_tests_on_another(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", takes=2)
    plan = tmp_path / "plan.toml"
    plan.write_text('learners = ["log-mel-linear"]\nprotocols = ["emodb+ravdess/cross"]\n', encoding="utf-8")
    done = crossval(plan, "--data", data, "--results", tmp_path / "r", "--work", tmp_path / "work")
    assert done.exit_code == 0, done.output
    result = read_result(tmp_path / "r" / "emodb+ravdess.cross" / "log-mel-linear.json")
    assert {row.id.split("/")[0] for row in result.predictions} == {"ravdess"}
    assert len(result.predictions) == 4 * len(MANNERS) * 2
    assert result.corpora == ("emodb", "ravdess")
    assert result.protocol.stamp == "speaker-disjoint"
    assert result.scores["UA"].value > 0.5


def test_a_cross_needs_two_corpora() -> None:
    with pytest.raises(ConfigError, match="there is no rule cross"):
        protocol_named("emodb/cross", [])


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("own")
    with (root / "calls.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "speaker"))
        for speaker in ("anna", "ben", "cleo"):
            for emotion in MANNERS:
                for take in range(2):
                    name = f"{speaker}-{emotion}-{take}.wav"
                    write_recording(root / name, speak(speaker, emotion, take))
                    writer.writerow((name, emotion, speaker))
    return root / "calls.csv"


def test_an_encoder_of_the_hub_is_heard_through(table: Path, tmp_path: Path) -> None:
    checkpoint = saved("wavlm", tmp_path / "tiny")
    words = ("--results", tmp_path / "r", "--work", tmp_path / "work", "--learner", "superb-head")
    done = crossval(table, *words, "--encoder", f"hub:{checkpoint},float32")
    assert done.exit_code == 0, done.output
    assert "not an accuracy" not in done.stdout
    result = read_result(tmp_path / "r" / "calls.speakers" / "superb-head.json")
    assert result.weights not in {"none", "random"}
    assert all(fit.history for fit in result.fits)


def test_random_weights_are_never_shown_as_an_accuracy(table: Path, tmp_path: Path) -> None:
    checkpoint = saved("wav2vec2-group-norm", tmp_path / "tiny")
    for weights in checkpoint.glob("*.safetensors"):
        weights.unlink()
    words = ("--results", tmp_path / "r", "--work", tmp_path / "work", "--learner", "superb-head")
    done = crossval(table, *words, "--encoder", f"random:{checkpoint},float32")
    assert done.exit_code == 0, done.output
    assert "random weights: not an accuracy" in done.stdout
    path = tmp_path / "r" / "calls.speakers" / "superb-head.json"
    assert read_result(path).weights == "random"
    page = tmp_path / "report.md"
    assert CliRunner().invoke(main, ["report", str(path), "--out", str(page)]).exit_code == 0
    assert "Random weights" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("votes", "taught"), [(True, [0.75, 0.25]), (False, [1.0, 0.0])])
def test_networks_are_taught_votes_where_the_plan_says_so(votes: bool, taught: list[float], tmp_path: Path) -> None:
    seen: list[NDArray[np.float64]] = []

    def fit(train: Part, validation: Part, how: Fitting) -> Fitted:
        seen.append(train.targets)
        return Fitted(predict=lambda part: np.full((len(part.utterances), 2), 0.5))

    learner = Learner(
        name="spy", title="spy", source="test", encoder=None, seeded=False, settings=MajoritySettings, fit=fit
    )
    ratings = tuple(Rating(rater=str(number), emotions=("happy",) if number else ("sad",)) for number in range(4))
    utterances = [
        Utterance(
            id=f"made/{number}", path="x", corpus="made", speaker=f"s{number}", language="en",
            emotion=("happy", "sad")[number % 2], duration=1.0, ratings=() if number % 2 else ratings,
        )
        for number in range(6)
    ]  # fmt: skip
    ids = [item.id for item in utterances]
    protocol = Protocol(
        name="made/own", title="made", source="made", classes=MappingProxyType({"happy": "happy", "sad": "sad"}),
        folds=(Fold(train=tuple(ids[:2]), validation=tuple(ids[2:4]), test=tuple(ids[4:])),),
    )  # fmt: skip
    experiment = Experiment(
        learner=learner, settings=MajoritySettings(), encoder=None, protocol=protocol, seeds=(0,), votes=votes
    )
    result = cross_validate(experiment, utterances, folder=tmp_path, progress=lambda *_: lambda: None)
    assert result is not None
    assert result.taught == ("votes" if votes else "category")
    np.testing.assert_allclose(seen[0], [taught, [0, 1]])
