"""Recordings that hold the same sound: copies, copies through a codec, copies that were cut or made louder.

Each stretch of sound gets a fingerprint that codecs, gain and a narrower band hardly change: whether the difference of
energy between neighbouring bands grows or falls with time (Haitsma & Kalker, A Highly Robust Audio Fingerprinting
System, ISMIR 2002, section 4.2; frames, bands and limits are ours). Another take of the same words is another sound.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.load import load_utterance
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from undertone.records import Utterance

FRAME: Final = 2048
"""Samples of a frame, 128 ms: long beside the hop, so that a copy that was cut anywhere is never far out of step."""

HOP: Final = 160
"""Samples between frames, 10 ms."""

LAG: Final = 4
"""Hops over which a difference must grow or fall."""

BAND: Final = (300.0, 3400.0)
"""Hertz: what a telephone leaves (ITU-T G.711)."""

BANDS: Final = 33
"""One more than there are bits in a word."""

QUIET_DB: Final = 45.0
"""Frames this far below the utterance's loudest tell nothing: codecs change pauses most, and all silence is alike."""

STRETCH: Final = 100
"""Frames that must agree, about a second; an utterance with fewer is compared whole."""

SHORTEST: Final = 60
"""Frames below which nothing can be said, about 0.7 s of sound."""

FEWEST_VOICED: Final = 50
"""Frames of a stretch that must not be quiet in either."""

ERRORS: Final = 0.2
"""Share of bits up to which two stretches are one sound; unrelated sounds differ in half. On EmoDB and RAVDESS copies
through Opus, cut and at a tenth of the level reached 0.15 at most, and two takes of one sentence by one actor, the
most alike of all pairs, differed in 0.25 at least."""

VOTES: Final = 3
"""Half-words that two recordings must share in step before they are compared bit by bit."""

CANDIDATES: Final = 32
"""Most recordings that one is compared with: those with the most votes."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fingerprint:
    """What is kept of an utterance: about 1.8 MB an hour."""

    words: NDArray[np.uint32]
    """A bit for each pair of neighbouring bands, shape (frame,)."""
    voiced: NDArray[np.bool_]
    """Whether a frame is not quiet, shape (frame,)."""


def find_near_duplicates(
    utterances: Iterable[Utterance], advance: Callable[[], None] = lambda: None
) -> dict[str, frozenset[str]]:
    """Find utterances that share about a second of the same sound.

    The sound of one utterance is held at a time, and some 6 MB for each hour of all.

    Args:
        utterances: whose files are there.
        advance: called after every utterance.

    Returns:
        For each utterance that has any, the ids of the others that hold the same sound.

    Raises:
        AudioError: if a file cannot be decoded.
    """
    listed = sorted(utterances, key=lambda item: item.id)
    prints = []
    for item in listed:
        prints.append(fingerprint(load_utterance(item)))
        advance()
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in same_sounds(prints):
        found[listed[first].id].add(listed[second].id)
        found[listed[second].id].add(listed[first].id)
    return {name: frozenset(others) for name, others in found.items()}


def fingerprint(samples: NDArray[np.float32]) -> Fingerprint:
    """Take the fingerprint of sound.

    Args:
        samples: at 16 kHz, shape (sample,).
    """
    frames = max(0, 1 + (len(samples) - FRAME) // HOP)
    if frames <= LAG:
        return Fingerprint(words=np.zeros(0, dtype=np.uint32), voiced=np.zeros(0, dtype=np.bool_))
    energies = np.concatenate(
        [_energies(samples[HOP * start : HOP * (start + 511) + FRAME]) for start in range(0, frames, 512)]
    )
    logs = np.log(energies + 1e-12)
    steps = logs[:, :-1] - logs[:, 1:]
    bits = steps[LAG:] > steps[:-LAG]
    words = np.packbits(bits, axis=1).view(">u4")[:, 0].astype(np.uint32)
    level = 10 * np.log10(energies.sum(axis=1) + 1e-12)
    loud = level > max(level.max() - QUIET_DB, -100.0)
    return Fingerprint(words=words, voiced=loud[LAG:] & loud[:-LAG])


def _energies(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energy in each band, shape (frame, band)."""
    edges = np.round(np.geomspace(*BAND, BANDS + 1) * FRAME / SAMPLE_RATE).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME).astype(np.float32), axis=1)) ** 2
    return np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)


