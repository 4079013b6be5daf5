"""The studies that are committed: all their files can be read, and pages can be made of them."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from undertone.experiments.claims import read_study

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(path.parent for path in (ROOT / "experiments").glob("*/runs.toml"))


@pytest.mark.parametrize("folder", STUDIES, ids=lambda folder: folder.name)
def test_a_study_can_be_read_and_has_words_for_its_page(folder: Path) -> None:
    study = read_study(folder)
    assert study.claims
    page = runpy.run_path(str(ROOT / "docs" / "make_claims.py"))
    assert folder.name in page["SYSTEMS"]
    assert f"claims-{folder.name}" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_there_are_studies() -> None:
    assert {folder.name for folder in STUDIES} >= {"multilevel", "qieemo"}
