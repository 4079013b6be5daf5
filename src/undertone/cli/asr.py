"""`undertone asr`: a phone recogniser of our own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress
from undertone.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from undertone.backbones.files import Score

PURPOSE = "the phone recogniser"


@click.group()
def asr() -> None:
    """Train and test a phone recogniser, and hear phones in a recording."""


@asr.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder with one folder per corpus.")
@click.option("--work", "folder", required=True, type=click.Path(path_type=Path), help="Folder of this run.")
@click.option("--check", is_flag=True, help="Only check CONFIG.")
def train(config: Path, data: Path, folder: Path, check: bool) -> None:
    """Train the phone recogniser that CONFIG (TOML) describes, test it, and write its backbone.

    A run that was interrupted goes on at its last checkpoint when called again with the same --work. Started by
    torchrun, several processes train as one.
    """
    with as_click_error():
        with _training_half():
            from undertone.asr.config import read_asr_config
            from undertone.asr.train import train_backbone
            from undertone.training.parallel import joined_workers
        settings = read_asr_config(config)
        if check:
            click.echo(f"{config} is right")
            return
        with joined_workers() as workers, steps_progress(quiet=workers.rank > 0) as progress:
            finished = train_backbone(
                settings, data, folder, progress, workers, say=lambda line: click.echo(line, err=True)
            )
    if finished is None:
        return  # another process has the backbone
    click.echo(f"{finished.folder}: epoch {finished.card.epoch}, protocol {finished.card.protocol}")
    _show(finished.card.scores)


@asr.command()
@click.argument("backbone", type=click.Path(path_type=Path))
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder with one folder per corpus.")
@click.option(
    "--work", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the run, for its cache."
)
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON, with confusions.")
def evaluate(backbone: Path, config: Path, data: Path, folder: Path, as_json: bool) -> None:
    """Test BACKBONE, a folder, on the test part of CONFIG (TOML)."""
    with as_click_error():
        with _training_half():
            from undertone.asr.config import read_asr_config
            from undertone.asr.evaluate import evaluate_backbone, scores_as_json
        settings = read_asr_config(config)
        with steps_progress() as progress:
            scores = evaluate_backbone(backbone, settings, data, folder / "cache", progress)
    if as_json:
        click.echo(scores_as_json(scores))
    else:
        _show(scores)


@asr.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--backbone", required=True, type=click.Path(path_type=Path), help="Folder of the backbone.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a line for each phone.")
def transcribe(recording: Path, backbone: Path, as_json: bool) -> None:
    """Hear the phones in RECORDING; its channels are mixed."""
    with as_click_error():
        with _training_half():
            from undertone.asr.recognise import transcribe as hear
            from undertone.backbones.files import load_backbone
        from undertone.audio.load import load_mono

        network, _ = load_backbone(backbone)
        phones = hear(network, load_mono(recording))
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps([asdict(each) for each in phones]))
        return
    for each in phones:
        click.echo(f"{each.start:.3f}\t{each.end:.3f}\t{each.phone}")


@contextlib.contextmanager
def _training_half() -> Iterator[None]:
    """Say what is missing where the training half is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(PURPOSE, "train") from error


def _show(scores: Sequence[Score]) -> None:
    for score in scores:
        interval = (
            "" if score.low is None or score.high is None else f" [{100 * score.low:.1f}, {100 * score.high:.1f}]"
        )
        stamp = f"; {score.shared_speakers} speakers were trained on" if score.shared_speakers else ""
        click.echo(
            f"{score.corpus}: PER {100 * score.per:.1f}{interval} % ({score.utterances} utterances, "
            f"{score.speakers} speakers{stamp})"
        )
