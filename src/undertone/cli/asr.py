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
@click.option("--install", type=click.Path(path_type=Path), help="Put the finished backbone into this folder as well.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="Put results.json and history.json into this folder as well."
)
@click.option("--check", is_flag=True, help="Only check CONFIG.")
def train(config: Path, data: Path, folder: Path, install: Path | None, results: Path | None, check: bool) -> None:
    """Train the phone recogniser that CONFIG (TOML) describes, test it, and write its backbone.

    A run that was interrupted goes on at its last checkpoint when called again with the same --work. Started by
    torchrun, several processes train as one.
    """
    with as_click_error():
        with _training_half():
            from undertone.asr.config import read_asr_config
            from undertone.asr.train import copy_results, train_backbone
            from undertone.backbones.files import WEIGHTS, install_backbone
            from undertone.backbones.whisper_phones_files import HEAD
            from undertone.export.recogniser import export_recogniser
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
        export_recogniser(finished.folder)
        if install:
            install_backbone(finished.folder, install, weights=WEIGHTS if settings.head is None else HEAD)
        if results:
            copy_results(folder, results)
    click.echo(f"{finished.folder}: epoch {finished.card.epoch}, protocol {finished.card.protocol}")
    _show(finished.card.scores)


@asr.command()
@click.argument("backbone", type=click.Path(path_type=Path))
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Folder with one folder per corpus.")
@click.option(
    "--work", "folder", required=True, type=click.Path(path_type=Path), help="Folder of the run, for its cache."
)
@click.option(
    "--chunk", type=click.IntRange(min=1), help="Hear chunks of so many frames of 40 ms, as of a stream, not the whole."
)
@click.option("--words", is_flag=True, help="Search words too: seconds for each minute of speech.")
@click.option("--dictionary", is_flag=True, help="With --words: all words of the CMU dictionary can be heard.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON, with confusions.")
def evaluate(
    backbone: Path,
    config: Path,
    data: Path,
    folder: Path,
    chunk: int | None,
    words: bool,
    dictionary: bool,
    as_json: bool,
) -> None:
    """Test BACKBONE, a folder, on the test part of CONFIG (TOML)."""
    _refuse_dictionary_without_words(words=words, dictionary=dictionary)
    with as_click_error():
        with _training_half():
            from undertone.asr.config import read_asr_config
            from undertone.asr.evaluate import evaluate_backbone, scores_as_json
            from undertone.speech.lexicon import english_lexicon
        settings = read_asr_config(config)
        with steps_progress() as progress:
            scores = evaluate_backbone(
                backbone,
                settings,
                data,
                folder / "cache",
                progress,
                chunk=chunk,
                words=words,
                dictionary=english_lexicon() if dictionary else None,
            )
    if as_json:
        click.echo(scores_as_json(scores))
    else:
        _show(scores)


@asr.command()
@click.argument("backbone", type=click.Path(path_type=Path))
def export(backbone: Path) -> None:
    """Write recogniser.onnx into the folder BACKBONE: the same network, which runs without PyTorch.

    Its weights are kept in eight bits. Training a backbone writes it, too.
    """
    with as_click_error():
        with _training_half():
            from undertone.export.recogniser import export_recogniser
        difference = export_recogniser(backbone)
    click.echo(f"wrote {backbone / 'recogniser.onnx'}; rounding moves a probability by {difference:.2g} at most")


@asr.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--backbone", required=True, type=click.Path(path_type=Path), help="Folder of the backbone.")
@click.option("--words", is_flag=True, help="Words instead of phones.")
@click.option("--dictionary", is_flag=True, help="With --words: all words of the CMU dictionary can be heard.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a line for each phone or word.")
def transcribe(recording: Path, backbone: Path, words: bool, dictionary: bool, as_json: bool) -> None:
    """Hear the phones in RECORDING, or its words; its channels are mixed."""
    _refuse_dictionary_without_words(words=words, dictionary=dictionary)
    with as_click_error():
        with _training_half():
            from undertone.asr.language import load_words
            from undertone.asr.recognise import transcribe as hear
            from undertone.asr.word_rate import transcribe_words
            from undertone.asr.words import make_search
            from undertone.backbones.files import is_head, load_backbone
            from undertone.backbones.whisper_phones_files import load_whisper_phones
            from undertone.speech.lexicon import english_lexicon
        from undertone.audio.load import load_mono

        network, card = load_whisper_phones(backbone) if is_head(backbone) else load_backbone(backbone)
        if words:
            more = english_lexicon() if dictionary else None
            search = make_search(load_words(backbone, protocol=card.protocol), dictionary=more)
            found = [
                (each.start, each.end, each.word) for each in transcribe_words(network, load_mono(recording), search)
            ]
        else:
            found = [(each.start, each.end, each.phone) for each in hear(network, load_mono(recording))]
    if as_json:
        import json

        name = "word" if words else "phone"
        click.echo(json.dumps([{name: told, "start": start, "end": end} for start, end, told in found]))
        return
    for start, end, told in found:
        click.echo(f"{start:.3f}\t{end:.3f}\t{told}")


def _refuse_dictionary_without_words(*, words: bool, dictionary: bool) -> None:
    if dictionary and not words:
        raise click.UsageError("--dictionary says which words can be heard; give --words with it")


@contextlib.contextmanager
def _training_half() -> Iterator[None]:
    """Say what is missing where the training half is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(PURPOSE, "train") from error


def _show(scores: Sequence[Score]) -> None:
    for score in scores:
        told = f"PER {_rate(score.per, score.low, score.high)}"
        people = f"{score.utterances} utterances, {score.speakers} speakers"
        if score.wer is not None:
            told += f", WER {_rate(score.wer, score.wer_low, score.wer_high)}"
            people += f", {score.unknown_words} of {score.words} words unknown"
        stamp = f"; {score.shared_speakers} speakers were trained on" if score.shared_speakers else ""
        click.echo(f"{score.corpus}: {told} ({people}{stamp})")


def _rate(value: float, low: float | None, high: float | None) -> str:
    interval = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f}{interval} %"
