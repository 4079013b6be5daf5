"""What the learner on transcripts hears of a dialogue."""

from __future__ import annotations

import numpy as np
import pytest

from undertone.errors import ConfigError
from undertone.learners.base import Fitting, Part
from undertone.learners.text_linear import TextLinearSettings, fit_text_linear, rows_of, turns_before
from undertone.records import Utterance
from undertone.training.store import FeatureStore


def turn(number: int, dialogue: str | None, index: int | None, corpus: str = "a") -> Utterance:
    return Utterance(
        id=f"{corpus}/{number}", path="x.wav", corpus=corpus, speaker="s", language="en", emotion="sad", duration=1.0,
        dialogue=dialogue, turn_index=index,
    )  # fmt: skip


DIALOGUES = (
    turn(0, "one", 3), turn(1, "one", 1), turn(2, "two", 0), turn(3, "one", 2), turn(4, None, None), turn(5, "one", 9),
    turn(6, "one", 0, corpus="b"),
)  # fmt: skip


def part(targets: np.ndarray, rows: np.ndarray, utterances: tuple[Utterance, ...]) -> Part:
    spans = {item.id: (number, number + 1) for number, item in enumerate(utterances)}
    return Part(
        utterances=utterances, truth=targets, targets=np.eye(2)[targets], store=FeatureStore(rows=rows, spans=spans)
    )


def test_turns_before_are_those_of_the_dialogue_the_latest_first() -> None:
    assert turns_before(DIALOGUES, 2) == [[3, 1], [], [], [1], [], [0, 3], []]
    assert turns_before(DIALOGUES, 9)[5] == [0, 3, 1]


def test_context_is_their_mean_and_zero_where_there_is_none() -> None:
    rows = np.arange(14, dtype=np.float32).reshape(7, 2)
    heard = rows_of(part(np.zeros(7, dtype=np.int64), rows, DIALOGUES), 2)
    assert heard.shape == (7, 4)
    np.testing.assert_array_equal(heard[:, :2], rows)
    np.testing.assert_array_equal(heard[0, 2:], rows[[3, 1]].mean(axis=0))
    np.testing.assert_array_equal(heard[[1, 2, 4, 6], 2:], 0)


def test_what_only_the_turn_before_tells_is_learned_with_context_alone() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=400)
    rows = rng.normal(size=(400, 6)).astype(np.float32)
    rows[:-1, 0] += 3 * (2 * truth[1:] - 1)
    items = tuple(turn(number, f"d{number // 20}", number % 20) for number in range(400))
    halves = [part(truth[half], rows[half], items[half]) for half in (slice(0, 200), slice(200, 400))]
    right = {}
    for context in (0, 1):
        how = Fitting(labels=("x", "y"), settings=TextLinearSettings(context=context), seed=0, folder=None)
        fitted = fit_text_linear(*halves, how)
        right[context] = np.mean(fitted.predict(halves[1]).argmax(axis=1) == halves[1].truth)
    assert right[0] < 0.65
    assert right[1] > 0.85


def test_a_number_of_turns_below_zero_is_refused() -> None:
    whole = part(np.array([0, 1]), np.eye(2, dtype=np.float32), DIALOGUES[:2])
    how = Fitting(labels=("x", "y"), settings=TextLinearSettings(context=-1), seed=0, folder=None)
    with pytest.raises(ConfigError, match="context must be 0 or more, not -1"):
        fit_text_linear(whole, whole, how)
