"""From one TOML file, or from a user's own recordings, to the experiments that are run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from undertone.corpora.base import Exclusion, read_corpus
from undertone.corpora.constructed import CONSTRUCTIONS, MARK, relabelled
from undertone.corpora.own import own_corpus
from undertone.corpora.own_rows import speakers_known
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.corpora.rules import cross_corpus, make_protocol
from undertone.corpora.stored import load_protocol, stored_protocols
from undertone.encoders.registry import hears_sound
from undertone.errors import ConfigError
from undertone.experiments.crossval import Experiment
from undertone.learners.registry import LEARNERS, learner_named
from undertone.parsing import parse_record, read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from undertone.corpora.protocols import Protocol
    from undertone.learners.base import Learner
    from undertone.records import Utterance


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Learners × protocols, each with every seed."""

    learners: tuple[str, ...]
    protocols: tuple[str, ...]
    """`CORPUS/NAME`: stored ones, or made by rule (`CORPUS/speakers`, `CORPUS/official`, `CORPUS+OTHER/cross`);
    `CORPUS/speakers@CONSTRUCTION` has labels by construction."""
    seeds: tuple[int, ...] = (0,)
    encoder: str | None = None
    """Another encoder than the learners' own, such as `hub:FOLDER`."""
    exclusions: tuple[Exclusion, ...] = ()
    """Utterances to leave out beside those that the corpora's cards name."""
    votes: bool = False
    """Whether networks are taught the raters' votes, where the corpus tells them, instead of the category."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a TOML file asks for."""

    config: PlanConfig
    settings: Mapping[str, Any]
    """An instance of its `settings` by learner."""
    command: str


def read_plan(path: Path) -> Plan:
    """Read and check a plan's TOML file: the fields of `PlanConfig` and a table `settings.LEARNER` for each learner.

    Raises:
        ConfigError: with every problem found.
    """
    table = read_toml(path)
    problems: list[str] = []
    tables = table.pop("settings", {})
    config = parse_record(PlanConfig, table, problems)
    settings = _settings(config.learners, tables, problems) if config else {}
    if config is not None:
        problems += _unknown_names(config)
    if config is None or problems:
        raise ConfigError(str(path), problems)
    return Plan(config=config, settings=settings, command=f"undertone crossval {path}")


def plan_for_own(learners: Sequence[str], *, seeds: tuple[int, ...], encoder: str | None, command: str) -> Plan:
    """Plan for a user's own recordings, with every learner's usual settings.

    Raises:
        UsageError: if a learner is unknown.
    """
    return Plan(
        config=PlanConfig(learners=tuple(learners), protocols=(), seeds=seeds, encoder=encoder),
        settings={name: learner_named(name).settings() for name in learners},
        command=command,
    )


def planned(plan: Plan, data: Path) -> Iterator[tuple[Experiment, tuple[Utterance, ...]]]:
    """Read each corpus once and give the experiments on it with its utterances, in the order of the protocols.

    Args:
        plan: what is asked for.
        data: the folder that holds one folder per corpus.

    Raises:
        CorpusError: if a corpus is missing or damaged.
        ConfigError: if a protocol cannot be made from it.
    """
    learners = [learner_named(name) for name in plan.config.learners]
    sound = needs_sound([(each, plan.config.encoder or each.encoder) for each in learners])
    for protocol, utterances, exclusions in opened(plan.config.protocols, data, sound=sound):
        for experiment in _experiments(plan, protocol, (*exclusions, *plan.config.exclusions)):
            yield experiment, utterances


def needs_sound(runs: Sequence[tuple[Learner | None, str | None]]) -> bool:
    """Whether recordings must be there: unless transcripts are read, and nothing else is heard.

    Args:
        runs: each a learner, None for a late fusion, and the name of its encoder, None for one without.
    """
    reading = any((learner is not None and learner.reads) or encoder is not None for learner, encoder in runs)
    return not reading or any(hears_sound(encoder) for _, encoder in runs)


