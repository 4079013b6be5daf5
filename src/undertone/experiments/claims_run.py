"""Running the runs that claims need: each once on each protocol, whatever number of claims speak of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from undertone.encoders.registry import JOIN, encoders_named
from undertone.errors import UndertoneError, UsageError
from undertone.experiments.crossval import Experiment, cross_validate
from undertone.experiments.late_fusion import fused
from undertone.experiments.plan import needs_sound, opened
from undertone.experiments.results import read_result, write_result
from undertone.files import make_folder
from undertone.training.parallel import ALONE, Workers, in_turn
from undertone.training.store import open_or_extract

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from undertone.corpora.base import Exclusion
    from undertone.corpora.protocols import Fold, Protocol
    from undertone.experiments.claims import Run, Study
    from undertone.experiments.crossval import Progress
    from undertone.experiments.results import Result
    from undertone.records import Utterance

    Done = Callable[[str, Result], None]
    """Called with the run's name and its result."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is heard on one protocol, and by which runs."""

    protocol: Protocol
    utterances: tuple[Utterance, ...]
    exclusions: tuple[Exclusion, ...]
    runs: tuple[Run, ...]


def run_study(
    study: Study,
    *,
    data: Path,
    results: Path,
    work: Path,
    progress: Progress,
    done: Done,
    only: Sequence[str] = (),
    kept: Collection[tuple[str, str]] = (),
    backbones: Mapping[str, str] | None = None,
    command: str = "",
    workers: Workers = ALONE,
) -> tuple[str, ...]:
    """Run what claims need and write one result for each run and protocol: `PROTOCOL/RUN.json`.

    Goes on where an earlier call with the same `work` stopped. What fails does not stop the others. Several processes
    share the folds and seeds of each run; the first writes.

    Args:
        study: the claims and their runs.
        data: the folder that holds one folder per corpus.
        results: where results are written.
        work: for features, checkpoints and finished folds.
        progress: opens a progress bar.
        done: called in the first process after every run.
        only: numbers of claims; all where none is given.
        kept: protocols and runs whose results are left as they are.
        backbones: where backbones lie that encoders name, by name.
        command: what stands in the results.
        workers: the processes that work together.

    Returns:
        What failed, one sentence each.

    Raises:
        UsageError: if there is no such claim, or no encoder names such a backbone.
        OutputError: if a result cannot be written.
    """
    failures: list[str] = []
    places = backbones or {}
    wanted = study.wanted(only)
    _require_names(places, [run for runs in wanted.values() for run in runs])
    ready = _with_features(
        _materials(_without(kept, wanted), data, failures), places, work, progress, workers, failures
    )
    fits = sum(len(_mine(item, run, workers)) for item in ready for run in item.runs)
    advance = progress(f"{study.name}: folds and seeds of all runs", fits)
    for item in ready:
        for run in item.runs:
            if run.learner is None:
                _fuse(run, item.protocol.name, results, done, failures, workers)
                continue
            experiment = Experiment(
                learner=run.learner,
                settings=run.settings,
                encoder=run.encoder and placed(run.encoder, places),
                protocol=item.protocol,
                seeds=run.seeds,
                exclusions=item.exclusions,
                command=command,
            )
            try:
                result = cross_validate(
                    experiment, item.utterances, folder=work, progress=lambda *_: advance, workers=workers
                )
            except UndertoneError as error:
                failures.append(f"{run.name} on {item.protocol.name}: {error}")
                continue
            if result is not None:
                _keep(replace(result, encoder=run.encoder), run, item.protocol.name, results, done)
    return tuple(failures)


def _fuse(run: Run, protocol: str, results: Path, done: Done, failures: list[str], workers: Workers) -> None:
    """Fuse runs whose results lie there already; the first process does it alone."""
    if workers.rank:
        return
    try:
        parts = [read_result(result_path(results, protocol, name)) for name in run.settings.runs]
        _keep(fused(parts, run.settings), run, protocol, results, done)
    except UndertoneError as error:
        failures.append(f"{run.name} on {protocol}: {error}")


def _keep(result: Result, run: Run, protocol: str, results: Path, done: Done) -> None:
    path = result_path(results, protocol, run.name)
    named = replace(result, name=f"{run.name} on {protocol}")
    make_folder(path.parent)
    write_result(named, path)
    done(run.name, named)


def result_path(results: Path, protocol: str, run: str) -> Path:
    """Where the result of a run lies."""
    return results / protocol.replace("/", ".") / f"{run}.json"


def placed(encoder: str, backbones: Mapping[str, str]) -> str:
    """The name of encoders with their backbones' names replaced by where those lie."""
    found = []
    for each in encoder.split(JOIN):
        family, colon, rest = each.partition(":")
        name, comma, options = rest.partition(",")
        found.append(f"{family}{colon}{backbones.get(name, name)}{comma}{options}")
    return JOIN.join(found)


def _require_names(backbones: Mapping[str, str], runs: Sequence[Run]) -> None:
    named = {each for run in runs if run.encoder for each in run.encoder.split(JOIN) if ":" in each}
    known = {each.partition(":")[2].partition(",")[0] for each in named}
    odd = sorted(set(backbones) - known)
    if odd:
        raise UsageError(
            f"no run hears through a backbone called {odd[0]!r}; they name {', '.join(sorted(known)) or 'none'}"
        )


def _without(kept: Collection[tuple[str, str]], wanted: Mapping[str, tuple[Run, ...]]) -> dict[str, tuple[Run, ...]]:
    """Leave out runs by protocol and name, and protocols that no run is left on."""
    found = {name: tuple(run for run in runs if (name, run.name) not in kept) for name, runs in wanted.items()}
    return {name: runs for name, runs in found.items() if runs}


def _materials(wanted: Mapping[str, tuple[Run, ...]], data: Path, failures: list[str]) -> list[Material]:
    """Read the corpora of every protocol; one that cannot be read is a failure."""
    found = []
    for name, runs in wanted.items():
        try:
            sound = needs_sound([(run.learner, run.encoder) for run in runs])
            protocol, utterances, exclusions = next(opened([name], data, sound=sound))
        except UndertoneError as error:
            failures.append(f"{name}: {error}")
        else:
            found.append(Material(protocol=protocol, utterances=utterances, exclusions=exclusions, runs=runs))
    return found


def _with_features(
    materials: Sequence[Material],
    backbones: Mapping[str, str],
    work: Path,
    progress: Progress,
    workers: Workers,
    failures: list[str],
) -> list[Material]:
    """Take all features first, so that the time left can be told; runs without them are left out."""
    found = []
    for item in materials:
        deaf: set[str] = set()
        for name in dict.fromkeys(run.encoder for run in item.runs if run.encoder):
            try:
                for encoder in encoders_named(placed(name, backbones)):
                    with in_turn(workers):
                        open_or_extract(item.utterances, encoder, work / "features", progress)
            except UndertoneError as error:
                failures.append(f"{name} on {item.protocol.name}: {error}")
                deaf.add(name)
        found.append(replace(item, runs=tuple(run for run in item.runs if run.encoder not in deaf)))
    return found


def _mine(item: Material, run: Run, workers: Workers) -> list[tuple[Fold, int]]:
    """The fits of a run that this process does, as `cross_validate` shares them out."""
    jobs = [(fold, seed) for fold in item.protocol.folds for seed in run.seeds if run.learner is not None]
    return jobs[workers.rank :: workers.count]
