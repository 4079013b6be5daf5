"""The page of the phone recogniser names every field of its configuration and its card."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest
from pages import REFERENCE, named, read, rows, section

from undertone.asr.config import AsrConfig, AsrOptimisation, Chunks
from undertone.backbones.files import BackboneCard, Score
from undertone.backbones.network import BackboneSizes
from undertone.backbones.whisper_phones import PhoneHeadSizes
from undertone.backbones.whisper_phones_files import WhisperPhonesCard

PAGE = REFERENCE / "asr.md"


def shown(item: dataclasses.Field) -> str:
    if item.default is dataclasses.MISSING:
        return ""
    return f"`{json.dumps(list(item.default) if isinstance(item.default, tuple) else item.default)}`"


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Top level", AsrConfig),
        ("sizes", BackboneSizes),
        ("head", PhoneHeadSizes),
        ("chunks", Chunks),
        ("optimisation", AsrOptimisation),
    ],
)
def test_every_field_is_in_its_table_with_its_default(title: str, kind: type) -> None:
    found = {}
    for names, default, *_ in rows(section(PAGE, title))[2:]:
        found.update(dict.fromkeys(re.findall(r"`(\w+)`", names), default))
    assert found == {item.name: shown(item) for item in dataclasses.fields(kind)}


def test_every_field_of_the_card_is_told() -> None:
    assert {item.name for item in dataclasses.fields(BackboneCard)} <= named(section(PAGE, "The card of a backbone"))
    assert {item.name for item in dataclasses.fields(WhisperPhonesCard)} <= named(
        section(PAGE, "The card of a backbone")
    )
    assert {"per", "low", "high", "by", "shared_speakers"} <= {item.name for item in dataclasses.fields(Score)}
    assert {"per", "low", "high", "by", "shared_speakers"} <= named(read(PAGE))
