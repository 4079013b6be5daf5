"""undertone: who felt what, when, in recorded conversations.

    import undertone

    timeline = undertone.analyze("call.m4a")
    for item in timeline.turns:
        print(item.turn.start, item.turn.speaker, item.label, item.confidence)

Public names are imported when first used: `import undertone` loads no third-party package.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undertone.api import analyze, load
    from undertone.conversation.formats.registry import read_turns, write_format
    from undertone.errors import UndertoneError
    from undertone.inference.recognizer import Recognizer, Stream
    from undertone.labels import EMOTIONS
    from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion, Window, Word

__version__ = "0.1.0"

__all__ = [
    "EMOTIONS",
    "Abstention",
    "Recognizer",
    "Recording",
    "Stream",
    "Timeline",
    "Turn",
    "TurnEmotion",
    "UndertoneError",
    "Window",
    "Word",
    "__version__",
    "analyze",
    "load",
    "read_turns",
    "write_format",
]

_HOMES = {
    "EMOTIONS": "undertone.labels",
    "Abstention": "undertone.records",
    "Recognizer": "undertone.inference.recognizer",
    "Recording": "undertone.records",
    "Stream": "undertone.inference.recognizer",
    "Timeline": "undertone.records",
    "Turn": "undertone.records",
    "TurnEmotion": "undertone.records",
    "UndertoneError": "undertone.errors",
    "Window": "undertone.records",
    "Word": "undertone.records",
    "analyze": "undertone.api",
    "load": "undertone.api",
    "read_turns": "undertone.conversation.formats.registry",
    "write_format": "undertone.conversation.formats.registry",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  a module's names have any type
    if name not in _HOMES:
        raise AttributeError(f"module 'undertone' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
