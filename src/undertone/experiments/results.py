"""A result: one learner on one protocol, with every prediction, so that any two can be compared afterwards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Final

from undertone.corpora.audit import FoldAudit as FoldAudit  # noqa: PLC0414  offered here too: part of a result
from undertone.corpora.audit import stamp_of
from undertone.corpora.base import Exclusion  # noqa: TC001  the hints are read at run time
from undertone.errors import ResultError
from undertone.files import write_text
from undertone.metrics.uncertainty import Estimate  # noqa: TC001
from undertone.parsing import parse_record

if TYPE_CHECKING:
    from pathlib import Path

FORMAT: Final = 1


@dataclass(frozen=True, kw_only=True)
class ProtocolStamp:
    """Which protocol a number belongs to."""

    name: str
    hash: str
    title: str
    source: str
    speakers_known: bool
    """False where the corpus does not say who speaks: then nobody knows what is shared."""
    folds: tuple[FoldAudit, ...]

    @property
    def stamp(self) -> str:
        """What must stand beside every number."""
        return stamp_of(self.folds, known=self.speakers_known)


@dataclass(frozen=True, kw_only=True)
class FitRecord:
    """How one fold with one seed was fitted."""

    fold: int
    seed: int
    seconds: float
    chosen: dict[str, float] = field(default_factory=dict)
    """What the validation part chose."""
    history: tuple[dict[str, float], ...] = ()
    """Figures by epoch."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    id: str
    speaker: str
    fold: int
    seed: int
    truth: str
    probabilities: tuple[float, ...]
    """In the order of `Result.labels`."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One learner on one protocol."""

    format: int
    name: str
    learner: str
    title: str
    source: str
    """Of the learner: the paper, or that it is a reconstruction, or ours."""
    encoder: str | None
    weights: str
    """Of the encoder: `none`, `random` (then no number here is an accuracy of anything), or the checkpoint's name."""
    corpora: tuple[str, ...]
    corpus_hash: str
    """Of the ids, durations and labels that were used."""
    protocol: ProtocolStamp
    excluded: tuple[Exclusion, ...]
    labels: tuple[str, ...]
    seeds: tuple[int, ...]
    settings: dict[str, str]
    taught: str
    """What networks were taught: `category`, or `votes` of the raters where the corpus tells them."""
    command: str
    commit: str
    versions: dict[str, str]
    machine: str
    seconds: float
    """Of fitting and testing, without taking features."""
    scores: dict[str, Estimate]
    """By metric: pooled over folds, mean over seeds, interval over speakers."""
    fits: tuple[FitRecord, ...]
    predictions: tuple[Prediction, ...]
    revision: str | None = None
    """Of the encoder: fingerprint of its version, settings and weights; None for one that hears nothing, and in files
    that were written before there was this field."""


def write_result(result: Result, path: Path) -> None:
    """Write a result, a line a prediction.

    Raises:
        OutputError: if the file cannot be written.
    """
    record = asdict(result)
    rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in record.pop("predictions"))
    head = json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False)[:-2]
    write_text(path, f'{head},\n "predictions": [\n  {rows}\n ]\n}}\n')


def read_result(path: Path) -> Result:
    """Read a result.

    Raises:
        ResultError: if the file is missing, is of another format, or a field does not fit; all of them are named.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(
            str(path), f"it is not a result ({error}); name a file that `undertone crossval` wrote"
        ) from error
    if isinstance(table, dict) and table.get("format") != FORMAT:
        raise ResultError(
            str(path), f"its format is {table.get('format')!r}; {FORMAT} is read. Run the experiment again"
        )
    problems: list[str] = []
    result = parse_record(Result, table, problems)
    if result is None:
        raise ResultError(str(path), "; ".join(problems[:8]))
    return result
