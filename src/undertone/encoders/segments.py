"""Where the phones, syllables and words of an utterance lie, on the frames of a phone recogniser of our own."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, cast

import numpy as np

from undertone.encoders.base import Encoder
from undertone.encoders.recogniser import frames
from undertone.errors import AlignmentError, TranscriptError
from undertone.metrics.calibration import softmax
from undertone.speech.alignment import align
from undertone.speech.pronounce import pronouncer
from undertone.speech.segments import Unit, aligned_units, recognised_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.encoders.base import Layout, Told
    from undertone.speech.pronounce import Spoken


def segments(rest: str) -> Encoder:
    """Build `segments:FOLDER`: one row a segment, its kind, first frame and the one after its last, shape (3,).

    Args:
        rest: as for `asr-frames`, on whose frames the segments lie.

    Raises:
        ConfigError, BundleError: as `undertone.encoders.recogniser.frames`.
    """
    heard = frames(rest)
    layout = cast("Layout", heard.layout)  # encoders of frames have one
    say = pronouncer()

    def encode(utterances: Sequence[Told]) -> list[NDArray[np.floating]]:
        rows = heard.encode([each.samples for each in utterances])
        return [
            np.array(_units(row, each, layout, say) if len(row) else [], dtype=np.float32).reshape(-1, 3)
            for row, each in zip(rows, utterances, strict=True)
        ]

    return Encoder(
        name=f"segments:{heard.name.partition(':')[2]}",
        revision=f"1, {heard.revision}, pocketsphinx {version('pocketsphinx')}",
        source=heard.source,
        weights=heard.weights,
        row_shape=(3,),
        rows="segment",
        dtype="float32",
        encode=encode,
        reads="both",
        batch=heard.batch,
    )


def _units(
    rows: NDArray[np.floating], told: Told, layout: Layout, say: Callable[[str], tuple[Spoken, ...]]
) -> list[Unit]:
    scores = rows[:, layout.blocks * layout.width :].astype(np.float64)
    found = [Unit(0, 0, len(rows))]
    if told.language == "en" and told.text.strip():
        try:
            words = say(told.text)
            if words:
                return found + aligned_units(align(np.log(softmax(scores)), words))
        except (AlignmentError, TranscriptError):
            pass  # another text than what was said; the sound alone tells its phones
    return found + recognised_units(scores)
