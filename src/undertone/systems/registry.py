"""The systems by name. Being listed here puts a system under the contract tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undertone.errors import UsageError
from undertone.systems import compact, multilevel_network, qieemo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from undertone.systems.base import System

SYSTEMS: Final[Mapping[str, System]] = {
    module.SYSTEM.name: module.SYSTEM for module in (compact, qieemo, multilevel_network)
}


def system_named(name: str) -> System:
    """Look a system up.

    Raises:
        UsageError: if no system has that name.
    """
    if name not in SYSTEMS:
        raise UsageError(f"no system is called {name!r}; there are {', '.join(SYSTEMS)}")
    return SYSTEMS[name]
