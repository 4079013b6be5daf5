"""Opening recordings: the only code that reads sound from files.

libsndfile reads what it can read exactly, FFmpeg (through PyAV) the rest; the bytes decide, never the file's name.
"""

from __future__ import annotations

import contextlib
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from undertone.audio import _headers
from undertone.audio._headers import Bytes
from undertone.audio._pyav import open_with_pyav
from undertone.audio._soundfile import open_with_soundfile
from undertone.errors import (
    AudioError,
    EmptyAudioError,
    MissingRecordingError,
    NotFiniteAudioError,
    TooManyChannelsError,
    TruncatedAudioError,
    UnreadableAudioError,
    UnsupportedRateError,
)
from undertone.units import Hertz, Seconds, samples_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from undertone.audio._headers import SoundBytes

SUFFIXES: Final = frozenset(
    {
        *(".wav", ".wave", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".caf"),
        *(".sph", ".m4a", ".m4b", ".aac", ".amr", ".3gp", ".wma", ".mka"),
        *(".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi"),
    }
)
"""What the names of recordings end in, in lower case: what a search through folders takes up. A file that is named
itself may end in anything."""

MOST_CHANNELS: Final = 8
"""A table of eight microphones; more are studio projects."""

LEAST_RATE: Final[Hertz] = 8_000
"""The telephone's rate (ITU-T G.711), whose band ends at 3.4 kHz; a lower rate cuts into what tells vowels apart."""

MOST_RATE: Final[Hertz] = 384_000
"""The highest rate that recorders offer."""


class Source(Protocol):
    """What a decoding library offers about an open file."""

    channels: int
    sample_rate: Hertz
    frames: int | None
    """Samples per channel that the file promises; None where it does not say."""
    slack: Seconds
    """How much less than promised is still whole."""

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield shape (sample, channel), consecutive, never empty."""

    def close(self) -> None: ...


class Decoder:
    """An open recording, decoded once from its beginning to its end; close it, or use it as a context manager."""

    path: str
    channels: int
    sample_rate: Hertz
    duration: Seconds | None
    """What the file claims; None where it does not say, as browsers' recordings do not."""

    def __init__(self, path: str, file: Bytes, source: Source, sound: SoundBytes | None) -> None:
        self.path = path
        self.channels = source.channels
        self.sample_rate = source.sample_rate
        self.duration = None if source.frames is None else source.frames / source.sample_rate
        self._file = file
        self._source = source
        self._sound = sound
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._source.close()
        self._file.close()

    def blocks(self, seconds: Seconds = 10.0) -> Iterator[NDArray[np.float32]]:
        """Decode the recording block by block; memory holds about one block, however long the recording is.

        The samples do not depend on the length of the blocks.

        Args:
            seconds: length of every block but the last, which may be shorter.

        Returns:
            Consecutive blocks, shape (sample, channel), nominally within −1 … 1.

        Raises:
            ValueError: if a block would not hold a sample.
            RuntimeError: if the recording was decoded before; open it again.
            TruncatedAudioError: at the end, if that came before the file said.
            EmptyAudioError: if there are no samples.
            NotFiniteAudioError: if a sample is not a number, with the time of the first.
            UnreadableAudioError: if the sound is damaged in its middle.
        """
        size = samples_for(seconds, self.sample_rate)
        if size < 1:
            raise ValueError(f"a block of {seconds} s holds no sample at {self.sample_rate} Hz; ask for longer blocks")
        if self._begun:
            raise RuntimeError(f"{self.path}: it was decoded before; open the recording again to decode it again")
        self._begun = True
        return self._checked(size)

    def _checked(self, size: int) -> Iterator[NDArray[np.float32]]:
        done = 0
        with _reading(self.path, self._file):
            for block in _cut(self._source.chunks(), size):
                _require_finite(self.path, block, done / self.sample_rate, self.sample_rate)
                done += len(block)
                yield block
            held = done / self.sample_rate
            _require_whole(self.path, held, self.duration or _promised(held, self._sound), self._source.slack)
            if not done:
                raise EmptyAudioError(self.path, NO_SAMPLES)


NO_SAMPLES: Final = "it holds no samples. Nothing was recorded, or the export failed: record or export it again"


