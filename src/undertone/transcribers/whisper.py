"""Whisper (Radford et al. 2022) by faster-whisper, with a model that the user has or names."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from undertone.errors import MissingExtraError, UsageError
from undertone.records import Word
from undertone.transcribers.base import Transcriber
from undertone.units import SAMPLE_RATE, samples_for

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHORTEST: Final = samples_for(0.1, SAMPLE_RATE)
"""No word is shorter, and faster-whisper fails to place words in less than 0.02 s."""


def whisper(place: str) -> Transcriber:
    """Build `faster-whisper:PLACE`.

    A word's confidence is the mean probability of its tokens. Decoding never draws at random, so that a recording is
    heard alike every time.

    Args:
        place: a folder with a model of CTranslate2, or a name of the hub, from which it is fetched.

    Raises:
        UsageError: if there is no such model.
        MissingExtraError: if the package is not installed.
    """
    try:
        from faster_whisper import WhisperModel  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise MissingExtraError("hearing words with Whisper", "whisper") from missing
    try:
        model = WhisperModel(place, device="cpu", compute_type="int8")
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"faster-whisper cannot load {place!r} ({error}); name a folder with a model of CTranslate2, or a model of "
            "the hub such as small"
        ) from error

    def hear(samples: NDArray[np.float32]) -> tuple[Word, ...]:
        if len(samples) < SHORTEST or not samples.any():  # Whisper makes up words for silence
            return ()
        duration = len(samples) / SAMPLE_RATE
        segments, _ = model.transcribe(samples, temperature=0.0, condition_on_previous_text=False, word_timestamps=True)
        return tuple(
            Word(
                text=word.word.strip(),
                start=min(duration, float(word.start)),
                end=min(duration, float(word.end)),
                confidence=round(float(word.probability), 4),
            )
            for segment in segments
            for word in segment.words or ()
            if word.word.strip()
        )

    return Transcriber(
        name=f"faster-whisper {version('faster-whisper')}, {Path(place).name}",
        language="the language that it takes for the spoken one",
        hear=hear,
    )
