"""Asking a backbone for words: of utterances, of a recording, and how many are wrong."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.asr.decode import edits_between, error_rate
from undertone.asr.language import WordWeights, learn_words
from undertone.asr.recognise import grid_of, scores_by_id, scores_of_stretches, seconds_of
from undertone.asr.words import hear_words, make_search
from undertone.speech.text import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from undertone.asr.decode import Edits, ErrorRate
    from undertone.asr.language import WordModel
    from undertone.asr.material import Item
    from undertone.asr.prepare import Speech
    from undertone.asr.words import HeardWord, WordSearch
    from undertone.backbones.files import Score
    from undertone.speech.lexicon import Lexicon
    from undertone.training.store import FeatureStore
    from undertone.units import Seconds

    Progress = Callable[[str, int], Callable[[], None]]

LANGUAGE: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
WORD: Final = (-4.0, -2.0, 0.0, 2.0)
"""Weights that are tried."""

TUNED_S: Final[Seconds] = 1200.0
"""Of validation speech that the weights are chosen on. 300 s, some 500 words, were too few: two trainings
that heard phones alike came to unlike weights there, by five words."""


@dataclass(frozen=True, kw_only=True)
class WordAt:
    """A word with its place in time."""

    word: str
    start: Seconds
    end: Seconds


def learn_and_choose(
    network: nn.Module, speech: Speech, progress: Progress, *, lexicon: Lexicon | None = None
) -> WordModel:
    """Learn words from the transcripts of the training part, and choose their weights on the validation part.

    Args:
        network: a trained `Backbone`.
        speech: of its configuration.
        progress: opens a progress bar.
        lexicon: as `learn_words`.

    Raises:
        LexiconError, TranscriptError, MissingExtraError: as `learn_words`.
    """
    texts = [item.utterance.text or "" for item in speech.train.items]
    model = learn_words(texts, protocol=speech.protocol, lexicon=lexicon)
    chosen = some_of_everybody(speech.validation, TUNED_S)
    scores = scores_by_id(network, chosen, speech.store)
    told = [words_of(item.utterance.text or "") for item in chosen]
    return tune(model, [scores[item.utterance.id] for item in chosen], told, progress)


def tune(
    model: WordModel,
    scores: Sequence[NDArray[np.floating]],
    told: Sequence[Sequence[str]],
    progress: Progress = lambda *_: lambda: None,
) -> WordModel:
    """Choose the weights with the fewest wrong words: first of the sequences, then of a word.

    Args:
        model: its weights are not looked at.
        scores: of validation utterances, as `hear_words` takes them.
        told: the words of each.
        progress: opens a progress bar.

    Returns:
        The model with its weights; among equals the first of `LANGUAGE` and `WORD`.
    """
    advance = progress("weights of words", len(LANGUAGE) + len(WORD) - 1)

    def wrong(weights: WordWeights) -> int:
        search = make_search(replace(model, weights=weights))
        heard = [names_of(hear_words(frames, search)) for frames in scores]
        advance()
        return sum(edits.errors for edits in word_edits(told, heard))

    # One after the other: all pairs would take four times as long, and the two nearly do not interact.
    tried = {weights: wrong(weights) for weights in (WordWeights(language=each) for each in LANGUAGE)}
    best = min(tried, key=tried.__getitem__)
    others = [replace(best, word=each) for each in WORD]
    tried |= {weights: wrong(weights) for weights in others if weights not in tried}
    return replace(model, weights=min(others, key=tried.__getitem__))


def some_of_everybody(items: Sequence[Item], most_s: Seconds) -> list[Item]:
    """Take utterances of every speaker in turn, in the order of their ids, until that many seconds are together."""
    by_speaker: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda item: item.utterance.id):
        by_speaker[item.utterance.corpus, item.utterance.speaker].append(item)
    taken: list[Item] = []
    total = 0.0
    for item in chain.from_iterable(zip_longest(*(by_speaker[name] for name in sorted(by_speaker)))):
        if item is not None and total < most_s:
            taken.append(item)
            total += item.utterance.duration
    return taken


def names_of(heard: Sequence[HeardWord]) -> list[str]:
    """The words that were heard, without their places."""
    return [each.word for each in heard]


def word_edits(told: Sequence[Sequence[str]], heard: Sequence[Sequence[str]]) -> list[Edits]:
    """Compare words that were to be said with those that were heard, utterance by utterance."""
    numbers: dict[str, int] = {}

    def numbered(words: Sequence[str]) -> list[int]:
        return [numbers.setdefault(word, len(numbers)) for word in words]

    return [edits_between(numbered(truth), numbered(found)) for truth, found in zip(told, heard, strict=True)]


def with_words(
    scores: Sequence[Score],
    network: nn.Module,
    test: Mapping[str, Sequence[Item]],
    store: FeatureStore,
    search: WordSearch,
    *,
    seed: int,
    progress: Progress,
    chunk: int | None = None,
) -> list[Score]:
    """Add the word error rate to the scores of a test.

    Args:
        scores: of the corpora.
        network: a `Backbone`.
        test: the test part, by corpus.
        store: of its log-mel frames.
        search: from `make_search`.
        seed: of the redrawing for intervals.
        progress: opens a progress bar for each corpus.
        chunk: output frames that are heard at a time, as of a stream; None for whole utterances.
    """
    found = []
    known = set(search.names)
    for score in scores:
        items = test[score.corpus]
        rate = _word_error_rate(
            network, items, store, search, chunk, seed, progress(f"words of {score.corpus}", len(items))
        )
        told = [word for item in items for word in words_of(item.utterance.text or "")]
        found.append(
            replace(
                score,
                wer=round(rate.rate.value, 5),
                wer_low=None if math.isnan(rate.rate.low) else round(rate.rate.low, 5),
                wer_high=None if math.isnan(rate.rate.high) else round(rate.rate.high, 5),
                words=len(told),
                unknown_words=sum(word not in known for word in told),
            )
        )
    return found


def _word_error_rate(
    network: nn.Module,
    items: Sequence[Item],
    store: FeatureStore,
    search: WordSearch,
    chunk: int | None,
    seed: int,
    advance: Callable[[], None],
) -> ErrorRate:
    scores = scores_by_id(network, items, store, chunk=chunk)
    heard = []
    for item in items:
        heard.append(names_of(hear_words(scores[item.utterance.id], search)))
        advance()
    return error_rate(
        word_edits([words_of(item.utterance.text or "") for item in items], heard),
        speakers=[item.utterance.speaker for item in items],
        utterances=[item.utterance.id for item in items],
        rng=np.random.default_rng(seed),
    )


def transcribe_words(network: nn.Module, samples: NDArray[np.float32], search: WordSearch) -> tuple[WordAt, ...]:
    """Hear the words of a recording of any length.

    Args:
        network: a `Backbone`.
        samples: at 16 kHz, shape (sample,).
        search: from `make_search`.

    Returns:
        Words in order, from the beginning of the first phone to the end of the last, as `transcribe` tells them. Each
        stretch that a long recording is cut into is a sentence of its own.
    """
    found = []
    grid = grid_of(network)
    for first, end, scores in scores_of_stretches(network, samples):
        for each in hear_words(scores, search):
            start, stop = seconds_of(each.first, each.end, first, end, grid)
            found.append(WordAt(word=each.word, start=start, end=stop))
    return tuple(found)
