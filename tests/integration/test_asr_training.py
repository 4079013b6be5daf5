"""A phone recogniser from corpus to backbone: training, cutting off, going on, testing, hearing a recording."""

from __future__ import annotations

import csv
import importlib.util
import json
import runpy
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner, Result
from interruptions import silent
from pages import ROOT
from tiny_speech import LEXICON, make_corpus, say

from undertone.asr.alignments import Task, write_alignment
from undertone.asr.config import AsrConfig, AsrOptimisation
from undertone.asr.evaluate import RESULTS_CHUNK
from undertone.asr.material import Item, collate
from undertone.asr.prepare import prepare_speech
from undertone.asr.recognise import recognise
from undertone.asr.train import speech_loss, train_backbone
from undertone.backbones.files import load_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.cli import main
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError, CorpusError
from undertone.speech.lexicon import Lexicon, english_lexicon
from undertone.speech.phones import SYMBOLS
from undertone.speech.pronounce import pronounce
from undertone.training.config import Masking
from undertone.training.parallel import Workers
from undertone.training.store import sound_fingerprints
from undertone.units import SAMPLE_RATE

CORPUS = "kathleen_arctic"

CONFIG = AsrConfig(
    name="tiny",
    corpora=(CORPUS,),
    held_out={CORPUS: HeldOut(validation=("s4",), test=("s5",))},
    speeds=(1.0,),
    sizes=BackboneSizes(
        width=32, blocks=1, heads=2, feed_forward=64, kernel=5, subsampling_channels=8, dropout=0.0
    ),
    masking=Masking(frequency_masks=0, time_masks=0, warp=0.0, tilt_db=0.0),
    optimisation=AsrOptimisation(
        epochs=3, steps=60, batch_s=4.0, learning_rate=4e-3, warm_up_epochs=0.5, clip=5.0, average=0.9,
        bfloat16=False, checkpoint_every_s=0.0,
    ),
)  # fmt: skip

SHORT = replace(CONFIG, optimisation=replace(CONFIG.optimisation, epochs=3, steps=4))


def make_data(folder: Path, work: Path, lexicon: Lexicon = LEXICON) -> None:
    """A corpus, and its alignments where a run looks for them: PocketSphinx does not know this language."""
    said = make_corpus(folder / CORPUS)
    utterances = corpus_named(CORPUS).scan(folder / CORPUS)
    contents = sound_fingerprints(utterances)
    for item in utterances:
        words = tuple((word.word, word.pronunciations) for word in pronounce(item.text or "", lexicon))
        script = Task(utterance=item, words=words).script
        segments = said[str(Path(item.path).relative_to(folder / CORPUS))].segments
        write_alignment(work / "cache" / "alignments" / f"{CORPUS}.jsonl", contents[item.id], script, segments)


def sum_of_hours(data: Path) -> float:
    """Of everybody but the test speaker."""
    table = csv.DictReader((data / CORPUS / "metadata.csv").read_text(encoding="utf-8").splitlines())
    return sum(float(row["duration_s"]) for row in table if row["speaker"] != "s5") / 3600


def run(folder: Path, work: Path, config: AsrConfig = CONFIG, **more: object) -> Path:
    finished = train_backbone(config, folder, work, silent, lexicon=LEXICON, **more)
    assert finished is not None
    return finished.folder


