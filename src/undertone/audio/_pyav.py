"""Sound that FFmpeg reads: m4a, the sound track of mp4, webm and mkv, mp3, aac, amr, and what libsndfile refuses."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.audio import _headers
from undertone.errors import EmptyAudioError, TruncatedAudioError, UnreadableAudioError
from undertone.units import samples_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import av
    from av.container import InputContainer
    from numpy.typing import NDArray

    from undertone.units import Seconds

DEMUXERS: Final = "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,matroska,mov,mp3,ogg,voc,w64,wav,wv"
"""The formats FFmpeg may recognise. Its playlists (hls, concat, dash) would let a recording open other files and
network addresses, and are not in the list; nor are mpeg and flv, where tracks may appear on the way: PyAV 18.1 loses
count of them."""

TIMED: Final = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Formats that carry a time with every packet. A call that lost packets, or a sound track that starts after its
picture, has gaps there; they are filled with silence, so that times are the times a player shows."""

GAP: Final[Seconds] = 0.1
"""Gaps up to this are left, because clocks jitter: FFmpeg's `aresample` uses the same limit (min_hard_comp)."""

LONGEST_GAP: Final[Seconds] = 3600.0
"""A longer gap is a broken clock, not silence."""

SAMPLES: Final[dict[str, tuple[str, float, float]]] = {
    "u8": ("u1", 2.0**7, 2.0**7),
    "s16": ("i2", 0.0, 2.0**15),
    "s32": ("i4", 0.0, 2.0**31),
    "s64": ("i8", 0.0, 2.0**63),
    "flt": ("f4", 0.0, 1.0),
    "dbl": ("f8", 0.0, 1.0),
}
"""FFmpeg's kinds of samples: NumPy's name, what stands for silence, and full scale (libavutil/samplefmt.h)."""


class PyavSource:
    """An open file that FFmpeg decodes."""

    slack: Seconds = 0.5
    """Containers may count what the encoder added at both ends: up to 2112 + 1024 samples of AAC, 0.39 s at 8000 Hz."""

    def __init__(
        self, path: str, container: InputContainer, frames: Iterator[av.AudioFrame], promised: Seconds | None
    ) -> None:
        first = next(frames)
        self._path = path
        self._container = container
        self._frames = chain([first], frames)
        # From the first frame, not the header: the header of an HE-AAC file may give half the rate and one channel.
        self.channels: int = first.layout.nb_channels
        self.sample_rate: int = first.sample_rate
        self.frames = None if promised is None else samples_for(promised, self.sample_rate)

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield shape (sample, channel), as long as the codec's frames are.

        Raises:
            UnreadableAudioError: if the sound is damaged in its middle, or changes its rate or channels.
        """
        given = 0
        beginning = self._beginning()
        for frame in self._frames:
            self._require_same(frame, given)
            if beginning is not None and frame.time is not None:
                for silence in self._silence(frame.time - beginning - given / self.sample_rate, given):
                    yield silence
                    given += len(silence)
            samples = _float_samples(frame)
            yield samples
            given += len(samples)

    def close(self) -> None:
        self._container.close()

    def _beginning(self) -> Seconds | None:
        """Where the file begins on the clock of its packets, which may start anywhere; None without such a clock."""
        if self._container.format.name not in TIMED or self._container.start_time is None:
            return None
        return self._container.start_time / 1_000_000

    def _require_same(self, frame: av.AudioFrame, given: int) -> None:
        channels, sample_rate = frame.layout.nb_channels, frame.sample_rate
        if (channels, sample_rate) != (self.channels, self.sample_rate):
            raise UnreadableAudioError(
                self._path,
                f"its sound changes from {self.channels} channels at {self.sample_rate} Hz to {channels} channels at "
                f"{sample_rate} Hz after {given / self.sample_rate:.2f} s. Export it as one wav, then try again",
            )

    def _silence(self, gap: Seconds, given: int) -> Iterator[NDArray[np.float32]]:
        """Yield the zeros that fill a gap, a second at a time."""
        if gap <= GAP:
            return
        if gap > LONGEST_GAP:
            raise UnreadableAudioError(
                self._path,
                f"its clock leaps by {gap:.0f} s after {given / self.sample_rate:.2f} s of sound; at most "
                f"{LONGEST_GAP:.0f} s are filled with silence. Export it as wav, then try again",
            )
        missing = samples_for(gap, self.sample_rate)
        for start in range(0, missing, self.sample_rate):
            yield np.zeros((min(self.sample_rate, missing - start), self.channels), np.float32)


def open_with_pyav(path: str, file: _headers.Bytes) -> PyavSource:
    """Open a file with FFmpeg.

    Raises:
        UnreadableAudioError: if FFmpeg finds no sound in it, or cannot decode it.
        TruncatedAudioError: if it is an MP4 that was cut off before its index.
        EmptyAudioError: if its sound track is empty.
    """
    import av

    if _headers.is_mp4_without_index(file):
        raise TruncatedAudioError(
            path,
            "its index (the moov box, written last) is missing: the recording or the copy was stopped before the end. "
            "Copy it again; if the original is the same, a repair tool for MP4 may rebuild the index",
        )
    head = _headers.read_at(file, 0, 16)
    counted = _headers.mp3_counts_frames(file)
    file.seek(0)  # from here on the place in the file belongs to FFmpeg
    try:
        container = av.open(file, "r", options={"format_whitelist": DEMUXERS}, metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        raise UnreadableAudioError(path, _not_sound(head)) from error
    try:
        stream = _sound_track(path, container)
        promised = _promised(container, stream, counted=counted)
        return PyavSource(path, container, _decoded(path, container, stream), promised)
    except BaseException:
        container.close()
        raise


def _sound_track(path: str, container: InputContainer) -> av.AudioStream:
    """Give the first sound track."""
    if not container.streams.audio:
        others = ", ".join(dict.fromkeys(stream.type for stream in container.streams)) or "nothing"
        raise UnreadableAudioError(
            path, f"it has no sound track; it holds {others}. Export it with its sound, then try again"
        )
    stream = container.streams.audio[0]
    if stream.codec_context is None:
        raise UnreadableAudioError(
            path, "its sound track is encrypted or in a format without a decoder. Export it as wav, then try again"
        )
    return stream


def _decoded(path: str, container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Yield FFmpeg's frames.

    A packet that cannot be decoded is let pass before the first frame, where a stream was entered in its middle, and
    after the last, where the file was cut; in between it is an error.
    """
    from av import FFmpegError

    reached: Seconds = 0.0
    damage: Exception | None = None
    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except FFmpegError as error:
                damage = error
                continue
            for frame in frames:
                if damage is not None and reached:
                    raise UnreadableAudioError(path, _damaged(reached)) from damage
                yield frame
                reached += frame.samples / frame.sample_rate
    except (FFmpegError, OSError, IndexError) as error:
        # IndexError: PyAV 18.1 does not expect a track that begins on the way.
        raise UnreadableAudioError(path, _damaged(reached)) from error
    if reached:
        return
    if damage is None:
        raise EmptyAudioError(path, "its sound track holds no samples. Record or export it again")
    raise UnreadableAudioError(
        path, f"none of its sound can be decoded ({stream.name}). Export it as wav, then try again"
    ) from damage


