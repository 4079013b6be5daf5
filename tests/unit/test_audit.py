"""What an audit counts, and what names alone tell."""

from __future__ import annotations

import math

import pytest

from undertone.corpora.audit import (
    FoldAudit,
    audit_protocol,
    sentence_of,
    stamp_of,
    utterance_from_name,
    utterances_from_names,
)
from undertone.corpora.base import Exclusion
from undertone.corpora.own import UNKNOWN_SPEAKER
from undertone.corpora.protocols import Fold, Protocol
from undertone.errors import CorpusError
from undertone.records import Utterance


def utterance(name: str, **fields: object) -> Utterance:
    values = {
        "path": f"{name}.wav", "corpus": "a", "speaker": f"of {name}", "language": "de", "emotion": "sad",
        "duration": math.nan,
    } | fields  # fmt: skip
    return Utterance(id=f"{values['corpus']}/{name}", **values)


def audited(train: list[Utterance], validation: list[Utterance], test: list[Utterance], **options: object) -> FoldAudit:
    parts = {"train": train, "validation": validation, "test": test}
    fold = Fold(**{name: tuple(item.id for item in items) for name, items in parts.items()})
    protocol = Protocol(name="a/own", title="t", source="s", classes={"sad": "sad"}, folds=(fold,))
    (found,) = audit_protocol(protocol, [*train, *validation, *test], **options)
    return found


def test_parts_are_counted() -> None:
    found = audited(
        [utterance("1"), utterance("2"), utterance("3")], [utterance("4"), utterance("5")], [utterance("6")]
    )
    assert (found.train_utterances, found.validation_utterances, found.test_utterances) == (3, 2, 1)


def test_speakers_of_training_and_of_validation_are_shared() -> None:
    found = audited(
        [utterance("1", speaker="anna")],
        [utterance("2", speaker="ben"), utterance("3", speaker="anna")],
        [utterance(f"t{name}", speaker=name) for name in ("anna", "ben", "cleo")],
    )
    assert (found.shared_speakers, found.test_speakers) == (2, 3)
    assert (found.validation_shared_speakers, found.validation_speakers) == (1, 2)
    assert stamp_of([found], known=True) == "speaker-dependent"


def test_one_name_in_two_corpora_is_two_speakers() -> None:
    found = audited([utterance("1", speaker="anna")], [], [utterance("2", speaker="anna", corpus="b")])
    assert (found.shared_speakers, found.test_speakers) == (0, 1)
    assert stamp_of([found], known=True) == "speaker-disjoint"


def test_speakers_whom_nobody_names_are_not_counted() -> None:
    nobody = {"speaker": UNKNOWN_SPEAKER}
    found = audited([utterance("1", **nobody)], [], [utterance("2", **nobody)])
    assert (found.shared_speakers, found.test_speakers, found.validation_speakers) == (0, 0, 0)
    assert stamp_of([found], known=False) == "speakers unknown"


@pytest.mark.parametrize(
    ("field", "what"), [("sentence", "sentences"), ("dialogue", "dialogues"), ("path", "recordings")]
)
def test_sentences_dialogues_and_recordings_are_counted_where_they_are_told(field: str, what: str) -> None:
    found = audited(
        [utterance("1", **{field: "x"})],
        [utterance("2", **{field: "y"})],
        [utterance(f"t{name}", **{field: name}) for name in "xyzz"] + [utterance("3", **{field: "zz"})],
    )
    assert (getattr(found, f"shared_{what}"), getattr(found, f"test_{what}")) == (2, 4)
    untold = audited([utterance("1", path="")], [], [utterance("2", path="")])
    assert (getattr(untold, f"shared_{what}"), getattr(untold, f"test_{what}")) == (None, None)


def test_equal_words_are_one_sentence_however_they_are_typed() -> None:
    found = audited(
        [utterance("1", text="Guten  TAG!")], [], [utterance("2", text="guten Tag"), utterance("3", text="Ja")]
    )
    assert (found.shared_sentences, found.test_sentences) == (1, 2)
    assert sentence_of(utterance("1", text="Straße, (2)")) == "strasse 2"
    assert sentence_of(utterance("1", text="…")) is None
    assert sentence_of(utterance("1", text="Ja", sentence="a01")) == "a: a01"


def test_an_excluded_utterance_shares_nothing() -> None:
    train = [utterance("1", speaker="anna"), utterance("2", speaker="ben")]
    found = audited(train, [], [utterance("3", speaker="anna")], exclusions=[Exclusion(id="a/1", reason="no signal")])
    assert (found.shared_speakers, found.train_utterances) == (0, 1)


def test_near_duplicates_count_only_where_they_are_heard_before() -> None:
    copies = {"a/t1": frozenset({"a/1"}), "a/t2": frozenset({"a/2"}), "a/t3": frozenset({"a/t4"})}
    test = [utterance(f"t{number}") for number in range(1, 5)]
    found = audited([utterance("1")], [utterance("2")], test, near_duplicates=copies)
    assert found.near_duplicates == 2
    assert audited([utterance("1")], [utterance("2")], test).near_duplicates is None
    assert audited([utterance("1")], [utterance("2")], test, near_duplicates={}).near_duplicates == 0


def test_a_missing_utterance_is_refused() -> None:
    fold = Fold(train=("a/1",), validation=(), test=("a/2",))
    protocol = Protocol(name="a/own", title="t", source="s", classes={}, folds=(fold,))
    with pytest.raises(CorpusError, match=r"a/own: 1 of 2 utterances are missing, the first a/2"):
        audit_protocol(protocol, [utterance("1")])


def names(*ids: str) -> Protocol:
    fold = Fold(train=ids, validation=(), test=())
    return Protocol(name="own", title="t", source="s", classes={}, folds=(fold,))


def test_names_tell_who_speaks_and_what() -> None:
    emodb, urdu = utterances_from_names(names("urdu/Angry/SM1_F10_A010", "emodb/03a01Fa"))
    assert (emodb.id, emodb.speaker, emodb.emotion, emodb.sentence) == ("emodb/03a01Fa", "emodb_03", "happy", "a01")
    assert (urdu.speaker, urdu.gender, urdu.language, urdu.path) == ("urdu_SM1", "M", "ur", "")
    assert math.isnan(emodb.duration)


def test_what_the_name_does_not_tell_can_be_filled_in() -> None:
    assert utterance_from_name("emodb", "wav/03a01Fa", emotion="sad").emotion == "happy"
    meld = utterance_from_name("meld", "train_splits/dia0_utt3", emotion="sad")
    assert (meld.emotion, meld.speaker, meld.dialogue) == ("sad", UNKNOWN_SPEAKER, "train/dia0")


def test_names_that_tell_nothing_are_refused() -> None:
    with pytest.raises(CorpusError, match=r"emodb: nonsense is no name of this corpus; correct the protocol"):
        utterances_from_names(names("emodb/nonsense"))
    with pytest.raises(CorpusError, match=r"own: emodb/wav/03a01Fa is spelled emodb/03a01Fa by the corpus"):
        utterances_from_names(names("emodb/wav/03a01Fa"))
    with pytest.raises(CorpusError, match=r"nobody: no such corpus"):
        utterances_from_names(names("nobody/1"))
    with pytest.raises(
        CorpusError, match=r"speechocean762: its names tell nothing about its utterances; name its folder"
    ):
        utterances_from_names(names("speechocean762/1"))
