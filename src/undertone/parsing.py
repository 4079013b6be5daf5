"""From plain tables (TOML, JSON) to records, naming every field that is missing, unknown or of the wrong type."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
import types
import typing
from typing import TYPE_CHECKING, Any, Final, TypeVar

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Record = TypeVar("Record")

WORDS: Final = {
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
    tuple: "a list",
    dict: "a table",
}
"""What people call the types."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        ConfigError: if it cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: neither UTF-8 nor TOML
        raise ConfigError(str(path), [str(error)]) from error


def parse_record(kind: type[Record], table: object, problems: list[str], *, where: str = "") -> Record | None:
    """Build a frozen dataclass from a table, nested as its type hints say.

    Args:
        kind: a dataclass whose fields are numbers, strings, booleans, dataclasses, `tuple[X, ...]`, `dict[str, X]`,
            `X | None`, or `object` for any of what a file can hold: values, lists and tables of them.
        table: what a TOML or JSON file held.
        problems: one sentence is added for each field that does not fit.
        where: the table stands in a larger one; empty where it is the whole.

    Returns:
        The record; None where a problem was found.
    """
    before = len(problems)
    record = _parse(kind, table, where, problems)
    return record if len(problems) == before else None


def _parse(kind: Any, value: Any, where: str, problems: list[str]) -> Any:  # noqa: PLR0911  one for each kind
    if dataclasses.is_dataclass(kind):
        return _parse_record(kind, value, where, problems)
    if kind is object:
        return _parse_anything(value, where, problems)
    origin = typing.get_origin(kind) or kind
    if origin is types.UnionType:
        known = next(each for each in typing.get_args(kind) if each is not types.NoneType)
        return None if value is None else _parse(known, value, where, problems)
    if origin is tuple and isinstance(value, list | tuple):  # a tuple where `object` was read before
        item = typing.get_args(kind)[0]
        return tuple(_parse(item, each, f"{where}[{index}]", problems) for index, each in enumerate(value))
    if origin is dict and isinstance(value, dict):
        item = typing.get_args(kind)[1]
        return {name: _parse(item, each, f"{where}.{name}", problems) for name, each in value.items()}
    if _is_plain(origin, value):
        return float(value) if origin is float else value
    problems.append(f"{where} must be {WORDS[origin]}, not {value!r}")
    return None


def _parse_anything(value: Any, where: str, problems: list[str]) -> Any:
    """Keep what a file can hold, with tuples for lists."""
    if isinstance(value, list):
        return tuple(_parse_anything(each, f"{where}[{index}]", problems) for index, each in enumerate(value))
    if isinstance(value, dict):
        return {name: _parse_anything(each, f"{where}.{name}", problems) for name, each in value.items()}
    if not any(_is_plain(kind, value) for kind in (bool, int, float, str)):
        problems.append(f"{where} must be a finite number, text, true or false, a list or a table, not {value!r}")
    return value


def _is_plain(kind: Any, value: Any) -> bool:
    """Whether a value is of a plain kind: a whole number does for any number, true and false for none."""
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return kind in {bool, int, str} and type(value) is kind


def _parse_record(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(value, dict):
        problems.append(f"{where or 'the whole'} must be a table, not {value!r}")
        return None
    hints = typing.get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for unknown in (name for name in value if name not in hints):
        nearest = difflib.get_close_matches(unknown, hints, n=1)
        problems.append(f"{prefix}{unknown} is not a setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    values = {name: _parse(hints[name], value[name], prefix + name, problems) for name in hints if name in value}
    missing = [
        item.name
        for item in dataclasses.fields(kind)
        if item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
        and item.name not in value
    ]
    problems.extend(f"{prefix}{name} is missing" for name in missing)
    return None if missing else kind(**values)
