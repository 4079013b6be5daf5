"""The page on claims, made from drawn results; and the committed one, where there is one, against its results."""

from __future__ import annotations

import dataclasses
import json
import runpy
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pages import ROOT, read

from undertone.experiments.claims import read_study
from undertone.experiments.claims_judge import judge_study
from undertone.experiments.claims_record import (
    VERDICTS,
    Finding,
    JudgedClaim,
    Judgement,
    read_judgement,
    write_judgement,
)
from undertone.experiments.claims_run import result_path
from undertone.experiments.crossval import flat_settings
from undertone.experiments.results import write_result
from undertone.testing.results import make_result

MAKER = runpy.run_path(str(ROOT / "docs" / "make_claims.py"))

ACCURACIES = {"a": 0.4, "b": 0.8, "c": 0.6, "d": 0.6}


@pytest.fixture(scope="module")
def judgement(tmp_path_factory: pytest.TempPathFactory) -> Judgement:
    """A claim with a curve that holds in part, and one that was not run."""
    folder = tmp_path_factory.mktemp("claims") / "qieemo"
    folder.mkdir()
    runs = "".join(
        f'[runs.{name}]\nsays = "blocks {name}"\nlearner = "majority"\n' for name in (*ACCURACIES, "missing")
    )
    (folder / "runs.toml").write_text(runs, encoding="utf-8")
    head = 'says = "b is best."\nsource = "ours"\nprotocols = ["emodb/random", "urdu/random"]\ncannot_tell = "Much."\n'
    (folder / "A-1.toml").write_text(
        f'claim = "A-1"\ntitle = "The middle, mostly"\n{head}curve = ["a", "b", "c"]\n'
        '[[expect]]\nbetter = "b"\nworse = "a"\n[[expect]]\nbetter = "c"\nworse = "d"\n',
        encoding="utf-8",
    )
    (folder / "A-2.toml").write_text(
        f'claim = "A-2"\ntitle = "Another"\n{head}[[expect]]\nbetter = "b"\nworse = "missing"\n', encoding="utf-8"
    )
    study = read_study(folder)
    results = folder.parent / "results"
    for protocol, wanted in study.wanted().items():
        for run in wanted:
            if run.name in ACCURACIES:
                drawn = make_result(accuracy=ACCURACIES[run.name], speakers=8, per_speaker=16)
                path = result_path(results, protocol, run.name)
                path.parent.mkdir(parents=True, exist_ok=True)
                fitting = {
                    "name": f"{run.name} on {protocol}",
                    "learner": "majority",
                    "settings": flat_settings(dataclasses.asdict(run.settings)),
                    "protocol": dataclasses.replace(drawn.protocol, name=protocol),
                    "revision": "weights 1234",
                }
                write_result(dataclasses.replace(drawn, **fitting), path)
    return judge_study(study, results, command="undertone claims experiments/qieemo", draws=200)


def test_the_page_and_its_figures_follow_from_the_judgement(judgement: Judgement, tmp_path: Path) -> None:
    write_judgement(judgement, tmp_path / "results" / "claims.json")
    target, images = tmp_path / "docs" / "explanation" / "page.md", tmp_path / "docs" / "images"
    target.parent.mkdir(parents=True)
    MAKER["make"](tmp_path / "results", target, images)
    text = target.read_text(encoding="utf-8")
    assert "our reconstruction" in text
    assert "| [A-1](#a-1-the-middle-mostly) | b is best. | **holds in part** |" in text
    assert "| [A-2](#a-2-another) | b is best. | **not run** |" in text
    assert "\n## A-1: The middle, mostly\n" in text
    assert "- missing on emodb/random has no result" in text
    assert "- **A-9**, it works in real time" in text
    assert "The highest is on `emodb/random` b (" in text
    assert "What these data cannot tell: Much." in text
    assert "**speaker-disjoint**" in text
    first, second = judgement.claims[0].expectations
    assert f"b > a | {' | '.join(MAKER['found'](each) for each in first.findings)} | holds |" in text
    assert "- c > d: undecided everywhere. In the mean it is +0.0 points and, at 95 %, between +0.0 and +0.0." in text
    assert "- b > a: holds everywhere. In the mean it is +" in text
    assert second.outcome == "undecided"
    for name in ("qieemo-differences", "qieemo-A-1"):
        assert f"](../images/{name}.svg)" in text
        assert ET.parse(images / f"{name}.svg").getroot().tag.endswith("svg")
    assert sorted(path.name for path in images.iterdir()) == ["qieemo-A-1.svg", "qieemo-differences.svg"]


