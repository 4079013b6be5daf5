"""Make every stored protocol again from what was published.

    python experiments/make_protocols.py --data FOLDER [--out FOLDER]

FOLDER holds `emobox_folds/CORPUS.json`: the items of the EmoBox benchmark (Ma et al. 2024) with their labels, and which
of them each fold tests; and `nemo/metadata.csv`, which names nEMO's files. No sound is needed. What is written is the
same on every machine: where EmoBox leaves a choice, the rules of `undertone.corpora.rules` make it, without chance.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from undertone.corpora.audit import utterance_from_name
from undertone.corpora.grouping import chosen_with, fold_of, speaker_of
from undertone.corpora.layouts import read_metadata
from undertone.corpora.nemo import parse_name
from undertone.corpora.protocols import Protocol
from undertone.corpora.rules import (
    IEMOCAP_FOUR,
    MOST_LEFT_OUT,
    by_session,
    classes_of,
    iemocap_session,
    leave_one_speaker_out,
    make_protocol,
)
from undertone.corpora.stored import protocol_text
from undertone.files import make_folder, write_text
from undertone.labels import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from undertone.corpora.protocols import Fold
    from undertone.records import Utterance

ROOT: Final = Path(__file__).resolve().parent.parent
STORED: Final = ROOT / "src" / "undertone" / "corpora" / "stored_protocols"

EMOBOX: Final = (
    "ased", "cremad", "emodb", "emovo", "iemocap", "jlcorpus", "meld", "ravdess", "savee", "tess", "turevdb", "urdu",
)  # fmt: skip
"""Corpora whose EmoBox folds are stored."""

WITHOUT_SPEAKERS: Final = ("meld",)
"""Corpora of which names do not tell who speaks."""

PUBLISHED: Final = (
    "test part: EmoBox (Ma et al., EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and Benchmark, "
    "Interspeech 2024)"
)
SUPERB: Final = (
    "test part: SUPERB (Yang et al., SUPERB: Speech processing Universal PERformance Benchmark, Interspeech 2021)"
)


@click.command()
@click.option("--data", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", default=STORED, type=click.Path(file_okay=False, path_type=Path), help="Where to write.")
def main(data: Path, out: Path) -> None:
    """Write every protocol that is stored."""
    make_folder(out)
    for protocol in protocols(data):
        write_text(out / f"{protocol.name.replace('/', '-')}.json", protocol_text(protocol))
        click.echo(f"{protocol.name}: {len(protocol.folds)} folds, {protocol.hash}")


def protocols(data: Path) -> Iterator[Protocol]:
    """Make all protocols, corpus by corpus."""
    for corpus in EMOBOX:
        table = json.loads((data / "emobox_folds" / f"{corpus}.json").read_text(encoding="utf-8"))
        items = items_of(corpus, table)
        yield emobox(corpus, table, items)
        if corpus not in WITHOUT_SPEAKERS:
            yield speakers(corpus, list(items.values()))
        if corpus == "iemocap":
            yield superb(list(items.values()))
    nemo = read_metadata(data / "nemo", corpus="nemo", language="pl", parse_name=parse_name)
    yield speakers("nemo", [utterance_from_name("nemo", item.id.partition("/")[2]) for item in nemo])


def items_of(corpus: str, table: dict[str, Any]) -> dict[str, Utterance]:
    """Build a record for each item, by the name that EmoBox gives it; its label stands in where names tell none."""
    spelled = table["label_map"] or {}
    return {
        name: utterance_from_name(corpus, name, emotion=emotion(corpus, label, spelled))
        for name, label in table["items"].items()
    }


def emotion(corpus: str, label: str, spelled: dict[str, str]) -> str:
    """Translate a label of EmoBox; IEMOCAP's `exc`, which it maps to happy, keeps its own word."""
    return "excited" if corpus == "iemocap" and label == "exc" else canonical(spelled.get(label, label))


def emobox(corpus: str, table: dict[str, Any], items: dict[str, Utterance]) -> Protocol:
    """Take the tested items of each fold; what EmoBox does not divide further is divided by our rule."""
    classes = classes_of(items.values())
    told = all("valid" in parts for parts in table["folds"].values())
    folds, shared = [], False
    for parts in table["folds"].values():
        tested = [items[name] for name in parts["test"]]
        rest = [item for name, item in items.items() if name not in set(parts["test"])]
        known = {speaker_of(item) for item in tested} & {speaker_of(item) for item in rest}
        shared = shared or bool(known)
        if told:
            chosen = frozenset(items[name].id for name in parts["valid"])
        else:
            after = min(map(speaker_of, tested))
            chosen = chosen_with(rest, classes, after=after, validation="share" if known else "speakers")
        folds.append(fold_of(tested, chosen, rest))
    if told:
        source = PUBLISHED.replace("test part", "all parts")
    elif shared:
        source = f"{PUBLISHED}; validation part: ours, a fifth of every class of the rest, drawn by the hash of the ids"
    else:
        source = f"{PUBLISHED}; validation part: ours, whole speakers, about a fifth of the rest"
    return Protocol(
        name=f"{corpus}/emobox", title="The folds of the EmoBox benchmark", source=source, classes=classes,
        folds=tuple(folds),
    )  # fmt: skip


def speakers(corpus: str, items: Sequence[Utterance]) -> Protocol:
    """Share no speaker between the test part and the others, nor between the others where there are three speakers."""
    people = len({speaker_of(item) for item in items})
    folds: tuple[Fold, ...]
    if people == 2:
        classes = classes_of(items)
        folds = leave_one_speaker_out(items, classes, validation="sentences")
        title = "Each speaker tested once; with two speakers, training and validation are one person"
        source = "ours: a fifth of the sentences of the training speaker are chosen with, drawn by the hash of the ids"
        return Protocol(name=f"{corpus}/speakers", title=title, source=source, classes=classes, folds=folds)
    made = make_protocol(f"{corpus}/speakers", items)
    if corpus == "iemocap":
        title = "Each speaker tested once, with the other speaker of the session as validation"
        source = "ours, as is common; both halves of a conversation are kept out of training"
    elif people <= MOST_LEFT_OUT:
        title, source = "Each speaker tested once, no speaker in two parts", "ours: leave one speaker out"
    else:
        title = f"{len(made.folds)} groups of speakers tested once each, no speaker in two parts"
        source = "ours: groups alike in size, classes and genders"
    return Protocol(name=made.name, title=title, source=source, classes=made.classes, folds=made.folds)


def superb(items: Sequence[Utterance]) -> Protocol:
    """Leave one session out; a fifth of the rest is chosen with, as in SUPERB, and hears the speakers of training."""
    return Protocol(
        name="iemocap/superb",
        title="Four classes, each session tested once",
        source=f"{SUPERB}; validation part: a fifth of the rest as there, which ones is ours: of every class, drawn by "
        "the hash of the ids",
        classes=IEMOCAP_FOUR,
        folds=by_session(items, IEMOCAP_FOUR, session_of=iemocap_session, validation="share"),
    )


if __name__ == "__main__":
    main()
