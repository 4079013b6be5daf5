"""Testing a backbone: phone error rates by corpus, and what is taken for what."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.asr.decode import NOTHING
from undertone.asr.language import load_words
from undertone.asr.prepare import prepare_speech
from undertone.asr.recognise import phone_error_rate
from undertone.asr.word_rate import with_words
from undertone.asr.words import make_search
from undertone.backbones.files import Confusion, Score, is_head, load_backbone
from undertone.backbones.whisper_phones_files import WhisperPhonesCard, load_head
from undertone.files import write_text
from undertone.speech.phones import SYMBOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from undertone.asr.config import AsrConfig
    from undertone.asr.decode import ErrorRate
    from undertone.asr.material import Item
    from undertone.speech.lexicon import Lexicon
    from undertone.training.store import FeatureStore

    Progress = Callable[[str, int], Callable[[], None]]

MOST_CONFUSIONS: Final = 40
"""That are written down, by corpus."""

RESULTS_CHUNK: Final = 16
"""Output frames, 0.64 s together, in which the results of a run test a stream."""


def evaluate_backbone(
    folder: Path,
    config: AsrConfig,
    data: Path,
    cache: Path,
    progress: Progress,
    *,
    lexicon: Lexicon | None = None,
    chunk: int | None = None,
    words: bool = False,
    dictionary: Lexicon | None = None,
) -> list[Score]:
    """Test a finished backbone on the test part of a configuration, which need not be its own.

    Args:
        folder: of the backbone.
        config: whose corpora and held-out speakers are taken.
        data: the folder that holds one folder per corpus.
        cache: of features and alignments.
        progress: opens progress bars.
        lexicon: as `prepare_speech`.
        chunk: output frames that are heard at a time, as of a stream; None for whole utterances.
        words: whether words are tested too.
        dictionary: as `make_search`.

    Returns:
        A score for each corpus; it tells how many of its speakers the backbone had heard.

    Raises:
        BundleError: as `load_backbone`, and as `load_words` where words are tested.
        LexiconError: as `make_search`.
        ConfigError, CorpusError, MissingExtraError: as `prepare_speech`.
    """
    network, card = load_head(folder) if is_head(folder) else load_backbone(folder)
    search = make_search(load_words(folder, protocol=card.protocol), dictionary=dictionary) if words else None
    as_is = replace(
        config, head=card.sizes if isinstance(card, WhisperPhonesCard) else None, speeds=(1.0,), augmentation=None
    )
    speech = prepare_speech(as_is, data, cache, progress, lexicon=lexicon)
    heard = {(source.corpus, speaker) for source in card.sources for speaker in source.speakers}
    scores = tested(network, speech.test, speech.store, speakers=heard, seed=config.seed, chunk=chunk)
    if search is None:
        return scores
    return with_words(
        scores, network, speech.test, speech.store, search, seed=config.seed, progress=progress, chunk=chunk
    )


def tested(
    network: nn.Module,
    test: Mapping[str, Sequence[Item]],
    store: FeatureStore,
    *,
    speakers: Collection[tuple[str, str]],
    seed: int,
    chunk: int | None,
) -> list[Score]:
    """Score a network on every corpus.

    Args:
        network: a `Backbone`.
        test: the test part, by corpus.
        store: of its log-mel frames.
        speakers: corpus and name of those that the network had heard.
        seed: of the redrawing for intervals.
        chunk: output frames that are heard at a time, as of a stream; None for whole utterances.
    """
    return scores_of(error_rates(network, test, store, seed=seed, chunk=chunk), test, speakers)


def error_rates(
    network: nn.Module,
    test: Mapping[str, Sequence[Item]],
    store: FeatureStore,
    *,
    seed: int,
    chunk: int | None = None,
) -> dict[str, ErrorRate]:
    """Count the wrong phones of every corpus; the arguments are those of `tested`."""
    return {
        name: phone_error_rate(network, items, store, rng=np.random.default_rng(seed), chunk=chunk)
        for name, items in sorted(test.items())
    }


def scores_of(
    rates: Mapping[str, ErrorRate], test: Mapping[str, Sequence[Item]], speakers: Collection[tuple[str, str]]
) -> list[Score]:
    """Turn counts into scores, and count the test speakers among `speakers`, corpus and name of those heard before."""
    shared = {
        name: {item.utterance.speaker for item in test[name] if (name, item.utterance.speaker) in speakers}
        for name in rates
    }
    return [_score(name, rate, len(shared[name])) for name, rate in rates.items()]


def write_results(
    scores: Sequence[Score], rates: Mapping[str, ErrorRate], in_chunks: Sequence[Score] | None, path: Path
) -> None:
    """Write what a run's test gave as JSON: the scores, the same in chunks, and every pair of truth and hearing.

    Args:
        scores: of whole utterances, by corpus.
        rates: what they were made of.
        in_chunks: the same corpora, heard in chunks of `RESULTS_CHUNK`; None for what hears no stream.
        path: of the file.

    Raises:
        OutputError: if that cannot be done.
    """
    streamed = {score.corpus: score for score in in_chunks or ()}
    entries = []
    for score in scores:
        fields = asdict(score)
        if other := streamed.get(score.corpus):
            fields["in_chunks"] = {"chunk": RESULTS_CHUNK, "per": other.per, "low": other.low, "high": other.high}
        pairs = [[_named(truth), _named(heard), count] for truth, heard, count in rates[score.corpus].pairs]
        head = json.dumps(fields, indent=1, allow_nan=False).removesuffix("\n}")
        entries.append(f'{head},\n "pairs": {json.dumps(pairs)}\n}}')
    write_text(path, "[\n" + ",\n".join(entries) + "\n]\n")


def scores_as_json(scores: Sequence[Score]) -> str:
    """Scores as JSON text."""
    return json.dumps([asdict(score) for score in scores], indent=1, allow_nan=False)


def _score(corpus: str, rate: ErrorRate, shared: int) -> Score:
    return Score(
        corpus=corpus,
        per=round(rate.rate.value, 5),
        low=None if math.isnan(rate.rate.low) else round(rate.rate.low, 5),
        high=None if math.isnan(rate.rate.high) else round(rate.rate.high, 5),
        by=rate.by,
        utterances=rate.utterances,
        speakers=rate.speakers,
        shared_speakers=shared,
        phones=rate.said,
        substitutions=rate.substitutions,
        insertions=rate.insertions,
        deletions=rate.deletions,
        confusions=tuple(
            Confusion(truth=_named(truth), heard=_named(heard), count=count)
            for truth, heard, count in rate.confusions[:MOST_CONFUSIONS]
        ),
    )


def _named(symbol: int) -> str | None:
    return None if symbol == NOTHING else SYMBOLS[symbol]
