"""The command line: `undertone …`. Nothing but the table of commands is imported before one is called."""

from undertone.cli.main import main

__all__ = ["main"]
