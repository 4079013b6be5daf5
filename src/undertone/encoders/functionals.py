"""Functionals of openSMILE: the classic features of the field, one row an utterance.

openSMILE's licence allows research only, so it is an extra that nothing else needs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.encoders.base import Encoder
from undertone.errors import MissingExtraError
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEAST_SAMPLES: Final = 960
"""One window of openSMILE's pitch analysis, 60 ms at 16 kHz: of less it gives nan only. Shorter sound is padded with
silence at its end."""

BATCH_S: Final = 60.0
"""Enough utterances for all cores, few enough to lose little when a run is cut off."""

LOUDEST: Final = np.float32(32767 / 32768)
"""What openSMILE turns into 16-bit samples without wrapping round to the lowest; louder sound is clipped here."""


def egemaps() -> Encoder:
    """The 88 functionals of eGeMAPSv02."""
    return _functionals(
        "egemaps",
        "eGeMAPSv02",
        88,
        "Eyben et al., The Geneva Minimalistic Acoustic Parameter Set (GeMAPS) for Voice Research and Affective "
        "Computing, IEEE Transactions on Affective Computing 7(2), 2016",
    )


def compare() -> Encoder:
    """The 6373 functionals of ComParE 2016."""
    return _functionals(
        "compare",
        "ComParE_2016",
        6373,
        "Schuller et al., The INTERSPEECH 2016 Computational Paralinguistics Challenge, Interspeech 2016",
    )


def _functionals(name: str, feature_set: str, size: int, source: str) -> Encoder:
    """Build an encoder over one of openSMILE's feature sets.

    Raises:
        MissingExtraError: if openSMILE is not installed.
    """
    try:
        import opensmile  # noqa: PLC0415  an extra that most do without
    except ImportError as error:
        raise MissingExtraError("taking openSMILE functionals", "opensmile") from error
    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet[feature_set], feature_level=opensmile.FeatureLevel.Functionals
    )

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        with ThreadPoolExecutor() as pool:  # openSMILE computes outside Python's lock
            return list(pool.map(lambda samples: _row(smile, samples), sounds))

    return Encoder(
        name=name,
        revision=f"1, opensmile {version('opensmile')}, {feature_set}",
        source=source,
        weights="none",
        row_shape=(size,),
        rows="utterance",
        dtype="float32",
        encode=encode,
        batch=BATCH_S,
    )


def _row(smile: Any, samples: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: ANN401  the package has no types
    """Take the functionals of one utterance, shape (1, functional); no row where there is no sound."""
    if not len(samples):
        return np.empty((0, smile.num_features), dtype=np.float32)
    padded = np.pad(samples, (0, max(0, LEAST_SAMPLES - len(samples))))
    # Called as a function it gives shape (channel, functional, frame), without the table that costs more than eGeMAPS.
    values = smile(np.clip(padded, -1, LOUDEST), SAMPLE_RATE)
    return np.asarray(values, dtype=np.float32).reshape(1, -1)
