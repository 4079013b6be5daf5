"""The probe of single blocks: it hears the blocks that it is told, and answers as the machine it is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from undertone.errors import UsageError
from undertone.learners import linear, svm
from undertone.learners.base import Fitting, Part
from undertone.learners.block_probe import BlockProbeSettings, fit_block_probe
from undertone.learners.vectors import ua_of
from undertone.records import Utterance
from undertone.training.store import FeatureStore

LABELS = ("neutral", "happy", "angry")
KNOWING = 2
"""The one block that knows the class."""

every_kind = pytest.mark.parametrize("kind", ["svm", "logistic"])


def store_of(rows: np.ndarray) -> FeatureStore:
    return FeatureStore(rows=rows, spans={f"made/{number}": (number, number + 1) for number in range(len(rows))})


def planted(count: int = 120, blocks: int = 4, width: int = 6) -> FeatureStore:
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(count, blocks, width)).astype(np.float32)
    rows[:, KNOWING] += 2 * rng.normal(size=(3, width))[np.arange(count) % 3]
    return store_of(rows)


def part_of(start: int, count: int, store: FeatureStore | None) -> Part:
    numbers = range(start, start + count)
    utterances = tuple(
        Utterance(
            id=f"made/{number}", path="x.wav", corpus="made", speaker="s", language="de", emotion="happy", duration=1.0
        )
        for number in numbers
    )  # fmt: skip
    truth = np.array(numbers) % 3
    return Part(utterances=utterances, truth=truth, targets=np.eye(3)[truth], store=store)


def how(settings: object) -> Fitting:
    return Fitting(labels=LABELS, settings=settings, seed=0, folder=Path("unused"))


def predicted(settings: BlockProbeSettings, store: FeatureStore) -> np.ndarray:
    fitted = fit_block_probe(part_of(0, 60, store), part_of(60, 30, store), how(settings))
    return fitted.predict(part_of(90, 30, store))


@every_kind
@pytest.mark.parametrize(("first", "last", "knows"), [(2, 2, True), (1, 3, True), (0, 1, False), (3, 3, False)])
def test_the_block_that_knows_is_found_and_no_other(kind: str, first: int, last: int, knows: bool) -> None:
    settings = BlockProbeSettings(first_block=first, last_block=last, kind=kind)
    found = ua_of(predicted(settings, planted()), np.arange(90, 120) % 3)
    assert found > 0.8 if knows else found < 0.6


@every_kind
def test_other_blocks_are_not_heard(kind: str) -> None:
    store = planted()
    changed = store.rows.copy()
    changed[:, [0, 1, 3]] = 7
    settings = BlockProbeSettings(first_block=KNOWING, last_block=KNOWING, kind=kind)
    np.testing.assert_array_equal(predicted(settings, store), predicted(settings, store_of(changed)))


@pytest.mark.parametrize(
    ("kind", "fit", "usual"),
    [("svm", svm.fit, svm.SvmSettings()), ("logistic", linear.fit, linear.LinearSettings())],
)
def test_it_is_the_usual_machine_on_the_rows_of_the_blocks_side_by_side(kind: str, fit: object, usual: object) -> None:
    store = planted()
    flat = store_of(store.rows[:, 1:3].reshape(len(store.rows), -1))
    expected = fit(part_of(0, 60, flat), part_of(60, 30, flat), how(usual)).predict(part_of(90, 30, flat))
    found = predicted(BlockProbeSettings(first_block=1, last_block=2, kind=kind), store)
    np.testing.assert_array_equal(found, expected)


@every_kind
def test_penalties_that_are_given_are_those_that_are_tried(kind: str) -> None:
    settings = BlockProbeSettings(first_block=KNOWING, last_block=KNOWING, kind=kind, penalties=(0.37,))
    store = planted()
    fitted = fit_block_probe(part_of(0, 60, store), part_of(60, 30, store), how(settings))
    assert fitted.chosen["penalty"] == 0.37


@pytest.mark.parametrize("store", [None, store_of(np.zeros((120, 8)))])
def test_rows_without_blocks_are_refused(store: FeatureStore | None) -> None:
    with pytest.raises(UsageError, match=r"block-probe needs an encoder that gives one row .* such as asr:FOLDER"):
        fit_block_probe(part_of(0, 60, store), part_of(60, 30, store), how(BlockProbeSettings()))


def test_frames_are_refused() -> None:
    store = FeatureStore(
        rows=np.zeros((240, 4, 6)), spans={f"made/{number}": (2 * number, 2 * number + 2) for number in range(120)}
    )
    with pytest.raises(UsageError, match="one row an utterance; this one gives frames"):
        predicted(BlockProbeSettings(), store)


@pytest.mark.parametrize(("first", "last"), [(3, 4), (2, 1), (-1, 0)])
def test_blocks_that_there_are_not_are_refused(first: int, last: int) -> None:
    with pytest.raises(UsageError, match=f"cannot take blocks {first} to {last} of this encoder, .* are 0 to 3"):
        predicted(BlockProbeSettings(first_block=first, last_block=last), planted())


def test_a_kind_that_is_unknown_is_refused() -> None:
    with pytest.raises(UsageError, match="no kind 'forest'; there are svm, logistic"):
        predicted(BlockProbeSettings(kind="forest"), planted())
