"""Which results may stand in one table: those of the same protocol, and none whose encoder knows nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import ResultError
from undertone.experiments.scoring import arrange, groups_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from undertone.experiments.results import Result
    from undertone.experiments.scoring import Scored

SHARED: Final = (
    ("test sentences", "test_sentences", "shared_sentences"),
    ("test dialogues", "test_dialogues", "shared_dialogues"),
    ("test recordings", "test_recordings", "shared_recordings"),
    ("test utterances, or copies of them,", "test_utterances", "near_duplicates"),
)
"""What a test part may share beside speakers, and the fields of a fold that count it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A result with the name that it has in this report, which no other result has."""

    name: str
    result: Result
    scored: Scored
    """The result's predictions as arrays."""

    @property
    def short(self) -> str:
        """The name without the protocol's, for tables of one protocol."""
        return self.name.replace(f" on {self.result.protocol.name}", "", 1)

    @property
    def random(self) -> bool:
        """Whether the encoder's weights were never trained: then no number is an accuracy of anything."""
        return self.result.weights == "random"

    @property
    def utterances(self) -> int:
        return len(set(self.scored.ids))

    @property
    def speakers(self) -> int | None:
        """None where nobody knows who speaks."""
        return len(set(self.scored.speakers)) if self.result.protocol.speakers_known else None

    @property
    def redrawn(self) -> str:
        """What its intervals redraw: `speaker` or `utterance`."""
        return groups_of(self.scored, speakers_known=self.result.protocol.speakers_known).by


@dataclass(frozen=True, kw_only=True, eq=False)
class Group:
    """Results of one protocol on the same corpora and classes."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> Result:
        return self.entries[0].result


def entries_of(results: Iterable[Result]) -> tuple[Entry, ...]:
    """Name every result; a name that was there before gets a number.

    Raises:
        ResultError: if a prediction has not one probability for each label, or a result's predictions do not fit
            together otherwise (`undertone.experiments.scoring.arrange`).
    """
    found: list[Entry] = []
    taken: dict[str, int] = {}
    for result in results:
        _require_probabilities(result)
        name = one_line(result.name)
        taken[name] = taken.get(name, 0) + 1
        unique = name if taken[name] == 1 else f"{name} ({taken[name]})"
        found.append(Entry(name=unique, result=result, scored=arrange(result.labels, result.predictions)))
    return tuple(found)


def _require_probabilities(result: Result) -> None:
    odd = next((item for item in result.predictions if len(item.probabilities) != len(result.labels)), None)
    if odd:
        raise ResultError(
            result.name,
            f"the prediction of {odd.id} has {len(odd.probabilities)} probabilities; there are {len(result.labels)} "
            "labels. Run the experiment again",
        )


def grouped(entries: Sequence[Entry]) -> tuple[Group, ...]:
    """Sort entries by what they may be compared within, in the order in which they come."""
    found: dict[tuple[object, ...], list[Entry]] = {}
    for entry in entries:
        result = entry.result
        key = (result.corpora, result.protocol.name, result.protocol.hash, result.labels)
        found.setdefault(key, []).append(entry)
    return tuple(Group(entries=tuple(members)) for members in found.values())


def stamp_of(result: Result) -> str:
    """What stands beside every number: whether test speakers were trained on, and how many."""
    stamp = result.protocol.stamp
    if stamp != "speaker-dependent":
        return stamp
    shared = _shared([(fold.shared_speakers, fold.test_speakers) for fold in result.protocol.folds], "test speakers")
    return f"{stamp} ({shared} were trained on)"


def shared_of(result: Result) -> tuple[str, ...]:
    """What the test parts share with training beside speakers, as far as the corpus tells; nothing is said of what is
    not shared, but for sentences.
    """
    told = []
    for kind, test, shared in SHARED:
        counts = [(getattr(fold, shared), getattr(fold, test)) for fold in result.protocol.folds]
        if not counts or any(count is None for pair in counts for count in pair):
            continue
        if any(count for count, _ in counts):
            told.append(f"{_shared(counts, kind)} were trained on")
        elif kind == "test sentences":
            told.append("no test sentence was trained on")
    return tuple(told)


def _shared(counts: Sequence[tuple[int, int]], what: str) -> str:
    """How many of how many: of one fold where all are alike, of all folds together where they are not."""
    if len(set(counts)) == 1:
        return f"{counts[0][0]} of {counts[0][1]} {what}"
    shared, tested = (sum(column) for column in zip(*counts, strict=True))
    return f"{shared} of {tested} {what} over {len(counts)} folds"


def one_line(text: str) -> str:
    """A text for one line: spaces joined, characters that no font shows marked."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))
