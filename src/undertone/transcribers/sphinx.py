"""PocketSphinx (Huggins-Daines et al. 2006) with the English model that its package holds: no network, no GPU."""

from __future__ import annotations

import re
from importlib.metadata import version
from threading import Lock
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.errors import MissingExtraError
from undertone.records import Word
from undertone.transcribers.base import Transcriber
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAMES_PER_S: Final = 100
LOUDEST: Final = 32767
"""Of a sample of 16 bits."""

_NO_WORD: Final = re.compile(r"[<\[+]")
"""Begins what stands for silence and noise."""
_FURTHER: Final = re.compile(r"\(\d+\)$")
"""Ends a word that was heard in a further pronunciation."""


def english(_: str = "") -> Transcriber:
    """Build `pocketsphinx`.

    A word's confidence is its posterior probability in the lattice of what else might have been said.

    Raises:
        MissingExtraError: if the package is not installed.
    """
    try:
        from pocketsphinx import Decoder  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise MissingExtraError("hearing words with pocketsphinx", "align") from missing
    decoder = Decoder(loglevel="FATAL")
    one_at_a_time = Lock()

    def hear(samples: NDArray[np.float32]) -> tuple[Word, ...]:
        if not samples.any():  # it hears words in digital silence
            return ()
        sound = (np.clip(samples, -1, 1) * LOUDEST).astype(np.int16)
        with one_at_a_time:
            decoder.reinit_feat()  # or what it took for noise in one turn would change what is heard in the next
            decoder.start_utt()
            decoder.process_raw(sound.tobytes(), full_utt=True)
            decoder.end_utt()
            if decoder.hyp() is None:
                return ()
            found = [(each.word, each.start_frame, each.end_frame, each.prob) for each in decoder.seg()]
        duration = len(samples) / SAMPLE_RATE
        return tuple(
            Word(
                text=_FURTHER.sub("", word),
                start=first / FRAMES_PER_S,
                end=min(duration, (last + 1) / FRAMES_PER_S),
                confidence=round(min(1.0, probability), 4),
            )
            for word, first, last, probability in found
            if not _NO_WORD.match(word)
        )

    return Transcriber(name=f"pocketsphinx {version('pocketsphinx')}", language="English", hear=hear)
