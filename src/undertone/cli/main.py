"""The table of commands. A command's module is imported when the command is called, so that `--help` costs nothing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

import click

import undertone

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "align": ("undertone.cli.align:align", "Say when each word of a transcript was said (needs undertone[align])."),
    "analyze": ("undertone.cli.analyze:analyze", "Say who felt what, when, in recordings."),
    "asr": ("undertone.cli.asr:asr", "Train and test a phone recogniser (needs undertone[train])."),
    "bundle": ("undertone.cli.bundle:bundle", "Show or verify a model bundle."),
    "claims": (
        "undertone.cli.claims:claims",
        "Run and judge a paper's claims (needs undertone[train]).",
    ),
    "compare": ("undertone.cli.compare:compare", "Compare two results, in pairs."),
    "corpus": ("undertone.cli.corpus:corpus", "List, check, measure and audit corpora."),
    "crossval": (
        "undertone.cli.crossval:crossval",
        "Fit and test learners on every fold of protocols (needs undertone[train]).",
    ),
    "doctor": ("undertone.cli.doctor:doctor", "Check that everything here works, and how fast."),
    "formats": ("undertone.cli.formats:formats", "List the formats that are read and written."),
    "report": ("undertone.cli.report:report", "Make a page or a table of results."),
    "train": ("undertone.cli.train:train", "Train a recogniser and make its bundle (needs undertone[train])."),
}


class CommandTable(click.Group):
    """A group whose commands stand in a table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.command(cls=CommandTable, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(undertone.__version__, prog_name="undertone")
def main() -> None:
    """Who felt what, when: emotion timelines from recorded conversations.

    Results go to standard output, progress and messages to standard error. The exit status is 0 if everything
    succeeded, 1 if something failed, 2 if the command was not understood.
    """
