"""From a configuration to what is trained on, chosen with and tested."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from undertone.asr.alignments import Task, align
from undertone.asr.hearing import at_speed, encoder_of, hearing_of, in_surroundings
from undertone.asr.material import Condition, make_item, make_material
from undertone.corpora.base import read_corpus
from undertone.corpora.protocols import Fold, HeldOut, held_out_problems, protocol_hash
from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError, CorpusError, TranscriptError
from undertone.speech.phones import indices_of
from undertone.speech.pronounce import pronouncer
from undertone.training.disturb import read_surroundings
from undertone.training.store import open_or_extract, sound_fingerprints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from undertone.asr.alignments import Segment
    from undertone.asr.config import AsrConfig
    from undertone.asr.material import Item, SpeechMaterial
    from undertone.corpora.base import Corpus
    from undertone.encoders.base import Encoder
    from undertone.records import Utterance
    from undertone.speech.lexicon import Lexicon
    from undertone.speech.pronounce import Spoken
    from undertone.training.store import FeatureStore

    Progress = Callable[[str, int], Callable[[], None]]

TOO_LONG: Final = "too long to train on"
TOO_DENSE: Final = "more phones than frames"


@dataclass(frozen=True, kw_only=True, eq=False)
class Speech:
    """The speech of a configuration, by part."""

    train: SpeechMaterial
    validation: tuple[Item, ...]
    test: Mapping[str, tuple[Item, ...]]
    """By corpus."""
    store: FeatureStore
    """Of the sound as it is: what is chosen with and tested."""
    fold: Fold
    left_out: Mapping[str, Mapping[str, int]]
    """How many utterances cannot be used, by corpus and reason."""

    @property
    def protocol(self) -> str:
        """Hash of who is in which part."""
        return protocol_hash([self.fold])


def prepare_speech(
    config: AsrConfig, data: Path, cache: Path, progress: Progress, *, lexicon: Lexicon | None = None
) -> Speech:
    """Read the corpora, split them, align them and take the features that are not in `cache` yet.

    Args:
        config: the run.
        data: the folder that holds one folder per corpus.
        cache: of features and alignments.
        progress: opens a progress bar.
        lexicon: how words are pronounced; None takes the CMU dictionary, and sounds out the words that it lacks.

    Raises:
        CorpusError: if a corpus is missing, damaged or not in English, or its licence forbids releasing a model.
        ConfigError: if a held-out speaker does not exist, or a part has no utterance.
        MissingExtraError: if PocketSphinx is needed and not installed, or the weights of Whisper.
    """
    left_out: dict[str, Counter[str]] = {name: Counter() for name in config.corpora}
    items = {item.utterance.id: item for item in _items(config, data, cache, progress, lexicon, left_out)}
    fold = split_speech([item.utterance for item in items.values()], config.held_out, config.official)
    parts = {part: [items[name] for name in ids] for part, ids in fold.parts().items()}
    long = [item for item in parts["train"] if item.utterance.duration > config.longest_s]
    train = [item for item in parts["train"] if item.utterance.duration <= config.longest_s]
    _count(left_out, long, TOO_LONG)
    used = parts | {"train": train}
    problems = [f"the {part} part has no utterance" for part, found in used.items() if not found]
    if problems:
        raise ConfigError("protocol", problems)
    encoder = encoder_of(config)
    store = open_or_extract([item.utterance for item in items.values()], encoder, cache, progress)
    material = make_material(train, _conditions(config, train, encoder, store, data, cache, progress))
    learned = {item.utterance.id for item in material.items}
    _count(left_out, [item for item in train if item.utterance.id not in learned], TOO_DENSE)
    test: dict[str, list[Item]] = {}
    for item in parts["test"]:
        test.setdefault(item.utterance.corpus, []).append(item)
    return Speech(
        train=material,
        validation=tuple(parts["validation"]),
        test={name: tuple(found) for name, found in test.items()},
        store=store,
        fold=fold,
        left_out={name: dict(counts) for name, counts in left_out.items()},
    )


def split_speech(utterances: Sequence[Utterance], held_out: Mapping[str, HeldOut], official: Sequence[str]) -> Fold:
    """Split by held-out speakers, and by the corpus's own test part where that is asked for.

    Args:
        utterances: of all corpora together.
        held_out: speakers for validation and test, by corpus; the others are trained on.
        official: corpora whose utterances of the split `test` are tested on, whoever speaks.

    Raises:
        ConfigError: if a held-out speaker is unknown or is held out twice, or a corpus has no test part of its own.
    """
    nobody = HeldOut(validation=(), test=())
    problems = held_out_problems(utterances, held_out)
    problems += [
        f"{corpus} has no test part of its own; hold speakers out"
        for corpus in official
        if not any(item.corpus == corpus and _is_test(item) for item in utterances)
    ]
    if problems:
        raise ConfigError("protocol", problems)
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for item in utterances:
        speakers = held_out.get(item.corpus, nobody)
        tested = item.speaker in speakers.test or (item.corpus in official and _is_test(item))
        part = "test" if tested else "validation" if item.speaker in speakers.validation else "train"
        parts[part].append(item.id)
    return Fold(**{name: tuple(sorted(ids)) for name, ids in parts.items()})


def _items(
    config: AsrConfig,
    data: Path,
    cache: Path,
    progress: Progress,
    lexicon: Lexicon | None,
    left_out: Mapping[str, Counter[str]],
) -> Iterator[Item]:
    """Read, pronounce and align the corpora."""
    say = pronouncer(lexicon)
    for name in config.corpora:
        corpus = corpus_named(name)
        _require_usable(corpus)
        spoken = _spoken(read_corpus(corpus, data / name), say, left_out[name])
        found = _aligned(spoken, cache / "alignments" / f"{name}.jsonl", config, progress)
        for utterance, words in spoken:
            first = indices_of(phone for word in words for phone in word.pronunciations[0])
            yield make_item(utterance, first, found.get(utterance.id))


def _count(counts: Mapping[str, Counter[str]], items: Sequence[Item], reason: str) -> None:
    """Count items that are left out, by their corpus."""
    for item in items:
        counts[item.utterance.corpus][reason] += 1


def _is_test(item: Utterance) -> bool:
    """Whether a corpus's own split says test; some tables write the corpus's name before it."""
    return (item.split or "").removeprefix(f"{item.corpus}_") == "test"


def _require_usable(corpus: Corpus) -> None:
    card = corpus.card
    if not card.model_may_be_released:
        raise CorpusError(card.name, f"its licence ({card.licence}) forbids releasing a model; take another corpus")
    if card.language != "en":
        raise CorpusError(card.name, f"its language is {card.language}; phones are known for en")


def _spoken(
    utterances: Sequence[Utterance],
    say: Callable[[str], tuple[Spoken, ...]],
    left_out: Counter[str],
) -> list[tuple[Utterance, tuple[Spoken, ...]]]:
    """Give every utterance the words that are said in it; those without are counted."""
    found = []
    for item in utterances:
        try:
            words = say(item.text or "")
        except TranscriptError:
            left_out["its text cannot be pronounced"] += 1
            continue
        if words:
            found.append((item, words))
        else:
            left_out["no text"] += 1
    return found


def _aligned(
    spoken: Sequence[tuple[Utterance, tuple[Spoken, ...]]], path: Path, config: AsrConfig, progress: Progress
) -> Mapping[str, tuple[Segment, ...]]:
    if config.optimisation.ctc_share == 1:
        return {}
    tasks = [
        Task(utterance=item, words=tuple((word.word, word.pronunciations) for word in words)) for item, words in spoken
    ]
    return align(tasks, sound_fingerprints([item for item, _ in spoken]), path, progress=progress)


def _conditions(
    config: AsrConfig,
    train: Sequence[Item],
    encoder: Encoder,
    plain: FeatureStore,
    data: Path,
    cache: Path,
    progress: Progress,
) -> list[Condition]:
    """Open or make the stores that training hears."""
    utterances, hearing = [item.utterance for item in train], hearing_of(config)

    def heard_at(speed: float) -> FeatureStore:
        return plain if speed == 1 else open_or_extract(utterances, at_speed(encoder, speed), cache, progress)

    found = [Condition(store=heard_at(speed), speed=speed, hearing=hearing) for speed in config.speeds]
    how = config.augmentation
    if how is not None:
        surroundings = read_surroundings(data, how.noise_folders)
        others = [
            in_surroundings(encoder, how, surroundings, seed=config.seed, copy=copy) for copy in range(how.copies)
        ]
        found += [
            Condition(store=open_or_extract(utterances, each, cache, progress), hearing=hearing) for each in others
        ]
    return found


def as_settings(config: AsrConfig) -> dict[str, object]:
    """The configuration as plain JSON, with every default."""
    return asdict(config)
