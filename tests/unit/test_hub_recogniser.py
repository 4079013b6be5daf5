"""Speech recognisers in the hub's layout: blocks and scores are the library's own, and no head is ever random."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_checkpoints import SPECTRAL, built, extractor_of, saved

from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError

LENGTHS = (16_000, 9_000, 12_345)

KINDS = ("wav2vec2-group-norm", "wav2vec2-layer-norm", "hubert", "wavlm", "wav2vec2-bert", "parakeet")
HEADS = {kind: "ctc_head" if kind == "parakeet" else "lm_head" for kind in KINDS}
CLOCKS = {"wav2vec2-bert": 50.0, "parakeet": 12.5}
"""Frames a second; the others of this size have 200."""

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _no_progress_bar() -> Iterator[None]:
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [(0.1 * rng.standard_normal(length) + 0.02).astype(np.float32) for length in LENGTHS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a kind's recogniser, saved once; nobody changes it."""
    folder = tmp_path_factory.mktemp("recognisers")
    return cache(lambda kind: saved(kind, folder / kind, "ForCTC"))


model_of = cache(lambda kind: built(kind, "ForCTC"))


def own(kind: str, samples: np.ndarray, model: Any = None) -> tuple[torch.Tensor, torch.Tensor]:
    """What the library gives of one utterance: states (block, frame, width), scores (frame, symbol)."""
    model = model or model_of(kind)
    prepared = extractor_of(kind)(samples, sampling_rate=16_000, return_tensors="pt")
    with torch.inference_mode():
        heard = model(**prepared, output_hidden_states=True)
    states, scores = torch.stack(heard.hidden_states)[:, 0], heard.logits[0]
    if kind == "wav2vec2-bert":
        states = states[:, : prepared.attention_mask.sum()]
    if kind == "parakeet":
        count = int(prepared.attention_mask.sum())
        for _ in range(3):
            count = -(-count // 2)
        states, scores = states[:, :count], scores[:count]
    return states, scores[: states.shape[1]]


@pytest.mark.parametrize("kind", [*KINDS, "unispeech", "unispeech-sat", "data2vec-audio"])
def test_a_row_is_every_block_and_then_the_scores_of_the_library(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub-asr-frames:{place(kind)},float32")
    layout = encoder.layout
    assert layout is not None
    assert (layout.blocks, layout.width, layout.symbols) == (4, 32, 8)
    assert layout.blank == (7 if kind == "parakeet" else 0)
    assert layout.frames_per_s == CLOCKS.get(kind, 200.0)
    assert (encoder.rows, encoder.dtype, encoder.row_shape) == ("frame", "float16", (4 * 32 + 8,))
    for samples, rows in zip(sounds, encoder.encode(sounds), strict=True):
        states, scores = own(kind, samples)
        expected = torch.cat([*states, scores], dim=1).numpy()
        assert rows.dtype == np.float16
        assert rows.shape == expected.shape
        assert np.allclose(rows, expected, atol=3e-5, rtol=2**-10)
        assert len(rows) == pytest.approx(layout.frames_per_s * len(samples) / 16_000, abs=4)


@every_kind
def test_what_one_utterance_gets_does_not_depend_on_the_others(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub-asr-frames:{place(kind)},float32")
    for samples, rows in zip(sounds, encoder.encode(sounds), strict=True):
        (alone,) = encoder.encode([samples])
        assert np.allclose(rows, alone, atol=2e-5, rtol=2**-9)


@every_kind
def test_an_utterance_is_described_by_mean_and_deviation_of_every_block(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub-asr:{place(kind)},float32")
    assert (encoder.rows, encoder.dtype, encoder.layout, encoder.row_shape) == ("utterance", "float32", None, (4, 64))
    for samples, rows in zip(sounds, encoder.encode(sounds), strict=True):
        states = own(kind, samples)[0].numpy()
        assert rows[0, :, :32] == pytest.approx(states.mean(axis=1), abs=3e-5)
        assert rows[0, :, 32:] == pytest.approx(states.std(axis=1), abs=3e-5)


@pytest.mark.parametrize("kind", ["wav2vec2-layer-norm", "wav2vec2-bert", "parakeet"])
def test_bfloat16_gives_nearly_the_same(kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]) -> None:
    exact, rough = (encoder_named(f"hub-asr-frames:{place(kind)},{name}") for name in ("float32", "bfloat16"))
    assert exact.revision != rough.revision
    one, other = (each.encode(sounds[:1])[0].astype(np.float32) for each in (exact, rough))
    assert not np.array_equal(one, other)
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(("kind", "least"), [("wav2vec2-bert", 560), ("parakeet", 320), ("hubert", 185)])
@pytest.mark.parametrize("family", ["hub-asr", "hub-asr-frames"])
def test_sound_that_is_too_short_has_no_row_and_harms_nobody(
    kind: str, least: int, family: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"{family}:{place(kind)},float32")
    nothing, one, long = encoder.encode([sounds[0][: least - 1], sounds[0][:least], sounds[0]])
    assert (nothing.shape, len(one)) == ((0, *encoder.row_shape), 1)
    assert np.isfinite(one).all()
    assert np.allclose(long, encoder.encode(sounds[:1])[0], atol=2e-5, rtol=2**-9)
    assert encoder.encode([sounds[0][: least - 1]])[0].shape == (0, *encoder.row_shape)


@pytest.mark.parametrize("kind", ["whisper", "data2vec-audio", "wavlm", "wav2vec2-bert"])
def test_bare_frames_are_those_of_hub_frames_laid_flat(kind: str, sounds: list[np.ndarray], tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x")
    flat, plain = (encoder_named(f"{family}:{folder},float32") for family in ("hub-bare-frames", "hub-frames"))
    layout = flat.layout
    assert plain.layout is None
    assert layout is not None
    assert (layout.blocks, layout.width, layout.symbols) == (*plain.row_shape, 0)
    assert layout.frames_per_s == {"whisper": 50.0, "wav2vec2-bert": 50.0}.get(kind, 200.0)
    assert flat.row_shape == (layout.blocks * layout.width,)
    for one, other in zip(flat.encode(sounds), plain.encode(sounds), strict=True):
        assert np.array_equal(one, other.reshape(len(other), -1))


@pytest.mark.parametrize(("kind", "layers"), [("wav2vec2-group-norm", 3), ("wav2vec2-bert", 1), ("wav2vec2-bert", 2)])
def test_scores_behind_an_adapter_are_given_to_each_of_its_frames(kind: str, layers: int, tmp_path: Path) -> None:
    changes = {"add_adapter": True, "num_adapter_layers": layers, "output_hidden_size": 32}
    model = built(kind, "ForCTC", **changes)
    model.save_pretrained(tmp_path / "x")
    extractor_of(kind).save_pretrained(tmp_path / "x")
    # An even number of log-mel frames: of an odd one, the library's adapter hears what stands in the padding.
    samples = np.random.default_rng(0).standard_normal(16_240).astype(np.float32)
    encoder = encoder_named(f"hub-asr-frames:{tmp_path / 'x'},float32")
    (rows,) = encoder.encode([samples])
    with torch.inference_mode():
        prepared = extractor_of(kind)(samples, sampling_rate=16_000, return_tensors="pt")
        scores = model(**prepared).logits[0].numpy()
    assert len(scores) == -(-len(rows) // 2**layers)
    assert np.allclose(rows[:, -8:], scores[np.arange(len(rows)) // 2**layers], atol=1e-4, rtol=2**-10)


def test_an_adapter_with_another_clock_is_refused(tmp_path: Path) -> None:
    model = built("wav2vec2-group-norm", "ForCTC", add_adapter=True, adapter_stride=3, output_hidden_size=32)
    model.save_pretrained(tmp_path / "x")
    extractor_of("hubert").save_pretrained(tmp_path / "x")
    with pytest.raises(ConfigError, match=r"its adapter has kernel 3 and stride 3; scores are taken where.* 3 and 2; "):
        encoder_named(f"hub-asr-frames:{tmp_path / 'x'}")
    assert encoder_named(f"hub-asr:{tmp_path / 'x'}").row_shape == (4, 64)


def changed(folder: Path, name: str, value: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    save_file(weights, path, metadata={"format": "pt"})


@every_kind
def test_a_head_that_is_missing_is_an_error_and_never_random(kind: str, tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x", "ForCTC")
    changed(folder, f"{HEADS[kind]}.weight", None)
    for family in ("hub-asr", "hub-asr-frames"):
        with pytest.raises(
            ConfigError,
            match=rf"it has no CTC head \({HEADS[kind]}\.weight missing\); what recognises nothing is heard through "
            r"hub:.*x, hub-frames:.*x or hub-bare-frames:.*x",
        ):
            encoder_named(f"{family}:{folder}")


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "wav2vec2-bert"])
def test_a_checkpoint_of_an_encoder_alone_is_refused(kind: str, tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x")
    with pytest.raises(ConfigError, match=r"it has no CTC head \(lm_head\.bias, lm_head\.weight missing\)"):
        encoder_named(f"hub-asr-frames:{folder}")
    assert encoder_named(f"hub-bare-frames:{folder}").layout is not None


@pytest.mark.parametrize("kind", ["whisper", "parakeet"])
def test_an_architecture_without_a_ctc_head_is_refused(kind: str, tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x")
    name = "whisper" if kind == "whisper" else "parakeet_encoder"
    with pytest.raises(ConfigError, match=rf"'{name}' has no CTC head; what recognises nothing .* hub-bare-frames:"):
        encoder_named(f"hub-asr-frames:{folder}")


@every_kind
def test_a_weight_that_belongs_to_nothing_is_an_error(kind: str, tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x", "ForCTC")
    changed(folder, "quantizer.codevectors", torch.ones(2))
    with pytest.raises(ConfigError, match=r"1 weights belong to no part of the encoder: quantizer\.codevectors; name"):
        encoder_named(f"hub-asr-frames:{folder}")


@every_kind
def test_a_weight_of_the_encoder_that_is_missing_is_an_error(kind: str, tmp_path: Path) -> None:
    folder = saved(kind, tmp_path / "x", "ForCTC")
    name = min(name for name in load_file(folder / "model.safetensors") if ".layers.1." in name)
    changed(folder, name, None)
    with pytest.raises(ConfigError, match=r"1 weights are missing and would be random: .*layers\.1\."):
        encoder_named(f"hub-asr-frames:{folder}")


def configured(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("blank", [None, 8, -1])
def test_a_blank_that_is_no_symbol_is_an_error(blank: int | None, tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x", "ForCTC")
    configured(folder, pad_token_id=blank)
    with pytest.raises(ConfigError, match=rf"pad_token_id {blank} for the blank of 8 symbols; it must name the symbol"):
        encoder_named(f"hub-asr-frames:{folder}")


@pytest.mark.parametrize("told", ["[PAD]", {"content": "[PAD]", "lstrip": False}])
@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
def test_a_vocabulary_with_another_blank_is_an_error(file: str, told: object, tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x", "ForCTC")
    (folder / "vocab.json").write_text(json.dumps({"a": 0, "[PAD]": 5}))
    (folder / file).write_text(json.dumps({"pad_token": told}))
    with pytest.raises(
        ConfigError, match=r"the blank is 0 by config\.json and 5 \(\[PAD\]\) by vocab\.json; make them"
    ):
        encoder_named(f"hub-asr-frames:{folder}")
    configured(folder, pad_token_id=5)
    layout = encoder_named(f"hub-asr-frames:{folder}").layout
    assert layout is not None
    assert layout.blank == 5


@pytest.mark.parametrize("vocabulary", ["{", "[]", '{"eng": {"[PAD]": 0}}', '{"[PAD]": "none"}'])
def test_a_vocabulary_that_says_nothing_of_the_blank_is_passed_over(vocabulary: str, tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x", "ForCTC")
    (folder / "vocab.json").write_text(vocabulary)
    (folder / "tokenizer_config.json").write_text('{"pad_token": "[PAD]"}')
    layout = encoder_named(f"hub-asr-frames:{folder}").layout
    assert layout is not None
    assert layout.blank == 0


def test_an_extractor_of_another_kind_of_encoder_is_refused(tmp_path: Path) -> None:
    folder = saved("wav2vec2-bert", tmp_path / "x", "ForCTC")
    extractor_of("hubert").save_pretrained(folder)
    with pytest.raises(
        ConfigError, match="Wav2Vec2FeatureExtractor prepares input_values, but 'wav2vec2-bert' hears input_features"
    ):
        encoder_named(f"hub-asr-frames:{folder}")


def test_how_sound_is_prepared_may_stand_in_the_processor_s_file(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    folder = saved("parakeet", tmp_path / "x", "ForCTC")
    before = encoder_named(f"hub-asr-frames:{folder},float32")
    table = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps({"feature_extractor": table}))
    after = encoder_named(f"hub-asr-frames:{folder},float32")
    assert np.array_equal(before.encode(sounds[:1])[0], after.encode(sounds[:1])[0])
    table["preemphasis"] = 0.5
    (folder / "processor_config.json").write_text(json.dumps({"feature_extractor": table}))
    assert encoder_named(f"hub-asr-frames:{folder},float32").revision != after.revision


def test_numbers_too_large_for_float16_are_refused_and_not_clipped(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    folder = saved("hubert", tmp_path / "x", "ForCTC")
    changed(folder, "lm_head.bias", torch.full((8,), 7e4))
    with pytest.raises(ConfigError, match=r"encoder hub-asr-frames:x: its rows reach 7.*float16, which ends at 65504"):
        encoder_named(f"hub-asr-frames:{folder}").encode(sounds[:1])
    assert np.isfinite(encoder_named(f"hub-asr:{folder}").encode(sounds[:1])[0]).all()


def test_an_encoder_says_where_it_comes_from(tmp_path: Path) -> None:
    folder = saved("parakeet", tmp_path / "tiny", "ForCTC")
    (folder / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n")
    for family in ("hub-asr", "hub-asr-frames", "hub-bare-frames"):
        encoder = encoder_named(f"{family}:{folder}")
        assert (encoder.name, encoder.weights) == (f"{family}:tiny", "tiny")
        assert encoder.source == "checkpoint tiny (ParakeetForCTC), licence: cc-by-4.0"
    assert set(SPECTRAL) < set(KINDS)