def open_recording(path: str | Path) -> Decoder:
    """Open a recording for decoding.

    Args:
        path: of a file with sound in any format and with any name. Of a video the first sound track is taken.

    Raises:
        MissingRecordingError: if the path does not exist or is a folder.
        UnreadableAudioError: if the bytes are not sound that can be decoded, or may not be read.
        TruncatedAudioError: if the file shows at once that its end is missing.
        EmptyAudioError: if it holds nothing.
        TooManyChannelsError: if it has more than `MOST_CHANNELS`.
        UnsupportedRateError: if its rate is not within `LEAST_RATE` … `MOST_RATE`.

    Example:
        with open_recording("call.m4a") as recording:
            for block in recording.blocks():
                print(abs(block).max(axis=0))
    """
    name = str(path)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(_opened(name))
        with _reading(name, file):
            sound = _headers.sound_bytes(file)
            _require_content(name, file, sound)
            source: Source = open_with_soundfile(file) or open_with_pyav(name, file)
        opened.callback(source.close)
        _require_within_limits(name, source)
        if source.frames is not None:
            # libsndfile counts what is there; what the header promised besides need not be waited for.
            held = source.frames / source.sample_rate
            _require_whole(name, held, _promised(held, sound), source.slack)
        opened.pop_all()
    return Decoder(name, file, source, sound)


def _opened(path: str) -> Bytes:
    """Open an ordinary file; unbuffered, because the decoding libraries buffer for themselves."""
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISREG(mode):
            return Bytes(path)
    except PermissionError as error:
        raise UnreadableAudioError(
            path, f"it may not be read ({error.strerror}). Ask its owner for permission to read it"
        ) from error
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        # ValueError: a NUL in the path.
        raise MissingRecordingError(path, "it does not exist. Check the path, and the folder it starts from") from error
    except OSError as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(mode):
        raise MissingRecordingError(
            path, "it is a folder, not a recording. Pass the files in it, or the folder to a command that takes folders"
        )
    # A pipe would block, and neither library can decode what cannot be rewound.
    raise UnreadableAudioError(path, "it is a pipe or a device, not a file. Save the sound to a file first")


@contextlib.contextmanager
def _reading(path: str, file: Bytes) -> Iterator[None]:
    """Tell a disk that fails from a file that is damaged: to a decoder both are a file that ends too early."""
    try:
        yield
    except AudioError:
        if file.failure is None:
            raise
    if file.failure is not None:
        raise _unreadable(path, file.failure) from file.failure


def _unreadable(path: str, error: OSError) -> UnreadableAudioError:
    return UnreadableAudioError(path, f"it cannot be read ({error.strerror}). Check the disk or the network")


def _require_content(path: str, file: Bytes, sound: SoundBytes | None) -> None:
    if _headers.file_size(file) == 0:
        raise EmptyAudioError(path, "it is empty (0 bytes): the recording or the copy failed. Copy or record it again")
    if _headers.read_at(file, 0, len(_headers.GIT_LFS)) == _headers.GIT_LFS:
        raise UnreadableAudioError(
            path, "it is a Git LFS pointer, not the sound itself. Run 'git lfs pull' in its repository, then try again"
        )
    if sound is not None and sound.present == 0:
        raise EmptyAudioError(path, NO_SAMPLES)


def _require_within_limits(path: str, source: Source) -> None:
    if source.channels > MOST_CHANNELS:
        raise TooManyChannelsError(path, source.channels, MOST_CHANNELS)
    if not LEAST_RATE <= source.sample_rate <= MOST_RATE:
        raise UnsupportedRateError(path, source.sample_rate, LEAST_RATE, MOST_RATE)


def _promised(held: Seconds, sound: SoundBytes | None) -> Seconds:
    """The length that a header promises, where `held` is the length of the bytes that are there."""
    return held if sound is None else held * sound.promised / sound.present


def _require_whole(path: str, held: Seconds, promised: Seconds, slack: Seconds) -> None:
    if promised - held > slack:
        raise TruncatedAudioError(
            path,
            f"{held:.2f} s of sound could be read of the {promised:.2f} s that it promises: it was cut off or is "
            "damaged. Copy it again; to use the part that is there, save that as a new file with an audio editor",
        )


def _require_finite(path: str, block: NDArray[np.float32], start: Seconds, sample_rate: Hertz) -> None:
    finite = np.isfinite(block).all(axis=1)
    if not finite.all():
        time = start + int(np.argmin(finite)) / sample_rate
        raise NotFiniteAudioError(
            path, f"a sample at {time:.3f} s is not a number (NaN or infinite). Export it again as 16-bit wav or flac"
        )


def _cut(chunks: Iterable[NDArray[np.float32]], size: int) -> Iterator[NDArray[np.float32]]:
    """Join chunks of any length and cut them into blocks of `size` samples; the last block is what remains."""
    waiting: list[NDArray[np.float32]] = []
    held = 0
    for chunk in chunks:
        start = 0
        while held + len(chunk) - start >= size:
            end = start + size - held
            yield np.concatenate([*waiting, chunk[start:end]])
            waiting, held, start = [], 0, end
        if start < len(chunk):
            waiting.append(chunk[start:])
            held += len(chunk) - start
    if held:
        yield np.concatenate(waiting)
