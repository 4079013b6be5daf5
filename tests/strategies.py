"""Hypothesis strategies that several tests share."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import strategies as st

from undertone.labels import EMOTIONS
from undertone.records import Abstention, Timeline, Turn, TurnEmotion, Window, Word
from undertone.testing.timelines import make_timeline

AWKWARD = (
    *(
        "hello",
        "don't",
        '"quoted"',
        "''",
        "<",
        ">",
        "<unk>",
        "]]>",
        "&",
        "&amp;",
        "-->",
        ";",
        ",",
        "!",
        "a: b",
        "42",
        "2",
    ),
    *("\t", "\n", "\n\n", "\u2028", "\x07", "Grüße", "你好", "مرحبا", "🙂"),
    *("item [3]:", "intervals [1]:", "xmin = 0", "NOTE", "WEBVTT"),
)
"""What one format or another gives a meaning to."""

NAMES = (
    "caller",
    "agent",
    "Zoë Müller",
    "李",
    "A: B",
    'the "boss"',
    "R&D <x>",
    "1",
    "a,b;c",
    "two  spaces",
    "emotion@x",
)

PATHS = ("call.wav", "/home/secret folder/My call & more.MP3", "gespräch.v2.flac", "no suffix", '50%20 "x".ogg')


@st.composite
def texts(draw: st.DrawFn) -> str | None:
    """Draw what somebody said: None, or pieces with at least one that shows."""
    pieces = draw(st.none() | st.lists(st.sampled_from(AWKWARD), min_size=1, max_size=6))
    return None if pieces is None else " ".join(pieces).strip() or None


def probabilities() -> st.SearchStrategy[np.ndarray]:
    """Draw a distribution, shape (label,), from nearly even to nearly certain."""
    return st.builds(_distribution, st.integers(0, 2**32 - 1), st.sampled_from([0.02, 0.3, 1.0, 100.0]))


def _distribution(seed: int, concentration: float) -> np.ndarray:
    drawn = np.random.default_rng(seed).dirichlet(np.full(len(EMOTIONS), concentration))
    return drawn.astype(np.float32)


@st.composite
def turn_emotions(draw: st.DrawFn, speaker: str, channel: int | None, start: int, end: int) -> TurnEmotion:
    """Draw a judged or unjudged turn between two times in milliseconds."""
    abstention = draw(st.none() | st.sampled_from(list(Abstention)))
    judged = abstention in {None, Abstention.UNCERTAIN}
    chosen = draw(probabilities()) if judged else None
    windows = draw(st.sampled_from([1, 1, 1, 2, 40])) if judged else 0
    cuts = np.linspace(start, end, windows + 1).round().astype(int).tolist() if end - start > windows else []
    track = tuple(
        Window(start=first / 1000, end=last / 1000, probabilities=_distribution(first, 1.0))
        for first, last in itertools.pairwise(cuts)
    )
    word = Word(text="word", start=start / 1000, end=end / 1000, confidence=draw(st.none() | st.floats(0, 1)))
    return TurnEmotion(
        turn=Turn(
            start=start / 1000,
            end=end / 1000,
            speaker=speaker,
            channel=channel,
            text=draw(texts()),
            words=draw(st.sampled_from([(), (word,)])),
        ),
        probabilities=chosen,
        label=EMOTIONS[int(chosen.argmax())] if abstention is None and chosen is not None else None,
        abstention=abstention,
        track=track,
        baseline=draw(st.none() | st.floats(0, 500)) if judged else None,
    )


@st.composite
def timelines(draw: st.DrawFn, *, least_turns: int = 0) -> Timeline:
    """Draw a timeline in milliseconds; turns overlap between speakers, never within one."""
    duration = draw(st.integers(1_000, 4_000_000))
    channels = draw(st.integers(1, 2))
    many = tuple(f"guest {number}" for number in range(draw(st.sampled_from([0, 0, 0, 0, 0, 20]))))
    speakers = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=4)) + list(many)
    turns: list[TurnEmotion] = []
    for speaker in speakers:
        cuts = sorted(draw(st.sets(st.integers(0, duration), max_size=2 if speaker in many else 6)))
        channel = draw(st.none() | st.integers(0, channels - 1))
        turns += [
            draw(turn_emotions(speaker, channel, *cuts[at : at + 2])) for at in range(len(cuts) - 1) if at % 2 == 0
        ]
    if len(turns) < least_turns:
        turns.append(draw(turn_emotions("somebody", None, 0, duration)))
    return make_timeline(*turns, duration=duration / 1000, channels=channels, path=draw(st.sampled_from(PATHS)))
