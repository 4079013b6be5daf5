"""The page on experiments is held to the code: fields of a plan, learners, and settings with their defaults."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from pages import REFERENCE, read, rows, section

from undertone.experiments.plan import PlanConfig
from undertone.learners.registry import LEARNERS
from undertone.systems.multilevel import Fusion
from undertone.systems.qieemo import Head

PAGE = REFERENCE / "experiments.md"

HEARS = {"majority": "nothing", "text-tuned": "nothing", "block-probe": "`asr:FOLDER`", "qieemo": "`asr-frames:FOLDER`"}
"""Where a learner has no encoder of its own and hears something else than `hub:FOLDER`."""


def shown_default(item: dataclasses.Field[Any]) -> str:
    if item.default is dataclasses.MISSING:
        return ""
    value = list(item.default) if isinstance(item.default, tuple) else item.default
    return f"`{json.dumps(value)}`"


def told(title: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for names, default, *_ in rows(section(PAGE, title).split("\n### ")[0])[2:]:
        found.update(dict.fromkeys(re.findall(r"`(\w+)`", names), default))
    return found


def test_every_field_of_a_plan_is_told_with_its_default() -> None:
    assert told("Plan") == {item.name: shown_default(item) for item in dataclasses.fields(PlanConfig)}


@pytest.mark.parametrize("name", sorted(LEARNERS))
def test_every_learner_is_told_with_its_settings(name: str) -> None:
    assert told(name) == {item.name: shown_default(item) for item in dataclasses.fields(LEARNERS[name].settings)}


def test_the_table_of_learners_says_what_each_hears() -> None:
    found = {cells[0]: cells[1] for cells in rows(section(PAGE, "Learners").split("\n### ")[0])[2:]}
    assert set(found) == {f"`{name}`" for name in LEARNERS}
    for name, learner in LEARNERS.items():
        assert found[f"`{name}`"] == HEARS.get(name, f"`{learner.encoder or 'hub:FOLDER'}`")


def test_every_setting_of_the_head_of_qieemo_is_told_with_its_default() -> None:
    assert told("The head of qieemo") == {item.name: shown_default(item) for item in dataclasses.fields(Head)}


def test_every_setting_of_the_fusion_of_multilevel_is_told_with_its_default() -> None:
    assert told("The fusion of multilevel") == {item.name: shown_default(item) for item in dataclasses.fields(Fusion)}


def test_the_page_can_be_reached() -> None:
    assert "reference/experiments.md" in read(REFERENCE.parent / "README.md")
