"""Cross-validation from recordings to results: plans, own recordings, cut-off runs, and several processes."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from interruptions import silent
from miniature_corpora import MANNERS, speak

from undertone.cli import main
from undertone.corpora.base import Exclusion
from undertone.corpora.protocols import Fold, Protocol
from undertone.errors import ConfigError, CorpusError, ResultError
from undertone.experiments.crossval import Experiment, cross_validate
from undertone.experiments.plan import read_plan
from undertone.experiments.results import read_result
from undertone.learners.registry import learner_named
from undertone.records import Utterance
from undertone.testing.sounds import write_recording

SPEAKERS = ("anna", "ben", "cleo", "dora", "emil")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A researcher's own recordings: a CSV beside a folder of sound."""
    root = tmp_path_factory.mktemp("own")
    with (root / "interviews.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "speaker"))
        for speaker in SPEAKERS:
            for emotion in MANNERS:
                for take in range(3):
                    name = f"sound/{speaker}-{emotion}-{take}.wav"
                    (root / "sound").mkdir(exist_ok=True)
                    write_recording(root / name, speak(speaker, emotion, take))
                    writer.writerow((name, emotion, speaker))
    return root / "interviews.csv"


def crossval(*words: object) -> Result:
    return CliRunner().invoke(main, ["crossval", *map(str, words)])


def test_two_commands_lead_from_a_table_to_a_stamped_report(table: Path, tmp_path: Path) -> None:
    results, page = tmp_path / "results", tmp_path / "report.html"
    done = crossval(table, "--results", results, "--work", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "speaker-disjoint" in done.stdout
    written = results / "interviews.speakers" / "log-mel-linear.json"
    assert str(written) in done.stdout
    done = CliRunner().invoke(main, ["report", str(written), "--out", str(page)])
    assert done.exit_code == 0, done.output
    assert "speaker-disjoint" in page.read_text(encoding="utf-8")


def test_a_result_holds_one_prediction_an_utterance_and_says_where_it_comes_from(table: Path, tmp_path: Path) -> None:
    crossval(
        table,
        "--results",
        tmp_path / "r",
        "--work",
        tmp_path / "run",
        "--learner",
        "majority",
        "--learner",
        "log-mel-linear",
    )
    result = read_result(tmp_path / "r" / "interviews.speakers" / "log-mel-linear.json")
    assert len(result.predictions) == len(SPEAKERS) * len(MANNERS) * 3
    assert len({row.id for row in result.predictions}) == len(result.predictions)
    assert [fold.shared_speakers for fold in result.protocol.folds] == [0] * len(SPEAKERS)
    assert result.labels == ("neutral", "sad", "angry")
    assert result.corpora == ("interviews",)
    assert result.weights == "none"
    assert result.versions["numpy"] == np.__version__
    assert result.command == "undertone crossval interviews.csv"
    assert len(result.fits) == len(SPEAKERS)
    assert all("validation_ua" in fit.chosen for fit in result.fits)
    floor = read_result(tmp_path / "r" / "interviews.speakers" / "majority.json")
    assert floor.protocol == result.protocol
    assert result.scores["UA"].value > 0.8 > floor.scores["UA"].value


def test_without_speakers_the_result_says_so(table: Path, tmp_path: Path) -> None:
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with (table.parent / "nameless.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label"))
        writer.writerows((row["path"], row["label"]) for row in rows)
    done = crossval(
        table.parent / "nameless.csv", "--results", tmp_path / "r", "--work", tmp_path / "run", "--learner", "majority"
    )
    assert done.exit_code == 0, done.output
    assert "speakers unknown" in done.stdout


def test_finished_folds_are_not_fitted_again(table: Path, tmp_path: Path) -> None:
    words = (table, "--results", tmp_path / "r", "--work", tmp_path / "run")
    assert crossval(*words).exit_code == 0
    path = tmp_path / "r" / "interviews.speakers" / "log-mel-linear.json"
    first = read_result(path)
    outcomes = sorted((tmp_path / "run").glob("interviews.speakers-*/fold-*.json"))
    assert len(outcomes) == len(SPEAKERS)
    outcomes[0].unlink()  # as if the run had been cut off before this fold was done
    times = [outcome.stat().st_mtime_ns for outcome in outcomes[1:]]
    assert crossval(*words).exit_code == 0
    assert [outcome.stat().st_mtime_ns for outcome in outcomes[1:]] == times
    again = read_result(path)
    assert again.predictions == first.predictions
    assert again.scores == first.scores


def test_several_processes_give_the_same_result(table: Path, tmp_path: Path) -> None:
    words = [str(table), "--learner", "log-mel-linear"]
    assert crossval(*words, "--results", tmp_path / "alone", "--work", tmp_path / "run-alone").exit_code == 0
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "undertone",
            "crossval", *words, "--results", str(tmp_path / "two"), "--work", str(tmp_path / "run-two"),
        ],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("log-mel-linear on interviews/speakers") == 1
    name = "interviews.speakers/log-mel-linear.json"
    alone, two = read_result(tmp_path / "alone" / name), read_result(tmp_path / "two" / name)
    assert two.predictions == alone.predictions
    assert two.scores == alone.scores


