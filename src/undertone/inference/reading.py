"""From a transcript and the features of what was said to what a network reads: tokens, and segments in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.fbank import FrontEnd
from undertone.audio.stretches import LONGEST_S, SUBSAMPLING, frame_begins
from undertone.errors import AlignmentError, BundleError, MissingExtraError, TranscriptError
from undertone.inference.align import LEAST, run_fits
from undertone.inference.bundle import RECOGNISER
from undertone.inference.phones import PhoneNetwork
from undertone.inference.transcript import english
from undertone.records import Word
from undertone.speech.alignment import align
from undertone.speech.script import Script, segments_within
from undertone.speech.segments import Unit, aligned_units, bounds_of, recognised_units
from undertone.units import SAMPLE_RATE, exact_div

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from undertone.inference.bundle import Bundle
    from undertone.inference.card import Reads
    from undertone.speech.alignment import AlignedWord
    from undertone.units import Seconds

AT_ONCE: Final = exact_div(round(LONGEST_S * 1000), FrontEnd().hop_length_ms)
"""Frames of features that a phone recogniser hears at once."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """What was read of an utterance, and where it was heard."""

    tokens: NDArray[np.int64]
    """Shape (token,); none where there is no transcript."""
    units: NDArray[np.int64]
    """Kind, first frame of 40 ms and the one after the last of each segment, shape (unit, 3); see
    `undertone.speech.segments`."""
    words: tuple[AlignedWord, ...] = ()
    """Those of the transcript where they were heard; none where it does not fit or there is none."""


class Reader:
    """Reads for one model.

    Args:
        reads: of its card.
        tokenizer: as the library tokenizers writes it.
        phones: the recogniser that its backbone is.

    Raises:
        MissingExtraError: if the library tokenizers is not installed.
        BundleError: if the tokenizer is not one.
    """

    def __init__(self, reads: Reads, tokenizer: bytes, phones: PhoneNetwork) -> None:
        try:
            import tokenizers  # noqa: PLC0415  only models that read need it
        except ImportError as error:
            raise MissingExtraError("a model that reads transcripts", "read") from error
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(tokenizer.decode())
        except Exception as error:  # the library raises nothing narrower
            raise BundleError("tokenizer.json", f"it is no tokenizer ({error}); build the bundle anew") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(reads.most_tokens)
        self._granularities = reads.granularities
        self._phones = phones

    @property
    def places(self) -> bool:
        """Whether it finds words in the sound."""
        return bool(self._granularities)

    def read(self, features: NDArray[np.floating], text: str | None, *, english: bool = True) -> Read:
        """Turn a transcript into tokens, and find its segments; those of recognised phones where it does not fit.

        Args:
            features: log-mel of the utterance, shape (frame, mel), at least one frame.
            text: what is said; nothing where that is not known.
            english: whether it can be aligned, which takes English.

        Raises:
            MissingExtraError: if it is to be aligned and the dictionary is not installed.
        """
        text = (text or "").strip()
        tokens = self.tokens(text)
        if not self._granularities:
            return Read(tokens=tokens, units=np.empty((0, 3), dtype=np.int64))
        heard = self._hear(features)
        words = self._aligned(heard, text) if text and english else ()
        units = [Unit(0, 0, len(heard)), *(aligned_units(words) if words else recognised_units(heard))]
        return Read(tokens=tokens, units=np.array(units, dtype=np.int64), words=words)

    def tokens(self, text: str) -> NDArray[np.int64]:
        """Turn a text into numbers of tokens, shape (token,); none where there is no text."""
        return np.array(self._tokenizer.encode(text).ids if text else [], dtype=np.int64)

    def scripts(self, read: Read, spans: Sequence[tuple[int, int]]) -> list[Script]:
        """Cut what was read of an utterance for its windows: all of the text, and the segments inside.

        Args:
            read: of the utterance.
            spans: first frame of features and the one after the last, by window.
        """
        return [
            Script(
                tokens=read.tokens,
                segments={
                    name: segments_within(
                        bounds_of(read.units, name), start // SUBSAMPLING, -(-(end - start) // SUBSAMPLING)
                    )
                    for name in self._granularities
                },
            )
            for start, end in spans
        ]

    def _hear(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Log-probabilities of symbols, shape (frame of 40 ms, symbol)."""
        parts = [features[first : first + AT_ONCE].astype(np.float32) for first in range(0, len(features), AT_ONCE)]
        return np.concatenate([self._phones.run(part[None], np.array([len(part)]))[0][0] for part in parts])

    def _aligned(self, heard: NDArray[np.float32], text: str) -> tuple[AlignedWord, ...]:
        try:
            words = english()(text)
            found = align(heard, words) if words else ()
        except (AlignmentError, TranscriptError):
            return ()
        return found if found and float(run_fits(found, heard).min()) >= LEAST else ()


def reader_for(bundle: Bundle, *, threads: int = 0) -> Reader | None:
    """Make what reads for a bundle; None where it only hears.

    Args:
        bundle: verified.
        threads: that placing words may use at once; ONNX Runtime chooses where 0.

    Raises:
        BundleError: if its tokenizer or its phone recogniser cannot be used.
        MissingExtraError: as `Reader`.
    """
    if bundle.card.reads is None:
        return None
    phones = PhoneNetwork(bundle.recogniser, str(bundle.path / RECOGNISER), threads=threads)
    return Reader(bundle.card.reads, bundle.tokenizer, phones)


def words_at(words: Sequence[AlignedWord], start: Seconds) -> tuple[Word, ...]:
    """Place aligned words in a recording.

    Args:
        words: on the frames of what begins at `start`.
        start: in the recording.
    """
    return tuple(
        Word(
            text=word.word,
            start=start + float(frame_begins(word.first)) / SAMPLE_RATE,
            end=start + float(frame_begins(word.end)) / SAMPLE_RATE,
            confidence=round(float(np.exp(word.score)), 4),
        )
        for word in words
    )
