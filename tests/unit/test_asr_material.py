"""What a phone recogniser learns from: alignments on disk, ways of hearing, batches, the split."""

from __future__ import annotations

import importlib.util
import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_speech import LEXICON, say

from undertone.asr import alignments
from undertone.asr.alignments import (
    Segment,
    Task,
    align,
    align_one,
    frame_targets,
    make_decoder,
    phones_in,
    read_alignments,
    write_alignment,
)
from undertone.asr.config import AsrConfig, Chunks, read_asr_config
from undertone.asr.hearing import STATES, at_speed, in_surroundings
from undertone.asr.material import (
    UNKNOWN,
    Condition,
    Item,
    SpeechMaterial,
    collate,
    draw_batches,
    make_item,
    make_material,
    part_of_batch,
    plan_pass,
)
from undertone.asr.prepare import split_speech
from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_utterance
from undertone.audio.stretches import LOG_MEL_GRID, WHISPER_GRID, Grid
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import corpus_named
from undertone.encoders.registry import encoder_named
from undertone.errors import ConfigError, CorpusError, MissingExtraError
from undertone.records import Utterance
from undertone.speech.lexicon import english_lexicon
from undertone.speech.phones import SYMBOLS, indices_of
from undertone.speech.pronounce import pronounce
from undertone.training.config import Augmentation, Masking
from undertone.training.disturb import Surroundings
from undertone.training.store import FeatureStore

EVERY = Grid(step=160, middle=200)
"""A frame of 10 ms, as the aligner has them."""
LOG_MEL = encoder_named("log-mel")
ROOT = Path(__file__).resolve().parents[2]
PLAIN = Masking(frequency_masks=0, time_masks=0, warp=0, tilt_db=0)
has_aligner = pytest.mark.skipif(importlib.util.find_spec("pocketsphinx") is None, reason="needs pocketsphinx")


def utterance(name: str, *, speaker: str = "a", corpus: str = "an4", split: str | None = None) -> Utterance:
    return Utterance(
        id=f"{corpus}/{name}", path=f"{name}.wav", corpus=corpus, speaker=speaker, language="en", emotion=None,
        duration=1.0, split=split,
    )  # fmt: skip


def store_of(lengths: dict[str, int]) -> FeatureStore:
    ends = np.cumsum(list(lengths.values()))
    rows = np.random.default_rng(0).normal(size=(int(ends[-1]), 80)).astype(np.float16)
    return FeatureStore(
        rows=rows,
        spans={name: (int(end) - count, int(end)) for (name, count), end in zip(lengths.items(), ends, strict=True)},
    )


def material_of(lengths: list[int], *, conditions: int = 1, aligned: bool = True) -> SpeechMaterial:
    items = [
        Item(
            utterance=utterance(str(number)),
            phones=(1, 2),
            segments=(Segment(symbol=1, first=0, frames=8), Segment(symbol=2, first=8, frames=8)) if aligned else (),
        )
        for number in range(len(lengths))
    ]
    stores = [
        store_of({item.utterance.id: length + 4 * way for item, length in zip(items, lengths, strict=True)})
        for way in range(conditions)
    ]
    return make_material(items, [Condition(store=store) for store in stores])


def test_frames_get_the_phone_that_sounds_at_them() -> None:
    segments = (Segment(symbol=5, first=3, frames=5), Segment(symbol=9, first=10, frames=2))
    assert frame_targets(segments, 4, grid=LOG_MEL_GRID, speed=1.0).tolist() == [0, 5, 0, 0]
    assert (
        frame_targets(segments, 14, grid=EVERY, speed=1.0).tolist() == [0] * 3 + [5] * 5 + [0] * 2 + [9] * 2 + [0] * 2
    )


def test_faster_sound_has_its_phones_earlier() -> None:
    segments = (Segment(symbol=5, first=20, frames=10),)
    assert frame_targets(segments, 40, grid=EVERY, speed=2.0).tolist() == [0] * 10 + [5] * 5 + [0] * 25


def test_frames_of_another_grid_take_the_nearest_of_the_aligner() -> None:
    segments = (Segment(symbol=5, first=3, frames=4),)  # their middles lie from 42.5 to 72.5 ms
    assert frame_targets(segments, 6, grid=WHISPER_GRID, speed=1.0).tolist() == [0, 0, 5, 5, 0, 0]


def test_states_lose_times_to_their_mean_and_nothing_else(rng: np.random.Generator) -> None:
    rows = rng.normal(size=(60, 8)).astype(np.float32)
    how = Masking(frequency_masks=2, most_bins=4, time_masks=1, most_frames=10, warp=0.1, tilt_db=6)
    found = STATES.masked(rows, how, np.random.default_rng(3))
    changed = (found != rows).any(axis=1)
    assert 0 < changed.sum() <= 10
    assert np.allclose(found[changed], rows.mean(axis=0))
    assert np.array_equal(found[~changed], rows[~changed])


