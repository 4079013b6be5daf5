"""Reading bundles: good ones, and every way in which one can be wrong."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from undertone.cli.bundle import describe
from undertone.errors import BundleError, ChecksumError, FormatVersionError, LabelMismatchError
from undertone.inference.bundle import FILES, SHIPPED, SUMS, Bundle, Golden, read_bundle, shipped_bundle, sums_of
from undertone.inference.card import Card, Pretrained, Rounding, Score, Source, Unrounded
from undertone.inference.parity import largest_difference
from undertone.inference.session import MOST_FRAMES, Session
from undertone.labels import EMOTIONS
from undertone.metrics.uncertainty import Estimate
from undertone.testing.bundles import first_frame_weights, make_bundle


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_bundle(tmp_path / "bundle")


def seal(folder: Path) -> None:
    """Write the checksums anew, so that what was changed in a bundle is found by what it says."""
    (folder / SUMS).write_text(sums_of(folder), encoding="utf-8")


def change_card(folder: Path, **fields: object) -> None:
    """Set fields of `card.json`, `a__b` for `b` inside `a`; `...` takes one out."""
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    for name, value in fields.items():
        *tables, last = name.split("__")
        place = card
        for table in tables:
            place = place[table]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    seal(folder)


def change_golden(folder: Path, **arrays: Any) -> None:
    """Replace arrays of `golden.npz`; None takes one out."""
    with np.load(folder / "golden.npz") as stored:
        held = dict(stored) | arrays
    np.savez(folder / "golden.npz", **{name: array for name, array in held.items() if array is not None})
    seal(folder)


def test_a_good_bundle_is_read_whole(folder: Path) -> None:
    bundle = read_bundle(folder)
    assert bundle.path == folder
    assert bundle.card.labels == EMOTIONS
    assert bundle.card.windows.length_s == 4.0
    assert bundle.card.id.startswith("first-frame-")
    assert bundle.model == (folder / "model.onnx").read_bytes()
    assert bundle.golden.features.shape == (2, 50, 80)
    assert bundle.golden.lengths.tolist() == [50, 20]
    assert bundle.golden.tolerance == 1e-4


def test_a_card_read_and_written_again_is_the_same_text(folder: Path) -> None:
    assert read_bundle(folder).card.as_json() == (folder / "card.json").read_text(encoding="utf-8")


def test_a_card_with_every_kind_of_score_survives_writing_and_reading(folder: Path) -> None:
    half = Estimate(value=0.5, low=0.25, high=0.75)
    score = Score(
        corpus="emodb", condition="clean", trained_on_corpus=True, speakers=2, utterances=9, labels=("sad", "angry"),
        chance_ua=0.5, WA=half, UA=half, macro_f1=half, ECE=half, labelled=0.0, accuracy_when_labelled=None,
    )  # fmt: skip
    card = dataclasses.replace(read_bundle(folder).card, scores=(score, dataclasses.replace(score, ECE=half)))
    (folder / "card.json").write_text(card.as_json(), encoding="utf-8")
    seal(folder)
    assert read_bundle(folder).card == card


def test_a_card_never_holds_what_json_does_not_have(folder: Path) -> None:
    card = read_bundle(folder).card
    broken = dataclasses.replace(card, calibration=dataclasses.replace(card.calibration, temperature=float("nan")))
    with pytest.raises(ValueError, match="nan"):
        broken.as_json()


def test_the_bundle_that_ships_is_read_without_a_path() -> None:
    assert read_bundle().card.labels == EMOTIONS


def test_bundles_of_the_package_go_by_name_and_a_folder_of_the_name_goes_first(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SHIPPED:
        assert read_bundle(Path(name)).path == shipped_bundle(name)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, SHIPPED[1])
    assert read_bundle(Path(SHIPPED[1])).path == Path(SHIPPED[1])
    with pytest.raises(BundleError, match=f"one of those that come with the package: {', '.join(SHIPPED)}"):
        read_bundle(Path("somebody-s"))


def test_a_file_that_another_bundle_of_the_package_has_need_not_be_there_twice(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, thin = tmp_path / SHIPPED[0], tmp_path / SHIPPED[1]
    shutil.copytree(folder, whole)
    shutil.copytree(folder, thin)
    (thin / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"model\.onnx missing"):
        read_bundle(thin)
    monkeypatch.setattr("undertone.inference.bundle.shipped_bundle", lambda name=SHIPPED[0]: tmp_path / name)
    assert read_bundle(thin).model == (whole / "model.onnx").read_bytes()
    (whole / "model.onnx").write_bytes(b"another")  # whoever lists it vouches for it, and is not believed
    with pytest.raises(ChecksumError, match=r"model\.onnx has the checksum"):
        read_bundle(thin)
    (whole / SUMS).write_text(sums_of(whole), encoding="utf-8")
    with pytest.raises(BundleError, match=r"model\.onnx missing"):
        read_bundle(thin)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"bundle .*nothing: there is no such folder; name the folder") as caught:
        read_bundle(tmp_path / "nothing")
    assert caught.value.path == str(tmp_path / "nothing")


def test_a_file_in_place_of_a_folder_is_no_bundle(folder: Path) -> None:
    with pytest.raises(BundleError, match=r"model\.onnx: there is no such folder"):
        read_bundle(folder / "model.onnx")


@pytest.mark.parametrize("name", [*FILES, SUMS])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=rf": {name} missing; fetch or build the bundle anew"):
        read_bundle(folder)


def test_all_files_that_are_missing_are_named(folder: Path) -> None:
    (folder / "model.onnx").unlink()
    (folder / SUMS).unlink()
    with pytest.raises(BundleError, match=r"model\.onnx, SHA256SUMS missing"):
        read_bundle(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_changed_is_named_with_both_checksums(folder: Path, name: str) -> None:
    published = dict(line.split("  ")[::-1] for line in sums_of(folder).splitlines())[name]
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    changed = dict(line.split("  ")[::-1] for line in sums_of(folder).splitlines())[name]
    with pytest.raises(
        ChecksumError, match=rf"{name} has the checksum {changed[:12]}…, published was {published[:12]}…"
    ):
        read_bundle(folder)


def test_a_file_without_a_checksum_is_not_trusted(folder: Path) -> None:
    lines = sums_of(folder).splitlines(keepends=True)
    (folder / SUMS).write_text("".join(line for line in lines if "card.json" not in line), encoding="utf-8")
    with pytest.raises(ChecksumError, match=r"card\.json has the checksum [0-9a-f]{12}…, published was nothing…"):
        read_bundle(folder)


def test_checksums_that_are_no_text_are_no_checksums(folder: Path) -> None:
    (folder / SUMS).write_bytes(b"\xff\xfe\x00 words")
    with pytest.raises(ChecksumError, match=r"model\.onnx has the checksum"):
        read_bundle(folder)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="this machine has no sha256sum")
def test_sha256sum_reads_the_checksums(folder: Path) -> None:
    def check() -> int:
        return subprocess.run(["sha256sum", "-c", SUMS], cwd=folder, capture_output=True, check=False).returncode

    assert check() == 0
    (folder / "card.json").write_text("{}", encoding="utf-8")
    assert check() == 1


@pytest.mark.parametrize("version", [3, 0, "1", None, True, 1.0, ...])
def test_a_bundle_of_another_format_is_refused(folder: Path, version: object) -> None:
    change_card(folder, format=version)
    shown = None if version is ... else version
    with pytest.raises(
        FormatVersionError, match=rf"card\.json has format {shown!r}; this version .* reads format 1 and 2"
    ):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"these are words", "Expecting value"),
        (b"", "Expecting value"),
        (b'{"format": 1', "Expecting ',' delimiter"),
        (b'{"format": "\xff"}', "utf-8.*byte 0xff"),
    ],
)
def test_a_card_that_is_not_json_is_refused(folder: Path, content: bytes, said: str) -> None:
    (folder / "card.json").write_bytes(content)
    seal(folder)
    with pytest.raises(BundleError, match=rf"card\.json is not JSON \(.*{said}.*\); fetch or build the bundle anew"):
        read_bundle(folder)


def test_a_card_that_is_a_list_has_no_format(folder: Path) -> None:
    (folder / "card.json").write_text("[1]", encoding="utf-8")
    seal(folder)
    with pytest.raises(FormatVersionError, match=r"card\.json has format None"):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"licence": ...}, "licence is missing"),
        ({"training__seed": ...}, r"training\.seed is missing"),
        ({"licens": "CC0"}, "licens is not a setting; did you mean licence?"),
        ({"front_end__extra": 1}, r"front_end\.extra is not a setting"),
        ({"title": 3}, "title must be text, not 3"),
        ({"labels": "neutral"}, "labels must be a list, not 'neutral'"),
        ({"labels": ["neutral", 3]}, r"labels\[1\] must be text, not 3"),
        ({"front_end": [80]}, r"front_end must be a table, not \[80\]"),
        ({"front_end__mel_bins": 80.5}, r"front_end\.mel_bins must be a whole number, not 80\.5"),
        ({"front_end__mel_bins": True}, r"front_end\.mel_bins must be a whole number, not True"),
        ({"calibration__temperature": "hot"}, r"calibration\.temperature must be a finite number, not 'hot'"),
        ({"calibration__threshold": float("nan")}, r"calibration\.threshold must be a finite number, not nan"),
        ({"sizes": {"head": {"width": None}}}, r"sizes\.head\.width must be a finite number, text, .*, not None"),
        ({"scores": [{}]}, r"scores\[0\]\.corpus is missing"),
        ({"calibration__temperature": 0}, r"calibration\.temperature must be above 0, not 0"),
        ({"labels": []}, "labels must be names that are all different, not none"),
        ({"labels": ["sad", "sad"]}, "labels must be names that are all different, not sad, sad"),
        ({"windows__hop_s": 0}, r"windows\.hop_s must be 0\.01 or more, one frame, not 0"),
        ({"windows__length_s": 0.001}, r"windows\.length_s must be 0\.01 or more, one frame, not 0\.001"),
        ({"front_end__hop_length_ms": 0}, r"front_end\.hop_length_ms must be 1 or more, not 0"),
        ({"front_end__sample_rate": 8000}, r"front_end\.sample_rate must be 16000, as all sound here, not 8000"),
        ({"front_end__high_hz": 9000}, r"front_end\.low_hz and high_hz must lie within 0 to 8000 .* not 20 and 9000"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_its_value(folder: Path, fields: dict[str, object], said: str) -> None:
    change_card(folder, **fields)
    with pytest.raises(BundleError, match=rf"card\.json does not fit: .*{said}.*\. Fetch or build the bundle anew"):
        read_bundle(folder)


def test_all_fields_that_do_not_fit_are_named_at_once(folder: Path) -> None:
    change_card(folder, licence=..., title=3, nonsense=1)
    with pytest.raises(BundleError, match=r"nonsense is not a setting; title must be text, not 3; licence is missing"):
        read_bundle(folder)


@pytest.mark.parametrize("name", ["features", "lengths", "logits", "tolerance"])
def test_goldens_without_an_array_are_refused(folder: Path, name: str) -> None:
    change_golden(folder, **{name: None})
    with pytest.raises(BundleError, match=rf"golden\.npz lacks {name}; build the bundle anew"):
        read_bundle(folder)


def test_goldens_that_hold_objects_are_refused_unread(folder: Path) -> None:
    np.savez(folder / "golden.npz", features=np.array([{"code": "could run"}]))
    seal(folder)
    with pytest.raises(BundleError, match=r"golden\.npz holds no arrays \(Object arrays cannot be loaded"):
        read_bundle(folder)


@pytest.mark.parametrize("content", [b"", b"these are words", b"PK\x03\x04 half a zip"])
def test_goldens_that_are_no_archive_are_refused(folder: Path, content: bytes) -> None:
    (folder / "golden.npz").write_bytes(content)
    seal(folder)
    with pytest.raises(BundleError, match=r"golden\.npz holds no arrays \(.*\); build the bundle anew"):
        read_bundle(folder)


def test_a_model_that_is_no_graph_cannot_be_run(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(b"these are words")
    seal(folder)
    with pytest.raises(BundleError, match=r"its graph cannot be run \(.*\); build it anew"):
        Session(read_bundle(folder))


def test_a_graph_with_other_inputs_is_refused_by_their_names(folder: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["samples"], ["logits"])],
        "identity",
        [value("samples", TensorProto.FLOAT, ["batch", 7])],
        [value("logits", TensorProto.FLOAT, ["batch", 7])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    seal(folder)
    with pytest.raises(
        BundleError, match=r"takes and gives logits, samples; it must take features and lengths and give"
    ):
        Session(read_bundle(folder))


def test_another_number_of_scores_than_labels_is_refused(tmp_path: Path) -> None:
    folder = make_bundle(tmp_path / "six", scores=6)
    with pytest.raises(LabelMismatchError, match=r"model\.onnx gives 6 scores but card\.json has 7 labels"):
        Session(read_bundle(folder))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_windows_of_any_lengths_come_back_in_their_order(folder: Path, rng: np.random.Generator, threads: int) -> None:
    lengths = rng.integers(1, 60, MOST_FRAMES // 10)  # more than one batch
    windows = [rng.normal(8, 4, (length, 80)).astype(np.float32) for length in lengths]
    expected = np.stack([window[0] for window in windows]) @ first_frame_weights(7, 80)
    assert np.allclose(Session(read_bundle(folder), threads=threads).logits(windows), expected, atol=1e-5)


def altered(bundle: Bundle, **arrays: Any) -> Bundle:
    golden: Golden = dataclasses.replace(bundle.golden, **arrays)
    return dataclasses.replace(bundle, golden=golden)


def test_goldens_agree_with_the_graph(folder: Path) -> None:
    assert largest_difference(read_bundle(folder)) < 1e-5


@pytest.mark.parametrize("name", ["logits", "features"])
def test_goldens_that_were_changed_are_found(folder: Path, name: str) -> None:
    bundle = read_bundle(folder)
    changed = getattr(bundle.golden, name).copy()
    changed[1, 0] += 0.5
    assert largest_difference(altered(bundle, **{name: changed})) > 0.04


def test_windows_judged_alone_count_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Session.run

    def minds_company(session: Session, features: np.ndarray, lengths: np.ndarray, read: Any) -> np.ndarray:
        return run(session, features, lengths, read) + (0.25 if len(features) == 1 else 0.0)

    monkeypatch.setattr(Session, "run", minds_company)
    assert largest_difference(read_bundle(folder)) == pytest.approx(0.25, abs=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_infinitely_wrong(folder: Path, value: float) -> None:
    bundle = read_bundle(folder)
    features = bundle.golden.features.copy()
    features[0, 0, 0] = value
    assert largest_difference(altered(bundle, features=features)) == float("inf")


def test_the_card_has_a_word_for_every_field() -> None:
    """A field is no use to a reader of the file if it can be left out; only what not all models have has a default."""
    found = [item.name for item in dataclasses.fields(Card) if item.default is not dataclasses.MISSING]
    assert found == ["backbone", "reads", "rounding", "features", "baseline", "priors"]


def test_what_a_model_does_not_have_is_not_in_its_card(folder: Path) -> None:
    kept = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert {"backbone", "reads", "rounding", "features", "baseline", "priors"}.isdisjoint(kept)
    card = read_bundle(folder).card
    half = Estimate(value=0.5, low=0.25, high=0.75)
    source = Source(corpus="an4", title="AN4", language="en", licence="free", speakers=2, utterances=3)
    backbone = Pretrained(
        name="phones-en", sha256="0" * 64, learnt="top", protocol="0" * 12, sources=(source,),
        test_speakers_heard={"read": 1},
    )  # fmt: skip
    rounding = Rounding(
        precision="int8",
        largest_difference=0.01,
        float32=(Unrounded(corpus="emodb", condition="clean", UA=half),),
    )
    card = dataclasses.replace(card, backbone=backbone, rounding=rounding, sizes={"head": {"mmf": "gate"}, "labels": 7})
    (folder / "card.json").write_text(card.as_json(), encoding="utf-8")
    seal(folder)
    assert read_bundle(folder).card == card
    described = describe(card)
    assert "built on    phones-en, a phone recogniser; top of it went on learning" in described
    assert "AN4 [en], 2 speakers, 3 utterances, free" in described
    assert "which heard 1 of the test speakers of read" in described
    assert "weights     int8; in float32: emodb (clean) UA 50.0 [25.0, 75.0] %" in described


def test_what_somebody_else_trained_is_named_with_its_weights() -> None:
    described = describe(read_bundle().card)
    assert re.search(r"built on    whisper-base, frozen \(SHA-256 [0-9a-f]{12}…\)", described)
    assert "on read speech" not in described  # none is scored: all of it was trained on


def test_the_bundle_that_ships_is_written_again_as_it_is() -> None:
    path = shipped_bundle() / "card.json"
    assert read_bundle().card.as_json() == path.read_text(encoding="utf-8")
