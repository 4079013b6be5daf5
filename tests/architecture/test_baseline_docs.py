"""The table of baselines is that of the committed results, and the results are those of the stored protocols."""

from __future__ import annotations

import runpy
import tomllib

import pytest
from pages import ROOT, read, rows

from undertone.corpora.protocols import protocol_hash
from undertone.corpora.stored import load_protocol
from undertone.experiments.results import read_result

FOLDER = ROOT / "results" / "baselines"
PAGE = ROOT / "docs" / "explanation" / "baselines.md"
MAKER = runpy.run_path(str(ROOT / "docs" / "make_baselines.py"))
PLAN = tomllib.loads(read(ROOT / "experiments" / "baselines.toml"))

every_pair = pytest.mark.parametrize(
    ("protocol", "learner"), [(protocol, learner) for protocol in PLAN["protocols"] for learner in PLAN["learners"]]
)


@every_pair
def test_every_pair_of_the_plan_has_a_result_on_the_stored_protocol(protocol: str, learner: str) -> None:
    result = read_result(FOLDER / protocol.replace("/", ".") / f"{learner}.json")
    stored = load_protocol(protocol)
    assert result.learner == learner
    assert result.protocol.hash == stored.hash == protocol_hash(stored.folds)
    excluded = {item.id for item in result.excluded}
    tested = [name for fold in stored.folds for name in fold.test if name not in excluded]
    for seed in result.seeds:
        assert sorted(row.id for row in result.predictions if row.seed == seed) == sorted(tested)


def test_the_page_agrees_with_the_results() -> None:
    wanted = MAKER["replaced"](read(PAGE), MAKER["baselines"](FOLDER))
    assert read(PAGE) == wanted, "run python docs/make_baselines.py results/baselines docs/explanation/baselines.md"


def test_the_page_on_leaks_has_the_numbers_of_the_results() -> None:
    told = [row for row in rows(read(PAGE.with_name("leaks.md"))) if row[0].startswith("`")]
    assert len(told) == 5
    for corpus, learner, emobox, _, speakers in told:
        for protocol, number in (("emobox", emobox), ("speakers", speakers)):
            path = FOLDER / f"{corpus.strip('`')}.{protocol}" / f"{learner.strip('`')}.json"
            assert f"{100 * read_result(path).scores['UA'].value:.1f}" == number


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="the page needs the markers <!-- baselines:begin -->"):
        MAKER["replaced"]("no markers", "text")
