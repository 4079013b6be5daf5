"""Praat's TextGrid: interval tiers that cover the whole recording.

Written: for each speaker the tiers `<speaker> (emotion)`, `<speaker> (confidence)` and, where there is text,
`<speaker> (text)`, in the long text layout that Praat itself saves. Read: long and short layout, one tier for each
speaker, its name the speaker, every label that is not empty a turn and its text. As in Praat, only free-standing
numbers, quoted texts and `<flags>` count; everything else is decoration
(https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html).

Tiers of words and phones, as the Montreal Forced Aligner and WebMAUS write them, are not turns: they are left out, and
a grid with nothing else is refused. In a tier of Praat's silence detection the intervals `silent` are left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from undertone.conversation.formats.fitting import END_TOLERANCE, DraftTurn, check_duration, fit_turns
from undertone.conversation.formats.notation import emotion_word, one_line, rounded_confidence
from undertone.conversation.formats.sources import read_text
from undertone.conversation.formats.tiers import Tier, speaker_tiers
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from undertone.records import Alignment, Recording, Timeline, Turn
    from undertone.units import Seconds

_EMOTION: Final = " (emotion)"
_CONFIDENCE: Final = " (confidence)"
_TEXT: Final = " (text)"
_ALIGNED: Final = frozenset({"word", "words", "phone", "phones", "mau", "ort-mau", "kan-mau"})
_SILENCES: Final = frozenset({"silent", "sounding"})
_SPLINTER: Final[Seconds] = 0.0006
"""Times are rounded to milliseconds, so a turn that lasts to the end may stop half a millisecond short of it."""

_TOKEN: Final = re.compile(r'"((?:[^"]|"")*)"|(?<!\S)(?:<(\w+)>|([-+]?\d[\d.eE+-]*)|!.*)(?!\S)')


@dataclass(frozen=True)
class _Interval:
    start: Seconds
    end: Seconds
    label: str


@dataclass(frozen=True)
class _GridTier:
    name: str
    intervals: tuple[_Interval, ...]


@dataclass(frozen=True)
class _Grid:
    end: Seconds
    tiers: tuple[_GridTier, ...]


def write_textgrid(timeline: Timeline) -> str:
    """Write a TextGrid in Praat's long text layout; a timeline without turns becomes one empty tier."""
    tiers = [grid_tier for tier in speaker_tiers(timeline) for grid_tier in _grid_tiers(tier)]
    ends = [interval.end for tier in tiers for interval in tier.intervals]
    end = max([timeline.recording.duration, *ends])
    return _grid_text(tiers or [_GridTier("turns", ())], end)


def write_alignment(alignment: Alignment) -> str:
    """Write words, syllables and phones as three tiers, in Praat's long text layout."""
    rows = {"words": alignment.words, "syllables": alignment.syllables, "phones": alignment.phones}
    tiers = [
        _GridTier(name, tuple(_Interval(item.start, item.end, item.label) for item in segments))
        for name, segments in rows.items()
    ]
    return _grid_text(tiers, alignment.duration)


def _grid_text(tiers: Sequence[_GridTier], end: Seconds) -> str:
    body = "".join(_long_tier(number, tier, end) for number, tier in enumerate(tiers, start=1))
    return (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
        f"xmin = 0 \nxmax = {_seconds(end)} \ntiers? <exists> \nsize = {len(tiers)} \nitem []: \n{body}"
    )


def _grid_tiers(tier: Tier) -> Iterator[_GridTier]:
    columns = [
        (_EMOTION, [emotion_word(span.item) for span in tier.spans]),
        (_CONFIDENCE, [_confidence_label(rounded_confidence(span.item)) for span in tier.spans]),
        (_TEXT, [one_line(span.item.turn.text or "") for span in tier.spans]),
    ]
    for suffix, labels in columns:
        if suffix != _TEXT or any(labels):
            intervals = [
                _Interval(span.start / 1000, span.end / 1000, label)
                for span, label in zip(tier.spans, labels, strict=True)
            ]
            yield _GridTier(tier.name + suffix, tuple(intervals))


def _confidence_label(confidence: float | None) -> str:
    return "" if confidence is None else f"{confidence:.4f}"


def _long_tier(number: int, tier: _GridTier, end: Seconds) -> str:
    covering = _covering(tier.intervals, end)
    head = (
        f'    item [{number}]:\n        class = "IntervalTier" \n        name = {_quoted(tier.name)} \n'
        f"        xmin = 0 \n        xmax = {_seconds(end)} \n        intervals: size = {len(covering)} \n"
    )
    return head + "".join(
        f"        intervals [{index}]:\n            xmin = {_seconds(interval.start)} \n"
        f"            xmax = {_seconds(interval.end)} \n            text = {_quoted(interval.label)} \n"
        for index, interval in enumerate(covering, start=1)
    )


def _covering(intervals: tuple[_Interval, ...], end: Seconds) -> list[_Interval]:
    """Fill the gaps with empty intervals, so that the tier covers 0 to `end` as Praat demands."""
    covering: list[_Interval] = []
    reached = 0.0
    for interval in intervals:
        if interval.start > reached:
            covering.append(_Interval(reached, interval.start, ""))
        reached = end if end - interval.end < _SPLINTER else interval.end
        covering.append(_Interval(interval.start, reached, interval.label))
    if reached < end:
        covering.append(_Interval(reached, end, ""))
    return covering


