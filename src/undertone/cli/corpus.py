"""`undertone corpus`: what the corpora are, and whether the copy at hand is one."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.corpora.base import Corpus

ELSEWHERE: Final[Mapping[str, str]] = {"audit": "undertone.cli.corpus_audit"}
"""Commands of the group that have a module of their own, imported when they are called."""

PATH: Final = click.Path(path_type=Path)


class CorpusGroup(click.Group):
    """A group of which some commands stand in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *ELSEWHERE])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            command: click.Command = getattr(importlib.import_module(ELSEWHERE[cmd_name]), cmd_name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(cls=CorpusGroup)
def corpus() -> None:
    """List, check, measure and audit corpora.

    NAME is one that `undertone corpus list` prints, or `own` for data of your own: FOLDER is then a table (CSV, TSV),
    a folder with a folder for each label, or an audformat database.
    """


@corpus.command("list")
def list_() -> None:
    """List the corpora that can be read."""
    from undertone.cli.corpus_text import listed
    from undertone.corpora.registry import CORPORA

    click.echo(listed([item.card for item in CORPORA.values()]))


@corpus.command()
@click.argument("name")
def show(name: str) -> None:
    """Show all that is known about the corpus NAME."""
    from undertone.cli.corpus_text import described
    from undertone.corpora.registry import corpus_named
    from undertone.corpora.stored import load_protocol, stored_protocols

    with as_click_error():
        found = corpus_named(name)
        click.echo(described(found.card, [load_protocol(item) for item in stored_protocols(name)]))


@corpus.command()
@click.argument("name")
@click.argument("folder", type=PATH)
@click.option("--exclude", type=PATH, help="CSV with the columns id and reason: utterances to leave out.")
@click.option("--json", "as_json", is_flag=True, help="Print every finding as JSON.")
def check(name: str, folder: Path, exclude: Path | None, as_json: bool) -> None:
    """Check that the copy of the corpus NAME in FOLDER is whole; decode every file.

    The exit status is 1 if anything was found.
    """
    from undertone.cli.corpus_text import report_json, reported
    from undertone.corpora.check import check_corpus
    from undertone.corpora.exclusions import read_exclusions

    with as_click_error(), steps_progress() as begin:
        found = chosen(name, folder)
        exclusions = read_exclusions(exclude) if exclude else ()
        advance = begin(f"checking {found.card.name}", len(found.scan(folder)))
        report = check_corpus(found, folder, exclusions, advance)
    click.echo(json.dumps(report_json(report), indent=2) if as_json else reported(report))
    if report.findings:
        sys.exit(1)


@corpus.command()
@click.argument("name")
@click.argument("folder", type=PATH)
@click.option("--by-speaker", is_flag=True, help="Add a table of speakers and emotions.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON, speakers and emotions included.")
def stats(name: str, folder: Path, by_speaker: bool, as_json: bool) -> None:
    """Count what the corpus NAME in FOLDER consists of."""
    from undertone.cli.corpus_text import measured, statistics_json
    from undertone.corpora.base import read_corpus
    from undertone.corpora.statistics import statistics_of

    with as_click_error(), steps_progress() as begin:
        found = chosen(name, folder)
        advance = begin(f"measuring {found.card.name}", len(found.scan(folder)))
        figures = statistics_of(read_corpus(found, folder, advance))
    if as_json:
        click.echo(json.dumps({"corpus": found.card.name} | statistics_json(figures), indent=2))
    else:
        click.echo(measured(found.card.name, figures, by_speaker=by_speaker))


def chosen(name: str, path: Path) -> Corpus:
    """Look a corpus up; `own` is what lies at the path.

    Raises:
        CorpusError: if no corpus has that name, or the path holds no data of one's own.
        MissingExtraError: if the path is an audformat database and audformat is not installed.
    """
    from undertone.corpora.own import OWN, own
    from undertone.corpora.registry import corpus_named

    return own(path) if name == OWN else corpus_named(name)
