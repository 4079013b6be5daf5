"""`undertone report` as a person meets it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from undertone.cli import main
from undertone.experiments.results import write_result
from undertone.testing.results import make_result

if TYPE_CHECKING:
    from pathlib import Path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *(str(argument) for argument in arguments)])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "made.drawn"
    folder.mkdir()
    paths = []
    for number, (name, accuracy) in enumerate((("majority", 0.25), ("svm", 0.7))):
        paths.append(folder / f"{name}.json")
        write_result(make_result(name=name, accuracy=accuracy, speakers=6, seed=number), paths[-1])
    return paths


def test_results_become_a_page(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    result = run(*files, "--out", out)
    assert result.exit_code == 0, result.output
    assert (result.stdout, result.stderr) == ("", f"wrote {out}\n")
    page = out.read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "Differences to majority" in page
    assert "speaker-disjoint" in page


@pytest.mark.parametrize(("name", "options"), [("page.md", []), ("PAGE.MD", []), ("page.txt", ["-f", "markdown"])])
def test_results_become_markdown(files: list[Path], tmp_path: Path, name: str, options: list[str]) -> None:
    result = run(*files, "--out", tmp_path / name, *options)
    assert result.exit_code == 0, result.output
    text = (tmp_path / name).read_text("utf-8")
    assert text.startswith("# Results\n")
    assert "| speaker-disjoint |" in text


def test_the_format_that_is_asked_for_wins_over_the_name(files: list[Path], tmp_path: Path) -> None:
    assert run(*files, "--out", tmp_path / "page.md", "--format", "html").exit_code == 0
    assert (tmp_path / "page.md").read_text("utf-8").startswith("<!doctype html>")


def test_a_folder_stands_for_the_results_in_it(files: list[Path], tmp_path: Path) -> None:
    by_folder, by_name = tmp_path / "a.md", tmp_path / "b.md"
    assert run(files[0].parent, files[1], "--out", by_folder).exit_code == 0
    assert run(*files, "--out", by_name).exit_code == 0
    assert by_folder.read_text("utf-8") == by_name.read_text("utf-8")


def test_bad_files_are_listed_and_the_page_holds_the_others(files: list[Path], tmp_path: Path) -> None:
    missing, odd, out = tmp_path / "missing.json", tmp_path / "odd.json", tmp_path / "page.md"
    made = make_result(name="odd")
    write_result(replace(made, predictions=(replace(made.predictions[0], probabilities=(1.0,)),)), odd)
    result = run(missing, files[0], odd, "--out", out)
    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines[:2] == [f"wrote {out}", "2 of 3 results failed:"]
    assert lines[2].startswith(f"Error: {missing}: it is not a result")
    assert lines[3].startswith(f"Error: {odd}: ")
    assert "odd" not in out.read_text("utf-8")


def test_with_bad_files_only_nothing_is_written(tmp_path: Path) -> None:
    result = run(tmp_path / "missing.json", "--out", tmp_path / "page.html")
    assert result.exit_code == 1
    assert "name a file that `undertone crossval` wrote" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_understood_ends_with_status_two(files: list[Path], tmp_path: Path) -> None:
    assert "Missing argument 'RESULTS...'" in run("--out", tmp_path / "page.html").stderr
    without = run(*files)
    assert (without.exit_code, "Missing option '-o' / '--out'" in without.stderr) == (2, True)
    empty = tmp_path / "empty"
    empty.mkdir()
    nothing = run(empty, "--out", tmp_path / "page.html")
    assert nothing.exit_code == 2
    assert f"the folder {empty} holds no result; results end in .json" in nothing.stderr


def test_a_place_that_cannot_be_written_is_an_error(files: list[Path], tmp_path: Path) -> None:
    result = run(*files, "--out", tmp_path / "no" / "page.md")
    assert result.exit_code == 1
    assert "it cannot be written" in result.stderr
