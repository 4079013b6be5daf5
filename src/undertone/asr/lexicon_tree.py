"""A dictionary as a tree of phones: words that begin alike share the nodes of their beginning. NumPy only.

Source: Ney, Haeb-Umbach, Tran & Oerder (1992, "Improvements in beam search for 10000-word continuous speech
recognition"): the tree, and the best word below a node, which tells the search early what a beginning can come to.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import LexiconError
from undertone.speech.phones import BLANK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROOT: Final = 0
NODE_BITS: Final = 22
"""Of a node's number within a key of the search."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LexiconTree:
    """Nodes are numbered level by level, so that those below one node follow each other; arrays are read-only."""

    symbols: NDArray[np.int64]
    """Index of the phone that leads to a node, shape (node,); the blank for the root."""
    first_child: NDArray[np.int64]
    children: NDArray[np.int64]
    """How many nodes are below it, shape (node,)."""
    first_word: NDArray[np.int64]
    """Place in `words` of the first that ends at a node, shape (node,)."""
    ends: NDArray[np.int64]
    """How many words end at it, shape (node,)."""
    words: NDArray[np.int64]
    """By node."""
    best: NDArray[np.float64]
    """Highest score of a word that ends at a node or below it, shape (node,); 0 for the root."""


def make_tree(pronunciations: Sequence[tuple[int, tuple[int, ...]]], scores: NDArray[np.float64]) -> LexiconTree:
    """Put pronunciations into a tree.

    Args:
        pronunciations: a word's number, and indices of symbols; no blank, one phone at least.
        scores: of the words, shape (word,).

    Raises:
        LexiconError: if there are none, or too many.
    """
    if not pronunciations:
        raise LexiconError("the vocabulary", "it holds no word that could be heard; give one at least")
    lengths = np.array([len(phones) for _, phones in pronunciations])
    spoken = np.full((len(lengths), int(lengths.max())), BLANK, dtype=np.int64)
    spoken[np.arange(spoken.shape[1]) < lengths[:, None]] = [
        symbol for _, phones in pronunciations for symbol in phones
    ]
    words = np.array([word for word, _ in pronunciations])
    order = np.lexsort((words, *spoken.T[::-1]))
    spoken, lengths, words = spoken[order], lengths[order], words[order]
    nodes = _number(spoken, lengths)
    total = int(nodes.max()) + 1
    if total > 1 << NODE_BITS:
        raise LexiconError("the vocabulary", f"its tree has {total} nodes; at most {1 << NODE_BITS} are searched")
    there = nodes > ROOT
    symbols, parents = np.full(total, BLANK), np.full(total, ROOT)
    symbols[nodes[there]] = spoken[there]
    above = np.hstack([np.full((len(nodes), 1), ROOT), nodes[:, :-1]])
    parents[nodes[there]] = above[there]
    last = nodes[np.arange(len(nodes)), lengths - 1]
    by_node = np.argsort(last, kind="stable")
    counts = np.bincount(parents[1:], minlength=total)
    ends = np.bincount(last, minlength=total)
    return _read_only(
        LexiconTree(
            symbols=symbols,
            first_child=1 + np.cumsum(counts) - counts,
            children=counts,
            first_word=np.cumsum(ends) - ends,
            ends=ends,
            words=words[by_node],
            best=_best_below(parents, [1, *(nodes.max(axis=0) + 1).tolist()], last, scores[words]),
        )
    )


def _number(spoken: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the beginnings of sorted pronunciations, the short ones first; shape (pronunciation, phone), 0 beyond
    their ends."""
    differs = np.ones(spoken.shape, dtype=bool)
    differs[1:] = np.logical_or.accumulate(spoken[1:] != spoken[:-1], axis=1)
    inside = np.arange(spoken.shape[1]) < lengths[:, None]
    new = (differs & inside).T
    return np.where(inside, np.cumsum(new.ravel()).reshape(new.shape).T, ROOT)


def _best_below(
    parents: NDArray[np.int64], levels: Sequence[int], last: NDArray[np.int64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Hand the best score of every node up to those above it, level by level from the last."""
    best = np.full(len(parents), -np.inf)
    np.maximum.at(best, last, scores)
    for first, end in reversed(list(itertools.pairwise(levels))):
        np.maximum.at(best, parents[first:end], best[first:end])
    best[ROOT] = 0
    return best


def _read_only(tree: LexiconTree) -> LexiconTree:
    for array in vars(tree).values():
        array.flags.writeable = False
    return tree