def test_a_language_of_three_phones_is_learned(tmp_path: Path) -> None:
    make_data(tmp_path / "data", tmp_path / "work")
    lines: list[str] = []
    folder = run(tmp_path / "data", tmp_path / "work", say=lines.append)
    network, card = load_backbone(folder)
    (score,) = card.scores
    assert score.per < 0.2
    assert card.validation_per < 0.2
    assert (score.corpus, score.utterances, score.speakers, score.shared_speakers) == (CORPUS, 12, 1, 0)
    (source,) = card.sources
    assert source.speakers == ("s0", "s1", "s2", "s3", "s4")
    assert (source.utterances, source.aligned) == (60, 48)
    assert len(lines) == 3
    assert lines[-1].startswith("epoch 3 of 3: loss ")
    history = json.loads((tmp_path / "work" / "history.json").read_text())
    assert 1 - history["epochs"][history["best"]]["validation_rate"] == card.validation_per
    (told,) = json.loads((tmp_path / "work" / "results.json").read_text())
    assert told["per"] == score.per
    assert told["in_chunks"]["chunk"] == RESULTS_CHUNK
    assert told["in_chunks"]["per"] < 1
    assert sum(count for truth, _, count in told["pairs"] if truth) == score.phones
    assert sum(count for truth, heard, count in told["pairs"] if truth != heard) == round(score.per * score.phones)
    assert source.hours == pytest.approx(sum_of_hours(tmp_path / "data"), abs=0.01)

    speech = prepare_speech(CONFIG, tmp_path / "data", tmp_path / "work" / "cache", silent, lexicon=LEXICON)
    together = recognise(network, speech.validation, speech.store)
    one_by_one = recognise(network, speech.validation, speech.store, batch_s=0)
    assert together == one_by_one
    long_chunks = recognise(network, speech.validation, speech.store, chunk=10_000)
    assert together == long_chunks
    in_chunks = recognise(network, speech.validation, speech.store, chunk=4)
    assert in_chunks != together
    assert in_chunks == recognise(network, speech.validation, speech.store, batch_s=0, chunk=4)
    assert set(together) == {item.utterance.id for item in speech.validation}


def test_a_run_that_was_cut_off_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    class CutOffError(Exception):
        pass

    def cut(line: str) -> None:
        if line.startswith("epoch 2"):
            raise CutOffError

    for name in ("whole", "cut"):
        make_data(tmp_path / name / "data", tmp_path / name)
    whole = run(tmp_path / "whole" / "data", tmp_path / "whole", SHORT)
    with pytest.raises(CutOffError):
        run(tmp_path / "cut" / "data", tmp_path / "cut", SHORT, say=cut)
    resumed = run(tmp_path / "cut" / "data", tmp_path / "cut", SHORT)
    one, other = load_backbone(whole), load_backbone(resumed)
    assert one[1] == other[1]
    for name, weight in one[0].state_dict().items():
        assert torch.equal(weight, other[0].state_dict()[name]), name


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    make_data(tmp_path / "data", tmp_path / "work")
    run(tmp_path / "data", tmp_path / "work", replace(SHORT, optimisation=replace(SHORT.optimisation, epochs=1)))
    with pytest.raises(ConfigError, match="the folder holds a run of another configuration"):
        run(tmp_path / "data", tmp_path / "work", SHORT)


def test_every_other_process_only_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from undertone.training import parallel

    monkeypatch.setattr(parallel.distributed, "barrier", lambda: None)
    monkeypatch.setattr(parallel.distributed, "all_reduce", lambda _: None)
    make_data(tmp_path / "data", tmp_path / "work")
    once = replace(SHORT, optimisation=replace(SHORT.optimisation, epochs=1))
    assert train_backbone(
        once, tmp_path / "data", tmp_path / "work", silent, Workers(count=2, rank=1), lexicon=LEXICON
    ) is None  # fmt: skip
    assert not (tmp_path / "work" / "backbone").exists()


def test_the_loss_of_a_batch_is_the_mean_of_its_utterances(tmp_path: Path) -> None:
    make_data(tmp_path / "data", tmp_path / "work")
    speech = prepare_speech(CONFIG, tmp_path / "data", tmp_path / "work" / "cache", silent, lexicon=LEXICON)
    torch.manual_seed(0)
    network = Backbone(CONFIG.sizes).eval()
    items = list(speech.train.items[:4])
    items[1] = replace(items[1], segments=())  # one that was not aligned has CTC alone

    @torch.no_grad()
    def loss(some: list[Item]) -> float:
        conditions = [speech.train.conditions[0]] * len(some)
        batch = collate(some, conditions, None, np.random.default_rng(0))
        return float(speech_loss(network, batch, ctc_share=0.3))

    assert loss(items) == pytest.approx(np.mean([loss([item]) for item in items]), rel=1e-4)
    assert loss([items[1]]) != pytest.approx(loss([speech.train.items[1]]), rel=1e-3)


