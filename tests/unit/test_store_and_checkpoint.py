"""What training keeps on disk: stores of features, and checkpoints."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_mono
from undertone.errors import CorpusError, OutputError
from undertone.records import Utterance
from undertone.testing.sounds import noise, tone, voice, write_recording
from undertone.training.checkpoint import (
    Checkpoint,
    load_checkpoint,
    optimiser_tensors,
    restore_optimiser,
    save_checkpoint,
)
from undertone.training.conditions import conditions, extract, find_speech, store_key
from undertone.training.config import Augmentation
from undertone.training.disturb import Surroundings
from undertone.training.store import FeatureStore, open_store


def utterance(number: int, path: str = "x") -> Utterance:
    return Utterance(id=f"a/{number}", path=path, corpus="a", speaker="s", language="de", emotion="sad", duration=1.0)


@pytest.fixture
def recordings(tmp_path: Path) -> list[Utterance]:
    """Two utterances: a voice within silence, at 16 kHz and at 8 kHz in two channels."""
    rng = np.random.default_rng(7)
    silence = np.zeros(12_000, dtype=np.float32)
    spoken = np.concatenate((silence, voice(0.8, rng=rng, pitch=140.0), silence))
    write_recording(tmp_path / "0.wav", spoken)
    write_recording(tmp_path / "1.wav", np.stack((spoken[::2], spoken[::2]), axis=1), 8000)
    return [utterance(number, path=str(tmp_path / f"{number}.wav")) for number in range(2)]


class Taken:
    """Counts how often an utterance was heard."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


def take(utterances: list[Utterance], folder: Path, advance: Taken, **changes: object) -> FeatureStore:
    wanted = {
        "front_end": FrontEnd(),
        "disturb": lambda samples, _: samples,
        "seed": 0,
        "speech": {item.id: (8000, 30_000) for item in utterances},
        "folder": folder,
        "advance": advance,
    }
    return extract(utterances, **(wanted | changes))


def test_speech_is_found_once_and_kept(recordings: list[Utterance], tmp_path: Path) -> None:
    advance = Taken()
    spans = find_speech(recordings, tmp_path / "cache", advance)
    assert advance.count == 2
    for start, end in spans.values():
        assert 6000 < start < 12_000
        assert 24_000 < end < 30_000
    assert find_speech(recordings, tmp_path / "cache", advance) == spans
    assert advance.count == 2


def test_a_store_holds_the_features_of_the_speech(recordings: list[Utterance], tmp_path: Path) -> None:
    advance = Taken()
    store = take(recordings, tmp_path / "store", advance)
    for item in recordings:
        expected = log_mel(load_mono(item.path)[8000:30_000], FrontEnd()).astype(np.float16)
        assert np.array_equal(store.features(item.id), expected)
    assert advance.count == 2
    again = take(recordings, tmp_path / "store", advance)
    assert advance.count == 2
    assert np.array_equal(again.rows, store.rows)
    assert np.array_equal(open_store(tmp_path / "store").features("a/1"), store.features("a/1"))


def test_an_utterance_without_a_single_frame_is_refused(recordings: list[Utterance], tmp_path: Path) -> None:
    speech = {"a/0": (8000, 30_000), "a/1": (8000, 8399)}
    with pytest.raises(CorpusError, match=r"a: a/1 has 399 samples of speech; one frame takes 400\. Take it out"):
        take(recordings, tmp_path / "store", Taken(), speech=speech)
    assert not (tmp_path / "store").exists()


