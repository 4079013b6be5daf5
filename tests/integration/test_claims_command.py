"""`undertone claims` as a person meets it, from recordings to verdicts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from miniature_corpora import MANNERS, make_corpus
from tiny_backbones import CARD, saved_backbone

from undertone.backbones.files import read_card
from undertone.cli import main
from undertone.experiments.claims_record import read_judgement
from undertone.experiments.results import read_result

RUNS = """
seeds = [0, 1]
[runs.linear]
says = "logistic regression"
learner = "log-mel-linear"
settings = { penalties = [0.01] }
[runs.floor]
says = "the floor"
learner = "majority"
[runs.again]
says = "logistic regression, less held back"
learner = "log-mel-linear"
settings = { penalties = [1.0] }
"""

FIRST = """
claim = "X-1"
title = "Something is learned"
says = "Logistic regression is better than the floor."
source = "a test"
protocols = ["emodb/random", "urdu/random"]
[[expect]]
better = "linear"
worse = "floor"
"""

SECOND = """
claim = "X-2"
title = "The penalty does not matter"
says = "One penalty is better than the other."
source = "a test"
protocols = ["emodb/random"]
[[expect]]
better = "linear"
worse = "again"
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for corpus in ("emodb", "urdu"):
        speakers = [f"{corpus}_{number}" for number in range(4)]
        rows = [(speaker, emotion, take) for speaker in speakers for emotion in MANNERS for take in range(2)]
        make_corpus(root / corpus, rows)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claims") / "made"
    folder.mkdir()
    for name, text in {"runs": RUNS, "first": FIRST, "second": SECOND}.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def done(data: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """Everything, run once: the folder with `results` and `work`, and what was printed."""
    root = tmp_path_factory.mktemp("done")
    return root, claims(folder, "--data", data, "--results", root / "results", "--work", root / "work")


def claims(*words: object) -> Result:
    return CliRunner().invoke(main, ["claims", *map(str, words)])


def test_one_command_leads_from_recordings_to_verdicts(done: tuple[Path, Result]) -> None:
    root, told = done
    assert told.exit_code == 0, told.output
    judgement = read_judgement(root / "results" / "claims.json")
    assert {claim.claim: claim.verdict for claim in judgement.claims} == {"X-1": "holds", "X-2": "undecided"}
    lines = [line.split() for line in told.stdout.splitlines()]
    assert next(line for line in lines if line[:1] == ["X-1"])[1:5] == ["holds", "linear", ">", "floor"]
    assert "emodb/random, urdu/random, mean" in told.stdout
    assert any("speaker-dependent" in line for line in told.stdout.splitlines())


def test_every_run_is_run_once_and_told_with_the_time_left(done: tuple[Path, Result]) -> None:
    root, told = done
    found = sorted(path.relative_to(root / "results").as_posix() for path in (root / "results").rglob("*.json"))
    assert found == [
        "claims.json", "emodb.random/again.json", "emodb.random/floor.json", "emodb.random/linear.json",
        "urdu.random/floor.json", "urdu.random/linear.json",
    ]  # fmt: skip
    lines = [line for line in told.stderr.splitlines() if " left" in line]
    assert len(lines) == 5
    assert "5 of 5, about 0 min left" in lines[-1]
    result = read_result(root / "results" / "emodb.random" / "linear.json")
    assert result.name == "linear on emodb/random"
    assert result.settings == {"penalties": "(0.01,)"}
    assert result.revision
    assert result.command.startswith("undertone claims ")


def test_what_was_run_is_not_run_again(done: tuple[Path, Result], data: Path, folder: Path) -> None:
    root, _ = done
    times = {path: path.stat().st_mtime_ns for path in (root / "work").rglob("fold-*.json")}
    assert len(times) == 5 * 5
    before = (root / "results" / "claims.json").read_text(encoding="utf-8")
    again = claims(folder, "--data", data, "--results", root / "results", "--work", root / "work")
    assert again.exit_code == 0, again.output
    assert {path: path.stat().st_mtime_ns for path in (root / "work").rglob("fold-*.json")} == times
    assert (root / "results" / "claims.json").read_text(encoding="utf-8") == before


def test_only_what_is_missing_is_run_if_asked_for(
    done: tuple[Path, Result], data: Path, folder: Path, tmp_path: Path
) -> None:
    root, told = done
    shutil.copytree(root / "results", tmp_path / "results")
    (tmp_path / "results" / "urdu.random" / "floor.json").unlink()
    kept = tmp_path / "results" / "emodb.random" / "linear.json"
    other = tmp_path / "results" / "emodb.random" / "again.json"
    other.write_text(other.read_text("utf-8").replace('"penalties": "(1.0,)"', '"penalties": "(2.0,)"'), "utf-8")
    before = kept.stat().st_mtime_ns
    words = ("--data", data, "--results", tmp_path / "results", "--work", tmp_path / "work", "--missing")
    again = claims(folder, *words)
    assert again.exit_code == 0, again.output
    assert again.stdout == told.stdout
    lines = [line.split(":")[0] for line in again.stderr.splitlines() if "about" in line]
    assert lines == ["again on emodb/random", "floor on urdu/random"]
    assert kept.stat().st_mtime_ns == before
    nothing = claims(folder, *words)
    assert nothing.exit_code == 0, nothing.output
    assert "about" not in nothing.stderr


def test_stored_results_are_judged_without_data(done: tuple[Path, Result], folder: Path, tmp_path: Path) -> None:
    root, told = done
    shutil.copytree(root / "results", tmp_path / "results")
    (tmp_path / "results" / "claims.json").unlink()
    judged = claims(folder, "--results", tmp_path / "results", "--judge-only")
    assert judged.exit_code == 0, judged.output
    assert judged.stdout == told.stdout
    assert (tmp_path / "results" / "claims.json").read_text("utf-8") == (root / "results" / "claims.json").read_text(
        "utf-8"
    )


def test_one_claim_can_be_run_alone_and_the_others_are_told_as_not_run(
    data: Path, folder: Path, tmp_path: Path
) -> None:
    words = ("--results", tmp_path / "r", "--work", tmp_path / "w", "--only", "X-2")
    told = claims(folder, "--data", data, *words)
    assert told.exit_code == 0, told.output
    assert "X-1" not in told.stdout
    assert not (tmp_path / "r" / "urdu.random").exists()
    table = json.loads((tmp_path / "r" / "claims.json").read_text(encoding="utf-8"))
    assert [claim["verdict"] for claim in table["claims"]] == ["not run", "undecided"]
    assert "--only" not in table["command"]  # all that lies there is judged, whatever was run last
    judged = claims(folder, "--results", tmp_path / "r", "--judge-only")
    assert judged.exit_code == 1
    assert "X-1 is not judged: floor on emodb/random has no result; linear on urdu/random has no" in judged.stderr


def test_a_corpus_that_is_missing_does_not_stop_the_others(data: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "emodb").symlink_to(data / "emodb")
    told = claims(folder, "--data", tmp_path / "data", "--results", tmp_path / "r", "--work", tmp_path / "w")
    assert told.exit_code == 1
    assert "2 runs or claims failed:" in told.stderr
    assert "urdu/random: urdu: " in told.stderr
    assert "X-1 is not judged" in told.stderr
    judgement = read_judgement(tmp_path / "r" / "claims.json")
    assert {claim.claim: claim.verdict for claim in judgement.claims} == {"X-1": "not run", "X-2": "undecided"}


def test_a_run_that_fails_does_not_stop_the_others(data: Path, folder: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "made"
    shutil.copytree(folder, wrong)
    text = RUNS.replace("penalties = [1.0] }", 'penalties = [1.0] }\nencoder = "log-mel"')
    deaf = FIRST.replace("X-1", "X-3").replace('worse = "floor"', 'worse = "deaf"')
    (wrong / "runs.toml").write_text(
        f'{text}[runs.deaf]\nsays = "deaf"\nlearner = "superb-head"\nencoder = "hub:{tmp_path}"\n', encoding="utf-8"
    )
    (wrong / "third.toml").write_text(deaf.replace(', "urdu/random"', ""), encoding="utf-8")
    told = claims(wrong, "--data", data, "--results", tmp_path / "r", "--work", tmp_path / "w")
    assert told.exit_code == 1
    assert "again on emodb/random: this learner needs an encoder that gives one row an utterance" in told.stderr
    assert f"hub:{tmp_path} on emodb/random: " in told.stderr
    verdicts = {claim.claim: claim.verdict for claim in read_judgement(tmp_path / "r" / "claims.json").claims}
    assert verdicts == {"X-1": "holds", "X-2": "not run", "X-3": "not run"}


def test_several_processes_give_the_same_verdicts(
    done: tuple[Path, Result], data: Path, folder: Path, tmp_path: Path
) -> None:
    root, _ = done
    words = [str(word) for word in (folder, "--data", data, "--results", tmp_path / "r", "--work", tmp_path / "w")]
    shutil.copytree(root / "work" / "features", tmp_path / "w" / "features")
    told = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "undertone",
            "claims", *words,
        ],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert told.stderr.count("linear on emodb/random: UA") == 1
    assert told.stdout.count("X-1") == 1
    alone, two = (read_judgement(place / "claims.json") for place in (root / "results", tmp_path / "r"))
    assert two.claims == alone.claims
    assert two.runs == alone.runs


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say with --data where they lie, or give --judge-only"),
        (("--judge-only", "--data", "."), "--judge-only runs nothing: leave --data, --backbone and --missing out"),
        (("--judge-only", "--missing"), "--judge-only runs nothing: leave --data, --backbone and --missing out"),
        (("--judge-only", "--only", "X-9"), "there is no claim 'X-9'; there are X-1, X-2"),
        (("--data", ".", "--backbone", "phones-en"), "--backbone takes NAME=FOLDER, such as phones-en=runs/asr/out"),
        (("--data", ".", "--backbone", "a=b"), "no run hears through a backbone called 'a'; they name none"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: tuple[str, ...], said: str, folder: Path, tmp_path: Path) -> None:
    told = claims(folder, "--results", tmp_path / "r", "--work", tmp_path / "w", *words)
    assert told.exit_code == 1
    assert said in told.stderr
    assert not (tmp_path / "r").exists()


def test_a_backbone_lies_where_one_says_and_is_told_by_its_name(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "runs.toml").write_text(
        "[settings.qieemo]\nsteps = 1\n[settings.qieemo.head]\nwidth = 8\nheads = 2\nhidden = 8\n"
        '[runs.heard]\nsays = "trained"\nlearner = "qieemo"\nencoder = "asr-frames:elsewhere"\n'
        '[runs.drawn]\nsays = "untrained"\nlearner = "block-probe"\nencoder = "asr-random:elsewhere,seed=1"\n',
        encoding="utf-8",
    )
    claim = FIRST.replace("linear", "heard").replace("floor", "drawn").replace(', "urdu/random"', "")
    (folder / "first.toml").write_text(claim, encoding="utf-8")
    place = saved_backbone(tmp_path / "backbone")
    told = claims(
        folder,
        "--data",
        data,
        "--results",
        tmp_path / "r",
        "--work",
        tmp_path / "w",
        "--backbone",
        f"elsewhere={place}",
    )
    assert told.exit_code == 0, told.output
    assert str(tmp_path) not in (tmp_path / "r" / "emodb.random" / "heard.json").read_text(encoding="utf-8")
    runs = {run.run: run for run in read_judgement(tmp_path / "r" / "claims.json").runs}
    assert (runs["heard"].encoder, runs["heard"].weights) == ("asr-frames:elsewhere", CARD.name)
    assert read_card(place).sha256[:16] in (runs["heard"].revision or "")
    assert (runs["drawn"].encoder, runs["drawn"].weights) == ("asr-random:elsewhere,seed=1", "random")
    without = claims(folder, "--data", data, "--results", tmp_path / "r2", "--work", tmp_path / "w")
    assert without.exit_code == 1
    assert "asr-frames:elsewhere on emodb/random: " in without.stderr
