"""Qieemo's head on stored frames: what it reads, how batches are drawn, and what shifting and shuffling touch."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from undertone.encoders.base import Layout
from undertone.errors import ConfigError, UsageError
from undertone.learners import qieemo
from undertone.learners.base import Fitted, Fitting, Part
from undertone.learners.frames import (
    Content,
    Disturbance,
    Frames,
    Reading,
    content_places,
    disturbed,
    plan_epoch,
    read_frames,
    whole,
)
from undertone.learners.qieemo import (
    QieemoSettings,
    fit_qieemo,
    head_inputs,
    head_of,
    reading_of,
)
from undertone.learners.utterances import utterance_weights
from undertone.learners.vectors import ua_of
from undertone.parsing import parse_record
from undertone.records import Utterance
from undertone.systems.qieemo import Head, QieemoHead
from undertone.training.store import FeatureStore

LAYOUT = Layout(blocks=7, width=6, symbols=5, frames_per_s=25.0)
STATES = LAYOUT.blocks * LAYOUT.width
LABELS = ("neutral", "happy")
EVERYTHING = Reading(blocks=(3, 4), content="scores")

SMALL = Head(width=8, heads=2, hidden=8, dropout=0.0, classifier_dropout=0.0)
QUICK = QieemoSettings(head=SMALL, steps=12, batch=8, learning_rate=1e-2, bfloat16=False)


def store_of(count: int, *, seed: int = 0, least: int = 8, most: int = 20) -> FeatureStore:
    """Noise, in utterances of unlike lengths."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum([0, *rng.integers(least, most + 1, size=count)])
    rows = rng.normal(size=(ends[-1], STATES + LAYOUT.symbols)).astype(np.float16)
    spans = {f"made/{number}": (int(ends[number]), int(ends[number + 1])) for number in range(count)}
    return FeatureStore(rows=rows, spans=spans, layout=LAYOUT)


def part_of(start: int, count: int, store: FeatureStore | None) -> Part:
    numbers = range(start, start + count)
    utterances = tuple(
        Utterance(
            id=f"made/{number}", path="x.wav", corpus="made", speaker="s", language="de", emotion="happy", duration=1.0
        )
        for number in numbers
    )  # fmt: skip
    truth = np.array(numbers) % 2
    return Part(utterances=utterances, truth=truth, targets=np.eye(2)[truth], store=store)


def fitted_on(store: FeatureStore | None, folder: Path, settings: QieemoSettings = QUICK, train: int = 24) -> Fitted:
    folder.mkdir(parents=True, exist_ok=True)
    how = Fitting(labels=LABELS, settings=settings, seed=0, folder=folder)
    return fit_qieemo(part_of(0, train, store), part_of(train, 12, store), how)


def frames_of(content: Content | None = None, *, reading: Reading = EVERYTHING, count: int = 5) -> Frames:
    return read_frames(part_of(0, count, store_of(count)), "qieemo", reading, content or Content())


def chosen(*numbers: int) -> np.ndarray:
    return np.array(numbers)


def test_what_is_read_is_what_stands_in_the_store() -> None:
    store = store_of(5)
    batch = whole(frames_of(), chosen(3, 1))
    for place, name in enumerate(("made/3", "made/1")):
        rows = torch.from_numpy(store.features(name)).float()
        length = int(batch.lengths[place])
        assert length == len(rows)
        for number, block in enumerate(EVERYTHING.blocks):
            assert torch.equal(batch.states[place, number, :length], rows[:, block * 6 : block * 6 + 6])
        assert torch.equal(batch.content[place, :length], rows[:, STATES:])
        assert not batch.states[place, :, length:].any()
        assert not batch.content[place, length:].any()


