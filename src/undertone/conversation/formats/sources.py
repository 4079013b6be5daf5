"""Reading the text of somebody else's file, whatever encoding it came in."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Final

from undertone.errors import TurnsError

if TYPE_CHECKING:
    from pathlib import Path

_MARKS: Final = (
    # UTF-32-LE begins with the mark of UTF-16-LE, so it is tried first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_bytes(path: Path) -> bytes:
    """Read a whole file.

    Raises:
        TurnsError: if it is missing, a folder, or may not be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise TurnsError(str(path), f"it cannot be read ({reason}); name a file that you may read") from error


def read_text(path: Path) -> str:
    r"""Read a text: UTF-8, UTF-16 or UTF-32 by its mark; else UTF-8; else Windows-1252, then Latin-1.

    Praat writes UTF-16 with a mark as soon as a label leaves ASCII; spreadsheets write UTF-8 with a mark; old subtitles
    are Windows-1252. Line ends become `\n`.

    Raises:
        TurnsError: if the file cannot be read, or does not hold text.
    """
    text = _decode(path, read_bytes(path))
    if "\x00" in text:
        raise TurnsError(
            str(path),
            "it holds bytes that are not text; save it as text in UTF-8 (in Praat: Save as text file), then try again",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decode(path: Path, content: bytes) -> str:
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding)
            except UnicodeDecodeError as error:
                raise TurnsError(
                    str(path),
                    f"it says that it is {encoding} but byte {error.start} is not; save it as UTF-8, then try again",
                ) from error
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def parse_json(path: str, text: str) -> object:
    """Parse strict JSON.

    Raises:
        TurnsError: if the text is not JSON, or holds NaN or Infinity, which JSON does not have.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise TurnsError(
            path, f"line {error.lineno}, column {error.colno}: it is not JSON ({error.msg}); write the file again"
        ) from error
    except (ValueError, RecursionError) as error:
        raise TurnsError(path, f"it is not JSON that can be read ({error}); write the file again") from error


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is not a number in JSON")
