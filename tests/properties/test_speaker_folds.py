"""Who is held out by the speaker's name: laws of folds, and of the hash that names them."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.corpora.protocols import Fold, HeldOut, fold_by_speaker, protocol_hash, shared_speakers
from undertone.errors import ConfigError
from undertone.records import Utterance


def utterance(number: int, corpus: str, speaker: str, label: str | None = "sad") -> Utterance:
    return Utterance(
        id=f"{corpus}/{number}", path="x", corpus=corpus, speaker=speaker, language="de", emotion=label, duration=1.0
    )


SPEAKERS = tuple(f"speaker {number}" for number in range(6))


@st.composite
def corpora_and_protocols(draw: st.DrawFn) -> tuple[list[Utterance], dict[str, HeldOut]]:
    """Draw utterances of two corpora whose speakers have the same names, and whom to hold out."""
    drawn = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.sampled_from(SPEAKERS), st.sampled_from([None, "sad", "angry"])),
            max_size=40,
        )
    )
    utterances = [utterance(number, *item) for number, item in enumerate(drawn)]
    held_out = {}
    for corpus in sorted({item.corpus for item in utterances if item.label}):
        known = sorted({item.speaker for item in utterances if item.corpus == corpus and item.label})
        chosen = draw(st.lists(st.sampled_from(known), unique=True))
        cut = draw(st.integers(0, len(chosen)))
        held_out[corpus] = HeldOut(validation=tuple(chosen[:cut]), test=tuple(chosen[cut:]))
    return utterances, held_out


@given(drawn=corpora_and_protocols())
def test_parts_share_no_speaker_and_lose_no_labelled_utterance(
    drawn: tuple[list[Utterance], dict[str, HeldOut]],
) -> None:
    utterances, held_out = drawn
    fold = fold_by_speaker(utterances, held_out)
    who = {item.id: (item.corpus, item.speaker) for item in utterances}
    train, validation, test = ({who[item] for item in part} for part in fold.parts().values())
    assert not train & validation
    assert not train & test
    assert not validation & test
    everything = [item for part in fold.parts().values() for item in part]
    assert sorted(everything) == sorted(item.id for item in utterances if item.label)
    for corpus, speakers in held_out.items():
        assert test >= {(corpus, speaker) for speaker in speakers.test}
        assert validation >= {(corpus, speaker) for speaker in speakers.validation}
    assert shared_speakers(fold, utterances) == frozenset()


@given(drawn=corpora_and_protocols(), seed=st.integers(0, 2**32 - 1))
def test_the_hash_does_not_depend_on_the_order_of_anything(
    drawn: tuple[list[Utterance], dict[str, HeldOut]], seed: int
) -> None:
    utterances, held_out = drawn
    fold = fold_by_speaker(utterances, held_out)
    rng = np.random.default_rng(seed)
    shuffled = [utterances[index] for index in rng.permutation(len(utterances))]
    assert protocol_hash([fold_by_speaker(shuffled, dict(reversed(held_out.items())))]) == protocol_hash([fold])
    mixed = Fold(**{name: tuple(np.array(ids)[rng.permutation(len(ids))]) for name, ids in fold.parts().items()})
    assert protocol_hash([mixed]) == protocol_hash([fold])


@given(
    first=st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=3), min_size=3, max_size=3),
    second=st.lists(st.lists(st.sampled_from("abcdef"), unique=True, max_size=3), min_size=3, max_size=3),
)
def test_the_hash_changes_exactly_if_membership_does(first: list[list[str]], second: list[list[str]]) -> None:
    folds = [Fold(train=tuple(a), validation=tuple(b), test=tuple(c)) for a, b, c in (first, second)]
    same = [set(part) for part in first] == [set(part) for part in second]
    assert (protocol_hash(folds[:1]) == protocol_hash(folds[1:])) == same


def test_the_hash_knows_which_fold_is_which() -> None:
    one = Fold(train=("a",), validation=("b",), test=("c",))
    other = Fold(train=("c",), validation=("b",), test=("a",))
    hashes = {protocol_hash([one]), protocol_hash([one, other]), protocol_hash([other, one])}
    assert len(hashes) == 3
    assert all(re.fullmatch(r"[0-9a-f]{12}", value) for value in hashes)


def test_a_hash_is_what_it_was_when_results_were_published() -> None:
    written_out = hashlib.sha256(b"0\ttrain\ta/1\n0\tvalidation\ta/2\n0\ttest\ta/3\n").hexdigest()
    assert protocol_hash([Fold(train=("a/1",), validation=("a/2",), test=("a/3",))]) == written_out[:12]


def test_held_out_speakers_that_are_wrong_are_all_named_at_once() -> None:
    utterances = [utterance(1, "a", "anna"), utterance(2, "a", "ben"), utterance(3, "b", "ben", label=None)]
    held_out = {
        "a": HeldOut(validation=("anna", "ben", "cleo"), test=("ben", "anna")),
        "b": HeldOut(validation=(), test=("ben",)),
        "c": HeldOut(validation=("anna",), test=()),
    }
    with pytest.raises(ConfigError, match=r"^protocol: a has no speaker cleo; b has no speaker ben;") as caught:
        fold_by_speaker(utterances, held_out)
    assert caught.value.problems == (
        "a has no speaker cleo",
        "b has no speaker ben",
        "c has no speaker anna",
        "a holds speaker anna out for validation and for test",
        "a holds speaker ben out for validation and for test",
    )


def test_speakers_that_are_heard_before_the_test_are_found() -> None:
    utterances = [utterance(number, corpus, speaker) for number, (corpus, speaker) in enumerate(
        [("a", "anna"), ("a", "anna"), ("a", "ben"), ("a", "ben"), ("b", "anna"), ("a", "cleo")]
    )]  # fmt: skip
    ids = [item.id for item in utterances]
    fold = Fold(train=(ids[0],), validation=(ids[2],), test=(ids[1], ids[3], ids[4], ids[5]))
    assert shared_speakers(fold, utterances) == frozenset({"a/anna", "a/ben"})
