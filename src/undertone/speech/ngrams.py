"""How probable a token is after those before it: interpolated Kneser-Ney smoothing over sorted arrays.

Source: Chen & Goodman (1999, "An empirical study of smoothing techniques for language modeling", section 4.1.6): three
discounts an order, lower orders counted by how many different tokens come before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BITS: Final = 9
"""Of a letter's token within a key: seven tokens fit into the 63 bits of a whole number with sign."""
ORDER: Final = 7
TOKENS: Final = 1 << BITS
"""How many letters' tokens there may be, with the edge."""
KEY_BITS: Final = 63
"""Of all tokens of a run together."""
EDGE: Final = 0
"""The token before the first and after the last."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """One order of the model; arrays are sorted by key and read-only."""

    keys: NDArray[np.int64]
    """Runs of tokens that were met, packed."""
    kept: NDArray[np.float32]
    """What the discount left of their share."""
    contexts: NDArray[np.int64]
    """The same runs without their last token, each once."""
    freed: NDArray[np.float32]
    """Share that the discount took from each context, for the next lower order to give out."""


@dataclass(frozen=True, kw_only=True)
class Ngrams:
    """A model of sequences of tokens."""

    tokens: int
    """How many different ones there are, with the edge."""
    bits: int
    """Of a token within a key."""
    orders: tuple[Counts, ...]
    """From single tokens up."""


def learn(sequences: Sequence[NDArray[np.int64]], tokens: int, *, order: int = ORDER, bits: int = BITS) -> Ngrams:
    """Count runs of tokens and smooth the counts.

    Args:
        sequences: each of shape (token,), values from 1 up.
        tokens: how many different ones there are, with the edge; at most 2 to the power of `bits`.
        order: tokens of a run.
        bits: of a token within a key.

    Raises:
        ValueError: as `smoothed`.
    """
    return smoothed(*count_runs(sequences, order=order, bits=bits), tokens, order=order, bits=bits)


def count_runs(
    sequences: Sequence[NDArray[np.int64]], *, order: int, bits: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the runs of `order` tokens that were met, packed and sorted, and how often each was; shape (run,) both.

    Every token and the edge behind the last end a run; edges fill what lies before the first token.
    """
    ends = np.concatenate([np.append(sequence, EDGE) for sequence in sequences])
    starts = np.concatenate([np.arange(len(sequence) + 1) for sequence in sequences])
    packed = ends.copy()
    for back in range(1, order):
        earlier = np.zeros_like(ends)
        earlier[back:] = ends[:-back]
        packed |= np.where(starts >= back, earlier, EDGE) << (bits * back)
    keys, counts = np.unique(packed, return_counts=True)
    return keys, counts


def smoothed(keys: NDArray[np.int64], counts: NDArray[np.int64], tokens: int, *, order: int, bits: int) -> Ngrams:
    """Make a model of what `count_runs` gave; the lower orders follow from the highest.

    Raises:
        ValueError: if so many tokens do not fit into a key, or no run was met.
    """
    if tokens > 1 << bits or order * bits > KEY_BITS:
        raise ValueError(
            f"{order} tokens of {tokens} do not fit into {KEY_BITS} bits, {bits} to a token; take fewer tokens"
        )
    if not len(keys):
        raise ValueError("no run of tokens was met; give one sequence at least")
    orders = [_smooth(keys, counts, bits)]
    for size in range(order - 1, 0, -1):
        mask = (1 << (bits * size)) - 1
        # A run that begins a word has only the edge before it, so there what counts is how often it was met.
        weights = np.where(((keys & mask) >> (bits * (size - 1)) == EDGE) & (size > 1), counts, 1)
        keys, places = np.unique(keys & mask, return_inverse=True)
        counts = np.bincount(places, weights).astype(np.int64)
        orders.append(_smooth(keys, counts, bits))
    return Ngrams(tokens=tokens, bits=bits, orders=tuple(reversed(orders)))


def _smooth(keys: NDArray[np.int64], counts: NDArray[np.int64], bits: int) -> Counts:
    """Discount the counts of one order."""
    contexts, places = np.unique(keys >> bits, return_inverse=True)
    discounts = _discounts(counts)[np.minimum(counts, 3)]
    totals = np.bincount(places, counts)
    arrays = Counts(
        keys=keys,
        kept=((counts - discounts) / totals[places]).astype(np.float32),
        contexts=contexts,
        freed=(np.bincount(places, discounts) / totals).astype(np.float32),
    )
    for array in vars(arrays).values():
        array.flags.writeable = False
    return arrays


def _discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """What is taken from runs met once, twice, and more often, shape (4,), the first 0 (Chen & Goodman, eq. 17).

    Where a count of counts is missing, as in tiny dictionaries, half an occurrence is taken.
    """
    of = np.bincount(np.minimum(counts, 5), minlength=6)
    if not of[1:5].all():
        return np.array([0.0, 0.5, 0.5, 0.5])
    share = of[1] / (of[1] + 2 * of[2])
    found = np.array([0.0, *(n - (n + 1) * share * of[n + 1] / of[n] for n in (1, 2, 3))])
    return found.clip(0.0, [0.0, 0.95, 1.95, 2.95])


def probabilities(model: Ngrams, keys: NDArray[np.int64]) -> NDArray[np.float64]:
    """Give the probability of the last token of each run after those before it.

    Args:
        model: from `learn`.
        keys: runs of as many tokens as the model has orders, packed; any shape.

    Returns:
        Probabilities above 0, of that shape; they sum to 1 over the last token.
    """
    found = np.full(keys.shape, 1 / model.tokens)
    for size, counts in enumerate(model.orders, start=1):
        runs = keys & ((1 << (model.bits * size)) - 1)
        kept, met = _look_up(counts.keys, runs)
        freed, known = _look_up(counts.contexts, runs >> model.bits)
        found *= np.where(known, counts.freed[freed], 1.0)
        found += np.where(met, counts.kept[kept], 0.0)
    return found


def _look_up(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Find the place of each wanted key among sorted ones, and whether it is there."""
    places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return places, keys[places] == wanted
