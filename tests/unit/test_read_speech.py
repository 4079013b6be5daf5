"""Corpora of read speech: what their tables call the official parts."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from undertone.corpora.layouts import COLUMNS
from undertone.corpora.read_speech import READ_SPEECH
from undertone.corpora.registry import corpus_named
from undertone.records import Utterance


def scanned(folder: Path, name: str, parts: tuple[str, ...]) -> tuple[Utterance, ...]:
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*COLUMNS, "split"))
        writer.writerows((f"audio/{part}.wav", "anna", "F", "", "YES", "1.0", part) for part in parts)
    return corpus_named(name).scan(folder)


@pytest.mark.parametrize("name", [corpus.card.name for corpus in READ_SPEECH])
def test_official_parts_have_our_names(name: str, tmp_path: Path) -> None:
    found = scanned(tmp_path, name, ("an4_train", "an4_test", "train", "test", ""))
    assert [item.split for item in found] == ["train", "test", "train", "test", None]


def test_an4_is_whole_and_its_parts_share_no_speaker(data: Path) -> None:
    found = corpus_named("an4").scan(data / "an4")
    assert Counter(item.split for item in found) == {"train": 948, "test": 130}
    speakers = {part: {item.speaker for item in found if item.split == part} for part in ("train", "test")}
    assert {part: len(those) for part, those in speakers.items()} == {"train": 74, "test": 10}
    assert not speakers["train"] & speakers["test"]
