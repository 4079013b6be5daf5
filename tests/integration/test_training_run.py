"""A whole run on miniature corpora: from recordings to a bundle and results, stopped on the way and called again."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner, Result
from interruptions import PulledPlugError, pulling_the_plug, silent
from miniature_corpora import ACTED, CONFIG, MANNERS, make_data, speak

from undertone.api import load
from undertone.cli import main
from undertone.corpora.base import read_corpus
from undertone.corpora.protocols import HeldOut, fold_by_speaker, protocol_hash
from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError, CorpusError, OutputError, UsageError
from undertone.experiments.run import install, run
from undertone.experiments.words import licence_of
from undertone.inference.bundle import read_bundle
from undertone.inference.parity import largest_difference
from undertone.labels import EMOTIONS
from undertone.systems.registry import system_named
from undertone.testing.bundles import make_bundle
from undertone.testing.sounds import write_recording
from undertone.training.checkpoint import load_checkpoint
from undertone.training.config import FusedWith, TrainConfig, read_config
from undertone.training.loop import train
from undertone.training.prepare import prepare, read_speech

EPOCHS, STOP_AFTER = "training epochs of compact", 3


@dataclass(frozen=True)
class Place:
    """Where a run happens."""

    data: Path
    config: Path
    folder: Path

    @property
    def settings(self) -> TrainConfig:
        return read_config(self.config)


@dataclass(frozen=True)
class Finished:
    """A run that was stopped after some epochs and then called again on the command line."""

    place: Place
    before: list[Path]
    """What lay in the run's folder when it had stopped."""
    result: Result
    installed: Path
    results: Path

    @property
    def found(self) -> dict[str, Any]:
        return json.loads(self.results.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    root = tmp_path_factory.mktemp("miniature")
    (root / "miniature.toml").write_text(CONFIG, encoding="utf-8")
    return Place(data=make_data(root / "data"), config=root / "miniature.toml", folder=root / "run")


@pytest.fixture(scope="module")
def finished(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    with pytest.raises(PulledPlugError):
        run(place.settings, place.data, place.folder, pulling_the_plug(EPOCHS, after=STOP_AFTER))
    before = sorted(item.relative_to(place.folder) for item in place.folder.iterdir())
    out = tmp_path_factory.mktemp("out")
    options = ("--data", place.data, "--work", place.folder, "--install", out / "bundle", "--results", out / "x.json")
    result = CliRunner().invoke(main, ["train", str(place.config), *map(str, options)])
    return Finished(place=place, before=before, result=result, installed=out / "bundle", results=out / "x.json")


def test_a_run_that_was_stopped_left_no_result(finished: Finished) -> None:
    assert [str(item) for item in finished.before] == ["checkpoint.safetensors", "config.json", "features"]


def test_the_command_line_ends_the_run_and_shows_the_card(finished: Finished) -> None:
    assert finished.result.exit_code == 0, finished.result.output
    assert "miniature: compact on emodb, ravdess" in finished.result.stdout
    assert "urdu (clean, corpus not trained on): UA " in finished.result.stdout
    assert "training epochs of compact: " in finished.result.stderr
    assert sorted(item.name for item in finished.place.folder.iterdir()) == [
        "bundle", "checkpoint.safetensors", "config.json", "features", "results.json",
    ]  # fmt: skip
    assert finished.results.read_bytes() == (finished.place.folder / "results.json").read_bytes()


def test_a_run_that_was_stopped_ends_as_one_that_was_not(finished: Finished, tmp_path: Path) -> None:
    place, config = finished.place, finished.place.settings
    prepared = prepare(config, place.data, place.folder / "features", silent)
    torch.manual_seed(config.seed)
    system = system_named("compact")
    network = system.build(system.sizes(mel_bins=config.front_end.mel_bins, labels=len(EMOTIONS)))
    epochs: list[tuple[int, int]] = []
    history = train(network, prepared.material, config, tmp_path, lambda epoch, most, _: epochs.append((epoch, most)))
    assert epochs == [(number, 8) for number in range(1, 9)]
    assert history == finished.found["history"]
    straight, resumed = (
        safetensors.torch.load_file(folder / "checkpoint.safetensors") for folder in (tmp_path, place.folder)
    )
    assert straight.keys() == resumed.keys()
    assert [name for name, value in straight.items() if not torch.equal(value, resumed[name])] == []
    assert any(name.startswith("optimiser.") for name in straight)


def test_the_best_epoch_is_what_the_bundle_holds(finished: Finished) -> None:
    history = finished.found["history"]
    figures = [entry["validation_ua"] for entry in history["epochs"]]
    assert figures[history["best"]] == max(figures)
    assert read_bundle(finished.installed).card.training.best_epoch == history["best"] + 1
    assert read_bundle(finished.installed).card.training.epochs == len(figures) == 8


def test_emotions_are_learnt_from_other_speakers(finished: Finished) -> None:
    scores = read_bundle(finished.installed).card.scores
    assert {(score.corpus, score.condition) for score in scores} == {
        (corpus, condition) for corpus in ACTED for condition in ("clean", "telephone")
    }
    assert {score.chance_ua for score in scores} == {0.3333}
    assert np.mean([score.UA.value for score in scores if score.condition == "clean"]) > 0.7
    assert np.mean([score.UA.value for score in scores]) > 0.6


def test_the_bundle_is_whole_and_the_installed_one_is_the_same(finished: Finished) -> None:
    bundle = read_bundle(finished.installed)
    assert largest_difference(bundle) <= bundle.golden.tolerance
    for item in (finished.place.folder / "bundle").iterdir():
        assert (finished.installed / item.name).read_bytes() == item.read_bytes()
    assert CliRunner().invoke(main, ["bundle", "verify", str(finished.installed)]).exit_code == 0


def test_the_bundle_judges_a_speaker_that_nobody_heard(finished: Finished, tmp_path: Path) -> None:
    heard = {}
    recognizer = load(finished.installed)
    for manner in MANNERS:
        sound = [np.zeros(8000, dtype=np.float32)] + [speak("somebody_new", manner, take) for take in range(2)]
        path = write_recording(tmp_path / f"{manner}.wav", np.concatenate([*sound, np.zeros(16_000, dtype=np.float32)]))
        (turn,) = recognizer.analyze(path).turns
        assert turn.probabilities is not None
        heard[manner] = EMOTIONS[int(turn.probabilities.argmax())]
    assert sum(manner == emotion for manner, emotion in heard.items()) >= 2, heard


def test_the_card_tells_the_truth_about_the_training(finished: Finished) -> None:
    card, config = read_bundle(finished.installed).card, finished.place.settings
    training = card.training
    assert training.speakers_shared == 0
    assert training.seed == 5
    assert [(source.corpus, source.speakers, source.utterances) for source in training.sources] == [
        ("emodb", 3, 36),
        ("ravdess", 2, 24),
        ("librispeech_sample", 1, 3),
    ]
    utterances = [
        item for name in config.corpora for item in read_corpus(corpus_named(name), finished.place.data / name)
    ] + read_speech(config.read_speech, finished.place.data)
    assert training.protocol == protocol_hash([fold_by_speaker(utterances, config.held_out)])
    assert card.licence == "CC BY-NC-SA 4.0"
    assert card.labels == EMOTIONS
    assert card.front_end == config.front_end
    assert card.windows == config.windows
    assert "acted speech of 5 speakers in German and English" in card.limits[0]
    system = system_named("compact")
    network = system.build(system.sizes(mel_bins=40, labels=7))
    assert card.parameters == sum(weight.numel() for weight in network.parameters())
    assert card.sizes["mel_bins"] == 40
    assert len(training.commit) == 12 or training.commit == "unknown"


def test_the_card_counts_whom_it_was_tested_on(finished: Finished) -> None:
    card = read_bundle(finished.installed).card
    counts = {score.corpus: (score.speakers, score.utterances, score.trained_on_corpus) for score in card.scores}
    assert counts == {"emodb": (1, 12, True), "ravdess": (1, 12, True), "urdu": (2, 24, False)}
    assert [(item.condition, item.speakers, item.utterances) for item in card.plain_speech] == [
        ("clean", 1, 3),
        ("telephone", 1, 3),
    ]
    for item in card.plain_speech:
        assert item.neutral.value + item.withheld.value + item.false_alarms.value == pytest.approx(1, abs=1e-3)


def test_the_results_hold_every_prediction(finished: Finished) -> None:
    found, card = finished.found, read_bundle(finished.installed).card
    assert found["format"] == 1
    assert found["bundle"] == card.id
    assert found["protocol"] == card.training.protocol
    assert found["labels"] == list(EMOTIONS)
    assert found["scores"] == json.loads(json.dumps([dataclasses.asdict(score) for score in card.scores]))
    rows = found["predictions"]
    assert len({(row["id"], row["condition"]) for row in rows}) == len(rows) == 2 * (12 + 12 + 24 + 3)
    assert {row["speaker"] for row in rows} == {
        "emodb_4", "ravdess_3", "urdu_0", "urdu_1", "librispeech_sample_2",
    }  # fmt: skip
    for row in rows:
        assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-3)


def test_a_score_can_be_counted_again_from_the_predictions(finished: Finished) -> None:
    for score in read_bundle(finished.installed).card.scores:
        hits: dict[str, list[bool]] = {}
        for row in finished.found["predictions"]:
            if row["id"].startswith(f"{score.corpus}/") and row["condition"] == score.condition:
                hit = EMOTIONS[int(np.argmax(row["probabilities"]))] == row["truth"]
                hits.setdefault(row["truth"], []).append(hit)
        assert score.UA.value == pytest.approx(np.mean([np.mean(row) for row in hits.values()]), abs=1e-3)
        assert score.WA.value == pytest.approx(np.mean([hit for row in hits.values() for hit in row]), abs=1e-3)
        assert score.labels == tuple(name for name in EMOTIONS if name in hits)


def test_a_system_may_learn_twice_from_the_same_material(finished: Finished, tmp_path: Path) -> None:
    first = finished.place.settings
    own = FusedWith(system="compact", seed=6, optimisation=first.optimisation, sizes=first.sizes)
    config = dataclasses.replace(first, fused_with=own)
    shutil.copytree(finished.place.folder / "features", tmp_path / "features")
    shutil.copy(finished.place.folder / "checkpoint.safetensors", tmp_path)
    two = run(config, finished.place.data, tmp_path, silent)
    assert two is not None
    assert two.card.system == "compact+compact"
    assert set(two.card.sizes) == {"compact", "compact again"}
    learned = [
        load_checkpoint(tmp_path / folder / "checkpoint.safetensors").group("best") for folder in ("", "fused_with")
    ]
    assert learned[0].keys() == learned[1].keys()
    assert any(not torch.equal(weight, learned[1][name]) for name, weight in learned[0].items())


def test_a_folder_begun_with_other_settings_is_refused(finished: Finished) -> None:
    place = finished.place
    other = dataclasses.replace(
        place.settings, seed=6, optimisation=dataclasses.replace(place.settings.optimisation, batch=9)
    )
    with pytest.raises(ConfigError, match=r"seed was 5 and is now 6; set it back .* or name a new folder") as caught:
        run(other, place.data, place.folder, silent)
    assert "'batch': 8" in caught.value.problems[0]
    assert "'batch': 9" in caught.value.problems[0]


def changed(place: Place, **fields: object) -> TrainConfig:
    return dataclasses.replace(place.settings, **fields)


def test_a_part_without_utterances_is_refused(place: Place, tmp_path: Path) -> None:
    config = changed(place, held_out={}, name="nobody")
    with pytest.raises(ConfigError, match="the validation part has no utterance; the test part has no utterance"):
        prepare(config, place.data, tmp_path, silent)


def test_a_validation_part_of_read_speech_alone_is_refused(place: Place, tmp_path: Path) -> None:
    held_out = {"read": place.settings.held_out["read"]}
    with pytest.raises(ConfigError, match="the validation part has read speech only; hold speakers of an emotional"):
        prepare(changed(place, held_out=held_out), place.data, tmp_path, silent)


def test_a_batch_larger_than_the_training_part_is_refused(place: Place, tmp_path: Path) -> None:
    config = changed(place, optimisation=dataclasses.replace(place.settings.optimisation, batch=64))
    with pytest.raises(ConfigError, match="the train part has 63 utterances, fewer than a batch of 64; take a smaller"):
        prepare(config, place.data, tmp_path, silent)


def test_a_corpus_whose_licence_forbids_it_is_not_trained_on(place: Place, tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"urdu: its licence \(research only\) forbids releasing a model; list it under.* private"
    ):
        prepare(changed(place, corpora=("urdu",), unseen_corpora=()), place.data, tmp_path, silent)


def test_what_stays_private_may_learn_from_any_corpus(place: Place, tmp_path: Path) -> None:
    held_out = {"urdu": HeldOut(validation=("urdu_0",), test=("urdu_1",))}
    config = changed(place, corpora=("urdu",), unseen_corpora=(), held_out=held_out, private=True)
    found = prepare(config, place.data, tmp_path, silent)
    assert {item.corpus for item in found.material.validation} == {"urdu"}
    card = corpus_named("urdu").card
    assert licence_of([card], private=True) == f"private, not to be passed on; trained under: {card.licence}"


def test_a_corpus_that_is_missing_stops_the_run(place: Place, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nemo: .* does not exist; name the folder"):
        run(changed(place, corpora=("nemo",)), place.data, tmp_path / "run", silent)


def test_a_system_that_is_missing_stops_the_run_before_any_work(place: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no system is called 'vast'"):
        run(changed(place, system="vast"), place.data, tmp_path / "run", silent)
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_is_a_file_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match=r"run: the folder cannot be made \(File exists\)"):
        run(place.settings, place.data, tmp_path / "run", silent)


def test_read_speech_is_taken_from_all_speakers_in_turn(place: Place) -> None:
    few = dataclasses.replace(place.settings.read_speech, per_corpus=4)
    taken = read_speech(few, place.data)
    assert [item.speaker[-1] for item in taken] == ["0", "1", "2", "0"]
    assert {(item.corpus, item.label) for item in taken} == {("read", "neutral")}
    assert read_speech(dataclasses.replace(few, least_s=9.0), place.data) == []


def test_a_bundle_is_installed_in_place_of_another_one_only(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "new")
    old = make_bundle(tmp_path / "old", threshold=0.9)
    (tmp_path / "empty").mkdir()
    for target in (old, tmp_path / "empty", tmp_path / "deep" / "fresh"):
        install(bundle, target)
        assert read_bundle(target).card.calibration.threshold == 0.2
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("ten years of work", encoding="utf-8")
    for target in (tmp_path / "home", tmp_path / "home" / "thesis.txt"):
        with pytest.raises(OutputError, match="it holds something other than a bundle, which would be lost"):
            install(bundle, target)
    with pytest.raises(OutputError, match=r"inside: the bundle cannot be put there \(.*Not a directory"):
        install(bundle, tmp_path / "home" / "thesis.txt" / "inside")
    assert (tmp_path / "home" / "thesis.txt").read_text(encoding="utf-8") == "ten years of work"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["deep", "empty", "home", "new", "old"]
