"""From scores of phones to words: the best path through a dictionary and a model of word sequences. NumPy only.

Every frame, hypotheses stay where they are, hear the blank, go on to a next phone of the tree of words, or end a word
and begin another; of those that are in the same place with the same last words the best is kept (token passing; Young,
Russell & Thornton 1989). Phones and blanks follow each other as CTC has it (Graves et al. 2006, section 3): the blank
costs nothing but its own score, and stands between two phones that are alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from undertone.asr.language import UNKNOWN, history_mask
from undertone.asr.lexicon_tree import NODE_BITS, ROOT, make_tree
from undertone.speech.ngrams import EDGE, probabilities
from undertone.speech.phones import BLANK, SYMBOLS, indices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.asr.language import WordModel
    from undertone.asr.lexicon_tree import LexiconTree
    from undertone.speech.lexicon import Lexicon

LEAST_SCORE: Final = -20.0
"""Nats that a symbol costs at most in a frame: no frame alone rules a word out."""
BEAM: Final = 14.0
"""Nats behind the best hypothesis at which one is dropped."""
MOST: Final = 400
"""Hypotheses that are kept at most."""
SORTED: Final = 3
"""Times as many are looked through for those in the same place."""
NOWHERE: Final = -1
TOLERANCE: Final = 1e-3
"""By which rounding may put the logarithm of a probability above 0."""


@dataclass(frozen=True, kw_only=True)
class HeardWord:
    """A word that was heard."""

    word: str
    first: int
    """The first frame of its first phone."""
    end: int
    """The frame after the last of its last phone."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WordSearch:
    """What words are searched with, made ready by `make_search`."""

    model: WordModel
    tree: LexiconTree
    """Its scores are weighted."""
    names: tuple[str, ...]
    """Every word that can be heard, by its number in the tree."""
    tokens: NDArray[np.int64]
    """What each is to the model of sequences, shape (word,)."""
    unknown: float
    """Natural logarithm of the probability of a word that the model does not know, whatever stands before it."""


def make_search(model: WordModel, *, dictionary: Lexicon | None = None) -> WordSearch:
    """Make a vocabulary ready to be searched.

    Args:
        model: its words can be heard.
        dictionary: whose words can be heard too; as the model does not know them, all are equally probable. Together
            they are as probable as a word that was met once was in training (Good 1953).

    Raises:
        LexiconError: if no word could be heard, or there are too many.
    """
    known = set(model.words)
    more = (
        {} if dictionary is None else {word: found for word, found in dictionary.entries.items() if word not in known}
    )
    spoken = [
        (number, indices_of(phones))
        for number, found in enumerate([*model.pronunciations, *more.values()])
        for phones in found
    ]
    tokens = np.concatenate([np.arange(len(known)) + UNKNOWN + 1, np.full(len(more), UNKNOWN)])
    unknown = float(np.log(model.new_share / len(more))) if more else -np.inf
    alone = np.log(probabilities(replace(model.ngrams, orders=model.ngrams.orders[:1]), tokens))
    scores = model.weights.language * np.where(tokens == UNKNOWN, unknown, alone)
    return WordSearch(
        model=model,
        tree=make_tree(spoken, scores),
        names=(*model.words, *more),
        tokens=tokens,
        unknown=unknown,
    )


