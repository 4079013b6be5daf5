"""Speech encoders in the hub's layout: what they compute, and which checkpoints are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny_checkpoints import KINDS, SIZES, SPECTRAL, built, extractor_of, saved
from torch import nn

from undertone.encoders.checkpoints import load_checkpoint
from undertone.encoders.hub import has_bfloat16
from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError

LENGTHS = (16_000, 9_000, 12_345, 16_000, 3_000, 12_346)

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def _no_progress_bar() -> Iterator[None]:
    transformers.utils.logging.disable_progress_bar()
    yield
    transformers.utils.logging.enable_progress_bar()


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [(0.1 * rng.standard_normal(length) + 0.05).astype(np.float32) for length in LENGTHS]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a kind's checkpoint, saved once; nobody changes it."""
    folder = tmp_path_factory.mktemp("checkpoints")
    return cache(lambda kind: saved(kind, folder / kind))


model_of = cache(built)


def reference(kind: str, sounds: list[np.ndarray], **changes: object) -> list[torch.Tensor]:
    """States of every utterance alone, as the library gives them; shape (block, frame, width)."""
    model = model_of(kind)
    extractor = extractor_of(kind, **changes)
    found = []
    with torch.inference_mode():
        for samples in sounds:
            prepared = extractor(samples, sampling_rate=16_000, return_tensors="pt")
            if kind == "whisper":
                states = model.get_encoder()(prepared.input_features, output_hidden_states=True).hidden_states
                found.append(torch.stack(states)[:, 0, : -(-len(samples) // 320)])
            elif kind in SPECTRAL:
                heard = model(**prepared, output_hidden_states=True)
                mask = heard.attention_mask if kind == "parakeet" else prepared.attention_mask
                found.append(torch.stack(heard.hidden_states)[:, 0, : mask.sum()])
            else:
                found.append(torch.stack(model(prepared.input_values, output_hidden_states=True).hidden_states)[:, 0])
    return found


@every_kind
def test_means_are_those_of_every_utterance_alone(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub:{place(kind)},float32")
    rows = encoder.encode(sounds)
    for row, states in zip(rows, reference(kind, sounds), strict=True):
        assert row.shape == (1, *encoder.row_shape)
        assert row[0] == pytest.approx(states.mean(dim=1).numpy(), abs=2e-5)


@every_kind
def test_frames_are_those_of_every_utterance_alone(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub-frames:{place(kind)},float32")
    for rows, states in zip(encoder.encode(sounds), reference(kind, sounds), strict=True):
        assert rows.dtype == np.float16
        assert rows.shape == (states.shape[1], *encoder.row_shape)
        assert np.allclose(rows, states.transpose(0, 1).numpy(), atol=2e-5, rtol=2**-10)


@every_kind
def test_what_one_utterance_gets_does_not_depend_on_the_others(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub:{place(kind)},float32")
    together = encoder.encode(sounds)
    alone = [encoder.encode([samples])[0] for samples in sounds]
    assert np.array(together) == pytest.approx(np.array(alone), abs=1e-5)


def test_a_padded_batch_of_the_library_would_depend_on_the_others(sounds: list[np.ndarray]) -> None:
    """Why the convolutions hear one utterance at a time: the group norm takes padding for sound."""
    model, extractor = built("wav2vec2-group-norm"), extractor_of("wav2vec2-group-norm")
    batch = extractor(sounds[:2], sampling_rate=16_000, return_tensors="pt", padding=True).input_values
    with torch.inference_mode():
        together = model(batch).last_hidden_state[1, :100]
        alone = model(extractor(sounds[1], sampling_rate=16_000, return_tensors="pt").input_values).last_hidden_state
    assert (together - alone[0, :100]).abs().max() > 1e-2


def test_the_superb_head_gives_from_means_what_it_gives_from_frames(
    sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    means = encoder_named(f"hub:{place('hubert')},float32").encode(sounds)
    blocks = torch.tensor([0.3, -1.0, 0.5, 2.0]).softmax(dim=0)
    torch.manual_seed(0)
    project, classify = nn.Linear(32, 16), nn.Linear(16, 4)
    for row, states in zip(means, reference("hubert", sounds), strict=True):
        by_frame = classify(project(torch.einsum("b,bfw->fw", blocks, states)).mean(dim=0))
        by_mean = classify(project(torch.einsum("b,bw->w", blocks, torch.from_numpy(row[0]))))
        assert by_mean.detach().numpy() == pytest.approx(by_frame.detach().numpy(), abs=1e-5)


@pytest.mark.parametrize("normalise", [True, False])
def test_sound_is_normalised_as_the_checkpoint_says(normalise: bool, sounds: list[np.ndarray], tmp_path: Path) -> None:
    folder = saved("wav2vec2-layer-norm", tmp_path / "x", do_normalize=normalise)
    encoder = encoder_named(f"hub:{folder},float32")
    for row, states in zip(
        encoder.encode(sounds), reference("wav2vec2-layer-norm", sounds, do_normalize=normalise), strict=True
    ):
        assert row[0] == pytest.approx(states.mean(dim=1).numpy(), abs=2e-5)
    quiet = encoder.encode([sounds[0] / 8])[0]
    assert np.allclose(quiet, encoder.encode(sounds[:1])[0], atol=1e-3) == normalise


@every_kind
def test_bfloat16_gives_nearly_the_same(kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]) -> None:
    folder = place(kind)
    exact = np.array(encoder_named(f"hub:{folder},float32").encode(sounds))
    rough = np.array(encoder_named(f"hub:{folder},bfloat16").encode(sounds))
    assert not np.array_equal(exact, rough)
    cosine = (exact * rough).sum(-1) / np.linalg.norm(exact, axis=-1) / np.linalg.norm(rough, axis=-1)
    assert cosine.min() > 0.999


def test_the_precision_is_part_of_the_revision_and_the_processor_chooses_it(place: Callable[[str], Path]) -> None:
    folder = place("hubert")
    revisions = {name: encoder_named(f"hub:{folder}{name}").revision for name in ("", ",float32", ",bfloat16")}
    assert revisions[",float32"] != revisions[",bfloat16"]
    assert revisions[""] == revisions[",bfloat16" if has_bfloat16() else ",float32"]


@pytest.mark.parametrize("kind", ["wav2vec2-group-norm", "whisper"])
def test_sound_that_is_too_short_has_no_row_and_harms_nobody(
    kind: str, sounds: list[np.ndarray], place: Callable[[str], Path]
) -> None:
    encoder = encoder_named(f"hub:{place(kind)},float32")
    least = 1 if kind == "whisper" else 10 + 5 * (7 + 4 * 7)
    nothing, one, long = encoder.encode([sounds[0][: least - 1], sounds[0][:least], sounds[0]])
    assert nothing.shape == (0, *encoder.row_shape)
    assert one.shape == (1, *encoder.row_shape)
    assert long == pytest.approx(encoder.encode(sounds[:1])[0], abs=1e-5)
    assert encoder.encode([sounds[0][: least - 1]])[0].shape == (0, *encoder.row_shape)


def test_whisper_hears_long_sound_in_stretches(place: Callable[[str], Path]) -> None:
    samples = (0.1 * np.random.default_rng(0).standard_normal(36_000)).astype(np.float32)
    (rows,) = encoder_named(f"hub-frames:{place('whisper')},float32").encode([samples])
    parts = reference("whisper", [samples[:16_000], samples[16_000:32_000], samples[32_000:]])
    expected = torch.cat(parts, dim=1).transpose(0, 1).numpy()
    assert rows.shape == expected.shape
    assert np.allclose(rows, expected, atol=2e-5, rtol=2**-10)


def test_an_encoder_says_where_it_comes_from(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "tiny-hubert")
    encoder = encoder_named(f"hub:{folder}")
    assert (encoder.name, encoder.weights, encoder.rows) == ("hub:tiny-hubert", "tiny-hubert", "utterance")
    assert encoder.source == "checkpoint tiny-hubert (HubertModel), licence: not stated in its README"
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# Tiny\nlicense: mit\n")
    assert encoder_named(f"hub:{folder}").source.endswith("licence: apache-2.0")
    assert encoder_named(f"hub-frames:{folder}").rows == "frame"


def test_a_revision_follows_the_weights_and_not_the_folder(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    moved = shutil.copytree(folder, tmp_path / "y" / "x")
    first = load_checkpoint(str(folder)).fingerprint
    assert load_checkpoint(str(moved)).fingerprint == first
    weights = load_file(moved / "model.safetensors")
    weights["encoder.layer_norm.bias"] += 1
    save_file(weights, moved / "model.safetensors", metadata={"format": "pt"})
    assert load_checkpoint(str(moved)).fingerprint != first


@pytest.mark.parametrize(
    ("kind", "head"),
    [("wav2vec2-group-norm", "ForCTC"), ("wav2vec2-group-norm", "ForPreTraining"), ("hubert", "ForCTC"),
     ("wavlm", "ForSequenceClassification"), ("whisper", "ForConditionalGeneration")],
)  # fmt: skip
def test_heads_of_a_checkpoint_are_left_out(kind: str, head: str, sounds: list[np.ndarray], tmp_path: Path) -> None:
    encoder = encoder_named(f"hub:{saved(kind, tmp_path / 'x', head)},float32")
    assert np.isfinite(encoder.encode(sounds[:1])[0]).all()


def changed(folder: Path, name: str, value: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    weights = load_file(path)
    if value is None:
        del weights[name]
    else:
        weights[name] = value
    save_file(weights, path, metadata={"format": "pt"})


def test_a_checkpoint_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    changed(folder, "encoder.layers.1.attention.k_proj.weight", None)
    with pytest.raises(
        ConfigError,
        match=r"1 weights are missing and would be random: encoder\.layers\.1\.attention\.k_proj\.weight; name",
    ):
        encoder_named(f"hub:{folder}")


def test_a_checkpoint_with_weights_of_something_else_is_refused(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    changed(folder, "encoder.gate.weight", torch.ones(2))
    with pytest.raises(ConfigError, match=r"1 weights belong to no part of the encoder: encoder\.gate\.weight"):
        encoder_named(f"hub:{folder}")


def test_a_checkpoint_with_weights_of_another_shape_is_refused(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    changed(folder, "encoder.layer_norm.bias", torch.ones(33))
    with pytest.raises(ConfigError, match=r"checkpoint .*(cannot be loaded|have another shape)"):
        encoder_named(f"hub:{folder}")


def test_the_vector_that_masks_frames_in_training_may_be_missing(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    changed(folder, "masked_spec_embed", None)
    assert encoder_named(f"hub:{folder}").weights == "x"


def test_damaged_weights_are_told(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ConfigError, match=r"its weights cannot be loaded \(.*\); copy the folder anew"):
        encoder_named(f"hub:{folder}")


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_folder_that_lacks_a_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = saved("hubert", tmp_path / "x")
    (folder / name).unlink()
    with pytest.raises(ConfigError, match=rf"{name} is missing; a folder in the hub's layout holds it"):
        encoder_named(f"hub:{folder}")


def test_a_configuration_that_is_none_is_told(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    (folder / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="its configuration cannot be read"):
        encoder_named(f"hub:{folder}")


def test_what_is_no_speech_encoder_is_refused(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="'bert' is not a speech encoder that is known; those are wav2vec2, hubert"):
        encoder_named(f"hub:{folder}")


def test_an_encoder_for_another_sample_rate_is_refused(tmp_path: Path) -> None:
    folder = saved("hubert", tmp_path / "x", sampling_rate=8000)
    with pytest.raises(ConfigError, match="it hears 8000 Hz; encoders hear 16000 Hz"):
        encoder_named(f"hub:{folder}")


@pytest.mark.parametrize("place", ["/nowhere/at/all", "./nowhere", "nowhere", "../owner/name", "a/b/c"])
def test_only_a_name_of_the_hub_asks_for_the_network(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> str:
        raise AssertionError

    monkeypatch.setattr("huggingface_hub.snapshot_download", never)
    with pytest.raises(ConfigError, match="there is no such folder, and a name of the hub is owner/name"):
        encoder_named(f"hub:{place}")


def test_a_name_of_the_hub_is_fetched_without_pickled_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved("hubert", tmp_path / "0123abcd")
    asked = []

    def fetched(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetched)
    encoder = encoder_named("hub:owner/tiny-hubert")
    assert (encoder.name, encoder.weights) == ("hub:owner/tiny-hubert", "owner/tiny-hubert")
    tables = ["*.json", "*.safetensors", "vocab.txt", "merges.txt", "README.md"]
    assert asked == [("owner/tiny-hubert", tables)]
    (folder / "model.safetensors").unlink()
    with pytest.raises(ConfigError, match="its weights cannot be loaded"):
        encoder_named("hub:owner/tiny-hubert")
    assert asked[-1][1][-1] == "pytorch_model*.bin"


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", refused)
    with pytest.raises(
        ConfigError, match=r"checkpoint owner/name: .* cannot be fetched from the hub \(no route to host\)"
    ):
        encoder_named("hub:owner/name")


def test_random_weights_are_the_same_every_time_and_are_labelled(sounds: list[np.ndarray], tmp_path: Path) -> None:
    folder = tmp_path / "x"
    transformers.HubertConfig(**SIZES).save_pretrained(folder)
    extractor_of("hubert").save_pretrained(folder)
    state = torch.random.get_rng_state()
    first, second = (encoder_named(f"random:{folder},float32") for _ in range(2))
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.array_equal(first.encode(sounds[:1])[0], second.encode(sounds[:1])[0])
    assert first.revision == second.revision
    assert (first.name, first.weights) == ("random:x", "random")
    assert first.source == "the architecture HubertModel of x, untrained"
    table = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(table | {"intermediate_size": 64}))
    assert encoder_named(f"random:{folder},float32").revision != first.revision


def test_an_architecture_that_is_unknown_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match=r"random weights for resnet: .* there are wav2vec2-base, hubert-base"):
        encoder_named("random:resnet")