def _promised(container: InputContainer, stream: av.AudioStream, *, counted: bool) -> Seconds | None:
    """The length that the file states, or None where FFmpeg would only estimate it from sizes and bit rates."""
    name = container.format.name
    exact = name.startswith("mov,") or name == "flac" or (name == "mp3" and counted)
    if exact and stream.duration and stream.time_base:  # 0 stands for "not known" in a film that was streamed
        return float(max(0, stream.duration) * stream.time_base)
    # Matroska states one length for the whole file, and the picture may outlast the sound.
    if name == "matroska,webm" and len(container.streams) == 1 and container.duration is not None:
        # It is counted from 0, even where a part of a longer recording starts late.
        microseconds = container.duration - max(0, container.start_time or 0)
        return microseconds / 1_000_000 if microseconds > 0 else None
    return None


def _float_samples(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Give the samples of FFmpeg's frame as shape (sample, channel), full scale ±1."""
    channels = frame.layout.nb_channels
    dtype, middle, scale = SAMPLES[frame.format.packed.name]
    # Not frame.to_ndarray(): PyAV 18.1 counts nine planes where there are eight, and reads memory that is not its own.
    planes: Sequence[Any] = frame.planes
    if frame.format.is_planar:
        values = np.stack([np.frombuffer(plane, dtype, frame.samples) for plane in planes[:channels]], axis=1)
    else:
        values = np.frombuffer(planes[0], dtype, frame.samples * channels).reshape(-1, channels)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused as such
        return ((values - middle) / scale).astype(np.float32)


def _damaged(reached: Seconds) -> str:
    return (
        f"its bytes are damaged after {reached:.2f} s of sound. Copy it again; to use the rest, save the good parts "
        "as a new file with an audio editor"
    )


def _not_sound(head: bytes) -> str:
    return (
        f"its bytes are not sound in a format that is read (they start with {head!r}). wav, flac, ogg, opus, mp3, "
        "aiff, au, caf, m4a, mp4, webm, mkv, aac, amr and their like are read. Export it as wav, then try again"
    )