def test_without_phones_every_frame_is_blank() -> None:
    assert frame_targets((), 3, grid=LOG_MEL_GRID, speed=1.0).tolist() == [0, 0, 0]


@given(st.lists(st.integers(1, 120), min_size=1, max_size=40), st.integers(1, 300), st.integers(0, 5))
def test_a_pass_hears_every_item_once_and_keeps_the_size_of_batches(lengths: list[int], most: int, seed: int) -> None:
    table = np.array([lengths, lengths]).T
    batches = plan_pass(table, most, np.random.default_rng(seed))
    assert sorted(item for batch in batches for item, _ in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[item] for item, _ in batch) * len(batch) <= most


def test_batches_depend_on_the_seed_and_the_epoch_alone() -> None:
    material = material_of([20, 30, 44, 25, 61], conditions=3)

    def drawn(epoch: int, seed: int) -> list[list[float]]:
        return [
            batch.features.flatten().tolist()
            for batch in draw_batches(
                material, epoch=epoch, steps=3, batch_frames=80, masking=Masking(), chunks=Chunks(), seed=seed
            )
        ]

    assert drawn(2, 0) == drawn(2, 0)
    assert drawn(2, 0) != drawn(1, 0)
    assert drawn(2, 0) != drawn(2, 1)


def test_epochs_follow_each_other_without_a_gap() -> None:
    material = material_of([20, 30, 44, 25, 61])

    def lengths(epoch: int, steps: int) -> list[list[int]]:
        drawn = draw_batches(
            material, epoch=epoch, steps=steps, batch_frames=80, masking=PLAIN, chunks=Chunks(), seed=0
        )
        return [batch.lengths.tolist() for batch in drawn]

    assert lengths(0, 4) + lengths(1, 4) == lengths(0, 8)


def test_a_share_of_the_batches_is_heard_in_chunks() -> None:
    material = material_of([20, 30, 44, 25, 61])

    def drawn(share: float) -> list[int | None]:
        chunks = Chunks(share=share, least=3, most=5)
        batches = draw_batches(material, epoch=0, steps=60, batch_frames=80, masking=PLAIN, chunks=chunks, seed=0)
        return [batch.chunk for batch in batches]

    assert set(drawn(0)) == {None}
    assert set(drawn(1)) == {3, 4, 5}
    assert 15 < drawn(0.5).count(None) < 45


def test_a_batch_tells_what_is_said_and_when() -> None:
    item = Item(utterance=utterance("x"), phones=(7, 3), segments=(Segment(symbol=7, first=0, frames=6),))
    other = Item(utterance=utterance("y"), phones=(2,))
    condition = Condition(store=store_of({"an4/x": 17, "an4/y": 9}))
    batch = collate([item, other], [condition, condition], None, np.random.default_rng(0))
    assert batch.features.shape == (2, 17, 80)
    assert batch.lengths.tolist() == [17, 9]
    assert batch.phones.tolist() == [[7, 3], [2, 0]]
    assert batch.phone_lengths.tolist() == [2, 1]
    assert batch.frames.tolist() == [[7, 7, 0, 0, 0], [UNKNOWN] * 5]
    assert batch.aligned.tolist() == [True, False]
    assert torch.equal(batch.features[0], torch.from_numpy(condition.store.features("an4/x").astype(np.float32)))
    second = part_of_batch(batch, slice(1, 2))
    assert (second.lengths.tolist(), second.phones.tolist(), second.aligned.tolist()) == ([9], [[2, 0]], [False])


def test_what_has_more_phones_than_frames_is_left_out() -> None:
    items = [
        Item(utterance=utterance("fits"), phones=(1, 2, 3)),
        Item(utterance=utterance("dense"), phones=(1, 2, 2)),  # two that are alike need a frame between them
        Item(utterance=utterance("mute"), phones=()),
    ]
    store = store_of({"an4/fits": 12, "an4/dense": 12, "an4/mute": 12})
    assert [item.utterance.id for item in make_material(items, [Condition(store=store)]).items] == ["an4/fits"]
    with pytest.raises(ConfigError, match="none of 2 utterances can be learned from"):
        make_material(items[1:], [Condition(store=store)])


def test_the_pronunciation_is_the_one_that_was_aligned() -> None:
    assert make_item(utterance("x"), (1, 2), (Segment(symbol=4, first=0, frames=3),)).phones == (4,)
    assert make_item(utterance("x"), (1, 2), None).phones == (1, 2)


