"""Changing the sample rate, block by block, exactly as if the whole recording were changed at once.

libsoxr at its quality HQ: computed to 20 bits, flat to 91 % of the lower Nyquist frequency (7.3 kHz for a target of
16 kHz, above the bands of the log-mel features that carry speech), and all that would alias more than 100 dB down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import soxr

from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from undertone.units import Hertz

QUALITY = "HQ"


class Resampler:
    """Changes the sample rate of sound that arrives in blocks; where the rates are equal, blocks pass unchanged.

    Raises:
        ValueError: if a rate or the count of channels is not positive.
    """

    def __init__(self, source_rate: Hertz, target_rate: Hertz, channels: int) -> None:
        if source_rate <= 0 or target_rate <= 0:
            raise ValueError(f"sample rates must be positive, not {source_rate} Hz and {target_rate} Hz")
        if channels < 1:
            raise ValueError(f"sound has one channel or more, not {channels}")
        self._channels = channels
        self._stream: soxr.ResampleStream | None = None
        if source_rate != target_rate:
            self._stream = soxr.ResampleStream(source_rate, target_rate, channels, dtype="float32", quality=QUALITY)

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take in the next block, shape (sample, channel), and give what is ready of the result.

        The result lags behind by the length of the filter; it may be empty.

        Raises:
            ValueError: if the block has another shape.
        """
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"a block has the shape (sample, {self._channels}), not {block.shape}")
        if self._stream is None:
            return block
        ready: NDArray[np.float32] = self._stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32))
        return ready

    def finish(self) -> NDArray[np.float32]:
        """Give the rest of the result, shape (sample, channel), after the last block."""
        rest = np.empty((0, self._channels), np.float32)
        if self._stream is not None:
            rest = self._stream.resample_chunk(rest, last=True)
        return rest


def resampled(
    blocks: Iterable[NDArray[np.float32]], source_rate: Hertz, target_rate: Hertz = SAMPLE_RATE
) -> Iterator[NDArray[np.float32]]:
    """Change the sample rate of consecutive blocks of one recording.

    Args:
        blocks: shape (sample, channel), of any lengths; the lengths do not change the result.
        source_rate: of the blocks.
        target_rate: of the result.

    Returns:
        Consecutive blocks, shape (sample, channel), none of them empty; together they last as long as the source, to
        one sample.

    Raises:
        ValueError: if a rate is not positive, or a block has no channel or not those of the first.
    """
    resampler = None
    for block in blocks:
        if resampler is None:
            resampler = Resampler(source_rate, target_rate, block.shape[-1])
        ready = resampler.feed(block)
        if len(ready):
            yield ready
    if resampler is not None:
        rest = resampler.finish()
        if len(rest):
            yield rest
