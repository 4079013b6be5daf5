"""What a file of a corpus sounds like, in a few numbers: decoded block by block, however long it is."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.decode import open_recording
from undertone.units import samples_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.units import Hertz, Seconds

    Span = tuple[Seconds, Seconds | None]
    """Start and end of an utterance in its file; None is the file's end."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What decoding a file told."""

    sample_rate: Hertz
    samples: int
    """Of each channel."""
    digest: str
    """SHA-256 of the decoded samples, in hexadecimal: the same for the same sound in different bytes."""
    levels: tuple[float, ...]
    """Of every span asked for: the root mean square around the mean in dB below full scale, of the loudest channel;
    −inf for constants, nan for a span that holds no sample."""

    @property
    def duration(self) -> Seconds:
        return self.samples / self.sample_rate


def hear(path: str, spans: Sequence[Span]) -> Heard:
    """Decode a file to its end.

    Args:
        path: of the file.
        spans: of the utterances in it.

    Raises:
        AudioError: as `undertone.audio.decode.open_recording` and `Decoder.blocks`.
    """
    digest = hashlib.sha256()
    done = 0
    with open_recording(path) as recording:
        rate = recording.sample_rate
        digest.update(f"{rate} {recording.channels}\n".encode())
        bounds = [(samples_for(start, rate), None if end is None else samples_for(end, rate)) for start, end in spans]
        sums = [_Sums(count=0, first=np.zeros(recording.channels), second=np.zeros(recording.channels))] * len(spans)
        for block in recording.blocks():
            digest.update(np.ascontiguousarray(block).tobytes())
            for index, (start, end) in enumerate(bounds):
                inside = block[max(start - done, 0) : None if end is None else max(end - done, 0)]
                if len(inside):
                    sums[index] = _added(sums[index], inside)
            done += len(block)
    return Heard(sample_rate=rate, samples=done, digest=digest.hexdigest(), levels=tuple(_level(item) for item in sums))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sums:
    """Of samples and of their squares, each of shape (channel,)."""

    count: int
    first: NDArray[np.float64]
    second: NDArray[np.float64]


def _added(sums: _Sums, block: NDArray[np.float32]) -> _Sums:
    wide = block.astype(np.float64)
    return _Sums(
        count=sums.count + len(block),
        first=sums.first + wide.sum(axis=0),
        second=sums.second + np.square(wide).sum(axis=0),
    )


def _level(sums: _Sums) -> float:
    if not sums.count:
        return math.nan
    variance = float((sums.second / sums.count - np.square(sums.first / sums.count)).max())
    # Rounding leaves about 1e-16 of a constant's power (the offset's square, at most 1): 160 dB below full scale.
    return 10 * math.log10(variance) if variance > 1e-15 else -math.inf