def same_sounds(prints: Sequence[Fingerprint]) -> tuple[tuple[int, int], ...]:
    """Find pairs of fingerprints that share a stretch, the lower index first.

    Candidates are those that share half-words in step (an inverted index); each is then compared bit by bit.
    """
    index = _index(prints)
    pairs = []
    for second, item in enumerate(prints):
        pairs += [
            (first, second)
            for first, offset in _candidates(index, item, before=second)
            if error_rate(prints[first], item, offset) <= ERRORS
        ]
    return tuple(sorted(set(pairs)))


def error_rate(first: Fingerprint, second: Fingerprint, offset: int) -> float:
    """The lowest share of bits that differ in any stretch, with frame 0 of the second on frame `offset` of the first.

    Neighbouring alignments count too. Frames that are quiet in either are left out; 1 where too little is left.
    """
    return min(_error_rate(first, second, offset + step) for step in (-2, -1, 0, 1, 2))


def _error_rate(first: Fingerprint, second: Fingerprint, offset: int) -> float:
    start, end = max(0, offset), min(len(first.words), offset + len(second.words))
    if end - start < SHORTEST:
        return 1.0
    mine, others = slice(start, end), slice(start - offset, end - offset)
    both = first.voiced[mine] & second.voiced[others]
    wrong = np.where(both, _ones(first.words[mine] ^ second.words[others]), 0)
    length = min(STRETCH, end - start)
    sums = [np.concatenate([[0], np.cumsum(each)]) for each in (wrong, both)]
    errors, voiced = (each[length:] - each[:-length] for each in sums)
    rates = np.where(voiced >= FEWEST_VOICED, errors / (32 * np.maximum(voiced, 1)), 1.0)
    return float(rates.min())


def _ones(words: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Count the bits that are set, shape (frame,)."""
    return np.unpackbits(words.view(np.uint8).reshape(-1, 4), axis=1).sum(axis=1, dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Index:
    """Where every half-word is: two arrays for each half, in order of the half-words."""

    halves: tuple[NDArray[np.uint16], NDArray[np.uint16]]
    owners: tuple[NDArray[np.int32], NDArray[np.int32]]
    frames: tuple[NDArray[np.int32], NDArray[np.int32]]


def _halves(words: NDArray[np.uint32]) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    return (words >> 16).astype(np.uint16), (words & 0xFFFF).astype(np.uint16)


def _index(prints: Sequence[Fingerprint]) -> _Index:
    """List every second frame that is not quiet; what is looked up are all frames, so a copy cannot fall between."""
    nothing = np.zeros(0, dtype=np.int32)
    kept = [np.flatnonzero(item.voiced)[::2].astype(np.int32) for item in prints]
    owners = np.concatenate([nothing, *(np.full(len(each), i, dtype=np.int32) for i, each in enumerate(kept))])
    frames = np.concatenate([nothing, *kept])
    words = np.concatenate(
        [nothing.astype(np.uint32), *(item.words[each] for item, each in zip(prints, kept, strict=True))]
    )
    high, low = _halves(words)
    orders = [np.argsort(each, kind="stable") for each in (high, low)]
    return _Index(
        halves=(high[orders[0]], low[orders[1]]),
        owners=(owners[orders[0]], owners[orders[1]]),
        frames=(frames[orders[0]], frames[orders[1]]),
    )


def _candidates(index: _Index, item: Fingerprint, *, before: int) -> list[tuple[int, int]]:
    """The recordings before one that share the most half-words in step with it, and the offset of that step."""
    asked = np.flatnonzero(item.voiced)
    votes = []
    for half, owners, frames, own in zip(
        index.halves, index.owners, index.frames, _halves(item.words[asked]), strict=True
    ):
        first, last = np.searchsorted(half, own, "left"), np.searchsorted(half, own, "right")
        counts = last - first
        places = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts) + np.arange(counts.sum())
        offsets = frames[places].astype(np.int64) - np.repeat(asked, counts)
        earlier = owners[places] < before
        # Two frames a step, for a copy may lie between the frames: then neighbours vote.
        votes.append(owners[places][earlier].astype(np.int64) * 2**32 + (offsets[earlier] + 2**31) // 2)
    steps, counts = np.unique(np.concatenate(votes), return_counts=True)
    enough = np.flatnonzero(counts >= VOTES)
    best = enough[np.argsort(-counts[enough], kind="stable")][:CANDIDATES]
    return [(int(step >> 32), int(step & (2**32 - 1)) * 2 - 2**31) for step in steps[best]]
