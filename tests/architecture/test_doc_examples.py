"""The documentation's examples run, parse, and show what the shipped bundle gives."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
from pages import CARD, PAGES, ROOT, blocks, name_of, read

from undertone.cli import main
from undertone.training.config import read_config


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=name_of)
def test_python_examples_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(blocks(page, "python"), start=1):
        exec(compile(block, f"{page.name}, python block {number}", "exec"), names)


def console_lines() -> list[tuple[Path, str]]:
    return [
        (page, line.removeprefix("$ "))
        for page in PAGES
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def words_of(line: str) -> list[str]:
    """The first command of a line, up to a pipe or a redirection."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    stops = [index for index, word in enumerate(words) if word in {"|", ">", "<"}]
    end = min(stops, default=len(words))
    return words[: end - 1] if end < len(words) and words[end - 1] == "2" else words[:end]


@pytest.mark.parametrize(("page", "line"), console_lines(), ids=lambda value: value if isinstance(value, str) else "")
def test_console_examples_are_understood(page: Path, line: str) -> None:
    program, *arguments = words_of(line)
    if program == "torchrun":
        program, *arguments = arguments[arguments.index("-m") + 1 :]
    if [program, *arguments[:2]] == ["python", "-m", "undertone"]:
        program, arguments = "undertone", arguments[2:]
    if program == "undertone":
        command: click.Command = main
        while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
            found = command.get_command(click.Context(command), arguments.pop(0))
            assert found is not None, line
            command = found
        try:
            command.make_context("undertone", arguments)
        except click.exceptions.Exit as done:  # --help and --version end the parsing
            assert done.exit_code == 0
    elif program == "make":
        assert re.search(rf"^{arguments[0]}:", read(ROOT / "Makefile"), re.MULTILINE), line
    elif program == ".venv-dev/bin/python":
        assert (ROOT / arguments[0]).is_file(), line
    else:
        assert [program, *arguments[:3]] in (["python", "-m", "pip", "install"], ["source", ".venv/bin/activate"]), line


