"""How a turn is cut into windows for the network."""

from __future__ import annotations


def window_spans(frames: int, length: int, hop: int) -> list[tuple[int, int]]:
    """Cut a turn into windows that overlap.

    A turn no longer than a window is one window. A longer one is cut every `hop` frames, and the last window ends with
    the turn, so that no window is shorter than `length` and none is left out.

    Args:
        frames: in the turn.
        length: of a window, in frames.
        hop: from one window to the next, in frames.

    Returns:
        First frame and the one after the last, by window.
    """
    if frames <= length:
        return [(0, frames)]
    starts = list(range(0, frames - length + 1, hop))
    if starts[-1] + length < frames:
        starts.append(frames - length)
    return [(start, start + length) for start in starts]
