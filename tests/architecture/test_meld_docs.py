"""The page on MELD's words says what the results say."""

from __future__ import annotations

import runpy
import tomllib

from pages import ROOT, read

from undertone.experiments.results import read_result

FOLDER = ROOT / "results" / "multilevel"
PAGE = ROOT / "docs" / "explanation" / "meld.md"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_meld.py"))
RUNS = tomllib.loads(read(ROOT / "experiments" / "multilevel" / "runs.toml"))["runs"]


def test_the_page_holds_what_the_results_say() -> None:
    assert read(PAGE) == MAKER["replaced"](read(PAGE), MAKER["meld"](FOLDER)), (
        "run python docs/make_meld.py, as it says"
    )


def test_every_row_is_a_run_of_the_plan_on_the_official_parts() -> None:
    for name in MAKER["RUNS"]:
        result = read_result(FOLDER / "meld.official" / f"{name}.json")
        assert result.learner == RUNS[name]["learner"]
        assert result.protocol.name == "meld/official"
        assert len(result.predictions) == 2610 * len(result.seeds)
