"""A paper's claims as data: which runs there are, and which of them should be better than which.

A folder holds `runs.toml`, which names every run once, and one TOML file for each claim, which says what is expected of
those runs. `claims_run` runs them, `claims_judge` judges them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from undertone.encoders.registry import ENCODERS, FAMILIES, is_encoder
from undertone.errors import ConfigError, UsageError
from undertone.experiments.claims_record import expectation_text
from undertone.experiments.late_fusion import NAME as LATE
from undertone.experiments.late_fusion import LateFusion
from undertone.experiments.plan import protocol_problems
from undertone.learners.registry import LEARNERS
from undertone.parsing import parse_record, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from undertone.learners.base import Learner

RUNS: Final = "runs.toml"
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")
"""Names become names of files and folders."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A learner with its settings and what it hears through, or the late fusion of other runs."""

    name: str
    says: str
    """What it is, for people."""
    learner: Learner | None
    """None for a late fusion."""
    settings: Any
    """An instance of the learner's `settings`, or of `LateFusion`."""
    encoder: str | None
    seeds: tuple[int, ...]

    @property
    def learner_name(self) -> str:
        """As results name it."""
        return LATE if self.learner is None else self.learner.name


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """One run should have a higher UA than another; or by more than a third run than a fourth."""

    better: str
    worse: str
    by_more_than: tuple[str, ...] = ()
    """Two runs: then UA(better) − UA(worse) should be larger than the first's less the second's."""

    @property
    def signs(self) -> dict[str, int]:
        """How often each run's UA counts in the difference that should be above 0."""
        signs: dict[str, int] = {}
        for sign, run in zip((1, -1, -1, 1), (self.better, self.worse, *self.by_more_than), strict=False):
            signs[run] = signs.get(run, 0) + sign
        return signs


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What a paper says, and what should then be seen."""

    claim: str
    """Its number."""
    title: str
    says: str
    source: str
    protocols: tuple[str, ...]
    """One of each corpus, so that their differences are independent and their mean has an interval."""
    expect: tuple[Expectation, ...]
    curve: tuple[str, ...] = ()
    """Runs that are shown in a row, whatever is expected of them."""
    cannot_tell: str = ""
    """What these data leave open."""

    @property
    def runs(self) -> tuple[str, ...]:
        """Every run that the claim needs, once."""
        return tuple(dict.fromkeys((*self.curve, *(run for item in self.expect for run in item.signs))))


@dataclass(frozen=True, kw_only=True)
class Study:
    """All claims about one system, and the runs that decide them."""

    name: str
    runs: Mapping[str, Run]
    claims: tuple[Claim, ...]

    def asked(self, only: Sequence[str] = ()) -> tuple[Claim, ...]:
        """The claims with these numbers; all where none is given.

        Raises:
            UsageError: if there is no such claim.
        """
        known = {item.claim: item for item in self.claims}
        unknown = [name for name in only if name not in known]
        if unknown:
            raise UsageError(f"there is no claim {unknown[0]!r}; there are {', '.join(known)}")
        return tuple(item for item in self.claims if not only or item.claim in only)

    def wanted(self, only: Sequence[str] = ()) -> dict[str, tuple[Run, ...]]:
        """By protocol, the runs that claims need on it, each once.

        Raises:
            UsageError: as `asked`.
        """
        found: dict[str, dict[str, Run]] = {}
        for claim in self.asked(only):
            for protocol in claim.protocols:
                runs = found.setdefault(protocol, {})
                for run in (self.runs[name] for name in claim.runs):
                    parts = run.settings.runs if run.learner is None else ()
                    for name in (*parts, run.name):  # parts stand before what they are fused to
                        runs.setdefault(name, self.runs[name])
        return {protocol: tuple(runs.values()) for protocol, runs in found.items()}


@dataclass(frozen=True, kw_only=True)
class RunTable:
    """What stands in a run's table beside its `settings`."""

    says: str
    learner: str | None = None
    fuses: tuple[str, ...] = ()
    """Other runs, whose late fusion it is; then it has no learner."""
    over_seeds: bool = False
    """Whether their seeds are fused, too."""
    encoder: str | None = None
    """Another than the learner's own."""
    seeds: tuple[int, ...] | None = None
    """Others than those of all runs."""


@dataclass(frozen=True, kw_only=True)
class RunsTable:
    """What stands in `runs.toml` beside `settings.LEARNER`, which all runs of a learner share, and `runs.NAME`."""

    seeds: tuple[int, ...] = (0,)
    """A learner that draws nothing is fitted with the first only."""


def read_study(folder: Path) -> Study:
    """Read and check a folder of claims.

    Raises:
        ConfigError: with every problem found in any of its files.
    """
    paths = sorted(path for path in folder.glob("*.toml") if path.name != RUNS)
    if not paths or not (folder / RUNS).is_file():
        raise ConfigError(
            str(folder), [f"a folder of claims holds {RUNS} and one more TOML file for each claim; name such a folder"]
        )
    told: list[str] = []
    runs = _read_runs(read_toml(folder / RUNS), told)
    problems = [f"{RUNS}: {problem}" for problem in told]
    claims: list[Claim] = []
    for path in paths:
        told = []
        claim = parse_record(Claim, _on_one_line(read_toml(path)), told)
        if claim is not None:
            told += _claim_problems(claim, runs)
            if any(claim.claim == other.claim for other in claims):
                told.append(f"another file has the claim {claim.claim}, too")
            claims.append(claim)
        problems += [f"{path.name}: {problem}" for problem in told]
    needed = {name for claim in claims for name in claim.runs}
    needed |= {part for name in needed if (run := runs.get(name)) and run.learner is None for part in run.settings.runs}
    problems += [f"{RUNS}: no claim needs the run {name}" for name in runs if name not in needed and not problems]
    if problems:
        raise ConfigError(str(folder), problems)
    found = {name: run for name, run in runs.items() if run is not None}
    return Study(name=folder.resolve().name, runs=found, claims=tuple(claims))


