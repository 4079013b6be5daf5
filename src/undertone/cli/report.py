"""`undertone report`: a page or tables from results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error, report_failures
from undertone.errors import ResultError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.errors import UndertoneError
    from undertone.experiments.results import Result


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-f", "--format", "form", type=click.Choice(("html", "markdown")),
    help="What to write. Default: markdown for a name that ends in .md, otherwise html.",
)  # fmt: skip
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="The file that is written.")
def report(results: tuple[Path, ...], form: str | None, out: Path) -> None:
    """Make one page of RESULTS, files that `undertone crossval` wrote, or folders of them.

    Each protocol has a table of its own; differences are to the first result of a protocol. A file that cannot be read
    does not stop the others; all failures are listed at the end.
    """
    chosen = form or ("markdown" if out.suffix.lower() == ".md" else "html")
    paths = find_results(results)
    read, failures = read_results(paths)
    if read:
        with as_click_error():
            from undertone.files import write_text

            write_text(out, _written(read, chosen))
        click.echo(f"wrote {out}", err=True)
    report_failures(failures, len(paths), what="results")


def find_results(given: Sequence[Path]) -> list[Path]:
    """Expand folders, searched in depth and in order of name, into the JSON files in them; each path once.

    Raises:
        click.UsageError: if a folder holds none.
    """
    found: dict[Path, None] = {}
    for path in given:
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(item for item in path.rglob("*.json") if item.is_file())
        if not inside:
            raise click.UsageError(f"the folder {path} holds no result; results end in .json")
        found.update(dict.fromkeys(inside))
    return list(found)


def read_results(paths: Sequence[Path]) -> tuple[list[Result], list[tuple[Path, UndertoneError]]]:
    """Read results, and say which cannot be read, or hold predictions that do not fit together."""
    from undertone.experiments.report.groups import entries_of
    from undertone.experiments.results import read_result

    read: list[Result] = []
    failures: list[tuple[Path, UndertoneError]] = []
    for path in paths:
        try:
            result = read_result(path)
            entries_of([result])
            read.append(result)
        except ResultError as error:
            failures.append((path, error))
    return read, failures


def _written(results: Sequence[Result], form: str) -> str:
    if form == "markdown":
        from undertone.experiments.report.markdown import markdown_report

        return markdown_report(results)
    from undertone.experiments.report.html import html_report

    return html_report(results)