def test_features_of_a_store_cannot_be_changed(recordings: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        take(recordings, tmp_path / "store", Taken()).features("a/0")[0] = 0


def test_taking_that_was_cut_off_goes_on_and_leaves_nothing(recordings: list[Utterance], tmp_path: Path) -> None:
    class CutOffError(Exception):
        pass

    def cut_off() -> None:
        raise CutOffError

    with pytest.raises(CutOffError):
        take(recordings, tmp_path / "cut", cut_off)
    assert not (tmp_path / "cut").exists()
    assert (tmp_path / ".cut.part" / "rows.bin").exists()
    advance = Taken()
    store = take(recordings, tmp_path / "cut", advance)
    assert advance.count == 2
    assert np.array_equal(store.rows, take(recordings, tmp_path / "whole", Taken()).rows)
    assert not (tmp_path / ".cut.part").exists()


def test_a_folder_without_an_index_is_no_store_and_is_replaced(recordings: list[Utterance], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "rows.bin").write_bytes(b"half")
    store = take(recordings, tmp_path / "store", Taken())
    assert set(store.spans) == {"a/0", "a/1"}


def test_draws_of_a_store_depend_on_its_name_and_the_seed_and_nothing_else(
    recordings: list[Utterance], tmp_path: Path
) -> None:
    def rustle(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return samples + noise(len(samples) / 16_000, rng=rng)

    def taken(place: str, seed: int, items: list[Utterance]) -> np.ndarray:
        return take(items, tmp_path / place, Taken(), disturb=rustle, seed=seed).features("a/0")

    first = taken("one/x", 0, recordings)
    assert np.array_equal(first, taken("two/x", 0, recordings[:1]))
    assert not np.array_equal(first, taken("one/y", 0, recordings))
    assert not np.array_equal(first, taken("three/x", 1, recordings))


def test_a_key_changes_with_all_that_features_depend_on() -> None:
    items = [utterance(number) for number in range(3)]
    key = store_key(items, FrontEnd(), "clean", {})
    assert key == store_key(list(items), FrontEnd(), "clean", {})
    assert key.startswith("clean-")
    others = {
        store_key(items, FrontEnd(mel_bins=64), "clean", {}),
        store_key(items, FrontEnd(), "telephone", {}),
        store_key(items, FrontEnd(), "clean", {"room": 0.5}),
        store_key(items[:2], FrontEnd(), "clean", {}),
        store_key([*items[:2], dataclasses.replace(items[2], duration=2.0)], FrontEnd(), "clean", {}),
    }
    assert len(others | {key}) == 6


def test_conditions_are_clean_telephone_and_every_disturbed_copy() -> None:
    surroundings = Surroundings(noises=(tone(0.1, 50.0),), rooms=(np.ones(1, dtype=np.float32),))
    found = conditions(Augmentation(copies=2, room=0.0, telephone=0.0, noise=1.0), surroundings)
    assert list(found) == ["clean", "telephone", "disturbed-0", "disturbed-1"]
    samples, rng = tone(0.5, 5000.0), np.random.default_rng(0)
    assert np.array_equal(found["clean"](samples, rng), samples)
    assert np.abs(found["telephone"](samples, rng)[1000:-1000]).max() < 0.01
    assert not np.array_equal(found["disturbed-0"](samples, rng), samples)


def trained(steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 2))
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    go_on(network, optimiser, range(steps))
    return network, optimiser


def go_on(network: nn.Module, optimiser: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        batch = torch.randn(8, 4, generator=torch.Generator().manual_seed(step))
        optimiser.zero_grad()
        network(batch).square().sum().backward()
        optimiser.step()


def checkpoint_of(network: nn.Module, optimiser: torch.optim.Optimizer) -> Checkpoint:
    model = {f"model.{name}": value for name, value in network.state_dict().items()}
    return Checkpoint(tensors=model | optimiser_tensors(optimiser), progress={"epochs": [{"loss": 0.5}], "best": 0})


def test_training_goes_on_behind_a_checkpoint_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", checkpoint_of(*trained(3)))
    network, optimiser = trained(0)
    found = load_checkpoint(tmp_path / "checkpoint")
    network.load_state_dict(found.group("model"))
    restore_optimiser(optimiser, found.group("optimiser"))
    go_on(network, optimiser, range(3, 6))
    expected = trained(6)[0].state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    assert found.progress == {"epochs": [{"loss": 0.5}], "best": 0}


def test_a_checkpoint_keeps_kinds_and_shapes(tmp_path: Path) -> None:
    tensors = {
        "model.count": torch.tensor(7),
        "model.turned": torch.arange(6.0).reshape(2, 3).T,
        "best.x": torch.ones(1),
    }
    save_checkpoint(tmp_path / "checkpoint", Checkpoint(tensors=tensors, progress={}))
    found = load_checkpoint(tmp_path / "checkpoint").group("model")
    assert set(found) == {"count", "turned"}
    assert found["count"].dtype == torch.int64
    assert torch.equal(found["turned"], tensors["model.turned"])


def test_a_checkpoint_is_plain_data_with_readable_progress(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "checkpoint", checkpoint_of(*trained(1)))
    content = (tmp_path / "checkpoint").read_bytes()
    head = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert json.loads(head["__metadata__"]["progress"])["best"] == 0


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_checkpoint(tmp_path / "checkpoint", checkpoint_of(*trained(1)))
    before = (tmp_path / "checkpoint").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match=r"checkpoint: it cannot be written \(No space left on device\)"):
        save_checkpoint(tmp_path / "checkpoint", checkpoint_of(*trained(2)))
    assert (tmp_path / "checkpoint").read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["checkpoint"]
