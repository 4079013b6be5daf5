"""Tables and texts beside a corpus's sound: encodings, pointers, and the words that four corpora keep there."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertone.corpora.emovdb import CORPUS as EMOVDB
from undertone.corpora.esd import CORPUS as ESD
from undertone.corpora.esd import parse_words
from undertone.corpora.jlcorpus import CORPUS as JLCORPUS
from undertone.corpora.shemo import CORPUS as SHEMO
from undertone.corpora.shemo import read_transcripts
from undertone.corpora.tables import first_file, number_or_none, read_rows, read_text
from undertone.errors import CorpusError
from undertone.testing.corpora import make_emovdb, make_esd, make_jlcorpus, make_shemo


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_a_text_is_read_in_whatever_it_was_written(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "words.txt"
    mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
    path.write_bytes(mark + "Où est l’été ?".encode(encoding))
    assert read_text(path, "anything") == "Où est l’été ?"


def test_a_text_in_an_encoding_of_its_own_is_read_in_that(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes("打远一看".encode("gb18030"))
    assert read_text(path, "anything", encoding="gb18030") == "打远一看"


def test_bytes_that_mean_nothing_are_marked(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_bytes(b"caf\x81")
    assert read_text(path, "anything") == "caf\ufffd"


def test_a_missing_file_and_a_pointer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"anything: .*none\.csv cannot be read \(No such file or directory\); copy the"
    ):
        read_text(tmp_path / "none.csv", "anything")
    (tmp_path / "a.csv").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"anything: .*a\.csv is a git-LFS pointer, not the table"):
        read_text(tmp_path / "a.csv", "anything")


def test_a_table_gives_rows_with_empty_cells_for_those_that_lack(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b\n1,"x\ny"\n2\n3,4,5\n', encoding="utf-8")
    assert read_rows(path, "anything", ("a",)) == [{"a": "1", "b": "x\ny"}, {"a": "2", "b": ""}, {"a": "3", "b": "4"}]


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"anything: .*a\.csv lacks the columns c, d; it has a, b; copy it anew"):
        read_rows(path, "anything", ("a", "c", "d"))
    path.write_text("", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"lacks the columns a; it has none"):
        read_rows(path, "anything", ("a",))


def test_a_table_with_a_cell_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a\n" + "x" * 200_000, encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"a\.csv cannot be read \(field larger than field limit.*\); copy the corpus"
    ):
        read_rows(path, "anything", ("a",))


def test_the_first_file_that_is_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"")
    assert first_file(tmp_path, ("a", "b")) == tmp_path / "b"
    assert first_file(tmp_path, ("a",)) is None


def test_an_empty_cell_is_no_number() -> None:
    assert number_or_none("2.5") == 2.5
    assert number_or_none("") is None


def test_esd_has_words_in_two_languages_and_encodings(tmp_path: Path) -> None:
    found = {item.id: item for item in ESD.scan(make_esd(tmp_path))}
    chinese, english = found["esd/0001_000351"], found["esd/0011_001451"]
    assert (chinese.language, chinese.text, chinese.split) == ("zh", "打远一看，它们的确很是美丽，", "validation")
    assert (chinese.gender, chinese.sentence, chinese.emotion) == ("F", "zh001", "angry")
    assert (english.language, english.text, english.split) == ("en", "The nine the eggs, I keep.", "train")
    assert (english.gender, english.sentence, english.emotion) == ("M", "en051", "surprised")


def test_esd_without_folders_for_parts_has_no_parts(tmp_path: Path) -> None:
    make_esd(tmp_path)
    for path in sorted(tmp_path.rglob("*.wav")):
        path.rename(path.parents[1] / path.name)
    found = ESD.scan(tmp_path)
    assert len(found) == 30
    assert {item.split for item in found} == {None}


def test_a_line_of_esd_that_lacks_a_part_gives_no_words() -> None:
    text = "0012_000001\tThe nine the eggs.\tNeutral\n\n0012_000002\tNeutral\n0012_000003 I say. Neutral\n"
    assert parse_words(text) == {"0012_000001": "The nine the eggs.", "0012_000003": "I say."}


def test_the_prompts_of_emov_db_are_those_of_set_a(tmp_path: Path) -> None:
    found = EMOVDB.scan(make_emovdb(tmp_path))
    assert {item.text for item in found} == {"Author of the danger trail, Philip Steels, etc."}
    (tmp_path / "cmuarctic.data").unlink()
    assert {item.text for item in EMOVDB.scan(tmp_path)} == {None}


def test_emov_db_is_read_as_openslr_packs_it(tmp_path: Path) -> None:
    make_emovdb(tmp_path)
    for path in sorted(tmp_path.rglob("*.wav")):
        speaker, emotion = path.relative_to(tmp_path).parts[:2]
        (tmp_path / f"{speaker}_{emotion}").mkdir(exist_ok=True)
        path.rename(tmp_path / f"{speaker}_{emotion}" / path.name)
    found = {item.id for item in EMOVDB.scan(tmp_path)}
    assert len(found) == 18
    assert "emovdb/josh/amused_1-28_0001" in found


def test_a_text_beside_a_file_of_the_jl_corpus_is_its_words(tmp_path: Path) -> None:
    make_jlcorpus(tmp_path)
    next(iter(sorted(tmp_path.rglob("female1_angry*.txt")))).unlink()
    found = {item.id: item.text for item in JLCORPUS.scan(tmp_path)}
    assert found["jlcorpus/female1_angry_12a_1"] is None
    assert found["jlcorpus/male2_angry_12a_1"] == "Carl leaps into a jeep."


def test_both_forms_of_shemo_s_words_are_read(tmp_path: Path) -> None:
    path = tmp_path / "shemo.json"
    path.write_text('{"F01A01": {"transcript": "سلام"}, "F01A02": {"transcript": ""}}', encoding="utf-8")
    assert read_transcripts(path) == {"F01A01": "سلام"}
    path.write_text('[{"id": "F01A01", "transcript": "\\ufeffسلام"}]', encoding="utf-8")
    assert read_transcripts(path) == {"F01A01": "سلام"}


@pytest.mark.parametrize("text", ["[1]", "3", "nonsense", '{"F01A01": 1}', '[{"transcript": "x"}]'])
def test_words_of_shemo_in_another_form_are_refused(tmp_path: Path, text: str) -> None:
    make_shemo(tmp_path)
    (tmp_path / "shemo.json").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"shemo: .*shemo\.json is not the table of transcripts \(.*\); copy it anew"):
        SHEMO.scan(tmp_path)


def test_shemo_without_its_table_has_no_words(tmp_path: Path) -> None:
    make_shemo(tmp_path)
    (tmp_path / "shemo.json").unlink()
    assert {item.text for item in SHEMO.scan(tmp_path)} == {None}
