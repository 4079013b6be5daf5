"""Claims as data, the rule by which they are judged, and the file that tells the verdicts."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import REFERENCE, ROOT, named, read, rows, section

from undertone.errors import ConfigError, ResultError, UsageError
from undertone.experiments import claims, claims_record
from undertone.experiments.claims import Expectation, Study, read_study
from undertone.experiments.claims_judge import judge_study, outcome_of, outcome_of_all, verdict_of
from undertone.experiments.claims_record import Judgement, expectation_text, read_judgement, write_judgement
from undertone.experiments.claims_run import placed, result_path
from undertone.experiments.compare import compare_results
from undertone.experiments.crossval import flat_settings
from undertone.experiments.results import Result, write_result
from undertone.metrics.comparison import holm
from undertone.metrics.uncertainty import Difference, mean_difference, paired_bootstrap
from undertone.testing.results import make_result
from undertone.training import parallel

RUNS = """
seeds = [0, 1]
[settings.log-mel-linear]
penalties = [0.1]
[runs.strong]
says = "a strong one"
learner = "log-mel-linear"
[runs.weak]
says = "a weak one"
learner = "majority"
[runs.third]
says = "a third one"
learner = "compact"
settings = { steps = 3 }
"""

CLAIM = """
claim = "X-1"
title = "Strong is better"
says = \"\"\"
Strong is better
than weak.\"\"\"
source = "a test"
protocols = ["emodb/random", "urdu/random"]
[[expect]]
better = "strong"
worse = "weak"
[[expect]]
better = "strong"
worse = "third"
"""


def study_of(folder: Path, runs: str = RUNS, claim: str = CLAIM, **more: str) -> Study:
    folder.mkdir(exist_ok=True)
    for name, text in {"runs": runs, "x": claim, **more}.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return read_study(folder)


def store(study: Study, results: Path, accuracies: dict[str, float], **changes: Any) -> dict[tuple[str, str], Result]:
    """Write a drawn result for each run on each protocol that the study wants."""
    kept = {}
    for number, (protocol, runs) in enumerate(study.wanted().items()):
        for run in runs:
            if run.name not in accuracies:
                continue
            drawn = drawn_result(accuracies[run.name], 9 + number, run.seeds)
            result = dataclasses.replace(
                drawn,
                name=f"{run.name} on {protocol}",
                learner=run.learner.name,
                encoder=run.encoder,
                settings=flat_settings(dataclasses.asdict(run.settings)),
                protocol=dataclasses.replace(drawn.protocol, name=protocol),
                **changes,
            )
            path = result_path(results, protocol, run.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_result(result, path)
            kept[protocol, run.name] = result
    return kept


@functools.cache
def drawn_result(accuracy: float, speakers: int, seeds: tuple[int, ...]) -> Result:
    return make_result(accuracy=accuracy, speakers=speakers, per_speaker=24, seeds=seeds)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return study_of(tmp_path / "claims")


# Reading


def test_runs_take_what_their_learner_shares_and_lay_their_own_over_it(tmp_path: Path) -> None:
    runs = RUNS + "[settings.compact]\nsteps = 9\nmasking = { most_bins = 5 }\n"
    third = study_of(tmp_path / "c", runs).runs["third"]
    assert (third.settings.steps, third.settings.masking.most_bins) == (3, 5)
    assert third.settings.masking.most_frames > 0
    assert third.encoder == "log-mel"


def test_a_learner_that_draws_nothing_has_the_first_seed(study: Study) -> None:
    assert {name: run.seeds for name, run in study.runs.items()} == {"strong": (0,), "weak": (0,), "third": (0, 1)}


def test_a_run_may_have_seeds_of_its_own(tmp_path: Path) -> None:
    assert study_of(tmp_path / "c", RUNS + "seeds = [7]").runs["third"].seeds == (7,)


def test_wrapped_text_is_unwrapped(study: Study) -> None:
    assert study.claims[0].says == "Strong is better than weak."


def test_what_is_wanted_names_each_run_once(tmp_path: Path) -> None:
    second = CLAIM.replace("X-1", "X-2").replace(', "urdu/random"', "") + 'by_more_than = ["third", "weak"]\n'
    study = study_of(tmp_path / "c", y=second)
    wanted = {protocol: [run.name for run in runs] for protocol, runs in study.wanted().items()}
    assert wanted == {name: ["strong", "weak", "third"] for name in ("emodb/random", "urdu/random")}
    assert list(study.wanted(["X-2"])) == ["emodb/random"]
    assert [claim.claim for claim in study.asked()] == ["X-1", "X-2"]


def test_a_claim_that_is_not_there_is_refused(study: Study) -> None:
    with pytest.raises(UsageError, match=r"there is no claim 'X-9'; there are X-1"):
        study.wanted(["X-9"])


def test_a_folder_without_claims_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a folder of claims holds runs.toml and one more TOML file for each claim"):
        read_study(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"log-mel-linear"\n[runs.weak]', '"oracle"\n[runs.weak]', "runs.strong: learner 'oracle' is unknown; there"),
        ("steps = 3", "step = 3", "runs.third: settings.step is not a setting; did you mean steps"),
        ("{ steps = 3 }", "3", "runs.third: settings must be a table, not 3"),
        ("penalties = [0.1]", "penalties = 3", "runs.strong: settings.penalties must be a list"),
        ("[settings.log-mel-linear]", "[settings.superb-head]", "settings.superb-head is for a learner that no run"),
        ("seeds = [0, 1]", "seeds = []", "runs.weak: seeds must be one whole number or more, from 0 on, each on"),
        ("seeds = [0, 1]", "seeds = [1, 1]", "each once, not [1, 1]"),
        ("seeds = [0, 1]", "seed = 0", "runs.toml: seed is not a setting; did you mean seeds"),
        ("[settings.log-mel-linear]\npenalties = [0.1]", "settings = 3", "settings must be a table of tables, not 3"),
        ("[runs.weak]", "[runs.'we ak']", "its name may hold letters, digits, dots and hyphens only"),
        ('learner = "majority"', 'learner = "majority"\nencoder = "ear"', "runs.weak: encoder 'ear' is unknown; there"),
        ('learner = "majority"', 'learner = "majority"\nencoder = "hub:"', "runs.weak: encoder 'hub:' is unknown"),
        ('says = "a weak one"', "", "runs.weak: says is missing"),
        ('claim = "X-1"', 'claim = "X/1"', "claim may hold letters, digits, dots and hyphens only, not 'X/1'"),
        ('worse = "weak"', 'worse = "wek"', "x.toml: there is no run 'wek'; runs.toml has strong, weak, third"),
        ('worse = "weak"', 'worse = "strong"', "strong > strong compares a run with itself"),
        ('worse = "third"', 'worse = "third"\nby_more_than = ["weak"]', "by_more_than must name two runs, not 1"),
        ('worse = "third"', 'worse = "third"\nby_more_than = ["strong", "third"]', "compares a run with itself"),
        ('worse = "third"', 'worse = "weak"', "runs.toml: no claim needs the run third"),
        ('"urdu/random"', '"emodb/speakers"', "protocols may name a corpus once, so that they are independent; emod"),
        ('"urdu/random"', '"mars/random"', "corpus 'mars' is unknown"),
        ('source = "a test"', "", "x.toml: source is missing"),
        ("[[expect]]", "[[expected]]", "x.toml: expected is not a setting; did you mean expect"),
    ],
)  # fmt: skip
def test_a_folder_that_is_wrong_is_refused_with_what_is_wrong(old: str, new: str, said: str, tmp_path: Path) -> None:
    runs, claim = (text.replace(old, new) for text in (RUNS, CLAIM))
    assert (runs, claim) != (RUNS, CLAIM)
    with pytest.raises(ConfigError) as caught:
        study_of(tmp_path / "c", runs, claim)
    assert said in str(caught.value)


def test_two_files_of_one_claim_and_one_without_expectations_are_refused_together(tmp_path: Path) -> None:
    empty = CLAIM.partition("[[expect]]")[0] + "expect = []\n"
    with pytest.raises(ConfigError) as caught:
        study_of(tmp_path / "c", y=empty)
    assert "y.toml: expect must hold at least one table" in str(caught.value)
    assert "y.toml: another file has the claim X-1, too" in str(caught.value)


def test_signs_say_what_is_added_and_what_is_taken_away() -> None:
    plain = Expectation(better="a", worse="b")
    assert (plain.signs, expectation_text(plain)) == ({"a": 1, "b": -1}, "a > b")
    beyond = Expectation(better="a", worse="b", by_more_than=("a", "c"))
    assert beyond.signs == {"a": 0, "b": -1, "c": 1}
    assert expectation_text(beyond) == "a > b by more than a > c"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("asr-frames:phones-en", "asr-frames:here/out"),
        ("asr-frames:phones-en,chunk=16", "asr-frames:here/out,chunk=16"),
        ("asr:other", "asr:other"),
        ("log-mel", "log-mel"),
    ],
)
def test_a_backbone_is_looked_for_where_it_lies(name: str, wanted: str) -> None:
    assert placed(name, {"phones-en": "here/out"}) == wanted


# The shipped claims


@pytest.fixture(scope="module")
def qieemo() -> Study:
    return read_study(ROOT / "experiments" / "qieemo")


def test_the_claims_of_qieemo_can_be_read(qieemo: Study) -> None:
    assert [claim.claim for claim in qieemo.claims] == [f"A-{number}" for number in range(1, 9)]
    assert all("2503.22687" in claim.source for claim in qieemo.claims)
    assert all(claim.cannot_tell for claim in qieemo.claims)


def test_rivals_of_the_fused_head_have_as_many_weights(qieemo: Study) -> None:
    torch = pytest.importorskip("torch")
    from undertone.systems.qieemo import QieemoHead

    def weights(run: str) -> int:
        with torch.device("meta"):
            head = QieemoHead(qieemo.runs[run].settings.head, blocks=9, width=144, symbols=40, labels=7)
        return sum(weight.numel() for weight in head.parameters())

    for rival in ("emotion", "content", "concat"):
        assert weights(rival) == pytest.approx(weights("both"), rel=0.02), rival


def test_where_the_posteriorgram_is_hidden_nothing_else_differs(qieemo: Study) -> None:
    hidden = [name for name in qieemo.runs if name.endswith("-hidden")]
    assert hidden
    for name in hidden:
        run, twin = qieemo.runs[name], qieemo.runs[name.removesuffix("-hidden")]
        assert dataclasses.replace(run.settings, content_order="kept") == twin.settings
        assert (run.learner, run.encoder, run.seeds) == (twin.learner, twin.encoder, twin.seeds)


def test_thirds_of_the_blocks_are_equally_many(qieemo: Study) -> None:
    spans = {name: qieemo.runs[name].settings for name in ("first", "middle", "last")}
    assert [(item.first_block, item.last_block) for item in spans.values()] == [(0, 2), (3, 5), (6, 8)]
    assert [qieemo.runs[name].settings.last_block for name in qieemo.claims[0].curve] == list(range(9))


# The rule


@pytest.mark.parametrize(
    ("value", "p", "outcome"),
    [(0.1, 0.049, "holds"), (0.1, 0.05, "undecided"), (-0.1, 0.001, "contradicted"), (-0.1, 0.5, "undecided"),
     (0.1, float("nan"), "undecided")],
)  # fmt: skip
def test_a_finding_is_decided_by_its_corrected_p_and_its_side(value: float, p: float, outcome: str) -> None:
    assert outcome_of(value, p) == outcome


@pytest.mark.parametrize(
    ("findings", "expectation", "claim"),
    [
        (("holds", "undecided"), "holds", "holds in part"),
        (("holds", "holds"), "holds", "holds"),
        (("undecided", "undecided"), "undecided", "undecided"),
        (("undecided", "contradicted"), "contradicted", "contradicted"),
        (("holds", "contradicted"), "mixed", "mixed"),
        (("mixed", "undecided"), "mixed", "mixed"),
    ],
)
def test_findings_make_an_outcome_and_outcomes_a_verdict(
    findings: tuple[str, ...], expectation: str, claim: str
) -> None:
    assert outcome_of_all(findings) == expectation
    assert verdict_of(findings) == claim


def test_what_is_much_better_holds_and_what_is_much_worse_is_contradicted(study: Study, tmp_path: Path) -> None:
    store(study, tmp_path / "r", {"strong": 0.7, "weak": 0.4, "third": 0.9})
    (claim,) = judge_study(study, tmp_path / "r", draws=500).claims
    assert [item.outcome for item in claim.expectations] == ["holds", "contradicted"]
    assert claim.verdict == "mixed"
    assert claim.missing == ()
    first = claim.expectations[0].findings
    assert [each.protocol for each in first] == ["emodb/random", "urdu/random", None]
    assert first[2].value == pytest.approx((first[0].value + first[1].value) / 2, abs=1e-5)
    assert first[2].high - first[2].low < min(each.high - each.low for each in first[:2])


def test_equals_are_undecided(study: Study, tmp_path: Path) -> None:
    store(study, tmp_path / "r", dict.fromkeys(study.runs, 0.6))
    (claim,) = judge_study(study, tmp_path / "r", draws=500).claims
    assert claim.verdict == "undecided"
    assert [each.value for each in claim.expectations[0].findings] == [0.0, 0.0, 0.0], "of one seed, they answer alike"
    assert [each.p for each in claim.expectations[0].findings] == [1.0, 1.0, 1.0]


def test_findings_are_those_of_compare_and_corrected_over_the_whole_claim(study: Study, tmp_path: Path) -> None:
    kept = store(study, tmp_path / "r", {"strong": 0.62, "weak": 0.58, "third": 0.6})
    (claim,) = judge_study(study, tmp_path / "r", draws=500).claims
    for item in claim.expectations:
        for each in item.findings[:2]:
            pair = (kept[each.protocol, run] for run in (item.worse, item.better))
            (change,) = compare_results(*pair, np.random.default_rng(0), metrics=("UA",), draws=500).changes
            wanted = (change.difference.value, change.difference.low, change.difference.high, change.difference.p)
            assert (each.value, each.low, each.high, each.p) == pytest.approx(wanted, abs=2e-6)
    findings = [each for item in claim.expectations for each in item.findings]
    assert [each.corrected_p for each in findings] == pytest.approx(holm([each.p for each in findings]), abs=1e-5)


def test_a_gain_is_compared_with_another_gain(tmp_path: Path) -> None:
    claim = CLAIM.replace('worse = "weak"', 'worse = "weak"\nby_more_than = ["third", "weak"]')
    study = study_of(tmp_path / "c", claim=claim)
    kept = store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5})
    (judged,) = judge_study(study, tmp_path / "r", draws=200).claims
    ua = {run: kept["emodb/random", run].scores["UA"].value for run in study.runs}
    found = judged.expectations[0].findings[0].value
    assert found == pytest.approx((ua["strong"] - ua["weak"]) - (ua["third"] - ua["weak"]), abs=2e-6)


def test_one_protocol_has_no_mean(tmp_path: Path) -> None:
    study = study_of(tmp_path / "c", claim=CLAIM.replace(', "urdu/random"', ""))
    store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5})
    (claim,) = judge_study(study, tmp_path / "r", draws=200).claims
    assert [len(item.findings) for item in claim.expectations] == [1, 1]
    assert claim.verdict == "holds"


def test_what_was_not_run_is_named_and_the_rest_is_told(study: Study, tmp_path: Path) -> None:
    store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4})
    judgement = judge_study(study, tmp_path / "r", draws=200)
    (claim,) = judgement.claims
    assert claim.verdict == "not run"
    assert claim.missing == ("third on emodb/random has no result", "third on urdu/random has no result")
    assert claim.expectations == ()
    assert [run.run for run in judgement.runs] == ["strong", "weak"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"settings": {"penalties": "(9,)"}}, "was run with another table of settings; run it again"),
        ({"seeds": (3,)}, "another list of seeds"),
        ({"encoder": "egemaps"}, "another encoder;"),
        ({"learner": "majority"}, "another learner"),
        ({"corpus_hash": "0"}, "another state of the corpus than other runs"),
    ],
)
def test_results_of_something_else_are_not_judged(
    change: dict[str, Any], said: str, study: Study, tmp_path: Path
) -> None:
    kept = store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5})
    path = result_path(tmp_path / "r", "emodb/random", "third")
    write_result(dataclasses.replace(kept["emodb/random", "third"], **change), path)
    (claim,) = judge_study(study, tmp_path / "r", draws=100).claims
    assert claim.verdict == "not run"
    assert said in claim.missing[0]


def test_a_setting_that_came_after_a_result_stood_at_its_default(study: Study, tmp_path: Path) -> None:
    kept = store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5})
    path = result_path(tmp_path / "r", "emodb/random", "third")
    older = kept["emodb/random", "third"]
    for name, judged in {"batch": True, "steps": False}.items():  # `steps` is 3 in the study, and not by default
        told = {each: value for each, value in older.settings.items() if each != name}
        assert len(told) == len(older.settings) - 1
        write_result(dataclasses.replace(older, settings=told), path)
        assert (judge_study(study, tmp_path / "r", draws=100).claims[0].verdict != "not run") == judged


def test_another_revision_on_another_protocol_is_not_judged(study: Study, tmp_path: Path) -> None:
    kept = store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5}, revision="a")
    path = result_path(tmp_path / "r", "urdu/random", "third")
    write_result(dataclasses.replace(kept["urdu/random", "third"], revision="b"), path)
    (claim,) = judge_study(study, tmp_path / "r", draws=100).claims
    assert claim.missing == (
        "third on urdu/random was run with another revision of the encoder than on other protocols; run it again",
    )


def test_a_result_that_cannot_be_read_is_named(study: Study, tmp_path: Path) -> None:
    store(study, tmp_path / "r", dict.fromkeys(study.runs, 0.6))
    result_path(tmp_path / "r", "urdu/random", "weak").write_text("{", encoding="utf-8")
    (claim,) = judge_study(study, tmp_path / "r", draws=100).claims
    assert "weak.json: it is not a result" in claim.missing[0]


# The mean of differences


def test_the_mean_of_one_difference_is_that_difference() -> None:
    (one,) = paired_bootstrap(lambda weights: weights @ np.arange(12.0)[:, None] / 12, 12, rng=np.random.default_rng(1))
    mean = mean_difference((one,), (12,))
    assert (mean.value, mean.low, mean.high) == pytest.approx((one.value, one.low, one.high))
    assert mean.p == pytest.approx(one.p)


def test_the_interval_of_a_mean_holds_the_truth_at_its_rate(rng: np.random.Generator) -> None:
    held, trials = 0, 200
    for _ in range(trials):
        found = []
        for speakers, spread in ((10, 0.10), (24, 0.05), (9, 0.03)):
            drawn = rng.normal(0.02, spread, speakers)
            found += paired_bootstrap(
                lambda weights, drawn=drawn: (weights @ drawn / weights.sum(axis=1))[:, None],
                speakers,
                draws=100,
                rng=rng,
            )
        mean = mean_difference(found, (10, 24, 9), draws=100)
        held += mean.low <= 0.02 <= mean.high
    assert 0.90 <= held / trials < 0.99


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.001, 1), st.integers(2, 50)), min_size=1, max_size=5))
def test_a_mean_lies_in_its_interval_and_its_p_agrees_with_it(drawn: list[tuple[float, float, int]]) -> None:
    differences = [Difference(value=value, low=value - half, high=value + half, p=0.5) for value, half, _ in drawn]
    mean = mean_difference(differences, [count for *_, count in drawn])
    assert mean.low < mean.value < mean.high
    assert mean.value == pytest.approx(np.mean([value for value, *_ in drawn]))
    if abs(abs(mean.value) - (mean.high - mean.value)) > 1e-6:
        assert (mean.p < 0.05) == (mean.low > 0 or mean.high < 0)


def test_a_mean_of_what_is_not_defined_is_not_defined() -> None:
    nothing = Difference(value=0.5, low=float("nan"), high=float("nan"), p=float("nan"))
    mean = mean_difference((nothing, Difference(value=0.1, low=0.0, high=0.2, p=0.05)), (1, 9))
    assert mean.value == pytest.approx(0.3)
    assert np.isnan([mean.low, mean.high, mean.p]).all()


def test_a_mean_without_spread_is_certain() -> None:
    same = Difference(value=0.2, low=0.2, high=0.2, p=0.01)
    assert mean_difference((same, same), (9, 9), draws=99) == Difference(value=0.2, low=0.2, high=0.2, p=0.01)


# The file


@pytest.fixture
def judgement(study: Study, tmp_path: Path) -> Judgement:
    store(study, tmp_path / "r", {"strong": 0.9, "weak": 0.4, "third": 0.5})
    return judge_study(study, tmp_path / "r", command="undertone claims claims", draws=200)


def test_a_judgement_is_read_as_it_was_written(judgement: Judgement, tmp_path: Path) -> None:
    write_judgement(judgement, tmp_path / "new" / "claims.json")
    assert read_judgement(tmp_path / "new" / "claims.json") == judgement


def test_a_judgement_tells_where_its_numbers_come_from(judgement: Judgement) -> None:
    assert (judgement.study, judgement.metric, judgement.level, judgement.draws) == ("claims", "UA", 0.05, 200)
    assert [item.name for item in judgement.protocols] == ["emodb/random", "urdu/random"]
    assert [(item.stamp, item.speakers, item.by) for item in judgement.protocols] == [
        ("speaker-disjoint", 9, "speaker"), ("speaker-disjoint", 10, "speaker"),
    ]  # fmt: skip
    third = next(run for run in judgement.runs if run.run == "third")
    assert third.settings["steps"] == "3"
    assert [(each.protocol, each.seeds) for each in third.scores] == [("emodb/random", (0, 1)), ("urdu/random", (0, 1))]
    assert third.scores[0].value == pytest.approx(np.mean(third.scores[0].by_seed), abs=1e-5)


def test_the_same_results_give_the_same_judgement(judgement: Judgement, study: Study, tmp_path: Path) -> None:
    again = judge_study(study, tmp_path / "r", command="undertone claims claims", draws=200)
    assert again == judgement


def test_a_file_that_is_no_judgement_is_refused(judgement: Judgement, tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    with pytest.raises(ResultError, match="no claims can be read"):
        read_judgement(path)
    write_judgement(judgement, path)
    table = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(table | {"format": 2}), encoding="utf-8")
    with pytest.raises(ResultError, match=r"its format is 2; 1 is read\. Run `undertone claims --judge-only`"):
        read_judgement(path)
    path.write_text(json.dumps(table | {"draws": "many"}), encoding="utf-8")
    with pytest.raises(ResultError, match="draws must be a whole number, not 'many'"):
        read_judgement(path)


# The reference


def test_every_field_is_in_the_reference() -> None:
    page = REFERENCE / "claims.md"
    for kind in ("Judgement", "JudgedClaim", "JudgedExpectation", "Finding", "JudgedRun", "RunScore", "JudgedProtocol"):
        assert {item.name for item in dataclasses.fields(getattr(claims_record, kind))} <= named(read(page)), kind
    assert set(claims_record.VERDICTS) <= named(read(page))


@pytest.mark.parametrize(
    ("title", "kind"),
    [("runs.toml", claims.RunsTable), ("A run", claims.RunTable), ("A claim", claims.Claim),
     ("An expectation", claims.Expectation)],
)  # fmt: skip
def test_every_field_of_the_folder_is_told_with_its_default(title: str, kind: type[Any]) -> None:
    told: dict[str, str] = {}
    for names, default, *_ in rows(section(REFERENCE / "claims.md", title).split("\n### ")[0])[2:]:
        told.update(dict.fromkeys(re.findall(r"`(\w+)`", names), default))
    defaults = {
        item.name: "" if item.default is dataclasses.MISSING else f"`{json.dumps(item.default)}`"
        for item in dataclasses.fields(kind)
    }
    assert told == defaults


# Several processes


def test_whoever_fails_in_turn_leaves_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(parallel, "wait_for_all", lambda workers: waited.append(workers.rank))
    for rank in (0, 1):
        with pytest.raises(ValueError, match="no"), parallel.in_turn(parallel.Workers(count=2, rank=rank)):
            raise ValueError("no")
    assert waited == [0, 1]
