"""`undertone align` on the example conversation, with the recogniser that ships and without PyTorch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pages import ROOT
from praatio import textgrid
from processes import run_as_users_do

from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import backbone_folder, shipped_backbones
from undertone.cli import main
from undertone.inference.phones import recogniser_of

pytest.importorskip("pocketsphinx")

EXAMPLE = ROOT / "examples" / "conversation.flac"
SCRIPT = ROOT / "examples" / "make_conversation.py"
TEXT = " ".join(re.findall(r'text="([^"]+)"', SCRIPT.read_text(encoding="utf-8")))


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "undertone", "align", *map(str, arguments)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def aligned() -> dict[str, list[dict[str, object]]]:
    done = run(EXAMPLE, "--text", TEXT, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_word_is_found_in_order_inside_the_recording(aligned: dict) -> None:
    assert aligned["format"] == 1
    words = aligned["words"]
    assert [item["label"] for item in words] == re.findall(r"[a-z']+", TEXT.lower())
    edges = [item[edge] for item in words for edge in ("start", "end")]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= aligned["duration"]
    assert np.median([item["score"] for item in words]) > 0.2


def test_the_units_nest(aligned: dict) -> None:
    for kind in ("syllables", "phones"):
        for number, word in enumerate(aligned["words"]):
            inside = [item for item in aligned[kind] if item["word"] == number]
            assert inside[0]["start"] == word["start"]
            assert inside[-1]["end"] == word["end"]
    told = " ".join(item["label"] for item in aligned["syllables"])
    assert told.split() == [item["label"] for item in aligned["phones"]]


def test_the_files_are_read_by_other_tools(tmp_path: Path, aligned: dict) -> None:
    (tmp_path / "said.txt").write_text(TEXT, encoding="utf-8")
    for name in ("textgrid", "ctm"):
        done = run(EXAMPLE, "--text-file", tmp_path / "said.txt", "-f", name, "-o", tmp_path / "out")
        assert done.returncode == 0, done.stderr
    grid = textgrid.openTextgrid(str(tmp_path / "out" / "conversation.TextGrid"), includeEmptyIntervals=False)
    assert grid.tierNames == ("words", "syllables", "phones")
    assert [entry.label for entry in grid.getTier("words").entries] == [item["label"] for item in aligned["words"]]
    lines = (tmp_path / "out" / "conversation.ctm").read_text(encoding="utf-8").splitlines()
    for line, item in zip(lines, aligned["words"], strict=True):
        name, channel, start, duration, word, score = line.split()
        assert (name, channel, word) == ("conversation", "1", item["label"])
        assert float(start) == pytest.approx(item["start"], abs=2e-3)
        assert float(start) + float(duration) == pytest.approx(item["end"], abs=3e-3)
        assert 0 <= float(score) <= 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--text", "the quick brown fox jumps over the lazy dog"), "the transcript stops fitting at"),
        (("--text", " ".join([TEXT] * 8)), "saying the transcript takes"),
        (("--text", "..."), "there is no word in it"),
        (("--text", TEXT, "--backbone", "nowhere"), "write it with undertone asr export"),
        (("--text-file", "nowhere.txt"), "name a file that you may read"),
        ((), "give what is said with --text or with --text-file"),
    ],
)
def test_what_cannot_be_aligned_is_told_in_one_line(options: tuple[str, ...], said: str) -> None:
    result = CliRunner().invoke(main, ["align", str(EXAMPLE), *options])
    assert result.exit_code in (1, 2)
    assert said in result.stderr.replace("\n", " ")
    assert "Traceback" not in result.stderr


def test_a_recording_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_text("hello", encoding="utf-8")
    result = CliRunner().invoke(main, ["align", str(tmp_path / "no.wav"), "--text", "hello"])
    assert result.exit_code == 1
    assert "no.wav" in result.stderr


def test_a_transcript_that_does_not_fit_is_taken_where_that_is_wanted() -> None:
    result = CliRunner().invoke(main, ["align", str(EXAMPLE), "--text", "quick brown fox", "--any", "-f", "ctm"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 3


def test_it_needs_no_pytorch() -> None:
    _, imported = run_as_users_do("align", str(EXAMPLE), "--text", TEXT, "-f", "ctm")
    assert imported == []


@pytest.mark.parametrize("name", shipped_backbones())
def test_the_graph_that_ships_is_made_of_the_weights_that_ship(name: str) -> None:
    folder = backbone_folder(name)
    network, card = load_backbone(folder)
    graph = recogniser_of(folder, threads=1)
    assert graph.about["weights"] == card.sha256
    features = np.random.default_rng(0).normal(8, 4, (1, 120, 80)).astype(np.float32)
    found, frames = graph.run(features, np.array([120]))
    import torch

    with torch.inference_mode():
        expected = network(torch.from_numpy(features), torch.tensor([120])).logits.softmax(dim=-1).numpy()
    assert frames.tolist() == [expected.shape[1]]
    np.testing.assert_allclose(np.exp(found), expected, atol=0.02)
