"""A timeline as a table for people at a terminal."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, TextIO

from undertone.conversation.palette import ink_on, look_of, outcome_of
from undertone.conversation.summary import ranked, summaries_of
from undertone.units import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from undertone.conversation.summary import SpeakerSummary
    from undertone.records import Timeline, TurnEmotion

Line = list[tuple[str, str]]
"""One line as pieces of (text, style); a style is rich's, empty for plain."""

GAP: Final = "  "
LEAST_WIDTH: Final = 48
"""Columns below which the table no longer shrinks; the terminal then wraps or scrolls."""
LEAST_TEXT: Final = 24
"""Columns below which words move to a line of their own under the turn."""
ROOMY: Final = 88
"""Columns from which emotions are named in full in every column."""

# Control characters and lone surrogates could drive the terminal, or break the encoding; overrides of the writing
# direction could make a name look like another.
UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Widths in terminal columns, and the characters that the stream can take."""

    time: int
    speaker: int
    emotion: int
    bar: int
    second: int
    text: int
    """0 where the words go on a line of their own."""
    width: int
    roomy: bool
    unicode: bool
    colour: bool

    @property
    def ellipsis(self) -> str:
        return "…" if self.unicode else "..."


def print_table(timeline: Timeline, *, file: TextIO, width: int | None = None, colour: bool | None = None) -> None:
    """Print one row per turn, what each speaker's turns add up to, and the notes; once per recording.

    Args:
        timeline: What was heard.
        file: Where to print.
        width: Columns to fill; the terminal's own where None, or 100 where there is no terminal.
        colour: True and False force and forbid colour. None colours terminals only, and obeys `NO_COLOR`.
    """
    from rich.console import Console
    from rich.text import Text

    if colour is None and os.environ.get("NO_COLOR"):
        colour = False
    columns = width or shutil.get_terminal_size(fallback=(100, 24)).columns
    console = Console(
        file=file,
        width=max(columns, LEAST_WIDTH),
        force_terminal=colour or None,
        color_system="truecolor" if colour else "auto" if colour is None else None,
        # rich looks at NO_COLOR too; a caller that says True means it.
        no_color=not colour if colour is not None else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    layout = _layout(timeline, console.width, console.encoding, colour=console.color_system is not None)
    for line in _lines(timeline, layout):
        text = Text.assemble(*((_encodable(piece, console.encoding), style) for piece, style in line))
        if not layout.colour:
            text.rstrip()
        console.print(text, soft_wrap=True)


def _layout(timeline: Timeline, width: int, encoding: str, *, colour: bool) -> _Layout:
    roomy = width >= ROOMY
    bar = 12 if roomy else 5
    time = max([len(_range(item)) for item in timeline.turns], default=0)
    emotion = 2 + min(14, max([len(outcome_of(item)) for item in timeline.turns], default=0))
    second = max([len(_runners_up(item, timeline.labels, roomy=roomy)) for item in timeline.turns], default=0)
    fixed = time + emotion + bar + len(" 100%") + second + 4 * len(GAP)
    longest = max(_cells(name) for name in ("speaker", *map(_printable, timeline.speakers)))
    speaker = min(longest, max(6, min(24, width - fixed)))
    text = width - fixed - speaker - len(GAP)
    return _Layout(
        time=time,
        speaker=speaker,
        emotion=emotion,
        bar=bar,
        second=second,
        text=text if text >= LEAST_TEXT else 0,
        width=width,
        roomy=roomy,
        unicode=_takes("…–━", encoding),
        colour=colour,
    )


def _lines(timeline: Timeline, layout: _Layout) -> Iterator[Line]:
    yield from _header(timeline, layout)
    if timeline.turns:
        yield []
        yield _headings(timeline, layout)
        for item in timeline.turns:
            yield from _turn(item, timeline.labels, layout)
        yield []
        yield [("share of speaking time", "bold")]
        for summary in summaries_of(timeline):
            yield from _summary(summary, layout)
    else:
        yield [("This timeline has no turns: nobody was heard, so there is nothing to judge.", "bold")]
    for note in timeline.notes:
        yield from _paragraph("note: ", note, "yellow", layout)
    yield []


def _header(timeline: Timeline, layout: _Layout) -> Iterator[Line]:
    recording = timeline.recording
    name = _printable(PurePath(recording.path).name or recording.path)
    rule = "━" if layout.unicode else "="
    yield [(f"{rule * 2} ", "dim"), (name, "bold"), (" " + rule * max(2, layout.width - _cells(name) - 4), "dim")]
    facts = [clock(recording.duration), _counted(recording.channels, "channel"), _counted(len(timeline.turns), "turn")]
    yield from _paragraph("", ", ".join([*facts, f"bundle {timeline.bundle_id}"]), "", layout)
    if timeline.turns:
        count = _counted(len(timeline.speakers), "speaker")
        yield from _paragraph(f"{count}: ", ", ".join(timeline.speakers), "", layout)


def _headings(timeline: Timeline, layout: _Layout) -> Line:
    names = [
        "time".ljust(layout.time),
        _fit("speaker", layout.speaker, ""),
        "emotion".ljust(layout.emotion),
        _fit("confidence", layout.bar + len(" 100%"), ""),
        _fit("next best" if layout.roomy else "next", layout.second, ""),
    ]
    if layout.text and any(item.turn.text for item in timeline.turns):
        names.append("words")
    return [(GAP.join(names).rstrip(), "dim")]


def _turn(item: TurnEmotion, labels: tuple[str, ...], layout: _Layout) -> Iterator[Line]:
    outcome = outcome_of(item)
    look = look_of(outcome)
    words = _printable(item.turn.text or "")
    dash = "–" if layout.unicode else "-"
    line: Line = [
        (_range(item).replace("–", dash).ljust(layout.time) + GAP, ""),
        (_fit(_printable(item.turn.speaker), layout.speaker, layout.ellipsis) + GAP, ""),
        (look.code, f"bold {look.light}"),
        (_fit(f" {outcome}", layout.emotion - 1, layout.ellipsis) + GAP, "bold" if item.label else "dim"),
        *_bar(item.confidence, look.light, layout),
        (GAP + _runners_up(item, labels, roomy=layout.roomy).ljust(layout.second), "dim"),
    ]
    if layout.text and words:
        line.append((GAP + _fit(words, layout.text, layout.ellipsis), ""))
    yield line
    if words and not layout.text:
        yield [("    " + _fit(words, layout.width - 4, layout.ellipsis), "dim italic")]


def _bar(confidence: float | None, colour: str, layout: _Layout) -> Line:
    full, empty = "━─" if layout.unicode else "#."
    if confidence is None:
        return [(" " * (layout.bar + len(" 100%")), "")]
    filled = round(confidence * layout.bar)
    return [(full * filled, colour), (empty * (layout.bar - filled), "dim"), (f" {_percent(confidence):>4}", "")]


def _summary(summary: SpeakerSummary, layout: _Layout) -> Iterator[Line]:
    shares = sorted(summary.shares.items(), key=lambda pair: -pair[1])
    speaking = f"{clock(summary.speaking)} in {_counted(summary.turns, 'turn')}"
    name = _fit(_printable(summary.speaker), layout.width - len(speaking) - len(GAP), layout.ellipsis).rstrip()
    yield [(name, ""), (GAP + speaking, "dim")]
    yield [("  ", ""), *_stack(shares, min(layout.width - 2, 80), layout)]
    yield from _paragraph("  ", ", ".join(f"{name} {_percent(share)}" for name, share in shares), "", layout)


def _stack(shares: list[tuple[str, float]], cells: int, layout: _Layout) -> Line:
    """Draw shares as stretches of one bar; rounding the ends, not the lengths, keeps the bar's own length exact."""
    line: Line = []
    reached = 0.0
    for name, share in shares:
        length = round((reached + share) * cells) - round(reached * cells)
        reached += share
        look = look_of(name)
        if not layout.colour:
            line.append((look.code * length, ""))
        elif length:
            line.append((look.code.ljust(length), f"bold {ink_on(look.light)} on {look.light}"))
    return line