def test_a_plan_runs_learners_on_protocols_of_a_corpus(tmp_path: Path) -> None:
    rows = [
        (f"audio/{speaker}-{emotion}-{take}.wav", f"urdu_{speaker}", emotion, take)
        for speaker in SPEAKERS
        for emotion in MANNERS
        for take in range(2)
    ]
    folder = tmp_path / "data" / "urdu"
    (folder / "audio").mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "speaker", "gender", "emotion", "text", "duration_s"))
        for name, speaker, emotion, take in rows:
            samples = speak(speaker, emotion, take)
            write_recording(folder / name, samples)
            writer.writerow((name, speaker, "F", emotion, "", f"{len(samples) / 16_000:.3f}"))
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'learners = ["majority", "log-mel-linear"]\nprotocols = ["urdu/random"]\nseeds = [0, 1]\n'
        "[settings.log-mel-linear]\npenalties = [0.01]\n",
        encoding="utf-8",
    )
    done = crossval(plan, "--data", tmp_path / "data", "--results", tmp_path / "r", "--work", tmp_path / "run")
    assert done.exit_code == 0, done.output
    result = read_result(tmp_path / "r" / "urdu.random" / "log-mel-linear.json")
    assert result.settings == {"penalties": "(0.01,)"}
    assert result.seeds == (0,), "another seed would change nothing"
    assert result.protocol.stamp == "speaker-dependent"
    assert {fit.chosen["penalty"] for fit in result.fits} == {0.01}


