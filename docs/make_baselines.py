"""Write the table of baselines into a page, between its two markers.

    python docs/make_baselines.py results/baselines docs/explanation/baselines.md

The rows are the results that `make baselines` wrote; the published rows are EmoBox's. Run it again after the results
change.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from marked import between, estimate, p_value, points

from undertone.corpora.audit import audit_protocol, stamp_of, utterances_from_names
from undertone.corpora.own import speakers_known
from undertone.corpora.stored import load_protocol, stored_protocols
from undertone.experiments.compare import compare_results
from undertone.experiments.results import read_result
from undertone.learners.registry import LEARNERS

if TYPE_CHECKING:
    from undertone.experiments.results import Result

BEGIN, END = "<!-- baselines:begin -->", "<!-- baselines:end -->"

PAIR = ("compare-svm", "compact")

CORPORA = ("emodb", "urdu", "ravdess", "nemo")

PUBLISHED = {
    "emodb": {
        "wav2vec 2.0 base": 82.06, "HuBERT base": 87.73, "HuBERT large": 89.81, "WavLM base": 87.03,
        "WavLM large": 92.58, "data2vec base": 58.12, "data2vec large": 60.96, "data2vec 2.0 base": 75.07,
        "data2vec 2.0 large": 79.36, "Whisper large v3": 91.26,
    },
    "urdu": {
        "wav2vec 2.0 base": 87.50, "HuBERT base": 88.41, "HuBERT large": 81.75, "WavLM base": 82.82,
        "WavLM large": 86.61, "data2vec base": 65.42, "data2vec large": 64.81, "data2vec 2.0 base": 69.97,
        "data2vec 2.0 large": 78.10, "Whisper large v3": 82.52,
    },
    "ravdess": {
        "wav2vec 2.0 base": 54.33, "HuBERT base": 65.43, "HuBERT large": 70.00, "WavLM base": 61.56,
        "WavLM large": 72.00, "data2vec base": 51.92, "data2vec large": 59.30, "data2vec 2.0 base": 64.66,
        "data2vec 2.0 large": 71.15, "Whisper large v3": 75.32,
    },
    "cremad": {
        "wav2vec 2.0 base": 61.95, "HuBERT base": 71.13, "HuBERT large": 73.83, "WavLM base": 69.64,
        "WavLM large": 74.50, "data2vec base": 58.03, "data2vec large": 63.80, "data2vec 2.0 base": 65.74,
        "data2vec 2.0 large": 69.55, "Whisper large v3": 76.75,
    },
}  # fmt: skip
"""UA in per cent, frozen encoders with the SUPERB head, as EmoBox published them (Ma et al. 2024, intra-corpus)."""


def baselines(folder: Path) -> str:
    """Write a section for each corpus."""
    return "\n\n".join(section(corpus, folder) for corpus in CORPORA)


def section(corpus: str, folder: Path) -> str:
    """Write one corpus: its protocols, our rows under each, and EmoBox's beside the one that is theirs."""
    names = [name for name in (f"{corpus}/emobox", f"{corpus}/speakers") if name in stored_protocols(corpus)]
    results = {name: results_of(folder / name.replace("/", ".")) for name in names}
    lines = [f"## {corpus}", "", *(described(name, results[name]) for name in names), ""]
    stamps = {name: next(iter(found.values())).protocol.stamp for name, found in results.items()}
    head = ["learner", *(f"{metric}, `{name}`, {stamps[name]}" for metric in ("UA", "WA") for name in names)]
    lines += [f"| {' | '.join(head)} |", f"|{':--|' + '--:|' * (len(head) - 1)}"]
    for learner in LEARNERS:
        if any(learner in found for found in results.values()):
            cells = [cell(results[name].get(learner), metric) for metric in ("UA", "WA") for name in names]
            lines.append(f"| `{learner}` | {' | '.join(cells)} |")
    for encoder, ua in PUBLISHED.get(corpus, {}).items():
        lines.append(f"| {encoder}, frozen (EmoBox) | {' | '.join([f'{ua:.1f}', *['–'] * (len(head) - 2)])} |")
    for name in names:
        lines += ["", pair(name, results[name])]
    return "\n".join(lines)


def described(name: str, results: dict[str, Result]) -> str:
    """One line on a protocol, with the stamp that every number of its column carries."""
    protocol = load_protocol(name)
    utterances = utterances_from_names(protocol)
    folds = audit_protocol(protocol, utterances)
    shared = ", ".join(sorted({f"{fold.shared_speakers} of {fold.test_speakers}" for fold in folds}))
    some = next(iter(results.values()))
    tested = len({row.id for row in some.predictions})
    speakers = len({row.speaker for row in some.predictions})
    return (
        f"- `{name}`: **{stamp_of(folds, known=speakers_known(utterances))}** ({shared} test speakers heard before), "
        f"{len(folds)} {'fold' if len(folds) == 1 else 'folds'}, {tested} utterances of {speakers} speakers tested, "
        f"hash `{protocol.hash}`"
    )


def results_of(folder: Path) -> dict[str, Result]:
    """Read the results of one protocol, by learner."""
    found = [read_result(path) for path in sorted(folder.glob("*.json"))]
    return {result.learner: result for result in found}


def cell(result: Result | None, metric: str) -> str:
    """A score with its interval, in per cent."""
    return "–" if result is None else estimate(result.scores[metric])


def pair(name: str, results: dict[str, Result]) -> str:
    """Compare the two strongest kinds of learner in pairs; which two was fixed before anything was tested."""
    first, second = PAIR
    (change,) = compare_results(results[first], results[second], np.random.default_rng(0), metrics=("UA",)).changes
    found = change.difference
    return (
        f"On `{name}`, `{second}` less `{first}`, in points UA: {points(found.value, found.low, found.high)}, "
        f"p {p_value(found.p, '= ')}."
    )


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    place = Path(sys.argv[2])
    place.write_text(replaced(place.read_text(encoding="utf-8"), baselines(Path(sys.argv[1]))), encoding="utf-8")