def _runners_up(item: TurnEmotion, labels: tuple[str, ...], *, roomy: bool) -> str:
    """Name the second most probable emotion; of a turn without a label the first too, which no other column names."""
    best = [(name if roomy else look_of(name).code, value) for name, value in ranked(item, labels)[:2]]
    if len(best) < 2:
        return ""
    lead = "" if item.label is not None else f"{best[0][0]}/"
    return f"{lead}{best[1][0]} {_percent(best[1][1])}"


def _paragraph(lead: str, words: str, style: str, layout: _Layout) -> Iterator[Line]:
    """Wrap words after a lead, indenting the lines that follow to the lead's width."""
    from rich.cells import chop_cells

    indent = " " * len(lead)
    room = layout.width - len(lead)
    taken = ""
    pieces = (piece for word in _printable(words).split() for piece in chop_cells(word, room))
    for piece in pieces:
        if taken and _cells(taken) + 1 + _cells(piece) > room:
            yield [(lead, style), (taken, "")]
            lead, taken = indent, piece
        else:
            taken = f"{taken} {piece}".lstrip()
    yield [(lead, style), (taken, "")]


def _range(item: TurnEmotion) -> str:
    return f"{clock(item.turn.start)}–{clock(item.turn.end)}"


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def _printable(text: str) -> str:
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(text.split()))


def _cells(text: str) -> int:
    """Count terminal columns: a Chinese character takes two."""
    from rich.cells import cell_len

    return cell_len(text)


def _fit(text: str, cells: int, ellipsis: str) -> str:
    """Cut or pad text to a number of terminal columns."""
    from rich.cells import set_cell_size

    if _cells(text) > cells:
        return set_cell_size(set_cell_size(text, cells - len(ellipsis)).rstrip() + ellipsis, cells)
    return set_cell_size(text, cells)


def _takes(text: str, encoding: str) -> bool:
    return _encodable(text, encoding) == text


def _encodable(text: str, encoding: str) -> str:
    return text.encode(encoding, "replace").decode(encoding)
