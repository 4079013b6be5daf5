"""Recordings that ordinary tools do not write, for tests of the decoder."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def wav_bytes(
    samples: NDArray[np.float32], sample_rate: int = 8000, *, data_size: int | None = None, riff_size: int | None = None
) -> bytes:
    """A 16-bit mono wav whose header may claim other sizes than there are."""
    sound = (samples * 32767).astype("<i2").tobytes()
    fmt = struct.pack("<HHIIHH", 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    data_size = len(sound) if data_size is None else data_size
    riff_size = 36 + len(sound) if riff_size is None else riff_size
    header = b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    return header + b"data" + struct.pack("<I", data_size) + sound


def write_packets(
    path: Path,
    pieces: list[tuple[float, NDArray[np.float32]]],
    sample_rate: int = 16_000,
    *,
    codec: str = "pcm_s16le",
    kind: str = "s16",
    container_format: str | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write pieces of mono sound, each with the time that its packets claim."""
    with av.open(str(path), "w", format=container_format, options=options or {}) as container:
        stream = container.add_stream(codec, rate=sample_rate)
        stream.codec_context.layout = "mono"
        stream.codec_context.format = kind
        for time, samples in pieces:
            for start in range(0, len(samples), 1024):
                frame = av.AudioFrame.from_ndarray(
                    np.ascontiguousarray(samples[np.newaxis, start : start + 1024]), format="flt", layout="mono"
                )
                frame.sample_rate = sample_rate
                frame.time_base = Fraction(1, sample_rate)
                frame.pts = round(time * sample_rate) + start
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_tracks(
    path: Path,
    tracks: list[tuple[float, NDArray[np.float32]]],
    sample_rate: int = 16_000,
    *,
    codec: str = "pcm_s16le",
    options: dict[str, str] | None = None,
) -> Path:
    """Write several mono sound tracks into one file, each with the time at which it begins."""
    with av.open(str(path), "w", options=options or {}) as container:
        streams = [container.add_stream(codec, rate=sample_rate) for _ in tracks]
        for stream in streams:
            stream.codec_context.layout = "mono"
        for stream, (time, samples) in zip(streams, tracks, strict=True):
            frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
            frame.sample_rate = sample_rate
            frame.time_base = Fraction(1, sample_rate)
            frame.pts = round(time * sample_rate)
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def write_silent_film(path: Path) -> Path:
    """Write a video of one second without sound."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut(path: Path, share: float = 0.5) -> Path:
    """Keep the first part of a file, as a copy that was broken off does."""
    content = path.read_bytes()
    shorter = path.with_name(f"cut_{path.name}")
    shorter.write_bytes(content[: int(len(content) * share)])
    return shorter
