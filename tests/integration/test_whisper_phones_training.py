"""A head on Whisper from corpus to recogniser: training, its files, and the commands that take them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import transformers
from click.testing import CliRunner, Result
from interruptions import silent
from test_asr_training import CONFIG, make_data
from tiny_heads import saved_whisper
from tiny_speech import LEXICON, say

from undertone.asr.config import AsrConfig, Chunks, read_asr_config
from undertone.asr.evaluate import evaluate_backbone
from undertone.asr.hearing import encoder_of
from undertone.asr.train import train_backbone
from undertone.backbones.files import install_backbone
from undertone.backbones.whisper_phones import PhoneHeadSizes
from undertone.backbones.whisper_phones_files import HEAD, load_whisper_phones
from undertone.cli import main
from undertone.errors import BundleError, ConfigError
from undertone.inference.phones import recogniser_of
from undertone.speech.greedy import greedy
from undertone.speech.phones import SYMBOLS
from undertone.units import SAMPLE_RATE


def undertone(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["asr", *map(str, words)])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AsrConfig]:
    """A run that learned three phones, and what it was told."""
    folder = tmp_path_factory.mktemp("head")
    make_data(folder / "data", folder / "work")
    transformers.utils.logging.disable_progress_bar()
    config = replace(
        CONFIG, words=False, chunks=Chunks(share=0.0), encoder=str(saved_whisper(folder / "whisper")),
        head=PhoneHeadSizes(read=(0, 1), states=32, width=32, layers=1, kernel=5, input_dropout=0.0, dropout=0.0),
        optimisation=replace(CONFIG.optimisation, learning_rate=8e-3, epochs=2, steps=30),
    )  # fmt: skip
    finished = train_backbone(config, folder / "data", folder / "work", silent, lexicon=LEXICON)
    assert finished is not None
    return folder, config


def test_a_language_of_three_phones_is_learned(trained: tuple[Path, AsrConfig]) -> None:
    folder, config = trained
    _, card = load_whisper_phones(folder / "work" / "backbone")
    (score,) = card.scores
    assert score.per < 0.2
    assert score.wer is None
    assert (card.encoder, card.sizes, card.name) == (config.encoder, config.head, "tiny")
    (told,) = json.loads((folder / "work" / "results.json").read_text())
    assert "in_chunks" not in told
    again = evaluate_backbone(
        folder / "work" / "backbone", config, folder / "data", folder / "work" / "cache", silent, lexicon=LEXICON
    )
    assert again == [score]
    with pytest.raises(BundleError, match=r"it has no words\.json"):
        evaluate_backbone(
            folder / "work" / "backbone", config, folder / "data", folder / "work" / "cache", silent, words=True
        )


def test_the_commands_take_a_head(trained: tuple[Path, AsrConfig], tmp_path: Path) -> None:
    folder, _ = trained
    backbone = folder / "work" / "backbone"
    assert "wrote" in undertone("export", backbone).stdout
    said = say(np.random.default_rng(99), words=5)
    soundfile.write(tmp_path / "new.wav", said.samples, SAMPLE_RATE)
    heard = undertone("transcribe", tmp_path / "new.wav", "--backbone", backbone)
    assert heard.exit_code == 0, heard.output
    rows = [line.split("\t") for line in heard.stdout.splitlines()]
    assert [row[2] for row in rows] == [SYMBOLS[each.symbol] for each in said.segments]
    for row, segment in zip(rows, said.segments, strict=True):
        assert float(row[0]) == pytest.approx(segment.first / 100, abs=0.04)
        assert float(row[1]) == pytest.approx((segment.first + segment.frames) / 100, abs=0.04)
    light = greedy(recogniser_of(backbone, threads=1).hear([said.samples]).log_probabilities)
    assert [SYMBOLS[each.symbol] for each in light] == [row[2] for row in rows]
    install_backbone(backbone, tmp_path / "installed", weights=HEAD)
    assert (tmp_path / "installed" / "recogniser.onnx").is_file()


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("[head]\nkernel = 4", "head: kernel must be odd"),
        ("[head]\nsymbols = 20", "head.symbols must be 40, the blank and the phones, not 20"),
        ("[head]", "masking.warp must be 0 for a head, whose states have no bands, not 0.1"),
        ("[head]", "chunks.share must be 0 for a head, which hears no stream, not 0.3"),
    ],
)
def test_settings_that_fit_no_head_are_refused(tmp_path: Path, lines: str, problem: str) -> None:
    (tmp_path / "bad.toml").write_text(f'name = "x"\ncorpora = ["an4"]\n{lines}\n')
    with pytest.raises(ConfigError, match=problem):
        read_asr_config(tmp_path / "bad.toml")


def test_a_head_of_another_width_than_the_encoder_is_refused(trained: tuple[Path, AsrConfig]) -> None:
    _, config = trained
    assert config.head is not None
    with pytest.raises(ConfigError, match=r"states must be 32, the width of .*, not 16"):
        encoder_of(replace(config, head=replace(config.head, states=16)))
