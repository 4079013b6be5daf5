"""Testing a backbone: phone error rates by corpus, and what is taken for what."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.asr.decode import NOTHING
from undertone.asr.prepare import prepare_speech
from undertone.asr.recognise import phone_error_rate
from undertone.backbones.files import Confusion, Score, load_backbone
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


def evaluate_backbone(
    folder: Path, config: AsrConfig, data: Path, cache: Path, progress: Progress, *, lexicon: Lexicon | None = None
) -> list[Score]:
    """Test a finished backbone on the test part of a configuration, which need not be its own.

    Args:
        folder: of the backbone.
        config: whose corpora and held-out speakers are taken.
        data: the folder that holds one folder per corpus.
        cache: of features and alignments.
        progress: opens progress bars.
        lexicon: as `prepare_speech`.

    Returns:
        A score for each corpus; it tells how many of its speakers the backbone had heard.

    Raises:
        BundleError: as `load_backbone`.
        ConfigError, CorpusError, MissingExtraError: as `prepare_speech`.
    """
    network, card = load_backbone(folder)
    as_is = replace(config, speeds=(1.0,), augmentation=None)
    speech = prepare_speech(as_is, data, cache, progress, lexicon=lexicon)
    heard = {(source.corpus, speaker) for source in card.sources for speaker in source.speakers}
    return tested(network, speech.test, speech.store, speakers=heard, seed=config.seed)


def tested(
    network: nn.Module,
    test: Mapping[str, Sequence[Item]],
    store: FeatureStore,
    *,
    speakers: Collection[tuple[str, str]],
    seed: int,
) -> list[Score]:
    """Count the wrong phones of every corpus.

    Args:
        network: a `Backbone`.
        test: the test part, by corpus.
        store: of its log-mel frames.
        speakers: corpus and name of those that the network had heard.
        seed: of the redrawing for intervals.
    """
    scores = []
    for name, items in sorted(test.items()):
        rate = phone_error_rate(network, items, store, rng=np.random.default_rng(seed))
        shared = {item.utterance.speaker for item in items if (name, item.utterance.speaker) in speakers}
        scores.append(_score(name, rate, len(shared)))
    return scores


def write_scores(scores: Sequence[Score], path: Path) -> None:
    """Write scores as JSON.

    Raises:
        OutputError: if that cannot be done.
    """
    write_text(path, scores_as_json(scores) + "\n")


def scores_as_json(scores: Sequence[Score]) -> str:
    """Scores as JSON text."""
    return json.dumps([asdict(score) for score in scores], indent=1, allow_nan=False)


def _score(corpus: str, rate: ErrorRate, shared: int) -> Score:
    return Score(
        corpus=corpus,
        per=round(rate.per.value, 5),
        low=None if math.isnan(rate.per.low) else round(rate.per.low, 5),
        high=None if math.isnan(rate.per.high) else round(rate.per.high, 5),
        by=rate.by,
        utterances=rate.utterances,
        speakers=rate.speakers,
        shared_speakers=shared,
        phones=rate.phones,
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
