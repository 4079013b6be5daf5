"""Real recordings with labels by construction: told by the words alone, by the voice alone, or by their conflict.

Where actors say given sentences in every emotion, the two are crossed, so that a label can be made of either or of
both, and it is known what a system must hear to find it. No label is about what somebody felt.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from undertone.records import Utterance

MARK: Final = "@"
"""Between the name of a protocol and that of a construction."""

CONSTRUCTIONS: Final = {"words": ("odd", "even"), "voice": ("calm", "aroused"), "conflict": ("alike", "apart")}
"""What the two classes are called."""

AROUSED: Final = frozenset({"angry", "fearful", "happy", "surprised"})

CALM: Final = frozenset({"sad", "neutral", "calm", "bored"})
"""Other emotions, such as disgust, are left out: their arousal is not agreed upon."""


def relabelled(utterances: Iterable[Utterance], construction: str) -> tuple[Utterance, ...]:
    """Give utterances labels by construction; those without a transcript, or of other emotions, are left out.

    The sentences of a corpus are numbered in alphabetical order, from 1. `words` tells whether that number is odd,
    `voice` whether the emotion is an aroused one, and `conflict` whether the one goes with the other.

    Raises:
        ConfigError: if there is no such construction.
    """
    if construction not in CONSTRUCTIONS:
        raise ConfigError(
            "protocol", [f"no construction is called {construction!r}; there are {', '.join(CONSTRUCTIONS)}"]
        )
    used = [item for item in utterances if item.text and item.emotion in AROUSED | CALM]
    sentences = {text: place % 2 for place, text in enumerate(sorted({item.text or "" for item in used}))}
    found = []
    for item in used:
        words, voice = sentences[item.text or ""], int(item.emotion in AROUSED)
        bit = {"words": words, "voice": voice, "conflict": words ^ voice}[construction]
        name = CONSTRUCTIONS[construction][bit]
        found.append(replace(item, emotion=name, ratings=()))
    return tuple(found)
