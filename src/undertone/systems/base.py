"""What every system declares and gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn


class Stream(StrEnum):
    """What a system may ask for."""

    LOG_MEL = "log-mel"
    TEXT = "text"
    """Tokens of the transcript, where there is one."""
    SEGMENTS = "segments"
    """Where phones, syllables and words lie."""


class Outputs(NamedTuple):
    """What a system gives."""

    logits: Tensor
    """Unnormalised scores, shape (batch, label)."""
    embedding: Tensor
    """What the scores were taken from, shape (batch, width)."""


def called(network: nn.Module, features: Tensor, lengths: Tensor, scripts: Mapping[str, Tensor]) -> Outputs:
    """Call a system's network, which takes scripts only if it reads; they are empty if it does not."""
    outputs: Outputs = network(features, lengths, *((scripts,) if scripts else ()))
    return outputs


MOST_SETTLED: Final = 256
"""Utterances of the training part that constants are taken from, at most."""


@runtime_checkable
class Settles(Protocol):
    """A network with constants that are taken from training material before any training."""

    def settle(self, features: Tensor, lengths: Tensor) -> None:
        """Take them from windows (batch, frame, mel) of so many real frames, shape (batch,)."""


@dataclass(frozen=True, kw_only=True)
class System:
    """A system: how to build it, what it needs, and where it comes from."""

    name: str
    source: str
    """The paper, or that it is a reconstruction or our own."""
    needs: frozenset[Stream]
    sizes: type[Any]
    """A frozen dataclass of plain numbers, with `labels` among them."""
    build: Callable[[Any], nn.Module]
    """Called with an instance of `sizes`; the module maps (features, lengths) to `Outputs`, or (features, lengths,
    scripts) if the system reads."""

    @property
    def reads(self) -> bool:
        """Whether it takes a transcript beside the sound."""
        return Stream.TEXT in self.needs
