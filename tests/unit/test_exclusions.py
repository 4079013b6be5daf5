"""Lists of utterances that a user leaves out: each has a reason, or the list is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertone.corpora.base import Exclusion
from undertone.corpora.exclusions import read_exclusions, require_known
from undertone.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,reason\n", r"it lacks the columns id; it needs id, reason"),
        ("", r"it lacks the columns id, reason"),
        ("id,reason\nemodb/a,\nemodb/b,noise\n,why\n",
            r"row 1 has the id 'emodb/a' and the reason ''; say both; row 3 has the id '' and the reason 'why'"),
        ("id,reason\nemodb/a\n", r"row 1 has the id 'emodb/a' and the reason ''"),
        ("id,reason\nemodb/a,one\nemodb/a,two\n", r"row 2 excludes emodb/a a second time; keep one row"),
    ],
)  # fmt: skip
def test_a_list_of_exclusions_that_is_not_whole_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "out.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"out\.csv: {said}"):
        read_exclusions(path)


def test_a_list_of_exclusions_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.csv: it cannot be read \(.*\); name a CSV in UTF-8"):
        read_exclusions(tmp_path / "none.csv")
    (tmp_path / "odd.csv").write_bytes("id,reason\nx,Größe".encode("cp1252"))
    with pytest.raises(ConfigError, match=r"odd\.csv: it cannot be read"):
        read_exclusions(tmp_path / "odd.csv")


def test_a_list_of_exclusions_is_read_with_columns_in_any_order_and_case(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text('\ufeffReason,ID,who\n" too loud, clipped ", emodb/a ,me\n', encoding="utf-8")
    assert read_exclusions(path) == (Exclusion(id="emodb/a", reason="too loud, clipped"),)


def test_exclusions_from_an_empty_corpus_are_refused_without_an_example() -> None:
    with pytest.raises(ConfigError, match=r"^list: a/1 is no utterance of this corpus; ids start with its name$"):
        require_known([Exclusion(id="a/1", reason="?")], (), "list")
