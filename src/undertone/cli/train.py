"""`undertone train`: from corpora to a bundle."""

from __future__ import annotations

from pathlib import Path

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress
from undertone.errors import MissingExtraError


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder with one folder per corpus.")
@click.option("--work", "folder", required=True, type=click.Path(path_type=Path), help="Folder of this run.")
@click.option("--install", type=click.Path(path_type=Path), help="Put the finished bundle here as well.")
@click.option("--results", type=click.Path(path_type=Path), help="Put the results file here as well.")
@click.option("--check", is_flag=True, help="Only check CONFIG.")
def train(config: Path, data: Path, folder: Path, install: Path | None, results: Path | None, check: bool) -> None:
    """Train the recogniser that CONFIG (TOML) describes, test it, and make its bundle.

    A run that was interrupted goes on where it stopped when called again with the same --work. Started by torchrun,
    several processes train as one.
    """
    with as_click_error():
        try:
            from undertone.experiments.relative_config import SYSTEM, read_relative
            from undertone.experiments.relative_run import run_relative
            from undertone.experiments.run import install as install_bundle
            from undertone.experiments.run import run
            from undertone.parsing import read_toml
            from undertone.training.config import read_config
            from undertone.training.parallel import joined_workers
        except ModuleNotFoundError as error:
            raise MissingExtraError("training", "train") from error
        table = read_toml(config)
        relative = read_relative(table, str(config)) if table.get("system") == SYSTEM else None
        settings = read_config(config) if relative is None else None
        if check:
            click.echo(f"{config} is right")
            return
        with joined_workers() as workers, steps_progress(quiet=workers.rank > 0) as progress:
            if settings is not None:
                finished = run(settings, data, folder, progress, workers)
            elif relative is not None and not workers.rank:  # one process trains a head in minutes
                finished = run_relative(relative, data, folder, progress)
            else:
                finished = None
        if finished is None:
            return  # another process has the bundle
        if install:
            install_bundle(finished.bundle, install)
        if results:
            from undertone.files import make_folder, write_bytes, write_text

            make_folder(results.parent)
            write_text(results, finished.results.read_text(encoding="utf-8"))
            if finished.predictions:
                write_bytes(results.with_suffix(".csv.gz"), finished.predictions.read_bytes())
    from undertone.cli.bundle import describe

    click.echo(describe(finished.card))
