"""`undertone compare`: two results on one protocol, in pairs."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error

if TYPE_CHECKING:
    from undertone.experiments.compare import Change, Comparison


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--metric", "metrics", multiple=True, metavar="NAME",
    help="What to compare; may be given several times. Default: WA, UA and macro-F1.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the comparisons as JSON.")
def compare(results: tuple[Path, ...], metrics: tuple[str, ...], as_json: bool) -> None:
    """Compare RESULTS, files that `undertone crossval` wrote, in pairs: the first with each of the others.

    Differences are the other's minus the first's, with 95 % intervals over speakers.
    """
    if len(results) < 2:
        raise click.UsageError("one result has nothing to be compared with: name two or more")

    import numpy as np

    from undertone.experiments.compare import SHOWN, compare_all
    from undertone.experiments.results import read_result
    from undertone.metrics.registry import METRICS

    unknown = [name for name in metrics if name not in METRICS]
    if unknown:
        raise click.UsageError(f"there is no metric {unknown[0]!r}; choose among {', '.join(METRICS)}")
    with as_click_error():
        read = [read_result(path) for path in results]
        # The same files give the same numbers, whoever runs this.
        comparisons = compare_all(read, np.random.default_rng(0), metrics=tuple(dict.fromkeys(metrics)) or SHOWN)
    if as_json:
        click.echo(json.dumps([item.as_json() for item in comparisons], indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(describe(item) for item in comparisons))


def describe(item: Comparison) -> str:
    """Write a comparison for people, in plain text."""
    speakers = "unknown speakers" if item.speakers is None else f"{item.speakers} speakers"
    seeds = " and ".join(f"{count} {'seed' if count == 1 else 'seeds'}" for count in dict.fromkeys(item.seeds))
    lines = [
        f"{item.second} minus {item.first}",
        f"  protocol  {item.protocol} ({item.hash}), {item.stamp}",
        f"  tested    {item.utterances} utterances of {speakers}; {seeds}",
        f"  intervals 95 %, by {item.by}",
        f"  {'metric':<9} {'first':>7} {'second':>7} {'difference':>11}  {'interval':<18} {'p':>7} {'Holm':>7}",
    ]
    lines += [f"  {_row(change)}" for change in item.changes]
    test = item.mcnemar
    lines += [
        f"  McNemar   p = {_p(test.p).strip()}: only the first is right on {test.only_a}, only the second on "
        f"{test.only_b} utterances, taken as independent"
    ]
    lines += [f"  warning   {warning}" for warning in item.warnings]
    return "\n".join(lines)


def _row(change: Change) -> str:
    from undertone.metrics.registry import METRICS

    metric = METRICS[change.metric]
    scale, digits = (100, 1) if metric.percent else (1, 3)
    found = change.difference
    interval = f"[{_number(found.low * scale, digits)}, {_number(found.high * scale, digits)}]"
    return (
        f"{change.metric:<9} {change.first * scale:>7.{digits}f} {change.second * scale:>7.{digits}f} "
        f"{_number(found.value * scale, digits):>11}  {interval:<18} {_p(found.p):>7} {_p(change.corrected_p):>7}"
    )


def _number(value: float, digits: int) -> str:
    return "undefined" if math.isnan(value) else f"{value:+.{digits}f}"


def _p(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    return "<0.001" if value < 0.001 else f"{value:.3f}"
