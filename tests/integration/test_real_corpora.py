"""Checking the real recordings, where they are at hand: they are what their publishers gave."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from undertone.corpora.check import Kind, check_corpus
from undertone.corpora.layouts import sound_files
from undertone.corpora.registry import CORPORA, corpus_named


@pytest.mark.parametrize(
    "name", [name if name == "urdu" else pytest.param(name, marks=pytest.mark.slow) for name in sorted(CORPORA)]
)
def test_real_corpora_have_no_findings(name: str, data: Path) -> None:
    if not sound_files(data / name):
        pytest.skip(f"{name} is not among the real recordings")
    report = check_corpus(CORPORA[name], data / name)
    assert report.findings == ()
    assert report.utterances == CORPORA[name].card.utterances
    assert report.files == report.utterances - len(report.exclusions)


def test_the_known_duplicate_of_ravdess_is_found_unless_it_is_excluded(data: Path, tmp_path: Path) -> None:
    corpus = corpus_named("ravdess")
    pair = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
    (tmp_path / "Actor_07").mkdir()
    for name in pair:
        shutil.copy(data / "ravdess" / "audio" / "Actor_07" / f"{name}.opus", tmp_path / "Actor_07")
    bare = replace(
        corpus, whole=(), card=replace(corpus.card, exclusions=(), utterances=2, counts={}, sample_rate=16_000)
    )
    report = check_corpus(bare, tmp_path)
    assert [(item.kind, item.name) for item in report.findings] == [(Kind.DUPLICATE, f"ravdess/Actor_07/{pair[0]}")]
    assert f"as ravdess/Actor_07/{pair[1]}; exclude all but one" in report.findings[0].detail
    assert check_corpus(bare, tmp_path, corpus.card.exclusions).findings == ()