HEADS = {
    "middle third": SMALL,
    "from block 0": replace(SMALL, first_block=0, last_block=2),
    "one block": replace(SMALL, first_block=5, last_block=5),
    "up to the last": replace(SMALL, first_block=4, last_block=6),
    "bottleneck": replace(SMALL, posteriorgram="bottleneck"),
    "bottleneck and one block": replace(SMALL, posteriorgram="bottleneck", first_block=6, last_block=6),
    "content": replace(SMALL, evidence="content", mmf="none", cma="none"),
    "content of the bottleneck": replace(SMALL, evidence="content", posteriorgram="bottleneck", mmf="none", cma="none"),
    "emotion": replace(SMALL, evidence="emotion", mmf="none", cma="none"),
    "emotion of one block": replace(SMALL, evidence="emotion", mmf="none", cma="none", first_block=1, last_block=1),
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS.keys())
def test_a_head_that_is_given_only_what_it_reads_answers_as_one_that_is_given_all(head: Head) -> None:
    torch.manual_seed(0)
    sizes = {"blocks": LAYOUT.blocks, "width": LAYOUT.width, "symbols": LAYOUT.symbols}
    full = QieemoHead(head, labels=2, **sizes).eval()
    narrow = head_of(head, LAYOUT, labels=2).eval()
    narrow.load_state_dict(full.state_dict())
    reading = reading_of(head, LAYOUT)
    batch = whole(frames_of(reading=reading), chosen(0, 2, 4))
    everything = whole(frames_of(reading=Reading(blocks=tuple(range(7)), content="scores")), chosen(0, 2, 4))
    with torch.no_grad():
        found = narrow(*head_inputs(batch, reading)).logits
        expected = full(everything.states, everything.content, everything.lengths).logits
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    "content", [Content(shift_s=0.12), Content(shift_s=-1.0), Content(order="shuffled")], ids=["later", "sooner", "any"]
)
def test_only_the_content_is_moved_in_time(content: Content) -> None:
    kept, moved = (whole(frames_of(each), chosen(0, 1)) for each in (None, content))
    assert torch.equal(kept.states, moved.states)
    assert torch.equal(kept.lengths, moved.lengths)
    assert not torch.equal(kept.content, moved.content)
    for number, length in enumerate(kept.lengths.tolist()):
        before, after = (each.content[number, :length] for each in (kept, moved))
        assert torch.equal(before.sort(dim=0).values, after.sort(dim=0).values)


def test_the_bottleneck_is_moved_where_it_is_the_content_and_not_where_it_is_emotion() -> None:
    reading = Reading(blocks=(6,), content="last-block")
    batch = whole(frames_of(Content(shift_s=0.08), reading=reading), chosen(2))
    assert torch.equal(batch.content[0], batch.states[0, 0].roll(2, dims=0))


def test_a_positive_shift_moves_the_content_later_and_around() -> None:
    places = content_places(["a", "b"], np.array([0, 5, 8]), Content(shift_s=0.08), 25.0)
    assert places.tolist() == [3, 4, 0, 1, 2, 6, 7, 5]


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    shift_s=st.floats(-1, 1),
    order=st.sampled_from(["kept", "shuffled"]),
)
def test_content_never_leaves_its_utterance(lengths: list[int], shift_s: float, order: str) -> None:
    starts = np.cumsum([0, *lengths])
    ids = [f"made/{number}" for number in range(len(lengths))]
    places = content_places(ids, starts, Content(shift_s=shift_s, order=order), 25.0)
    for start, end in itertools.pairwise(starts):
        assert sorted(places[start:end]) == list(range(start, end))


def test_shuffling_depends_on_the_id_and_the_seed_alone() -> None:
    def order(ids: list[str], seed: int = 0) -> list[int]:
        starts = np.arange(0, 12 * (len(ids) + 1), 12)
        return (content_places(ids, starts, Content(order="shuffled", seed=seed), 25.0)[-12:] - starts[-2]).tolist()

    assert order(["x", "made/1"]) == order(["made/1"]) != sorted(order(["made/1"]))
    assert order(["made/1"]) != order(["made/2"])
    assert order(["made/1"]) != order(["made/1"], seed=1)


