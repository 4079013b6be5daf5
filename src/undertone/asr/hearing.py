"""How training hears an utterance: as it is, faster or slower, through rooms and noise; each has its feature store."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, replace
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import soxr

from undertone.encoders.registry import encoder_named
from undertone.training.disturb import disturbed
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.encoders.base import Encoder
    from undertone.training.config import Augmentation
    from undertone.training.disturb import Surroundings


def log_mel_at(speed: float) -> Encoder:
    """Log-mel frames of the sound played `speed` times as fast (Ko et al., Audio Augmentation for Speech Recognition,
    2015).

    The samples are played at another rate, so that pitch and formants move too: that makes other voices. Stretching
    stored frames in time would be cheaper and leave the voices as they are.
    """
    plain = encoder_named("log-mel")
    if speed == 1:
        return plain

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return plain.encode([soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE) for samples in sounds])

    return replace(
        plain,
        name=f"log-mel@{speed:g}",
        revision=f"{plain.revision}, speed {speed!r}, soxr {version('soxr')}",
        encode=encode,
    )


def log_mel_disturbed(how: Augmentation, surroundings: Surroundings, *, seed: int, copy: int) -> Encoder:
    """Log-mel frames of the sound in a room, with noise, by telephone.

    What is drawn for an utterance depends on `seed`, `copy` and its samples alone, as an encoder promises.
    """
    plain = encoder_named("log-mel")

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return plain.encode([disturbed(samples, how, surroundings, draw(samples)) for samples in sounds])

    def draw(samples: NDArray[np.float32]) -> np.random.Generator:
        return np.random.default_rng([seed, copy, zlib.crc32(np.ascontiguousarray(samples).tobytes())])

    detail = json.dumps([asdict(how), surroundings.fingerprint(), seed, copy], sort_keys=True)
    return replace(
        plain, name=f"log-mel-disturbed-{copy}", revision=f"{plain.revision}, disturbed 1 {detail}", encode=encode
    )
