"""The sound inside a report: MP3 and the outline of the waveform, made in one pass in bounded memory."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.units import SAMPLE_RATE, Seconds, exact_div

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

BUCKET: Final[Seconds] = 0.025
"""How much of the recording one point of the outline stands for: three hours are 432,000 points, or 576 kB of page."""
BUCKET_SAMPLES: Final = exact_div(SAMPLE_RATE, 40)
"""`BUCKET` in samples: 40 buckets a second."""

HEAD_BYTES: Final = 4096
"""More than the first MP3 frame, which FFmpeg rewrites at the end with the length of the sound."""

MP3_RATES: Final = {1: 40_000, 2: 64_000}
"""Bits per second by channels; constant, so that a player finds any second at once."""

LAME_OPTIONS: Final = {"compression_level": "7", "joint_stereo": "0"}
"""Faster than LAME's own quality of 3, which gains nothing at these rates. Two channels are two voices here, so there
is nothing to gain from joining them."""


class Mp3Stream(io.RawIOBase):
    """Takes what the encoder writes, so that it can be passed on while it grows.

    The first `HEAD_BYTES` stay in `head`, because the encoder comes back to them; the rest waits for `drain`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.head = bytearray()
        self._pending = bytearray()
        self._drained = 0
        self._position = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte; only the head and the end may be written to."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = origin + offset
        return self._position

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer will do; FFmpeg gives bytes
        """Write at the position.

        Raises:
            io.UnsupportedOperation: if the bytes would replace some that may have been passed on.
        """
        end = self._position + len(data)
        if self._position == self._size:
            room = max(0, HEAD_BYTES - len(self.head))
            self.head += data[:room]
            self._pending += data[room:]
        elif end <= len(self.head):
            self.head[self._position : end] = data
        else:
            raise io.UnsupportedOperation(
                f"bytes {self._position} to {end} of {self._size} cannot be replaced; only the first {HEAD_BYTES} can"
            )
        self._position = end
        return len(data)

    def drain(self, *, whole: bool) -> bytes:
        """Take what waits: all of it, or as much as base64 can write without padding."""
        count = len(self._pending) if whole else len(self._pending) // 3 * 3
        taken = bytes(self._pending[:count])
        del self._pending[:count]
        self._drained += count
        return taken

    @property
    def _size(self) -> int:
        return len(self.head) + self._drained + len(self._pending)


def encoded(
    blocks: Iterable[NDArray[np.float32]], *, channels: int, stream: Mp3Stream, outline: Outline
) -> Iterator[bytes]:
    """Encode sound at 16 kHz, giving the bytes after `stream.head` as they come and drawing the outline beside.

    Args:
        blocks: Arrays of shape (sample, channel), nominally within −1 … 1, in order.
        channels: 1 to mix every channel into one, 2 to keep the two that there are.
        stream: Where the encoder writes; its head is complete when this is exhausted.
        outline: Given every block.
    """
    import av

    layout = "mono" if channels == 1 else "stereo"
    # Without ID3 the first frame is FFmpeg's own: it tells players the encoder's delay, which they take off again.
    with av.open(stream, "w", format="mp3", options={"id3v2_version": "0"}) as container:
        encoder = container.add_stream("libmp3lame", rate=SAMPLE_RATE, options=LAME_OPTIONS)
        encoder.layout, encoder.format, encoder.bit_rate = layout, "fltp", MP3_RATES[channels]
        for block in blocks:
            outline.add(block)
            if len(block):
                heard = block if channels == block.shape[1] else block.mean(axis=1, keepdims=True)
                frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(heard.T), format="fltp", layout=layout)
                frame.sample_rate = SAMPLE_RATE
                container.mux(encoder.encode(frame))
            yield stream.drain(whole=False)
        container.mux(encoder.encode(None))
    yield stream.drain(whole=True)


class Outline:
    """The loudest sample of every bucket and channel, gathered block by block."""

    def __init__(self, channels: int, *, split: bool) -> None:
        self._split = split
        self._rest = np.zeros((0, channels if split else 1), np.float32)
        self._parts: list[NDArray[np.uint8]] = []

    def add(self, block: NDArray[np.float32]) -> None:
        """Take the next block, shape (sample, channel)."""
        mixed = block if self._split else block.mean(axis=1, keepdims=True)
        joined = np.concatenate([self._rest, np.abs(mixed)])
        whole = len(joined) // BUCKET_SAMPLES * BUCKET_SAMPLES
        self._rest = joined[whole:]
        self._parts.append(_levels(joined[:whole].reshape(-1, BUCKET_SAMPLES, joined.shape[1]).max(axis=1)))

    def channels(self) -> list[bytes]:
        """One byte per bucket for each channel; the square root of the level, so that quiet speech is seen."""
        tail = [_levels(self._rest.max(axis=0, keepdims=True))] if len(self._rest) else []
        levels = np.concatenate([*self._parts, *tail])
        return [levels[:, channel].tobytes() for channel in range(levels.shape[1])]


def _levels(peaks: NDArray[np.float32]) -> NDArray[np.uint8]:
    levels: NDArray[np.uint8] = np.rint(255 * np.sqrt(np.clip(peaks, 0, 1))).astype(np.uint8)
    return levels