def test_training_crops_hides_and_keeps_both_features_in_step() -> None:
    frames = frames_of(count=5)
    how = Disturbance(longest=10, masks=2, longest_mask=2)
    rng = np.random.default_rng(0)
    hidden = 0
    for _ in range(20):
        batch = disturbed(frames, np.arange(5), how, rng)
        assert batch.lengths.tolist() == np.minimum(frames.lengths, 10).tolist()
        for number, length in enumerate(batch.lengths.tolist()):
            here = slice(frames.starts[number], frames.starts[number + 1])
            mean = int(frames.starts[-1]) + number
            rows = torch.cat((frames.states[0, here], frames.states[0, mean][None])).float()
            told = torch.cat((frames.content[here], frames.content[mean][None])).float()
            found = (batch.states[number, 0, :length, None] == rows).all(dim=-1).int().argmax(dim=1)
            assert torch.equal(batch.content[number, :length], told[found])
            masked = found == len(rows) - 1
            hidden += int(masked.sum())
            steps = found - torch.arange(length)
            assert len(steps[~masked].unique()) == 1
            assert not batch.states[number, :, length:].any()
    assert 0 < hidden <= 20 * 5 * 4


def test_a_mask_shows_the_mean_of_the_utterance() -> None:
    frames = frames_of()
    mean = frames.states[:, frames.starts[1] : frames.starts[2]].float().mean(dim=1)
    assert torch.allclose(frames.states[:, frames.starts[-1] + 1].float(), mean, atol=1e-3)


