"""Every registered corpus: its card, its reader, and the real recordings where they are at hand."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

from undertone.corpora.base import CorpusCard, measured, read_corpus
from undertone.corpora.layouts import COLUMNS, sound_files
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.errors import CorpusError
from undertone.experiments.words import LANGUAGES, licence_of, limits_of
from undertone.labels import EMOTIONS, canonical
from undertone.records import Utterance
from undertone.testing.sounds import tone, write_recording

every_corpus = pytest.mark.parametrize("name", sorted(CORPORA))

ROWS = (
    ("audio/one/a.wav", "anna", "F", "happy", "Guten Tag.", "0.100"),
    ("audio/one/b.wav", "anna", "F", "anger", "", "0.200"),
    ("audio/two/a.wav", "ben", "", "boredom", "Ja, nein", "0.100"),
    ("audio/two/c.wav", "ben", "", "", "", "0.100"),
)


def make_corpus(folder: Path, rows: tuple[tuple[str, ...], ...] = ROWS, columns: tuple[str, ...] = COLUMNS) -> Path:
    """Write the layout that corpora have: metadata.csv, a column more than is needed, and tiny files."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*columns, "take"))
        writer.writerows((*row, "1") for row in rows)
    for row in rows:
        (folder / row[0]).parent.mkdir(parents=True, exist_ok=True)
        write_recording(folder / row[0], tone(0.1, 440.0))
    return folder


@every_corpus
def test_a_card_is_complete(name: str) -> None:
    card = corpus_named(name).card
    assert card.name == name
    assert re.fullmatch(r"[a-z0-9_]+", name)
    assert card.language in LANGUAGES, "give the language a name in experiments/words.py"
    assert card.speakers > 0
    assert card.utterances >= card.speakers
    for words in (card.title, card.licence, *card.known_faults):
        assert words.strip() == words != ""


@every_corpus
def test_a_reader_turns_the_layout_into_utterances(name: str, tmp_path: Path) -> None:
    folder = make_corpus(tmp_path / name)
    language = corpus_named(name).card.language
    assert read_corpus(corpus_named(name), folder) == (
        Utterance(
            id=f"{name}/one/a", path=str(folder / "audio/one/a.wav"), corpus=name, speaker="anna", language=language,
            emotion="happy", duration=0.1, gender="F", text="Guten Tag.",
        ),
        Utterance(
            id=f"{name}/one/b", path=str(folder / "audio/one/b.wav"), corpus=name, speaker="anna", language=language,
            emotion="angry", duration=0.2, gender="F", text=None,
        ),
        Utterance(
            id=f"{name}/two/a", path=str(folder / "audio/two/a.wav"), corpus=name, speaker="ben", language=language,
            emotion="bored", duration=0.1, gender=None, text="Ja, nein",
        ),
        Utterance(
            id=f"{name}/two/c", path=str(folder / "audio/two/c.wav"), corpus=name, speaker="ben", language=language,
            emotion=None, duration=0.1, gender=None, text=None,
        ),
    )  # fmt: skip


@every_corpus
def test_the_real_recordings_are_those_of_the_card(name: str, data: Path) -> None:
    if not sound_files(data / name):
        pytest.skip(f"{name} is not among the real recordings")
    card = corpus_named(name).card
    found = read_corpus(corpus_named(name), data / name)
    assert len(found) == card.utterances
    assert len({item.speaker for item in found}) == card.speakers
    assert len({item.id for item in found}) == len(found)
    assert {item.label for item in found} <= {*EMOTIONS, None}
    assert {item.language for item in found} == {card.language}
    assert all(item.duration > 0 for item in found)


def test_an_unknown_corpus_is_refused_with_those_there_are() -> None:
    with pytest.raises(CorpusError, match=r"^babel: no such corpus; known are \w+(, \w+)+$") as caught:
        corpus_named("babel")
    assert caught.value.corpus == "babel"
    assert caught.value.problem.partition("known are ")[2].split(", ") == list(CORPORA)


def refused(folder: Path, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read_corpus(corpus_named("emodb"), folder)


def test_a_folder_without_a_table_is_refused_where_names_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"kerstin_de: .*metadata\.csv is missing; name the folder that holds meta"):
        corpus_named("kerstin_de").scan(tmp_path)


