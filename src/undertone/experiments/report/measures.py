"""What the figures of one result show, taken from its predictions; of several seeds, from all of theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.experiments.report.figures import Curve
from undertone.experiments.scoring import groups_of, weigh_seeds
from undertone.metrics.categorical import confusion, confusions, recalls
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import Groups, cluster_bootstrap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.experiments.report.groups import Entry
    from undertone.experiments.results import Result
    from undertone.metrics.uncertainty import Estimate


@dataclass(frozen=True, kw_only=True, eq=False)
class Speakers:
    """How right the answers are to each speaker, the hardest first."""

    names: tuple[str, ...]
    utterances: NDArray[np.int64]
    """Shape (speaker,)."""
    accuracy: NDArray[np.float64]
    """Mean over seeds, shape (speaker,), rising."""
    recall: NDArray[np.float64]
    """UA over the classes that the speaker has, mean over seeds, shape (speaker,)."""


def answers(entry: Entry) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The probabilities of all seeds under each other, shape (answer, label), and the truth, shape (answer,)."""
    seeds = list(entry.scored.probabilities.values())
    return np.concatenate(seeds), np.tile(entry.scored.truth, len(seeds))


def confusion_of(entry: Entry) -> NDArray[np.int64]:
    """Count the answers of all seeds, shape (truth, predicted)."""
    probabilities, truth = answers(entry)
    return confusion(truth, probabilities.argmax(axis=1), len(entry.result.labels))


def class_recalls(entry: Entry, rng: np.random.Generator, *, draws: int = 1000) -> tuple[Estimate, ...]:
    """Recall of each class, mean over seeds, with its interval over redrawn speakers; nan for an absent class.

    Args:
        entry: the result.
        rng: source of the draws.
        draws: how many times to redraw.
    """
    scored, labels = entry.scored, len(entry.result.labels)
    groups = groups_of(scored, speakers_known=entry.result.protocol.speakers_known)
    counts = [
        confusions(scored.truth, each.argmax(axis=1), labels, groups.of_item, groups.count).astype(np.float64)
        for each in scored.probabilities.values()
    ]

    def statistic(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.mean([recalls(np.tensordot(weights, each, axes=1)) for each in counts], axis=0)

    found = cluster_bootstrap(statistic, groups.count, draws=draws, rng=rng)
    return tuple(
        type(each)(value=each.value, low=float(np.maximum(0, each.low)), high=float(np.minimum(1, each.high)))
        for each in found
    )


def speakers_of(entry: Entry) -> Speakers | None:
    """Score every speaker; None where nobody knows who speaks."""
    if not entry.result.protocol.speakers_known:
        return None
    names, of_item = np.unique(np.asarray(entry.scored.speakers), return_inverse=True)
    groups = Groups(of_item=of_item.astype(np.int64), count=len(names), by="speaker")
    accuracy, recall = weigh_seeds(entry.scored, [METRICS["WA"], METRICS["UA"]], groups, np.eye(len(names))).T
    order = np.argsort(accuracy, kind="stable")
    one_corpus = len({name.partition("/")[0] for name in names}) == 1
    shown = [name.partition("/")[2] if one_corpus else str(name) for name in names]
    return Speakers(
        names=tuple(shown[at] for at in order),
        utterances=np.bincount(of_item, minlength=len(names))[order].astype(np.int64),
        accuracy=accuracy[order],
        recall=recall[order],
    )


def curves_of(result: Result, figure: str = "validation_ua") -> tuple[Curve, ...]:
    """The learning curves of the fits that have one."""
    found = []
    for fit in result.fits:
        points = [
            (row.get("epoch", float(number)), row[figure])
            for number, row in enumerate(fit.history, start=1)
            if figure in row
        ]
        if points:
            epochs, values = zip(*points, strict=True)
            found.append(Curve(epochs=epochs, values=values))
    return tuple(found)
