"""The documentation is true: it names everything there is, its numbers are the code's, and its links lead somewhere."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import runpy
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from pages import CARD, PAGES, REFERENCE, ROOT, blocks, name_of, named, prose, read, rows, section

import undertone
from undertone import errors, records
from undertone.audio.decode import LEAST_RATE, MOST_CHANNELS, MOST_RATE, SUFFIXES
from undertone.audio.fbank import FrontEnd
from undertone.audio.vad import FRAME_LENGTH
from undertone.cli import main
from undertone.conversation.channels import SAME_ROOM
from undertone.conversation.crosstalk import ECHO_FRAMES, MARGIN_DB
from undertone.conversation.formats.fitting import END_TOLERANCE, OVERLAP_TOLERANCE
from undertone.conversation.formats.registry import FORMATS
from undertone.conversation.turns import TurnRules
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import CORPORA
from undertone.inference import card
from undertone.inference.plan import LOOK_BLOCKS, LOOK_S
from undertone.labels import EMOTIONS
from undertone.training.config import EncoderOfText, FusedWith, PretrainedBackbone, TrainConfig
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def commands(command: click.Command = main, name: str = "undertone") -> Iterator[tuple[str, click.Command]]:
    """The program, its commands, and their commands, by what one types."""
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda value: value if type(value) is str else "")
def test_every_command_and_option_has_its_place(name: str, command: click.Command) -> None:
    text = section(REFERENCE / "cli.md", name)
    options = [item for item in command.params if isinstance(item, click.Option)]
    offered = {option for item in options for option in (*item.opts, *item.secondary_opts)}
    told = set().union(*(named(cells[0]) for cells in rows(text)))
    assert told == offered | ({"-h", "--help"} if command is main else set())
    for item in options:
        if isinstance(item.type, click.Choice):
            assert set(item.type.choices) <= named(text)


def test_exit_statuses_are_those_of_the_contract() -> None:
    text = section(REFERENCE / "cli.md", "Contract")
    assert {"0", "1", "2"} <= named(text)


def test_every_error_is_in_its_reference_with_its_place_in_the_tree() -> None:
    page = REFERENCE / "errors.md"
    classes = [item for item in vars(errors).values() if isinstance(item, type) and item.__module__ == errors.__name__]
    assert len(classes) > 10
    tree = blocks(page, "text")[0]
    for item in classes:
        assert f"`{item.__name__}`" in prose(page)
        assert re.search(rf"\b{item.__name__}\b", tree), item.__name__
    assert len(tree.splitlines()) == len(classes)


def test_every_format_has_a_section_and_a_true_row() -> None:
    page = REFERENCE / "formats.md"
    found = {row[0]: row for row in rows(read(page)) if len(row) == 4}
    for row in FORMATS:
        assert section(page, row.name).strip()
        cells = found[f"`{row.name}`"]
        assert f"`{row.suffix}`" in cells[1]
        assert all(f"`{suffix}`" in cells[1] for suffix in row.further_suffixes)
        assert (cells[2] == "yes", cells[3] == "yes") == (row.reads, row.writes)
        assert row.title.removesuffix(" report") in read(ROOT / "README.md")


def test_every_suffix_of_a_recording_is_listed() -> None:
    assert {word for word in named(section(REFERENCE / "formats.md", "Recordings")) if word.startswith(".")} == SUFFIXES


def test_every_public_name_is_in_the_reference() -> None:
    for name in undertone.__all__:
        assert f"`{name}`" in read(REFERENCE / "python.md") or section(REFERENCE / "python.md", name)
    assert set(EMOTIONS) <= named(section(REFERENCE / "python.md", "EMOTIONS"))


def test_every_field_of_every_record_is_in_the_reference() -> None:
    kinds = [item for item in vars(records).values() if dataclasses.is_dataclass(item)]
    assert len(kinds) >= 8
    for kind in kinds:
        text = section(REFERENCE / "records.md", kind.__name__)
        assert {item.name for item in dataclasses.fields(kind)} <= named(text), kind.__name__
    assert {reason.name for reason in records.Abstention} <= named(section(REFERENCE / "records.md", "Abstention"))


def test_every_field_of_a_configuration_is_in_the_reference_with_its_default() -> None:
    page = REFERENCE / "config.md"
    tables = [("Top level", TrainConfig), ("held_out", HeldOut)]
    tables += [
        (item.name, item.default_factory)
        for item in dataclasses.fields(TrainConfig)
        if dataclasses.is_dataclass(item.default_factory)
    ]
    tables += [("backbone", PretrainedBackbone), ("text", EncoderOfText), ("fused_with", FusedWith)]
    assert len(tables) > 5
    for title, kind in tables:
        found = {}
        for names, default, *_ in rows(section(page, title))[2:]:
            found.update(dict.fromkeys(re.findall(r"`(\w+)`", names), default))
        assert found == {item.name: shown_default(item) for item in dataclasses.fields(kind)}, title


def shown_default(item: dataclasses.Field[Any]) -> str:
    if item.default is dataclasses.MISSING:
        return ""
    if item.default is None:
        return "none"
    value = list(item.default) if isinstance(item.default, tuple) else item.default
    return f"`{json.dumps(value)}`"


def test_every_field_of_a_card_is_in_the_reference() -> None:
    known = named(read(REFERENCE / "bundle.md"))
    kinds = [item for item in vars(card).values() if dataclasses.is_dataclass(item)]
    assert card.Card in kinds
    assert FrontEnd in kinds
    for kind in kinds:
        assert {item.name for item in dataclasses.fields(kind)} <= known, kind.__name__


def test_every_field_of_the_json_form_is_in_the_reference() -> None:
    schema = json.loads(read(ROOT / "src" / "undertone" / "conversation" / "timeline.schema.json"))
    parts = [schema, schema["properties"]["recording"], *(schema["$defs"][name] for name in ("turn", "word", "window"))]
    for part in parts:
        assert set(part["properties"]) <= named(read(REFERENCE / "json.md"))


RULES = TurnRules()
ECHO_MS = 1000 * ECHO_FRAMES * FRAME_LENGTH // SAMPLE_RATE
WINDOWS = card.Windows(**json.loads(read(CARD))["windows"])
NUMBERS = {
    "docs/explanation/how-it-works.md": (
        f"| a turn opens | at a probability of {RULES.onset:g} |",
        f"| a frame keeps it open | from {RULES.offset:g} |",
        f"| it closes | after a pause of {RULES.least_pause_s:g} s |",
        f"| it is dropped | with less than {RULES.least_speech_s:g} s of speech",
        f"| kept before and after the speech | {RULES.margin_s:g} s |",
        f"| longest stretch | {RULES.longest_s:g} s",
        f"correlation from {SAME_ROOM:g}",
        f"more than {MARGIN_DB:g} dB under it, now or within the last {ECHO_MS} ms",
        f"{SAMPLE_RATE // FRAME_LENGTH} times a second",
        f"{FrontEnd().mel_bins} log-mel bands, {1000 // FrontEnd().hop_length_ms} times a second",
        f"up to {WINDOWS.length_s:g} s is one window. A longer one is cut every {WINDOWS.hop_s:g} s",
    ),
    "docs/how-to/calls.md": (f"{MARGIN_DB:g} dB quieter", f"below {LEAST_RATE // 1000} kHz"),
    "docs/how-to/own-turns.md": (
        f"overlap by {OVERLAP_TOLERANCE:g} s",
        f"up to {END_TOLERANCE:g} s after the end",
    ),
    "docs/how-to/python.md": (f"a pause of {RULES.least_pause_s:g} s, or after {RULES.longest_s:g} s",),
    "docs/explanation/calibration-and-abstention.md": (f"({WINDOWS.shortest_s:g} s in the bundle that ships)",),
    "docs/reference/formats.md": (f"at most {MOST_CHANNELS} |", f"{LEAST_RATE:,} to {MOST_RATE:,} Hz"),
    "docs/reference/errors.md": (f"more than {MOST_CHANNELS} channels", f"{LEAST_RATE:,} to {MOST_RATE:,} Hz"),
    "docs/reference/glossary.md": (f"at most {WINDOWS.length_s:g} s of a turn",),
    "README.md": (f"{LEAST_RATE // 1000} kHz and up, at most {MOST_CHANNELS} channels",),
}
"""What pages say about constants of the code, written from the constants."""


@pytest.mark.parametrize("page", NUMBERS)
def test_numbers_in_the_text_are_those_of_the_code(page: str) -> None:
    for words in NUMBERS[page]:
        assert words in re.sub(r"\s+", " ", read(ROOT / page)), words


def test_channels_are_listened_to_for_the_first_minute() -> None:
    assert LOOK_BLOCKS * LOOK_S == 60
    for page in ("how-to/calls.md", "explanation/how-it-works.md"):
        assert "first minute" in read(ROOT / "docs" / page)


def test_every_corpus_and_system_is_listed() -> None:
    folders = {row[0]: row for row in rows(section(ROOT / "docs" / "how-to" / "train-your-own.md", "The corpora"))}
    for name, corpus in CORPORA.items():
        row = folders[f"`{name}`"]
        assert row[2:5] == [corpus.card.language, str(corpus.card.speakers), str(corpus.card.utterances)]
        assert row[5].startswith("yes" if corpus.card.model_may_be_released else "no")
    systems = import_module("undertone.systems.registry").SYSTEMS
    listed = {row[0] for row in rows(section(ROOT / "README.md", "Systems"))[2:]}
    relative = import_module("undertone.experiments.relative_config").SYSTEM  # trained by a run of its own
    assert listed == {f"`{name}`" for name in (*systems, relative)}


def test_every_dependency_is_among_the_third_parties() -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["train"]]
    packages = {re.match(r"[\w-]+", requirement)[0] for requirement in wanted}
    assert {row[0] for row in rows(section(ROOT / "THIRD_PARTY.md", "Packages")) if row[0] in packages} == packages


def test_every_corpus_of_the_shipped_weights_is_among_the_third_parties() -> None:
    text = section(ROOT / "THIRD_PARTY.md", "Weights")
    for source in json.loads(read(CARD))["training"]["sources"]:
        assert source["title"].split(":")[0].split(",")[0] in text
        assert source["licence"] in text


def test_architecture_names_every_folder() -> None:
    page = ROOT / "ARCHITECTURE.md"
    package = ROOT / "src" / "undertone"
    folders = {f"{path.parent.relative_to(package)}/" for path in package.rglob("__init__.py")} - {"./"}
    files = {path.name for path in package.glob("*.py")} - {"__init__.py", "__main__.py"}
    tests = {f"tests/{path.parent.relative_to(ROOT / 'tests')}" for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders | files | tests <= named(section(page, "Folders"))


def test_architecture_tells_the_import_law_that_is_held() -> None:
    law = runpy.run_path(str(Path(__file__).with_name("test_structure.py")))
    told = {
        row[0].strip("`"): set(re.findall(r"`(\w+)`", row[1]))
        for row in rows(section(ROOT / "ARCHITECTURE.md", "Import law"))[2:]
    }
    assert told == {part: allowed for part, allowed in law["LAYERS"].items() if part not in law["BASE"]}


def test_the_changelog_knows_this_version() -> None:
    assert f"## [{undertone.__version__}]" in read(ROOT / "CHANGELOG.md")


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@every_page
def test_every_relative_link_resolves(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        assert target.is_relative_to(ROOT)
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\(([^)\s#]+\.md)[)#]", prose(page))
        waiting += {(page.parent / link).resolve() for link in links} - reached
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} <= reached


def test_the_documentation_speaks_of_no_machine() -> None:
    for page in PAGES:
        assert not re.search(rf"{re.escape(os.sep)}(home|root|work|tmp){re.escape(os.sep)}", read(page)), page.name
