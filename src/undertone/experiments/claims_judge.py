"""Judging claims by results that are stored: no data, no training, the same answer for the same files.

The rule. For each expectation and protocol, the difference in UA is taken on the same utterances, mean over seeds, and
speakers are redrawn, the same for every run (`paired_bootstrap`). With several protocols, the mean of their differences
is one finding more (`mean_difference`). The p values of all findings of a claim are corrected together (Holm). Then

- a finding *holds* where the corrected p is below 0.05 and the difference above 0; it is *contradicted* where the
  corrected p is below 0.05 and the difference under 0; otherwise it is *undecided*;
- an expectation holds if some finding holds and none is contradicted; it is contradicted if some is contradicted and
  none holds; *mixed* if both are seen; undecided if neither is;
- a claim holds if all its expectations hold; it *holds in part* if some hold and the others are undecided; it is mixed
  if some of it holds and some is contradicted, contradicted or undecided as an expectation is.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import ResultError
from undertone.experiments.claims_record import (
    CONTRADICTED,
    FORMAT,
    HOLDS,
    IN_PART,
    MIXED,
    NOT_RUN,
    UNDECIDED,
    Finding,
    JudgedClaim,
    JudgedExpectation,
    JudgedProtocol,
    JudgedRun,
    Judgement,
    RunScore,
)
from undertone.experiments.claims_run import result_path
from undertone.experiments.compare import require_one_test
from undertone.experiments.crossval import default_settings, flat_settings
from undertone.experiments.provenance import commit
from undertone.experiments.results import read_result
from undertone.experiments.scoring import arrange, groups_of, weigh_seeds
from undertone.metrics.comparison import holm
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import mean_difference, paired_bootstrap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.experiments.claims import Claim, Expectation, Run, Study
    from undertone.experiments.results import Result
    from undertone.experiments.scoring import Scored
    from undertone.metrics.uncertainty import Difference

    Place = tuple[str, str]
    """Protocol and run."""

METRIC: Final = "UA"
LEVEL: Final = 0.05
DRAWS: Final = 10_000


def judge_study(study: Study, results: Path, *, command: str = "", draws: int = DRAWS) -> Judgement:
    """Judge every claim of which all results are there.

    Args:
        study: the claims and their runs.
        results: where `run_study` wrote.
        command: what is written down as having made this.
        draws: how many times to redraw speakers.

    Raises:
        ResultError: if runs on one protocol have not tested the same utterances.
    """
    found, problems = stored_results(study, results)
    scored = {place: arrange(result.labels, result.predictions) for place, result in found.items()}
    firsts: dict[str, Place] = {}
    for place in found:
        firsts.setdefault(place[0], place)
    return Judgement(
        format=FORMAT,
        study=study.name,
        command=command,
        commit=commit(),
        metric=METRIC,
        level=LEVEL,
        draws=draws,
        claims=tuple(_judge_claim(claim, found, scored, problems, draws) for claim in study.claims),
        runs=tuple(
            _judged_run(run, {protocol: found[protocol, name] for protocol, name in found if name == run.name}, scored)
            for run in study.runs.values()
            if any(name == run.name for _, name in found)
        ),
        protocols=tuple(_judged_protocol(found[place], scored[place]) for place in firsts.values()),
    )


def outcome_of(value: float, corrected_p: float) -> str:
    """What one finding says; what is not defined decides nothing."""
    if math.isnan(corrected_p) or corrected_p >= LEVEL:
        return UNDECIDED
    return HOLDS if value > 0 else CONTRADICTED


def outcome_of_all(outcomes: Sequence[str]) -> str:
    """What the findings of one expectation say together."""
    seen = set(outcomes)
    if seen & {HOLDS, MIXED} and seen & {CONTRADICTED, MIXED}:
        return MIXED
    return next((outcome for outcome in (HOLDS, CONTRADICTED) if outcome in seen), UNDECIDED)


def verdict_of(outcomes: Sequence[str]) -> str:
    """What the expectations of a claim say together."""
    together = outcome_of_all(outcomes)
    return IN_PART if together == HOLDS and set(outcomes) != {HOLDS} else together


def difference_of(
    scored: Mapping[str, Scored], expectations: Sequence[Expectation], *, speakers_known: bool, draws: int
) -> tuple[Difference, ...]:
    """What each expectation says should be above 0, on one protocol; all of them on the same draws.

    Args:
        scored: by run.
        expectations: of those runs.
        speakers_known: False where the corpus does not say who speaks.
        draws: how many times to redraw.
    """
    runs = list(scored)
    signs = np.array([[item.signs.get(run, 0) for run in runs] for item in expectations], dtype=np.float64)
    groups = groups_of(scored[runs[0]], speakers_known=speakers_known)

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        ua = [weigh_seeds(scored[run], [METRICS[METRIC]], groups, weights)[:, 0] for run in runs]
        return np.stack(ua, axis=1) @ signs.T

    # The same files give the same numbers, whoever judges them, and whatever other claims there are.
    return paired_bootstrap(statistic, groups.count, draws=draws, rng=np.random.default_rng(0))


def stored_results(study: Study, results: Path) -> tuple[dict[Place, Result], dict[Place, str]]:
    """Read the results that are there, by protocol and run.

    Args:
        study: whose runs they are to be.
        results: where they lie.

    Returns:
        Those that are of the study's runs as they stand now, and what is wrong with every other.
    """
    found: dict[Place, Result] = {}
    problems: dict[Place, str] = {}
    for protocol, runs in study.wanted().items():
        for run in runs:
            path = result_path(results, protocol, run.name)
            if not path.is_file():
                problems[protocol, run.name] = f"{run.name} on {protocol} has no result"
                continue
            try:
                result = read_result(path)
            except ResultError as error:
                problems[protocol, run.name] = str(error)
                continue
            odd = _odd_fields(run, protocol, result, found)
            if odd:
                problems[protocol, run.name] = f"{run.name} on {protocol} was run with another {odd[0]}; run it again"
            else:
                found[protocol, run.name] = result
    return found, problems


def _odd_fields(run: Run, protocol: str, result: Result, found: Mapping[Place, Result]) -> list[str]:
    """In what a result is not of the run as it stands in the study now, or not like the others.

    A setting that came after the result stood at its default, which is to be what was done before there was a choice.
    """
    revision = next((other.revision for (_, name), other in found.items() if name == run.name), result.revision)
    files = next((other.corpus_hash for (name, _), other in found.items() if name == protocol), result.corpus_hash)
    settings = default_settings(type(run.settings)) | result.settings
    wanted = {
        "learner": (run.learner_name, result.learner),
        "encoder": (run.encoder, result.encoder),
        "table of settings": (flat_settings(asdict(run.settings)), settings),
        "list of seeds": (run.seeds, result.seeds),
        "revision of the encoder than on other protocols": (revision, result.revision),
        "state of the corpus than other runs": (files, result.corpus_hash),
    }
    return [name for name, (here, there) in wanted.items() if here != there]


def _judge_claim(
    claim: Claim,
    found: Mapping[Place, Result],
    scored: Mapping[Place, Scored],
    problems: Mapping[Place, str],
    draws: int,
) -> JudgedClaim:
    places = [(protocol, run) for protocol in claim.protocols for run in claim.runs]
    missing = tuple(problems[place] for place in places if place in problems)
    expectations = () if missing else _judge_expectations(claim, found, scored, draws)
    return JudgedClaim(
        claim=claim.claim,
        title=claim.title,
        says=claim.says,
        source=claim.source,
        cannot_tell=claim.cannot_tell,
        protocols=claim.protocols,
        curve=claim.curve,
        verdict=NOT_RUN if missing else verdict_of([item.outcome for item in expectations]),
        missing=missing,
        expectations=expectations,
    )


def _judge_expectations(
    claim: Claim, found: Mapping[Place, Result], scored: Mapping[Place, Scored], draws: int
) -> tuple[JudgedExpectation, ...]:
    by_protocol, groups = [], []
    for protocol in claim.protocols:
        first, *others = claim.runs
        for run in others:
            require_one_test(
                found[protocol, first], scored[protocol, first], found[protocol, run], scored[protocol, run]
            )
        known = found[protocol, first].protocol.speakers_known
        runs = {run: scored[protocol, run] for run in claim.runs}
        by_protocol.append(difference_of(runs, claim.expect, speakers_known=known, draws=draws))
        groups.append(groups_of(scored[protocol, first], speakers_known=known).count)
    rows = [list(row) for row in zip(*by_protocol, strict=True)]
    names: list[str | None] = [*claim.protocols]
    if len(names) > 1:
        names.append(None)
        for row in rows:
            row.append(mean_difference(row, groups, draws=draws))
    corrected = iter(holm([each.p for row in rows for each in row]))
    judged = []
    for item, row in zip(claim.expect, rows, strict=True):
        findings = tuple(_finding(name, each, next(corrected)) for name, each in zip(names, row, strict=True))
        judged.append(
            JudgedExpectation(
                better=item.better,
                worse=item.worse,
                by_more_than=item.by_more_than,
                outcome=outcome_of_all([each.outcome for each in findings]),
                findings=findings,
            )
        )
    return tuple(judged)


def _finding(protocol: str | None, found: Difference, corrected_p: float) -> Finding:
    return Finding(
        protocol=protocol,
        value=_told(found.value),
        low=_told(found.low),
        high=_told(found.high),
        p=_told(found.p),
        corrected_p=_told(corrected_p),
        outcome=outcome_of(found.value, corrected_p),
    )


def _judged_run(run: Run, results: Mapping[str, Result], scored: Mapping[Place, Scored]) -> JudgedRun:
    some = next(iter(results.values()))
    return JudgedRun(
        run=run.name,
        says=run.says,
        learner=some.learner,
        source=some.source,
        encoder=some.encoder,
        weights=some.weights,
        revision=some.revision,
        settings=some.settings,
        scores=tuple(_score(protocol, result, scored[protocol, run.name]) for protocol, result in results.items()),
    )


def _score(protocol: str, result: Result, scored: Scored) -> RunScore:
    estimate = result.scores[METRIC]
    by_seed = [METRICS[METRIC].function(each, scored.truth) for each in scored.probabilities.values()]
    return RunScore(
        protocol=protocol,
        value=estimate.value,
        low=_told(estimate.low),
        high=_told(estimate.high),
        by_seed=tuple(round(value, 6) for value in by_seed),
        seeds=tuple(scored.probabilities),
    )


def _judged_protocol(result: Result, scored: Scored) -> JudgedProtocol:
    known = result.protocol.speakers_known
    return JudgedProtocol(
        name=result.protocol.name,
        hash=result.protocol.hash,
        stamp=result.protocol.stamp,
        corpus_hash=result.corpus_hash,
        utterances=len(scored.ids),
        speakers=len(set(scored.speakers)) if known else None,
        by=groups_of(scored, speakers_known=known).by,
        classes=len(result.labels),
    )


def _told(value: float) -> float | None:
    """As it is written down: None where it is not defined."""
    return None if math.isnan(value) else round(value, 6)
