"""Every format of turns and timelines, in one table. A new row puts the format under the contract tests.

Rows name functions as `module:function` and nothing is imported before it is called, so that the command line can list
the formats at no cost; the rows are named tuples because `dataclasses` alone would take longer than everything here.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from undertone.errors import TurnsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import BinaryIO, Protocol

    from undertone.records import Recording, Timeline, Turn

    class WriteToFile(Protocol):
        """Writes a timeline together with its sound."""

        def __call__(
            self, timeline: Timeline, recording_path: str, target: BinaryIO, *, embed_audio: bool = True
        ) -> None: ...


_FOLDER: Final = "undertone.conversation.formats."


class Format(NamedTuple):
    """A kind of file."""

    name: str
    """What people type: `--format vtt`."""
    suffix: str
    title: str
    description: str
    writer: str | None = None
    """`module:function` of `(timeline) -> str`, or as `writer_kind` says."""
    writer_kind: str = "text"
    """`text`; or `file` for `(timeline, recording_path, target: BinaryIO) -> None`, which needs the sound too."""
    reader: str | None = None
    """`module:function` of `(path, *, recording) -> tuple[Turn, ...]`."""
    marks: str = ""
    """Regular expression found in every file that can be read, and hardly in another."""
    further_suffixes: tuple[str, ...] = ()

    @property
    def reads(self) -> bool:
        return self.reader is not None

    @property
    def writes(self) -> bool:
        return self.writer is not None


FORMATS: Final = (
    Format(
        name="json",
        suffix=".json",
        title="JSON",
        description="everything a timeline holds, with a published schema",
        writer=_FOLDER + "json_timeline:write_json",
        reader=_FOLDER + "json_timeline:read_json",
        marks=r'"turns"\s*:\s*\[',
    ),
    Format(
        name="whisperx",
        suffix=".json",
        title="WhisperX JSON",
        description="segments with speakers and words from WhisperX or Whisper",
        reader=_FOLDER + "whisperx:read_whisperx",
        marks=r'"segments"\s*:\s*\[',
    ),
    Format(
        name="textgrid",
        suffix=".TextGrid",
        title="Praat TextGrid",
        description="tiers of emotion, confidence and text for each speaker",
        writer=_FOLDER + "textgrid:write_textgrid",
        reader=_FOLDER + "textgrid:read_textgrid",
        marks=r'\A\s*(?:File type = )?"ooTextFile',
    ),
    Format(
        name="eaf",
        suffix=".eaf",
        title="ELAN",
        description="annotation tiers for each speaker with a vocabulary of emotions",
        writer=_FOLDER + "eaf:write_eaf",
        reader=_FOLDER + "eaf:read_eaf",
        marks=r"<ANNOTATION_DOCUMENT",
    ),
    Format(
        name="rttm",
        suffix=".rttm",
        title="RTTM",
        description="one line a turn, as diarisation tools write them, with the emotion as orthography",
        writer=_FOLDER + "rttm:write_rttm",
        reader=_FOLDER + "rttm:read_rttm",
        marks=r"(?m)^SPEAKER\s+\S+\s+\S+\s+[\d.]+\s",
    ),
    Format(
        name="vtt",
        suffix=".vtt",
        title="WebVTT",
        description="subtitles for the web with a voice for each speaker and a class for each emotion",
        writer=_FOLDER + "subtitles:write_vtt",
        reader=_FOLDER + "cues:read_vtt",
        marks=r"\AWEBVTT",
    ),
    Format(
        name="srt",
        suffix=".srt",
        title="SubRip",
        description="subtitles for players: speaker, emotion and text",
        writer=_FOLDER + "subtitles:write_srt",
        reader=_FOLDER + "cues:read_srt",
        marks=r"(?m)^[ \t]*\d+:\d+:\d+[,.]\d+[ \t]*-->",
    ),
    Format(
        name="csv",
        suffix=".csv",
        title="CSV",
        description="one row a turn, one column a probability",
        writer=_FOLDER + "csv_rows:write_csv",
        reader=_FOLDER + "csv_rows:read_csv",
        marks=r"(?i)\A[^\n]*\bspeaker\b",
        further_suffixes=(".tsv",),
    ),
    Format(
        name="html",
        suffix=".html",
        title="HTML report",
        description="a page to listen to and look at, in one file with its sound",
        writer="undertone.conversation.report.html:write_html",
        writer_kind="file",
    ),
)


def find_format(name: str) -> Format:
    """Look a format up by name.

    Raises:
        UsageError: if there is none of that name.
    """
    for row in FORMATS:
        if row.name == name:
            return row
    raise UsageError(f"there is no format {name!r}; the formats are {', '.join(row.name for row in FORMATS)}")


def write_format(name: str) -> Callable[[Timeline], str]:
    """The function that writes a timeline as text in a format.

    Raises:
        UsageError: if there is no such format, or it is not written as text.
    """
    return cast("Callable[[Timeline], str]", _writer(name, "text"))


def write_format_to_file(name: str) -> WriteToFile:
    """The function that writes a timeline with its sound: `(timeline, recording_path, target, *, embed_audio)`.

    Raises:
        UsageError: if there is no such format, or it is written as text.
    """
    return cast("WriteToFile", _writer(name, "file"))


def _writer(name: str, kind: str) -> Any:  # noqa: ANN401  the two public functions above say what it is
    row = find_format(name)
    if row.writer is None or row.writer_kind != kind:
        written = ", ".join(other.name for other in FORMATS if other.writes and other.writer_kind == kind)
        raise UsageError(f"the format {name!r} is not written as {kind}; the formats that are: {written}")
    return _load(row.writer)


def read_turns(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read turns from another tool's file, chosen by its suffix and, where that does not decide, by its content.

    The turns are sorted by start and fit the recording; see `undertone.conversation.formats.fitting`.

    Raises:
        TurnsError: if the file is in no known format, or does not fit the recording.
    """
    reader = _load(_reader(path))
    return cast("tuple[Turn, ...]", reader(path, recording=recording))


def _reader(path: Path) -> str:
    from undertone.conversation.formats.sources import read_text  # noqa: PLC0415  listing the formats reads nothing

    readers = {row: row.reader for row in FORMATS if row.reader is not None}
    suffix = path.suffix.lower()
    by_suffix = [row for row in readers if suffix in {row.suffix.lower(), *row.further_suffixes}]
    if len(by_suffix) == 1:
        return readers[by_suffix[0]]
    text = read_text(path)
    for row in by_suffix or readers:
        if re.search(row.marks, text):
            return readers[row]
    known = ", ".join(f"{row.title} ({row.suffix})" for row in by_suffix or readers)
    raise TurnsError(
        str(path), f"its content is none of the formats that are read: {known}. Export the turns in one of them"
    )


def _load(reference: str) -> Any:  # noqa: ANN401  whatever function the row names
    module, function = reference.split(":")
    return getattr(import_module(module), function)
