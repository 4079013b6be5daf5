"""Checking a corpus: every fault is found and told, none is invented, and none stops the check."""

from __future__ import annotations

import csv
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT, rows, section

from undertone.corpora.base import Corpus, CorpusCard, Exclusion
from undertone.corpora.check import KINDS, LENGTH_TOLERANCE, MANY, SILENCE_DB, Finding, Kind, Report, check_corpus
from undertone.corpora.hearing import hear
from undertone.corpora.layouts import COLUMNS
from undertone.corpora.registry import corpus_named
from undertone.errors import AudioError, ConfigError, CorpusError
from undertone.records import Utterance
from undertone.testing.sounds import tone, write_recording

NAMES = ("03a01Fa", "03a01Wa", "08a02Na", "09b10Ta")


def emodb(count: int = len(NAMES), **emotions: int) -> Corpus:
    """EmoDB as it would be if it had so few utterances."""
    corpus = corpus_named("emodb")
    return replace(corpus, card=replace(corpus.card, utterances=count, counts=emotions))


def make_official(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    """Write files as the publisher names them, each with a sound and a length of its own."""
    (folder / "wav").mkdir(parents=True)
    for number, name in enumerate(names):
        write_recording(folder / "wav" / f"{name}.wav", tone(0.2 + 0.01 * number, 200.0 + number))
    return folder


def make_table(folder: Path, rows: list[tuple[str, str, str]]) -> Path:
    """List the files with emotions and lengths in a table beside them."""
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for name, emotion, length in rows:
            writer.writerow((name, "emodb_03", "M", emotion, "", length))
    return folder


def found(report: Report) -> list[tuple[Kind, str]]:
    return [(item.kind, item.name) for item in report.findings]


def the(report: Report, kind: Kind) -> Finding:
    (finding,) = (item for item in report.findings if item.kind is kind)
    return finding


def test_a_whole_corpus_has_no_findings(tmp_path: Path) -> None:
    steps: list[None] = []
    folder = make_official(tmp_path)
    report = check_corpus(emodb(happy=1, angry=1, neutral=1, sad=1), folder, (), lambda: steps.append(None))
    assert report.findings == ()
    assert report.counts == {}
    assert (report.corpus, report.folder, report.utterances, report.files) == ("emodb", str(folder), 4, 4)
    assert report.duration == pytest.approx(0.2 + 0.21 + 0.22 + 0.23)
    assert len(steps) == 4


def test_a_file_that_the_table_names_is_missing(tmp_path: Path) -> None:
    make_table(
        make_official(tmp_path, NAMES[:1]), [("wav/03a01Fa.wav", "happy", "0.2"), ("wav/03a01Wa.wav", "anger", "1")]
    )
    report = check_corpus(emodb(2), tmp_path)
    assert found(report) == [(Kind.MISSING, "emodb/03a01Wa")]
    assert the(report, Kind.MISSING).detail.endswith("03a01Wa.wav is not there; copy it anew")


def test_a_link_that_leads_nowhere_is_missing(tmp_path: Path) -> None:
    make_official(tmp_path, NAMES[:1])
    (tmp_path / "wav" / "03a01Wa.wav").symlink_to("annexed")
    assert found(check_corpus(emodb(2), tmp_path)) == [(Kind.MISSING, "emodb/03a01Wa")]


def test_what_the_design_of_a_corpus_asks_for_is_missing_by_name(tmp_path: Path) -> None:
    corpus = replace(emodb(3), whole=("03a01Fa", "03a01Wa", "08a02Na"))
    make_official(tmp_path, NAMES[:2])
    report = check_corpus(corpus, tmp_path)
    assert found(report) == [(Kind.MISSING, "emodb/08a02Na"), (Kind.WRONG_COUNT, "emodb")]
    assert the(report, Kind.MISSING).detail == "every whole copy has it; get it from the publisher again"
    assert the(report, Kind.WRONG_COUNT).detail == "2 utterances; its publisher counted 3"
    excluded = (Exclusion(id="emodb/08a02Na", reason="lost with the disk"),)
    assert check_corpus(corpus, tmp_path, excluded).findings == (), "what is left out on purpose counts as present"


def test_sound_that_is_not_of_the_corpus_is_extra(tmp_path: Path) -> None:
    make_official(tmp_path)
    write_recording(tmp_path / "wav" / "03a01Fa copy.wav", tone(0.3, 300.0))
    (tmp_path / "readme.txt").touch()
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.EXTRA, "wav/03a01Fa copy.wav")]
    assert the(report, Kind.EXTRA).detail == "its name is none of the corpus's; move it elsewhere"
    assert check_corpus(replace(emodb(), lists_all=False), tmp_path).findings == ()
    make_table(tmp_path, [(f"wav/{name}.wav", "", f"{0.2 + 0.01 * n}") for n, name in enumerate(NAMES[:3])])
    report = check_corpus(emodb(3), tmp_path)
    assert [(kind, name) for kind, name in found(report) if kind is Kind.EXTRA] == [
        (Kind.EXTRA, "wav/03a01Fa copy.wav"), (Kind.EXTRA, "wav/09b10Ta.wav"),
    ]  # fmt: skip
    assert {item.detail for item in report.findings if item.kind is Kind.EXTRA} == {
        "metadata.csv does not list it; move it elsewhere"
    }


