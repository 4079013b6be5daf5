"""From a run's configuration to the material that it learns from."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.corpora.base import read_corpus
from undertone.corpora.protocols import fold_by_speaker, protocol_hash, shared_speakers
from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError, CorpusError
from undertone.labels import EMOTIONS
from undertone.training.batches import Reading, labels_of
from undertone.training.conditions import conditions, extract, find_speech, store_key
from undertone.training.disturb import read_surroundings
from undertone.training.loop import Material

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.inference.reading import Read, Reader
    from undertone.records import Utterance
    from undertone.training.config import ReadSpeech, TrainConfig
    from undertone.training.store import FeatureStore

    Progress = Callable[[str, int], Callable[[], None]]
    """Called with a title and a total; returns what to call after each step."""

READ: Final = "read"
"""The corpus name of all read speech together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Everything a run needs from the corpora."""

    material: Material
    test: Mapping[str, Sequence[Utterance]]
    """The test part, by corpus; corpora that are only tested on are whole."""
    test_stores: Mapping[str, FeatureStore]
    """By condition: `clean`, `telephone`."""
    protocol: str
    """Hash of who is in which part."""
    speakers_shared: int
    """Test speakers that training or validation heard."""


def prepare(config: TrainConfig, data: Path, cache: Path, progress: Progress, reader: Reader | None = None) -> Prepared:
    """Read the corpora, split them by speaker and take all features that are not in `cache` yet.

    Args:
        config: the run.
        data: the folder that holds one folder per corpus.
        cache: where feature stores are kept.
        progress: opens a progress bar.
        reader: of a system that reads.

    Raises:
        CorpusError: if a corpus is missing or damaged, or its licence forbids releasing what is trained on it.
        ConfigError: if a held-out speaker does not exist, a part has no utterance, or training has less than a batch.
    """
    seen = [item for name in config.corpora for item in read_released(name, data, released=not config.private)]
    seen += read_speech(config.read_speech, data, released=not config.private)
    unseen = [
        item for name in config.unseen_corpora for item in read_released(name, data, released=False) if item.label
    ]
    fold = fold_by_speaker(seen, config.held_out)
    by_id = {item.id: item for item in seen}
    parts = {name: [by_id[item] for item in ids] for name, ids in fold.parts().items()}
    problems = [f"the {name} part has no utterance" for name, items in parts.items() if not items]
    if parts["validation"] and all(item.corpus == READ for item in parts["validation"]):
        problems.append(
            "the validation part has read speech only; hold speakers of an emotional corpus out to calibrate"
        )
    if 0 < len(parts["train"]) < config.optimisation.batch:
        problems.append(
            f"the train part has {len(parts['train'])} utterances, fewer than a batch of {config.optimisation.batch}; "
            "take a smaller batch"
        )
    if problems:
        raise ConfigError("protocol", problems)
    parts["test"] += unseen
    stores = _stores(config, parts, data, cache, progress)
    test: dict[str, list[Utterance]] = {}
    for item in parts["test"]:
        test.setdefault(item.corpus, []).append(item)
    return Prepared(
        material=Material(
            train=parts["train"],
            train_stores=[store for (part, _), store in stores.items() if part == "train"],
            validation=parts["validation"],
            validation_stores=[store for (part, _), store in stores.items() if part == "validation"],
            allowed=_labels_at_stake(seen),
            reading=None
            if reader is None or config.text is None
            else Reading(reader=reader, of=_read_all(reader, parts, stores, progress), withheld=config.text.withheld),
        ),
        test=test,
        test_stores={condition: store for (part, condition), store in stores.items() if part == "test"},
        protocol=protocol_hash([fold]),
        speakers_shared=len(shared_speakers(fold, seen)),
    )


def _read_all(
    reader: Reader,
    parts: Mapping[str, Sequence[Utterance]],
    stores: Mapping[tuple[str, str], FeatureStore],
    progress: Progress,
) -> dict[str, Read]:
    """Read every utterance as it was said clean; a disturbed copy has the same words at the same time.

    What people read aloud gets the transcript of somebody who acts, in turn: one look at its own would tell that nobody
    acted, and so would having none.
    """
    found = {}
    for part, items in parts.items():
        advance = progress(f"transcripts of {part}", len(items))
        acted = [item.text for item in items if item.corpus != READ] or [None]
        for number, item in enumerate(items):
            read = reader.read(stores[part, "clean"].features(item.id), item.text, english=item.language == "en")
            if item.corpus == READ:
                # Strides of a prime: corpora stand in blocks, and all of them are to be drawn on.
                other = acted[number * 7919 % len(acted)]
                read = replace(read, tokens=reader.tokens(other or ""))
            found[item.id] = read
            advance()
    return found


def _labels_at_stake(utterances: Sequence[Utterance]) -> dict[str, NDArray[np.bool_]]:
    """The labels each corpus has; all of them for read speech, which says that the other six are absent."""
    found = labels_of([item for item in utterances if item.label])
    return {name: np.ones(len(EMOTIONS), dtype=np.bool_) if name == READ else known for name, known in found.items()}


def read_speech(how: ReadSpeech, data: Path, *, released: bool = True) -> list[Utterance]:
    """Take read speech as neutral, under the one corpus name `READ`.

    Args:
        how: which, and how much.
        data: the folder that holds one folder per corpus.
        released: whether what learns from it is to be passed on.

    Raises:
        CorpusError: as `prepare`.
    """
    taken = []
    for name in how.corpora:
        by_speaker: dict[str, list[Utterance]] = {}
        for item in read_released(name, data, released=released):
            if how.least_s <= item.duration <= how.most_s:
                by_speaker.setdefault(item.speaker, []).append(item)
        turns = itertools.zip_longest(*(by_speaker[speaker] for speaker in sorted(by_speaker)))
        spread = [item for row in turns for item in row if item is not None]
        taken += [replace(item, corpus=READ, emotion="neutral") for item in spread[: how.per_corpus]]
    return taken


def read_released(name: str, data: Path, *, released: bool = True) -> tuple[Utterance, ...]:
    """Read a corpus; one that is learned from by what is to be released must allow that."""
    corpus = corpus_named(name)
    if released and not corpus.card.model_may_be_released:
        raise CorpusError(
            name,
            f"its licence ({corpus.card.licence}) forbids releasing a model; list it under unseen_corpora, or set "
            "private = true and keep the bundle to yourself",
        )
    return read_corpus(corpus, data / name)


def _stores(
    config: TrainConfig, parts: Mapping[str, Sequence[Utterance]], data: Path, cache: Path, progress: Progress
) -> dict[tuple[str, str], FeatureStore]:
    """Open or make the stores: training is heard clean and disturbed, the other parts clean and by telephone."""
    surroundings = read_surroundings(data, config.augmentation.noise_folders)
    heard = conditions(config.augmentation, surroundings)
    draws = {"seed": config.seed, "how": asdict(config.augmentation), "surroundings": surroundings.fingerprint()}
    stores = {}
    for part, items in parts.items():
        speech = find_speech(items, cache, progress(f"speech in {part}", len(items)))
        names = [
            name for name in heard if (name != "telephone" if part == "train" else not name.startswith("disturbed"))
        ]
        for name in names:
            detail = draws if name.startswith("disturbed") else {}
            folder = cache / f"{part}-{store_key(items, config.front_end, name, detail)}"
            stores[part, name] = extract(
                items,
                front_end=config.front_end,
                disturb=heard[name],
                seed=config.seed,
                speech=speech,
                folder=folder,
                advance=progress(f"features of {part}, {name}", len(items)),
            )
    return stores
