"""Write the scores of a run whose bundle does not ship into a page, and what it takes a corpus for that it never heard.

    python docs/make_unseen.py results/without-ravdess.json docs/explanation/qieemo-compact.md
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from make_beside import rows_of
from make_folds import instead
from make_scores import emotional_speech
from marked import between, table

from undertone.metrics.categorical import confusion, recalls

BEGIN, END = "<!-- unseen:begin -->", "<!-- unseen:end -->"

CORPUS, CONDITION = "ravdess", "clean"
"""Whose mistakes are told."""


def unseen(results: dict[str, Any]) -> str:
    """Say which run it is, list its scores, and tell its mistakes."""
    head = (
        f"Bundle `{results['bundle']}`, not shipped. Protocol `{results['protocol']}`, seed {results['seed']}, commit "
        f"`{results['commit']}`, {results['speakers_shared']} test speakers heard in training."
    )
    return "\n\n".join((head, *emotional_speech(results), *mistakes(results)))


def mistakes(results: dict[str, Any]) -> tuple[str, str, str]:
    """Tell for each label how often it is heard and what it is taken for, and what is left without the leaning."""
    labels = tuple(results["labels"])
    rows = rows_of(results, (CORPUS, CONDITION))
    truth = np.array([labels.index(row["truth"]) for row in rows])
    probabilities = np.array([row["probabilities"] for row in rows])
    counts = confusion(truth, probabilities.argmax(axis=1), len(labels))
    mean = probabilities.mean(axis=0)
    evened = recalls(confusion(truth, (probabilities / mean).argmax(axis=1), len(labels))).mean()
    told = [
        (label, row.sum(), f"{100 * recall:.0f}", f"{100 * share:.0f}", instead(labels, row, number))
        for number, (label, row, recall, share) in enumerate(zip(labels, counts, recalls(counts), mean, strict=True))
    ]
    return (
        f"**What is taken for what in {CORPUS}, {CONDITION}**",
        table(("label", "utterances", "heard", "its mean probability", "taken for instead"), told),
        "With each probability divided by its mean over the corpus, which nobody knows beforehand, UA would be "
        f"{100 * evened:.1f}.",
    )


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    results_path, page_path = map(Path, sys.argv[1:])
    results = json.loads(results_path.read_text(encoding="utf-8"))
    page_path.write_text(replaced(page_path.read_text(encoding="utf-8"), unseen(results)), encoding="utf-8")
