"""A user's own data as a corpus: a table, an audformat database, or a folder for each label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from undertone.corpora.base import Corpus
from undertone.corpora.layouts import TABLE, sound_files
from undertone.corpora.own_database import HEADER, read_database
from undertone.corpora.own_rows import UNKNOWN_SPEAKER, Row, gathered, safe_name, speakers_known
from undertone.corpora.own_table import read_table
from undertone.errors import CorpusError

if TYPE_CHECKING:
    from pathlib import Path

    from undertone.corpora.base import CorpusCard
    from undertone.records import Utterance

__all__ = ["OWN", "UNKNOWN_SPEAKER", "own", "own_corpus", "speakers_known"]

OWN: Final = "own"
"""What the command line calls a corpus that is none of the registry's."""


def own_corpus(
    path: Path, *, name: str | None = None, table: str | None = None
) -> tuple[CorpusCard, tuple[Utterance, ...]]:
    """Read data of one's own.

    Args:
        path: a CSV or TSV; a folder with `metadata.csv`, with an audformat database (`db.yaml`), or with a folder for
            each label: `angry/001.wav`, or `angry/anna/001.wav` where the folder between is the speaker.
        name: of the corpus; of the path, where None.
        table: of an audformat database, where several hold emotions.

    Returns:
        A card made of what was found, whose `known_faults` say what the data do not tell; and the utterances, with
        lengths that are nan until `undertone.corpora.base.measured`. An utterance of which nobody says who speaks has
        the speaker `UNKNOWN_SPEAKER`, which `speakers_known` detects.

    Raises:
        CorpusError: if there is nothing at the path, it cannot be read, or files are missing.
        MissingExtraError: if the path is an audformat database and audformat is not installed.
    """
    name = safe_name(name or (path.resolve().stem if path.is_file() else path.resolve().name))
    if not path.exists():
        raise CorpusError(name, f"{path} does not exist; name a table (CSV, TSV) or a folder with your recordings")
    if table is not None and not (path / HEADER).is_file():
        raise CorpusError(name, f"{path} is no audformat database, so it has no table {table!r}; leave the table out")
    if path.is_file():
        return gathered(name, path.parent, read_table(path, name), title=f"{path.name}, a table of your own")
    if (path / TABLE).is_file():
        return gathered(name, path, read_table(path / TABLE, name), title=f"{path.name}, a table of your own")
    if (path / HEADER).is_file():
        return gathered(name, path, read_database(path, name, table), title=f"{path.name}, an audformat database")
    return gathered(name, path, read_folders(path, name), title=f"{path.name}, a folder for each label")


def own(path: Path) -> Corpus:
    """Make a corpus of one's own data for everything that takes a corpus and its folder.

    Raises:
        CorpusError: as `own_corpus`.
        MissingExtraError: as `own_corpus`.
    """
    card, utterances = own_corpus(path)
    return Corpus(card=card, scan=lambda _path: utterances, lists_all=False)


def read_folders(folder: Path, name: str) -> list[Row]:
    """Read a folder for each label: `label/file` or `label/speaker/file`, the same for all files.

    Raises:
        CorpusError: if there is no sound, or a file lies elsewhere; nothing is guessed from names.
    """
    paths = [path.relative_to(folder).parts for path in sound_files(folder)]
    if not paths:
        raise CorpusError(name, f"{folder} holds no sound; name a table or a folder with a folder for each label")
    depth = len(paths[0])
    odd = [parts for parts in paths if len(parts) != depth or len(parts) not in {2, 3}]
    if odd:
        raise CorpusError(
            name,
            f"{len(odd)} of {len(paths)} files lie elsewhere than the others or than is read, the first "
            f"{'/'.join(odd[0])}; all must lie as label/file or as label/speaker/file. Otherwise write a table",
        )
    return [Row(file="/".join(parts), label=parts[0], speaker=parts[1] if depth == 3 else "") for parts in paths]
