"""Labels by construction: what they say, whom they leave out, and that they make protocols."""

from __future__ import annotations

from pathlib import Path

import pytest
from miniature_corpora import make_data

from undertone.corpora.constructed import CONSTRUCTIONS, relabelled
from undertone.errors import ConfigError
from undertone.experiments.plan import opened, protocol_problems
from undertone.records import Utterance


def said(number: int, text: str | None, emotion: str | None) -> Utterance:
    return Utterance(
        id=f"a/{number}", path="x.wav", corpus="a", speaker="s", language="en", emotion=emotion, duration=1.0, text=text
    )


SAID = (
    said(0, "b", "happy"), said(1, "a", "happy"), said(2, "b", "sad"), said(3, "a", "neutral"), said(4, "c", "bored"),
    said(5, "a", "disgusted"), said(6, None, "sad"), said(7, "b", None),
)  # fmt: skip


@pytest.mark.parametrize(
    ("construction", "wanted"),
    [
        ("words", {0: "even", 1: "odd", 2: "even", 3: "odd", 4: "odd"}),
        ("voice", {0: "aroused", 1: "aroused", 2: "calm", 3: "calm", 4: "calm"}),
        ("conflict", {0: "alike", 1: "apart", 2: "apart", 3: "alike", 4: "alike"}),
    ],
)
def test_labels_are_those_of_the_construction(construction: str, wanted: dict[int, str]) -> None:
    found = {int(item.id[2:]): item.emotion for item in relabelled(SAID, construction)}
    assert found == wanted
    assert set(wanted.values()) == set(CONSTRUCTIONS[construction])


def test_an_unknown_construction_is_told() -> None:
    with pytest.raises(ConfigError, match="no construction is called 'odd'; there are words, voice, conflict"):
        relabelled(SAID, "odd")
    (problem,) = protocol_problems(["emodb/speakers@odd"])
    assert "must end in a construction behind its @; there are words, voice, conflict" in problem
    assert protocol_problems(["emodb/speakers@voice"]) == []


def test_a_construction_makes_a_protocol_of_its_own(tmp_path: Path) -> None:
    data = make_data(tmp_path)
    table = data / "ravdess" / "metadata.csv"
    head, *rows = (line.split(",") for line in table.read_text(encoding="utf-8").splitlines())
    for number, row in enumerate(rows):
        row[head.index("text")] = ("go home", "stay here")[number % 2]
    table.write_text("\n".join(",".join(row) for row in (head, *rows)), encoding="utf-8")
    plain, voice, conflict = opened(["ravdess/speakers", "ravdess/speakers@voice", "ravdess/speakers@conflict"], data)
    assert voice[0].name == "ravdess/speakers@voice"
    assert set(voice[0].labels) == {"calm", "aroused"}
    assert set(conflict[0].labels) == {"alike", "apart"}
    assert "labels by construction: voice" in voice[0].source
    assert {item.id for item in voice[1]} <= {item.id for item in plain[1]}