class _Paths(NamedTuple):
    """Hypotheses, one a row."""

    scores: NDArray[np.float64]
    nodes: NDArray[np.int64]
    histories: NDArray[np.int64]
    """The last words, as tokens packed into a key."""
    blank: NDArray[np.bool_]
    """Whether the last frame was the blank."""
    firsts: NDArray[np.int64]
    """Frame of the first phone of the word that is under way."""
    ends: NDArray[np.int64]
    """The frame after its last phone."""
    before: NDArray[np.int64]
    """The word before it: its place among those that ended, `NOWHERE` for none; below that, which of the words that end
    in this frame it is."""

    def at(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> _Paths:
        return _Paths(
            scores=self.scores[rows],
            nodes=self.nodes[rows],
            histories=self.histories[rows],
            blank=self.blank[rows],
            firsts=self.firsts[rows],
            ends=self.ends[rows],
            before=self.before[rows],
        )


class _Exits(NamedTuple):
    """Words that may end here, one a row."""

    scores: NDArray[np.float64]
    rows: NDArray[np.int64]
    """Of the hypothesis that it ends."""
    words: NDArray[np.int64]
    histories: NDArray[np.int64]
    """After the word."""


def hear_words(
    scores: NDArray[np.floating], search: WordSearch, *, beam: float = BEAM, most: int = MOST
) -> tuple[HeardWord, ...]:
    """Find the most probable words.

    To hear nothing is always possible, and costs what its blanks cost. Where no whole word is left at the end, because
    the sound was cut off inside one, that beginning is dropped.

    Args:
        scores: natural logarithms of the probabilities of symbols, shape (frame, symbol); minus infinity is accepted.
        search: from `make_search`.
        beam: nats behind the best hypothesis at which one is dropped.
        most: hypotheses that are kept at most.

    Raises:
        ValueError: if the scores are of another shape, or one is no logarithm of a probability.
    """
    if scores.ndim != 2 or scores.shape[1] != len(SYMBOLS):
        raise ValueError(f"the scores have the shape {scores.shape}; (frame, {len(SYMBOLS)}) is accepted")
    if not (scores <= TOLERANCE).all():
        raise ValueError(f"the highest score is {scores.max():g}; give logarithms of probabilities, 0 at most")
    ended: list[tuple[int, int, int, int]] = []
    nothing = np.zeros(1, dtype=np.int64)
    paths = _Paths(
        scores=np.zeros(1), nodes=nothing + ROOT, histories=nothing + EDGE, blank=np.array([True]), firsts=nothing,
        ends=nothing, before=nothing + NOWHERE,
    )  # fmt: skip
    for frame, heard in enumerate(np.maximum(scores, LEAST_SCORE).astype(np.float64)):
        exits = _exits(search, paths)
        stayed = _stay(search.tree, paths, heard, frame)
        limit = stayed.scores.max() - beam
        gone_on = _go_on(search.tree, paths, heard, frame, limit)
        begun = _begin(search.tree, paths, exits, heard, frame, limit)
        reached = _Paths(*(np.concatenate(columns) for columns in zip(stayed, gone_on, begun, strict=True)))
        paths = _keep_words(_best(reached, beam, most), paths, exits, ended)
    return _read_back(search, paths, ended)


def _stay(tree: LexiconTree, paths: _Paths, heard: NDArray[np.float64], frame: int) -> _Paths:
    """Hear the same phone once more, or the blank."""
    sounding = paths.at(~paths.blank)
    held = sounding.scores + heard[tree.symbols[sounding.nodes]]
    longer = sounding._replace(scores=held, ends=np.full(len(held), frame + 1))
    silent = paths._replace(scores=paths.scores + heard[BLANK], blank=np.ones(len(paths.scores), dtype=bool))
    return _Paths(*(np.concatenate(columns) for columns in zip(longer, silent, strict=True)))


def _go_on(tree: LexiconTree, paths: _Paths, heard: NDArray[np.float64], frame: int, limit: float) -> _Paths:
    """Hear the next phone of the word."""
    counts = tree.children[paths.nodes]
    rows = np.repeat(np.arange(len(counts)), counts)
    nodes = tree.first_child[paths.nodes][rows] + np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    symbols = tree.symbols[nodes]
    scores = (paths.scores - tree.best[paths.nodes])[rows] + heard[symbols] + tree.best[nodes]
    alike = ~paths.blank[rows] & (symbols == tree.symbols[paths.nodes][rows])
    kept = np.flatnonzero((scores > limit) & ~alike)
    came = paths.at(rows[kept])
    return came._replace(
        scores=scores[kept],
        nodes=nodes[kept],
        blank=np.zeros(len(kept), dtype=bool),
        firsts=np.where(came.nodes == ROOT, frame, came.firsts),
        ends=np.full(len(kept), frame + 1),
    )


def _exits(search: WordSearch, paths: _Paths) -> _Exits:
    """End the words that may end where the hypotheses are."""
    tree, model = search.tree, search.model
    counts = tree.ends[paths.nodes]
    rows = np.repeat(np.arange(len(counts)), counts)
    places = tree.first_word[paths.nodes][rows] + np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    words = tree.words[places]
    tokens = search.tokens[words]
    runs = paths.histories[rows] << model.ngrams.bits | tokens
    likely = np.where(tokens == UNKNOWN, search.unknown, np.log(probabilities(model.ngrams, runs)))
    gain = model.weights.language * likely + model.weights.word - tree.best[paths.nodes][rows]
    return _Exits(scores=paths.scores[rows] + gain, rows=rows, words=words, histories=runs & history_mask(model.ngrams))


def _begin(
    tree: LexiconTree, paths: _Paths, exits: _Exits, heard: NDArray[np.float64], frame: int, limit: float
) -> _Paths:
    """Hear the first phone of another word."""
    starts = tree.first_child[ROOT] + np.arange(tree.children[ROOT])
    symbols = tree.symbols[starts]
    gains = heard[symbols] + tree.best[starts]
    likely = np.flatnonzero(exits.scores + gains.max() > limit)
    scores = exits.scores[likely, None] + gains
    last = np.where(paths.blank, BLANK, tree.symbols[paths.nodes])[exits.rows[likely]]
    which, start = np.nonzero((scores > limit) & (symbols != last[:, None]))
    ending = likely[which]
    return _Paths(
        scores=scores[which, start],
        nodes=starts[start],
        histories=exits.histories[ending],
        blank=np.zeros(len(which), dtype=bool),
        firsts=np.full(len(which), frame),
        ends=np.full(len(which), frame + 1),
        before=NOWHERE - 1 - ending,
    )


def _best(paths: _Paths, beam: float, most: int) -> _Paths:
    """Keep the best hypothesis in every place, and of these the best."""
    likely = np.flatnonzero(paths.scores > paths.scores.max() - beam)
    if len(likely) > SORTED * most:  # sorting takes longest
        likely = likely[np.argpartition(-paths.scores[likely], SORTED * most)[: SORTED * most]]
    paths = paths.at(likely)
    places = (paths.histories << NODE_BITS | paths.nodes) << 1 | paths.blank
    order = np.lexsort((-paths.scores, places))
    first = np.ones(len(order), dtype=bool)
    first[1:] = np.diff(places[order]) != 0
    order = order[first]
    if len(order) > most:
        order = order[np.argpartition(-paths.scores[order], most)[:most]]
    return paths.at(order)


def _keep_words(kept: _Paths, earlier: _Paths, exits: _Exits, ended: list[tuple[int, int, int, int]]) -> _Paths:
    """Write down the words that ended on the way to what was kept: number, first frame, end, and the word before."""
    fresh = kept.before < NOWHERE
    which, places = np.unique(NOWHERE - 1 - kept.before[fresh], return_inverse=True)
    first, rows = len(ended), exits.rows[which]
    columns = exits.words[which], earlier.firsts[rows], earlier.ends[rows], earlier.before[rows]
    ended.extend(zip(*(column.tolist() for column in columns), strict=True))
    kept.before[fresh] = first + places
    return kept


def _read_back(search: WordSearch, paths: _Paths, ended: list[tuple[int, int, int, int]]) -> tuple[HeardWord, ...]:
    """Close the sentence and give the words of the best path, first to last."""
    model, exits = search.model, _exits(search, paths)
    closing = np.log(probabilities(model.ngrams, exits.histories << model.ngrams.bits | EDGE))
    scores = exits.scores + model.weights.language * closing
    silent = np.flatnonzero(paths.nodes == ROOT)
    if len(silent) and paths.scores[silent].max() >= scores.max(initial=-np.inf):
        return ()
    if len(scores):
        best = int(scores.argmax())
        row = int(exits.rows[best])
        last = [(int(exits.words[best]), int(paths.firsts[row]), int(paths.ends[row]))]
    else:
        row, last = int(paths.scores.argmax()), []
    at = int(paths.before[row])
    while at != NOWHERE:
        word, first, end, at = ended[at]
        last.append((word, first, end))
    return tuple(HeardWord(word=search.names[word], first=first, end=end) for word, first, end in reversed(last))
