"""What has been judged, as it is written down: `claims.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from undertone.errors import ResultError
from undertone.files import make_folder, write_text
from undertone.parsing import parse_record

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.experiments.claims import Expectation

FORMAT: Final = 1

HOLDS: Final = "holds"
IN_PART: Final = "holds in part"
UNDECIDED: Final = "undecided"
MIXED: Final = "mixed"
CONTRADICTED: Final = "contradicted"
NOT_RUN: Final = "not run"

VERDICTS: Final = (HOLDS, IN_PART, UNDECIDED, MIXED, CONTRADICTED, NOT_RUN)
"""Of a claim. A finding knows the first, the third and the fifth; an expectation the fourth as well."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One difference in UA, as a share, with its 95 % interval: what one test found."""

    protocol: str | None
    """None for the mean of the protocols' differences."""
    value: float | None
    low: float | None
    """None where it is not defined, as `high` and both p."""
    high: float | None
    p: float | None
    corrected_p: float | None
    """Holm's, over all findings of the claim."""
    outcome: str


@dataclass(frozen=True, kw_only=True)
class JudgedExpectation:
    """What was expected, and what was seen."""

    better: str
    worse: str
    by_more_than: tuple[str, ...]
    outcome: str
    findings: tuple[Finding, ...]
    """One for each protocol, then their mean."""


def expectation_text(item: JudgedExpectation | Expectation) -> str:
    """What is expected, in a line."""
    beyond = " by more than {} > {}".format(*item.by_more_than) if item.by_more_than else ""
    return f"{item.better} > {item.worse}{beyond}"


@dataclass(frozen=True, kw_only=True)
class JudgedClaim:
    """A claim with its verdict."""

    claim: str
    title: str
    says: str
    source: str
    cannot_tell: str
    protocols: tuple[str, ...]
    curve: tuple[str, ...]
    verdict: str
    missing: tuple[str, ...]
    """Why it is not judged: results that are not there or do not fit."""
    expectations: tuple[JudgedExpectation, ...]
    """Empty where it is not judged."""


@dataclass(frozen=True, kw_only=True)
class RunScore:
    """The UA of one run on one protocol, a share: mean over seeds, 95 % interval over speakers."""

    protocol: str
    value: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class JudgedRun:
    """A run that has results."""

    run: str
    says: str
    learner: str
    source: str
    encoder: str | None
    weights: str
    revision: str | None
    """Fingerprint of the encoder with its weights."""
    settings: dict[str, str]
    scores: tuple[RunScore, ...]


@dataclass(frozen=True, kw_only=True)
class JudgedProtocol:
    """A protocol that has results."""

    name: str
    hash: str
    stamp: str
    """Whether test speakers were heard before."""
    corpus_hash: str
    utterances: int
    speakers: int | None
    """None where nobody knows who speaks."""
    by: str
    """What intervals redraw: `speaker` or `utterance`."""
    classes: int


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """All claims about one system."""

    format: int
    study: str
    command: str
    commit: str
    """Of the code that judged; each result tells that of its own."""
    metric: str
    level: float
    """Below which a corrected p decides."""
    draws: int
    claims: tuple[JudgedClaim, ...]
    runs: tuple[JudgedRun, ...]
    protocols: tuple[JudgedProtocol, ...]


def write_judgement(judgement: Judgement, path: Path) -> None:
    """Write what has been judged.

    Raises:
        OutputError: if the file cannot be written.
    """
    make_folder(path.parent)
    write_text(path, json.dumps(asdict(judgement), indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_judgement(path: Path) -> Judgement:
    """Read what has been judged.

    Raises:
        ResultError: if the file is missing, is of another format, or a field does not fit.
    """
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(
            str(path), f"no claims can be read ({error}); name a claims.json that `undertone claims` wrote"
        ) from error
    if isinstance(table, dict) and table.get("format") != FORMAT:
        raise ResultError(
            str(path), f"its format is {table.get('format')!r}; {FORMAT} is read. Run `undertone claims --judge-only`"
        )
    problems: list[str] = []
    judgement = parse_record(Judgement, table, problems)
    if judgement is None:
        raise ResultError(str(path), "; ".join(problems[:8]))
    return judgement
