"""`undertone corpus` as a person meets it: what is printed, and the exit status."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from undertone.cli import main
from undertone.cli.corpus_text import MOST_OF_A_KIND, aligned, described, printable
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.corpora.stored import stored_protocols
from undertone.testing.sounds import tone, write_recording


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["corpus", *(str(argument) for argument in arguments)])


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Data of one's own: two speakers, one of whom has one emotion only."""
    for number, name in enumerate(("angry/anna/1", "angry/anna/2", "sad/anna/1", "sad/ben/1")):
        path = tmp_path / "mine" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(path, tone(0.5 + 0.1 * number, 200.0 + number))
    return tmp_path / "mine"


def test_the_group_names_its_commands_and_own_data() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for name in ("check", "list", "show", "stats", "own"):
        assert re.search(rf"\b{name}\b", result.stdout)
    assert run("sing").exit_code == 2


def test_the_list_has_a_line_for_each_corpus() -> None:
    result = run("list")
    assert result.exit_code == 0
    head, *lines = result.stdout.splitlines()
    assert head.split()[:4] == ["name", "language", "speakers", "utterances"]
    assert [line.split()[0] for line in lines] == list(CORPORA)
    (emodb,) = (line for line in lines if line.startswith("emodb "))
    assert re.fullmatch(r"emodb +de +10 +535 +yes +free for research.*CC BY 4\.0 +EmoDB: Berlin .*", emodb)


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_a_card_is_shown_whole(name: str) -> None:
    result = run("show", name)
    assert result.exit_code == 0, result.stderr
    card = corpus_named(name).card
    for words in (card.title, card.licence, card.source, card.raters, *card.known_faults):
        assert words in result.stdout
    for item in card.exclusions:
        assert f"{item.id}: {item.reason}" in result.stdout
    for emotion, count in card.counts.items():
        assert f"{emotion} {count}" in result.stdout
    for protocol in stored_protocols(name):
        assert re.search(rf"^    {re.escape(protocol)}: .*, hash [0-9a-f]{{12}}$", result.stdout, re.MULTILINE)


def test_what_a_card_does_not_have_is_said() -> None:
    text = described(corpus_named("kerstin_de").card, ())
    assert re.search(r"by emotion +not published", text)
    assert "stored protocols\n    none" in text
    assert "left out of every protocol\n    nothing" in text


def test_an_unknown_corpus_is_one_line_with_those_there_are(tmp_path: Path) -> None:
    for arguments in (("show", "babel"), ("check", "babel", tmp_path), ("stats", "babel", tmp_path)):
        result = run(*arguments)
        assert result.exit_code == 1
        assert re.fullmatch(r"Error: babel: no such corpus; known are ased, .*\n", result.stderr)
        assert result.stdout == ""


def test_a_corpus_without_faults_passes(mine: Path) -> None:
    result = run("check", "own", mine)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "mine: 4 utterances, 4 files decoded (0.00 h), 0 left out, nothing found\n"
    assert "checking mine: 4 of 4" in result.stderr


def test_findings_are_a_table_and_the_exit_status_is_1(mine: Path, tmp_path: Path) -> None:
    shutil.copy(mine / "sad/anna/1.wav", mine / "sad/ben/1.wav")
    (mine / "angry/anna/2.wav").write_bytes(b"")
    result = run("check", "own", mine)
    assert result.exit_code == 1
    head, empty, duplicate, total = result.stdout.splitlines()
    assert head.split() == ["kind", "name", "detail"]
    assert re.fullmatch(r"empty +mine/angry/anna/2  it is empty \(0 bytes\).*", empty)
    assert re.fullmatch(r"duplicate  mine/sad/anna/1 +the same bytes as mine/sad/ben/1; exclude all but one", duplicate)
    assert total.endswith("3 files decoded (0.00 h), 0 left out, 2 findings: 1 empty, 1 duplicate")
    excluded = tmp_path / "out.csv"
    excluded.write_text("id,reason\nmine/angry/anna/2,lost\nmine/sad/ben/1,a copy\n", encoding="utf-8")
    result = run("check", "own", mine, "--exclude", excluded)
    assert result.exit_code == 0, result.stdout
    assert result.stdout.splitlines() == [
        "left out: mine/angry/anna/2: lost",
        "left out: mine/sad/ben/1: a copy",
        "mine: 4 utterances, 2 files decoded (0.00 h), 2 left out, nothing found",
    ]


