"""The phones of English as the CMU Pronouncing Dictionary writes them (ARPAbet), without stress, and their indices.

Source: Carnegie Mellon University, The CMU Pronouncing Dictionary, "phone set": 39 phones. Its vowels carry a digit of
stress (0 none, 1 primary, 2 secondary), which is dropped here: stress is heard in length, loudness and pitch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Pronunciation: TypeAlias = tuple[str, ...]
"""The phones of a word, in order."""

BLANK: Final = 0
"""Index of the symbol that means no phone in CTC (Graves et al. 2006, section 3)."""

VOWELS: Final[frozenset[str]] = frozenset(
    ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
)
"""Phones that are the core of a syllable."""

CONSONANTS: Final[frozenset[str]] = frozenset(
    ("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W",
     "Y", "Z", "ZH")
)  # fmt: skip

PHONES: Final[tuple[str, ...]] = tuple(sorted(VOWELS | CONSONANTS))
"""In the order of the alphabet, which networks rely on: it never changes."""

SYMBOLS: Final[tuple[str, ...]] = ("<blank>", *PHONES)
"""What a network that hears phones gives a score to, by index."""

_INDICES: Final = {phone: index for index, phone in enumerate(SYMBOLS) if index != BLANK}

STRESSES: Final = "012"


def unstressed(symbol: str) -> str:
    """Drop the stress of a dictionary's symbol: `AH0` is `AH`; lower case is accepted.

    Raises:
        ValueError: if that is no phone, or a consonant with stress.
    """
    phone = symbol.strip().upper()
    if phone[-1:] and phone[-1] in STRESSES and phone[:-1] in VOWELS:
        return phone[:-1]
    if phone in _INDICES:
        return phone
    raise ValueError(f"{symbol!r} is no phone; accepted are {', '.join(PHONES)}, vowels with stress 0, 1 or 2 too")


def indices_of(phones: Iterable[str]) -> tuple[int, ...]:
    """Give the index in `SYMBOLS` of each phone.

    Raises:
        ValueError: if one is no phone; the blank is none.
    """
    try:
        return tuple(_INDICES[phone] for phone in phones)
    except KeyError as missing:
        raise ValueError(f"{missing.args[0]!r} is no phone; accepted are {', '.join(PHONES)}") from None


def phones_at(indices: Sequence[int]) -> Pronunciation:
    """Give the phone at each index of `SYMBOLS`.

    Raises:
        ValueError: if one is the blank or no index.
    """
    for index in indices:
        if not BLANK < index < len(SYMBOLS):
            raise ValueError(f"{index} is no index of a phone; accepted are 1 to {len(PHONES)}")
    return tuple(SYMBOLS[index] for index in indices)


def is_vowel(phone: str) -> bool:
    """Whether a phone is a vowel.

    Raises:
        ValueError: if it is no phone.
    """
    indices_of((phone,))
    return phone in VOWELS
