"""Which words are heard and which follow which: learned from the transcripts of training, kept beside the backbone.

`words.json` holds the words with their pronunciations, how often each run of three words was met, and the weights that
were chosen on the validation part; smoothing is done anew when it is read. No code, no pickle.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import BundleError, FormatVersionError, LexiconError
from undertone.files import make_folder, write_text
from undertone.parsing import parse_record
from undertone.speech.ngrams import Ngrams, count_runs, smoothed
from undertone.speech.phones import PHONES
from undertone.speech.pronounce import pronouncer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.speech.lexicon import Lexicon
    from undertone.speech.phones import Pronunciation

FORMAT: Final = 1
FILE: Final = "words.json"

WORD_ORDER: Final = 3
WORD_BITS: Final = 20
"""Of a word within a key: two before it, a node of the tree and what was heard last fit into 63 bits."""
UNKNOWN: Final = 1
"""The token of every word that was not in training; those that were follow."""

MOST_RUNS: Final = 1_000_000
"""That are kept; the file has about 20 bytes for each."""
MOST_BYTES: Final = 64_000_000
MOST_COUNT: Final = 1 << 31
MOST_PROBLEMS: Final = 3
"""That are told of a damaged file."""


@dataclass(frozen=True, kw_only=True)
class WordWeights:
    """How much the sequence of words counts beside the sound."""

    language: float = 1.0
    """What the logarithm of a word's probability is multiplied by."""
    word: float = 0.0
    """Nats that are added for every word."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WordModel:
    """The words of training and their sequences."""

    words: tuple[str, ...]
    """In the order of the alphabet; the token of the first is `UNKNOWN` + 1."""
    pronunciations: tuple[tuple[Pronunciation, ...], ...]
    """Of each."""
    keys: NDArray[np.int64]
    """Runs of `WORD_ORDER` tokens that were met, packed and sorted, shape (run,)."""
    counts: NDArray[np.int64]
    """How often, shape (run,)."""
    ngrams: Ngrams
    """What follows from them."""
    new_share: float
    """Of running text that words make up which were not met before: the share of words that were met once (Good 1953,
    "The population frequencies of species and the estimation of population parameters", section 2)."""
    protocol: str
    """Hash of who is in which part, as on the backbone's card."""
    weights: WordWeights


def learn_words(texts: Iterable[str], *, protocol: str, lexicon: Lexicon | None = None) -> WordModel:
    """Learn words and their sequences. A sentence counts once, however often it was read.

    Args:
        texts: transcripts of training, and of nothing else.
        protocol: hash of who is in which part.
        lexicon: how words are pronounced; None takes the CMU dictionary, and sounds out the words that it lacks.

    Raises:
        LexiconError: if there is no word.
        TranscriptError: if a text cannot be pronounced.
        MissingExtraError: if the dictionary is needed and not installed.
    """
    say = pronouncer(lexicon)
    found: dict[str, tuple[Pronunciation, ...]] = {}
    sentences = set()
    for text in sorted(set(texts)):
        spoken = say(text)
        found.update((word.word, word.pronunciations) for word in spoken)
        sentences.add(tuple(word.word for word in spoken))
    words = tuple(sorted(found))
    if not words:
        raise LexiconError("the transcripts", "they hold no word to learn; give sentences")
    tokens = {word: token for token, word in enumerate(words, start=UNKNOWN + 1)}
    told = [np.array([tokens[word] for word in sentence], dtype=np.int64) for sentence in sorted(sentences)]
    keys, counts = count_runs(told, order=WORD_ORDER, bits=WORD_BITS)
    if len(keys) > MOST_RUNS:
        most = np.sort(np.argsort(-counts, kind="stable")[:MOST_RUNS])
        keys, counts = keys[most], counts[most]
    return _model(words, tuple(found[word] for word in words), keys, counts, protocol, WordWeights())


def _model(
    words: tuple[str, ...],
    pronunciations: tuple[tuple[Pronunciation, ...], ...],
    keys: NDArray[np.int64],
    counts: NDArray[np.int64],
    protocol: str,
    weights: WordWeights,
) -> WordModel:
    tokens = len(words) + UNKNOWN + 1
    met = np.bincount(keys & ((1 << WORD_BITS) - 1), counts, minlength=tokens)[UNKNOWN + 1 :]
    return WordModel(
        words=words,
        pronunciations=pronunciations,
        keys=keys,
        counts=counts,
        ngrams=smoothed(keys, counts, tokens, order=WORD_ORDER, bits=WORD_BITS),
        new_share=float(max(1, (met == 1).sum()) / met.sum()),
        protocol=protocol,
        weights=weights,
    )


