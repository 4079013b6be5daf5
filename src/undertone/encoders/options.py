"""What stands behind a family's colon: a place, and perhaps options behind it, as in `phones-en,chunk=16`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 999_999_999


@dataclass(frozen=True, kw_only=True)
class Option:
    """Which numbers an option takes."""

    least: float
    most: float = MOST
    whole: bool = True

    @property
    def accepted(self) -> str:
        """What it takes, in words."""
        return f"a {'whole number' if self.whole else 'number'} from {self.least} to {self.most}"

    def read(self, text: str) -> float | None:
        """Read a number, an int where only whole ones are taken; None if it is not taken."""
        form = "[0-9]{1,9}" if self.whole else r"-?[0-9]{1,9}(\.[0-9]{1,9})?"
        if not re.fullmatch(form, text):
            return None
        value = int(text) if self.whole else float(text)
        return value if self.least <= value <= self.most else None


def split_options(family: str, rest: str, known: Mapping[str, Option]) -> tuple[str, dict[str, float]]:
    """Split what stands behind a family's colon into the place and the options behind it.

    Raises:
        ConfigError: naming every option that cannot be used.
    """
    place, problems = rest, []
    options: dict[str, float] = {}
    while not Path(place).is_dir() and (last := re.fullmatch(r"(.+),(\w+)=([^,=]*)", place)):
        place, key, text = last.groups()
        if key not in known:
            problems.append(f"{family} takes {' and '.join(known)}, not {key!r}")
        elif key in options:
            problems.append(f"{key} is told twice; tell it once")
        elif (value := known[key].read(text)) is None:
            problems.append(f"{key} must be {known[key].accepted}, not {text!r}")
        else:
            options[key] = value
    if problems:
        raise ConfigError(f"encoder {family}:{rest}", problems)
    return place, options


def named(name: str, options: Mapping[str, float]) -> str:
    """Put a name and its options together again, the options in order."""
    written = (f"{key}={str(value).removesuffix('.0')}" for key, value in sorted(options.items()))
    return ",".join((name, *written))
