"""Segments: where phones, syllables and words lie, with a transcript and without, and the controls of the learner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_scores import heard_for
from tiny_backbones import saved_backbone

from undertone.encoders.base import Layout, Told
from undertone.encoders.registry import encoder_named, encoders_named, hears_sound, is_encoder
from undertone.errors import ConfigError, UsageError
from undertone.learners.base import Fitting, Part
from undertone.learners.multilevel import (
    CONTROLS,
    MultilevelSettings,
    controlled,
    fit_multilevel,
    segments_in,
    segments_of,
)
from undertone.speech.alignment import align
from undertone.speech.pronounce import Spoken
from undertone.speech.segments import UNITS, Unit, aligned_units, bounds_of, recognised_units
from undertone.training.store import FeatureStore

HELLO = Spoken(word="hello", pronunciations=(("HH", "AH", "L", "OW"),), known=True)
YOU = Spoken(word="you", pronunciations=(("Y", "UW"),), known=True)
HEARD = heard_for(
    ("-", 2), ("HH", 1), ("AH", 2), ("L", 1), ("OW", 3), ("-", 4), ("Y", 1), ("UW", 2), ("-", 1), sure=12.0
)  # fmt: skip


def test_a_transcript_gives_phones_syllables_and_words() -> None:
    found = aligned_units(align(HEARD, (HELLO, YOU)))
    assert [unit[1:] for unit in found if UNITS[unit.kind] == "word"] == [(2, 9), (13, 16)]
    assert [unit[1:] for unit in found if UNITS[unit.kind] == "syllable"] == [(2, 5), (5, 9), (13, 16)]
    assert [unit[1:] for unit in found if UNITS[unit.kind] == "phone"] == [
        (2, 3), (3, 5), (5, 6), (6, 9), (13, 14), (14, 16),
    ]  # fmt: skip


def test_without_a_transcript_phones_are_those_heard_and_syllables_end_at_pauses() -> None:
    heard = np.concatenate([HEARD, heard_for(("-", 9), ("N", 1), ("-", 9), sure=12.0)])
    found = recognised_units(heard)
    assert [unit[1:] for unit in found if UNITS[unit.kind] == "phone"] == [
        (2, 3), (3, 5), (5, 6), (6, 13), (13, 14), (14, 21), (26, 32),
    ]  # fmt: skip
    assert [unit[1:] for unit in found if UNITS[unit.kind] == "syllable"] == [(2, 5), (5, 13), (13, 21), (26, 32)]
    assert all(UNITS[unit.kind] != "word" for unit in found)
    assert recognised_units(heard_for(("-", 5), sure=12.0)) == []


def test_the_encoder_falls_back_on_the_sound_where_a_transcript_does_not_help(tmp_path: Path) -> None:
    encoder = encoder_named(f"segments:{saved_backbone(tmp_path / 'backbone')}")
    samples = np.random.default_rng(0).normal(size=8000).astype(np.float32) / 10
    english, german, endless = encoder.encode(
        [Told(samples, "hello", "en"), Told(samples, "hallo", "de"), Told(samples, "hello " * 99, "en")]
    )
    (mute,) = encoder.encode([Told(samples, "...", "en")])
    assert np.array_equal(mute, german)
    assert [tuple(row[1:]) for row in english if row[0] == 0] == [(0, len(english) and english[0, 2])]
    assert (english[:, 0] == UNITS.index("word")).sum() == 1
    assert np.array_equal(german, endless)
    assert not (german[:, 0] == UNITS.index("word")).any()


def test_segments_are_read_by_kind_and_the_whole_stands_in_where_there_is_none() -> None:
    rows = np.array([Unit(0, 0, 20), Unit(1, 2, 4), Unit(1, 4, 9)], dtype=np.float32)
    assert bounds_of(rows, "phone").tolist() == [[2, 4], [4, 9]]
    assert bounds_of(rows, "word").tolist() == [[0, 20]]


def test_ragged_segments_are_padded_with_one_frame() -> None:
    found = segments_of([np.array([[0, 3], [3, 5]]), np.array([[2, 9]])])
    assert found.counts.tolist() == [2, 1]
    assert found.bounds.tolist() == [[[0, 3], [3, 5]], [[2, 9], [0, 1]]]


@given(
    edges=st.lists(st.integers(1, 9), min_size=1, max_size=12), begin=st.integers(0, 5), rest=st.integers(0, 5),
    control=st.sampled_from(CONTROLS),
)  # fmt: skip
def test_controls_keep_the_number_of_segments_and_stay_inside(
    edges: list[int], begin: int, rest: int, control: str
) -> None:
    ends = begin + np.cumsum(edges)
    bounds = np.stack((np.r_[begin, ends[:-1]], ends), axis=1)
    frames = int(ends[-1]) + rest
    found = controlled(bounds, frames, "a/1", control)
    assert found.shape == bounds.shape
    assert (found[:, 0] < found[:, 1]).all()
    assert found.min() >= 0
    assert found.max() <= frames
    if control == "none":
        assert np.array_equal(found, bounds)
    elif control == "shuffled":
        assert sorted(np.diff(found)[:, 0]) == sorted(edges)
    else:
        assert np.ptp(np.diff(found)[:, 0]) <= 1


def test_names_of_several_encoders_are_joined() -> None:
    assert [each.name for each in encoders_named("log-mel + log-mel-statistics")] == ["log-mel", "log-mel-statistics"]
    assert is_encoder("log-mel + text:minilm")
    assert not is_encoder("log-mel + text:")
    assert not is_encoder("log-mel + nonsense")
    assert hears_sound("text:minilm + log-mel")
    assert not hears_sound("text:minilm + text-tokens:minilm")
    with pytest.raises(ConfigError, match="no encoder is called 'nonsense'"):
        encoders_named("log-mel + nonsense")


@pytest.mark.parametrize(
    ("changes", "kind", "told"),
    [
        ({"control": "odd"}, UsageError, "control 'odd' is unknown; it can be none, shuffled, even"),
        ({"last_block": 9}, ConfigError, "first_block and last_block must be in order and from 0 to 3, not 0 and 9"),
        ({"text_dropped": 1.0}, ConfigError, "text_dropped must be from 0 to below 1, not 1"),
        ({}, UsageError, "multilevel needs three encoders, frames of a speech recogniser"),
    ],
)
def test_settings_and_encoders_that_do_not_fit_are_told(
    changes: dict[str, object], kind: type[Exception], told: str
) -> None:

    store = FeatureStore(
        rows=np.zeros((3, 29), dtype=np.float16), spans={}, layout=Layout(blocks=4, width=6, symbols=5)
    )
    part = Part(utterances=(), truth=np.empty(0, dtype=np.int64), targets=np.empty((0, 2)), store=store)
    settings = replace(MultilevelSettings(last_block=3), **changes)
    how = Fitting(labels=("x", "y"), settings=settings, seed=0, folder=Path())
    with pytest.raises(kind, match=told):
        fit_multilevel(part, part, how)


def test_segments_follow_the_clock_of_the_speech_encoder() -> None:
    rows = np.array([Unit(0, 0, 20), Unit(1, 2, 4), Unit(1, 4, 9), Unit(1, 19, 20)], dtype=np.float32)
    assert segments_in(rows, "phone", 20).tolist() == [[2, 4], [4, 9], [19, 20]]
    assert segments_in(rows, "phone", 39).tolist() == [[4, 8], [8, 18], [37, 39]]
    assert segments_in(rows, "phone", 5).tolist() == [[0, 1], [1, 2], [4, 5]]
    assert segments_in(rows, "word", 39).tolist() == [[0, 39]]