def opened(
    names: Sequence[str], data: Path, *, sound: bool = True
) -> Iterator[tuple[Protocol, tuple[Utterance, ...], tuple[Exclusion, ...]]]:
    """Give each protocol with the utterances of its corpora and what their cards exclude; a corpus is read once.

    Args:
        names: of protocols.
        data: the folder that holds one folder per corpus.
        sound: whether the recordings must be there, and not their transcripts alone.

    Raises:
        CorpusError: if a corpus is missing or damaged.
        ConfigError: if a protocol cannot be made from it.
    """
    read: dict[str, tuple[Utterance, ...]] = {}
    for name in names:
        plain, _, construction = name.partition(MARK)
        corpora = name.split("/")[0].split("+")
        read = {
            corpus: read[corpus] if corpus in read else read_corpus(corpus_named(corpus), data / corpus, sound=sound)
            for corpus in corpora
        }
        utterances = tuple(item for corpus in corpora for item in read[corpus])
        exclusions = tuple(item for corpus in corpora for item in corpus_named(corpus).card.exclusions)
        if construction:
            utterances = relabelled(utterances, construction)
            made = make_protocol(plain, utterances)
            protocol = replace(made, name=name, source=f"{made.source}; labels by construction: {construction}")
        else:
            protocol = protocol_named(name, utterances)
        yield protocol, utterances, exclusions


def planned_for_own(
    plan: Plan, path: Path, protocol: str | None = None
) -> Iterator[tuple[Experiment, tuple[Utterance, ...]]]:
    """Read a user's own recordings and give the experiments on them: folds by speaker where speakers are known.

    Args:
        plan: what is asked for.
        path: a table, an audformat database, or a folder per label.
        protocol: the rule, another than `speakers`, or `random` where speakers are unknown.

    Raises:
        CorpusError: if a file is missing or cannot be read.
        ConfigError: if there are too few speakers.
    """
    card, listed = own_corpus(path)
    utterances = tuple(listed)
    rule = protocol or ("speakers" if speakers_known(utterances) else "random")
    for experiment in _experiments(plan, make_protocol(f"{card.name}/{rule}", utterances), ()):
        yield experiment, utterances


def protocol_problems(names: Sequence[str]) -> list[str]:
    """What keeps names of protocols from being read, one sentence each."""
    problems = [] if names else ["protocols must name at least one"]
    for name in names:
        corpora, slash, rule = name.partition("/")
        if not slash or not rule:
            problems.append(f"protocol {name!r} must be CORPUS/NAME, such as emodb/speakers")
        _, mark, construction = rule.partition(MARK)
        if mark and construction not in CONSTRUCTIONS:
            known = ", ".join(CONSTRUCTIONS)
            problems.append(f"protocol {name!r} must end in a construction behind its {MARK}; there are {known}")
        problems += [
            f"corpus {corpus!r} is unknown; there are {', '.join(CORPORA)}"
            for corpus in corpora.split("+")
            if corpus not in CORPORA
        ]
    return problems


def protocol_named(name: str, utterances: Sequence[Utterance]) -> Protocol:
    """Load a stored protocol, or make it by its rule; `A+B/cross` trains on A and tests on B."""
    if name in stored_protocols():
        return load_protocol(name)
    corpora, _, rule = name.rpartition("/")
    source, plus, target = corpora.partition("+")
    if rule == "cross" and plus:
        return cross_corpus(
            [item for item in utterances if item.corpus == source],
            [item for item in utterances if item.corpus == target],
        )
    return make_protocol(name, utterances)


def _experiments(plan: Plan, protocol: Protocol, exclusions: tuple[Exclusion, ...]) -> Iterator[Experiment]:
    for name in plan.config.learners:
        learner = learner_named(name)
        yield Experiment(
            learner=learner,
            settings=plan.settings[name],
            encoder=plan.config.encoder or learner.encoder,
            protocol=protocol,
            seeds=plan.config.seeds,
            exclusions=exclusions,
            votes=plan.config.votes,
            command=plan.command,
        )


def _settings(learners: tuple[str, ...], tables: object, problems: list[str]) -> dict[str, Any]:
    """Read the settings of every learner that is listed; a table for another one is a problem."""
    if not isinstance(tables, dict):
        problems.append(f"settings must be a table, not {tables!r}")
        return {}
    problems += [f"settings.{name} is for a learner that is not listed" for name in tables if name not in learners]
    found = {}
    for name in learners:
        if name in LEARNERS:
            told: list[str] = []
            found[name] = parse_record(LEARNERS[name].settings, tables.get(name, {}), told)
            problems += [f"settings.{name}.{problem}" for problem in told]
    return found


def _unknown_names(config: PlanConfig) -> list[str]:
    problems = [
        f"learner {name!r} is unknown; there are {', '.join(LEARNERS)}"
        for name in config.learners
        if name not in LEARNERS
    ]
    problems += [] if config.learners else ["learners must name at least one"]
    problems += protocol_problems(config.protocols)
    if not config.seeds or min(config.seeds) < 0:
        problems.append(f"seeds must be one whole number or more, from 0 on, not {list(config.seeds)}")
    return problems