@settings(deadline=None, max_examples=10)
@given(st.sampled_from([0.9, 1.1]))
def test_speed_changes_the_length_by_its_share(speed: float) -> None:
    samples = say(np.random.default_rng(0)).samples
    (frames,) = at_speed(LOG_MEL, speed).encode([samples])
    assert len(frames) == pytest.approx(len(log_mel(samples, FrontEnd())) / speed, abs=2)
    assert at_speed(LOG_MEL, speed).name != at_speed(LOG_MEL, 1).name == "log-mel"
    assert at_speed(LOG_MEL, speed).revision != at_speed(LOG_MEL, 1).revision


def test_what_disturbs_an_utterance_depends_on_it_the_seed_and_the_copy() -> None:
    rng = np.random.default_rng(0)
    surroundings = Surroundings(
        noises=(rng.normal(size=4000).astype(np.float32),), rooms=(np.eye(1, 300, dtype=np.float32)[0],)
    )
    how = Augmentation(room=0, noise=1, telephone=0)
    one, other = say(rng).samples, say(rng).samples

    def frames(sounds: list[np.ndarray], seed: int = 0, copy: int = 0) -> list[np.ndarray]:
        return in_surroundings(LOG_MEL, how, surroundings, seed=seed, copy=copy).encode(sounds)

    assert np.array_equal(frames([one])[0], frames([other, one])[1])
    assert not np.array_equal(frames([one])[0], frames([one], copy=1)[0])
    assert not np.array_equal(frames([one])[0], frames([one], seed=1)[0])
    assert np.abs(frames([one])[0] - log_mel(one, FrontEnd())).max() > 0.5


SPOKEN = [
    utterance("1", speaker="a", split="train"), utterance("2", speaker="b", split="train"),
    utterance("3", speaker="c", split="an4_test"), utterance("4", speaker="d", split="train"),
]  # fmt: skip


def test_speech_is_split_by_speakers_and_by_the_official_test_part() -> None:
    held_out = {"an4": HeldOut(validation=("b",), test=("a",))}
    fold = split_speech(SPOKEN, held_out, ["an4"])
    assert (fold.train, fold.validation, fold.test) == (("an4/4",), ("an4/2",), ("an4/1", "an4/3"))
    assert split_speech(SPOKEN, held_out, []).test == ("an4/1",)