def test_files_that_cannot_be_decoded_are_told_apart_and_stop_nothing(tmp_path: Path) -> None:
    names = tuple(f"03a0{sentence}{emotion}a" for sentence in (1, 2) for emotion in "FWNT")
    make_official(tmp_path, names)
    wav = tmp_path / "wav"
    (wav / "03a01Fa.wav").write_bytes(b"")
    write_recording(wav / "03a01Wa.wav", np.zeros(0, dtype=np.float32))
    whole = (wav / "03a01Na.wav").read_bytes()
    (wav / "03a01Na.wav").write_bytes(whole[: len(whole) // 2])
    (wav / "03a01Ta.wav").write_bytes(b"<html>404</html>" * 50)
    (wav / "03a02Fa.wav").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", encoding="ascii"
    )
    sound = tone(0.5, 300.0)
    sound[4000] = math.nan
    write_recording(wav / "03a02Wa.wav", sound, subtype="FLOAT")
    report = check_corpus(emodb(8), tmp_path)
    assert found(report) == [
        (Kind.LFS_POINTER, "emodb/03a02Fa"),
        (Kind.EMPTY, "emodb/03a01Fa"),
        (Kind.EMPTY, "emodb/03a01Wa"),
        (Kind.TRUNCATED, "emodb/03a01Na"),
        (Kind.UNREADABLE, "emodb/03a01Ta"),
        (Kind.NOT_FINITE, "emodb/03a02Wa"),
    ]
    assert report.files == 2
    assert report.counts[Kind.EMPTY] == 2
    assert "run `git lfs pull`" in the(report, Kind.LFS_POINTER).detail
    assert "it is empty (0 bytes)" in report.findings[1].detail
    assert "of the 0.22 s that it promises" in the(report, Kind.TRUNCATED).detail
    assert "at 0.250 s is not a number" in the(report, Kind.NOT_FINITE).detail


def test_a_real_pointer_is_known_as_one(data: Path, tmp_path: Path) -> None:
    make_official(tmp_path, NAMES[:1])
    shutil.copy(data / "cremad_metadata" / "lfs_pointer_example.wav", tmp_path / "wav" / "03a01Wa.wav")
    assert found(check_corpus(emodb(2), tmp_path)) == [(Kind.LFS_POINTER, "emodb/03a01Wa")]


@pytest.mark.skipif(os.geteuid() == 0, reason="the administrator may read everything")
def test_a_file_that_may_not_be_read_is_unreadable(tmp_path: Path) -> None:
    make_official(tmp_path, NAMES[:1])
    (tmp_path / "wav" / "03a01Fa.wav").chmod(0)
    assert found(check_corpus(emodb(1), tmp_path)) == [(Kind.UNREADABLE, "emodb/03a01Fa")]


def test_the_page_about_checking_tells_every_kind_and_the_constants() -> None:
    table = section(ROOT / "docs" / "how-to" / "check-a-corpus.md", "What is found")
    told = {row[0].strip("`"): row[1] for row in rows(table)[2:]}
    assert list(told) == [str(kind) for kind in Kind]
    assert f"under {SILENCE_DB:g} dBFS".replace("-", "−") in told[Kind.SILENT]
    assert f"more than {1000 * LENGTH_TOLERANCE:g} ms" in told[Kind.WRONG_LENGTH]
    assert f"more than {MANY} files" in told[Kind.UNIFORM_LENGTH]


def test_every_error_of_decoding_has_a_kind() -> None:
    assert set(KINDS.values()) == {Kind.EMPTY, Kind.TRUNCATED, Kind.NOT_FINITE}
    assert all(issubclass(error, AudioError) for error in KINDS)


def test_silence_is_found_and_a_whisper_is_not(tmp_path: Path) -> None:
    make_official(tmp_path)
    steps = 2.0**-15
    quiet = {"03a01Fa": 0.0, "03a01Wa": 0.5, "08a02Na": steps, "09b10Ta": 10 ** ((SILENCE_DB + 6) / 20)}
    for number, (name, amplitude) in enumerate(quiet.items()):
        sound = tone(0.2 + 0.01 * number, 200.0, amplitude=amplitude) + (0.25 if name == "03a01Fa" else 0.0)
        write_recording(tmp_path / "wav" / f"{name}.wav", sound.astype(np.float32), subtype="FLOAT")
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.SILENT, "emodb/03a01Fa"), (Kind.SILENT, "emodb/08a02Na")]
    assert report.findings[0].detail == "all its samples are the same; nobody can be heard"
    assert report.findings[1].detail == "its level is -93.3 dBFS; nobody can be heard"


