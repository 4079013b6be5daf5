"""From the phones of a word to its syllables: one vowel each, and before it as many consonants as may begin a word.

The rule of maximal onset (Kahn 1976, Syllable-based generalizations in English phonology): consonants between two
vowels go to the second one as long as a word could begin with them, the rest to the first.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from undertone.speech.phones import CONSONANTS, VOWELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.speech.phones import Pronunciation

ONSETS: Final = frozenset(
    [(), *((phone,) for phone in CONSONANTS - {"NG"})]
    + [
        tuple(cluster.split())
        for cluster in (
            "P L", "P R", "P Y", "T R", "T W", "K L", "K R", "K W", "K Y", "B L", "B R", "B Y", "D R", "D W", "G L",
            "G R", "G W", "F L", "F R", "F Y", "TH R", "TH W", "SH R", "S P", "S T", "S K", "S M", "S N", "S F", "S L",
            "S W", "M Y", "N Y", "V Y", "HH Y", "HH W", "S P L", "S P R", "S P Y", "S T R", "S K R", "S K W", "S K Y",
        )
    ]
)  # fmt: skip
"""What may stand before the vowel of an English syllable, but for those of names and loan words (`SH M`)."""


def syllables_of(phones: Sequence[str]) -> tuple[Pronunciation, ...]:
    """Split a word's phones into syllables.

    Args:
        phones: without stress. A word without a vowel is one syllable.
    """
    vowels = [place for place, phone in enumerate(phones) if phone in VOWELS]
    edges = [0]
    for before, vowel in itertools.pairwise(vowels):
        edges.append(next(start for start in range(before + 1, vowel + 1) if tuple(phones[start:vowel]) in ONSETS))
    edges.append(len(phones))
    return tuple(tuple(phones[start:end]) for start, end in itertools.pairwise(edges))