def test_numbered_runs_are_drawn_as_a_profile_and_others_by_name(judgement: Judgement, tmp_path: Path) -> None:
    claim = judgement.claims[0]
    names = {"a": "block-0", "b": "block-1", "c": "block-2"}
    blocks = dataclasses.replace(claim, curve=tuple(names.values()))
    renamed = tuple(dataclasses.replace(run, run=names.get(run.run, run.run)) for run in judgement.runs)
    assert MAKER["is_profile"](blocks)
    assert not MAKER["is_profile"](claim)
    MAKER["draw_curve"](claim, judgement, tmp_path / "names.svg")
    MAKER["draw_curve"](blocks, dataclasses.replace(judgement, runs=renamed), tmp_path / "blocks.svg")
    drawn = {name: (tmp_path / f"{name}.svg").read_text(encoding="utf-8") for name in ("names", "blocks")}
    assert "<!-- block; the middle third is grey -->" in drawn["blocks"]
    assert "<!-- b -->" in drawn["names"]


def test_figures_are_the_same_whenever_they_are_made(judgement: Judgement, tmp_path: Path) -> None:
    for name in ("one", "two"):
        MAKER["draw_forest"](judgement, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_a_page_without_a_single_result_says_so_and_has_no_figure(judgement: Judgement, tmp_path: Path) -> None:
    bare = tuple(
        dataclasses.replace(claim, verdict="not run", missing=("b on emodb/random has no result",), expectations=())
        for claim in judgement.claims
    )
    nothing = dataclasses.replace(judgement, claims=bare, runs=(), protocols=())
    text = MAKER["page"](nothing, "images")
    assert text.count("**Not run.**") == 2
    assert "![" not in text
    MAKER["draw_forest"](nothing, tmp_path / "none.svg")
    assert not (tmp_path / "none.svg").exists()


def test_every_verdict_has_plain_words() -> None:
    assert set(MAKER["PLAIN"]) == set(VERDICTS)


def test_what_is_not_defined_is_called_so() -> None:
    nothing = Finding(protocol="a/b", value=0.1, low=None, high=None, p=None, corrected_p=None, outcome="undecided")
    assert MAKER["found"](nothing) == "undefined"
    assert MAKER["sized"](nothing) == "How large the difference is, is not defined."


def test_anchors_are_those_that_headings_get() -> None:
    claim = JudgedClaim(
        claim="A-1", title="Does it, then, hold?", says="", source="", cannot_tell="", protocols=(), curve=(),
        verdict="not run", missing=(), expectations=(),
    )  # fmt: skip
    assert MAKER["anchor"](claim) == "a-1-does-it-then-hold"


@pytest.mark.slow  # reads some forty megabytes of results for each, a minute and a half in all
@pytest.mark.parametrize("name", sorted(MAKER["SYSTEMS"]))
def test_the_committed_page_is_that_of_the_committed_results(name: str) -> None:
    page = ROOT / "docs" / "explanation" / f"{name}-claims.md"
    results = ROOT / "results" / name
    stored = read_judgement(results / "claims.json")
    assert read(page) == MAKER["page"](stored, "../images"), (
        f"run python docs/make_claims.py results/{name} docs/explanation/{name}-claims.md docs/images"
    )
    again = judge_study(read_study(ROOT / "experiments" / name), results, command=stored.command)
    assert dataclasses.replace(again, commit=stored.commit) == stored, "run undertone claims --judge-only"


def test_the_page_tells_what_the_benchmark_of_speed_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "streaming.json"
    speed = MAKER["speed"]
    monkeypatch.setitem(speed.__globals__, "SPEED", path)
    assert speed() == "not measured yet."
    for latency, said in ((0.1, "it does here."), (0.7, "it does not here.")):
        cases = [{"chunk_latency_most_s": latency, "chunks_factor": factor} for factor in (0.02, 0.12)]
        path.write_text(json.dumps({"chunk_s": 0.64, "cases": cases}), encoding="utf-8")
        assert said in speed()
        assert "takes 0.020 to 0.120 s for a second" in speed()
