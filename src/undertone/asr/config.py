"""The training of a phone recogniser in one TOML file. Every problem is reported at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from undertone.audio.fbank import FrontEnd
from undertone.backbones.network import BackboneSizes, size_problems
from undertone.backbones.whisper_phones import PhoneHeadSizes, head_problems
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import CORPORA
from undertone.errors import ConfigError
from undertone.parsing import parse_record, read_toml
from undertone.speech.phones import SYMBOLS
from undertone.training.config import Augmentation, Masking

if TYPE_CHECKING:
    from pathlib import Path

LEAST: Final = {
    "seed": 0,
    "optimisation.epochs": 1,
    "optimisation.steps": 1,
    "optimisation.warm_up_epochs": 0,
    "optimisation.patience": 0,
    "masking.frequency_masks": 0,
    "masking.most_bins": 0,
    "masking.time_masks": 0,
    "masking.most_frames": 0,
    "masking.tilt_db": 0,
    "chunks.least": 1,
}
"""Settings with a least value."""

ABOVE_ZERO: Final = ("longest_s", "optimisation.batch_s", "optimisation.learning_rate", "optimisation.clip")

SHARES: Final = ("optimisation.ctc_share", "optimisation.average", "masking.warp", "chunks.share")
"""Settings from 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class AsrOptimisation:
    epochs: int = 40
    steps: int = 200
    """Batches in an epoch, after which the network is validated; the speech goes on where the last epoch stopped."""
    batch_s: float = 50.0
    """Seconds of sound in a batch, padding included."""
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.01
    warm_up_epochs: float = 1.0
    clip: float = 2.0
    patience: int = 1000
    """Epochs without a better validation rate after which training stops; the cosine ends it otherwise."""
    average: float = 0.998
    """Decay of the running average of the weights, which is what is validated and kept."""
    ctc_share: float = 0.3
    """Of CTC in the loss; the rest is cross-entropy by frame, where an utterance was aligned. 1 aligns nothing."""
    bfloat16: bool = True
    checkpoint_every_s: float = 180.0


@dataclass(frozen=True, kw_only=True)
class Chunks:
    """Batches that are heard chunk by chunk, so that the network can hear a stream (dynamic chunks; Zhang et al.,
    Unified Streaming and Non-streaming Two-pass End-to-end Model for Speech Recognition, 2020)."""

    share: float = 0.3
    """Of batches."""
    least: int = 8
    """Output frames, 40 ms each, in a chunk."""
    most: int = 32


@dataclass(frozen=True, kw_only=True)
class AsrConfig:
    name: str
    corpora: tuple[str, ...]
    """With transcripts in English."""
    official: tuple[str, ...] = ()
    """Those of them whose own test part is tested on."""
    held_out: dict[str, HeldOut] = field(default_factory=dict)
    """Speakers that training never hears, by corpus."""
    seed: int = 0
    longest_s: float = 20.0
    """Longer utterances are not trained on; tested they are."""
    speeds: tuple[float, ...] = (0.9, 1.0, 1.1)
    """At which training hears every utterance."""
    sizes: BackboneSizes = field(default_factory=BackboneSizes)
    head: PhoneHeadSizes | None = None
    """A head on the frozen `encoder`, if the table is there, instead of a network of `sizes`."""
    encoder: str = "base"
    """Which of Whisper's encoders a head stands on, as `whisper_named` takes it."""
    words: bool = True
    """Whether words are learned from the transcripts, and searched in the test."""
    masking: Masking = field(default_factory=Masking)
    augmentation: Augmentation | None = None
    """Disturbed copies beside the clean ones; none unless the table is there."""
    chunks: Chunks = field(default_factory=Chunks)
    optimisation: AsrOptimisation = field(default_factory=AsrOptimisation)


def read_asr_config(path: Path) -> AsrConfig:
    """Read and check a TOML file.

    Raises:
        ConfigError: with every problem found.
    """
    table = read_toml(path)
    problems: list[str] = []
    config = parse_record(AsrConfig, table, problems)
    if config is not None:
        problems = [*_unknown_names(config), *_impossible_numbers(config)]
    if config is None or problems:
        raise ConfigError(str(path), problems)
    return config


def _unknown_names(config: AsrConfig) -> list[str]:
    problems = [
        f"corpus {name!r} is unknown; there are {', '.join(CORPORA)}" for name in config.corpora if name not in CORPORA
    ]
    twice = sorted({name for name in config.corpora if config.corpora.count(name) > 1})
    problems += [f"corpus {name!r} is listed twice" for name in twice]
    problems += [
        f"{where} names {name!r}, which is not among the corpora"
        for where, names in (("official", config.official), ("held_out", tuple(config.held_out)))
        for name in names
        if name not in config.corpora
    ]
    if not config.corpora:
        problems.append("corpora is empty; name one at least")
    return problems


def _impossible_numbers(config: AsrConfig) -> list[str]:
    values = {name: attrgetter(name)(config) for name in (*LEAST, *ABOVE_ZERO, *SHARES)}
    problems = [f"sizes: {problem}" for problem in size_problems(config.sizes)]
    problems += [
        f"{name} must be {low} or more, not {values[name]:g}" for name, low in LEAST.items() if values[name] < low
    ]
    problems += [f"{name} must be above 0, not {values[name]:g}" for name in ABOVE_ZERO if values[name] <= 0]
    problems += [f"{name} must be from 0 to 1, not {values[name]:g}" for name in SHARES if not 0 <= values[name] <= 1]
    if config.sizes.symbols != len(SYMBOLS):
        problems.append(f"sizes.symbols must be {len(SYMBOLS)}, the blank and the phones, not {config.sizes.symbols}")
    if config.sizes.mel_bins != FrontEnd().mel_bins:
        problems.append(
            f"sizes.mel_bins must be {FrontEnd().mel_bins}, as the features have, not {config.sizes.mel_bins}"
        )
    if config.masking.most_bins > config.sizes.mel_bins:
        problems.append(f"masking.most_bins must be {config.sizes.mel_bins} or less, not {config.masking.most_bins}")
    problems += _head_problems(config)
    if config.chunks.most < config.chunks.least:
        problems.append(f"chunks.most must be {config.chunks.least} or more, as chunks.least, not {config.chunks.most}")
    wrong = [f"{speed:g}" for speed in config.speeds if not 0.5 <= speed <= 2]
    if wrong or not config.speeds:
        problems.append(f"speeds must be from 0.5 to 2, one at least, not {', '.join(wrong) or 'none'}")
    return problems


def _head_problems(config: AsrConfig) -> list[str]:
    """What keeps a head from being trained; nothing of a network of its own."""
    if config.head is None:
        return []
    masking = config.masking
    problems = [f"head: {problem}" for problem in head_problems(config.head)]
    if config.head.symbols != len(SYMBOLS):
        problems.append(f"head.symbols must be {len(SYMBOLS)}, the blank and the phones, not {config.head.symbols}")
    hidden = {"frequency_masks": masking.frequency_masks, "warp": masking.warp, "tilt_db": masking.tilt_db}
    problems += [
        f"masking.{name} must be 0 for a head, whose states have no bands, not {value:g}"
        for name, value in hidden.items()
        if value
    ]
    if config.chunks.share:
        problems.append(f"chunks.share must be 0 for a head, which hears no stream, not {config.chunks.share:g}")
    return problems