def _seconds(seconds: Seconds) -> str:
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def read_textgrid(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read the interval tiers of a TextGrid as turns.

    A grid that undertone wrote gives back its turns: the emotions are left out, the texts kept.

    Raises:
        TurnsError: if the file is not a TextGrid, holds only tiers of words and phones, was made for a recording of
            another length, or does not fit this one.
    """
    grid = _parse(path, read_text(path))
    _check_end(path, grid, recording)
    spoken = [tier for tier in grid.tiers if tier.name.rsplit(" - ", 1)[-1].strip().lower() not in _ALIGNED]
    if grid.tiers and not spoken:
        names = ", ".join(repr(tier.name) for tier in grid.tiers)
        raise TurnsError(
            str(path),
            f"its tiers are {names}, as a forced aligner writes them; a tier for each speaker with an interval for "
            "each turn is needed. Name such a file, or name none and the turns will be found",
        )
    return fit_turns(path, _drafts(tuple(spoken)), recording=recording)


def intervals_of(path: Path) -> Iterator[tuple[str, Seconds, Seconds, str]]:
    """Read all intervals: name of the tier, start, end, label.

    Raises:
        TurnsError: if the file is not a TextGrid.
    """
    for tier in _parse(path, read_text(path)).tiers:
        for interval in tier.intervals:
            yield tier.name, interval.start, interval.end, interval.label


def _check_end(path: Path, grid: _Grid, recording: Recording) -> None:
    """A grid that goes on in silence after its last label states how long its recording is; others end at a label."""
    last = max((interval.end for tier in grid.tiers for interval in tier.intervals if interval.label), default=0.0)
    if grid.end > last or grid.end > recording.duration + END_TOLERANCE:
        check_duration(path, grid.end, recording=recording)


def _drafts(tiers: tuple[_GridTier, ...]) -> Iterator[DraftTurn]:
    ours = all(tier.name.endswith((_EMOTION, _CONFIDENCE, _TEXT)) for tier in tiers)
    texts = {
        (tier.name.removesuffix(_TEXT), interval.start): interval.label
        for tier in tiers
        if ours and tier.name.endswith(_TEXT)
        for interval in tier.intervals
    }
    for tier in tiers:
        if ours and not tier.name.endswith(_EMOTION):
            continue
        speaker = tier.name.removesuffix(_EMOTION) if ours else tier.name
        labels = {interval.label for interval in tier.intervals if interval.label}
        for number, interval in enumerate(tier.intervals, start=1):
            if not interval.label or (labels <= _SILENCES and interval.label == "silent"):
                continue
            said = texts.get((speaker, interval.start)) if ours else interval.label
            yield DraftTurn(
                place=f"tier {tier.name!r}, interval {number}",
                start=interval.start,
                end=interval.end,
                speaker=speaker,
                text=None if labels <= _SILENCES else said,
            )


class _Tokens:
    """The texts, numbers and flags of a grid, taken one after the other."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._found = _TOKEN.finditer(text)

    def _next(self, wanted: str) -> re.Match[str]:
        for match in self._found:
            if match.lastindex is not None:
                return match
        raise TurnsError(
            str(self._path), f"it ends where {wanted} is expected; save it from Praat once more, then try again"
        )

    def _refuse(self, match: re.Match[str], wanted: str) -> TurnsError:
        line = self._text.count("\n", 0, match.start()) + 1
        return TurnsError(
            str(self._path),
            f"line {line}: {match.group()[:40]!r} stands where {wanted} is expected; save it from Praat once more, "
            "then try again",
        )

    def text(self, wanted: str) -> str:
        match = self._next(wanted)
        if match.group(1) is None:
            raise self._refuse(match, wanted)
        return match.group(1).replace('""', '"')

    def flag(self, wanted: str) -> str:
        match = self._next(wanted)
        if match.group(2) is None:
            raise self._refuse(match, wanted)
        return match.group(2)

    def number(self, wanted: str) -> float:
        match = self._next(wanted)
        try:
            return float(match.group(3) or "")
        except ValueError as error:
            raise self._refuse(match, wanted) from error


def _parse(path: Path, text: str) -> _Grid:
    tokens = _Tokens(path, text)
    header = tokens.text("the file type"), tokens.text("the object class")
    if not header[0].startswith("ooTextFile") or header[1] != "TextGrid":
        raise TurnsError(
            str(path),
            f"it is a {header[1]!r} in a {header[0]!r}; a TextGrid is read. Save the TextGrid as text from Praat",
        )
    tokens.number("the start of the grid")
    end = tokens.number("the end of the grid")
    if tokens.flag("whether there are tiers") != "exists":
        return _Grid(end, ())
    count = int(tokens.number("the number of tiers"))
    tiers = [_parse_tier(tokens) for _ in range(count)]
    return _Grid(end, tuple(tier for tier in tiers if tier is not None))


def _parse_tier(tokens: _Tokens) -> _GridTier | None:
    """Read one tier; None for a tier of points, which have no length."""
    of_intervals = tokens.text("the class of a tier") == "IntervalTier"
    name = tokens.text("the name of a tier")
    tokens.number("the start of a tier")
    tokens.number("the end of a tier")
    count = int(tokens.number("the number of intervals or points"))
    if not of_intervals:
        for _ in range(count):
            tokens.number("the time of a point")
            tokens.text("the label of a point")
        return None
    return _GridTier(
        name.strip(),
        tuple(
            _Interval(
                tokens.number("the start of an interval"),
                tokens.number("the end of an interval"),
                tokens.text("the label of an interval").strip(),
            )
            for _ in range(count)
        ),
    )
