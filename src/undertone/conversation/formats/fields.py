"""Taking parsed JSON apart so that every complaint names the field, as in `turns[3].start`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NoReturn

from undertone.errors import TurnsError


@dataclass(frozen=True)
class Field:
    """A value somewhere inside a JSON file."""

    path: str
    """The file, for messages."""
    name: str
    """Where the value is: `turns[3].start`; empty for the whole."""
    value: object


def refuse(field: Field, accepted: str) -> NoReturn:
    """Say what stands in a field and what is accepted there.

    Raises:
        TurnsError: always.
    """
    where = f"the field {field.name}" if field.name else "the whole"
    shown = repr(field.value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise TurnsError(field.path, f"{where} is {shown}; {accepted} is accepted. Correct it, then try again")


def member(field: Field, key: str) -> Field:
    """Take a member of an object.

    Raises:
        TurnsError: if the field is not an object, or has no such member.
    """
    found = _members(field)
    name = f"{field.name}.{key}" if field.name else key
    if key not in found:
        raise TurnsError(field.path, f"the field {name} is missing; write it, then try again")
    return Field(field.path, name, found[key])


def optional(field: Field, key: str) -> Field | None:
    """Take a member of an object, or None where it is missing or null.

    Raises:
        TurnsError: if the field is not an object.
    """
    return member(field, key) if _members(field).get(key) is not None else None


def items(field: Field) -> tuple[Field, ...]:
    """Take a list apart.

    Raises:
        TurnsError: if the field is not a list.
    """
    if not isinstance(field.value, list):
        refuse(field, "a list")
    return tuple(Field(field.path, f"{field.name}[{index}]", value) for index, value in enumerate(field.value))


def keys(field: Field) -> tuple[str, ...]:
    """The names of the members of an object.

    Raises:
        TurnsError: if the field is not an object.
    """
    return tuple(_members(field))


def words(field: Field) -> str:
    """Read a text.

    Raises:
        TurnsError: if the field is not text.
    """
    if not isinstance(field.value, str):
        refuse(field, "text")
    return field.value


def number(field: Field) -> float:
    """Read a number.

    Raises:
        TurnsError: if the field is not a finite number (true and false are none).
    """
    if isinstance(field.value, bool) or not isinstance(field.value, int | float) or not math.isfinite(field.value):
        refuse(field, "a number")
    return float(field.value)


def whole(field: Field, least: int) -> int:
    """Read a whole number.

    Raises:
        TurnsError: if the field is not a whole number from `least` up.
    """
    if isinstance(field.value, bool) or not isinstance(field.value, int) or field.value < least:
        refuse(field, f"a whole number from {least} up")
    return field.value


def _members(field: Field) -> dict[str, object]:
    if not isinstance(field.value, dict):
        refuse(field, "an object")
    return field.value
