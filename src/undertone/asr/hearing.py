"""How training hears an utterance: as it is, faster or slower, through rooms and noise; each has its feature store.

A network of our own hears log-mel. A head hears what a frozen encoder makes of the sound, which is taken once.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
import soxr

from undertone.audio.stretches import LOG_MEL_GRID, SUBSAMPLING, WHISPER_GRID, Grid, stretches
from undertone.audio.whisper_mel import whisper_mel
from undertone.backbones.whisper_files import whisper_named
from undertone.backbones.whisper_phones import SCALE, WhisperStates
from undertone.encoders.base import Encoder
from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError
from undertone.inference.session import open_graph
from undertone.training.batches import centred, masked, time_masked
from undertone.training.disturb import disturbed
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

    from undertone.asr.config import AsrConfig
    from undertone.backbones.whisper_files import Pretrained
    from undertone.training.config import Augmentation, Masking
    from undertone.training.disturb import Surroundings

    Masked = Callable[[NDArray[np.float32], Masking, np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Hearing:
    """What a kind of network is given of an utterance, and where its frames stand."""

    grid: Grid
    """Of the network's frames."""
    subsampling: int
    """Rows of what is stored to a frame of the network; a last one may have fewer."""
    masked: Masked
    """Hides parts of what is stored, shape (row, number)."""

    @property
    def rows_per_s(self) -> float:
        """Of what is stored."""
        return self.subsampling * SAMPLE_RATE / self.grid.step

    def frames_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Count the network's frames for so many stored rows."""
        return -(-rows // self.subsampling)


def _mel_masked(frames: NDArray[np.float32], how: Masking, rng: np.random.Generator) -> NDArray[np.float32]:
    return masked(centred(frames), how, rng)


LOG_MEL: Final = Hearing(grid=LOG_MEL_GRID, subsampling=SUBSAMPLING, masked=_mel_masked)
STATES: Final = Hearing(grid=WHISPER_GRID, subsampling=1, masked=time_masked)


def hearing_of(config: AsrConfig) -> Hearing:
    """Say how the network of a configuration hears."""
    return LOG_MEL if config.head is None else STATES


def encoder_of(config: AsrConfig) -> Encoder:
    """Give what takes the rows that the network of a configuration hears.

    Raises:
        MissingExtraError, ConfigError: as `whisper_named`, if it is a head; or if that encoder has not such blocks.
    """
    if config.head is None:
        return encoder_named("log-mel")
    pretrained = whisper_named(config.encoder)
    if pretrained.encoder.sizes.width != config.head.states:
        wanted = pretrained.encoder.sizes.width
        raise ConfigError("head", [f"states must be {wanted}, the width of {config.encoder}, not {config.head.states}"])
    return whisper_states(pretrained, config.head.read)


def whisper_states(pretrained: Pretrained, read: tuple[int, ...]) -> Encoder:
    """Give the states of some blocks of every frame, side by side as float16, 50 rows a second.

    The graph that ships computes them, its products in eight bits: training hears what the finished recogniser hears,
    three times as fast as with 32-bit floats. Long sound is cut into stretches, as the recogniser cuts it.

    Args:
        pretrained: the encoder; blocks behind the last that is read are computed in vain.
        read: the blocks, in order; 0 is what stands after the convolutions.
    """
    states = WhisperStates(pretrained.encoder, read)
    width = len(read) * pretrained.encoder.sizes.width
    runtime = f"onnxruntime {version('onnxruntime')}"

    @cache
    def session() -> InferenceSession:  # a store that is whole needs none
        from undertone.export.whisper_phones import states_graph  # noqa: PLC0415  slow to import, needed here alone

        return open_graph(states_graph(states), "states.onnx", threads=1)

    def heard(samples: NDArray[np.float32]) -> NDArray[np.floating]:
        mels = [whisper_mel(samples[first:end]) for first, end in stretches(samples)]
        found = [session().run(["states"], {"features": mel[None]})[0][0] for mel in mels if len(mel)]
        return np.concatenate([np.empty((0, width), dtype=np.float16), *(each.astype(np.float16) for each in found)])

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return [heard(samples) for samples in sounds]

    return Encoder(
        name="whisper-states",
        revision=f"1, weights {pretrained.sha256[:16]}, blocks {read}, {SCALE}, int8, {runtime}",
        source=pretrained.source,
        weights=pretrained.name,
        row_shape=(width,),
        rows="frame",
        dtype="float16",
        encode=encode,
    )


def at_speed(plain: Encoder, speed: float) -> Encoder:
    """Let an encoder hear sound played `speed` times as fast (Ko et al., Audio Augmentation for Speech Recognition,
    2015).

    The samples are played at another rate, so that pitch and formants move too: that makes other voices. Stretching
    stored frames in time would be cheaper and leave the voices as they are.
    """
    if speed == 1:
        return plain

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return plain.encode([soxr.resample(samples, SAMPLE_RATE * speed, SAMPLE_RATE) for samples in sounds])

    return replace(
        plain,
        name=f"{plain.name}@{speed:g}",
        revision=f"{plain.revision}, speed {speed!r}, soxr {version('soxr')}",
        encode=encode,
    )


def in_surroundings(plain: Encoder, how: Augmentation, surroundings: Surroundings, *, seed: int, copy: int) -> Encoder:
    """Let an encoder hear sound in a room, with noise, by telephone.

    What is drawn for an utterance depends on `seed`, `copy` and its samples alone, as an encoder promises.
    """

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return plain.encode([disturbed(samples, how, surroundings, draw(samples)) for samples in sounds])

    def draw(samples: NDArray[np.float32]) -> np.random.Generator:
        return np.random.default_rng([seed, copy, zlib.crc32(np.ascontiguousarray(samples).tobytes())])

    detail = json.dumps([asdict(how), surroundings.fingerprint(), seed, copy], sort_keys=True)
    return replace(
        plain,
        name=f"{plain.name}-disturbed-{copy}",
        revision=f"{plain.revision}, disturbed 1 {detail}",
        encode=encode,
    )
