"""Every registered corpus: its card, its reader, and the real recordings where they are at hand; and who is tested."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.corpora.base import CorpusCard, read_corpus
from undertone.corpora.layouts import COLUMNS
from undertone.corpora.protocols import Fold, HeldOut, fold_by_speaker, protocol_hash, shared_speakers
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.errors import ConfigError, CorpusError
from undertone.experiments.words import LANGUAGES, licence_of, limits_of
from undertone.labels import EMOTIONS
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
    card = corpus_named(name).card
    found = read_corpus(corpus_named(name), data / name)
    assert len(found) == card.utterances
    assert len({item.speaker for item in found}) == card.speakers
    assert len({item.id for item in found}) == len(found)
    assert {item.label for item in found} <= {*EMOTIONS, None}
    assert {item.language for item in found} == {card.language}
    assert all(item.duration > 0 for item in found)


def test_an_unknown_corpus_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        CorpusError, match=r"iemocap: no such corpus; known are emodb, kathleen_arctic, .*urdu"
    ) as caught:
        corpus_named("iemocap")
    assert caught.value.corpus == "iemocap"


def refused(folder: Path, said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        read_corpus(corpus_named("emodb"), folder)


def test_a_folder_without_a_table_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, r"emodb: .*metadata\.csv is missing; name the folder that holds metadata\.csv")


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
    refused(tmp_path, r"emodb: 2 of 4 files are missing, the first audio/one/b\.wav; copy them anew")


def test_two_rows_of_one_utterance_are_refused(tmp_path: Path) -> None:
    make_corpus(tmp_path, rows=(*ROWS, ("audio/one/a.flac", *ROWS[0][1:])))
    refused(tmp_path, r"1 files stand in metadata\.csv twice, the first emodb/one/a; keep one row")


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


def utterance(number: int, corpus: str, speaker: str, label: str | None = "sad") -> Utterance:
    return Utterance(
        id=f"{corpus}/{number}", path="x", corpus=corpus, speaker=speaker, language="de", emotion=label, duration=1.0
    )


SPEAKERS = tuple(f"speaker {number}" for number in range(6))


@st.composite
def corpora_and_protocols(draw: st.DrawFn) -> tuple[list[Utterance], dict[str, HeldOut]]:
    """Draw utterances of two corpora whose speakers have the same names, and whom to hold out."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.sampled_from(SPEAKERS), st.sampled_from([None, "sad", "angry"])),
            max_size=40,
        )
    )
    utterances = [utterance(number, *item) for number, item in enumerate(drawn)]
    held_out = {}
    for corpus in sorted({item.corpus for item in utterances if item.label}):
        known = sorted({item.speaker for item in utterances if item.corpus == corpus and item.label})
        chosen = draw(st.lists(st.sampled_from(known), unique=True))
        cut = draw(st.integers(0, len(chosen)))
        held_out[corpus] = HeldOut(validation=tuple(chosen[:cut]), test=tuple(chosen[cut:]))
    return utterances, held_out


@given(drawn=corpora_and_protocols())
def test_parts_share_no_speaker_and_lose_no_labelled_utterance(
    drawn: tuple[list[Utterance], dict[str, HeldOut]],
) -> None:
    utterances, held_out = drawn
    fold = fold_by_speaker(utterances, held_out)
    who = {item.id: (item.corpus, item.speaker) for item in utterances}
    train, validation, test = ({who[item] for item in part} for part in fold.parts().values())
    assert not train & validation
    assert not train & test
    assert not validation & test
    everything = [item for part in fold.parts().values() for item in part]
    assert sorted(everything) == sorted(item.id for item in utterances if item.label)
    for corpus, speakers in held_out.items():
        assert test >= {(corpus, speaker) for speaker in speakers.test}
        assert validation >= {(corpus, speaker) for speaker in speakers.validation}
    assert shared_speakers(fold, utterances) == frozenset()


@given(drawn=corpora_and_protocols(), seed=st.integers(0, 2**32 - 1))
def test_the_hash_does_not_depend_on_the_order_of_anything(
    drawn: tuple[list[Utterance], dict[str, HeldOut]], seed: int
) -> None:
    utterances, held_out = drawn
    fold = fold_by_speaker(utterances, held_out)
    rng = np.random.default_rng(seed)
    shuffled = [utterances[index] for index in rng.permutation(len(utterances))]
    assert protocol_hash([fold_by_speaker(shuffled, dict(reversed(held_out.items())))]) == protocol_hash([fold])
    mixed = Fold(**{name: tuple(np.array(ids)[rng.permutation(len(ids))]) for name, ids in fold.parts().items()})
    assert protocol_hash([mixed]) == protocol_hash([fold])


@given(
    first=st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=3), min_size=3, max_size=3),
    second=st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=3), min_size=3, max_size=3),
)
def test_the_hash_changes_exactly_if_membership_does(first: list[list[str]], second: list[list[str]]) -> None:
    folds = [Fold(train=tuple(a), validation=tuple(b), test=tuple(c)) for a, b, c in (first, second)]
    same = [set(part) for part in first] == [set(part) for part in second]
    assert (protocol_hash(folds[:1]) == protocol_hash(folds[1:])) == same


def test_the_hash_knows_which_fold_is_which() -> None:
    one = Fold(train=("a",), validation=("b",), test=("c",))
    other = Fold(train=("c",), validation=("b",), test=("a",))
    hashes = {protocol_hash([one]), protocol_hash([one, other]), protocol_hash([other, one])}
    assert len(hashes) == 3
    assert all(re.fullmatch(r"[0-9a-f]{12}", value) for value in hashes)


def test_a_hash_is_what_it_was_when_results_were_published() -> None:
    written_out = hashlib.sha256(b"0\ttrain\ta/1\n0\tvalidation\ta/2\n0\ttest\ta/3\n").hexdigest()
    assert protocol_hash([Fold(train=("a/1",), validation=("a/2",), test=("a/3",))]) == written_out[:12]


def test_held_out_speakers_that_are_wrong_are_all_named_at_once() -> None:
    utterances = [utterance(1, "a", "anna"), utterance(2, "a", "ben"), utterance(3, "b", "ben", label=None)]
    held_out = {
        "a": HeldOut(validation=("anna", "ben", "cleo"), test=("ben", "anna")),
        "b": HeldOut(validation=(), test=("ben",)),
        "c": HeldOut(validation=("anna",), test=()),
    }
    with pytest.raises(ConfigError, match=r"^protocol: a has no speaker cleo; b has no speaker ben;") as caught:
        fold_by_speaker(utterances, held_out)
    assert caught.value.problems == (
        "a has no speaker cleo",
        "b has no speaker ben",
        "c has no speaker anna",
        "a holds speaker anna out for validation and for test",
        "a holds speaker ben out for validation and for test",
    )


def test_speakers_that_are_heard_before_the_test_are_found() -> None:
    utterances = [utterance(number, corpus, speaker) for number, (corpus, speaker) in enumerate(
        [("a", "anna"), ("a", "anna"), ("a", "ben"), ("a", "ben"), ("b", "anna"), ("a", "cleo")]
    )]  # fmt: skip
    ids = [item.id for item in utterances]
    fold = Fold(train=(ids[0],), validation=(ids[2],), test=(ids[1], ids[3], ids[4], ids[5]))
    assert shared_speakers(fold, utterances) == frozenset({"a/anna", "a/ben"})
