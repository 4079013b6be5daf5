"""`undertone claims`: a paper's claims as experiments, run and judged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress
from undertone.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from rich.table import Table

    from undertone.experiments.claims import Study
    from undertone.experiments.claims_record import JudgedClaim, JudgedExpectation, Judgement
    from undertone.experiments.results import Result


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="Folder with one folder per corpus.")
@click.option(
    "--results", type=click.Path(path_type=Path),
    help="Folder for the results, PROTOCOL/RUN.json, and for claims.json. Default: results/NAME, as FOLDER is called.",
)  # fmt: skip
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("runs/claims"), show_default=True,
    help="Folder for features, checkpoints and finished folds.",
)  # fmt: skip
@click.option("--only", multiple=True, metavar="CLAIM", help="Run what this claim needs; may be given several times.")
@click.option(
    "--backbone", "backbones", multiple=True, metavar="NAME=FOLDER",
    help="Where the backbone lies that runs call NAME; may be given several times.",
)  # fmt: skip
@click.option(
    "--missing",
    is_flag=True,
    help="Leave results alone that are there and are of the runs as they stand; run the others.",
)
@click.option("--judge-only", is_flag=True, help="Judge the results that are there; needs no data.")
def claims(
    folder: Path,
    data: Path | None,
    results: Path | None,
    work: Path,
    only: tuple[str, ...],
    backbones: tuple[str, ...],
    missing: bool,
    judge_only: bool,
) -> None:
    """Run the claims about a system that FOLDER holds, and judge them.

    FOLDER holds runs.toml and one TOML file for each claim. Runs that several claims need are run once. A call that was
    interrupted goes on where it stopped when called again with the same --work. Started by torchrun, several processes
    share the folds and seeds. What claims.json then says follows from the results alone.

    The exit status tells whether everything could be run and judged, not how the claims fared.
    """
    with as_click_error():
        try:
            from undertone.experiments.claims import read_study
            from undertone.experiments.claims_judge import stored_results
            from undertone.experiments.claims_run import run_study
            from undertone.training.parallel import joined_workers, wait_for_all
        except ModuleNotFoundError as error:
            raise MissingExtraError("claims", "train") from error
        study = read_study(folder)
        study.asked(only)
        place = results or Path("results") / study.name
        places = _places(backbones)
        told = folder.name if folder.is_absolute() else folder.as_posix()  # a result tells nothing of a machine
        command = f"undertone claims {told}"  # of everything, whatever part of it is run now
        failures: tuple[str, ...] = ()
        rank = 0
        if judge_only:
            if data is not None or backbones or missing:
                raise UsageError("--judge-only runs nothing: leave --data, --backbone and --missing out")
        elif data is None:
            raise UsageError("runs need corpora; say with --data where they lie, or give --judge-only")
        else:
            with joined_workers() as workers, steps_progress(quiet=workers.rank > 0) as progress:
                rank = workers.rank
                kept = stored_results(study, place)[0] if missing else {}
                wait_for_all(workers)  # none writes before all have read
                failures = run_study(
                    study, data=data, results=place, work=work, progress=progress, done=_watch(study, only, kept),
                    only=only, kept=kept, backbones=places, command=command, workers=workers,
                )  # fmt: skip
        if rank == 0:
            failures += _judge(study, place, only, command)
    if failures and rank == 0:
        raise click.ClickException("\n".join([f"{len(failures)} runs or claims failed:", *failures]))


def _places(backbones: Sequence[str]) -> dict[str, str]:
    """Take NAME=FOLDER apart."""
    found = {}
    for words in backbones:
        name, equals, folder = words.partition("=")
        if not name or not equals or not folder:
            raise UsageError(f"--backbone takes NAME=FOLDER, such as phones-en=runs/asr/out, not {words!r}")
        found[name] = folder
    return found


def _watch(study: Study, only: Sequence[str], kept: Collection[tuple[str, str]]) -> Callable[[str, Result], None]:
    """Say each run's number on standard error when it is done, and how long the others may take."""
    total = sum((protocol, run.name) not in kept for protocol, runs in study.wanted(only).items() for run in runs)
    begun, done = time.monotonic(), 0

    def told(_run: str, result: Result) -> None:
        nonlocal done
        done += 1
        left = (time.monotonic() - begun) / done * (total - done)
        ua = result.scores["UA"]
        click.echo(
            f"{result.name}: UA {100 * ua.value:.1f} [{100 * ua.low:.1f}, {100 * ua.high:.1f}] % "
            f"({result.protocol.stamp}); {done} of {total}, about {_duration(left)} left",
            err=True,
        )

    return told


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"


def _judge(study: Study, results: Path, only: Sequence[str], command: str) -> tuple[str, ...]:
    """Judge, write and show; says what could not be judged of what was asked for."""
    from undertone.experiments.claims_judge import judge_study
    from undertone.experiments.claims_record import write_judgement

    judgement = judge_study(study, results, command=command)
    path = results / "claims.json"
    write_judgement(judgement, path)
    asked = {claim.claim for claim in study.asked(only)}
    shown = [claim for claim in judgement.claims if claim.claim in asked]
    _show(judgement, shown)
    click.echo(f"wrote {path}", err=True)
    return tuple(f"{claim.claim} is not judged: {'; '.join(claim.missing)}" for claim in shown if claim.missing)


def _show(judgement: Judgement, shown: Sequence[JudgedClaim]) -> None:
    """Print the verdicts as a table, the width of the terminal, or as wide as it needs to be elsewhere."""
    import sys

    from rich.console import Console

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 160, highlight=False)
    console.print(table_of(shown))
    stamps = sorted({f"{item.name} ({item.hash}): {item.stamp}" for item in judgement.protocols})
    console.print("Differences in UA, points, 95 % intervals over speakers, p corrected for all findings of a claim.")
    for line in stamps:
        console.print(line, markup=False)


def table_of(claims: Sequence[JudgedClaim]) -> Table:
    """The verdicts, one row for each expectation."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for title in ("claim", "verdict", "expected", "difference", "holds on", "contradicted on"):
        table.add_column(title, overflow="fold")
    for claim in claims:
        if claim.missing:
            table.add_row(claim.claim, claim.verdict, claim.title, "", "", "")
        for number, item in enumerate(claim.expectations):
            first = (claim.claim, claim.verdict) if number == 0 else ("", "")
            table.add_row(*first, *_cells(item))
        table.add_section()
    return table


def _cells(item: JudgedExpectation) -> tuple[str, ...]:
    from undertone.experiments.claims_record import CONTRADICTED, HOLDS, expectation_text

    last = item.findings[-1]
    difference = "undefined" if last.value is None else f"{100 * last.value:+.1f}"
    if last.value is not None and last.low is not None and last.high is not None:
        difference += f" [{100 * last.low:+.1f}, {100 * last.high:+.1f}]"
    found = {
        outcome: ", ".join(each.protocol or "mean" for each in item.findings if each.outcome == outcome)
        for outcome in (HOLDS, CONTRADICTED)
    }
    return expectation_text(item), difference, found[HOLDS] or "–", found[CONTRADICTED] or "–"