@pytest.mark.parametrize(
    ("validation", "test", "official", "problem"),
    [
        (("z",), (), (), "an4 has no speaker z"),
        (("a",), ("a",), (), "an4 holds speaker a out for validation and for test"),
        ((), (), ("kathleen_arctic",), "kathleen_arctic has no test part of its own; hold speakers out"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    validation: tuple[str, ...], test: tuple[str, ...], official: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        split_speech(SPOKEN, {"an4": HeldOut(validation=validation, test=test)}, official)


def task_of(text: str = "ah oh", name: str = "x") -> Task:
    words = tuple((word.word, word.pronunciations) for word in pronounce(text, LEXICON))
    return Task(utterance=replace(utterance(name), text=text), words=words)


def test_alignments_are_kept_by_sound_and_script(tmp_path: Path) -> None:
    path = tmp_path / "a" / "an4.jsonl"
    said = (Segment(symbol=1, first=3, frames=5), Segment(symbol=28, first=9, frames=4))
    write_alignment(path, "s1", task_of().script, said)
    write_alignment(path, "s2", task_of().script, None)
    assert read_alignments(path) == {("s1", task_of().script): said, ("s2", task_of().script): None}
    found = align([task_of(name="x"), task_of(name="y")], {"an4/x": "s1", "an4/y": "s2"}, path)
    assert found == {"an4/x": said}


def test_a_line_that_was_cut_off_is_aligned_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "an4.jsonl"
    said = (Segment(symbol=1, first=3, frames=5),)
    write_alignment(path, "s1", task_of().script, said)
    write_alignment(path, "s2", task_of().script, said)
    whole = path.read_text()
    path.write_text(whole[:-7])
    monkeypatch.setattr(alignments, "_aligned", lambda tasks, _: ((task, said) for task in tasks))
    monkeypatch.setattr(alignments, "_require_pocketsphinx", lambda: None)
    steps = []
    tasks = [task_of(name="x"), task_of(name="y")]
    found = align(
        tasks, {"an4/x": "s1", "an4/y": "s2"}, path, progress=lambda *told: lambda: steps.append(told)
    )  # fmt: skip
    assert steps == [("alignment of an4", 1)]
    assert found == {"an4/x": said, "an4/y": said}
    assert path.read_text() == whole


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "an4.jsonl").write_text('{"sound": "s"}\n')
    with pytest.raises(CorpusError, match=r"line 1 cannot be read .*delete the file and run again"):
        read_alignments(tmp_path / "an4.jsonl")


def test_without_the_aligner_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"forced alignment needs packages.*undertone\[train\]"):
        align([task_of()], {"an4/x": "s"}, tmp_path / "an4.jsonl")


@has_aligner
def test_a_transcript_that_does_not_fit_the_sound_has_no_alignment() -> None:
    decoder = make_decoder()
    assert align_one(decoder, task_of("ah oh e ah oh e ah"), np.zeros(800, dtype=np.float32)) is None
    assert align_one(decoder, task_of(""), say(np.random.default_rng(0)).samples) is None


@has_aligner
def test_real_speech_is_aligned_in_order_within_its_length(data: Path, tmp_path: Path) -> None:
    lexicon = english_lexicon()
    spoken = corpus_named("speechocean762").scan(data / "speechocean762")[:3]
    tasks = [
        Task(utterance=item, words=tuple((word.word, word.pronunciations) for word in pronounce(item.text, lexicon)))
        for item in spoken
    ]
    contents = {item.id: f"sound {number}" for number, item in enumerate(spoken)}
    found = align(tasks, contents, tmp_path / "so.jsonl", processes=1)
    assert len(found) == 3
    for task in tasks:
        segments = found[task.utterance.id]
        assert all(one.first + one.frames <= other.first for one, other in itertools.pairwise(segments))
        assert segments[-1].first + segments[-1].frames <= 100 * task.utterance.duration
        ways = [indices_of(phones) for phones in task.words[0][1]]
        assert any(phones_in(segments)[: len(way)] == way for way in ways)
        levels = np.log(np.square(load_utterance(task.utterance)) + 1e-9)
        heard = np.concatenate([levels[160 * each.first : 160 * (each.first + each.frames)] for each in segments])
        assert heard.mean() > levels.mean()  # phones stand where there is sound
    assert json.loads((tmp_path / "so.jsonl").read_text().splitlines()[0])["phones"][0][0] in SYMBOLS


def config_of(tmp_path: Path, text: str) -> AsrConfig:
    (tmp_path / "asr.toml").write_text(text)
    return read_asr_config(tmp_path / "asr.toml")


BASE = 'name = "x"\ncorpora = ["an4"]\n'


def test_the_project_s_own_configuration_is_right() -> None:
    config = read_asr_config(ROOT / "experiments" / "asr.toml")
    assert config.held_out["librispeech_sample"].test == ("ls_26", "ls_27")
    assert config.official == ("speechocean762", "an4")


def test_defaults_are_a_configuration(tmp_path: Path) -> None:
    assert config_of(tmp_path, BASE) == AsrConfig(name="x", corpora=("an4",))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('name = "x"\ncorpora = []', "corpora is empty"),
        ('name = "x"\ncorpora = ["an5"]', "corpus 'an5' is unknown"),
        ('name = "x"\ncorpora = ["an4", "an4"]', "corpus 'an4' is listed twice"),
        (BASE + 'official = ["meld"]', "official names 'meld', which is not among the corpora"),
        (BASE + "speeds = [3.0]", "speeds must be from 0.5 to 2, one at least, not 3"),
        (BASE + "speeds = []", "speeds must be from 0.5 to 2, one at least, not none"),
        (BASE + "longest_s = 0.0", "longest_s must be above 0, not 0"),
        (BASE + "[optimisation]\nctc_share = 1.5", "optimisation.ctc_share must be from 0 to 1, not 1.5"),
        (BASE + "[optimisation]\nsteps = 0", "optimisation.steps must be 1 or more, not 0"),
        (BASE + "[optimisation]\nstep = 3", "optimisation.step is not a setting; did you mean steps"),
        (BASE + "[sizes]\nwidth = 145", r"sizes: width must be a multiple of twice the heads \(8\), not 145"),
        (BASE + "[sizes]\nsymbols = 12", "sizes.symbols must be 40.*not 12"),
        (BASE + "[sizes]\nmel_bins = 40", "sizes.mel_bins must be 80.*not 40"),
        (BASE + "[masking]\nmost_bins = 90", "masking.most_bins must be 80 or less, not 90"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_configuration_that_cannot_be_trained_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        config_of(tmp_path, text)


def test_masks_leave_the_mean_of_a_band(rng: np.random.Generator) -> None:
    item = Item(utterance=utterance("x"), phones=(1,))
    condition = Condition(store=store_of({"an4/x": 60}))
    how = replace(PLAIN, frequency_masks=4, most_bins=20)
    batch = collate([item], [condition], how, rng)
    silent = batch.features[0].std(dim=0) < 1e-6
    assert silent.any()
    assert batch.features[0][:, silent].abs().max() < 1e-3
    assert condition.store.features("an4/x").astype(np.float32)[:, silent.numpy()].std(axis=0).min() > 0.5
