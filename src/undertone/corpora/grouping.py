"""Dividing speakers into parts that are alike: by size, by class, by gender. No chance is involved."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.corpora.protocols import Fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.records import Utterance

VALIDATION_SHARE: Final = 0.2
"""Of the part that is not tested; SUPERB's share (Yang et al. 2021) for IEMOCAP."""

MISSING: Final = 10.0
"""What a class that a part lacks costs: more than any unevenness does."""

EMPTY: Final = 1000.0
"""What a part without utterances costs: more than all classes that may be missing."""

SWEEPS: Final = 100
"""Most rounds of improving; corpora of a hundred speakers need fewer than ten."""


def speaker_of(item: Utterance) -> str:
    """The speaker's name with the corpus's, for two corpora may use one name."""
    return f"{item.corpus}/{item.speaker}"


def by_speaker(utterances: Iterable[Utterance]) -> dict[str, tuple[Utterance, ...]]:
    """Gather each speaker's utterances, speakers and ids in order of their names."""
    found: dict[str, list[Utterance]] = defaultdict(list)
    for item in sorted(utterances, key=lambda item: item.id):
        found[speaker_of(item)].append(item)
    return {name: tuple(found[name]) for name in sorted(found)}


def draw_key(item: Utterance) -> str:
    """What a draw is sorted by: a hash of the id, so that nothing but the id decides."""
    return hashlib.sha256(item.id.encode()).hexdigest()


def stratified_share(utterances: Iterable[Utterance], classes: Mapping[str, str], share: float) -> frozenset[str]:
    """Draw a share of every class by the hash of the ids.

    Args:
        utterances: to draw from, all of a class.
        classes: words for emotions and their classes.
        share: of each class, rounded to the nearest whole number.

    Returns:
        The ids drawn.
    """
    found: dict[str, list[Utterance]] = defaultdict(list)
    for item in utterances:
        found[classes[item.emotion or ""]].append(item)
    drawn: set[str] = set()
    for items in found.values():
        drawn |= {item.id for item in sorted(items, key=draw_key)[: round(share * len(items))]}
    return frozenset(drawn)


def dialogue_groups(utterances: Iterable[Utterance]) -> tuple[frozenset[str], ...]:
    """Find who must stay together so that no dialogue is divided: speakers linked by a dialogue are one group.

    Returns:
        Names of speakers, each in one group; groups in order of their first names.
    """
    group: dict[str, set[str]] = {}
    first_in: dict[str, str] = {}
    for item in sorted(utterances, key=lambda item: item.id):
        speaker = speaker_of(item)
        group.setdefault(speaker, {speaker})
        if item.dialogue is None:
            continue
        other = group[first_in.setdefault(f"{item.corpus}/{item.dialogue}", speaker)]
        if speaker not in other:
            other |= group[speaker]
            group.update(dict.fromkeys(group[speaker], other))
    return tuple(sorted({frozenset(names) for names in group.values()}, key=min))


def chosen_with(
    rest: Sequence[Utterance], classes: Mapping[str, str], *, after: str, validation: str
) -> frozenset[str]:
    """The ids of a validation part out of what is not tested: whole `speakers`, or a `share` of every class."""
    if validation == "share":
        return stratified_share(rest, classes, VALIDATION_SHARE)
    return validation_speakers(rest, classes, after=after)


def validation_speakers(rest: Iterable[Utterance], classes: Mapping[str, str], *, after: str) -> frozenset[str]:
    """Choose about a fifth of what is not tested, by whole speakers.

    Speakers who talk to each other stay together where that leaves three groups or more. Every class is in both parts
    if that can be; then sizes, classes and genders are as even as whole speakers let them be.

    Args:
        rest: what is not tested.
        classes: words for emotions and their classes.
        after: a speaker: the order of names begins after that one, and it decides between equal choices, so that
            folds of a balanced corpus choose with different speakers.

    Returns:
        The ids.
    """
    of = by_speaker(rest)
    groups = dialogue_groups(joined(of.values()))
    if len(groups) < 3:
        groups = tuple(frozenset({name}) for name in of)
    ordered = sorted(groups, key=lambda names: (min(names) < after, min(names)))
    units = [joined(of[name] for name in sorted(names)) for names in ordered]
    chosen, _ = divide(units, classes, [VALIDATION_SHARE, 1 - VALIDATION_SHARE])
    return frozenset(item.id for unit in chosen for item in units[unit])


def sentence_share(rest: Sequence[Utterance]) -> frozenset[str]:
    """Draw a fifth of the sentences by the hash of their names' first utterances; with them go all their takes."""
    takes: dict[str, list[Utterance]] = defaultdict(list)
    for item in sorted(rest, key=draw_key):
        takes[item.sentence or item.id].append(item)
    drawn = list(takes.values())[: max(1, round(VALIDATION_SHARE * len(takes)))]
    return frozenset(item.id for items in drawn for item in items)


