"""A training run in one TOML file. Unknown keys and wrong types are errors, all reported at once."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from undertone.audio.fbank import FrontEnd
from undertone.corpora.protocols import HeldOut
from undertone.errors import ConfigError
from undertone.inference.card import Windows
from undertone.parsing import parse_record

if TYPE_CHECKING:
    from pathlib import Path


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
    """Folders beside the corpora, each with `metadata.csv`; a `kind` of `rir` marks a room response."""


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
    emotion in every plain voice. Read speech counts as one corpus, `read`, in drawing, choosing and calibrating.
    """

    corpora: tuple[str, ...] = ()
    per_corpus: int = 300
    """Utterances taken of each, spread over its speakers."""
    least_s: float = 1.0
    most_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Optimisation:
    epochs: int = 36
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
    accuracy_when_certain: float = 0.7
    """The abstention threshold is the lowest at which validation accuracy among labelled turns reaches this."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    augmentation: Augmentation = field(default_factory=Augmentation)
    masking: Masking = field(default_factory=Masking)
    windows: Windows = field(default_factory=Windows)
    optimisation: Optimisation = field(default_factory=Optimisation)


def read_config(path: Path) -> TrainConfig:
    """Read and check a run's TOML file.

    Raises:
        ConfigError: with every problem found.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(str(path), [str(error)]) from error
    problems: list[str] = []
    config = parse_record(TrainConfig, table, problems)
    if config is None:
        raise ConfigError(str(path), problems)
    return config
