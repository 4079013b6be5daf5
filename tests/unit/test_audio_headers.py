"""The facts that are read from the bytes of a file before any decoder sees them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from undertone.audio import _headers
from undertone.audio._headers import Bytes, SoundBytes, is_mp4_without_index, sound_bytes

if TYPE_CHECKING:
    from pathlib import Path


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def chunk(kind: bytes, content: bytes = b"") -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


FTYP = box(b"ftyp", b"M4A \0\0\2\0")
LARGE_BOX = struct.pack(">I4sQ", 1, b"mdat", 16 + 100) + bytes(100)
OPEN_BOX = struct.pack(">I4s", 0, b"mdat") + bytes(100)
IMPOSSIBLE_BOX = struct.pack(">I4s", 3, b"mdat") + bytes(100)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(FTYP + box(b"mdat", bytes(100)) + box(b"moov", bytes(50)), False, id="complete"),
        pytest.param(
            FTYP + box(b"moov", bytes(50)) + box(b"mdat", bytes(100))[:60], False, id="index first, sound cut"
        ),
        pytest.param(FTYP + box(b"mdat", bytes(100)), True, id="no index"),
        pytest.param(FTYP + box(b"mdat", bytes(100))[:60], True, id="cut in the sound"),
        pytest.param(FTYP + box(b"mdat", bytes(100)) + box(b"moov", bytes(50))[:30], True, id="cut in the index"),
        pytest.param(FTYP + LARGE_BOX + box(b"moov", bytes(50)), False, id="more than 4 GiB are possible"),
        pytest.param(FTYP + LARGE_BOX, True, id="more than 4 GiB are possible, no index"),
        pytest.param(FTYP + OPEN_BOX, True, id="sound to the end of the file"),
        pytest.param(FTYP + IMPOSSIBLE_BOX, False, id="no MP4 at all"),
        pytest.param(b"RIFF" + bytes(100), False, id="another format"),
        pytest.param(b"", False, id="nothing"),
    ],
)
def test_index_of_an_mp4_is_looked_for(content: bytes, expected: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with Bytes(tmp_path / "a") as file:
        assert is_mp4_without_index(file) is expected


def wav(*chunks: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + sum(map(len, chunks))) + b"WAVE" + b"".join(chunks)


CAF_HEADER = b"caff\0\1\0\0" + b"desc" + struct.pack(">q", 32) + bytes(32)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(wav(chunk(b"fmt ", bytes(16)), chunk(b"data", bytes(100))), SoundBytes(100, 100), id="whole"),
        pytest.param(wav(chunk(b"LIST", bytes(3)), chunk(b"data", bytes(100))), SoundBytes(100, 100), id="odd chunk"),
        pytest.param(wav(chunk(b"data", bytes(100)))[:-60], SoundBytes(100, 40), id="cut"),
        pytest.param(wav(chunk(b"data", bytes(100)))[:-100], SoundBytes(100, 0), id="cut after the header"),
        pytest.param(wav(chunk(b"data"), chunk(b"LIST", bytes(4))), SoundBytes(0, 0), id="finished and empty"),
        pytest.param(wav(chunk(b"fmt ", bytes(16))), None, id="no sound"),
        pytest.param(b"RF64\xff\xff\xff\xffWAVEds64", None, id="64 bits, cut"),
        pytest.param(
            b"RF64\xff\xff\xff\xffWAVE" + chunk(b"ds64", struct.pack("<QQQI", 0, 500, 0, 0)) + b"data\xff\xff\xff\xff"
            + bytes(100),
            SoundBytes(500, 100),
            id="64 bits",
        ),
        pytest.param(CAF_HEADER + b"data" + struct.pack(">q", 300) + bytes(100), SoundBytes(300, 100), id="caf"),
        pytest.param(CAF_HEADER + b"data" + struct.pack(">q", -1) + bytes(100), None, id="caf to a pipe"),
        pytest.param(CAF_HEADER + b"free" + struct.pack(">q", -5) + bytes(100), None, id="caf, damaged"),
        pytest.param(b".snd" + struct.pack(">II", 24, 300) + bytes(112), SoundBytes(300, 100), id="au"),
        pytest.param(b".snd" + struct.pack(">II", 24, 0xFFFFFFFF) + bytes(112), None, id="au to a pipe"),
        pytest.param(b".snd" + struct.pack(">II", 24, 0) + bytes(112), None, id="au, size never filled in"),
        pytest.param(b".snd\0\0", None, id="au, cut"),
        pytest.param(b"fLaC" + bytes(100), None, id="another format"),
    ],
)  # fmt: skip
def test_size_of_the_sound_is_compared_with_what_is_there(
    content: bytes, expected: SoundBytes | None, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(content)
    with Bytes(tmp_path / "a") as file:
        assert sound_bytes(file) == expected


def test_file_of_empty_chunks_does_not_keep_the_reader_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_headers, "MOST_CHUNKS", 50)
    (tmp_path / "a").write_bytes(wav(*51 * [chunk(b"junk")], chunk(b"data", bytes(10))))
    (tmp_path / "b").write_bytes(FTYP + 51 * box(b"free"))
    with Bytes(tmp_path / "a") as file:
        assert sound_bytes(file) is None
    with Bytes(tmp_path / "b") as file:
        assert is_mp4_without_index(file) is False
