"""A user's own data: a table, an audformat database, or a folder for each label."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pages import ROOT, named, section

from undertone.corpora.base import measured, read_corpus
from undertone.corpora.check import Kind, check_corpus
from undertone.corpora.own import UNKNOWN_SPEAKER, own, own_corpus, speakers_known
from undertone.corpora.own_rows import safe_name
from undertone.corpora.own_table import COLUMNS, RATER
from undertone.errors import CorpusError
from undertone.records import Rating, Utterance
from undertone.testing.sounds import tone, write_recording


def sounds(folder: Path, *names: str) -> Path:
    """Write a short sound of its own for each name."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_recording(folder / name, tone(0.1 + 0.01 * number, 200.0 + 10 * number))
    return folder


def table(folder: Path, text: str, name: str = "My calls.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding=encoding)
    return path


def refused(path: Path, said: str, **options: str) -> None:
    with pytest.raises(CorpusError, match=said):
        own_corpus(path, **options)


def test_a_table_with_everything_is_read(tmp_path: Path) -> None:
    sounds(tmp_path, "wav/a.wav", "wav/b.wav")
    path = table(
        tmp_path,
        "File,EMOTION, Speaker ,sex,Transcript,prompt,lang,START,end_s,part,rater:Anna,Rater:ben,notes\n"
        'wav/a.wav,Anger,s1,female,"Ja, nein",p1,DE,0.01,0.05,dev,fear;anger,,x\n'
        "wav/b.wav,schadenfreude,s2,X,,,,,,test,,joy| sad ,\n",
    )
    card, utterances = own_corpus(path)
    assert utterances == (
        Utterance(
            id="my_calls/wav/a#0.010-0.050", path=str(tmp_path / "wav/a.wav"), corpus="my_calls", speaker="s1",
            language="de", emotion="angry", duration=pytest.approx(0.04), gender="F", text="Ja, nein", sentence="p1",
            start=0.01, end=0.05, split="validation", ratings=(Rating(rater="Anna", emotions=("fearful", "angry")),),
        ),
        utterances[1],
    )  # fmt: skip
    second = utterances[1]
    assert (second.id, second.emotion, second.gender, second.text) == ("my_calls/wav/b", "schadenfreude", "X", None)
    assert (second.language, second.split, second.start, second.end) == ("und", "test", 0.0, None)
    assert second.ratings == (Rating(rater="ben", emotions=("happy", "sad")),)
    assert math.isnan(second.duration)
    assert measured(second).duration == pytest.approx(0.11)
    assert (card.name, card.language, card.speakers, card.utterances) == ("my_calls", "mul", 2, 2)
    assert card.counts == {"angry": 1, "schadenfreude": 1}
    assert card.known_faults == ()
    assert not card.model_may_be_released
    assert speakers_known(utterances)


@pytest.mark.parametrize(("delimiter", "name"), [(",", "x.csv"), (";", "x.csv"), ("\t", "x.tsv")])
def test_delimiters_marks_and_paths_of_windows_are_understood(tmp_path: Path, delimiter: str, name: str) -> None:
    sounds(tmp_path, "wav/a.wav")
    lines = ("path", "label"), ("wav\\a.wav", "sad"), ("", "")
    text = "\ufeff" + "\r\n".join(delimiter.join(line) for line in lines) + "\r\n\r\n"
    (item,) = own_corpus(table(tmp_path, text, name))[1]
    assert (item.id, item.path, item.emotion) == ("x/wav/a", str(tmp_path / "wav/a.wav"), "sad")


def test_paths_may_be_absolute_or_above_the_table(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav", "b.wav")
    (tmp_path / "lists").mkdir()
    path = table(tmp_path / "lists", f"path,label\n{tmp_path / 'a.wav'},sad\n../b.wav,sad\n")
    utterances = own_corpus(path)[1]
    assert [Path(item.path).resolve() for item in utterances] == [tmp_path / "a.wav", tmp_path / "b.wav"]
    assert utterances[0].id == f"my_calls{tmp_path / 'a'}"


def test_a_folder_with_the_common_table_is_read_by_its_own_name(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "Pilot.v2", "audio/a.wav")
    table(folder, "file,speaker,gender,emotion,text,duration_s\naudio/a.wav,x,M,joy,hello,0.1\n", "metadata.csv")
    card, (item,) = own_corpus(folder)
    assert (card.name, item.id, item.emotion, item.gender) == ("pilot_v2", "pilot_v2/audio/a", "happy", "M")


def test_speakers_that_nobody_tells_are_unknown_and_that_is_seen(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav", "b.wav")
    card, utterances = own_corpus(table(tmp_path, "path,label\na.wav,sad\nb.wav,sad\n"))
    assert [item.speaker for item in utterances] == [UNKNOWN_SPEAKER] * 2
    assert not speakers_known(utterances)
    assert card.speakers == 0
    assert card.known_faults == (
        "nobody says who speaks in 2 of 2 utterances: whoever is trained on may be tested on as well",
    )
    card, utterances = own_corpus(table(tmp_path, "path,label,speaker\na.wav,sad,x\nb.wav,sad,\n"))
    assert not speakers_known(utterances)
    assert (card.speakers, card.known_faults[0][:44]) == (1, "nobody says who speaks in 1 of 2 utterances:")


def test_utterances_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav")
    card, utterances = own_corpus(table(tmp_path, "path,label,speaker\na.wav,sad,x\ngone.wav, ,x\n"))
    assert [item.id for item in utterances] == ["my_calls/a"]
    assert card.known_faults == ("1 of 2 utterances have no label and are left out",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"has no column for the path \(path, file, filename\) and the label \(label, emotion\); it holds none"),
        ("wav,emotion\n", r"no column for the path \(path, file, filename\); it holds wav, emotion\. Known are path, "),
        ("file,path,label\n", r"has the columns file and path, which both hold the path; keep one"),
        ("path,label\n", r"My calls\.csv has no rows; write one for every utterance"),
        ("path,label\na.wav,\n", r"none of 1 utterances has a label; write one beside each file"),
        ("path,label\na.wav,sad,really\n", r"row 1 of .* has 3 cells; it needs 2, one for every column"),
        ("path,label\na.wav\n", r"row 1 of .* has 1 cells; it needs 2"),
        ("path,label\n,sad\n", r"row 1 of .* names no file; write its path, relative to the table"),
        ("path,label,start\na.wav,sad,soon\n", r"row 1 of .* has the time 'soon'; it must be seconds from 0 on"),
        ("path,label,start\na.wav,sad,-1\n", r"has the time '-1'"),
        ("path,label,end\na.wav,sad,nan\n", r"has the time 'nan'"),
        ("path,label,end\na.wav,sad,inf\n", r"has the time 'inf'"),
        (
            "path,label,start,end\na.wav,sad,2,1.5\n",
            r"row 1 of .* runs from 2 s to 1\.5 s; it must end after it starts",
        ),
        ("path,label,end\na.wav,sad,0\n", r"runs from 0 s to 0 s"),
        ("path,label\na.wav,sad\na.wav,angry\n", r"1 utterances are there more than once, the first my_calls/a"),
        ("path,label\na.wav,sad\na.flac,sad\n", r"1 utterances are there more than once, the first my_calls/a"),
        (
            "path,label\na.wav,sad\nx.wav,sad\ny.wav,sad\n",
            r"2 of 3 files are missing, the first .*x\.wav; copy them anew",
        ),
        ('path,label\n"a.wav"x,sad\n', r"My calls\.csv cannot be read \(.*\); save it as CSV in UTF-8"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, text: str, said: str) -> None:
    sounds(tmp_path, "a.wav")
    refused(table(tmp_path, text), rf"^my_calls: .*{said}")


def test_a_table_in_another_encoding_or_a_sound_is_refused(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav")
    path = table(tmp_path, "path,label\na.wav,Trübsinn\n", encoding="cp1252")
    refused(path, r"my_calls: .*My calls\.csv cannot be read \(.*\); save it as CSV in UTF-8")
    refused(tmp_path / "a.wav", r"^a: .*a\.wav (cannot be read|has no column)")


def test_stretches_of_one_file_are_utterances_of_their_own(tmp_path: Path) -> None:
    sounds(tmp_path, "a.wav")
    path = table(tmp_path, "path,label,start,end\na.wav,sad,0,0.05\na.wav,angry,0.05,\na.wav,neutral,,\n")
    assert [item.id for item in own_corpus(path)[1]] == ["my_calls/a#0.000-0.050", "my_calls/a#0.050", "my_calls/a"]


def test_a_path_with_nothing_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "gone.csv", r"gone_csv: .*gone\.csv does not exist; name a table \(CSV, TSV\) or a folder")
    refused(tmp_path, r"holds no sound; name a table or a folder with a folder for each label")


@pytest.mark.parametrize(
    ("words", "name"),
    [("Mein Korpus (2)", "mein_korpus_2"), ("emodb", "own_emodb"), ("…", "own"), ("", "own"), ("a__b", "a_b")],
)
def test_names_are_made_safe(words: str, name: str) -> None:
    assert safe_name(words) == name


def test_a_name_can_be_chosen(tmp_path: Path) -> None:
    card, utterances = own_corpus(sounds(tmp_path, "sad/a.wav"), name="Pilot")
    assert (card.name, utterances[0].id) == ("pilot", "pilot/sad/a")


def test_a_folder_for_each_label_is_read(tmp_path: Path) -> None:
    card, utterances = own_corpus(sounds(tmp_path / "mine", "Anger/1.wav", "Anger/2.wav", "sadness/1.wav"))
    assert [(item.id, item.emotion, item.speaker) for item in utterances] == [
        ("mine/Anger/1", "angry", UNKNOWN_SPEAKER),
        ("mine/Anger/2", "angry", UNKNOWN_SPEAKER),
        ("mine/sadness/1", "sad", UNKNOWN_SPEAKER),
    ]
    assert card.counts == {"angry": 2, "sad": 1}


def test_one_folder_between_label_and_file_is_the_speaker(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "mine", "anger/anna/1.wav", "anger/ben/1.wav", "sad/anna/1.wav")
    card, utterances = own_corpus(folder)
    assert [item.speaker for item in utterances] == ["anna", "ben", "anna"]
    assert speakers_known(utterances)
    assert card.speakers == 2


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ("a.wav",),
            r"1 of 1 files lie elsewhere than the others or than is read, the first a\.wav; all must lie as lab",
        ),
        (("sad/a.wav", "sad/anna/b.wav"), r"1 of 2 files lie elsewhere .* the first sad/anna/b\.wav"),
        (("sad/anna/day/b.wav",), r"the first sad/anna/day/b\.wav; all must .*\. Otherwise write a table"),
    ],
)
def test_other_depths_are_not_guessed(tmp_path: Path, names: tuple[str, ...], said: str) -> None:
    refused(sounds(tmp_path, *names), said)


