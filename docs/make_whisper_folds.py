"""Write what Whisper's middle blocks are worth on the folds of the baselines into a page, between its two markers.

    python docs/make_whisper_folds.py results/whisper-folds results/baselines docs/explanation/whisper-folds.md

The rows are the results that `make folds` and `make baselines` wrote; the published ones are EmoBox's. Run it again
after the results change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from make_baselines import PUBLISHED, cell, described, results_of
from marked import between, estimate, table

if TYPE_CHECKING:
    from undertone.experiments.results import Result

BEGIN, END = "<!-- whisper-folds:begin -->", "<!-- whisper-folds:end -->"

LEARNER = "block-probe"
PUBLISHED_BESIDE = ("HuBERT base", "WavLM large", "Whisper large v3")


def whisper_folds(folder: Path, baselines: Path) -> str:
    """Write both tables, then what the protocols are."""
    found = {place.name.replace(".", "/"): results_of(place)[LEARNER] for place in sorted(folder.iterdir())}
    others = {name: results_of(baselines / name.replace("/", ".")) for name in found}
    lines = [described(name, {LEARNER: result}) for name, result in found.items()]
    return "\n\n".join((_ours(found, others), _published(found), "\n".join(lines)))


def _ours(found: dict[str, Result], others: dict[str, dict[str, Result]]) -> str:
    rows = []
    for name, result in found.items():
        best = max(others[name].values(), key=lambda each: each.scores["UA"].value, default=None)
        beside = ("–", "–") if best is None else (f"`{best.learner}`", estimate(best.scores["UA"]))
        rows.append((f"`{name}`", result.protocol.stamp, cell(result, "UA"), cell(result, "WA"), *beside))
    head = ("protocol", "test speakers", "Whisper base, UA", "WA", "best baseline", "its UA")
    return table(head, rows)


def _published(found: dict[str, Result]) -> str:
    rows = [
        (f"`{name}`", result.protocol.stamp, estimate(result.scores["UA"]))
        + tuple(f"{PUBLISHED[name.partition('/')[0]][each]:.1f}" for each in PUBLISHED_BESIDE)
        for name, result in found.items()
        if name.endswith("/emobox")
    ]
    return (
        "Beside frozen encoders under the SUPERB head, UA as EmoBox published it for the same folds:\n\n"
        + table(("protocol", "test speakers", "Whisper base, blocks 2 to 4", *PUBLISHED_BESIDE), rows)
    )


if __name__ == "__main__":
    page = Path(sys.argv[3])
    text = whisper_folds(Path(sys.argv[1]), Path(sys.argv[2]))
    page.write_text(between(page.read_text(encoding="utf-8"), BEGIN, END, text), encoding="utf-8")
