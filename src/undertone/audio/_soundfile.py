"""Sound that libsndfile reads: wav, flac, ogg, opus, aiff, au, caf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import soundfile

from undertone.audio import _headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from undertone.units import Seconds

MAGIC: Final = (b"RIFF", b"RIFX", b"RF64", b"FORM", b".snd", b"caff", b"fLaC", b"OggS", b"riff", b"NIST")
"""Only files that start so are given to libsndfile. It also takes mp3, but its decoder (mpg123) writes warnings to
stderr about every mp3 that was cut, and it guesses at raw formats, which turns text into noise."""

UNKNOWN_LENGTH: Final = 1 << 62
"""libsndfile gives 2⁶³ − 1 as the length of a flac that was written to a pipe."""


class SoundfileSource:
    """An open file that libsndfile decodes."""

    slack: Seconds = 0.1
    """Recorders that count their own header as sound are off by 44 bytes or so: 3 ms. A missing tenth is a fault."""

    def __init__(self, file: soundfile.SoundFile) -> None:
        self._file = file
        self.channels: int = file.channels
        self.sample_rate: int = file.samplerate
        self.frames: int | None = file.frames

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yield shape (sample, channel), a second each; stop early where the bytes cannot be decoded.

        The length of a chunk never varies: after every read python-soundfile seeks to where it already is, and for
        some formats the samples would depend on the places in the last bit.
        """
        while True:
            try:
                chunk = self._file.read(self.sample_rate, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError:
                return
            if not len(chunk):
                return
            yield chunk

    def close(self) -> None:
        self._file.close()


def open_with_soundfile(file: _headers.Bytes) -> SoundfileSource | None:
    """Open a file with libsndfile, or give None where it is better left to FFmpeg."""
    if _headers.read_at(file, 0, 4) not in MAGIC or _headers.is_chained_ogg(file):
        return None
    file.seek(0)
    try:
        # A Python file, not a path: given a path, libsndfile reads text named .au, .gsm or .vox as raw sound.
        opened = soundfile.SoundFile(file)
    except soundfile.LibsndfileError:
        return None
    if _is_left_to_ffmpeg(opened):
        opened.close()
        return None
    return SoundfileSource(opened)


def _is_left_to_ffmpeg(opened: soundfile.SoundFile) -> bool:
    """Tell whether libsndfile would not give the whole sound.

    No frames: a wav whose size was never filled in. No length: python-soundfile fails at the end of such a flac and
    loses its last block. Mp3 inside wav: see `MAGIC`; its claimed length is also not exact.
    """
    return not 0 < opened.frames < UNKNOWN_LENGTH or opened.subtype.startswith("MPEG")
