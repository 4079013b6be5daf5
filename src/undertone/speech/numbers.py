"""Figures as people say them. The library num2words gives the words of numbers; here stands what a figure means.

English figures may be amounts of money, times of day, ordinals, years and decades. In the other languages whole
numbers, years and decimal numbers are read, because ordinals (`3.`) and endings need grammar.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from undertone.errors import MissingExtraError, TranscriptError

if TYPE_CHECKING:
    from collections.abc import Callable

_MONEY: Final = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
}
_RUN: Final = r"[0-9](?:[0-9.,:/\-–]*[0-9])?"
_FIGURE: Final = re.compile(
    r"(?P<minus>(?<![\w.,\-–])[-−](?=[$£€]?[0-9]))?"
    r"(?P<currency>[$£€](?=[0-9]))?"
    rf"(?P<run>{_RUN})"
    r"(?:(?P<scale> ?(?:thousand|million|billion|trillion)\b)"
    r"| ?(?P<half>[ap])(?:m\b|\.m\b\.?)"
    r"|(?P<ordinal>st|nd|rd|th)\b"
    r"|(?P<plural>'?s)\b)?"
)  # fmt: skip
_PLAIN: Final = re.compile(_RUN)
_CLOCK: Final = re.compile(r"(?P<hour>[01]?[0-9]|2[0-4]):(?P<minute>[0-5][0-9])")
_LONGEST: Final = 15
"""Figures with more digits are read digit by digit, as telephone numbers are."""

_GROUPED: Final = {"en": (",", "."), "de": (".", ","), "pl": (" ", ",")}
"""What stands between thousands, and before decimals."""
_POINT: Final = {"en": "point", "de": "komma", "pl": "przecinek"}


def figure_pattern(language: str) -> re.Pattern[str]:
    """What a figure with its signs and endings looks like, in lower case."""
    return _FIGURE if language == "en" else _PLAIN


def words_of_figure(found: re.Match[str], language: str) -> list[str]:
    """Say a figure.

    Args:
        found: by `figure_pattern`.
        language: `en`, `de` or `pl`.

    Raises:
        TranscriptError: if the figure can be read in several ways.
        MissingExtraError: if num2words is not installed.
    """
    if language != "en":
        return _number(found[0], language)
    minus = ["minus"] if found["minus"] else []
    run = found["run"]
    if found["currency"]:
        return [*minus, *_money(found, run)]
    clock = _CLOCK.fullmatch(run)
    if clock or found["half"]:
        return [*minus, *_time(found, clock)]
    if found["ordinal"]:
        return [*minus, *_say(_whole(run, "en"), "en", "ordinal")]
    if found["plural"]:
        *most, last = _number(run, "en")
        return [*minus, *most, _plural(last)]
    return [*minus, *_number(run, "en"), *(found["scale"] or "").split()]


def _plural(word: str) -> str:
    if word.endswith("y"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("x") else f"{word}s"


def _number(run: str, language: str) -> list[str]:
    """Say a number, a year where it has four digits and could be one, or the digits of a code."""
    thousands, point = _GROUPED[language]
    whole, _, decimals = run.partition(point)
    if decimals and not decimals.isdecimal():
        raise _unclear(run)
    if whole.isdecimal() and (len(whole) > _LONGEST or (whole.startswith("0") and len(whole) > 1)):
        words = [word for digit in whole for word in _say(int(digit), language)]
    else:
        value = _whole(whole, language)
        dated = not decimals and thousands not in run and (1100 <= value <= 1999 or 2010 <= value <= 2099)
        words = _say(value, language, "year" if dated else "cardinal")
    if decimals:
        words += [_POINT[language], *(word for digit in decimals for word in _say(int(digit), language))]
    return words


def _whole(run: str, language: str) -> int:
    """Read a whole number, with or without marks between thousands."""
    mark = re.escape(_GROUPED[language][0])
    if not re.fullmatch(rf"[0-9]+|[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+", run):
        raise _unclear(run)
    return int(run.replace(_GROUPED[language][0], ""))


def _money(found: re.Match[str], run: str) -> list[str]:
    one, many, small, smalls = _MONEY[found["currency"]]
    if found["scale"]:
        return [*_number(run, "en"), found["scale"].strip(), many]
    whole, _, decimals = run.partition(".")
    value = _whole(whole, "en")
    if decimals and not re.fullmatch(r"[0-9]{2}", decimals):
        raise _unclear(found["currency"] + run)
    cents = int(decimals or 0)
    said = [*_say(value, "en"), one if value == 1 else many] if value or not cents else []
    return [*said, *(_say(cents, "en") if cents else ()), *((small if cents == 1 else smalls,) if cents else ())]


def _time(found: re.Match[str], clock: re.Match[str] | None) -> list[str]:
    half = [found["half"], "m"] if found["half"] else []
    if clock is None:
        return [*_number(found["run"], "en"), *half]
    hour, minute = int(clock["hour"]), int(clock["minute"])
    if minute:
        past = [*(("oh",) if minute < 10 else ()), *_say(minute, "en")]
    elif half:
        past = []
    else:
        past = ["o'clock"] if 1 <= hour <= 12 else ["hundred"]
    return [*_say(hour, "en"), *past, *half]


def _say(value: int, language: str, form: str = "cardinal") -> list[str]:
    """Ask the library for the words of a whole number."""
    try:
        from num2words import num2words  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise MissingExtraError("saying numbers", "align") from missing
    library: Callable[..., str] = num2words  # a package without types
    if language == "pl" and form == "year":
        form = "cardinal"
    said = library(value, lang=language, to=form)
    return said.lower().replace("-", " ").replace(",", " ").split()


def _unclear(run: str) -> TranscriptError:
    return TranscriptError(run, "this figure can be read in several ways; write it in words")
