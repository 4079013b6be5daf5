"""One learner on one protocol: every fold, every seed, every prediction."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.corpora.audit import audit_protocol
from undertone.corpora.own_rows import speakers_known
from undertone.corpora.protocols import apply_protocol
from undertone.corpora.ratings import targets_of
from undertone.encoders.registry import JOIN, encoders_named
from undertone.errors import ConfigError, ResultError
from undertone.experiments.provenance import commit, machine, versions
from undertone.experiments.results import FORMAT, FitRecord, Prediction, ProtocolStamp, Result
from undertone.experiments.scoring import score_result
from undertone.files import make_folder, write_text
from undertone.learners.base import Fitting, Part
from undertone.parsing import parse_record
from undertone.training.parallel import ALONE, Workers, in_turn, wait_for_all
from undertone.training.store import open_or_extract

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.corpora.base import Exclusion
    from undertone.corpora.protocols import Protocol, Split
    from undertone.encoders.base import Encoder
    from undertone.learners.base import Fitted, Learner
    from undertone.records import Utterance
    from undertone.training.store import FeatureStore

    Progress = Callable[[str, int], Callable[[], None]]
    """Called with a title and a total; returns what to call after each step."""

UNSEEN: Final = -1
"""What a learner is told as the truth of a test utterance."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """What is run: one learner, with what it hears, on one protocol."""

    learner: Learner
    settings: Any
    encoder: str | None
    """The name of the encoder, or several, joined by ` + `; the learner's own unless a run says otherwise."""
    protocol: Protocol
    seeds: tuple[int, ...]
    exclusions: tuple[Exclusion, ...] = ()
    votes: bool = False
    """Whether networks are taught the raters' votes, where the corpus tells them, instead of the category."""
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class FoldOutcome:
    """What is kept of one fold and seed: enough to make the result without fitting again."""

    fit: FitRecord
    predictions: tuple[Prediction, ...]


def cross_validate(
    experiment: Experiment,
    utterances: Sequence[Utterance],
    *,
    folder: Path,
    progress: Progress,
    workers: Workers = ALONE,
) -> Result | None:
    """Fit and test every fold with every seed; goes on where an earlier call with the same folder stopped.

    Several processes share the fits between them; the result does not depend on how many there are.

    Args:
        experiment: what is run.
        utterances: the corpora of the protocol, whole.
        folder: for features, checkpoints and finished folds.
        progress: opens a progress bar.
        workers: the processes that work together.

    Returns:
        The result; None in all processes but the first.

    Raises:
        ConfigError: if a class is missing in the training part of a fold.
        CorpusError: as `apply_protocol` and `open_or_extract`.
        UsageError: if the learner cannot hear through the encoder.
        MissingExtraError: if the encoder needs packages that are not installed.
    """
    protocol, learner = experiment.protocol, experiment.learner
    splits = apply_protocol(protocol, utterances, experiment.exclusions)
    _require_classes(protocol, splits)
    seeds = experiment.seeds if learner.seeded else experiment.seeds[:1]
    encoders = encoders_named(experiment.encoder) if experiment.encoder else ()
    stores = _stores(encoders, utterances, folder / "features", progress, workers)
    corpus_hash = hash_of_corpus(splits, protocol)
    place = folder / "-".join((protocol.name.replace("/", "."), learner.name, _key(experiment, encoders, corpus_hash)))
    jobs = [(number, seed) for number in range(len(splits)) for seed in seeds]
    mine = jobs[workers.rank :: workers.count]
    advance = progress(f"{learner.name} on {protocol.name}, folds and seeds", len(mine))
    for number, seed in mine:
        path = _outcome_path(place, number, seed)
        if not path.is_file():
            outcome = _run_fold(experiment, splits[number], stores, number, seed, path.with_suffix(""))
            write_text(path, json.dumps(asdict(outcome), ensure_ascii=False))
        advance()
    wait_for_all(workers)
    if workers.rank:
        return None
    outcomes = [_read_outcome(_outcome_path(place, number, seed)) for number, seed in jobs]
    return _assemble(experiment, encoders, seeds, outcomes, corpus_hash, utterances)


def hash_of_corpus(splits: Sequence[Split], protocol: Protocol) -> str:
    """Fingerprint what was used of the corpora: ids, classes and durations, in 12 hexadecimal digits."""
    used = {item.id: item for split in splits for part in split.parts().values() for item in part}
    digest = hashlib.sha256()
    for name in sorted(used):
        item = used[name]
        digest.update(f"{name}\t{protocol.classes[item.emotion or '']}\t{item.duration:.3f}\n".encode())
    return digest.hexdigest()[:12]


def _require_classes(protocol: Protocol, splits: Sequence[Split]) -> None:
    problems = []
    for number, split in enumerate(splits, start=1):
        for part, items in split.parts().items():
            if not items:
                problems.append(f"fold {number} has no utterance in its {part} part")
        heard = {protocol.classes[item.emotion or ""] for item in split.train}
        problems += [
            f"fold {number} has no {name} utterance to train on" for name in protocol.labels if name not in heard
        ]
    if problems:
        raise ConfigError(protocol.name, [*problems, "take another protocol, or leave the class out"])


def _stores(
    encoders: Sequence[Encoder], utterances: Sequence[Utterance], cache: Path, progress: Progress, workers: Workers
) -> tuple[FeatureStore, ...]:
    """Open the features of the whole corpus, so that all its protocols share them; the first process takes them."""
    found = []
    for encoder in encoders:
        with in_turn(workers):
            found.append(open_or_extract(utterances, encoder, cache, progress))
    return tuple(found)