def test_an_epoch_holds_every_utterance_once_with_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(20, 200, size=500)
    first, again, other = (plan_epoch(lengths, 16, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert sorted(np.concatenate(first)) == list(range(500))
    assert {len(batch) for batch in first} == {16, 500 % 16}
    assert [batch.tolist() for batch in first] == [batch.tolist() for batch in again]
    assert {frozenset(batch.tolist()) for batch in first} != {frozenset(batch.tolist()) for batch in other}
    assert sum(len(batch) * lengths[batch].max() for batch in first) < 1.2 * lengths.sum()


def test_a_signal_in_the_blocks_is_found_by_emotion_and_not_by_content(tmp_path: Path) -> None:
    store = store_of(60)
    for number in range(60):
        store.features(f"made/{number}")[:, 3 * 6 : 4 * 6] += 1.0 * np.array([1, -1, 1, -1, 1, -1]) * (number % 2)
    found = {}
    for evidence in ("emotion", "content"):
        head = replace(SMALL, evidence=evidence, mmf="none", cma="none")
        fitted = fitted_on(store, tmp_path / evidence, replace(QUICK, head=head, steps=30))
        found[evidence] = ua_of(fitted.predict(part_of(36, 24, store)), np.arange(36, 60) % 2)
    assert found["emotion"] > 0.9
    assert found["content"] < 0.8


def test_a_signal_in_the_alignment_alone_is_lost_when_the_content_is_shuffled(tmp_path: Path) -> None:
    """In class 0 two symbols meet two states at random, in class 1 each its own; neither feature alone tells."""
    store, rng = store_of(136, least=16, most=20), np.random.default_rng(5)
    for number in range(136):
        rows = store.features(f"made/{number}")
        symbol, other = rng.integers(2, size=(2, len(rows)))
        state = symbol if number % 2 else other
        rows[:, STATES:] = 6 * np.eye(LAYOUT.symbols)[1 + symbol]
        rows[:, :STATES] = np.tile(np.array([2, -2, 1, 0, 0, -1]), LAYOUT.blocks) * (2 * state[:, None] - 1)
    settings = replace(QUICK, steps=100, head=replace(SMALL, cma="none"), time_masks=0)
    found = {}
    for order in ("kept", "shuffled"):
        fitted = fitted_on(store, tmp_path / order, replace(settings, content_order=order), train=80)
        found[order] = ua_of(fitted.predict(part_of(92, 44, store)), np.arange(92, 136) % 2)
    assert found["kept"] > 0.85
    assert found["shuffled"] < 0.75


def test_hidden_content_tells_nothing_and_emotion_is_heard_beside_it(tmp_path: Path) -> None:
    """Whether in the blocks or in the scores, the same signal is planted in every frame."""
    found = {}
    for place, columns in (("blocks", slice(3 * 6, 4 * 6)), ("scores", slice(STATES, None))):
        store = store_of(60)
        for number in range(60):
            store.features(f"made/{number}")[:, columns][:, ::2] += 3 * (number % 2)
        for order in ("kept", "hidden"):
            settings = replace(QUICK, content_order=order, steps=30)
            fitted = fitted_on(store, tmp_path / place / order, settings)
            found[place, order] = ua_of(fitted.predict(part_of(36, 24, store)), np.arange(36, 60) % 2)
    assert found["blocks", "kept"] > 0.9
    assert found["blocks", "hidden"] > 0.9
    assert found["scores", "kept"] > 0.9
    assert found["scores", "hidden"] < 0.8


def test_a_run_that_was_cut_off_goes_on_as_if_it_had_not_been(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class CutOffError(Exception):
        pass

    store = store_of(36)
    settings = replace(QUICK, checkpoint_every_s=0.0, head=replace(SMALL, dropout=0.2))
    expected = fitted_on(store, tmp_path / "uncut", settings)
    left = [8]  # 3 batches an epoch: two epochs, and two batches of the third

    def cut_off(*arguments: object) -> object:
        left[0] -= 1
        if left[0] < 0:
            raise CutOffError
        return disturbed(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(qieemo, "disturbed", cut_off)
        with pytest.raises(CutOffError):
            fitted_on(store, tmp_path / "cut", settings)
    resumed = fitted_on(store, tmp_path / "cut", settings)
    assert resumed.history == expected.history
    test = part_of(24, 12, store)
    np.testing.assert_array_equal(resumed.predict(test), expected.predict(test))


def test_it_learns_in_bfloat16_too(tmp_path: Path) -> None:
    store = store_of(60)
    for number in range(60):
        store.features(f"made/{number}")[:, STATES] += 3 * (number % 2)
    fitted = fitted_on(store, tmp_path, replace(QUICK, bfloat16=True, head=replace(SMALL, width=16)))
    assert ua_of(fitted.predict(part_of(36, 24, store)), np.arange(36, 60) % 2) > 0.9


def test_classes_weigh_the_same_where_that_is_asked() -> None:
    targets = np.eye(3)[[0, 0, 0, 0, 1, 1]]
    weights = utterance_weights(targets, balanced=True)
    assert (weights @ targets).tolist() == pytest.approx([3, 3, 0])
    assert weights.mean() == pytest.approx(1)
    assert utterance_weights(targets, balanced=False).tolist() == [1] * 6


def test_settings_are_read_with_the_head_inside() -> None:
    problems: list[str] = []
    found = parse_record(QieemoSettings, {"steps": 3, "head": {"width": 64, "mmf": "none"}}, problems)
    assert problems == []
    assert found == QieemoSettings(steps=3, head=Head(width=64, mmf="none"))
    parse_record(QieemoSettings, {"head": {"with": 64}}, problems)
    assert problems == ["head.with is not a setting; did you mean width?"]


@pytest.mark.parametrize("store", [None, replace(store_of(40), layout=None)])
def test_an_encoder_without_a_recognisers_frames_is_refused(store: FeatureStore | None, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"qieemo needs an encoder .* asr-frames:FOLDER or hub-asr-frames:PATH"):
        fitted_on(store, tmp_path)


def test_an_order_that_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="content_order 'swapped' is unknown; it can be kept, shuffled, hidden"):
        fitted_on(store_of(40), tmp_path, replace(QUICK, content_order="swapped"))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"steps": 0}, "steps must be 1 or more, not 0"),
        ({"batch": 0}, "batch must be 1 or more, not 0"),
        ({"patience": -1}, "patience must be 0 or more, not -1"),
        ({"average": 1.0}, r"average must be from 0 to below 1, not 1\.0"),
        ({"learning_rate": 0.0}, r"learning_rate must be above 0, not 0\.0"),
        ({"longest_s": 0.01}, r"longest_s must hold one frame or more, not 0\.01"),
        ({"head": replace(SMALL, last_block=7)}, "head: first_block and last_block must .* 0 to 6, not 0 and 7"),
        ({"head": replace(SMALL, mmf="sum")}, "head: mmf must be one of .*, not 'sum'"),
    ],
)
def test_a_setting_out_of_its_range_is_refused(changes: dict[str, object], problem: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=problem):
        fitted_on(store_of(40), tmp_path, replace(QUICK, **changes))
