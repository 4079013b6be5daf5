"""`undertone corpus audit`: what the test part of a protocol shares with what is trained and chosen on."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from undertone.cli.failures import as_click_error
from undertone.cli.progress import steps_progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from undertone.corpora.audit import FoldAudit
    from undertone.corpora.base import Exclusion
    from undertone.corpora.protocols import Protocol
    from undertone.records import Utterance

FORMAT: Final = 1

COLUMNS: Final = ("speakers", "sentences", "dialogues", "recordings")


@click.command()
@click.argument("name")
@click.option("--protocol", "protocol_name", required=True, help="A stored protocol, a rule, or a file in JSON.")
@click.option("--data", type=click.Path(path_type=Path), help="The corpus's folder; names alone are read without it.")
@click.option("--near-duplicates", "listen", is_flag=True, help="Listen for copies of one sound too; needs --data.")
@click.option("--json", "as_json", is_flag=True, help="Print the audit as JSON.")
def audit(name: str, protocol_name: str, data: Path | None, listen: bool, as_json: bool) -> None:
    """Count what the test part of each fold of a protocol for the corpus NAME shares with the other parts.

    Stored protocols need no recordings. Rules (speakers, official, six, random) need --data where nothing is stored.
    """
    from undertone.corpora.audit import audit_protocol, stamp_of
    from undertone.corpora.own import speakers_known

    if listen and data is None:
        raise click.UsageError("--near-duplicates listens to the recordings: name their folder with --data")
    with as_click_error():
        protocol, utterances = chosen(name, protocol_name, data)
        left_out = exclusions_of(protocol)
        copies = near_duplicates(protocol, utterances) if listen else None
        folds = audit_protocol(protocol, utterances, exclusions=left_out, near_duplicates=copies)
    stamp = stamp_of(folds, known=speakers_known(utterances))
    if as_json:
        click.echo(json.dumps(table(protocol, folds, stamp, left_out), indent=1, ensure_ascii=False))
    else:
        click.echo(described(protocol, folds, stamp, left_out))


def chosen(name: str, protocol_name: str, data: Path | None) -> tuple[Protocol, tuple[Utterance, ...]]:
    """Find a protocol, and the utterances it names: in the corpus's folder, or by their names alone.

    Raises:
        UndertoneError: if there is no such corpus or protocol, or it does not fit.
        UsageError: if it can only be made from the corpus's folder.
    """
    from undertone.cli.corpus import chosen as chosen_corpus
    from undertone.corpora.audit import utterances_from_names
    from undertone.corpora.own import OWN
    from undertone.corpora.registry import corpus_named
    from undertone.corpora.rules import RULES, make_protocol
    from undertone.corpora.stored import load_protocol, read_protocol, stored_protocols

    if data is None:
        if name == OWN:
            raise click.UsageError("name the folder or table of your own data with --data")
        corpus_named(name)
        utterances: tuple[Utterance, ...] = ()
    else:
        utterances = chosen_corpus(name, data).scan(data)
    full = protocol_name if "/" in protocol_name else f"{name}/{protocol_name}"
    if protocol_name.endswith(".json"):
        protocol = read_protocol(Path(protocol_name))
    elif full in stored_protocols() or full.partition("/")[2] not in RULES:
        protocol = load_protocol(full)
    elif data is None:
        raise click.UsageError(f"{full} is made from the corpus: name its folder with --data")
    else:
        protocol = make_protocol(full, utterances)
    return protocol, utterances or utterances_from_names(protocol)


def exclusions_of(protocol: Protocol) -> tuple[Exclusion, ...]:
    """The utterances of a protocol that its corpora's cards leave out."""
    from undertone.corpora.registry import CORPORA

    named = {item for fold in protocol.folds for part in fold.parts().values() for item in part}
    cards = [CORPORA[name].card for name in sorted({item.partition("/")[0] for item in named}) if name in CORPORA]
    return tuple(item for card in cards for item in card.exclusions if item.id in named)


def near_duplicates(protocol: Protocol, utterances: Sequence[Utterance]) -> Mapping[str, frozenset[str]]:
    """Listen to every utterance that the protocol names."""
    from undertone.corpora.near_duplicates import find_near_duplicates

    named = {item for fold in protocol.folds for part in fold.parts().values() for item in part}
    heard = [item for item in utterances if item.id in named]
    with steps_progress() as begin:
        return find_near_duplicates(heard, begin(f"listening to {protocol.name}", len(heard)))


def table(protocol: Protocol, folds: Sequence[FoldAudit], stamp: str, left_out: Sequence[Exclusion]) -> dict[str, Any]:
    """An audit as a table for JSON."""
    return {
        "format": FORMAT,
        "protocol": {"name": protocol.name, "hash": protocol.hash, "title": protocol.title, "source": protocol.source},
        "stamp": stamp,
        "excluded": [asdict(item) for item in left_out],
        "folds": [{"fold": number, **asdict(fold)} for number, fold in enumerate(folds, start=1)],
    }


def described(protocol: Protocol, folds: Sequence[FoldAudit], stamp: str, left_out: Sequence[Exclusion]) -> str:
    """An audit for people: a line a fold, `18/19` for 18 of 19 that are in the other parts too."""
    from undertone.cli.corpus_text import aligned

    listened = any(fold.near_duplicates is not None for fold in folds)
    head = ["fold", "train", "validation", "test", *COLUMNS, *(["near duplicates"] if listened else [])]
    rows = [
        [
            str(number),
            str(fold.train_utterances),
            str(fold.validation_utterances),
            str(fold.test_utterances),
            *(shared(fold, column) for column in COLUMNS),
            *([str(fold.near_duplicates)] if listened else []),
        ]
        for number, fold in enumerate(folds, start=1)
    ]
    heard = [number for number, fold in enumerate(folds, start=1) if fold.validation_shared_speakers]
    lines = [
        f"{protocol.name} {protocol.hash}: {protocol.title}",
        protocol.source,
        "",
        aligned([head, *rows]),
        "",
        "18/19 speakers: of 19 in the test part, 18 are in training or validation as well; – where nothing is told.",
    ]
    lines += [f"Left out: {item.id} ({item.reason})." for item in left_out]
    if heard:
        which = "every fold" if len(heard) == len(folds) else f"folds {', '.join(map(str, heard))}"
        lines.append(f"The validation part has speakers of the training part in {which}.")
    return "\n".join([*lines, f"stamp: {stamp}"])


def shared(fold: FoldAudit, what: str) -> str:
    """`18/19`, or a dash where the corpus does not tell."""
    of, all_of = getattr(fold, f"shared_{what}"), getattr(fold, f"test_{what}")
    return f"{of}/{all_of}" if all_of else "–"
