"""The transcribers by name. Being listed here puts one under the contract tests."""

from __future__ import annotations

import functools
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

from undertone.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.transcribers.base import Transcriber


class Row(NamedTuple):
    """A kind of transcriber."""

    builder: str
    """`module:function` of this folder; it takes what stands behind the colon of a name, and gives a `Transcriber`."""
    model: str = ""
    """What has to stand behind the colon; empty where nothing may."""


TRANSCRIBERS: Final[Mapping[str, Row]] = {
    "pocketsphinx": Row("sphinx:english"),
    "faster-whisper": Row("whisper:whisper", "a folder, or a name of the hub"),
}
"""Looking one up loads nothing that only others need."""


def names() -> tuple[str, ...]:
    """What a transcriber is asked for by."""
    return tuple(f"{kind}:MODEL" if row.model else kind for kind, row in TRANSCRIBERS.items())


@functools.lru_cache(maxsize=1)
def transcriber_named(name: str) -> Transcriber:
    """Make a transcriber ready; the last one is kept, for loading takes longer than many a turn.

    Args:
        name: `pocketsphinx`, or `faster-whisper:MODEL`.

    Raises:
        UsageError: if none is called that, or what stands behind the colon cannot be used.
        MissingExtraError: if it needs packages that are not installed.
    """
    kind, _, rest = name.partition(":")
    row = TRANSCRIBERS.get(kind)
    if row is None:
        raise UsageError(f"no transcriber is called {name!r}; choose among {', '.join(names())}")
    if bool(rest) != bool(row.model):
        wanted = f"{kind}:MODEL, {row.model}" if row.model else kind
        raise UsageError(f"{name!r} does not name a transcriber; write {wanted}")
    module, _, builder = row.builder.partition(":")
    found: Transcriber = getattr(import_module(f"undertone.transcribers.{module}"), builder)(rest)
    return found
