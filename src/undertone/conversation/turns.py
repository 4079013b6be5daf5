"""Finding turns: who holds the floor when, from the probability of speech on a channel.

The state machine is pure: `step` maps a state and one frame to a new state and the stretches that closed. Listening to
a stream and to a whole recording are the same fold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from undertone.audio.vad import FRAME_LENGTH
from undertone.units import SAMPLE_RATE, Seconds


def frames_for(seconds: Seconds) -> int:
    """Voice activity frames of 32 ms in a length of time, to the nearest."""
    return round(seconds * SAMPLE_RATE / FRAME_LENGTH)


@dataclass(frozen=True, kw_only=True)
class TurnRules:
    """When a turn begins and ends."""

    onset: float = 0.4
    """Probability of speech that opens a turn."""
    offset: float = 0.2
    """Probability under which a frame no longer keeps a turn open."""
    least_speech_s: Seconds = 0.25
    """Stretches with less speech are coughs and clicks."""
    least_pause_s: Seconds = 0.6
    """A shorter pause stays inside the turn."""
    margin_s: Seconds = 0.1
    """Kept before and after the speech, so that soft onsets are not cut."""
    longest_s: Seconds = 20.0
    """A longer stretch is split at its quietest point past the half."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """What is known of one channel so far."""

    now: int = 0
    """Frames taken."""
    start: int | None = None
    """First frame of the open stretch, margin included; None in silence."""
    last_speech: int = 0
    """Frame after the last one that kept the stretch open."""
    speech: int = 0
    """Frames of speech in the open stretch."""
    levels: tuple[float, ...] = ()
    """Level of every frame of the open stretch from its onset, in decibels."""
    closed_until: int = 0
    """Frame before which everything is decided."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Frames that make a turn: the first, and the one after the last."""

    start: int
    end: int


def step(state: Floor, probability: float, level_db: float, rules: TurnRules) -> tuple[Floor, tuple[Stretch, ...]]:
    """Take one frame.

    Args:
        state: before the frame.
        probability: of speech in the frame.
        level_db: of the frame; only compared with other frames.
        rules: when turns begin and end.

    Returns:
        The state after the frame, and the stretch that closed with it, if any.
    """
    now = state.now + 1
    if state.start is None:
        if probability < rules.onset:
            return replace(state, now=now), ()
        start = max(state.closed_until, state.now - frames_for(rules.margin_s))
        return replace(state, now=now, start=start, last_speech=now, speech=1, levels=(level_db,)), ()
    is_speech = probability >= rules.offset
    state = replace(
        state,
        now=now,
        last_speech=now if is_speech else state.last_speech,
        speech=state.speech + is_speech,
        levels=(*state.levels, level_db),
    )
    if now - state.last_speech >= frames_for(rules.least_pause_s):
        return close(state, rules)
    if now - (state.start or 0) >= frames_for(rules.longest_s):
        return _split(state)
    return state, ()


def close(state: Floor, rules: TurnRules) -> tuple[Floor, tuple[Stretch, ...]]:
    """Close the open stretch, as at the end of a recording; too little speech is dropped."""
    if state.start is None:
        return state, ()
    end = min(state.now, state.last_speech + frames_for(rules.margin_s))
    kept = (Stretch(start=state.start, end=end),) if state.speech >= frames_for(rules.least_speech_s) else ()
    decided = end if kept else state.closed_until
    return Floor(now=state.now, closed_until=decided), kept


def needed_from(state: Floor, rules: TurnRules) -> int:
    """First frame whose sound a future turn may still need."""
    return max(state.closed_until, state.now - frames_for(rules.margin_s)) if state.start is None else state.start


def _split(state: Floor) -> tuple[Floor, tuple[Stretch, ...]]:
    """Cut the open stretch at the quietest 160 ms of its second half and keep the rest open."""
    start = state.start or 0
    half = len(state.levels) // 2
    smooth = np.convolve(state.levels, np.full(5, 0.2), mode="same")
    quietest = half + int(np.argmin(smooth[half:-1]))
    cut = state.now - len(state.levels) + quietest
    rest = replace(
        state,
        start=cut,
        closed_until=cut,
        levels=state.levels[quietest:],
        speech=max(0, state.last_speech - cut),
    )
    return rest, (Stretch(start=start, end=cut),)
