"""`undertone corpus audit`: tables for people, JSON for programs, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from undertone.cli.corpus_audit import audit
from undertone.corpora.stored import load_protocol, protocol_text
from undertone.testing.sounds import tone, write_recording


def run(*arguments: str) -> Result:
    return CliRunner().invoke(audit, arguments)


def test_a_stored_protocol_is_audited_without_any_recording() -> None:
    done = run("emodb", "--protocol", "emobox")
    assert done.exit_code == 0, done.output
    assert f"emodb/emobox {load_protocol('emodb/emobox').hash}: The folds of the EmoBox benchmark" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines() if line[:1].isdigit()]
    assert rows[:5] == [
        [str(number), train, validation, "107", "10/10", "10/10", "–", "–"]
        for number, train, validation in (
            (1, "342", "86"), (2, "342", "86"), (3, "341", "87"), (4, "342", "86"), (5, "343", "85"),
        )
    ]  # fmt: skip
    assert "The validation part has speakers of the training part in every fold." in done.stdout
    assert done.stdout.splitlines()[-1] == "stamp: speaker-dependent"


def test_an_audit_is_printed_as_json() -> None:
    done = run("urdu", "--protocol", "urdu/emobox", "--json")
    table = json.loads(done.stdout)
    assert table["format"] == 1
    assert table["protocol"]["name"] == "urdu/emobox"
    assert table["protocol"]["hash"] == load_protocol("urdu/emobox").hash
    assert table["stamp"] == "speaker-dependent"
    (fold,) = table["folds"]
    assert (fold["fold"], fold["test_speakers"], fold["shared_speakers"]) == (1, 19, 18)
    assert fold["shared_sentences"] is None
    assert fold["near_duplicates"] is None


@pytest.mark.parametrize(("corpus", "stamp"), [("meld", "speakers unknown"), ("ravdess", "speaker-disjoint")])
def test_the_stamp_says_what_is_known(corpus: str, stamp: str) -> None:
    done = run(corpus, "--protocol", "emobox")
    assert done.stdout.splitlines()[-1] == f"stamp: {stamp}"
    assert "The validation part has speakers" not in done.stdout


def test_a_protocol_of_ones_own_is_audited(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(protocol_text(load_protocol("savee/speakers")), encoding="utf-8")
    done = run("savee", "--protocol", str(path))
    assert done.exit_code == 0, done.output
    assert "savee/speakers" in done.stdout
    path.write_text("{}", encoding="utf-8")
    done = run("savee", "--protocol", str(path))
    assert done.exit_code == 1
    assert "mine.json: its format is None; 1 is read" in done.stderr


def urdu(folder: Path) -> Path:
    """A small copy of URDU's layout: three speakers, two of whom have a file of the same sound."""
    for number, (name, seconds) in enumerate([("SM1_F1_A001", 2.0), ("SM2_F1_A002", 2.0), ("SM3_F1_A003", 1.5)]):
        path = folder / "Angry" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        write_recording(path, tone(seconds, 300.0 + 100 * number))
    return folder


def test_a_rule_is_audited_on_the_corpus_at_hand(tmp_path: Path) -> None:
    done = run("urdu", "--protocol", "random", "--data", str(urdu(tmp_path)))
    assert done.exit_code == 1
    assert "random: angry has 3 utterances; at least 5 are needed" in done.stderr
    done = run("urdu", "--protocol", "official")
    assert done.exit_code == 2
    assert "urdu/official is made from the corpus: name its folder with --data" in done.stderr


def test_a_corpus_of_ones_own_is_audited(tmp_path: Path) -> None:
    for speaker in ("anna", "ben", "cleo"):
        for label in ("sad", "angry"):
            path = tmp_path / "mine" / label / speaker / "1.wav"
            path.parent.mkdir(parents=True)
            write_recording(path, tone(0.2, 440.0))
    done = run("own", "--protocol", "speakers", "--data", str(tmp_path / "mine"), "--near-duplicates", "--json")
    assert done.exit_code == 0, done.output
    table = json.loads(done.stdout)
    assert table["stamp"] == "speaker-disjoint"
    assert [(fold["test_recordings"], fold["shared_recordings"]) for fold in table["folds"]] == [(2, 0)] * 3
    assert [fold["near_duplicates"] for fold in table["folds"]] == [0] * 3, "too short to be compared"


def test_data_of_ones_own_must_be_named() -> None:
    done = run("own", "--protocol", "speakers")
    assert done.exit_code == 2
    assert "name the folder or table of your own data with --data" in done.stderr


def test_what_a_card_leaves_out_is_told() -> None:
    table = json.loads(run("ravdess", "--protocol", "speakers", "--json").stdout)
    assert [item["id"] for item in table["excluded"]] == ["ravdess/Actor_07/03-01-03-01-02-02-07"]
    assert sum(fold["test_utterances"] for fold in table["folds"]) == 1439


def test_listening_needs_recordings() -> None:
    done = run("emodb", "--protocol", "emobox", "--near-duplicates")
    assert done.exit_code == 2
    assert "--near-duplicates listens to the recordings: name their folder with --data" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--protocol", "emobox"), "nobody: no such corpus"),
        (("emodb", "--protocol", "best"), "emodb/best: no such protocol is stored; there are emodb/emobox"),
        (("emodb", "--protocol", "none.json"), "none.json: it cannot be read"),
    ],
)
def test_what_there_is_not_is_refused_with_status_1(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 1
    assert said in done.stderr
    assert done.stdout == ""


def test_copies_are_heard_in_real_recordings(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ravdess"
    names = [
        f"Actor_{actor}/03-01-03-01-02-{take}-{actor}" for actor in ("05", "06", "07", "08") for take in ("01", "02")
    ]
    for name in names:
        path = folder / f"{name}.opus"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(data / "ravdess" / "audio" / f"{name if name != names[-1] else names[0]}.opus")
    protocol = {
        "format": 1, "name": "ravdess/takes", "title": "First takes are trained on", "source": "ours",
        "corpora": ["ravdess"], "classes": {"happy": "happy"}, "hash": "", "folds": ["tvtetete"],
        "utterances": names,
    }  # fmt: skip
    path = tmp_path / "takes.json"
    path.write_text(json.dumps(protocol), encoding="utf-8")
    said = run("ravdess", "--protocol", str(path)).stderr
    path.write_text(json.dumps(protocol | {"hash": said.split("have the hash ")[1][:12]}), encoding="utf-8")
    done = run("ravdess", "--protocol", str(path), "--data", str(folder), "--near-duplicates")
    assert done.exit_code == 0, done.output
    head, row = (line for line in done.stdout.splitlines() if line.startswith(("fold", "1 ")))
    assert head.endswith("near duplicates")
    # Actor 07 said the tested sentence once only, and the last file is a copy of the first.
    assert row.split() == ["1", "4", "1", "2", "2/2", "1/1", "–", "0/2", "1"]
    assert "Left out: ravdess/Actor_07/03-01-03-01-02-02-07 (byte-identical to" in done.stdout
    assert "listening to ravdess/takes" in done.stderr
