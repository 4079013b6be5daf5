"""The phones of English and their indices."""

from __future__ import annotations

import pytest

from undertone.speech.phones import (
    BLANK,
    CONSONANTS,
    PHONES,
    SYMBOLS,
    VOWELS,
    indices_of,
    is_vowel,
    phones_at,
    unstressed,
)


def test_there_are_39_phones_15_of_them_vowels() -> None:
    assert len(PHONES) == len(set(PHONES)) == 39
    assert len(VOWELS) == 15
    assert set(PHONES) == VOWELS | CONSONANTS
    assert not VOWELS & CONSONANTS


def test_the_order_of_symbols_is_the_one_that_networks_were_trained_with() -> None:
    assert SYMBOLS == (
        "<blank>", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH", "IH",
        "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH", "UH", "UW", "V", "W", "Y",
        "Z", "ZH",
    )  # fmt: skip
    assert SYMBOLS[BLANK] == "<blank>"


def test_indices_and_phones_are_each_others_inverse() -> None:
    assert indices_of(("W", "ER", "D")) == (36, 12, 9)
    assert phones_at(indices_of(PHONES)) == PHONES
    assert indices_of(()) == ()


@pytest.mark.parametrize("phone", ["", "<blank>", "AH0", "ah", "Q"])
def test_what_is_no_phone_has_no_index(phone: str) -> None:
    with pytest.raises(ValueError, match=f"^'{phone}' is no phone; accepted are AA, AE"):
        indices_of(("AH", phone))
    with pytest.raises(ValueError, match="is no phone"):
        is_vowel(phone)


@pytest.mark.parametrize("index", [BLANK, -1, 40])
def test_the_blank_and_what_is_no_index_are_no_phone(index: int) -> None:
    with pytest.raises(ValueError, match=f"^{index} is no index of a phone; accepted are 1 to 39$"):
        phones_at((1, index))


def test_stress_is_dropped_from_vowels() -> None:
    assert [unstressed(symbol) for symbol in ("AH0", "AH1", "ER2", "AH", "k", " iy1 ")] == [
        "AH", "AH", "ER", "AH", "K", "IY",
    ]  # fmt: skip


@pytest.mark.parametrize("symbol", ["", "0", "K1", "AH3", "AH00", "SIL", "<blank>"])
def test_a_symbol_that_is_no_phone_is_refused(symbol: str) -> None:
    with pytest.raises(
        ValueError, match=f"^'{symbol}' is no phone; accepted are .*, vowels with stress 0, 1 or 2 too$"
    ):
        unstressed(symbol)


def test_vowels_are_told_from_consonants() -> None:
    assert is_vowel("ER")
    assert not is_vowel("R")
