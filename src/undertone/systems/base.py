"""What every system declares and gives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn


class Stream(StrEnum):
    """What a system may ask for."""

    LOG_MEL = "log-mel"


class Outputs(NamedTuple):
    """What a system gives."""

    logits: Tensor
    """Unnormalised scores, shape (batch, label)."""
    embedding: Tensor
    """What the scores were taken from, shape (batch, width)."""


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
    """Called with an instance of `sizes`; the module maps (features, lengths) to `Outputs`."""