def test_own_data_can_be_read_and_checked_like_a_corpus(tmp_path: Path) -> None:
    folder = sounds(tmp_path / "mine", "sad/a.wav", "sad/b.wav", "angry/a.wav")
    corpus = own(folder)
    assert [item.duration for item in read_corpus(corpus, folder)] == [pytest.approx(0.1 + n / 100) for n in (2, 0, 1)]
    assert check_corpus(corpus, folder).findings == ()
    (folder / "angry" / "a.wav").write_bytes((folder / "sad" / "a.wav").read_bytes())
    (finding,) = check_corpus(corpus, folder).findings
    assert (finding.kind, finding.name) == (Kind.DUPLICATE, "mine/angry/a")
    assert finding.detail == "the same bytes as mine/sad/a; exclude all: they are called angry and sad"
    listed = table(folder, "path,label\nsad/a.wav,sad\n")
    assert check_corpus(own(listed), listed).findings == (), "what a table does not list is not asked for"


def test_the_page_about_own_data_tells_every_spelling() -> None:
    told = named(section(ROOT / "docs" / "how-to" / "own-corpus.md", "A table"))
    assert {spelling for spellings in COLUMNS.values() for spelling in spellings} | {f"{RATER}NAME"} <= told


def test_every_accepted_spelling_stands_for_one_thing() -> None:
    spellings = [spelling for meaning in COLUMNS.values() for spelling in meaning]
    assert len(set(spellings)) == len(spellings)
    assert all(meaning in spellings for meaning, spellings in COLUMNS.items())
