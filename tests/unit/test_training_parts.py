"""The parts of training: loss, masks, draws of batches."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.labels import EMOTIONS
from undertone.records import Utterance
from undertone.training.batches import collate, crop, draw_epoch, labels_of, masked, padded
from undertone.training.config import Masking
from undertone.training.losses import partial_label_loss
from undertone.training.store import FeatureStore

MEL = 80
NOTHING = Masking(frequency_masks=0, time_masks=0, warp=0.0, tilt_db=0.0)


def utterance(number: int, corpus: str = "a", label: str | None = "sad", path: str = "x") -> Utterance:
    return Utterance(
        id=f"{corpus}/{number}", path=path, corpus=corpus, speaker="s", language="de", emotion=label, duration=1.0
    )


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(8, 4, (count, MEL)).astype(np.float32)


# loss


@st.composite
def loss_cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Draw logits (batch, label), allowed labels (batch, label), targets among them (batch,), and a smoothing."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    batch = draw(st.integers(1, 5))
    allowed = rng.random((batch, 7)) < draw(st.floats(0, 1))
    targets = rng.integers(7, size=batch)
    allowed[np.arange(batch), targets] = True
    return rng.normal(0, 5, (batch, 7)), allowed, targets, draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))


@settings(max_examples=60, deadline=None)
@given(case=loss_cases())
def test_the_loss_is_the_written_out_formula(case: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> None:
    logits, allowed, targets, smoothing = case
    expected = []
    for row, may, target in zip(logits, allowed, targets, strict=True):
        logs = row - np.log(np.exp(row[may]).sum())
        wanted = np.where(may, smoothing / may.sum(), 0.0)
        wanted[target] += 1 - smoothing
        expected.append(-(wanted[may] * logs[may]).sum())
    found = partial_label_loss(
        torch.from_numpy(logits), torch.from_numpy(targets), torch.from_numpy(allowed), smoothing=smoothing
    )
    assert float(found) == pytest.approx(np.mean(expected), rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(case=loss_cases())
def test_labels_that_a_corpus_lacks_get_no_gradient(case: tuple[np.ndarray, np.ndarray, np.ndarray, float]) -> None:
    logits, allowed, targets, smoothing = case
    scores = torch.from_numpy(logits).requires_grad_()
    loss = partial_label_loss(scores, torch.from_numpy(targets), torch.from_numpy(allowed), smoothing=smoothing)
    loss.backward()
    gradient = scores.grad.numpy()
    assert np.isfinite(gradient).all()
    assert not gradient[~allowed].any()
    assert np.allclose(gradient.sum(axis=1), 0, atol=1e-9)
    hit = gradient[np.arange(len(targets)), targets]
    assert smoothing > 0 or (hit[allowed.sum(axis=1) > 1] < 0).all()


def test_a_corpus_with_one_label_teaches_nothing_and_breaks_nothing() -> None:
    scores = torch.randn(2, 7, requires_grad=True)
    allowed = torch.zeros(2, 7, dtype=torch.bool)
    allowed[:, 3] = True
    loss = partial_label_loss(scores, torch.tensor([3, 3]), allowed, smoothing=0.1)
    loss.backward()
    assert loss.item() == 0.0
    assert not scores.grad.any()


# masks and crops


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 500), seed=st.integers(0, 2**32 - 1))
def test_masking_keeps_shape_and_kind_and_follows_the_generator(count: int, seed: int) -> None:
    features = frames(count)
    features.setflags(write=False)
    first = masked(features, Masking(), np.random.default_rng(seed))
    second = masked(features, Masking(), np.random.default_rng(seed))
    assert first.shape == features.shape
    assert first.dtype == np.float32
    assert np.isfinite(first).all()
    assert np.array_equal(first, second)


def test_without_any_mask_features_are_themselves(rng: np.random.Generator) -> None:
    assert np.array_equal(masked(frames(50), NOTHING, rng), frames(50))


def test_a_tilt_moves_every_frame_alike_and_no_more_than_asked_for() -> None:
    how = dataclasses.replace(NOTHING, tilt_db=6.0)
    nats = 6.0 * np.log(10) / 10
    moves = [masked(frames(30), how, np.random.default_rng(seed)) - frames(30) for seed in range(30)]
    for move in moves:
        assert np.allclose(move, move[0], atol=1e-5)
        assert np.abs(move).max() <= nats + 1e-5
    assert max(np.abs(move).max() for move in moves) > 0.9 * nats


def test_frequency_masks_cover_bands_and_time_masks_cover_frames_with_the_mean() -> None:
    for seed in range(30):
        bands = masked(
            frames(60), dataclasses.replace(NOTHING, frequency_masks=1, most_bins=12), np.random.default_rng(seed)
        )
        changed = (bands != frames(60)).any(axis=0)
        assert changed.sum() <= 12
        assert np.allclose(bands[:, changed], frames(60).mean(), atol=1e-5)
        times = masked(
            frames(60), dataclasses.replace(NOTHING, time_masks=1, most_frames=40), np.random.default_rng(seed)
        )
        changed = (times != frames(60)).any(axis=1)
        assert changed.sum() <= 12  # a fifth of 60 frames is less than 40
        assert np.allclose(times[changed], frames(60).mean(), atol=1e-5)


def test_a_warp_stretches_the_mel_axis_from_its_lower_end() -> None:
    ramp = np.tile(np.arange(MEL, dtype=np.float32), (5, 1))
    for seed in range(20):
        warped = masked(ramp, dataclasses.replace(NOTHING, warp=0.1), np.random.default_rng(seed))
        factor = warped[0, 40] / 40
        assert 0.9 <= factor <= 1.1
        assert np.allclose(warped, np.minimum(ramp * factor, MEL - 1), atol=1e-3)


@settings(max_examples=100, deadline=None)
@given(count=st.integers(1, 900), quarter=st.integers(1, 100), seed=st.integers(0, 2**32 - 1))
def test_a_crop_is_a_stretch_of_the_features(count: int, quarter: int, seed: int) -> None:
    features = np.repeat(np.arange(count, dtype=np.float16)[:, None], 2, axis=1)
    features.setflags(write=False)
    most = 4 * quarter
    found = crop(features, most, np.random.default_rng(seed))
    assert np.array_equal(found, crop(features, most, np.random.default_rng(seed)))
    assert min(count, quarter) <= len(found) <= min(count, most)
    start = int(found[0, 0])
    assert np.array_equal(found, features[start : start + len(found)])


def test_half_of_the_crops_are_as_long_as_they_can_be() -> None:
    features = frames(300).astype(np.float16)
    lengths = [len(crop(features, 200, np.random.default_rng(seed))) for seed in range(200)]
    assert 0.35 < np.mean([length == 200 for length in lengths]) < 0.65
    assert min(lengths) < 70


# batches


def store_of(utterances: list[Utterance], mark: float = 0.0) -> FeatureStore:
    """A store in which utterance k has 20 + k % 30 frames that all hold k % 50 + `mark`."""
    rows, spans, end = [], {}, 0
    for number, item in enumerate(utterances):
        count = 20 + number % 30
        rows.append(np.full((count, MEL), number % 50 + mark, dtype=np.float16))
        spans[item.id] = (end, end + count)
        end += count
    return FeatureStore(rows=np.concatenate(rows), spans=spans)


CORPUS_A = [utterance(number, "a", ("sad", "angry")[number % 2]) for number in range(300)]
CORPUS_B = [utterance(number, "b", ("happy", "sad", "neutral")[number % 3]) for number in range(75)]
BOTH = CORPUS_A + CORPUS_B


def epoch(seed: int = 0, **changes: object):
    wanted = {
        "allowed": labels_of(BOTH),
        "masking": NOTHING,
        "window": 40,
        "batch": 8,
        "corpus_balance": 0.5,
        "centre": False,
        "rng": np.random.default_rng(seed),
    }
    return list(draw_epoch(BOTH, [store_of(BOTH), store_of(BOTH, 100.0)], **(wanted | changes)))


def test_labels_of_a_corpus_are_those_that_its_utterances_have() -> None:
    found = labels_of([*BOTH, utterance(0, "c", None)])
    assert [EMOTIONS[index] for index in np.flatnonzero(found["a"])] == ["sad", "angry"]
    assert [EMOTIONS[index] for index in np.flatnonzero(found["b"])] == ["neutral", "happy", "sad"]
    assert not found["c"].any()


def test_an_epoch_has_as_many_draws_as_utterances_in_whole_batches() -> None:
    batches = epoch()
    assert len(batches) == len(BOTH) // 8
    for batch in batches:
        assert batch.features.shape == (8, int(batch.lengths.max()), MEL)
        assert batch.features.dtype == torch.float32
        assert batch.lengths.shape == batch.targets.shape == (8,)
        assert batch.allowed.shape == (8, 7)
        assert batch.allowed[torch.arange(8), batch.targets].all()
        assert int(batch.lengths.max()) <= 40
        for row, length in enumerate(batch.lengths.tolist()):
            assert not batch.features[row, length:].any()
            assert len(set(batch.features[row, :length].flatten().tolist())) == 1


def test_an_epoch_follows_its_generator() -> None:
    for first, second in zip(epoch(3), epoch(3), strict=True):
        assert torch.equal(first.features, second.features)
        assert torch.equal(first.targets, second.targets)
    assert not all(torch.equal(a.targets, b.targets) for a, b in zip(epoch(3), epoch(4), strict=True))


def test_centred_windows_have_bands_of_mean_zero() -> None:
    for batch in epoch(centre=True):
        assert batch.features.any(dim=0).sum() == 0  # the material's rows are all alike


def test_windows_of_like_length_share_a_batch() -> None:
    batches = epoch()
    lengths = [batch.lengths.numpy() for batch in batches]
    apart = np.concatenate(lengths)
    padding = sum(each.max() * len(each) - each.sum() for each in lengths)
    by_chance = sum(each.max() * len(each) - each.sum() for each in np.split(apart[: len(apart) // 8 * 8], 8))
    assert padding < 0.5 * by_chance
    means = [each.mean() for each in lengths]
    assert means != sorted(means)  # the order of batches says nothing of their length


def test_every_condition_is_drawn() -> None:
    marks = [float(row[0, 0]) >= 100 for batch in epoch() for row in batch.features]
    assert 0.35 < np.mean(marks) < 0.65


@pytest.mark.parametrize(("balance", "share"), [(1.0, 0.2), (0.5, 1 / 3), (0.0, 0.5)])
def test_corpora_are_drawn_in_proportion_to_the_power_of_their_size(balance: float, share: float) -> None:
    """75 and 300 utterances: 1:4 as they are, 1:2 by the square root, 1:1 where size does not count."""
    allowed = labels_of(BOTH)
    happy, angry = EMOTIONS.index("happy"), EMOTIONS.index("angry")
    drawn = Counter(
        bool(row[happy])
        for seed in range(4)
        for batch in epoch(seed, corpus_balance=balance)
        for row in batch.allowed.numpy()
    )
    assert allowed["a"][angry]
    assert drawn[True] / drawn.total() == pytest.approx(share, abs=0.05)


def test_windows_are_joined_with_what_their_utterances_say() -> None:
    batch = collate([CORPUS_A[1], CORPUS_B[0]], [frames(3), frames(5)], labels_of(BOTH))
    assert batch.targets.tolist() == [EMOTIONS.index("angry"), EMOTIONS.index("happy")]
    assert batch.lengths.tolist() == [3, 5]
    assert torch.equal(batch.features[0, :3], torch.from_numpy(frames(3)))
    features, lengths = padded([frames(2)])
    assert features.shape == (1, 2, MEL)
    assert lengths.tolist() == [2]
