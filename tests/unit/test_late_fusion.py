"""Late fusion: means of probabilities over runs and seeds, what cannot be fused, and fused runs among claims."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from test_claims import CLAIM, RUNS, study_of

from undertone.corpora.protocols import Protocol
from undertone.errors import ConfigError, ResultError
from undertone.experiments import claims_run
from undertone.experiments.claims_judge import judge_study
from undertone.experiments.crossval import Experiment, flat_settings
from undertone.experiments.late_fusion import LateFusion, fused
from undertone.experiments.results import Result, read_result, write_result
from undertone.testing.results import make_result

BOTH = LateFusion(runs=("a", "b"))

FUSED = (
    RUNS.replace('[runs.weak]\nsays = "a weak one"\nlearner = "majority"\n', "")
    + """
[runs.late]
says = "strong and third, fused"
fuses = ["strong", "third"]
[runs.ensemble]
says = "both seeds of third"
fuses = ["third"]
over_seeds = true
"""
)
FUSED_CLAIM = CLAIM.replace('better = "strong"\nworse = "weak"', 'better = "late"\nworse = "ensemble"')


def table(result: Result) -> dict[tuple[int, str, int], np.ndarray]:
    return {(row.fold, row.id, row.seed): np.array(row.probabilities) for row in result.predictions}


def test_seeds_are_fused_pair_by_pair() -> None:
    a, b = (make_result(seeds=(0, 1), seed=number) for number in range(2))
    found = fused([a, b], BOTH)
    one, other = table(a), table(b)
    assert found.seeds == (0, 1)
    assert len(found.predictions) == len(a.predictions)
    for place, row in table(found).items():
        np.testing.assert_allclose(row, (one[place] + other[place]) / 2, atol=1e-4)
    assert found.scores["UA"] != a.scores["UA"]
    assert (found.learner, found.encoder, found.protocol) == ("late-fusion", None, a.protocol)
    assert found.settings == {"runs": "('a', 'b')", "over_seeds": "False"}


def test_a_run_of_one_seed_counts_for_every_seed_of_the_other() -> None:
    a, b = make_result(seeds=(0, 1)), make_result(seeds=(0,), seed=1)
    one, other = table(a), table(b)
    for (fold, item, seed), row in table(fused([a, b], BOTH)).items():
        np.testing.assert_allclose(row, (one[fold, item, seed] + other[fold, item, 0]) / 2, atol=1e-4)


def test_an_ensemble_of_seeds_is_one_answer() -> None:
    a = make_result(seeds=(0, 1, 2))
    found = fused([a], LateFusion(runs=("a",), over_seeds=True))
    one = table(a)
    assert found.seeds == (0,)
    for (fold, item, _), row in table(found).items():
        np.testing.assert_allclose(row, np.mean([one[fold, item, seed] for seed in range(3)], axis=0), atol=1e-4)


def test_what_does_not_belong_together_is_not_fused() -> None:
    a = make_result(seeds=(0, 1))
    with pytest.raises(ResultError, match="another protocol or corpus"):
        fused([a, make_result(seeds=(0, 1), speakers=7)], BOTH)
    with pytest.raises(ResultError, match="unlike seeds"):
        fused([a, make_result(seeds=(0, 2))], BOTH)
    with pytest.raises(ResultError, match="have not tested the same utterances"):
        fused([a, dataclasses.replace(a, predictions=a.predictions[:-2])], BOTH)


def test_a_fused_result_can_be_kept(tmp_path: Path) -> None:
    found = fused([make_result(seeds=(0, 1)), make_result(seeds=(0, 1), seed=1)], BOTH)
    write_result(found, tmp_path / "late.json")
    assert read_result(tmp_path / "late.json") == found


def test_parts_are_wanted_before_what_they_are_fused_to(tmp_path: Path) -> None:
    study = study_of(tmp_path / "c", FUSED, FUSED_CLAIM)
    for runs in study.wanted().values():
        names = [run.name for run in runs]
        assert set(names) == {"late", "ensemble", "strong", "third"}
        assert names.index("late") > max(names.index("strong"), names.index("third"))
    assert study.runs["ensemble"].seeds == (0,)
    assert study.runs["late"].learner_name == "late-fusion"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ('learner = "majority"', "it must have a learner, or runs that it fuses, and not both"),
        ('over_seeds = "yes"', "over_seeds"),
        ('[runs.odd]\nsays = "odd"', "runs.odd: it must have a learner, or runs that it fuses"),
        ('[runs.odd]\nsays = "odd"\nfuses = ["late"]', "runs.odd: fuses must name runs with a learner, not 'late'"),
        ('[runs.odd]\nsays = "odd"\nfuses = ["nobody"]', "fuses must name runs with a learner, not 'nobody'"),
    ],
)
def test_wrong_fusions_are_told(change: str, told: str, tmp_path: Path) -> None:
    runs = FUSED.replace("over_seeds = true", change) if change.startswith("over") else FUSED + change
    with pytest.raises(ConfigError, match=told):
        study_of(tmp_path / "c", runs, FUSED_CLAIM)


def test_fused_runs_are_made_from_results_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the fitting: what `cross_validate` gives is drawn."""
    study = study_of(tmp_path / "c", FUSED, FUSED_CLAIM)

    def protocol_of(name: str) -> Protocol:
        return Protocol(name=name, title="", source="", classes={}, folds=())

    def drawn(experiment: Experiment, *_: object, **__: object) -> Result:
        found = make_result(seeds=experiment.seeds, seed=len(experiment.seeds), speakers=9, per_speaker=24)
        return dataclasses.replace(
            found,
            learner=experiment.learner.name,
            protocol=dataclasses.replace(found.protocol, name=experiment.protocol.name),
            settings=flat_settings(dataclasses.asdict(experiment.settings)),
        )

    ready = [
        claims_run.Material(protocol=protocol_of(name), utterances=(), exclusions=(), runs=runs)
        for name, runs in study.wanted().items()
    ]
    monkeypatch.setattr(claims_run, "_materials", lambda *_: ready)
    monkeypatch.setattr(claims_run, "_with_features", lambda materials, *_: materials)
    monkeypatch.setattr(claims_run, "cross_validate", drawn)
    told: list[str] = []
    failures = claims_run.run_study(
        study, data=tmp_path, results=tmp_path / "r", work=tmp_path / "w",
        progress=lambda *_: lambda: None, done=lambda name, _: told.append(name),
    )  # fmt: skip
    assert failures == ()
    assert sorted(told) == sorted(2 * ["late", "ensemble", "strong", "third"])
    judged = judge_study(study, tmp_path / "r", command="x", draws=50)
    assert {run.run for run in judged.runs} == {"late", "ensemble", "strong", "third"}
    assert next(run for run in judged.runs if run.run == "late").learner == "late-fusion"