@pytest.mark.parametrize("block", [*blocks(ROOT / "docs" / "how-to" / "train-your-own.md", "toml")])
def test_toml_examples_are_right(block: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(block, encoding="utf-8")
    assert read_config(path).name


def test_json_examples_are_json() -> None:
    found = [block for page in PAGES for block in blocks(page, "json")]
    assert found
    for block in found:
        json.loads(block)


SCORES = runpy.run_path(str(ROOT / "docs" / "make_scores.py"))
EXCERPT = runpy.run_path(str(ROOT / "docs" / "make_excerpt.py"))


@pytest.mark.parametrize(("bundle", "name"), [("qieemo-compact", "qieemo-compact.md"), ("multilevel", "multilevel.md")])
def test_the_page_of_a_model_agrees_with_its_card(bundle: str, name: str) -> None:
    page, card = read(ROOT / "docs" / "explanation" / name), CARD.parents[1] / bundle / "card.json"
    wanted = SCORES["replaced"](page, SCORES["tables"](json.loads(read(card))))
    assert page == wanted, "run python docs/make_scores.py CARD PAGE, as CONTRIBUTING.md says"


BESIDE = runpy.run_path(str(ROOT / "docs" / "make_beside.py"))


@pytest.mark.parametrize("name", ["compact", "compacts", "again"])
def test_the_shipped_bundle_beside_another_is_what_their_predictions_say(name: str) -> None:
    page = read(ROOT / "docs" / "explanation" / "qieemo-compact.md")
    new, old = (json.loads(read(ROOT / "results" / f"{each}.json")) for each in ("qieemo-compact", name))
    assert new["bundle"] == json.loads(read(CARD.parents[1] / "qieemo-compact" / "card.json"))["id"]
    assert new["protocol"] == old["protocol"]
    assert page == BESIDE["replaced"](page, BESIDE["beside"](new, old), name), "run docs/make_beside.py"


@pytest.mark.parametrize(("run", "ahead"), [("qieemo-compact", (8, 7)), ("again", (7, 6))])
def test_a_training_is_ahead_of_compact_networks_as_often_as_the_page_says(run: str, ahead: tuple[int, int]) -> None:
    new, *others = (json.loads(read(ROOT / "results" / f"{each}.json")) for each in (run, "compact", "compacts"))
    found = [[BESIDE["difference"](new, old, place)[2].value for place in BESIDE["places"](new)] for old in others]
    assert tuple(sum(value > 0 for value in values) for values in found) == ahead


UNSEEN = runpy.run_path(str(ROOT / "docs" / "make_unseen.py"))


def test_the_scores_without_ravdess_are_those_of_the_run_and_nothing_of_it_was_heard_in_training() -> None:
    page, results = read(ROOT / "docs" / "explanation" / "qieemo-compact.md"), ROOT / "results" / "without-ravdess.json"
    told = json.loads(read(results))
    assert page == UNSEEN["replaced"](page, UNSEEN["unseen"](told)), "run docs/make_unseen.py, as the Makefile does"
    assert [each["trained_on_corpus"] for each in told["scores"] if each["corpus"] == "ravdess"] == [False, False]
    plan = tomllib.loads(read(ROOT / "experiments" / "without-ravdess.toml"))
    shipped = tomllib.loads(read(ROOT / "experiments" / "qieemo-compact.toml"))
    assert plan["unseen_corpora"] == ["ravdess", *shipped.pop("unseen_corpora")]
    assert "ravdess" not in plan["corpora"]
    shipped["held_out"].pop("ravdess")
    shipped["corpora"].remove("ravdess")
    shipped["unseen_corpora"] = plan["unseen_corpora"]
    assert plan | {"name": "qieemo-compact"} == shipped, "all else is alike"


STRANGERS = runpy.run_path(str(ROOT / "docs" / "make_strangers.py"))


@pytest.mark.parametrize("name", ["default", "commercial"])
def test_the_page_of_a_model_that_ships_is_what_its_results_say(name: str) -> None:
    page = read(ROOT / "docs" / "explanation" / f"{name}-model.md")
    told = json.loads(read(ROOT / "results" / f"{name}.json"))
    assert told["bundle"] == json.loads(read(CARD.parents[1] / name / "card.json"))["id"]
    assert page == STRANGERS["replaced"](page, STRANGERS["strangers"](told)), "run docs/make_strangers.py"
    assert all(not each["trained_on_corpus"] for each in told["scores"])


def test_a_bundle_beside_itself_differs_by_nothing_and_other_utterances_are_refused() -> None:
    rows = [
        {"id": f"emodb/{place}", "speaker": f"s{place % 4}", "condition": "clean", "truth": ("sad", "angry")[place % 2],
         "probabilities": [0.6, 0.4] if place % 3 else [0.2, 0.8]}
        for place in range(12)
    ]  # fmt: skip
    told = {"bundle": "a", "labels": ["sad", "angry"], "predictions": rows, "validation_ua": 0.5}
    told |= {"scores": [{"corpus": "emodb", "condition": "clean"}]}
    assert "| +0.0 [+0.0, +0.0] | 1.000 |" in BESIDE["beside"](told, told)
    better = [row | {"probabilities": [1.0, 0.0] if row["truth"] == "sad" else [0.0, 1.0]} for row in rows]
    assert "| 100.0 | +" in BESIDE["beside"](told | {"predictions": better, "bundle": "b"}, told)
    with pytest.raises(SystemExit, match="not tested on the same utterances of emodb, clean"):
        BESIDE["beside"](told | {"predictions": rows[1:]}, told)


def test_tables_hold_the_numbers_of_the_card() -> None:
    share = {"value": 0.6123, "low": 0.5, "high": 0.7}
    score = {"corpus": "emodb", "condition": "clean", "trained_on_corpus": False, "speakers": 3, "utterances": 161}
    score |= {"labels": ["sad", "angry"], "chance_ua": 0.5, "labelled": 0.0, "accuracy_when_labelled": None}
    score |= dict.fromkeys(("WA", "UA", "macro_f1", "ECE"), share)
    plain = {"condition": "telephone", "speakers": 4, "utterances": 9}
    plain |= dict.fromkeys(("neutral", "withheld", "false_alarms"), share)
    made = json.loads(read(CARD)) | {"scores": [score], "plain_speech": [plain]}
    text = SCORES["tables"](made)
    four = " | ".join(["61.2 [50.0, 70.0]"] * 4)
    assert f"| emodb (not trained on) | clean | 3 | 161 | 2 | 50.0 | {four} | 0.0 | – |" in text
    assert "| telephone | 4 | 9 | 61.2 [50.0, 70.0] |" in text
    assert made["id"] in text


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="the page needs the markers <!-- scores:begin -->"):
        SCORES["replaced"]("no markers", "text")


def turns_in(printed: str) -> list[tuple[float, str]]:
    """Start in seconds and speaker of every turn in a printed table."""
    found = re.findall(r"^(\d+):(\d\d\.\d)–\S+ +(\w+)", printed, re.MULTILINE)
    return [(60 * int(minutes) + float(seconds), speaker) for minutes, seconds, speaker in found]


def test_printed_examples_are_of_the_shipped_bundle() -> None:
    expected = turns_in(EXCERPT["printed"](ROOT))
    assert len(expected) == 10
    for page in (ROOT / "README.md", ROOT / "docs" / "tutorials" / "first-timeline.md"):
        (shown,) = (block for block in blocks(page, "console") if ", bundle " in block)
        assert re.search(r"bundle (\S+)", shown)[1] == json.loads(read(CARD))["id"], "run docs/make_excerpt.py"
        found = turns_in(shown)
        assert [speaker for _, speaker in found] == [speaker for _, speaker in expected], "run docs/make_excerpt.py"
        # Voice activity may decide a frame of 32 ms otherwise on another processor.
        assert [start for start, _ in found] == pytest.approx([start for start, _ in expected], abs=0.25)


def test_an_excerpt_takes_the_part_that_its_marker_names() -> None:
    page = "a\n<!-- turns:begin -->\nold\n<!-- turns:end -->\nb\n<!-- table:begin -->\n<!-- table:end -->\n"
    made = EXCERPT["replaced"](page, "rows\n\nshare of speaking time\nAnna")
    first, second = re.findall(r"```console\n\$ undertone analyze .*?\n(.*?)```", made, re.DOTALL)
    assert (first, second) == ("rows\n", "rows\n\nshare of speaking time\nAnna\n")
    assert "old" not in made
    assert EXCERPT["replaced"](made, "rows\n\nshare of speaking time\nAnna") == made