def _key(experiment: Experiment, encoders: Sequence[Encoder], corpus_hash: str) -> str:
    """Fingerprint everything that a fold's outcome depends on beside the code."""
    held = [
        asdict(experiment.settings), experiment.protocol.hash, corpus_hash, _joined(encoders, "revision"),
        [item.id for item in experiment.exclusions], *(["votes"] if experiment.votes else []),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()[:12]


def _joined(encoders: Sequence[Encoder], name: str) -> str | None:
    """A text that every encoder has, of all of them; None without an encoder."""
    return JOIN.join(getattr(encoder, name) for encoder in encoders) if encoders else None


def _outcome_path(place: Path, number: int, seed: int) -> Path:
    return place / f"fold-{number + 1}-seed-{seed}.json"


def _run_fold(
    experiment: Experiment, split: Split, stores: tuple[FeatureStore, ...], number: int, seed: int, folder: Path
) -> FoldOutcome:
    """Fit one fold and predict its test part, whose truth the learner never sees."""
    protocol = experiment.protocol
    make_folder(folder)
    begun = time.perf_counter()
    fitted = experiment.learner.fit(
        _part(split.train, experiment, stores),
        _part(split.validation, experiment, stores),
        Fitting(labels=protocol.labels, settings=experiment.settings, seed=seed, folder=folder),
    )
    rows = _predict(fitted, split.test, stores)
    seconds = time.perf_counter() - begun
    predictions = tuple(
        Prediction(
            id=item.id,
            speaker=item.speaker,
            fold=number + 1,
            seed=seed,
            truth=protocol.classes[item.emotion or ""],
            probabilities=tuple(round(float(value), 4) for value in row),
        )
        for item, row in zip(split.test, rows, strict=True)
    )
    record = FitRecord(
        fold=number + 1,
        seed=seed,
        seconds=round(seconds, 3),
        chosen={name: round(float(value), 6) for name, value in fitted.chosen.items()},
        history=tuple({name: round(float(value), 5) for name, value in row.items()} for row in fitted.history),
    )
    return FoldOutcome(fit=record, predictions=predictions)


def _part(items: tuple[Utterance, ...], experiment: Experiment, stores: tuple[FeatureStore, ...]) -> Part:
    protocol = experiment.protocol
    index = {name: number for number, name in enumerate(protocol.labels)}
    return Part(
        utterances=items,
        truth=np.array([index[protocol.classes[item.emotion or ""]] for item in items], dtype=np.int64),
        targets=targets_of(items, protocol.classes, protocol.labels, votes=experiment.votes),
        store=stores[0] if stores else None,
        others=stores[1:],
    )


def _predict(fitted: Fitted, items: tuple[Utterance, ...], stores: tuple[FeatureStore, ...]) -> NDArray[np.float64]:
    hidden = Part(
        utterances=items,
        truth=np.full(len(items), UNSEEN, dtype=np.int64),
        targets=np.full((len(items), 1), np.nan),
        store=stores[0] if stores else None,
        others=stores[1:],
    )
    return fitted.predict(hidden)


def _read_outcome(path: Path) -> FoldOutcome:
    problems: list[str] = []
    outcome = parse_record(FoldOutcome, json.loads(path.read_text(encoding="utf-8")), problems)
    if outcome is None:
        raise ResultError(str(path), f"it is no fold's outcome ({problems[0]}); remove it and call again")
    return outcome


def _assemble(
    experiment: Experiment,
    encoders: Sequence[Encoder],
    seeds: tuple[int, ...],
    outcomes: Sequence[FoldOutcome],
    corpus_hash: str,
    utterances: Sequence[Utterance],
) -> Result:
    protocol, learner = experiment.protocol, experiment.learner
    predictions = tuple(row for outcome in outcomes for row in outcome.predictions)
    fits = tuple(outcome.fit for outcome in outcomes)
    known = speakers_known(utterances)
    named = {name for fold in protocol.folds for part in fold.parts().values() for name in part}
    return Result(
        format=FORMAT,
        name=f"{learner.name} on {protocol.name}",
        learner=learner.name,
        title=learner.title,
        source=learner.source,
        encoder=experiment.encoder,
        weights=_joined(encoders, "weights") or "none",
        corpora=tuple(sorted({item.corpus for item in utterances if item.id in named})),
        corpus_hash=corpus_hash,
        protocol=ProtocolStamp(
            name=protocol.name,
            hash=protocol.hash,
            title=protocol.title,
            source=protocol.source,
            speakers_known=known,
            folds=audit_protocol(protocol, utterances, exclusions=experiment.exclusions),
        ),
        excluded=tuple(item for item in experiment.exclusions if item.id in named),
        labels=protocol.labels,
        seeds=seeds,
        settings=flat_settings(asdict(experiment.settings)),
        taught="votes" if experiment.votes else "category",
        command=experiment.command,
        commit=commit(),
        versions=versions(),
        machine=machine(),
        seconds=round(sum(fit.seconds for fit in fits), 1),
        scores=score_result(protocol.labels, predictions, np.random.default_rng(0), speakers_known=known),
        fits=fits,
        predictions=predictions,
        revision=_joined(encoders, "revision"),
    )


def flat_settings(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Settings by dotted name, as a result tells them: text."""
    rows: dict[str, str] = {}
    for name, value in settings.items():
        rows |= flat_settings(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": str(value)}
    return rows


def default_settings(kind: type[Any]) -> dict[str, str]:
    """What the settings of a kind are where nobody says otherwise, as `flat_settings` names them."""
    values = {item.name: item.default for item in fields(kind) if item.default is not MISSING}
    tables = {item.name: asdict(item.default_factory()) for item in fields(kind) if item.default_factory is not MISSING}
    return flat_settings(values | tables)
