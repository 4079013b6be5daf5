"""Text out of files in the encodings that people have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.sources import parse_json, read_text
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_with_and_without_a_mark(encoding: str, tmp_path: Path):
    path = tmp_path / "turns.txt"
    path.write_bytes("Zoë 你好".encode(encoding))
    assert read_text(path) == "Zoë 你好"


@pytest.mark.parametrize("byte_order", ["utf-16-le", "utf-16-be"])
def test_both_byte_orders_of_utf_16_are_read(byte_order: str, tmp_path: Path):
    path = tmp_path / "turns.TextGrid"
    path.write_bytes("\ufeffZoë".encode(byte_order))
    assert read_text(path) == "Zoë"


def test_windows_1252_is_read_where_utf_8_does_not_fit(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_bytes("Grüße – „ja“".encode("cp1252"))
    assert read_text(path) == "Grüße – „ja“"


def test_latin_1_is_the_last_resort(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_bytes(b"\x81\xfc")
    assert read_text(path) == "\x81ü"


def test_line_ends_of_every_system_become_one(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_bytes(b"a\r\nb\rc\nd")
    assert read_text(path) == "a\nb\nc\nd"


def test_a_broken_mark_is_refused(tmp_path: Path):
    path = tmp_path / "turns.srt"
    path.write_bytes(b"\xef\xbb\xbfab\xff")
    with pytest.raises(
        TurnsError, match=r"turns.srt: it says that it is utf-8-sig but byte \d is not; save it as UTF-8"
    ):
        read_text(path)


def test_bytes_that_are_not_text_are_refused(tmp_path: Path):
    path = tmp_path / "turns.TextGrid"
    path.write_bytes(b"ooBinaryFile\x08TextGrid\x00\x00")
    with pytest.raises(
        TurnsError, match=r"bytes that are not text; save it as text in UTF-8 \(in Praat: Save as text file\)"
    ):
        read_text(path)


def test_a_missing_file_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"absent.rttm: it cannot be read \(No such file or directory\); name a file"):
        read_text(tmp_path / "absent.rttm")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"it cannot be read \(Is a directory\)"):
        read_text(tmp_path)


def test_json_that_is_none_is_refused_with_line_and_column():
    with pytest.raises(TurnsError, match=r"x.json: line 2, column 3: it is not JSON \(Expecting value\); write"):
        parse_json("x.json", "[1,\n  oops]")


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_lacks_are_refused(word: str):
    with pytest.raises(TurnsError, match=rf"it is not JSON that can be read \({word} is not a number in JSON\)"):
        parse_json("x.json", f'{{"start": {word}}}')


def test_bottomless_json_is_refused():
    with pytest.raises(TurnsError, match=r"it is not JSON that can be read \(.*recursion"):
        parse_json("x.json", "[" * 100_000)
