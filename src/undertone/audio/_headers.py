"""What the bytes of a file say about it before a decoder sees them.

Decoders are forgiving: libsndfile shortens a wav that was cut off to what is there and says nothing, FFmpeg guesses the
length of an mp3 from its size. The few facts that show a damaged file are read here.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GIT_LFS: Final = b"version https://git-lfs.github.com/spec/"
MOST_CHUNKS: Final = 10_000
"""No recorder writes as many; a file made of empty chunks must not keep the reader busy."""


class Bytes(io.FileIO):
    """An open file for libraries in C, which no exception can cross: Python prints it, and some ask again for ever."""

    failure: OSError | None = None
    """Why the bytes ended early; None where the file itself ends."""

    def read(self, size: int | None = -1, /) -> bytes:
        """As usual, but empty, as at the end, where the disk fails."""
        try:
            return super().read(-1 if size is None else size)
        except OSError as error:
            self.failure = error
            return b""

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """As usual, but 0, as at the end, where the disk fails."""
        try:
            return super().readinto(buffer) or 0
        except OSError as error:
            self.failure = error
            return 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As usual, but −1 where a damaged header points to before the file."""
        try:
            return super().seek(offset, whence)
        except (OSError, OverflowError):
            return -1


@dataclass(frozen=True)
class SoundBytes:
    """The size of the part of a file that holds the sound."""

    promised: int
    present: int


@dataclass(frozen=True)
class _Chunks:
    """Where the chunks of a format start, and how each one names its size."""

    first: int
    size: str
    sound: bytes
    padding: int


_FORMATS: Final = {
    b"RIFF": _Chunks(12, "<I", b"data", 2),
    b"RIFX": _Chunks(12, ">I", b"data", 2),
    b"RF64": _Chunks(12, "<I", b"data", 2),
    b"FORM": _Chunks(12, ">I", b"SSND", 2),
    b"caff": _Chunks(8, ">q", b"data", 1),
}


def read_at(file: Bytes, offset: int, size: int) -> bytes:
    """Read up to `size` bytes at `offset`; fewer where the file ends."""
    file.seek(offset)
    return file.read(size)


def file_size(file: Bytes) -> int:
    return file.seek(0, 2)


def sound_bytes(file: Bytes) -> SoundBytes | None:
    """Compare the size that the header of a wav (also RF64), aiff, caf or au gives its sound with what is there.

    None for every other format, and where the header leaves the size open: whoever writes to a pipe, and a recorder
    that lost power, cannot go back to fill it in.
    """
    magic = read_at(file, 0, 4)
    found = _stated(file, magic)
    if found is None:
        return None
    start, promised = found
    size = file_size(file)
    if start >= size or (promised == 0 and _is_finished(file, magic, size)):
        return SoundBytes(promised, 0)
    if _is_placeholder(promised):
        return None
    return SoundBytes(promised, min(promised, size - start))


def _stated(file: Bytes, magic: bytes) -> tuple[int, int] | None:
    """Read where the sound starts, and the size that the header gives it."""
    if magic == b".snd":
        header = read_at(file, 4, 8)
        return struct.unpack(">II", header) if len(header) == 8 else None
    if magic not in _FORMATS:
        return None
    found = _find_sound(file, _FORMATS[magic])
    if found is not None and magic == b"RF64" and found[1] == 0xFFFFFFFF:
        return found[0], _rf64_size(file)
    return found


def _is_finished(file: Bytes, magic: bytes, size: int) -> bool:
    """Tell whether the outer size of a wav or aiff was filled in.

    A recorder that lost power leaves both sizes at 0. Where only the sound's is 0, the recording is finished and holds
    nothing, and what follows is not sound.
    """
    if magic not in (b"RIFF", b"RIFX", b"FORM"):
        return False
    outer: int = struct.unpack(_FORMATS[magic].size, read_at(file, 4, 4))[0]
    return outer == size - 8


def _find_sound(file: Bytes, chunks: _Chunks) -> tuple[int, int] | None:
    """Walk to the chunk that holds the sound; give where its content starts and the size that it claims."""
    offset = chunks.first
    header = 4 + struct.calcsize(chunks.size)
    for _ in range(MOST_CHUNKS):
        head = read_at(file, offset, header)
        if len(head) < header:
            return None
        size = struct.unpack(chunks.size, head[4:])[0]
        if head[:4] == chunks.sound:
            return offset + header, size
        if size < 0:
            return None
        offset += header + size + (-size) % chunks.padding
    return None


def _rf64_size(file: Bytes) -> int:
    """Read the 64-bit size of the sound: `ds64` is the first chunk, its second field (EBU Tech 3306, section 3)."""
    field = read_at(file, 28, 8)
    return struct.unpack("<Q", field)[0] if len(field) == 8 else 0


def _is_placeholder(size: int) -> bool:
    """Tell whether a size stands for "not known": 0 and −1, or just under 2 GiB (SoX, arecord) or 4 GiB (FFmpeg).

    Writers subtract their own header and round down to pages, hence the 64 KiB.
    """
    near = 1 << 16
    return size <= 0 or abs(size - (1 << 31)) <= near or 0 <= (1 << 32) - size <= near or size >= (1 << 63) - near


def is_mp4_without_index(file: Bytes) -> bool:
    """Tell whether an MP4 (m4a, mov, 3gp) ends before its `moov` box, which recorders write last (ISO/IEC 14496-12)."""
    if read_at(file, 4, 4) != b"ftyp":
        return False
    offset, end = 0, file_size(file)
    for _ in range(MOST_CHUNKS):
        head = read_at(file, offset, 16)
        if len(head) < 8:
            return True
        size, kind = struct.unpack(">I4s", head[:8])
        if kind == b"moov":
            return bool(offset + size > end)
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if size < 8:
            # 0 means "to the end of the file", so no index follows; 1 to 7 are impossible.
            return bool(size == 0)
        offset += size
    return False


def mp3_counts_frames(file: Bytes) -> bool:
    """Tell whether an mp3 starts with the Xing, Info or VBRI frame that counts its frames.

    Without one, decoders guess the length from the first frames and the size of the file.
    """
    head = read_at(file, 0, 10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        # Four bytes of seven bits each (ID3v2.4, section 3.1).
        start = 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    # A frame of layer III has at most 1441 bytes; encoders may pad the tag.
    frame = read_at(file, start, 4096)
    return any(name in frame for name in (b"Xing", b"Info", b"VBRI"))


def is_chained_ogg(file: Bytes) -> bool:
    """Tell whether an Ogg file ends in another logical stream than it starts with (RFC 3533, section 4).

    Saved internet radio and files joined end to end are such chains; libsndfile stops after the first link.
    """
    first = read_at(file, 0, 18)
    if first[:4] != b"OggS":
        return False
    # A page has at most 65307 bytes (RFC 3533, section 6), so the last page starts inside this tail.
    tail = read_at(file, max(0, file_size(file) - 65_307), 65_307)
    last = tail.rfind(b"OggS", 0, len(tail) - 14)
    return last >= 0 and tail[last + 14 : last + 18] != first[14:18]
