"""A user's own data as an audformat database, written by audformat itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from undertone.corpora.own import UNKNOWN_SPEAKER, own_corpus, speakers_known
from undertone.errors import CorpusError, MissingExtraError
from undertone.testing.sounds import tone, write_recording

audformat = pytest.importorskip("audformat")

# audformat 1.4 calls pandas in a way that pandas 3 warns about.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

FILES = ("wav/1.wav", "wav/2.wav", "wav/3.wav", "wav/4.wav")


def column(table: Any, name: str, scheme: str | None, values: list[object], rater: str | None = None) -> None:
    table[name] = audformat.Column(scheme_id=scheme, rater_id=rater)
    table[name].set(values)


def database(*, speaker: bool = True) -> Any:
    """Emotions in one table, who speaks in another, the parts in two more."""
    made = audformat.Database("mine")
    made.schemes["emotion"] = audformat.Scheme("str", labels=["anger", "happiness", "boredom"])
    made["emotion"] = audformat.Table(audformat.filewise_index(list(FILES)))
    column(made["emotion"], "emotion", "emotion", ["anger", "happiness", "boredom", None])
    if speaker:
        people = {"anna": {"gender": "female", "language": "deu"}, "ben": {"gender": "male", "language": "deu"}}
        made.schemes["speaker"] = audformat.Scheme("str", labels=people)
        made.schemes["transcription"] = audformat.Scheme("str")
        made["files"] = audformat.Table(audformat.filewise_index(list(FILES)))
        column(made["files"], "speaker", "speaker", ["anna", "ben", "anna", "ben"])
        column(made["files"], "transcription", "transcription", ["ja", "nein", "", None])
    for name, kind, files in (("train", "train", FILES[:2]), ("fold-2", "dev", FILES[2:])):
        made.splits[name] = audformat.Split(kind)
        made[f"emotion.{name}"] = audformat.Table(audformat.filewise_index(list(files)), split_id=name)
        labels = made["emotion"]["emotion"].get(audformat.filewise_index(list(files)))
        column(made[f"emotion.{name}"], "emotion", "emotion", list(labels))
    return made


def save(made: Any, folder: Path, form: str = "parquet") -> Path:
    folder.mkdir(exist_ok=True)
    for number, file in enumerate(made.files):
        (folder / file).parent.mkdir(exist_ok=True)
        write_recording(folder / file, tone(0.5 + 0.1 * number, 300.0))
    made.save(str(folder), storage_format=form)
    return folder


def refused(folder: Path, said: str, **options: str) -> None:
    with pytest.raises(CorpusError, match=said):
        own_corpus(folder, **options)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_emotion_speaker_text_and_parts_are_gathered_from_all_tables(tmp_path: Path, form: str) -> None:
    card, utterances = own_corpus(save(database(), tmp_path / "mine", form))
    told = [
        (item.id, item.emotion, item.speaker, item.gender, item.language, item.text, item.split) for item in utterances
    ]
    assert told == [
        ("mine/wav/1", "angry", "anna", "F", "deu", "ja", "train"),
        ("mine/wav/2", "happy", "ben", "M", "deu", "nein", "train"),
        ("mine/wav/3", "bored", "anna", "F", "deu", None, "validation"),
    ]
    assert all(Path(item.path).is_file() for item in utterances)
    assert (card.title, card.speakers, card.language) == ("mine, an audformat database", 2, "deu")
    assert card.known_faults == ("1 of 4 utterances have no label and are left out",)


def test_without_a_scheme_for_speakers_they_are_unknown(tmp_path: Path) -> None:
    utterances = own_corpus(save(database(speaker=False), tmp_path / "mine"))[1]
    assert {item.speaker for item in utterances} == {UNKNOWN_SPEAKER}
    assert {(item.gender, item.text) for item in utterances} == {(None, None)}
    assert not speakers_known(utterances)


def segmented() -> Any:
    made = audformat.Database("talk")
    made.schemes["Emotion"] = audformat.Scheme("str", labels={"A": "anger", "H": "happy"})
    made["segments"] = audformat.Table(audformat.segmented_index(["a.wav"] * 3, [0, 0.1, 0.2], [0.1, 0.2, None]))
    column(made["segments"], "vote", "Emotion", ["A", "H", "A"])
    return made


def test_segments_keep_their_times_and_labels_are_spelled_out(tmp_path: Path) -> None:
    utterances = own_corpus(save(segmented(), tmp_path / "talk"))[1]
    assert [(item.id, item.emotion, item.start, item.end) for item in utterances] == [
        ("talk/a#0.000-0.100", "angry", 0.0, 0.1),
        ("talk/a#0.100-0.200", "happy", 0.1, 0.2),
        ("talk/a#0.200", "angry", 0.2, None),
    ]


def test_speakers_whose_facts_stand_in_a_table_of_their_own_are_read(tmp_path: Path) -> None:
    made = audformat.Database("mine")
    made["speaker"] = audformat.MiscTable(_people())
    column(made["speaker"], "gender", None, ["female", "male"])
    made.schemes["speaker"] = audformat.Scheme("str", labels="speaker")
    made.schemes["emotion"] = audformat.Scheme("str")
    made["all"] = audformat.Table(audformat.filewise_index(list(FILES[:2])))
    column(made["all"], "emotion", "emotion", ["anger", "anger"])
    column(made["all"], "speaker", "speaker", ["anna", "ben"])
    utterances = own_corpus(save(made, tmp_path / "mine"))[1]
    assert [(item.speaker, item.gender) for item in utterances] == [("anna", "F"), ("ben", "M")]


def _people() -> Any:
    import pandas as pd

    return pd.Index(["anna", "ben"], dtype="string", name="speaker")


def test_nothing_called_emotion_is_refused_with_what_there_is(tmp_path: Path) -> None:
    made = audformat.Database("mine")
    made.schemes["mood"] = audformat.Scheme("str")
    made["all"] = audformat.Table(audformat.filewise_index(list(FILES[:1])))
    column(made["all"], "vote", "mood", ["anger"])
    refused(
        save(made, tmp_path / "mine"),
        r"^mine: .*db\.yaml has no scheme or column called emotion or label; it has mood, vote\. Rename the one",
    )


def test_tables_that_contradict_each_other_are_refused_until_one_is_chosen(tmp_path: Path) -> None:
    made = database()
    made["second"] = audformat.Table(audformat.filewise_index(list(FILES[:1])))
    column(made["second"], "emotion", "emotion", ["boredom"])
    folder = save(made, tmp_path / "mine")
    refused(folder, r"cannot be read: .*overlapping.*; choose one of its tables emotion, .*second, or mend it")
    assert [item.emotion for item in own_corpus(folder, table="second")[1]] == ["bored"]
    assert len(own_corpus(folder, table="emotion")[1]) == 3
    refused(folder, r"it has no table 'third'; it has emotion, .*files, second", table="third")


def test_a_table_is_chosen_of_databases_only(tmp_path: Path) -> None:
    refused(tmp_path, r"is no audformat database, so it has no table 'gold'; leave the table out", table="gold")


def test_nothing_that_could_run_code_is_loaded(tmp_path: Path) -> None:
    folder = save(database(), tmp_path / "mine", "pkl")
    refused(
        folder, r"holds pickled tables, the first db\.emotion\.fold-2\.pkl, which could run code; save them as csv or"
    )
    folder = save(database(), tmp_path / "other")
    (folder / "db.yaml").write_text(
        f"!!python/object/apply:pathlib.Path.touch [{tmp_path / 'ran'}]\n", encoding="utf-8"
    )
    refused(folder, r"db\.yaml is no header that is read \(could not determine a constructor for the tag")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("text", ["[1, 2]\n", "name: mine\n", "name: [\n"])
def test_a_header_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "db.yaml").write_text(text, encoding="utf-8")
    refused(tmp_path, r"db\.yaml is no header that is read \(.+\); save the database with audformat again")


def test_a_header_without_its_tables_is_refused(tmp_path: Path) -> None:
    folder = save(database(), tmp_path / "mine", "csv")
    (folder / "db.emotion.csv").unlink()
    refused(folder, r"the emotions of .*db\.yaml cannot be read: No file found for table")


def test_without_audformat_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(database(), tmp_path / "mine")
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(
        MissingExtraError, match=r"^reading audformat databases needs .*pip install 'undertone\[audformat\]'"
    ):
        own_corpus(folder)
