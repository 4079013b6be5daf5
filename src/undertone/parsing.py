"""From plain tables (TOML, JSON) to records, naming every field that is missing, unknown or of the wrong type."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from typing import Any, TypeVar

Record = TypeVar("Record")


def parse_record(kind: type[Record], table: object, problems: list[str]) -> Record | None:
    """Build a frozen dataclass from a table, nested as its type hints say.

    Args:
        kind: a dataclass whose fields are numbers, strings, booleans, dataclasses, `tuple[X, ...]` or `dict[str, X]`.
        table: what a TOML or JSON file held.
        problems: one sentence is added for each field that does not fit.

    Returns:
        The record; None where a problem was found.
    """
    before = len(problems)
    record = _parse(kind, table, "", problems)
    return record if len(problems) == before else None


def _parse(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    if dataclasses.is_dataclass(kind):
        return _parse_record(kind, value, where, problems)
    origin = typing.get_origin(kind)
    if origin is tuple and isinstance(value, list):
        item = typing.get_args(kind)[0]
        return tuple(_parse(item, each, f"{where}[{index}]", problems) for index, each in enumerate(value))
    if origin is dict and isinstance(value, dict):
        item = typing.get_args(kind)[1]
        return {name: _parse(item, each, f"{where}.{name}", problems) for name, each in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if (
        not isinstance(kind, types.GenericAlias)
        and isinstance(value, kind)
        and (kind is bool) == isinstance(value, bool)
    ):
        return value
    problems.append(f"{where} must be {getattr(kind, '__name__', kind)}, not {value!r}")
    return None


def _parse_record(kind: Any, value: Any, where: str, problems: list[str]) -> Any:
    if not isinstance(value, dict):
        problems.append(f"{where} must be a table, not {value!r}")
        return None
    hints = typing.get_type_hints(kind)
    prefix = f"{where}." if where else ""
    for unknown in value.keys() - hints.keys():
        nearest = difflib.get_close_matches(unknown, hints, n=1)
        problems.append(f"{prefix}{unknown} is not a setting" + (f"; did you mean {nearest[0]}?" if nearest else ""))
    values = {name: _parse(hints[name], value[name], prefix + name, problems) for name in hints.keys() & value.keys()}
    missing = [
        item.name
        for item in dataclasses.fields(kind)
        if item.default is dataclasses.MISSING
        and item.default_factory is dataclasses.MISSING
        and item.name not in value
    ]
    problems.extend(f"{prefix}{name} is missing" for name in missing)
    return None if missing else kind(**values)
