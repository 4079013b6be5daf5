"""Protocols by rule: from a corpus's utterances to folds, without chance and whatever the order of the utterances."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from undertone.corpora.grouping import (
    VALIDATION_SHARE,
    by_speaker,
    chosen_with,
    dialogue_groups,
    divide,
    draw_key,
    fold_of,
    joined,
    sentence_share,
    speaker_of,
    stratified_share,
    validation_speakers,
)
from undertone.corpora.own_rows import speakers_known
from undertone.corpora.protocols import Protocol
from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from undertone.corpora.protocols import Fold
    from undertone.records import Utterance

LEAST_SPEAKERS: Final = 3
"""One to test, one to choose with, one to train on."""

MOST_LEFT_OUT: Final = 12
"""Speakers up to which each is a fold of their own; more are put into groups."""

GROUPS: Final = 6
"""Of speakers, where there are too many to leave each out: as EmoBox has for RAVDESS (Ma et al. 2024)."""

IEMOCAP_FOUR: Final = {"neutral": "neutral", "happy": "happy", "excited": "happy", "sad": "sad", "angry": "angry"}
"""The four classes of most publications: 5531 utterances."""

IEMOCAP_SIX: Final = {
    name: name for name in ("neutral", "happy", "sad", "angry", "excited", "frustrated")
}  # fmt: skip
"""The six classes of work on conversations: 7433 utterances."""

NO_CLASS: Final = frozenset({"other", "unknown", "undefined", "no agreement", "xxx", "oth"})
"""Words by which a corpus says that an utterance has no category."""

OWN_CLASSES: Final[Mapping[str, Mapping[str, str]]] = {"iemocap": IEMOCAP_FOUR}
"""Corpora whose words are not taken as classes one by one."""


def classes_of(utterances: Iterable[Utterance]) -> dict[str, str]:
    """The classes of a protocol: each word its own, but for corpora with a custom and words for no category."""
    listed = list(utterances)
    corpora = {item.corpus for item in listed}
    if len(corpora) == 1 and (known := OWN_CLASSES.get(*corpora)):
        return dict(known)
    return {word: word for word in sorted({item.emotion for item in listed if item.emotion} - NO_CLASS)}


def leave_one_speaker_out(
    utterances: Iterable[Utterance], classes: Mapping[str, str], *, validation: str = "speakers"
) -> tuple[Fold, ...]:
    """Test each speaker once; choose with other whole speakers, and train on the rest.

    Who speaks in a dialogue with the tested speaker is chosen with, never trained on, where that leaves somebody to
    train on. Otherwise about a fifth of the other speakers are chosen with: as many women as men and a like share of
    every class, as far as whole speakers allow.

    Args:
        utterances: of the corpora; those without a class are left out.
        classes: words for emotions and their classes.
        validation: `speakers`, or `sentences` for a corpus of two speakers: then a fifth of the sentences of those
            who are trained on are chosen with, and validation hears the speakers of training.

    Returns:
        A fold for each speaker, in order of their names.

    Raises:
        ConfigError: if there are fewer speakers than needed, or nobody is left to train on a class.
    """
    rule = "leave one speaker out"
    of = by_speaker(_classed(utterances, classes))
    _require_speakers(rule, of, LEAST_SPEAKERS if validation == "speakers" else 2)
    group_of = {name: group for group in dialogue_groups(joined(of.values())) for name in group}
    folds = []
    for name, tested in of.items():
        rest = joined(items for other, items in of.items() if other != name)
        partners = group_of[name] - {name}
        if validation == "sentences":
            chosen = sentence_share(rest)
        elif partners and len(partners) < len(of) - 1:
            chosen = frozenset(item.id for item in rest if speaker_of(item) in partners)
        else:
            chosen = validation_speakers(rest, classes, after=name)
        folds.append(fold_of(tested, chosen, rest))
    return _checked(rule, folds, of, classes)


def grouped_by_speaker(
    utterances: Iterable[Utterance], classes: Mapping[str, str], *, folds: int | None = None
) -> tuple[Fold, ...]:
    """Test each of several groups of whole speakers once.

    The groups are alike in size, in classes and in genders; about a fifth of the other speakers are chosen with.

    Args:
        utterances: of the corpora; those without a class are left out.
        classes: words for emotions and their classes.
        folds: how many groups; by default as many as let each group hold every class, at least 3 and at most 6.

    Raises:
        ConfigError: if there are fewer speakers than needed or than groups, or nobody is left to train on a class.
    """
    rule = "groups of speakers"
    of = by_speaker(_classed(utterances, classes))
    _require_speakers(rule, of, max(LEAST_SPEAKERS, folds or 0))
    names = tuple(of)
    if folds is None:
        rarest = min(len(speakers) for speakers in _speakers_by_class(of, classes).values())
        folds = max(LEAST_SPEAKERS, min(GROUPS, len(names), rarest))
    groups = [
        tuple(names[index] for index in group) for group in divide(tuple(of.values()), classes, [1 / folds] * folds)
    ]
    made = []
    for group in sorted(groups):
        rest = joined(items for name, items in of.items() if name not in group)
        chosen = validation_speakers(rest, classes, after=min(group))
        made.append(fold_of(joined(of[name] for name in group), chosen, rest))
    return _checked(rule, made, of, classes)


def by_official_split(
    utterances: Iterable[Utterance], classes: Mapping[str, str], *, test: str | None = None
) -> tuple[Fold, ...]:
    """Take the parts that the corpus itself tells, as one fold.

    Where the corpus has no `validation`, a fifth of its `train` is chosen with, by whole speakers.

    Args:
        utterances: of the corpus; those without a class or without a part are left out.
        classes: words for emotions and their classes.
        test: the part that is tested; by default `test`, or `test1` where there are several.

    Raises:
        ConfigError: if the corpus tells no such parts.
    """
    parts: dict[str, list[Utterance]] = defaultdict(list)
    for item in _classed(utterances, classes):
        if item.split:
            parts[item.split].append(item)
    test = test or ("test" if "test" in parts else "test1")
    lacking = [name for name in ("train", test) if name not in parts]
    if lacking:
        known = ", ".join(sorted(parts)) or "none"
        raise ConfigError(
            "official", [f"the corpus has no part {' and no part '.join(lacking)}; its parts are {known}"]
        )
    train = parts["train"]
    if "validation" in parts:
        chosen = frozenset(item.id for item in parts["validation"])
        train = train + parts["validation"]
    elif speakers_known(train) and len({speaker_of(item) for item in train}) > 1:
        chosen = validation_speakers(train, classes, after="")
    else:
        chosen = stratified_share(train, classes, VALIDATION_SHARE)
    return (fold_of(parts[test], chosen, train),)


def by_session(
    utterances: Iterable[Utterance],
    classes: Mapping[str, str],
    *,
    session_of: Callable[[Utterance], str],
    validation: str = "speakers",
) -> tuple[Fold, ...]:
    """Test each session once.

    Args:
        utterances: of the corpora; those without a class are left out.
        classes: words for emotions and their classes.
        session_of: tells an utterance's session.
        validation: `speakers` for other whole sessions, or `share` for a fifth of the training part, drawn in every
            class by the hash of the ids, as SUPERB has it: then validation hears the speakers of training.

    Raises:
        ConfigError: if there are fewer than three sessions.
    """
    sessions: dict[str, list[Utterance]] = defaultdict(list)
    for item in sorted(_classed(utterances, classes), key=lambda item: item.id):
        sessions[session_of(item)].append(item)
    if len(sessions) < LEAST_SPEAKERS:
        raise ConfigError(
            "sessions", [f"there are {len(sessions)} sessions ({', '.join(sorted(sessions))}); at least 3 are needed"]
        )
    folds = []
    for name in sorted(sessions):
        rest = joined(items for other, items in sessions.items() if other != name)
        after = min(map(speaker_of, sessions[name]))
        folds.append(fold_of(sessions[name], chosen_with(rest, classes, after=after, validation=validation), rest))
    return tuple(folds)


def stratified(utterances: Iterable[Utterance], classes: Mapping[str, str], *, folds: int = 5) -> tuple[Fold, ...]:
    """Test each utterance once, whoever speaks: for recordings whose speakers nobody knows.

    The utterances of every class go to the folds in turn, in order of the hash of their ids.

    Args:
        utterances: of the corpora; those without a class are left out.
        classes: words for emotions and their classes.
        folds: how many.

    Raises:
        ConfigError: if a class has fewer utterances than folds, naming all such classes.
    """
    by_class: dict[str, list[Utterance]] = defaultdict(list)
    for item in sorted(_classed(utterances, classes), key=draw_key):
        by_class[classes[item.emotion or ""]].append(item)
    few = [
        f"{name} has {len(items)} utterances; at least {folds} are needed, one for each fold"
        for name, items in sorted(by_class.items())
        if len(items) < folds
    ]
    if few or not by_class:
        raise ConfigError("random", few or ["no utterance has a class; fill in their emotions"])
    made = []
    for number in range(folds):
        tested = joined(items[number::folds] for items in by_class.values())
        rest = joined([each for i, each in enumerate(items) if i % folds != number] for items in by_class.values())
        made.append(fold_of(tested, stratified_share(rest, classes, VALIDATION_SHARE), rest))
    return tuple(made)


def cross_corpus(trained_on: Iterable[Utterance], tested_on: Iterable[Utterance]) -> Protocol:
    """Train on one corpus, choose with other speakers of it, and test on all of another.

    The classes are those of the seven emotions that both have; utterances of others are left out of both.

    Raises:
        ConfigError: if both are one corpus, share fewer than two emotions, or the first has fewer than two speakers.
    """
    source, target = list(trained_on), list(tested_on)
    names = [_corpora(source), _corpora(target)]
    common = {item.label for item in source} & {item.label for item in target} - {None}
    problems = []
    if set(names[0].split("+")) & set(names[1].split("+")):
        problems.append(f"{names[0]} is trained on and {names[1]} tested; name two corpora")
    if len(common) < 2:
        shared = ", ".join(sorted(name for name in common if name)) or "none"
        problems.append(f"{names[0]} and {names[1]} share too few emotions ({shared}); at least 2 are needed")
    if problems:
        raise ConfigError("cross", problems)
    classes = {
        item.emotion: item.label for item in (*source, *target) if item.emotion and item.label and item.label in common
    }
    of = by_speaker(_classed(source, classes))
    _require_speakers("cross", of, 2)
    train = joined(of.values())
    fold = fold_of(_classed(target, classes), validation_speakers(train, classes, after=""), train)
    return Protocol(
        name="+".join(names) + "/cross",
        title=f"Trained on {names[0]}, tested on all of {names[1]}",
        source="ours, by rule: a fifth of the speakers that are trained on are chosen with; classes are the emotions "
        "that both corpora have",
        classes=dict(sorted(classes.items())),
        folds=(fold,),
    )


def make_protocol(name: str, utterances: Iterable[Utterance]) -> Protocol:
    """Make a protocol for a corpus at hand.

    Args:
        name: a rule, or the corpus's name, a slash and a rule: `speakers` (each speaker tested once, alone or in a
            group), `official` (the corpus's own parts), `six` (IEMOCAP's six classes by session) or `random`
            (stratified folds, for recordings of unknown speakers).
        utterances: of the corpus, whole.

    Raises:
        ConfigError: if there is no such rule, or the corpus is not fit for it.
    """
    listed = list(utterances)
    corpus, _, rule = name.rpartition("/")
    corpus = corpus or _corpora(listed)
    if rule not in RULES:
        raise ConfigError(name, [f"there is no rule {rule}; the rules are {', '.join(RULES)}"])
    if rule == "speakers" and not speakers_known(listed):
        raise ConfigError(name, ["the corpus does not tell who speaks; fill in the speakers, or use `random`"])
    if rule == "six" and {item.corpus for item in listed} != {"iemocap"}:
        raise ConfigError(name, [f"these are IEMOCAP's six classes, and the corpus is {corpus}; use `speakers`"])
    title, source, make = RULES[rule]
    classes = IEMOCAP_SIX if rule == "six" else classes_of(listed)
    if not any(item.emotion in classes for item in listed):
        raise ConfigError(name, [f"no utterance of {corpus} has a class; fill in their emotions"])
    return Protocol(name=f"{corpus}/{rule}", title=title, source=source, classes=classes, folds=make(listed, classes))


def speakers_rule(utterances: Sequence[Utterance], classes: Mapping[str, str]) -> tuple[Fold, ...]:
    """Leave each speaker out where there are few, groups of speakers where there are many."""
    few = len({speaker_of(item) for item in utterances if item.emotion in classes}) <= MOST_LEFT_OUT
    return leave_one_speaker_out(utterances, classes) if few else grouped_by_speaker(utterances, classes)


def iemocap_session(item: Utterance) -> str:
    """`Ses03F_impro01` was recorded in session `Ses03`."""
    return (item.dialogue or "")[:5]


RULES: Final[Mapping[str, tuple[str, str, Callable[[Sequence[Utterance], Mapping[str, str]], tuple[Fold, ...]]]]] = {
    "speakers": (
        "Each speaker tested once, no speaker in two parts",
        "ours, by rule",
        speakers_rule,
    ),
    "official": (
        "The corpus's own parts",
        "the corpus; a validation part that it lacks is ours",
        by_official_split,
    ),
    "six": (
        "Six classes, each session tested once",
        "ours, by rule: leave one session out, another session is chosen with",
        lambda utterances, classes: by_session(utterances, classes, session_of=iemocap_session),
    ),
    "random": (
        "Stratified folds, whoever speaks",
        "ours, by rule: five folds, drawn in every class by the hash of the ids",
        stratified,
    ),
}
"""Title, source and maker."""


def _classed(utterances: Iterable[Utterance], classes: Mapping[str, str]) -> list[Utterance]:
    return [item for item in utterances if item.emotion in classes]


def _corpora(utterances: Iterable[Utterance]) -> str:
    return "+".join(sorted({item.corpus for item in utterances}))


def _speakers_by_class(of: Mapping[str, Sequence[Utterance]], classes: Mapping[str, str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for speaker, items in of.items():
        for item in items:
            found[classes[item.emotion or ""]].add(speaker)
    return found


def _require_speakers(rule: str, of: Mapping[str, object], least: int) -> None:
    if len(of) < least:
        told = ", ".join(of) or "nobody"
        raise ConfigError(
            rule, [f"there are {len(of)} speakers ({told}); at least {least} are needed, so that no part shares one"]
        )


def _checked(
    rule: str, folds: Sequence[Fold], of: Mapping[str, Sequence[Utterance]], classes: Mapping[str, str]
) -> tuple[Fold, ...]:
    """Refuse folds of which a training part lacks a class."""
    speakers = _speakers_by_class(of, classes)
    class_of = {item.id: classes[item.emotion or ""] for items in of.values() for item in items}
    lacking = sorted({name for fold in folds for name in set(speakers) - {class_of[each] for each in fold.train}})
    if lacking:
        raise ConfigError(
            rule,
            [
                f"{name} is spoken by {', '.join(sorted(speakers[name]))} only, so that a fold would train without it; "
                f"at least {LEAST_SPEAKERS} speakers of every class are needed. Leave the class out, or use `random`"
                for name in lacking
            ],
        )
    return tuple(folds)