def test_the_same_sound_twice_is_found_with_all_its_names(tmp_path: Path) -> None:
    make_official(tmp_path)
    wav = tmp_path / "wav"
    shutil.copy(wav / "03a01Fa.wav", wav / "03a02Fc.wav")
    shutil.copy(wav / "03a01Fa.wav", wav / "03a04Fd.wav")
    report = check_corpus(emodb(6), tmp_path)
    assert found(report) == [(Kind.DUPLICATE, "emodb/03a01Fa")]
    assert report.findings[0].detail == "the same bytes as emodb/03a02Fc, emodb/03a04Fd; exclude all but one"
    excluded = tuple(Exclusion(id=f"emodb/{name}", reason="a copy") for name in ("03a02Fc", "03a04Fd"))
    assert found(check_corpus(emodb(6), tmp_path, excluded[:1])) == [(Kind.DUPLICATE, "emodb/03a01Fa")]
    report = check_corpus(emodb(6), tmp_path, excluded)
    assert report.findings == ()
    assert report.exclusions == excluded
    assert (report.utterances, report.files) == (6, 4)


def test_the_same_sound_in_other_bytes_is_found_and_contradicting_labels_are_told(tmp_path: Path) -> None:
    make_official(tmp_path)
    samples = np.round(tone(0.3, 300.0) * 2**14) / np.float32(2**15)
    write_recording(tmp_path / "wav" / "03a01Fa.wav", samples)
    write_recording(tmp_path / "wav" / "03a01Wa.flac", samples)
    (tmp_path / "wav" / "03a01Wa.wav").unlink()
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.DUPLICATE, "emodb/03a01Fa")]
    assert report.findings[0].detail == (
        "the same sound, in other bytes, as emodb/03a01Wa; exclude all: they are called angry and happy"
    )


def test_another_rate_than_the_publishers_is_found(tmp_path: Path) -> None:
    make_official(tmp_path)
    write_recording(tmp_path / "wav" / "03a01Wa.wav", tone(0.21, 300.0, sample_rate=22_050), 22_050)
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.WRONG_RATE, "emodb/03a01Wa")]
    assert report.findings[0].detail == "it is at 22050 Hz; the publisher's are at 16000 Hz"


def test_a_converted_copy_is_one_finding_and_none_beside_a_table(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    for number, name in enumerate(NAMES):
        write_recording(tmp_path / "wav" / f"{name}.wav", tone(0.2 + 0.1 * number, 300.0, sample_rate=8000), 8000)
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.WRONG_RATE, "emodb")]
    assert report.findings[0].detail == (
        "all 4 files are at 8000 Hz; the publisher's are at 16000 Hz: they were converted, list them in metadata.csv"
    )
    words = ("happy", "angry", "neutral", "sad")
    make_table(
        tmp_path,
        [
            (f"wav/{name}.wav", word, f"{0.2 + 0.1 * n}")
            for n, (name, word) in enumerate(zip(NAMES, words, strict=True))
        ],
    )
    assert check_corpus(emodb(), tmp_path).findings == ()
    write_recording(tmp_path / "wav" / "08a02Na.wav", tone(0.4, 250.0))
    report = check_corpus(emodb(), tmp_path)
    assert found(report) == [(Kind.WRONG_RATE, "emodb/08a02Na")]
    assert report.findings[0].detail == "it is at 16000 Hz; 3 files are at 8000 Hz"


