"""Backbones of our own as encoders: what a row holds, what a name says, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_backbones import SIZES, saved_backbone

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.backbones import shipped
from undertone.backbones.files import load_backbone
from undertone.backbones.network import Backbone, Frames
from undertone.backbones.shipped import backbone_folder, shipped_backbones
from undertone.encoders.base import Layout
from undertone.encoders.registry import encoder_named
from undertone.encoders.rows import frame_rows, moments
from undertone.errors import BundleError, ChecksumError, ConfigError
from undertone.speech.phones import SYMBOLS

LENGTHS = (16_000, 6_000, 12_345, 400)

LAYOUT = Layout(blocks=3, width=24, symbols=len(SYMBOLS), blank=0, frames_per_s=25.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved_backbone(tmp_path_factory.mktemp("backbones") / "asr")


@pytest.fixture(scope="module")
def sounds() -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [(0.1 * rng.standard_normal(length)).astype(np.float32) for length in LENGTHS]


def heard(network: Backbone, samples: np.ndarray, chunk: int | None = None) -> Frames:
    """What the network itself gives of one utterance."""
    mel = torch.from_numpy(log_mel(samples, FrontEnd()))
    with torch.inference_mode():
        return network(mel[None], torch.tensor([len(mel)]), chunk)


def expected_rows(found: Frames) -> np.ndarray:
    return torch.cat([*found.blocks, found.logits], dim=-1)[0].numpy()


@pytest.mark.parametrize("chunk", [None, 4])
def test_a_row_is_every_block_and_then_the_scores(place: Path, sounds: list[np.ndarray], chunk: int | None) -> None:
    network, _ = load_backbone(place)
    encoder = encoder_named(f"asr-frames:{place}" + (f",chunk={chunk}" if chunk else ""))
    assert (encoder.rows, encoder.dtype, encoder.layout) == ("frame", "float16", LAYOUT)
    assert encoder.row_shape == (3 * 24 + len(SYMBOLS),)
    for samples, rows in zip(sounds, encoder.encode(sounds), strict=True):
        assert rows.dtype == np.float16
        expected = expected_rows(heard(network, samples, chunk))
        assert rows.shape == expected.shape
        assert len(rows) == -(-FrontEnd().num_frames(len(samples)) // 4)
        assert np.allclose(rows, expected, atol=2e-5, rtol=2**-10)


def test_chunks_change_what_is_heard_and_the_store(place: Path, sounds: list[np.ndarray]) -> None:
    whole, chunks, other = (encoder_named(f"asr-frames:{place}{behind}") for behind in ("", ",chunk=4", ",chunk=5"))
    assert not np.allclose(whole.encode(sounds[:1])[0], chunks.encode(sounds[:1])[0], atol=1e-2)
    assert len({whole.revision, chunks.revision, other.revision}) == 3
    assert [each.name for each in (whole, chunks)] == ["asr-frames:tiny-phones", "asr-frames:tiny-phones,chunk=4"]


@pytest.mark.parametrize("behind", ["", ",chunk=4"])
def test_an_utterance_is_described_by_mean_and_deviation_of_every_block(
    place: Path, sounds: list[np.ndarray], behind: str
) -> None:
    network, _ = load_backbone(place)
    encoder = encoder_named(f"asr:{place}{behind}")
    assert (encoder.rows, encoder.dtype, encoder.layout, encoder.row_shape) == ("utterance", "float32", None, (3, 48))
    for samples, rows in zip(sounds, encoder.encode(sounds), strict=True):
        blocks = np.stack([block[0].numpy() for block in heard(network, samples, 4 if behind else None).blocks])
        assert rows.dtype == np.float32
        assert rows[0, :, :24] == pytest.approx(blocks.mean(axis=1), abs=2e-5)
        assert rows[0, :, 24:] == pytest.approx(blocks.std(axis=1), abs=2e-5)


def test_of_a_single_frame_nothing_varies(place: Path, sounds: list[np.ndarray]) -> None:
    (row,) = encoder_named(f"asr:{place}").encode([sounds[0][:400]])
    assert (row[0, :, 24:] == 0).all()
    assert (row[0, :, :24] != 0).any()


@pytest.mark.parametrize("family", ["asr", "asr-frames", "asr-random", "asr-random-frames"])
def test_sound_shorter_than_a_frame_has_no_row_and_harms_nobody(
    place: Path, sounds: list[np.ndarray], family: str
) -> None:
    encoder = encoder_named(f"{family}:{place}")
    nothing, one, long = encoder.encode([sounds[0][:399], sounds[0][:400], sounds[0]])
    assert (nothing.shape, len(one)) == ((0, *encoder.row_shape), 1)
    assert np.allclose(long, encoder.encode(sounds[:1])[0], atol=1e-5, rtol=2**-9)
    assert encoder.encode([sounds[0][:399]])[0].shape == (0, *encoder.row_shape)


def test_a_trained_encoder_says_where_it_comes_from(place: Path) -> None:
    encoder = encoder_named(f"asr-frames:{place}")
    assert encoder.weights == "tiny-phones"
    assert encoder.source == "ours: the backbone tiny-phones, trained on AN4, licence: free"


def test_a_revision_follows_the_weights_and_not_the_folder(place: Path, tmp_path: Path) -> None:
    first = encoder_named(f"asr:{place}")
    moved = encoder_named(f"asr:{shutil.copytree(place, tmp_path / 'elsewhere')}")
    assert (moved.name, moved.revision) == (first.name, first.revision)
    assert encoder_named(f"asr:{saved_backbone(tmp_path / 'other', seed=4)}").revision != first.revision


def test_random_weights_have_the_sizes_of_the_card_and_come_from_the_seed(
    place: Path, sounds: list[np.ndarray]
) -> None:
    state = torch.random.get_rng_state()
    first, same, other = (
        encoder_named(f"asr-random-frames:{place}{behind}") for behind in ("", ",seed=0", ",seed=1,chunk=4")
    )
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.name == same.name == "asr-random-frames:tiny-phones,seed=0"
    assert first.revision == same.revision != other.revision
    assert other.name == "asr-random-frames:tiny-phones,chunk=4,seed=1"
    assert {each.weights for each in (first, other, encoder_named(f"asr-random:{place}"))} == {"random"}
    assert first.source == "ours: a network of the sizes of the backbone tiny-phones, untrained"
    assert first.layout == LAYOUT
    with torch.random.fork_rng():
        torch.manual_seed(1)
        drawn = Backbone(SIZES).eval()
    (rows,) = other.encode(sounds[:1])
    assert np.allclose(rows, expected_rows(heard(drawn, sounds[0], 4)), atol=2e-5, rtol=2**-10)
    assert np.array_equal(first.encode(sounds[:1])[0], same.encode(sounds[:1])[0])
    trained = encoder_named(f"asr-frames:{place}").encode(sounds[:1])[0]
    assert not np.allclose(first.encode(sounds[:1])[0], trained, atol=1e-2)


def test_random_weights_need_the_card_alone(place: Path, tmp_path: Path) -> None:
    shutil.copy(place / "card.json", tmp_path)
    assert encoder_named(f"asr-random:{tmp_path}").row_shape == (3, 48)
    with pytest.raises(BundleError, match=r"backbone\.safetensors cannot be read"):
        encoder_named(f"asr:{tmp_path}")


def test_random_weights_do_not_depend_on_those_of_the_folder(place: Path, tmp_path: Path) -> None:
    other = saved_backbone(tmp_path / "x", seed=9)
    assert encoder_named(f"asr-random:{place}").revision == encoder_named(f"asr-random:{other}").revision


def test_damaged_weights_are_refused(place: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(place, tmp_path / "x")
    table = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(table | {"sha256": "0" * 64}))
    with pytest.raises(ChecksumError, match=r"not 000000000000…; copy the folder anew"):
        encoder_named(f"asr:{folder}")


def test_numbers_too_large_for_float16_are_refused_and_not_clipped(tmp_path: Path, sounds: list[np.ndarray]) -> None:
    folder = saved_backbone(tmp_path / "loud", gain=6e4)
    with pytest.raises(
        ConfigError,
        match=r"encoder asr-frames:tiny-phones: its rows reach \d.*float16, which ends at 65504; name the family "
        r"without -frames",
    ):
        encoder_named(f"asr-frames:{folder}").encode(sounds[:1])
    (row,) = encoder_named(f"asr:{folder}").encode(sounds[:1])
    assert np.isfinite(row).all()
    assert row.max() > 1e4


@pytest.mark.parametrize(("number", "fits"), [(65_503.0, True), (65_504.0, False), (-65_504.0, False)])
def test_the_limit_of_float16_is_its_largest_number(number: float, fits: bool) -> None:
    blocks, scores = torch.zeros(2, 3, 4), torch.zeros(3, 5)
    for where in (blocks, scores):
        where[1, 2] = number
        if fits:
            assert np.abs(frame_rows("x", blocks, scores)).max() == 65_504
        else:
            with pytest.raises(ConfigError, match="encoder x: its rows reach 65504,"):
                frame_rows("x", blocks, scores)
        where[1, 2] = 0


def test_rows_without_scores_are_the_blocks() -> None:
    blocks = torch.arange(24.0).reshape(2, 3, 4)
    assert frame_rows("x", blocks).tolist()[0] == [0, 1, 2, 3, 12, 13, 14, 15]
    assert moments(blocks)[0, :, :4].tolist() == [[4, 5, 6, 7], [16, 17, 18, 19]]


@pytest.mark.parametrize(
    ("family", "behind", "problem"),
    [
        ("asr-frames", ",chunk=0", r"asr-frames:.*,chunk=0: chunk must be a whole number from 1 to \d+, not '0'"),
        ("asr-frames", ",chunk=1.5", "chunk must be a whole number from 1 to .*, not '1.5'"),
        ("asr", ",chunk=", "chunk must be a whole number from 1 to .*, not ''"),
        ("asr-frames", ",chunk=4,chunk=5", "chunk is told twice; tell it once"),
        ("asr-frames", ",seed=1", "asr-frames takes chunk, not 'seed'"),
        ("asr-random", ",sed=1", "asr-random takes chunk and seed, not 'sed'"),
        ("asr-random-frames", ",seed=-1", "seed must be a whole number from 0 to .*, not '-1'"),
        ("asr-random", ",seed=1,chunk=x,sed=2", "not 'sed'; chunk must be .* not 'x'"),
        ("asr", ",float32", "backbone .*,float32: there is no such folder"),
    ],
)
def test_an_option_that_cannot_be_used_is_told(place: Path, family: str, behind: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        encoder_named(f"{family}:{place}{behind}")


def test_a_folder_may_be_called_like_an_option(place: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(place, tmp_path / "run,chunk=3")
    assert encoder_named(f"asr:{folder}").name == "asr:tiny-phones"
    assert encoder_named(f"asr:{folder},chunk=2").name == "asr:tiny-phones,chunk=2"


def test_a_backbone_is_a_folder_or_comes_with_the_package(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "package"
    for name in ("phones-en", "phones-de"):
        shutil.copytree(place, home / name)
    (home / "__pycache__").mkdir()
    shutil.copytree(place, home / "no-weights")
    (home / "no-weights" / "backbone.safetensors").unlink()
    monkeypatch.setattr(shipped, "HOME", home)
    assert shipped_backbones() == ("phones-de", "phones-en")
    assert backbone_folder("phones-en") == home / "phones-en"
    assert backbone_folder(str(place)) == place
    for name in ("phones-fr", "no-weights", "../package/phones-eng"):
        with pytest.raises(
            ConfigError, match=rf"backbone {name}: .*come phones-de, phones-en; name a folder with card"
        ):
            backbone_folder(name)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(place, "phones-en")
    assert backbone_folder("phones-en") == Path("phones-en")
    assert encoder_named("asr:phones-de,chunk=8").name == "asr:tiny-phones,chunk=8"


def test_where_no_backbone_comes_with_the_package_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "HOME", tmp_path)
    assert shipped_backbones() == ()
    with pytest.raises(ConfigError, match="no backbone of that name; none comes with this version"):
        backbone_folder("phones-en")


def test_every_backbone_that_comes_with_the_package_can_be_heard(sounds: list[np.ndarray]) -> None:
    for name in shipped_backbones():
        encoder = encoder_named(f"asr-frames:{name}")
        assert np.isfinite(encoder.encode(sounds[:1])[0]).all()