def test_a_folder_with_neither_a_table_nor_a_name_of_the_corpus_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hello.wav").touch()
    refused(tmp_path, r"emodb: .* holds no file with a name of this corpus; name the folder that was unpacked")


def test_a_path_that_is_no_folder_is_refused_with_what_it_is(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", r"emodb: .*nowhere does not exist; name the folder that the corpus was unpacked to")
    (tmp_path / "emodb.zip").touch()
    refused(tmp_path / "emodb.zip", r"emodb: .*emodb\.zip is a file; name the folder")


@pytest.mark.parametrize("column", COLUMNS)
def test_a_table_without_a_column_is_refused_by_its_name(tmp_path: Path, column: str) -> None:
    make_corpus(tmp_path, columns=tuple(name if name != column else "other" for name in COLUMNS))
    refused(tmp_path, rf"metadata\.csv lacks the columns {column}; it needs file, speaker")


def test_a_table_with_a_head_only_has_no_rows(tmp_path: Path) -> None:
    make_corpus(tmp_path, rows=())
    refused(tmp_path, r"metadata\.csv has no rows")


def test_an_empty_table_lacks_every_column(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text("", encoding="utf-8")
    refused(tmp_path, r"lacks the columns file, speaker, gender, emotion, text, duration_s")


def test_a_table_in_another_encoding_is_refused(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    with (tmp_path / "metadata.csv").open("ab") as file:
        file.write("Grüße".encode("cp1252"))
    refused(tmp_path, r"metadata\.csv cannot be read \(.*\); save it as CSV in UTF-8")


def test_a_mark_of_utf_8_before_the_table_does_no_harm(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    table = tmp_path / "metadata.csv"
    table.write_bytes(b"\xef\xbb\xbf" + table.read_bytes())
    assert len(read_corpus(corpus_named("emodb"), tmp_path)) == len(ROWS)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (("audio/x.wav", "anna", "F", "sad", "", "soon"), "duration_s 'soon'"),
        (("audio/x.wav", "anna", "F", "sad", "", "0"), "duration_s '0'"),
        (("audio/x.wav", "anna", "F", "sad", "", "nan"), "duration_s 'nan'"),
        (("audio/x.wav", "", "F", "sad", "", "1.0"), "speaker ''"),
        (("", "anna", "F", "sad", "", "1.0"), "file ''"),
    ],
)
def test_a_row_that_is_not_whole_is_named(tmp_path: Path, row: tuple[str, ...], said: str) -> None:
    make_corpus(tmp_path)
    with (tmp_path / "metadata.csv").open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(row)
    refused(tmp_path, rf"row 5 of .*metadata\.csv is not whole: .*{said}.*it needs all columns and a length in seconds")


def test_a_row_that_stops_early_is_named(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    with (tmp_path / "metadata.csv").open("a", encoding="utf-8") as file:
        file.write("audio/x.wav,anna\n")
    refused(tmp_path, r"row 5 of .* is not whole: file 'audio/x\.wav', speaker 'anna', duration_s None")


def test_missing_files_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    make_corpus(tmp_path)
    (tmp_path / "audio/one/b.wav").unlink()
    (tmp_path / "audio/two/c.wav").unlink()
    refused(tmp_path, r"emodb: 2 of 4 files are missing, the first .*audio/one/b\.wav; copy them anew")
    assert len(corpus_named("emodb").scan(tmp_path)) == 4, "a check goes on past missing files"


def test_two_rows_of_one_utterance_are_refused(tmp_path: Path) -> None:
    make_corpus(tmp_path, rows=(*ROWS, ("audio/one/a.flac", *ROWS[0][1:])))
    refused(tmp_path, r"1 utterances are there more than once, the first emodb/one/a; keep one copy of each")


OFFICIAL = {
    "emodb": (
        ("wav/03a01Fa.wav", "emodb/03a01Fa", "emodb_03", "happy", "M", "a01"),
        ("wav/16b10Wb.wav", "emodb/16b10Wb", "emodb_16", "angry", "F", "b10"),
        ("wav/08a02La.wav", "emodb/08a02La", "emodb_08", "bored", "F", "a02"),
    ),
    "ravdess": (
        ("Actor_01/03-01-02-01-01-01-01.wav", "ravdess/Actor_01/03-01-02-01-01-01-01", "ravdess_01", "calm", "M", "01"),
        ("Actor_12/03-01-06-02-02-01-12.wav", "ravdess/Actor_12/03-01-06-02-02-01-12", "ravdess_12", "fearful", "F",
         "02"),
    ),
    "nemo": (
        ("samples/EB0_anger_12.wav", "nemo/EB0_anger_12", "nemo_EB0", "angry", "F", "12"),
        ("samples/WR0_surprised_3.wav", "nemo/WR0_surprised_3", "nemo_WR0", "surprised", "M", "3"),
    ),
    "urdu": (
        ("Angry/SM1_F10_A010.wav", "urdu/Angry/SM1_F10_A010", "urdu_SM1", "angry", "M", None),
        ("Sad/SF11_F1_S001.wav", "urdu/Sad/SF11_F1_S001", "urdu_SF11", "sad", "F", None),
    ),
}  # fmt: skip
"""Files as their publishers name them, and the id, speaker, emotion, gender and sentence that they mean."""


def told_of(utterances: Iterable[Utterance]) -> set[tuple[str | None, ...]]:
    return {(item.id, item.speaker, item.emotion, item.gender, item.sentence) for item in utterances}


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_official_layout_and_a_table_tell_the_same(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "official"
    for path, *_ in OFFICIAL[name]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        write_recording(folder / path, tone(0.1, 440.0))
    (folder / "readme.txt").touch()
    (folder / "cover.wav").touch()  # a name that is none of the corpus's is left to `check`
    by_name = read_corpus(corpus_named(name), folder)
    assert told_of(by_name) == {row[1:] for row in OFFICIAL[name]}
    assert [item.duration for item in by_name] == [pytest.approx(0.1)] * len(OFFICIAL[name])
    assert all(Path(item.path).is_file() for item in by_name)
    for prefix in ("audio/", ""):  # a table may keep the publisher's folders, or put them under audio
        rows = tuple(
            (f"{prefix}{path}", who, gender, word, "", "0.1") for path, _, who, word, gender, _ in OFFICIAL[name]
        )
        by_table = corpus_named(name).scan(make_corpus(tmp_path / f"table {prefix.strip('/')}", rows=rows))
        assert told_of(by_table) == told_of(by_name)


PLACES = {"emodb": "wav/{}.wav", "ravdess": "{}.wav", "nemo": "samples/{}.wav", "urdu": "{}.wav"}
"""Where the publisher's archives hold an utterance."""


@pytest.mark.parametrize("name", PLACES)
def test_every_real_utterance_is_told_alike_by_its_table_and_its_name(name: str, data: Path, tmp_path: Path) -> None:
    corpus = corpus_named(name)
    by_table = corpus.scan(data / name)
    places = [tmp_path / PLACES[name].format(item.id.partition("/")[2]) for item in by_table]
    for folder in {place.parent for place in places}:
        folder.mkdir(parents=True, exist_ok=True)
    for place in places:
        place.touch()
    assert told_of(corpus.scan(tmp_path)) == told_of(by_table)


@every_corpus
def test_what_every_whole_copy_has_is_what_the_card_counts(name: str) -> None:
    corpus = corpus_named(name)
    if corpus.whole:
        named = [corpus.parse_name(item) for item in corpus.whole]
        assert [item.id for item in named] == list(corpus.whole)
        assert len(set(corpus.whole)) == len(corpus.whole) <= corpus.card.utterances
        if len(corpus.whole) == corpus.card.utterances:
            assert Counter(item.emotion for item in named) == corpus.card.counts


def test_the_speech_of_ravdess_is_known_whole() -> None:
    assert len(corpus_named("ravdess").whole) == 1440
    assert "Actor_24/03-01-08-02-02-02-24" in corpus_named("ravdess").whole


@every_corpus
def test_official_counts_add_up_and_exclusions_are_of_the_corpus(name: str) -> None:
    corpus = corpus_named(name)
    assert sum(corpus.card.counts.values()) in {0, corpus.card.utterances} or not corpus.whole
    assert all(canonical(word) == word for word in corpus.card.counts)
    for item in corpus.card.exclusions:
        owner, _, own = item.id.partition("/")
        assert owner == name
        assert item.reason.strip()
        assert corpus.parse_name is None or corpus.parse_name(own).id == own


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("emodb", ("wav/03a01Xa", "wav/04a01Fa", "wav/03a03Fa", "03a01Fa_denoised", "")),
        ("ravdess", ("03-02-01-01-01-01-01", "01-01-01-01-01-01-01", "03-01-01-02-01-01-01", "03-01-01-01-01-01-00",
                     "03-01-01-01-01-01-25", "03-01-09-01-01-01-01")),
        ("nemo", ("EB0_calm_1", "XX0_anger_1", "EB0_anger_")),
        ("urdu", ("SX1_F1_A1", "SM1_F1_B1", "SM1_A1")),
    ],
)  # fmt: skip
def test_names_that_are_none_of_the_corpus_are_not_known(name: str, odd: tuple[str, ...]) -> None:
    assert [corpus_named(name).parse_name(item) for item in odd] == [None] * len(odd)


def test_two_copies_of_an_utterance_are_refused_in_the_official_layout(tmp_path: Path) -> None:
    for place in ("wav/03a01Fa.wav", "copy/03a01Fa.wav"):
        (tmp_path / place).parent.mkdir()
        write_recording(tmp_path / place, tone(0.1, 440.0))
    refused(tmp_path, r"emodb: 1 utterances are there more than once, the first emodb/03a01Fa")


def test_hidden_files_and_folders_with_a_suffix_are_no_sound_but_dangling_links_are(tmp_path: Path) -> None:
    (tmp_path / "._03a01Fa.wav").touch()
    (tmp_path / ".trash").mkdir()
    (tmp_path / ".trash" / "03a01Na.wav").touch()
    (tmp_path / "03a01Wa.wav").mkdir()
    (tmp_path / "03a02Fc.WAV").symlink_to("nowhere.wav")
    assert [path.name for path in sound_files(tmp_path)] == ["03a02Fc.WAV"]
    refused(tmp_path, r"emodb: 1 of 1 files are missing, the first .*03a02Fc\.WAV")


def test_files_that_cannot_be_opened_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    write_recording(tmp_path / "03a01Fa.wav", tone(0.1, 440.0))
    (tmp_path / "03a01Na.wav").write_bytes(b"")
    (tmp_path / "03a01Wa.wav").write_bytes(b"nonsense" * 100)
    refused(
        tmp_path,
        r"emodb: 2 of 3 files cannot be opened, the first .*03a01Na\.wav: it is empty \(0 bytes\).*; "
        r"run `undertone corpus check emodb .*` for all of them",
    )


def test_reading_advances_once_an_utterance(tmp_path: Path) -> None:
    steps: list[None] = []
    read_corpus(corpus_named("emodb"), make_corpus(tmp_path), lambda: steps.append(None))
    assert len(steps) == len(ROWS)


def test_a_duration_is_what_was_told_or_what_lies_between_start_and_end(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "talk.wav", tone(3.0, 440.0))
    whole = Utterance(
        id="a/1", path=str(path), corpus="a", speaker="anna", language="de", emotion=None, duration=math.nan
    )
    assert measured(whole).duration == pytest.approx(3.0)
    assert measured(dataclasses.replace(whole, start=1.0)).duration == pytest.approx(2.0)
    assert measured(dataclasses.replace(whole, start=1.0, end=1.5)).duration == pytest.approx(0.5)
    assert measured(dataclasses.replace(whole, duration=7.0)).duration == 7.0


def card(**fields: object) -> CorpusCard:
    return dataclasses.replace(corpus_named("emodb").card, **fields)


def test_the_strictest_licence_of_the_corpora_is_that_of_the_weights() -> None:
    free, strict = card(licence="CC0"), card(licence="CC BY-NC-SA 4.0")
    assert licence_of([free]) == "CC BY 4.0"
    assert licence_of([free, strict]) == "CC BY-NC-SA 4.0"


def test_limits_say_what_was_really_trained_on() -> None:
    german, polish, english = card(language="de"), card(language="pl"), card(language="en")
    assert "acted speech of 5 speakers in German;" in limits_of([german], speakers=5, read=False)[0]
    three = limits_of([german, polish, english, german], speakers=9, read=True)
    assert "acted speech of 9 speakers in German, Polish and English;" in three[0]
    assert "calibrated on acted speech only" in three[0]
    assert "read speech was trained on as neutral" in three[1]
    heard = limits_of([dataclasses.replace(german, acted=False)], speakers=5, read=False)
    assert "from speech of 5 speakers" in heard[0]
    assert "read speech" not in "".join(heard)