@pytest.mark.parametrize(("told", "wrong"), [("0.200", False), ("0.219", False), ("0.221", True), ("0.179", True)])
def test_a_length_that_is_not_the_tables_is_found(tmp_path: Path, told: str, wrong: bool) -> None:
    make_table(make_official(tmp_path, NAMES[:1]), [("wav/03a01Fa.wav", "happy", told)])
    report = check_corpus(emodb(1), tmp_path)
    assert found(report) == [(Kind.WRONG_LENGTH, "emodb/03a01Fa")] * wrong
    assert [item.detail for item in report.findings] == [f"it lasts 0.200 s; the table says {told} s"] * wrong


@pytest.mark.parametrize("count", [MANY, MANY + 1])
def test_many_files_of_one_length_are_found(tmp_path: Path, count: int) -> None:
    names = [
        f"{speaker:02}{sentence}Na"
        for speaker in (3, 8, 9)
        for sentence in ("a01", "a02", "a04", "a05", "a07", "b01", "b02")
    ]
    (tmp_path / "wav").mkdir()
    for number, name in enumerate(names[:count]):
        write_recording(tmp_path / "wav" / f"{name}.wav", tone(0.1, 200.0 + number))
    report = check_corpus(emodb(count), tmp_path)
    if count <= MANY:
        assert report.findings == ()
        return
    assert found(report) == [(Kind.UNIFORM_LENGTH, "emodb")]
    assert report.findings[0].detail == "all 21 files last 0.100 s exactly: they were cut or padded; get the original"
    write_recording(tmp_path / "wav" / f"{names[0]}.wav", tone(0.101, 200.0))
    assert check_corpus(emodb(count), tmp_path).findings == ()


def test_an_emotion_that_is_not_the_names_is_found(tmp_path: Path) -> None:
    make_table(
        make_official(tmp_path, NAMES[:2]), [("wav/03a01Fa.wav", "sadness", "0.2"), ("wav/03a01Wa.wav", "", "0.21")]
    )
    report = check_corpus(emodb(2), tmp_path)
    assert found(report) == [(Kind.WRONG_EMOTION, "emodb/03a01Fa"), (Kind.WRONG_EMOTION, "emodb/03a01Wa")]
    assert [item.detail for item in report.findings] == [
        "the table says sad, the file's name happy", "the table says nothing, the file's name angry",
    ]  # fmt: skip


def test_counts_are_compared_in_all_and_by_emotion(tmp_path: Path) -> None:
    make_official(tmp_path)
    report = check_corpus(emodb(5, happy=2, angry=1, neutral=1, bored=1), tmp_path)
    assert found(report) == [(Kind.WRONG_COUNT, name) for name in ("bored", "emodb", "happy", "sad")]
    assert [item.detail for item in report.findings] == [
        "0 utterances of this emotion; the publisher counted 1",
        "4 utterances; its publisher counted 5",
        "1 utterances of this emotion; the publisher counted 2",
        "1 utterances of this emotion; the publisher counted 0",
    ]
    partly = check_corpus(emodb(4, happy=1, angry=1), tmp_path)
    assert partly.findings == (), "where not all emotions were counted, the others are no fault"


def test_an_exclusion_of_what_is_not_there_makes_the_count_whole(tmp_path: Path) -> None:
    make_official(tmp_path, NAMES[:3])
    corpus = emodb(happy=1, angry=1, neutral=1, sad=1)
    assert [kind for kind, _ in found(check_corpus(corpus, tmp_path))] == [Kind.WRONG_COUNT] * 2
    assert check_corpus(corpus, tmp_path, [Exclusion(id="emodb/09b10Ta", reason="lost")]).findings == ()


def test_an_exclusion_whose_emotion_nobody_tells_may_be_of_any(tmp_path: Path) -> None:
    make_official(tmp_path, NAMES[:3])
    corpus = replace(emodb(happy=1, angry=1, neutral=2), whole=("lost",))
    lost = (Exclusion(id="emodb/lost", reason="the publisher lacks it too"),)
    assert check_corpus(corpus, tmp_path, lost).findings == ()
    two_short = replace(corpus, card=replace(corpus.card, counts={"happy": 1, "angry": 1, "neutral": 3}))
    assert found(check_corpus(two_short, tmp_path, lost)) == [(Kind.WRONG_COUNT, "neutral")]


