"""Disturbing waveforms as calls and rooms do: noise, room responses, hiss, lossy codecs, the telephone band."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import scipy.signal
import soundfile
import soxr

from undertone.audio.load import load_mono
from undertone.errors import CorpusError
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.training.config import Augmentation

TELEPHONE_RATE: Final = 8000
TELEPHONE_BAND_HZ: Final = (300, 3400)
MU: Final = 255
"""ITU-T G.711's companding constant."""


CODECS: Final = (("OGG", "OPUS"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))
"""Containers and codecs, as libsndfile names them."""
MOST_COMPRESSION: Final = 0.95
"""Of libsndfile's scale from 0 to 1, whose end MP3 has not."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """The noises and room responses at hand, each of shape (sample,) at 16 kHz."""

    noises: tuple[NDArray[np.float32], ...]
    rooms: tuple[NDArray[np.float32], ...]

    def fingerprint(self) -> str:
        """A checksum of all samples: features that were disturbed with others are other features."""
        digest = hashlib.sha256()
        for kind, sounds in (("noise", self.noises), ("room", self.rooms)):
            for samples in sounds:
                digest.update(f"{kind}\t{len(samples)}\n".encode())
                digest.update(np.ascontiguousarray(samples).tobytes())
        return digest.hexdigest()[:12]


def read_surroundings(root: Path, folders: Sequence[str]) -> Surroundings:
    """Load the noises and room responses of `root`'s folders.

    Raises:
        CorpusError: if a folder has no `metadata.csv`, or that no `file`s, or no noise or no room response was found.
        AudioError: if a file cannot be used.
    """
    noises: list[NDArray[np.float32]] = []
    rooms: list[NDArray[np.float32]] = []
    for name in folders:
        table = root / name / "metadata.csv"
        if not table.is_file():
            raise CorpusError(name, f"{table} is missing; name folders of noise that have one")
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if not row.get("file"):
                    raise CorpusError(name, f"a row of {table} names no file; it needs the column file")
                is_room = (row.get("kind") or "").startswith("rir")  # measured or simulated
                (rooms if is_room else noises).append(load_mono(root / name / row["file"]))
    if not noises or not rooms:
        raise CorpusError(
            "noise", f"{len(noises)} noises and {len(rooms)} room responses found; at least one of each is needed"
        )
    return Surroundings(noises=tuple(noises), rooms=tuple(rooms))


def rms(samples: NDArray[np.float32]) -> float:
    """Root mean square of samples, shape (sample,)."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))


def through_room(samples: NDArray[np.float32], room: NDArray[np.float32]) -> NDArray[np.float32]:
    """Convolve speech with a room response, keeping its length, level and the time of the direct sound."""
    direct = int(np.argmax(np.abs(room)))
    wet = scipy.signal.fftconvolve(samples, room)[direct : direct + len(samples)]
    level = rms(wet)
    return (wet * (rms(samples) / level) if level else samples).astype(np.float32)


def with_noise(samples: NDArray[np.float32], noise: NDArray[np.float32], snr_db: float) -> NDArray[np.float32]:
    """Add noise of the same length at a signal-to-noise ratio; silent speech or noise is left as it is."""
    level = rms(noise)
    if not level:
        return samples
    return samples + noise * np.float32(rms(samples) / level * 10 ** (-snr_db / 20))


def through_telephone(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pass speech at 16 kHz through a narrow-band call: 300–3400 Hz, 8 kHz, 8-bit µ-law (ITU-T G.711)."""
    narrow = soxr.resample(samples, SAMPLE_RATE, TELEPHONE_RATE)
    band = scipy.signal.butter(4, TELEPHONE_BAND_HZ, "bandpass", fs=TELEPHONE_RATE, output="sos")
    narrow = scipy.signal.sosfilt(band, narrow)
    peak = float(np.max(np.abs(narrow), initial=0.0))
    if not peak:
        return samples
    compressed = np.sign(narrow) * np.log1p(MU * np.abs(narrow) / peak) / np.log1p(MU)
    coded = np.round(compressed * 127) / 127
    expanded = np.sign(coded) * peak * np.expm1(np.abs(coded) * np.log1p(MU)) / MU
    wide = soxr.resample(expanded.astype(np.float32), TELEPHONE_RATE, SAMPLE_RATE)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


def with_hiss(samples: NDArray[np.float32], level_db: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Add white noise, whose root mean square is so many decibels from full scale."""
    return samples + rng.normal(0, 10 ** (level_db / 20), samples.shape).astype(np.float32)


def through_codec(samples: NDArray[np.float32], container: str, codec: str, compression: float) -> NDArray[np.float32]:
    """Encode and decode speech at 16 kHz.

    Args:
        samples: shape (sample,).
        container: one of `CODECS`.
        codec: likewise.
        compression: from 0, least, to `MOST_COMPRESSION`.

    Returns:
        Shape (sample,): as many as were given, whatever the codec puts before and behind them.
    """
    peak = float(np.max(np.abs(samples), initial=0.0))
    if not peak:
        return samples
    coded = io.BytesIO()
    # Codecs clip at full scale, and what is lost must not depend on how loud the recording is.
    soundfile.write(
        coded, samples * (0.9 / peak), SAMPLE_RATE, format=container, subtype=codec, compression_level=compression
    )
    coded.seek(0)
    decoded, _ = soundfile.read(coded, dtype="float32")
    decoded = decoded * np.float32(peak / 0.9)
    return np.pad(decoded, (0, max(0, len(samples) - len(decoded))))[: len(samples)]


def disturbed(
    samples: NDArray[np.float32], how: Augmentation, surroundings: Surroundings, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw a room, noise, hiss, a codec and a telephone for speech, shape (sample,), in the order sound meets them."""
    if rng.random() < how.room:
        samples = through_room(samples, surroundings.rooms[rng.integers(len(surroundings.rooms))])
    if rng.random() < how.noise:
        noise = surroundings.noises[rng.integers(len(surroundings.noises))]
        offset = int(rng.integers(len(noise)))
        stretch = np.take(noise, np.arange(offset, offset + len(samples)), mode="wrap")
        samples = with_noise(samples, stretch, rng.uniform(how.least_snr_db, how.most_snr_db))
    # What is not asked for is not drawn: older recipes hear what they heard.
    if how.hiss and rng.random() < how.hiss:
        samples = with_hiss(samples, rng.uniform(how.least_hiss_db, how.most_hiss_db), rng)
    if how.codec and rng.random() < how.codec:
        container, codec = CODECS[rng.integers(len(CODECS))]
        samples = through_codec(samples, container, codec, rng.uniform(0.5, MOST_COMPRESSION))
    if rng.random() < how.telephone:
        samples = through_telephone(samples)
    return samples
