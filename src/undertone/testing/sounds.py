"""Sounds made to order, and files made of them, for tests of whatever takes recordings."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soundfile

from undertone.units import SAMPLE_RATE, samples_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    import av
    from av.container import OutputContainer
    from numpy.typing import NDArray

    from undertone.units import Hertz, Seconds

VOWELS: Final = ((730, 1090, 2440), (530, 1840, 2480), (270, 2290, 3010), (570, 840, 2410), (300, 870, 2240))
"""First three formants in Hz of /ɑ ɛ i ɔ u/, averages over men (Peterson & Barney 1952, table II)."""

UPPER_FORMANTS: Final = (3500, 4500)
BANDWIDTHS: Final = (80, 100, 140, 200, 250)
"""Of the five formants in Hz: round numbers within the ranges of Klatt (1980), table I."""

ENCODERS: Final = {
    ".m4a": "aac",
    ".mp4": "aac",
    ".mov": "aac",
    ".mkv": "aac",
    ".aac": "aac",
    ".webm": "libopus",
    ".amr": "libopencore_amrnb",
    ".3gp": "libopencore_amrnb",
}
"""What FFmpeg encodes the sound with, for the formats that libsndfile does not write."""

CONTAINERS: Final = {".opus": "OGG", ".oga": "OGG", ".sph": "NIST"}
"""What libsndfile calls the formats whose suffix it does not know."""


def tone(
    duration: Seconds, frequency: float, *, sample_rate: Hertz = SAMPLE_RATE, amplitude: float = 0.5
) -> NDArray[np.float32]:
    """Make a sine of `frequency` Hz that starts at zero; shape (sample,)."""
    time = np.arange(samples_for(duration, sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def noise(
    duration: Seconds, *, rng: np.random.Generator, sample_rate: Hertz = SAMPLE_RATE, level: float = 0.1
) -> NDArray[np.float32]:
    """Make white Gaussian noise with the root mean square `level`; shape (sample,)."""
    return (level * rng.standard_normal(samples_for(duration, sample_rate))).astype(np.float32)


def voice(
    duration: Seconds,
    *,
    rng: np.random.Generator,
    sample_rate: Hertz = SAMPLE_RATE,
    pitch: float = 120.0,
    syllable_rate: float = 5.0,
    breath: float = 0.3,
    amplitude: float = 0.5,
) -> NDArray[np.float32]:
    """Make babble: syllables of gliding vowels with moving pitch, by source and filter (Fant 1960).

    It is no language, but Silero's voice activity detector takes it for speech: at 16 kHz and pitches of 90 to 220 Hz
    it gives more than nine frames in ten above 0.5; at 300 Hz four in five.

    Args:
        duration: of the whole.
        rng: chooses vowels, lengths and melody.
        sample_rate: of the result; formants above half of it are left out.
        pitch: mean fundamental frequency in Hz. Formants rise with its cube root, as shorter throats have them.
        syllable_rate: syllables per second.
        breath: level of the noise that passes with the glottal flow.
        amplitude: of the highest peak.

    Returns:
        Shape (sample,).
    """
    total = samples_for(duration, sample_rate)
    tail = sample_rate // 10  # after which the narrowest formant (80 Hz) has decayed by 1/e^25
    sound = np.zeros(total)
    start, phase = 0, 0.0
    while start < total:
        length = int(sample_rate / syllable_rate * rng.uniform(0.75, 1.3))
        excitation, phase = _excitation(length, phase, pitch, breath, sample_rate, rng)
        syllable = _syllable(excitation, tail, np.cbrt(pitch / 120), sample_rate, rng)
        there = sound[start : start + len(syllable)]
        there += syllable[: len(there)]
        start += length
    sound *= amplitude / np.abs(sound).max(initial=1e-9)
    return sound.astype(np.float32)


def _excitation(
    length: int, phase: float, pitch: float, breath: float, sample_rate: Hertz, rng: np.random.Generator
) -> tuple[NDArray[np.float64], float]:
    """Make what enters the throat in one syllable, shape (sample,), and the phase of the glottis after it."""
    first, last = pitch * 2 ** rng.uniform(-0.15, 0.15, 2)
    jitter = 1 + 0.01 * rng.standard_normal(length // 200 + 2)
    frequency = np.geomspace(first, last, length) * np.interp(np.arange(length), 200 * np.arange(len(jitter)), jitter)
    cycles = phase + np.cumsum(frequency) / sample_rate
    part = cycles % 1
    # Rosenberg (1971), pulse C: the glottis opens for 60 % of the period, closes within 20 %, and rests.
    opening = 0.5 * (1 - np.cos(np.pi * part / 0.6))
    closing = np.cos(np.pi * (part - 0.6) / 0.4)
    flow = np.where(part < 0.6, opening, np.where(part < 0.8, closing, 0.0))
    # The lips radiate the derivative; scaled by the period, so that breath is as loud at every pitch.
    pulses = np.diff(flow, prepend=flow[0]) * sample_rate / (8 * pitch)
    return pulses + breath * (0.3 + flow) * rng.standard_normal(length), float(cycles[-1] % 1)


def _syllable(
    excitation: NDArray[np.float64], tail: int, scale: float, sample_rate: Hertz, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Pass an excitation through a throat that moves from one vowel to another; its loudest sample is 1."""
    length = len(excitation)
    position = np.arange(length) / length
    loudness = np.sin(np.pi * position) ** 0.7
    size = 1 << int(length + tail).bit_length()
    frequencies = np.arange(size // 2 + 1) * (sample_rate / size)
    sound = np.zeros(size)
    for vowel, share in zip(rng.integers(len(VOWELS), size=2), (1 - position, position), strict=True):
        formants = [scale * formant for formant in (*VOWELS[vowel], *UPPER_FORMANTS)]
        response = _throat(frequencies, formants, sample_rate)
        sound += np.fft.irfft(np.fft.rfft(excitation * loudness * share, size) * response, size)
    sound /= np.abs(sound).max()
    return sound[: length + tail]


def _throat(
    frequencies: NDArray[np.floating[Any]], formants: Sequence[float], sample_rate: Hertz
) -> NDArray[np.complex128]:
    """Give the response of second-order resonators in a row (Klatt 1980, equation 2), shape (frequency,)."""
    delay: NDArray[np.complex128] = np.exp(-2j * np.pi * frequencies / sample_rate)
    response = np.ones_like(delay)
    for formant, bandwidth in zip(formants, BANDWIDTHS, strict=True):
        if formant < sample_rate / 2:
            radius = np.exp(-np.pi * bandwidth / sample_rate)
            b = -2 * radius * np.cos(2 * np.pi * formant / sample_rate)
            c = radius**2
            response *= (1 + b + c) / (1 + b * delay + c * delay**2)
    return response


def write_recording(
    path: str | Path,
    samples: NDArray[np.float32],
    sample_rate: Hertz = SAMPLE_RATE,
    *,
    subtype: str | None = None,
    picture: Seconds | None = None,
) -> Path:
    """Write a recording in the format that the path's suffix names.

    Args:
        path: ends in one of `ENCODERS` or what libsndfile writes (.wav, .flac, .ogg, .opus, .mp3, .aiff, .au, .caf, …).
        samples: shape (sample,) or (sample, channel).
        sample_rate: one that the format allows: amr takes 8000 Hz mono only, opus 8, 12, 16, 24 and 48 kHz.
        subtype: libsndfile's name for how samples are stored (`ULAW`, `FLOAT`, `PCM_24`, …), where it writes the file.
        picture: length of a black video track beside the sound, in mp4, mov, mkv.

    Returns:
        The path.
    """
    path = Path(path)
    columns = samples[:, np.newaxis] if samples.ndim == 1 else samples
    if path.suffix in ENCODERS:
        _write_with_pyav(path, columns, sample_rate, picture)
        return path
    if path.suffix == ".opus":
        subtype = "OPUS"
    with soundfile.SoundFile(
        path, "w", sample_rate, columns.shape[1], subtype, format=CONTAINERS.get(path.suffix)
    ) as file:
        # A second at a time: libsndfile encodes Vorbis on the stack, and overflows it with long arrays.
        for start in range(0, len(columns), sample_rate):
            file.write(columns[start : start + sample_rate])
    return path


def _write_with_pyav(path: Path, columns: NDArray[np.float32], sample_rate: Hertz, picture: Seconds | None) -> None:
    import av

    layout = {1: "mono", 2: "stereo", 4: "4.0", 6: "5.1", 8: "7.1"}[columns.shape[1]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(ENCODERS[path.suffix], rate=sample_rate)
        stream.codec_context.layout = layout
        video = None if picture is None else _add_video(container)
        for start in range(0, len(columns), 1024):
            packed = np.ascontiguousarray(columns[start : start + 1024], dtype=np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
            frame.sample_rate = sample_rate
            frame.time_base = Fraction(1, sample_rate)
            frame.pts = start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if video is not None and picture is not None:
            _write_black(container, video, picture)


def _add_video(container: OutputContainer) -> av.VideoStream:
    video: av.VideoStream = container.add_stream("mpeg4", rate=10)
    video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
    return video


def _write_black(container: OutputContainer, video: av.VideoStream, duration: Seconds) -> None:
    import av

    for index in range(samples_for(duration, 10)):
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        frame.time_base = Fraction(1, 10)
        frame.pts = index
        container.mux(video.encode(frame))
    container.mux(video.encode(None))
