"""The page on Whisper's folds is that of the committed results, and those are of the committed plan."""

from __future__ import annotations

import runpy
import tomllib

import pytest
from pages import ROOT, read

from undertone.corpora.stored import load_protocol
from undertone.experiments.results import read_result

FOLDER, BASELINES = ROOT / "results" / "whisper-folds", ROOT / "results" / "baselines"
PAGE = ROOT / "docs" / "explanation" / "whisper-folds.md"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_whisper_folds.py"))
PLAN = tomllib.loads(read(ROOT / "experiments" / "whisper-folds.toml"))


@pytest.mark.parametrize("protocol", PLAN["protocols"])
def test_every_protocol_of_the_plan_has_a_result_with_its_settings(protocol: str) -> None:
    result = read_result(FOLDER / protocol.replace("/", ".") / "block-probe.json")
    assert result.protocol.hash == load_protocol(protocol).hash
    assert result.encoder == PLAN["encoder"]
    assert list(result.seeds) == PLAN["seeds"]
    for name in ("first_block", "last_block"):
        assert result.settings[name] == str(PLAN["settings"]["block-probe"][name])


def test_the_page_agrees_with_the_results() -> None:
    text = MAKER["whisper_folds"](FOLDER, BASELINES)
    wanted = MAKER["between"](read(PAGE), MAKER["BEGIN"], MAKER["END"], text)
    assert read(PAGE) == wanted, "run python docs/make_whisper_folds.py, as it says"