def test_what_cannot_be_used_is_counted(tmp_path: Path) -> None:
    make_data(tmp_path / "data", tmp_path / "work")
    table = tmp_path / "data" / CORPUS / "metadata.csv"
    lines = table.read_text().splitlines()
    texts = {1: "ah <unk> oh", 2: "", 3: "ah xylophone"}
    rows = [line.split(",") for line in lines]
    for number, text in texts.items():
        rows[number][4] = text
    table.write_text("\n".join(",".join(row) for row in rows) + "\n")
    config = replace(CONFIG, longest_s=1.1)
    speech = prepare_speech(config, tmp_path / "data", tmp_path / "work" / "cache", silent, lexicon=LEXICON)
    counts = speech.left_out[CORPUS]
    assert counts["its text cannot be pronounced"] == 2
    assert counts["no text"] == 1
    assert counts["too long to train on"] > 0
    assert sum(counts.values()) + sum(map(len, (speech.train.items, speech.validation, speech.test[CORPUS]))) == 72


def test_without_cross_entropy_nothing_is_aligned(tmp_path: Path) -> None:
    make_corpus(tmp_path / "data" / CORPUS)
    config = replace(CONFIG, optimisation=replace(CONFIG.optimisation, ctc_share=1.0), speeds=(1.0, 1.1))
    speech = prepare_speech(config, tmp_path / "data", tmp_path / "cache", silent, lexicon=LEXICON)
    assert not any(item.segments for item in speech.train.items)
    assert not (tmp_path / "cache" / "alignments").exists()
    assert [condition.speed for condition in speech.train.conditions] == [1.0, 1.1]
    assert (speech.train.lengths[:, 1] < speech.train.lengths[:, 0]).all()


@pytest.mark.parametrize(
    ("corpus", "problem"),
    [("urdu", "forbids releasing a model; take another corpus"), ("kerstin_de", "its language is de")],
)
def test_a_corpus_that_may_not_or_cannot_be_trained_on_is_refused(tmp_path: Path, corpus: str, problem: str) -> None:
    config = replace(CONFIG, corpora=(corpus,), held_out={})
    with pytest.raises(CorpusError, match=problem):
        prepare_speech(config, tmp_path, tmp_path, silent, lexicon=LEXICON)


def test_a_part_without_utterances_is_refused(tmp_path: Path) -> None:
    make_data(tmp_path / "data", tmp_path / "work")
    config = replace(CONFIG, held_out={CORPUS: HeldOut(validation=(), test=("s5",))})
    with pytest.raises(ConfigError, match="the validation part has no utterance"):
        prepare_speech(config, tmp_path / "data", tmp_path / "work" / "cache", silent, lexicon=LEXICON)


def toml_of(config: AsrConfig) -> str:
    """The configuration as a file."""
    fields = asdict(config)
    lines = [f"{name} = {json.dumps(fields[name])}" for name in ("name", "corpora", "speeds")]
    for corpus, speakers in fields["held_out"].items():
        lines += [f"[held_out.{corpus}]", *(f"{part} = {json.dumps(names)}" for part, names in speakers.items())]
    for table in ("sizes", "masking", "optimisation"):
        lines += [f"[{table}]", *(f"{name} = {json.dumps(value)}" for name, value in fields[table].items())]
    return "\n".join(lines)


def undertone(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["asr", *map(str, words)])


@pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="the dictionary comes with pocketsphinx")
def test_the_commands_train_test_and_hear(tmp_path: Path) -> None:
    data, work = tmp_path / "data", tmp_path / "work"
    make_data(data, work, english_lexicon())
    config = tmp_path / "tiny.toml"
    config.write_text(toml_of(CONFIG))
    checked = undertone("train", config, "--data", data, "--work", work, "--check")
    assert checked.output == f"{config} is right\n"

    installed, results = tmp_path / "installed", tmp_path / "results" / "tiny"
    (tmp_path / "results").mkdir()
    trained = undertone(
        "train", config, "--data", data, "--work", work, "--install", installed, "--results", results
    )  # fmt: skip
    assert trained.exit_code == 0, trained.output
    assert f"{work / 'backbone'}: epoch " in trained.stdout
    assert "kathleen_arctic: PER " in trained.stdout
    assert "%, WER " in trained.stdout
    assert ", 0 of " in trained.stdout
    assert "epoch 3 of 3: loss" in trained.stderr

    assert load_backbone(installed)[1] == load_backbone(work / "backbone")[1]
    for name in ("results.json", "history.json"):
        assert (results / name).read_text() == (work / name).read_text()
    assert sorted(path.name for path in results.iterdir()) == ["history.json", "results.json"]
    page = runpy.run_path(str(ROOT / "docs" / "make_backbone.py"))["text_of"](installed, results, "../images")
    assert "Backbone `tiny`" in page
    assert "PER in chunks of 0.64 s" in page

    words = ("evaluate", work / "backbone", config, "--data", data, "--work", work)
    tested = undertone(*words, "--words")
    assert tested.exit_code == 0, tested.output
    assert tested.stdout.strip() == trained.stdout.splitlines()[-1]
    assert "WER" not in undertone(*words).stdout
    (score,) = json.loads(undertone(*words, "--words", "--dictionary", "--json").stdout)
    assert 0 <= score["wer"] <= 1
    assert score["unknown_words"] == 0
    assert score["per"] < 0.2
    assert score["shared_speakers"] == 0
    (streamed,) = json.loads(undertone(*words, "--chunk", "16", "--json").stdout)
    (told,) = json.loads((results / "results.json").read_text())
    assert {name: streamed[name] for name in ("per", "low", "high")} == {
        name: told["in_chunks"][name] for name in ("per", "low", "high")
    }
    assert undertone(*words, "--chunk", "0").exit_code == 2

    said = say(np.random.default_rng(99), words=5)
    soundfile.write(tmp_path / "new.wav", said.samples, SAMPLE_RATE)
    heard = undertone("transcribe", tmp_path / "new.wav", "--backbone", work / "backbone")
    assert heard.exit_code == 0, heard.output
    rows = list(csv.reader(heard.stdout.splitlines(), delimiter="\t"))
    assert [row[2] for row in rows] == [SYMBOLS[each.symbol] for each in said.segments]
    for row, segment in zip(rows, said.segments, strict=True):
        assert float(row[0]) == pytest.approx(segment.first / 100, abs=0.06)
        assert float(row[1]) == pytest.approx((segment.first + segment.frames) / 100, abs=0.06)
    told = json.loads(undertone("transcribe", tmp_path / "new.wav", "--backbone", work / "backbone", "--json").stdout)
    assert [each["phone"] for each in told] == [row[2] for row in rows]
    words_are_heard(tmp_path / "new.wav", work / "backbone", said.text.split(), [row[:2] for row in rows])


def words_are_heard(recording: Path, backbone: Path, said: list[str], times: list[list[str]]) -> None:
    """Each word of one phone, at the time of that phone."""
    transcribe = ("transcribe", recording, "--backbone", backbone, "--words")
    lines = list(csv.reader(undertone(*transcribe).stdout.splitlines(), delimiter="\t"))
    assert [row[2] for row in lines] == said
    assert [row[:2] for row in lines] == times
    assert [each["word"] for each in json.loads(undertone(*transcribe, "--json").stdout)] == said
    refused = undertone(*transcribe[:-1], "--dictionary")
    assert (refused.exit_code, "give --words with it" in refused.stderr) == (2, True)
    (backbone / "words.json").unlink()
    without = undertone(*transcribe)
    assert (without.exit_code, "it has no words.json" in without.stderr) == (1, True)


def test_mistakes_are_one_line_and_status_1(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text('name = "x"\ncorpora = ["an5"]\n')
    failed = undertone("train", config, "--data", tmp_path, "--work", tmp_path / "work")
    assert (failed.exit_code, len(failed.stderr.splitlines())) == (1, 1)
    assert "corpus 'an5' is unknown" in failed.stderr
    missing = undertone("transcribe", tmp_path / "no.wav", "--backbone", tmp_path)
    assert missing.exit_code == 1
    assert "card.json cannot be read" in missing.stderr
    assert undertone("train", config).exit_code == 2


def test_a_speaker_who_was_trained_on_is_told(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    data, work = tmp_path / "data", tmp_path / "work"
    make_data(data, work, english_lexicon())
    once = replace(SHORT, optimisation=replace(SHORT.optimisation, epochs=1))
    run_config, other = tmp_path / "one.toml", tmp_path / "other.toml"
    run_config.write_text(toml_of(once))
    assert undertone("train", run_config, "--data", data, "--work", work).exit_code == 0
    turned = {CORPUS: HeldOut(validation=("s4",), test=("s0", "s5"))}
    other.write_text(toml_of(replace(once, held_out=turned)))
    tested = undertone("evaluate", work / "backbone", other, "--data", data, "--work", work)
    assert "(24 utterances, 2 speakers; 1 speakers were trained on)" in tested.stdout
