"""Protocols as stored data: which utterance is in which part of which fold, with a hash that is checked on loading."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

from undertone.corpora.protocols import Fold, Protocol
from undertone.errors import ConfigError, CorpusError
from undertone.parsing import parse_record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

FORMAT: Final = 1

LETTERS: Final = {"t": "train", "v": "validation", "e": "test"}
"""What stands for a part; `-` stands for none."""


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file as it is written."""

    format: int
    name: str
    title: str
    source: str
    corpora: tuple[str, ...]
    classes: dict[str, str]
    hash: str
    folds: tuple[str, ...]
    utterances: tuple[str, ...]


def stored_protocols(corpus: str | None = None) -> tuple[str, ...]:
    """Name the protocols that come with undertone, `emodb/emobox` for example.

    Args:
        corpus: only those of this corpus.
    """
    names = sorted(
        item.name.removesuffix(".json").replace("-", "/", 1)
        for item in _folder().iterdir()
        if item.name.endswith(".json")
    )
    return tuple(name for name in names if corpus is None or corpus in name.partition("/")[0].split("+"))


def load_protocol(name: str) -> Protocol:
    """Load a protocol that comes with undertone.

    Raises:
        CorpusError: if there is none of that name, listing those there are.
        ConfigError: if its file is damaged.
    """
    if name not in stored_protocols():
        corpus = name.partition("/")[0]
        there = stored_protocols(corpus) or stored_protocols()
        raise CorpusError(
            name, f"no such protocol is stored; there are {', '.join(there)}. Name one of them, or a file"
        )
    file = _folder() / f"{name.replace('/', '-')}.json"
    return parse_protocol(file.read_text(encoding="utf-8"), source=name)


def read_protocol(path: Path) -> Protocol:
    """Read a protocol from a file in the stored form.

    Raises:
        ConfigError: if it cannot be read, or is not a whole protocol; every problem found is listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(str(path), [f"it cannot be read ({reason}); name a protocol in JSON"]) from error
    return parse_protocol(text, source=str(path))


def parse_protocol(text: str, *, source: str) -> Protocol:
    """Parse the stored form.

    Args:
        text: JSON.
        source: what to call it in errors.

    Raises:
        ConfigError: if it is not a whole protocol; every problem found is listed.
    """
    try:
        table = json.loads(text)
    except ValueError as error:
        raise ConfigError(source, [f"it is not JSON ({error}); copy it anew"]) from error
    if isinstance(table, dict) and table.get("format") != FORMAT:
        raise ConfigError(source, [f"its format is {table.get('format')!r}; {FORMAT} is read"])
    problems: list[str] = []
    file = parse_record(_File, table, problems)
    if file is not None:
        problems += _problems(file)
    if file is None or problems:
        raise ConfigError(source, problems)
    prefix = _prefix(file.corpora)
    protocol = Protocol(
        name=file.name,
        title=file.title,
        source=file.source,
        classes=file.classes,
        folds=tuple(_fold([prefix + name for name in file.utterances], letters) for letters in file.folds),
    )
    if protocol.hash != file.hash:
        raise ConfigError(
            source, [f"its folds have the hash {protocol.hash} and it says {file.hash}: it was changed. Copy it anew"]
        )
    return protocol


def protocol_text(protocol: Protocol) -> str:
    """Write a protocol in the stored form: an utterance a line, a fold a line with a letter for each utterance.

    Raises:
        ConfigError: if a fold has an utterance in two parts, or an utterance is not of the protocol's corpora.
    """
    corpora = tuple(protocol.name.partition("/")[0].split("+"))
    ids = sorted({name for fold in protocol.folds for part in fold.parts().values() for name in part})
    foreign = [name for name in ids if name.partition("/")[0] not in corpora]
    if foreign:
        raise ConfigError(
            protocol.name, [f"{len(foreign)} utterances are not of {', '.join(corpora)}, the first {foreign[0]}"]
        )
    letters = [_letters(protocol.name, number, fold, ids) for number, fold in enumerate(protocol.folds, start=1)]
    prefix = _prefix(corpora)
    table = {
        "format": FORMAT,
        "name": protocol.name,
        "title": protocol.title,
        "source": protocol.source,
        "corpora": list(corpora),
        "classes": dict(protocol.classes),
        "hash": protocol.hash,
        "folds": letters,
        "utterances": [name.removeprefix(prefix) for name in ids],
    }
    lines = [f' "{key}": {_lines(value)}' for key, value in table.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _folder() -> Traversable:
    return resources.files("undertone.corpora").joinpath("stored_protocols")


def _prefix(corpora: Iterable[str]) -> str:
    """What is left out of the ids of a protocol of one corpus."""
    names = tuple(corpora)
    return f"{names[0]}/" if len(names) == 1 else ""


def _fold(ids: Iterable[str], letters: str) -> Fold:
    pairs = list(zip(ids, letters, strict=True))
    return Fold(**{part: tuple(name for name, each in pairs if each == letter) for letter, part in LETTERS.items()})


def _letters(protocol: str, number: int, fold: Fold, ids: Iterable[str]) -> str:
    parts: Mapping[str, tuple[str, ...]] = fold.parts()
    letter_of: dict[str, str] = {}
    for letter, part in LETTERS.items():
        twice = sorted(set(letter_of) & set(parts[part]))
        if twice:
            raise ConfigError(
                protocol, [f"fold {number} has {len(twice)} utterances in two parts, the first {twice[0]}"]
            )
        letter_of |= dict.fromkeys(parts[part], letter)
    return "".join(letter_of.get(name, "-") for name in ids)


def _problems(file: _File) -> list[str]:
    """Say what is wrong with a file whose fields have the right types."""
    problems = []
    if file.name.partition("/")[0].split("+") != list(file.corpora) or not file.name.partition("/")[2]:
        problems.append(
            f"name {file.name!r} is not made of its corpora, a slash and a name: {'+'.join(file.corpora)}/…"
        )
    twice = [name for name, count in Counter(file.utterances).items() if count > 1]
    if twice:
        problems.append(f"{len(twice)} utterances are there twice, the first {twice[0]}")
    if not file.folds:
        problems.append("there are no folds")
    for number, letters in enumerate(file.folds, start=1):
        odd = sorted(set(letters) - {*LETTERS, "-"})
        if odd:
            problems.append(f"fold {number} holds {''.join(odd)!r}; its letters are t, v, e and -")
        if len(letters) != len(file.utterances):
            problems.append(f"fold {number} has {len(letters)} letters for {len(file.utterances)} utterances")
    return problems


def _lines(value: object) -> str:
    """Write JSON with an item of a list or table a line."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.replace("\n", "\n ") if isinstance(value, list | dict) else text