def test_a_report_in_json_holds_everything(mine: Path) -> None:
    (mine / "angry/anna/2.wav").write_bytes(b"")
    result = run("check", "own", mine, "--json")
    assert result.exit_code == 1
    table = json.loads(result.stdout)
    assert table["corpus"] == "mine"
    assert table["folder"] == str(mine)
    assert (table["utterances"], table["files"]) == (4, 3)
    assert table["duration_s"] == pytest.approx(0.5 + 0.7 + 0.8)
    assert table["counts"] == {"empty": 1}
    assert [(item["kind"], item["name"]) for item in table["findings"]] == [("empty", "mine/angry/anna/2")]
    assert table["exclusions"] == []


def test_many_findings_of_a_kind_are_counted(mine: Path) -> None:
    for number in range(MOST_OF_A_KIND + 5):
        (mine / "angry/anna" / f"x{number:02}.wav").write_bytes(b"")
    result = run("check", "own", mine)
    assert result.exit_code == 1
    assert len([line for line in result.stdout.splitlines() if line.startswith("empty")]) == MOST_OF_A_KIND + 1
    assert re.search(r"^empty +and 5 more +--json prints all of them$", result.stdout, re.MULTILINE)
    assert len(json.loads(run("check", "own", mine, "--json").stdout)["findings"]) == MOST_OF_A_KIND + 5


def test_lists_of_exclusions_that_are_wrong_are_refused(mine: Path, tmp_path: Path) -> None:
    excluded = tmp_path / "out.csv"
    excluded.write_text("id,reason\nmine/sad/ben/1,\n", encoding="utf-8")
    result = run("check", "own", mine, "--exclude", excluded)
    assert result.exit_code == 1
    assert re.search(r"Error: .*out\.csv: row 1 has the id 'mine/sad/ben/1' and the reason ''; say both", result.stderr)
    excluded.write_text("id,reason\nmine/sad/ben/7,typo\n", encoding="utf-8")
    result = run("check", "own", mine, "--exclude", excluded)
    assert result.exit_code == 1
    assert "mine/sad/ben/7 is no utterance of this corpus" in result.stderr


def test_figures_are_printed(mine: Path) -> None:
    result = run("stats", "own", mine, "--by-speaker")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "mine: 4 utterances, 0.00 h"
    assert re.fullmatch(r"speakers +2 \(2 unknown\)", lines[1])
    assert re.fullmatch(r"utterances per speaker +least 1, median 2, most 3", lines[2])
    assert re.fullmatch(r"length +least 0\.50 s, 5 % 0\.5\d s, .* median 0\.65 s, .* most 0\.80 s", lines[3])
    assert re.fullmatch(r"sentences +not told", lines[4])
    assert re.fullmatch(r"speakers with one emotion only +1: ben", lines[5])
    assert "angry    2           50.0 %" in lines
    assert lines[-3:] == ["speaker  angry  sad", "anna     2      1", "ben      0      1"]
    assert "speaker  angry" not in run("stats", "own", mine).stdout


def test_figures_in_json_hold_everything(mine: Path) -> None:
    table = json.loads(run("stats", "own", mine, "--json").stdout)
    assert table["corpus"] == "mine"
    assert table["duration_s"] == pytest.approx(2.6)
    assert table["lengths_s"]["0.5"] == pytest.approx(0.65)
    assert table["per_speaker"] == {"least": 1.0, "median": 2.0, "most": 3.0}
    assert table["by_speaker"] == {"anna": {"angry": 2, "sad": 1}, "ben": {"sad": 1}}
    assert table["emotions"][0] == {"emotion": "angry", "utterances": 2, "share": 0.5}
    assert table["one_emotion"] == ["ben"]


def test_the_figures_of_urdu_show_why_its_speakers_must_not_be_shared(data: Path) -> None:
    result = run("stats", "urdu", data / "urdu", "--json")
    assert result.exit_code == 0, result.stderr
    table = json.loads(result.stdout)
    assert (table["utterances"], table["speakers"], len(table["one_emotion"])) == (400, 29, 26)
    assert table["genders"] == {"F": 11, "M": 18}


def test_figures_of_a_corpus_that_is_not_whole_are_refused(tmp_path: Path) -> None:
    result = run("stats", "emodb", tmp_path)
    assert result.exit_code == 1
    assert "holds no file with a name of this corpus" in result.stderr


def test_names_that_would_drive_the_terminal_are_shown_harmlessly() -> None:
    assert printable("a\x1b[31mb\udcff") == "a\N{REPLACEMENT CHARACTER}[31mb\N{REPLACEMENT CHARACTER}"
    assert aligned([("a", "b"), ("long\n", "c")]) == "a      b\nlong\N{REPLACEMENT CHARACTER}  c"
