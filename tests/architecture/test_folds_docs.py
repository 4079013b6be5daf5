"""The page on Qieemo's folds is that of the committed results, and those are of the committed plan."""

from __future__ import annotations

import runpy
import tomllib
from functools import cache
from typing import Any

import pytest
from pages import ROOT, read

from undertone.corpora.stored import load_protocol
from undertone.experiments.results import read_result

FOLDER, BASELINES = ROOT / "results" / "qieemo-folds", ROOT / "results" / "baselines"
PAGE = ROOT / "docs" / "explanation" / "qieemo-folds.md"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_folds.py"))
PLAN = tomllib.loads(read(ROOT / "experiments" / "qieemo-folds.toml"))
LONGER = tomllib.loads(read(ROOT / "experiments" / "compact-folds.toml"))


@cache
def results_on(protocol: str) -> Any:
    """Read once for all tests: a megabyte each."""
    return MAKER["results_on"](protocol, FOLDER, BASELINES)


@pytest.mark.parametrize("protocol", PLAN["protocols"])
def test_every_protocol_of_the_plan_has_a_result_with_its_settings(protocol: str) -> None:
    result = read_result(FOLDER / protocol.replace("/", ".") / "qieemo.json")
    assert result.protocol.hash == load_protocol(protocol).hash
    assert result.encoder == PLAN["encoder"]
    assert list(result.seeds) == PLAN["seeds"]
    for name, value in PLAN["settings"]["qieemo"]["head"].items():
        assert result.settings[f"head.{name}"] == str(value)


@pytest.mark.parametrize("protocol", LONGER["protocols"])
def test_the_compact_network_that_is_fused_had_the_steps_of_its_plan(protocol: str) -> None:
    found = results_on(protocol)
    assert found.partner.settings["steps"] == str(LONGER["settings"]["compact"]["steps"])
    assert list(found.partner.seeds) == LONGER["seeds"]
    assert [found.partner.command, found.qieemo.command] == [
        f"undertone crossval experiments/{plan}-folds.toml" for plan in ("compact", "qieemo")
    ]


def test_validation_chose_how_long_the_compact_network_learns_as_the_page_says() -> None:
    gains = []
    for protocol in LONGER["protocols"]:
        found = results_on(protocol)
        (shorter,) = (each for each in found.baselines if each.learner == "compact")
        longer, before = (
            sum(each.chosen["validation_ua"] for each in result.fits) / len(result.fits)
            for result in (found.partner, shorter)
        )
        gains.append(longer - before)
    assert [gain > 0 for gain in gains].count(True) == 6
    assert min(gains) == 0


def test_the_page_agrees_with_the_results() -> None:
    wanted = MAKER["replaced"](read(PAGE), MAKER["folds"](FOLDER, BASELINES))
    assert read(PAGE) == wanted, "run python docs/make_folds.py, as it says"


def test_the_page_tells_of_every_protocol_of_the_plan() -> None:
    assert set(MAKER["PROTOCOLS"]) == set(PLAN["protocols"])
