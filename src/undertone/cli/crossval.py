"""`undertone crossval`: learners on protocols, every fold, every prediction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress
from undertone.errors import MissingExtraError, UndertoneError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from undertone.experiments.crossval import Experiment
    from undertone.experiments.results import Result
    from undertone.records import Utterance


@click.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder with one folder per corpus, for a TOML file.")
@click.option(
    "--results",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Folder for the results: PROTOCOL/LEARNER.json.",
)
@click.option(
    "--work",
    type=click.Path(path_type=Path),
    default=Path("runs/crossval"),
    show_default=True,
    help="Folder for features, checkpoints and finished folds.",
)
@click.option("--learner", "learners", multiple=True, help="For own recordings; log-mel-linear unless given.")
@click.option("--protocol", help="For own recordings: speakers, official or random.")
@click.option("--encoder", help="For own recordings: another encoder than the learner's own.")
@click.option("--seed", "seeds", multiple=True, type=click.IntRange(0), help="For own recordings; 0 unless given.")
def crossval(
    source: Path,
    data: Path | None,
    results: Path,
    work: Path,
    learners: tuple[str, ...],
    protocol: str | None,
    encoder: str | None,
    seeds: tuple[int, ...],
) -> None:
    """Fit and test learners on every fold of protocols, and write one result for each pair.

    SOURCE is a TOML file that lists learners and protocols, or recordings of your own: a table with a path and a
    label, an audformat database, or a folder per label. A run that was interrupted goes on where it stopped when called
    again with the same --work. Started by torchrun, several processes share the folds and seeds.
    """
    with as_click_error():
        try:
            from undertone.experiments.crossval import cross_validate
            from undertone.experiments.plan import plan_for_own, planned, planned_for_own, read_plan
            from undertone.training.parallel import joined_workers
        except ModuleNotFoundError as error:
            raise MissingExtraError("cross-validation", "train") from error
        experiments: Iterable[tuple[Experiment, tuple[Utterance, ...]]]
        if source.suffix.lower() == ".toml":
            if learners or protocol or encoder or seeds:
                raise UsageError(
                    "--learner, --protocol, --encoder and --seed are for own recordings; the TOML file says"
                )
            if data is None:
                raise UsageError("a TOML file names corpora; say with --data where they lie")
            experiments = planned(read_plan(source), data)
        else:
            if data is not None:
                raise UsageError("--data is for a TOML file; own recordings say where they lie")
            names = learners or ("log-mel-linear",)
            plan = plan_for_own(
                names, seeds=seeds or (0,), encoder=encoder, command=f"undertone crossval {source.name}"
            )
            experiments = planned_for_own(plan, source, protocol)
        failures = []
        with joined_workers() as workers, steps_progress(quiet=workers.rank > 0) as progress:
            for experiment, utterances in experiments:
                try:
                    result = cross_validate(experiment, utterances, folder=work, progress=progress, workers=workers)
                except UndertoneError as error:
                    failures.append(f"{experiment.learner.name} on {experiment.protocol.name}: {error}")
                    continue
                if result is not None:
                    _keep(result, results)
    if failures:
        raise click.ClickException("\n".join([f"{len(failures)} experiments failed:", *failures]))


def _keep(result: Result, folder: Path) -> None:
    """Write a result and say its numbers."""
    from undertone.experiments.results import write_result
    from undertone.files import make_folder

    path = folder / result.protocol.name.replace("/", ".") / f"{result.learner}.json"
    make_folder(path.parent)
    write_result(result, path)
    numbers = ", ".join(
        f"{name} {100 * value.value:.1f} [{100 * value.low:.1f}, {100 * value.high:.1f}]"
        for name, value in result.scores.items()
        if name in {"WA", "UA"}
    )
    warning = "; random weights: not an accuracy" if result.weights == "random" else ""
    click.echo(f"{result.name}: {numbers} % ({result.protocol.stamp}{warning}) → {path}")
