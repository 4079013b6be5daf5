"""Reading the JSON that WhisperX writes: who said which words when.

A segment is a turn. WhisperX leaves out the times of words that it could not align (numbers, mostly) and the speaker of
segments where it heard none: such words stay in the text only, such segments belong to `fitting.UNNAMED`. OpenAI
Whisper writes the same form without words and speakers, so its files are read too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertone.conversation.formats import fields
from undertone.conversation.formats.fields import Field
from undertone.conversation.formats.fitting import UNNAMED, DraftTurn, fit_turns
from undertone.conversation.formats.sources import parse_json, read_text
from undertone.records import Word

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.records import Recording, Turn


def read_whisperx(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read the segments of a WhisperX result as turns with words.

    Raises:
        TurnsError: if the file is not such a result, or does not fit the recording; the message names the field.
    """
    root = Field(str(path), "", parse_json(str(path), read_text(path)))
    drafts = [_draft(segment) for segment in fields.items(fields.member(root, "segments"))]
    return fit_turns(path, drafts, recording=recording)


def _draft(segment: Field) -> DraftTurn:
    speaker = fields.optional(segment, "speaker")
    text = fields.optional(segment, "text")
    return DraftTurn(
        place=segment.name,
        start=fields.number(fields.member(segment, "start")),
        end=fields.number(fields.member(segment, "end")),
        speaker=UNNAMED if speaker is None else fields.words(speaker),
        text=None if text is None else fields.words(text),
        words=words_of(segment),
    )


def words_of(segment: Field) -> tuple[Word, ...]:
    """Read the words of a segment that have times.

    Raises:
        TurnsError: if a field is not what it should be.
    """
    listed = fields.optional(segment, "words")
    spoken = [] if listed is None else [_word(word) for word in fields.items(listed)]
    return tuple(word for word in spoken if word is not None)


def _word(field: Field) -> Word | None:
    start, end = fields.optional(field, "start"), fields.optional(field, "end")
    if start is None or end is None:
        return None
    score = fields.optional(field, "score")
    return Word(
        text=fields.words(fields.member(field, "word")).strip(),
        start=fields.number(start),
        end=fields.number(end),
        confidence=None if score is None else fields.number(score),
    )