def history_mask(ngrams: Ngrams) -> int:
    """What a run is cut down to, so that another token can follow."""
    return (1 << (ngrams.bits * (len(ngrams.orders) - 1))) - 1


@dataclass(frozen=True, kw_only=True)
class _Content:
    """The file as it is written."""

    format: int
    protocol: str
    weights: WordWeights
    words: tuple[tuple[str, ...], ...]
    """Each with its pronunciations, phones with spaces between."""
    runs: tuple[tuple[int, ...], ...]
    """Tokens, and how often."""


def save_words(model: WordModel, folder: Path) -> None:
    """Write `words.json`.

    Args:
        model: what was learned.
        folder: of the backbone; is made if missing.

    Raises:
        OutputError: if it cannot be written.
    """
    make_folder(folder)
    spoken = [
        [word, *(" ".join(phones) for phones in found)]
        for word, found in zip(model.words, model.pronunciations, strict=True)
    ]
    tokens = _unpacked(model.keys)
    content = {
        "format": FORMAT,
        "protocol": model.protocol,
        "weights": asdict(model.weights),
        "words": spoken,
        "runs": np.column_stack([*tokens, model.counts]).tolist(),
    }
    write_text(folder / FILE, json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")


def load_words(folder: Path, *, protocol: str) -> WordModel:
    """Read `words.json`.

    Args:
        folder: of the backbone.
        protocol: from its card; words that were learned from the speech of another division are refused, because a
            sentence of the test part could be among them.

    Raises:
        BundleError: if it is missing, too large, damaged or of another protocol.
        FormatVersionError: if it was made for another version of the format.
    """
    try:
        size = (folder / FILE).stat().st_size
        if size > MOST_BYTES:
            raise BundleError(str(folder), f"{FILE} has {size} bytes; at most {MOST_BYTES} are read")
        table = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BundleError(
            str(folder), f"it has no {FILE}, without which no words are heard; end its training with this version"
        ) from error
    except (OSError, ValueError) as error:
        if isinstance(error, BundleError):
            raise
        raise BundleError(str(folder), f"{FILE} cannot be read ({error}); copy the folder anew") from error
    told = table.get("format") if isinstance(table, dict) else None
    if told != FORMAT:
        raise FormatVersionError(str(folder), f"the format of {FILE} is {told!r}; this version reads {FORMAT}")
    problems: list[str] = []
    content = parse_record(_Content, table, problems)
    problems = problems[:MOST_PROBLEMS] or (_problems(content) if content else [])
    if content is None or problems:
        raise BundleError(str(folder), f"{FILE}: {'; '.join(problems)}")
    if content.protocol != protocol:
        raise BundleError(
            str(folder),
            f"{FILE} was learned from protocol {content.protocol}, the backbone from {protocol}; copy the folder anew",
        )
    runs = np.array(content.runs, dtype=np.int64)
    keys = np.zeros(len(runs), dtype=np.int64)
    for column in runs.T[:WORD_ORDER]:
        keys = keys << WORD_BITS | column
    return _model(
        tuple(word for word, *_ in content.words),
        tuple(tuple(tuple(told.split()) for told in found) for _, *found in content.words),
        keys,
        runs[:, WORD_ORDER],
        content.protocol,
        content.weights,
    )


def _problems(content: _Content) -> list[str]:
    """What does not fit, one sentence for each kind."""
    problems = []
    names = [row[0] for row in content.words if len(row) > 1]
    if len(names) < len(content.words) or names != sorted(set(names)):
        problems.append("words must be in the order of the alphabet, each once, with its pronunciations")
    if not all(told.split() and set(told.split()) <= set(PHONES) for row in content.words for told in row[1:]):
        problems.append(f"pronunciations must consist of {', '.join(PHONES)}")
    tokens = len(names) + UNKNOWN + 1
    fits = all(
        len(row) == WORD_ORDER + 1 and all(0 <= token < tokens for token in row[:-1]) and 0 < row[-1] <= MOST_COUNT
        for row in content.runs
    )
    if (
        not fits
        or [*content.runs] != sorted(content.runs)
        or len({row[:-1] for row in content.runs}) < len(content.runs)
    ):
        problems.append(f"runs must be {WORD_ORDER} numbers from 0 to {tokens - 1} and a count, in order, each once")
    if not any(row[-2] > UNKNOWN for row in content.runs if len(row) > 1):
        problems.append("no run ends in a word")
    return problems


def _unpacked(keys: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The tokens of runs, first to last."""
    mask = (1 << WORD_BITS) - 1
    return [keys >> (WORD_BITS * back) & mask for back in range(WORD_ORDER - 1, -1, -1)]
