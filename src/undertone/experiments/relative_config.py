"""A training run of the system `relative` in one TOML file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from undertone.corpora.registry import CORPORA
from undertone.errors import ConfigError
from undertone.experiments.episodes import Episodes
from undertone.inference.card import Windows
from undertone.labels import EMOTIONS
from undertone.parsing import parse_record
from undertone.systems.relative import RelativeSizes
from undertone.training.config import Augmentation, ReadSpeech

if TYPE_CHECKING:
    from collections.abc import Mapping

SYSTEM: Final = "relative"
ALONE: Final = "alone"
"""Judged as a stranger's: the only utterance of its speaker."""
IN_CONVERSATION: Final = "in conversation"
"""Judged beside the speaker's other turns."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What may be expected of a recording, apart from the evidence."""

    name: str
    shares: tuple[float, ...]
    source: str
    fitted: str = IN_CONVERSATION
    """What temperature and threshold are fitted on: `alone` or `in conversation`."""


@dataclass(frozen=True, kw_only=True)
class RelativeConfig:
    """A run of the system `relative`, in one TOML file."""

    name: str
    system: str
    corpora: tuple[str, ...]
    unseen_corpora: tuple[str, ...] = ()
    """Tested on, never trained on."""
    seed: int = 0
    sizes: RelativeSizes = field(default_factory=RelativeSizes)
    windows: Windows = field(default_factory=lambda: Windows(length_s=6.0, hop_s=3.0, shortest_s=0.4))
    baseline_full_turn_s: float = 2.0
    baseline_shortest_s: float = 0.6
    episodes: Episodes = field(default_factory=Episodes)
    augmentation: Augmentation = field(default_factory=lambda: Augmentation(copies=0))
    read_speech: ReadSpeech = field(default_factory=ReadSpeech)
    accuracy_when_certain: float = 0.8
    left_out: tuple[str, ...] = ()
    """Utterances that are not heard, by id: silent ones."""
    expected: tuple[Expected, ...] = ()
    """The first is the default."""


def read_relative(table: Mapping[str, object], where: str) -> RelativeConfig:
    """Read a run's table.

    Raises:
        ConfigError: naming everything that does not fit.
    """
    problems: list[str] = []
    config = parse_record(RelativeConfig, dict(table), problems)
    if config is not None:
        listed = (*config.corpora, *config.unseen_corpora, *config.read_speech.corpora)
        problems += [
            f"corpus {name!r} is unknown; there are {', '.join(CORPORA)}" for name in listed if name not in CORPORA
        ]
        if len(config.corpora) < 2:
            problems.append(f"corpora must be two or more, for one at a time is left out, not {len(config.corpora)}")
        if not config.expected:
            problems.append("expected must say what may be expected of a recording: name, shares, source")
        problems += [
            f"expected.{each.name}.shares must be {len(EMOTIONS)} numbers above 0 that sum to 1, not {each.shares}"
            for each in config.expected
            if len(each.shares) != len(EMOTIONS) or min(each.shares) <= 0 or abs(sum(each.shares) - 1) > 1e-6
        ]
        problems += [
            f"expected.{each.name}.fitted must be {ALONE!r} or {IN_CONVERSATION!r}, not {each.fitted!r}"
            for each in config.expected
            if each.fitted not in (ALONE, IN_CONVERSATION)
        ]
        blocks = config.sizes
        if not 0 <= blocks.first_block <= blocks.last_block <= 6:
            problems.append(f"sizes: blocks run from 0 to 6, not from {blocks.first_block} to {blocks.last_block}")
    if problems or config is None:
        raise ConfigError(where, problems)
    return config
