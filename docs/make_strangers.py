"""Write what a run of the system `relative` is worth on strangers into its page, between its markers.

    python docs/make_strangers.py results/default.json docs/explanation/default-model.md

Everything comes from the results file that `undertone train` writes; nothing is computed anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marked import between, estimate, table

from undertone.metrics.uncertainty import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGIN, END = "<!-- strangers:begin -->", "<!-- strangers:end -->"
NAMES = {"emodb": "EmoDB", "ravdess": "RAVDESS", "nemo": "nEMO", "cremad": "CREMA-D", "urdu": "URDU"}
HOW = ("alone", "in conversation")


def strangers(told: Mapping[str, Any]) -> str:
    """Draw both tables of a results file."""
    stamp = f"Stamp: {told['stamp']}. Protocol `{told['protocol']}`, seed {told['seed']}, bundle `{told['bundle']}`."
    return "\n\n".join((stamp, _own_labels(told), _calibrated(told), _priors(told)))


def replaced(page: str, text: str) -> str:
    """Put the tables between the markers of a page."""
    return between(page, BEGIN, END, text)


def _own_labels(told: Mapping[str, Any]) -> str:
    places = {(each["corpus"], each["condition"], each["how"]): each["UA"] for each in told["strangers"]}
    corpora = list(dict.fromkeys(corpus for corpus, _, _ in places))
    heads = [f"{how}, {condition}" for condition in ("clean", "telephone") for how in HOW]
    rows = [
        (NAMES.get(corpus, corpus), *(estimate(Estimate(**places[corpus, condition, how])) for condition in ("clean", "telephone") for how in HOW))
        for corpus in corpora
    ]  # fmt: skip
    return "UA in per cent, over the corpus's own labels:\n\n" + table(("corpus, unheard", *heads), rows)


def _calibrated(told: Mapping[str, Any]) -> str:
    rows = [
        (
            NAMES.get(each["corpus"], each["corpus"]),
            each["condition"].rpartition(", ")[0],
            each["speakers"],
            estimate(Estimate(**each["UA"])),
            estimate(Estimate(**each["ECE"])),
            f"{100 * each['labelled']:.0f}",
            "–" if each["accuracy_when_labelled"] is None else f"{100 * each['accuracy_when_labelled']:.0f}",
        )
        for each in told["scores"]
    ]
    head = ("corpus, unheard", "heard", "speakers", "UA of 7", "ECE", "labelled", "right when labelled")
    said = (
        "All seven labels may be answered, in per cent; calibrated on the other corpora. A lone utterance is judged under "
        "the flat prior, a conversation under the one for conversations:"
    )
    return said + "\n\n" + table(head, rows)


def _priors(told: Mapping[str, Any]) -> str:
    rows = [
        (each["name"], f"{each['temperature']:.2f}", f"{each['threshold']:.2f}", each["source"])
        for each in told["priors"]
    ]
    evidence = told["temperatures"]
    said = (
        f"Scores are divided by {evidence['stranger']:.2f} for a stranger and by {evidence['baseline']:.2f} behind a full "
        "baseline, before what follows. What may be expected of a recording:"
    )
    return said + "\n\n" + table(("prior", "temperature", "threshold", "source"), rows)


if __name__ == "__main__":
    results, page = map(Path, sys.argv[1:])
    told = json.loads(results.read_text(encoding="utf-8"))
    page.write_text(replaced(page.read_text(encoding="utf-8"), strangers(told)), encoding="utf-8")