def _on_one_line(table: dict[str, Any]) -> dict[str, Any]:
    """Text that was wrapped in the file, unwrapped."""
    return {name: " ".join(value.split()) if isinstance(value, str) else value for name, value in table.items()}


def _read_runs(table: dict[str, Any], problems: list[str]) -> dict[str, Run | None]:
    """Read all runs; None stands for one that is wrong."""
    shared, tables = table.pop("settings", {}), table.pop("runs", {})
    head = parse_record(RunsTable, table, problems) or RunsTable()
    for name, value in {"settings": shared, "runs": tables}.items():
        if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
            problems.append(f"{name} must be a table of tables, not {value!r}")
            return {}
    used = {item.get("learner") for item in tables.values()}
    problems += [f"settings.{name} is for a learner that no run has" for name in shared if name not in used]
    found = {}
    for name, item in tables.items():
        told: list[str] = []
        found[name] = _read_run(name, dict(item), shared, head.seeds, told)
        problems += [f"runs.{name}: {problem}" for problem in told]
    return found | {name: None for name, run in found.items() if not _is_fusible(run, found, problems)}


def _is_fusible(run: Run | None, runs: Mapping[str, Run | None], problems: list[str]) -> bool:
    """Whether a run's parts, if it has any, are runs with a learner."""
    parts = run.settings.runs if run is not None and run.learner is None else ()
    odd = [name for name in parts if name not in runs or (other := runs[name]) is None or other.learner is None]
    if run is not None and odd:
        problems.append(f"runs.{run.name}: fuses must name runs with a learner, not {odd[0]!r}")
    return not odd


def _read_run(
    name: str, table: dict[str, Any], shared: dict[str, Any], seeds: tuple[int, ...], problems: list[str]
) -> Run | None:
    own = table.pop("settings", {})
    if not NAME.fullmatch(name):
        problems.append("its name may hold letters, digits, dots and hyphens only")
    found = parse_record(RunTable, table, problems)
    if found is None:
        return None
    if found.fuses and found.learner is None:
        late = LateFusion(runs=found.fuses, over_seeds=found.over_seeds)
        return Run(
            name=name, says=found.says, learner=None, settings=late, encoder=None,
            seeds=seeds[:1] if found.over_seeds else seeds,
        )  # fmt: skip
    if found.learner is None or found.fuses or found.over_seeds:
        problems.append("it must have a learner, or runs that it fuses, and not both; over_seeds is for the latter")
        return None
    if found.learner not in LEARNERS:
        problems.append(f"learner {found.learner!r} is unknown; there are {', '.join(LEARNERS)}")
        return None
    learner = LEARNERS[found.learner]
    whole = _merged(shared.get(found.learner, {}), own) if isinstance(own, dict) else own
    settings = parse_record(learner.settings, whole, problems, where="settings")
    if found.encoder is not None and not is_encoder(found.encoder):
        known = ", ".join((*ENCODERS, *(f"{family}:…" for family in FAMILIES)))
        problems.append(f"encoder {found.encoder!r} is unknown; there are {known}")
    chosen = seeds if found.seeds is None else found.seeds
    if not chosen or min(chosen) < 0 or len(set(chosen)) < len(chosen):
        problems.append(f"seeds must be one whole number or more, from 0 on, each once, not {list(chosen)}")
    return (
        None
        if problems
        else Run(
            name=name,
            says=found.says,
            learner=learner,
            settings=settings,
            encoder=found.encoder or learner.encoder,
            seeds=chosen if learner.seeded else chosen[:1],
        )
    )


def _merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """A table with another laid over it, tables inside likewise."""
    both = {name for name in over if isinstance(over[name], dict) and isinstance(base.get(name), dict)}
    return base | over | {name: _merged(base[name], over[name]) for name in both}


def _claim_problems(claim: Claim, runs: Mapping[str, Run | None]) -> list[str]:
    problems = protocol_problems(claim.protocols)
    if not NAME.fullmatch(claim.claim):
        problems.append(f"claim may hold letters, digits, dots and hyphens only, not {claim.claim!r}")
    corpora = [corpus for name in claim.protocols for corpus in name.partition("/")[0].split("+")]
    twice = sorted({corpus for corpus in corpora if corpora.count(corpus) > 1})
    if twice:
        problems.append(f"protocols may name a corpus once, so that they are independent; {', '.join(twice)} is twice")
    if not claim.expect:
        problems.append("expect must hold at least one table with better and worse")
    for item in claim.expect:
        if len(item.by_more_than) not in {0, 2}:
            problems.append(f"by_more_than must name two runs, not {len(item.by_more_than)}")
        elif not any(item.signs.values()):
            problems.append(f"{expectation_text(item)} compares a run with itself")
    problems += [
        f"there is no run {name!r}; {RUNS} has {', '.join(runs) or 'none'}" for name in claim.runs if name not in runs
    ]
    return problems