def fold_of(tested: Iterable[Utterance], chosen: Collection[str], rest: Iterable[Utterance]) -> Fold:
    """Make a fold from what is tested, the ids that are chosen with, and everything else."""
    ids = sorted(item.id for item in rest)
    return Fold(
        train=tuple(name for name in ids if name not in chosen),
        validation=tuple(name for name in ids if name in chosen),
        test=tuple(sorted(item.id for item in tested)),
    )


def joined(groups: Iterable[Iterable[Utterance]]) -> tuple[Utterance, ...]:
    return tuple(item for items in groups for item in items)


def divide(
    units: Sequence[Sequence[Utterance]], classes: Mapping[str, str], shares: Sequence[float]
) -> tuple[tuple[int, ...], ...]:
    """Divide units into parts of given sizes, each with its share of the utterances, of every class and both genders.

    Units go one by one, the largest first, where they fit best; then single moves and swaps improve the whole until
    none helps. A class that a part lacks outweighs all unevenness. The order of the units breaks ties, so the answer is
    a function of the arguments alone.

    Args:
        units: utterances that must stay together: all of a speaker, or of several.
        classes: words for emotions and their classes.
        shares: of the parts, above 0, summing to 1.

    Returns:
        The units of each part, as indices into `units`.
    """
    task = _task(units, classes, shares)
    assigned = _placed(task)
    for _ in range(SWEEPS):
        if not _improve(task, assigned):
            break
    return tuple(tuple(np.flatnonzero(assigned == part).tolist()) for part in range(len(shares)))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Task:
    """What is to be shared out: utterances, those of each class, speakers of each gender."""

    counts: NDArray[np.int64]
    """Shape (unit, feature)."""
    weights: NDArray[np.float64]
    """Shape (feature,): utterances, classes and genders weigh the same, each over the square of its total."""
    is_class: NDArray[np.bool_]
    """Shape (feature,): whether a part that has none of it lacks a class."""
    shares: NDArray[np.float64]
    """Shape (part,)."""

    def costs(self, held: NDArray[np.int64], parts: NDArray[np.int64]) -> NDArray[np.float64]:
        """What parts cost that hold counts of shape (part, feature)."""
        share = self.shares[parts][:, None]
        uneven = ((held - share * self.counts.sum(axis=0)) ** 2 * self.weights / share).sum(axis=1)
        # Rather is a class missing from the smaller part than from the larger.
        lacking = ((held == 0) & self.is_class).sum(axis=1) * (1 + self.shares[parts])
        return uneven + MISSING * lacking + EMPTY * (held[:, 0] == 0)


def _task(units: Sequence[Sequence[Utterance]], classes: Mapping[str, str], shares: Sequence[float]) -> _Task:
    names = sorted(set(classes.values()))
    genders = sorted({item.gender for items in units for item in items if item.gender is not None})
    rows = [
        [
            len(items),
            *(sum(classes[item.emotion or ""] == name for item in items) for name in names),
            *(len({speaker_of(item) for item in items if item.gender == gender}) for gender in genders),
        ]
        for items in units
    ]
    counts = np.array(rows, dtype=np.int64)
    weights = np.array([1.0] + [1 / len(names)] * len(names) + [1 / max(len(genders), 1)] * len(genders))
    is_class = np.array([False] + [True] * len(names) + [False] * len(genders))
    totals = counts.sum(axis=0)
    return _Task(
        counts=counts,
        weights=weights / np.maximum(totals, 1) ** 2,
        is_class=is_class & (totals > 0),
        shares=np.array(shares),
    )


def _placed(task: _Task) -> NDArray[np.int64]:
    """Place the units one by one, the largest first, each where it lowers the cost most."""
    assigned = np.full(len(task.counts), -1)
    parts = np.arange(len(task.shares))
    held = np.zeros((len(parts), task.counts.shape[1]), dtype=np.int64)
    for unit in np.argsort(-task.counts[:, 0], kind="stable"):
        change = task.costs(held + task.counts[unit], parts) - task.costs(held, parts)
        # Rounded, so that what is equal but for the last digit is a tie on every machine.
        assigned[unit] = int(np.argmin(np.round(change, 9)))
        held[assigned[unit]] += task.counts[unit]
    return assigned


def _improve(task: _Task, assigned: NDArray[np.int64]) -> bool:
    """Move or swap each unit in place once, where that helps most; tell whether anything helped."""
    changed = False
    parts = np.arange(len(task.shares))
    held = np.stack([task.counts[assigned == part].sum(axis=0) for part in parts])
    nothing = np.zeros_like(held)
    for unit, own in enumerate(task.counts):
        here, now = assigned[unit], task.costs(held, parts)
        # Into every part for nothing, and into the part of every other unit for that unit.
        into = np.concatenate([parts, assigned])
        back = np.concatenate([nothing, task.counts])
        left = task.costs(held[here] - own + back, np.full(len(into), here))
        right = task.costs(held[into] + own - back, into)
        change = np.round(left + right - now[here] - now[into], 9)
        change[into == here] = 0
        best = int(np.argmin(change))
        if change[best] >= 0:
            continue
        there = into[best]
        if best >= len(parts):
            assigned[best - len(parts)] = here
        assigned[unit] = there
        held[here] += back[best] - own
        held[there] += own - back[best]
        changed = True
    return changed