def test_the_cards_own_exclusions_are_left_out_and_told(tmp_path: Path) -> None:
    make_official(tmp_path)
    (tmp_path / "wav" / "03a01Fa.wav").write_bytes(b"")
    corpus = emodb()
    own = Exclusion(id="emodb/03a01Fa", reason="empty in every copy")
    report = check_corpus(replace(corpus, card=replace(corpus.card, exclusions=(own,))), tmp_path)
    assert report.findings == ()
    assert report.exclusions == (own,)


def test_exclusions_that_nobody_knows_are_all_refused(tmp_path: Path) -> None:
    make_official(tmp_path)
    wrong = [Exclusion(id=name, reason="?") for name in ("emodb/03a01Fa", "03a01Fa", "emodb/hello", "nemo/03a01Fa")]
    said = (
        r"^exclusions: 03a01Fa is no utterance of this corpus; ids start with its name, such as emodb/03a01Fa; emodb/h"
    )
    with pytest.raises(ConfigError, match=said) as caught:
        check_corpus(emodb(), tmp_path, wrong)
    assert len(caught.value.problems) == 3


def test_a_folder_that_is_not_the_corpus_is_an_error_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no file with a name of this corpus"):
        check_corpus(emodb(), tmp_path)


def turns(path: Path, *spans: tuple[float, float | None]) -> Corpus:
    """A corpus of utterances that lie in one file."""
    items = tuple(
        Utterance(
            id=f"talk/{number}", path=str(path), corpus="talk", speaker="anna", language="de", emotion="sad",
            duration=math.nan if end is None else end - start, start=start, end=end,
        )
        for number, (start, end) in enumerate(spans)
    )  # fmt: skip
    card = CorpusCard(
        name="talk", title="Talk", language="de", licence="CC0", source="", speakers=1, utterances=len(items),
        acted=False, raters="", sample_rate=0, model_may_be_released=True,
    )  # fmt: skip
    return Corpus(card=card, scan=lambda _: items)


def test_stretches_of_a_file_are_checked_one_by_one(tmp_path: Path) -> None:
    sound = np.concatenate([tone(12.0, 300.0), np.zeros(16_000, np.float32), tone(2.0, 300.0)])
    (tmp_path / "day").mkdir()
    path = write_recording(tmp_path / "day" / "talk.wav", sound)
    corpus = turns(path, (9.0, 11.0), (12.0, 13.0), (13.5, None), (14.0, 15.01), (14.0, 15.5), (99.0, None))
    steps: list[None] = []
    report = check_corpus(corpus, tmp_path, (), lambda: steps.append(None))
    assert found(report) == [
        (Kind.SILENT, "talk/1"), (Kind.WRONG_LENGTH, "talk/4"), (Kind.WRONG_LENGTH, "talk/5"),
    ]  # fmt: skip
    assert report.findings[1].detail == "it runs from 14.000 s to 15.500 s, and the file ends at 15.000 s"
    assert (report.files, report.utterances, len(steps)) == (1, 6, 6)
    path.write_bytes(b"")
    assert found(check_corpus(corpus, tmp_path)) == [(Kind.EMPTY, "day/talk.wav")], "said once, by the file's name"


def test_levels_are_those_of_the_spans_for_every_cut_into_blocks(tmp_path: Path) -> None:
    loud, soft = tone(11.0, 100.0, amplitude=0.5), tone(11.0, 100.0, amplitude=0.005)
    both = np.concatenate([loud, soft])
    path = write_recording(tmp_path / "a.wav", np.stack([0.01 * both, both + 0.2], axis=1), subtype="FLOAT")
    heard = hear(str(path), [(0.0, None), (0.0, 11.0), (11.0, 22.0), (10.5, 11.5), (30.0, None)])
    assert heard.duration == 22.0
    rms = 20 * np.log10(0.5 / np.sqrt(2))
    assert heard.levels[1] == pytest.approx(rms, abs=0.01)
    assert heard.levels[2] == pytest.approx(rms - 40, abs=0.01)
    assert heard.levels[0] == pytest.approx(rms - 3, abs=0.02)
    assert heard.levels[3] == pytest.approx(rms - 3, abs=0.02)
    assert math.isnan(heard.levels[4])
