"""The plans for corpora and encoders that are not here, run to their end on miniature ones."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from pages import ROOT
from tiny_backbones import saved_backbone
from tiny_checkpoints import saved, saved_text

from undertone.cli import main
from undertone.encoders.registry import is_encoder
from undertone.experiments.results import read_result
from undertone.testing.corpora_with_tables import make_iemocap, make_meld

CODES = ("ang", "exc", "fru", "hap", "neu", "sad")
PARTS = {"train": 3, "dev": 1, "test": 2}
EMOTIONS = ("neutral", "joy", "sadness", "surprise", "anger", "fear", "disgust")


def iemocap(root: Path) -> str:
    """Every speaker of every session says something in each class."""
    items = {
        f"Ses{session:02}F_impro01_{speaker}{number:03}": label
        for session in range(1, 6)
        for speaker in "FM"
        for number, label in enumerate(CODES)
    }
    make_iemocap(root / "iemocap", items)
    return "iemocap/six"


def meld(root: Path) -> str:
    """Every emotion in every part."""
    parts = {
        part: [
            (dialogue, number, f"{part}{dialogue}", emotion)
            for dialogue in range(count)
            for number, emotion in enumerate(EMOTIONS)
        ]
        for part, count in PARTS.items()
    }
    make_meld(root / "meld", parts)
    return "meld/official"


@pytest.mark.parametrize(("name", "make"), [("iemocap", iemocap), ("meld", meld)])
def test_a_recipe_runs_to_its_end(name: str, make: object, tmp_path: Path) -> None:
    plan = tomllib.loads((ROOT / "experiments" / f"{name}.toml").read_text(encoding="utf-8"))
    assert is_encoder(plan["encoder"])
    families = [each.partition(":")[0].strip() for each in plan["encoder"].split("+")]
    assert families == ["hub-bare-frames", "text-tokens", "segments"]
    protocol = make(tmp_path / "data")  # type: ignore[operator]
    speech = saved("wav2vec2-group-norm", tmp_path / "speech")
    encoder = f"hub-bare-frames:{speech},float32 + text-tokens:{saved_text(tmp_path / 'text')} + segments:"
    settings = plan["settings"]["multilevel"] | {"first_block": 1, "last_block": 2, "steps": 3}
    fusion = settings.pop("fusion") | {"width": 8, "hidden": 8}
    (tmp_path / "plan.toml").write_text(
        f"learners = {json.dumps(plan['learners'])}\n"
        f'encoder = "{encoder}{saved_backbone(tmp_path / "backbone")}"\n'
        f'protocols = ["{protocol}"]\nseeds = [0]\n[settings.multilevel]\n'
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())
        + "[settings.multilevel.fusion]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fusion.items()),
        encoding="utf-8",
    )
    words = ("--data", tmp_path / "data", "--results", tmp_path / "r", "--work", tmp_path / "work")
    done = CliRunner().invoke(main, ["crossval", str(tmp_path / "plan.toml"), *map(str, words)])
    assert done.exit_code == 0, done.output
    result = read_result(tmp_path / "r" / protocol.replace("/", ".") / "multilevel.json")
    assert [each.partition(":")[0] for each in (result.encoder or "").split(" + ")] == families
    assert len(result.predictions) > 0
    assert result.scores["UA"].value > 0
