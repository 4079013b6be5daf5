"""Protocols by rule: laws that hold for any corpus, and what is refused."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from undertone.corpora.base import Exclusion
from undertone.corpora.grouping import dialogue_groups, divide, stratified_share, validation_speakers
from undertone.corpora.own import UNKNOWN_SPEAKER
from undertone.corpora.protocols import Fold, Protocol, apply_protocol, shared_speakers
from undertone.corpora.rules import (
    IEMOCAP_FOUR,
    IEMOCAP_SIX,
    by_official_split,
    by_session,
    classes_of,
    cross_corpus,
    grouped_by_speaker,
    iemocap_session,
    leave_one_speaker_out,
    make_protocol,
    stratified,
)
from undertone.errors import ConfigError, CorpusError
from undertone.records import Utterance

CLASSES = {"sad": "sad", "angry": "angry", "excited": "happy", "happy": "happy"}


def utterance(name: str, speaker: str, emotion: str | None = "sad", **fields: object) -> Utterance:
    values = {"corpus": "a", "path": "", "language": "de", "duration": math.nan} | fields
    return Utterance(id=f"{values['corpus']}/{name}", speaker=speaker, emotion=emotion, **values)


def corpus(speakers: int = 4, takes: int = 2, words: tuple[str, ...] = ("sad", "angry"), **fields: object) -> list:
    """A corpus in which every speaker says every emotion equally often; every other one is a woman."""
    return [
        utterance(f"{speaker:02d}-{word}-{take}", f"{speaker:02d}", word, gender="FM"[speaker % 2], **fields)
        for speaker in range(speakers)
        for word in words
        for take in range(takes)
    ]


@st.composite
def corpora(draw: st.DrawFn) -> list[Utterance]:
    """Draw a corpus of some speakers, each with some emotions, genders known or not."""
    speakers = draw(st.integers(3, 9))
    genders = draw(st.lists(st.sampled_from(["F", "M", None]), min_size=speakers, max_size=speakers))
    words = st.lists(st.sampled_from([*CLASSES, "bored", None]), max_size=9)
    return [
        utterance(f"{speaker}-{number}", f"s{speaker}", word, gender=genders[speaker])
        for speaker in range(speakers)
        for number, word in enumerate(draw(words))
    ]


def check_partition(folds: tuple[Fold, ...], utterances: list[Utterance]) -> None:
    classed = {item.id for item in utterances if item.emotion in CLASSES}
    for fold in folds:
        parts = [set(part) for part in fold.parts().values()]
        assert set().union(*parts) == classed
        assert sum(map(len, parts)) == len(classed)
        assert fold.train
        assert fold.test
    assert sorted(name for fold in folds for name in fold.test) == sorted(classed)


def shuffled(utterances: list[Utterance], seed: int) -> list[Utterance]:
    return [utterances[index] for index in np.random.default_rng(seed).permutation(len(utterances))]


@pytest.mark.parametrize("rule", [leave_one_speaker_out, grouped_by_speaker])
@settings(max_examples=40)
@given(utterances=corpora(), seed=st.integers(0, 2**32 - 1))
def test_no_speaker_is_in_two_parts_and_each_is_tested_once(rule, utterances: list[Utterance], seed: int) -> None:
    try:
        folds = rule(utterances, CLASSES)
    except ConfigError:
        assume(False)
    check_partition(folds, utterances)
    who = {item.id: item.speaker for item in utterances}
    word = {item.id: CLASSES.get(item.emotion or "") for item in utterances}
    everything = {CLASSES[item.emotion] for item in utterances if item.emotion in CLASSES}
    for fold in folds:
        assert fold.validation
        assert {word[name] for name in fold.train} == everything
        train, validation, test = ({who[name] for name in part} for part in fold.parts().values())
        assert not train & validation
        assert not train & test
        assert not validation & test
        assert shared_speakers(fold, utterances) == frozenset()
    assert rule(shuffled(utterances, seed), CLASSES) == folds


@given(utterances=corpora())
def test_leaving_one_out_fails_exactly_where_it_must(utterances: list[Utterance]) -> None:
    said = defaultdict(set)
    for item in utterances:
        if item.emotion in CLASSES:
            said[CLASSES[item.emotion]].add(item.speaker)
    people = set().union(*said.values())
    # Someone must be left to train on, whoever is tested.
    possible = len(people) >= 3 and all(len(speakers) > 1 for speakers in said.values())
    if not possible:
        with pytest.raises(ConfigError, match="at least 3"):
            leave_one_speaker_out(utterances, CLASSES)
        return
    try:
        leave_one_speaker_out(utterances, CLASSES)
    except ConfigError as error:
        # Two classes may each have one speaker left, with nobody else to choose with.
        assert "at least 3 speakers of every class" in str(error)
        assert min(len(speakers) for speakers in said.values()) < 3


@given(utterances=corpora(), seed=st.integers(0, 2**32 - 1), folds=st.integers(2, 4))
def test_stratified_folds_test_everything_once_and_evenly(utterances: list[Utterance], seed: int, folds: int) -> None:
    counts = Counter(CLASSES[item.emotion] for item in utterances if item.emotion in CLASSES)
    assume(counts)
    if min(counts.values()) < folds:
        with pytest.raises(ConfigError, match=rf"has {min(counts.values())} utterances; at least {folds} are needed"):
            stratified(utterances, CLASSES, folds=folds)
        return
    made = stratified(utterances, CLASSES, folds=folds)
    check_partition(made, utterances)
    word = {item.id: CLASSES.get(item.emotion or "") for item in utterances}
    for name in counts:
        sizes = [sum(word[each] == name for each in fold.test) for fold in made]
        assert max(sizes) - min(sizes) <= 1
    assert stratified(shuffled(utterances, seed), CLASSES, folds=folds) == made


@given(utterances=corpora(), share=st.floats(0, 1))
def test_a_share_is_drawn_of_every_class(utterances: list[Utterance], share: float) -> None:
    classed = [item for item in utterances if item.emotion in CLASSES]
    drawn = stratified_share(classed, CLASSES, share)
    for name in set(CLASSES.values()):
        ids = {item.id for item in classed if CLASSES[item.emotion] == name}
        assert len(ids & drawn) == round(share * len(ids))


def test_a_draw_is_what_it_was_when_protocols_were_stored() -> None:
    items = [utterance(f"{number}", "x") for number in range(10)]
    assert stratified_share(items, {"sad": "sad"}, 0.2) == {"a/2", "a/3"}


def test_groups_are_alike() -> None:
    utterances = corpus(speakers=24, words=("sad", "angry", "happy"))
    genders = {item.id: item.gender for item in utterances}
    folds = grouped_by_speaker(utterances, classes_of(utterances))
    assert len(folds) == 6
    for fold in folds:
        assert [len(part) for part in fold.parts().values()] == [96, 24, 24]
        for part in (fold.validation, fold.test):
            assert Counter(genders[name] for name in part) == {"F": 12, "M": 12}
    assert len({fold.validation for fold in folds}) == 6


def test_there_are_as_many_groups_as_hold_every_class() -> None:
    utterances = corpus(speakers=12)
    rare = [utterance(f"rare-{speaker}", f"{speaker:02d}", "happy") for speaker in (0, 1, 2, 3)]
    folds = grouped_by_speaker([*utterances, *rare], CLASSES)
    assert len(folds) == 4
    assert [sum("rare" in name for name in fold.test) for fold in folds] == [1, 1, 1, 1]
    assert len(grouped_by_speaker(utterances, CLASSES, folds=5)) == 5


def test_few_speakers_are_left_out_one_by_one_and_many_in_groups() -> None:
    assert len(make_protocol("speakers", corpus(speakers=12)).folds) == 12
    assert len(make_protocol("speakers", corpus(speakers=13)).folds) == 6


def test_those_who_talk_with_the_tested_speaker_are_chosen_with() -> None:
    utterances = [
        replace(item, dialogue=f"d{int(item.speaker) // 2}", turn_index=0) for item in corpus(speakers=6, takes=1)
    ]
    who = {item.id: int(item.speaker) for item in utterances}
    for fold in leave_one_speaker_out(utterances, CLASSES):
        (tested,), (chosen,) = ({who[name] for name in part} for part in (fold.test, fold.validation))
        assert tested // 2 == chosen // 2
    groups = dialogue_groups(utterances)
    assert groups == (frozenset({"a/00", "a/01"}), frozenset({"a/02", "a/03"}), frozenset({"a/04", "a/05"}))


def test_where_all_talk_with_all_speakers_are_chosen_one_by_one() -> None:
    utterances = [replace(item, dialogue="d") for item in corpus(speakers=6)]
    assert len(dialogue_groups(utterances)) == 1
    for fold in leave_one_speaker_out(utterances, CLASSES):
        assert len(fold.validation) == 4


@given(
    speaking=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["d1", "d2", "d3", None])), max_size=20),
)
def test_no_dialogue_is_in_two_groups(speaking: list[tuple[int, str | None]]) -> None:
    utterances = [utterance(f"{i}", f"{who}", dialogue=where) for i, (who, where) in enumerate(speaking)]
    groups = dialogue_groups(utterances)
    assert sorted(name for group in groups for name in group) == sorted({f"a/{who}" for who, _ in speaking})
    for dialogue in ("d1", "d2", "d3"):
        inside = {f"a/{who}" for who, where in speaking if where == dialogue}
        assert sum(bool(inside & group) for group in groups) <= 1


def test_equal_choices_move_on_with_the_tested_speaker() -> None:
    utterances = corpus(speakers=5)
    chosen = [
        {
            name[2:4]
            for name in validation_speakers([i for i in utterances if i.speaker != who], CLASSES, after=f"a/{who}")
        }
        for who in ("00", "02", "04")
    ]
    assert chosen == [{"02"}, {"04"}, {"01"}]


def test_units_are_divided_by_size_class_and_gender() -> None:
    units = [corpus(speakers=1, takes=takes) for takes in (5, 4, 3, 3, 2, 1)]
    parts = divide(units, {"sad": "sad", "angry": "angry"}, [0.5, 0.5])
    assert [sum(len(units[index]) for index in part) for part in parts] == [18, 18]


def test_with_two_speakers_sentences_are_chosen_with() -> None:
    utterances = [
        utterance(f"{who}-{sentence}-{word}", who, word, sentence=f"{sentence}")
        for who in ("old", "young")
        for sentence in range(10)
        for word in ("sad", "angry")
    ]
    sentence = {item.id: item.sentence for item in utterances}
    with pytest.raises(ConfigError, match=r"there are 2 speakers \(a/old, a/young\); at least 3 are needed"):
        leave_one_speaker_out(utterances, CLASSES)
    for fold in leave_one_speaker_out(utterances, CLASSES, validation="sentences"):
        assert [len(part) for part in fold.parts().values()] == [16, 4, 20]
        assert not {sentence[name] for name in fold.train} & {sentence[name] for name in fold.validation}


def test_a_class_of_one_speaker_is_refused_with_both_names() -> None:
    utterances = [*corpus(speakers=4), utterance("odd", "02", "happy")]
    for rule in (leave_one_speaker_out, grouped_by_speaker):
        with pytest.raises(
            ConfigError,
            match=r"happy is spoken by a/02 only, so that a fold would train without it; at least 3 speakers of every "
            r"class are needed\. Leave the class out, or use `random`",
        ):
            rule(utterances, CLASSES)


def test_more_groups_than_speakers_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"there are 4 speakers \(a/00, a/01, a/02, a/03\); at least 5 are needed"):
        grouped_by_speaker(corpus(speakers=4), CLASSES, folds=5)
    with pytest.raises(ConfigError, match=r"there are 0 speakers \(nobody\); at least 3 are needed"):
        grouped_by_speaker([], CLASSES)


def split(speakers: int = 6, **parts: str) -> list[Utterance]:
    return [replace(item, split=parts.get(f"s{item.speaker}", "train")) for item in corpus(speakers=speakers)]


def test_official_parts_are_taken_as_they_are() -> None:
    utterances = split(s00="validation", s01="test", s02="other")
    (fold,) = by_official_split(utterances, CLASSES)
    who = {item.id: item.speaker for item in utterances}
    assert [sorted({who[name] for name in part}) for part in fold.parts().values()] == [
        ["03", "04", "05"],
        ["00"],
        ["01"],
    ]


def test_of_several_official_tests_the_first_is_taken_unless_told() -> None:
    utterances = split(s00="test1", s01="test2", s02="validation")
    assert {name[2:4] for name in by_official_split(utterances, CLASSES)[0].test} == {"00"}
    assert {name[2:4] for name in by_official_split(utterances, CLASSES, test="test2")[0].test} == {"01"}


def test_a_missing_validation_part_is_made_of_whole_speakers_where_they_are_known() -> None:
    (fold,) = by_official_split(split(s00="test"), CLASSES)
    assert len(fold.validation) == 4
    assert len({name[2:4] for name in fold.validation}) == 1
    unknown = [replace(item, speaker=UNKNOWN_SPEAKER) for item in split(speakers=11, s00="test")]
    (fold,) = by_official_split(unknown, CLASSES)
    assert len(fold.validation) == 8
    assert len({name[2:4] for name in fold.validation}) > 2


def test_a_corpus_without_official_parts_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the corpus has no part test1; its parts are train$"):
        by_official_split(split(), CLASSES)
    with pytest.raises(ConfigError, match=r"the corpus has no part train and no part test1; its parts are none"):
        by_official_split(corpus(), CLASSES)


def iemocap() -> list[Utterance]:
    return [
        utterance(
            f"Ses0{session}F_impro01_{gender}{number}", f"iemocap_0{session}{gender}", word, corpus="iemocap",
            gender=gender, dialogue=f"Ses0{session}F_impro01",
        )
        for session in range(1, 6)
        for gender in "FM"
        for number, word in enumerate([*IEMOCAP_SIX, "other", None])
    ]  # fmt: skip


def test_sessions_are_tested_once_and_another_is_chosen_with() -> None:
    protocol = make_protocol("iemocap/six", iemocap())
    assert protocol.name == "iemocap/six"
    assert protocol.labels == ("neutral", "happy", "sad", "angry", "excited", "frustrated")
    sessions = [[{name[8:13] for name in part} for part in fold.parts().values()] for fold in protocol.folds]
    assert [len(fold.test) for fold in protocol.folds] == [12] * 5
    for train, validation, test in sessions:
        assert (len(train), len(validation), len(test)) == (3, 1, 1)
    assert [test for *_, test in sessions] == [{f"Ses0{number}"} for number in range(1, 6)]
    assert len({frozenset(validation) for _, validation, _ in sessions}) == 5


def test_a_share_of_the_rest_may_be_chosen_with() -> None:
    folds = by_session(iemocap(), IEMOCAP_FOUR, session_of=iemocap_session, validation="share")
    for fold in folds:
        assert (len(fold.train), len(fold.validation), len(fold.test)) == (31, 9, 10)
    assert make_protocol("speakers", iemocap()).classes == IEMOCAP_FOUR


def test_fewer_than_three_sessions_are_refused() -> None:
    some = [item for item in iemocap() if "Ses01" in item.id or "Ses02" in item.id]
    with pytest.raises(ConfigError, match=r"there are 2 sessions \(Ses01, Ses02\); at least 3 are needed"):
        by_session(some, IEMOCAP_FOUR, session_of=iemocap_session)


def test_across_corpora_the_common_emotions_are_judged() -> None:
    source = corpus(speakers=5, words=("sad", "angry", "bored", "calm"))
    target = corpus(speakers=2, words=("sad", "angry", "neutral", "surprised"), corpus="b")
    protocol = cross_corpus(source, target)
    assert protocol.name == "a+b/cross"
    assert protocol.labels == ("neutral", "sad", "angry")
    assert protocol.classes == {"angry": "angry", "calm": "neutral", "neutral": "neutral", "sad": "sad"}
    (fold,) = protocol.folds
    assert {name.partition("/")[0] for name in (*fold.train, *fold.validation)} == {"a"}
    assert set(fold.test) == {item.id for item in target if item.emotion != "surprised"}
    assert len({name[2:4] for name in fold.validation}) == 1
    assert not {name[2:4] for name in fold.validation} & {name[2:4] for name in fold.train}
    assert cross_corpus(list(reversed(source)), list(reversed(target))).hash == protocol.hash


def test_corpora_that_cannot_be_crossed_are_refused_for_every_reason() -> None:
    one = corpus(words=("sad", "bored"))
    with pytest.raises(ConfigError) as caught:
        cross_corpus(one, one)
    assert caught.value.problems == (
        "a is trained on and a tested; name two corpora",
        "a and a share too few emotions (sad); at least 2 are needed",
    )
    with pytest.raises(ConfigError, match=r"a and b share too few emotions \(none\)"):
        cross_corpus(one, corpus(words=("angry",), corpus="b"))
    with pytest.raises(ConfigError, match=r"cross: there are 1 speakers \(a/00\); at least 2 are needed"):
        cross_corpus(corpus(speakers=1), corpus(corpus="b"))


def test_rules_that_do_not_fit_are_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"a/best: there is no rule best; the rules are speakers, official, six, random"
    ):
        make_protocol("a/best", corpus())
    with pytest.raises(ConfigError, match=r"these are IEMOCAP's six classes, and the corpus is a; use `speakers`"):
        make_protocol("six", corpus())
    nobody = [replace(item, speaker=UNKNOWN_SPEAKER) for item in corpus()]
    with pytest.raises(
        ConfigError, match=r"the corpus does not tell who speaks; fill in the speakers, or use `random`"
    ):
        make_protocol("speakers", nobody)
    with pytest.raises(ConfigError, match=r"no utterance of a has a class; fill in their emotions"):
        make_protocol("speakers", corpus(words=("other",)))
    with pytest.raises(ConfigError, match=r"random: no utterance has a class; fill in their emotions"):
        stratified([], CLASSES)


def test_speakers_may_be_unknown_to_a_protocol_by_chance() -> None:
    nobody = [replace(item, speaker=UNKNOWN_SPEAKER) for item in corpus(speakers=10)]
    protocol = make_protocol("mine/random", nobody)
    assert protocol.name == "mine/random"
    assert len(protocol.folds) == 5


def test_words_are_classes_but_for_those_that_mean_none() -> None:
    words = ("sad", "other", "no agreement", "hopeful")
    assert classes_of(corpus(words=words)) == {"hopeful": "hopeful", "sad": "sad"}


def protocol_of(*folds: Fold) -> Protocol:
    return Protocol(name="a/own", title="t", source="s", classes=CLASSES, folds=folds)


def test_a_protocol_is_applied_to_utterances() -> None:
    items = {name: utterance(name, name) for name in "wxyz"}
    fold = Fold(train=("a/x", "a/w"), validation=("a/y",), test=("a/z",))
    (found,) = apply_protocol(protocol_of(fold), items.values())
    assert (found.train, found.validation, found.test) == ((items["x"], items["w"]), (items["y"],), (items["z"],))
    (left,) = apply_protocol(protocol_of(fold), items.values(), [Exclusion(id="a/w", reason="no signal")])
    assert left.train == (items["x"],)


def test_what_a_protocol_names_and_is_not_there_is_counted() -> None:
    fold = Fold(train=("a/x", "a/w"), validation=("a/y",), test=("a/z",))
    with pytest.raises(CorpusError, match=r"a/own: 2 of 4 utterances are missing, the first a/w; copy them anew"):
        apply_protocol(protocol_of(fold), [utterance("x", "x"), utterance("z", "z")])
    (found,) = apply_protocol(
        protocol_of(fold),
        [utterance("x", "x"), utterance("z", "z")],
        [Exclusion(id=f"a/{name}", reason="lost") for name in "wy"],
    )
    assert [item.id for item in (*found.train, *found.test)] == ["a/x", "a/z"]
    assert found.validation == ()


def test_an_emotion_without_a_class_is_counted() -> None:
    fold = Fold(train=("a/w", "a/x"), validation=("a/y",), test=("a/z",))
    items = [utterance(name, name, word) for name, word in zip("wxyz", ("sad", "bored", None, "sad"), strict=True)]
    with pytest.raises(
        CorpusError,
        match=r"a/own: 2 of 4 utterances have no class of the protocol, the first a/x \(bored\); it knows sad, angry, "
        r"excited, happy",
    ):
        apply_protocol(protocol_of(fold), items)
