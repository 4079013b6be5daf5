"""`undertone compare` as a person meets it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from undertone.cli import main
from undertone.experiments.results import write_result
from undertone.testing.results import make_result

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["compare", *(str(argument) for argument in arguments)])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = []
    for number, (name, accuracy) in enumerate((("weak", 0.5), ("strong", 0.8), ("middling", 0.52))):
        paths.append(tmp_path / f"{name}.json")
        write_result(make_result(name=name, accuracy=accuracy, speakers=10, per_speaker=40, seed=number), paths[-1])
    return paths


def test_two_results_are_compared_in_a_table(files: list[Path]) -> None:
    result = run(*files[:2])
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "strong minus weak"
    assert lines[1].startswith("  protocol  made/drawn (")
    assert lines[1].endswith("), speaker-disjoint")
    assert lines[2] == "  tested    400 utterances of 10 speakers; 1 seed"
    assert lines[3] == "  intervals 95 %, by speaker"
    assert lines[4].split() == ["metric", "first", "second", "difference", "interval", "p", "Holm"]
    cells = [line.split() for line in lines[5:8]]
    assert [row[0] for row in cells] == ["WA", "UA", "macro-F1"]
    for row in cells:
        assert float(row[3]) == pytest.approx(float(row[2]) - float(row[1]), abs=0.11)
        assert row[3].startswith("+")
    assert lines[8].startswith("  McNemar   p = <0.001: only the first is right on ")
    assert len(lines) == 9


def test_the_first_of_several_is_the_baseline_and_json_has_the_same_numbers(files: list[Path]) -> None:
    text, rows = run(*files), json.loads(run(*files, "--json").stdout)
    assert [line for line in text.stdout.splitlines() if " minus " in line] == [
        "strong minus weak",
        "middling minus weak",
    ]
    assert [(row["first"], row["second"]) for row in rows] == [("weak", "strong"), ("weak", "middling")]
    first = rows[0]["changes"][0]
    assert f"{first['difference']['value'] * 100:+.1f}" in text.stdout
    assert set(first["difference"]) == {"value", "low", "high", "p"}


def test_metrics_can_be_chosen(files: list[Path]) -> None:
    result = run(*files[:2], "--metric", "Brier", "--metric", "AURC", "--metric", "Brier")
    assert [line.split()[0] for line in result.stdout.splitlines()[5:7]] == ["Brier", "AURC"]
    assert result.stdout.splitlines()[5].split()[3].startswith("-0.")


def test_warnings_stand_under_the_table(tmp_path: Path) -> None:
    for number in (0, 1):
        made = make_result(name=str(number), speakers=2, shared_speakers=1, seed=number)
        write_result(made, tmp_path / f"{number}.json")
    lines = run(tmp_path / "0.json", tmp_path / "1.json").stdout.splitlines()
    assert lines[1].endswith("speaker-dependent")
    assert lines[3] == "  intervals 95 %, by utterance"
    assert [line for line in lines if "warning" in line] == [
        "  warning   speakers are fewer than three: utterances are redrawn, and the intervals are optimistic",
        "  warning   speaker-dependent: test speakers were heard in training",
    ]


def test_what_is_not_defined_is_called_so(tmp_path: Path) -> None:
    write_result(make_result(speakers=1, per_speaker=1), tmp_path / "one.json")
    text = run(tmp_path / "one.json", tmp_path / "one.json").stdout
    assert "[undefined, undefined]" in text
    assert "nan" not in text


def test_the_same_files_give_the_same_numbers(files: list[Path]) -> None:
    assert run(*files).stdout == run(*files).stdout


def test_results_that_cannot_be_compared_fail_with_one_line(files: list[Path], tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    write_result(make_result(name="other", speakers=5), other)
    result = run(files[0], other)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: weak and other: their protocols differ: ")
    assert len(result.stderr.splitlines()) == 1
    missing = run(files[0], tmp_path / "nothing.json")
    assert missing.exit_code == 1
    assert "nothing.json: it is not a result" in missing.stderr


def test_what_makes_no_sense_is_a_usage_error(files: list[Path]) -> None:
    alone = run(files[0])
    assert alone.exit_code == 2
    assert "one result has nothing to be compared with: name two or more" in alone.stderr
    odd = run(*files, "--metric", "UAR")
    assert odd.exit_code == 2
    assert "there is no metric 'UAR'; choose among WA, UA, macro-F1" in odd.stderr


def test_comparing_needs_no_pytorch(files: list[Path]) -> None:
    code = (
        "import sys\nsys.modules['torch'] = sys.modules['scipy'] = sys.modules['sklearn'] = None\n"
        f"from undertone.cli import main\nmain(['compare', {str(files[0])!r}, {str(files[1])!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "strong minus weak" in done.stdout
