"""`undertone formats`: what is read and written."""

from __future__ import annotations

import click

from undertone.conversation.formats.registry import FORMATS


@click.command()
def formats() -> None:
    """List the formats that are read (as --turns) and written (as --format)."""
    for row in FORMATS:
        uses = " and ".join(use for use, holds in (("read", row.reads), ("written", row.writes)) if holds)
        click.echo(f"{row.name:10}{row.suffix:11}{uses:18}{row.title}: {row.description}")
