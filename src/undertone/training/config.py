"""A training run in one TOML file. Unknown keys and wrong types are errors, all reported at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from undertone.audio.fbank import FrontEnd
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import CORPORA
from undertone.errors import ConfigError
from undertone.inference.card import Windows, window_problems
from undertone.parsing import parse_record, read_toml
from undertone.systems.registry import SYSTEMS

if TYPE_CHECKING:
    from pathlib import Path

SHARES: Final = (
    "accuracy_when_certain",
    "augmentation.telephone",
    "augmentation.room",
    "augmentation.noise",
    "masking.warp",
    "optimisation.label_smoothing",
    "optimisation.average",
)
"""Settings from 0 to 1."""

LEAST: Final = {
    "seed": 0,
    "read_speech.per_corpus": 1,
    "augmentation.copies": 0,
    "masking.frequency_masks": 0,
    "masking.most_bins": 0,
    "masking.time_masks": 0,
    "masking.most_frames": 0,
    "masking.tilt_db": 0,
    "optimisation.epochs": 1,
    "optimisation.batch": 1,
    "optimisation.patience": 0,
    "optimisation.warm_up_epochs": 0,
}
"""Settings with a least value."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How training speech is disturbed before features are taken, so that calls and rooms are not a surprise."""

    copies: int = 3
    """Disturbed copies of every training utterance, beside the clean one."""
    telephone: float = 0.35
    """Probability of the telephone band, 300–3400 Hz at 8 kHz through µ-law."""
    room: float = 0.4
    """Probability of a measured or simulated room response."""
    noise: float = 0.6
    """Probability of background noise."""
    least_snr_db: float = 3.0
    most_snr_db: float = 25.0
    noise_folders: tuple[str, ...] = ("esc10_noise", "rir_noise_small")
    """Folders beside the corpora, each with `metadata.csv`; a `kind` that begins with `rir` marks a room response."""


@dataclass(frozen=True, kw_only=True)
class Masking:
    """What is done to the features of a training window, anew each time it is seen."""

    frequency_masks: int = 2
    most_bins: int = 12
    time_masks: int = 2
    most_frames: int = 40
    warp: float = 0.1
    """Vocal tract length perturbation: the mel axis is stretched by up to this share either way."""
    tilt_db: float = 6.0
    """Random smooth equalisation, up to this many decibels at an edge of the band."""


@dataclass(frozen=True, kw_only=True)
class ReadSpeech:
    """Speech read aloud by people who were not asked to act, taken as neutral.

    Acted corpora hold the seven emotions about equally often and few speakers; a network that knows nothing else hears
    emotion in every plain voice. Read speech counts as one corpus, `read`, in drawing and choosing, and is left out of
    calibrating.
    """

    corpora: tuple[str, ...] = ()
    per_corpus: int = 300
    """Utterances taken of each, spread over its speakers."""
    least_s: float = 1.0
    most_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    epochs: int = 28
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    warm_up_epochs: float = 2.0
    label_smoothing: float = 0.1
    clip: float = 2.0
    patience: int = 12
    """Epochs without a better validation UA after which training stops."""
    average: float = 0.999
    """Decay of the running average of the weights, which is what is validated and shipped."""
    corpus_balance: float = 0.5
    """Corpora are drawn in proportion to (number of utterances) to this power."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    name: str
    system: str
    corpora: tuple[str, ...]
    """Trained, validated and tested on, by the speakers held out."""
    held_out: dict[str, HeldOut]
    unseen_corpora: tuple[str, ...] = ()
    """Only tested on, whole."""
    read_speech: ReadSpeech = field(default_factory=ReadSpeech)
    seed: int = 0
    accuracy_when_certain: float = 0.8
    """The abstention threshold is the lowest at which validation accuracy among labelled turns reaches this."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    augmentation: Augmentation = field(default_factory=Augmentation)
    masking: Masking = field(default_factory=Masking)
    windows: Windows = field(default_factory=Windows)
    optimisation: Optimisation = field(default_factory=Optimisation)


def read_config(path: Path) -> TrainConfig:
    """Read and check a run's TOML file.

    Raises:
        ConfigError: with every problem found: fields that are missing, unknown or of the wrong type; once there are
            none, names that nobody has and numbers that nothing could be trained with.
    """
    table = read_toml(path)
    problems: list[str] = []
    config = parse_record(TrainConfig, table, problems)
    if config is not None:
        problems = [*_unknown_names(config), *_impossible_numbers(config)]
    if config is None or problems:
        raise ConfigError(str(path), problems)
    return config


def _unknown_names(config: TrainConfig) -> list[str]:
    """Names that are not registered, and corpora that would be in two parts."""
    problems = []
    if config.system not in SYSTEMS:
        problems.append(f"system {config.system!r} is unknown; there are {', '.join(SYSTEMS)}")
    listed = (*config.corpora, *config.unseen_corpora, *config.read_speech.corpora)
    problems += [
        f"corpus {name!r} is unknown; there are {', '.join(CORPORA)}" for name in listed if name not in CORPORA
    ]
    twice = [name for name, count in Counter(listed).items() if count > 1]
    problems += [
        f"corpus {name!r} is listed twice; list it once, to train on, to test on, or as read" for name in twice
    ]
    return problems


def _impossible_numbers(config: TrainConfig) -> list[str]:
    problems = window_problems(config.windows, config.front_end)
    if problems:
        return problems
    values = {name: attrgetter(name)(config) for name in (*SHARES, *LEAST)}
    problems = [f"{name} must be from 0 to 1, not {values[name]:g}" for name in SHARES if not 0 <= values[name] <= 1]
    problems += [
        f"{name} must be {least} or more, not {values[name]:g}" for name, least in LEAST.items() if values[name] < least
    ]
    most_bins, hop_ms = config.masking.most_bins, config.front_end.hop_length_ms
    if most_bins > config.front_end.mel_bins:
        problems.append(f"masking.most_bins must be {config.front_end.mel_bins} or less, all of them, not {most_bins}")
    if config.augmentation.least_snr_db > config.augmentation.most_snr_db:
        problems.append(
            f"augmentation.least_snr_db must not be above most_snr_db: {config.augmentation.least_snr_db:g} is above "
            f"{config.augmentation.most_snr_db:g}"
        )
    frames = round(config.windows.length_s * 1000 / hop_ms)
    if 1000 % hop_ms:
        problems.append(f"front_end.hop_length_ms must divide 1000, not be {hop_ms}")
    elif frames % 4:  # the shortest stretch drawn from a long utterance is a quarter of a window
        problems.append(f"windows.length_s must hold a multiple of 4 frames of {hop_ms} ms, not {frames}")
    return problems