def test_one_experiment_that_fails_does_not_stop_the_others(table: Path, tmp_path: Path) -> None:
    done = crossval(
        table,
        "--results",
        tmp_path / "r",
        "--work",
        tmp_path / "run",
        "--learner",
        "superb-head",
        "--learner",
        "majority",
    )
    assert done.exit_code == 1
    assert "1 experiments failed" in done.stderr
    assert "superb-head on interviews/speakers: superb-head needs an encoder" in done.stderr
    assert (tmp_path / "r" / "interviews.speakers" / "majority.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x.toml",), "say with --data where they lie"),
        (("x.toml", "--data", ".", "--learner", "majority"), "are for own recordings"),
        (("x.csv", "--data", "."), "--data is for a TOML file"),
        (("x.csv", "--learner", "oracle"), "no learner is called 'oracle'"),
        (("nowhere.csv",), "nowhere.csv"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: tuple[str, ...], said: str) -> None:
    done = crossval(*words)
    assert done.exit_code == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learners = 3", "learners must be a list"),
        ('learners = ["oracle"]\nprotocols = ["emodb/speakers"]', "learner 'oracle' is unknown; there are majority"),
        ('learners = ["majority"]\nprotocols = ["emodb"]', "protocol 'emodb' must be CORPUS/NAME"),
        ('learners = ["majority"]\nprotocols = ["mars/speakers"]', "corpus 'mars' is unknown"),
        ("learners = []\nprotocols = []", "learners must name at least one; protocols must name at least one"),
        ('learners = ["majority"]\nprotocols = ["emodb/speakers"]\nseeds = [-1]', "seeds must be one whole number or"),
        (
            'learners = ["compact"]\nprotocols = ["emodb/speakers"]\n[settings.compact]\nstep = 3',
            "settings.compact.step is not a setting; did you mean steps",
        ),
        (
            'learners = ["majority"]\nprotocols = ["emodb/speakers"]\n[settings.compact]\nsteps = 3',
            "settings.compact is for a learner that is not listed",
        ),
        ('learners = ["majority"]\nprotocols = ["emodb/speakers"]\nsettings = 3', "settings must be a table, not 3"),
        ("learners", "Expected"),
    ],
)
def test_a_plan_that_is_wrong_is_refused_with_every_problem(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_plan(path)
    assert said in str(caught.value)


def test_a_plan_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_plan(tmp_path / "nothing.toml")


def experiment_of(fold: Fold, exclusions: tuple[Exclusion, ...] = ()) -> Experiment:
    learner = learner_named("majority")
    protocol = Protocol(
        name="made/own", title="made", source="made", classes={"happy": "happy", "sad": "sad"}, folds=(fold,)
    )
    return Experiment(
        learner=learner, settings=learner.settings(), encoder=None, protocol=protocol, seeds=(0,), exclusions=exclusions
    )


UTTERANCES = [
    Utterance(
        id=f"made/{number}", path="x.wav", corpus="made", speaker=f"s{number // 2}", language="de",
        emotion=("happy", "sad")[number % 2], duration=1.0,
    )
    for number in range(6)
]  # fmt: skip

FOLD = Fold(train=("made/0", "made/1"), validation=("made/2", "made/3"), test=("made/4", "made/5"))


def test_what_is_excluded_is_left_out_and_named_in_the_result(tmp_path: Path) -> None:
    gone = Exclusion(id="made/5", reason="clipped")
    elsewhere = Exclusion(id="made/9", reason="not of this protocol")
    result = cross_validate(experiment_of(FOLD, (gone, elsewhere)), UTTERANCES, folder=tmp_path, progress=silent)
    assert result is not None
    assert [row.id for row in result.predictions] == ["made/4"]
    assert result.excluded == (gone,)
    whole = cross_validate(experiment_of(FOLD), UTTERANCES, folder=tmp_path, progress=silent)
    assert whole is not None
    assert whole.corpus_hash != result.corpus_hash
    assert whole.protocol.hash == result.protocol.hash


def test_an_utterance_that_is_missing_stops_the_experiment(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="1 of 6 utterances are missing, the first made/5"):
        cross_validate(experiment_of(FOLD), UTTERANCES[:5], folder=tmp_path, progress=silent)


def test_a_class_that_nobody_trains_on_stops_the_experiment(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fold 1 has no sad utterance to train on"):
        cross_validate(
            experiment_of(dataclasses.replace(FOLD, train=("made/0",))), UTTERANCES, folder=tmp_path, progress=silent
        )


def test_a_part_that_exclusions_emptied_stops_the_experiment(tmp_path: Path) -> None:
    gone = tuple(Exclusion(id=name, reason="lost") for name in FOLD.validation)
    with pytest.raises(ConfigError, match="fold 1 has no utterance in its validation part"):
        cross_validate(experiment_of(FOLD, gone), UTTERANCES, folder=tmp_path, progress=silent)


def test_an_outcome_that_is_torn_is_refused(tmp_path: Path) -> None:
    cross_validate(experiment_of(FOLD), UTTERANCES, folder=tmp_path, progress=silent)
    (path,) = tmp_path.glob("made.own-*/fold-1-seed-0.json")
    held = json.loads(path.read_text(encoding="utf-8"))
    del held["fit"]
    path.write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(ResultError, match=r"it is no fold's outcome .*remove it and call again"):
        cross_validate(experiment_of(FOLD), UTTERANCES, folder=tmp_path, progress=silent)
