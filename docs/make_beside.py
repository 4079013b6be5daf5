"""Write two bundles' scores on the same recordings side by side into a page, between its markers.

    python docs/make_beside.py results/qieemo-compact.json results/compact.json docs/explanation/qieemo-compact.md

The first is compared with the second: UA in per cent, their difference in points, with 95 % intervals over speakers.
The table stands between markers that name the second file. Run it again after the shipped bundle changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from marked import between, p_value, points

from undertone.metrics.comparison import holm
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import group_items, paired_bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.metrics.uncertainty import Difference

Place = tuple[str, str]
"""Corpus and condition."""


def beside(new: dict[str, Any], old: dict[str, Any]) -> str:
    """Draw the table."""
    found = {place: difference(new, old, place) for place in places(new)}
    corrected = holm([each[2].p for each in found.values()])
    lines = [
        f"| corpus | heard | utterances | `{old['bundle']}` | `{new['bundle']}` | difference | p, corrected |",
        "|---|---|--:|--:|--:|--:|--:|",
        chosen_with(new, old),
    ]
    for (place, (count, values, each)), p in zip(found.items(), corrected, strict=True):
        before, after = (f"{100 * value:.1f}" for value in values)
        found_points = points(each.value, each.low, each.high)
        lines.append(f"| {place[0]} | {place[1]} | {count} | {before} | {after} | {found_points} | {p_value(p)} |")
    return "\n".join(lines)


def chosen_with(new: dict[str, Any], old: dict[str, Any]) -> str:
    """The row of the validation part, which chose the weights of both: its difference has no interval."""
    before, after = (100 * results["validation_ua"] for results in (old, new))
    return f"| validation | both | | {before:.1f} | {after:.1f} | {after - before:+.1f} | |"


def places(results: dict[str, Any]) -> list[Place]:
    """The corpora and conditions that both bundles were tested on, in the order of the scores."""
    return [(item["corpus"], item["condition"]) for item in results["scores"]]


def difference(new: dict[str, Any], old: dict[str, Any], place: Place) -> tuple[int, tuple[float, float], Difference]:
    """Count the utterances, and take the UA of both and their difference.

    Raises:
        SystemExit: if they were tested on other utterances.
    """
    rows = [rows_of(results, place) for results in (new, old)]
    if [row["id"] for row in rows[0]] != [row["id"] for row in rows[1]]:
        raise SystemExit(f"the two bundles were not tested on the same utterances of {place[0]}, {place[1]}")
    groups = group_items([row["speaker"] for row in rows[0]], [row["id"] for row in rows[0]])
    truth = np.array([new["labels"].index(row["truth"]) for row in rows[0]], dtype=np.int64)
    after, before = (np.array([row["probabilities"] for row in each]) for each in rows)
    weigh = METRICS["UA"].weigh

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        ua = [weigh(each, truth, groups.of_item, weights) for each in (after, before)]
        return (ua[0] - ua[1])[:, None]

    (found,) = paired_bootstrap(statistic, groups.count, rng=np.random.default_rng(0))
    values = METRICS["UA"].function(before, truth), METRICS["UA"].function(after, truth)
    return len(truth), values, found


def rows_of(results: dict[str, Any], place: Place) -> list[dict[str, Any]]:
    """The predictions of a corpus in a condition, by id."""
    corpus, condition = place
    rows = [
        row
        for row in results["predictions"]
        if row["condition"] == condition and row["id"].partition("/")[0] == corpus
    ]
    return sorted(rows, key=lambda row: str(row["id"]))


def replaced(page: str, text: str, name: str) -> str:
    """Put a text between the markers of the page that bear a name."""
    return between(page, f"<!-- beside {name}:begin -->", f"<!-- beside {name}:end -->", text)


if __name__ == "__main__":
    new_path, old_path, page_path = map(Path, sys.argv[1:])
    new, old = (json.loads(path.read_text(encoding="utf-8")) for path in (new_path, old_path))
    made = replaced(page_path.read_text(encoding="utf-8"), beside(new, old), old_path.stem)
    page_path.write_text(made, encoding="utf-8")
