"""A training run in one TOML file. Unknown keys and wrong types are errors, all reported at once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from undertone.audio.fbank import FrontEnd
from undertone.corpora.protocols import HeldOut
from undertone.corpora.registry import CORPORA
from undertone.errors import ConfigError
from undertone.inference.card import Windows, window_problems
from undertone.labels import EMOTIONS
from undertone.parsing import parse_record, read_toml
from undertone.systems.freezing import KEPT
from undertone.systems.registry import SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from undertone.backbones.network import BackboneSizes
    from undertone.systems.base import System

SHARES: Final = (
    "accuracy_when_certain",
    "augmentation.telephone",
    "augmentation.room",
    "augmentation.noise",
    "augmentation.hiss",
    "augmentation.codec",
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

PRECISIONS: Final = ("float32", "int8")
"""In which the weights of a bundle may be kept."""

DERIVED: Final = ("mel_bins", "labels", "backbone", "text")
"""Sizes that follow from the rest of a run."""


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
    hiss: float = 0.0
    """Probability of white noise, at a level that does not depend on the speech."""
    least_hiss_db: float = -95.0
    """From full scale."""
    most_hiss_db: float = -50.0
    codec: float = 0.0
    """Probability of Opus, Vorbis or MP3, from medium compression to most."""
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
class PretrainedBackbone:
    """The phone recogniser that a system is built on, and what of it goes on learning."""

    place: str
    """Its folder, or the name of one that comes with the package."""
    kept: str = "head"
    """What goes on learning: `head`, only what is new; `top`, the backbone's last blocks too; `all`, all its blocks."""
    top: int = 0
    """Of `top`, how many blocks."""
    learning_rate: float = 1e-4
    """Highest, of the backbone's weights; `optimisation.learning_rate` is for the new ones."""


@dataclass(frozen=True, kw_only=True)
class EncoderOfText:
    """What a system that reads has of transcripts; it never learns."""

    place: str = "minilm"
    """A folder in the hub's layout, a name of the hub, or `minilm`, which comes as a package."""
    most_tokens: int = 64
    """What is beyond them is cut off."""
    withheld: float = 0.2
    """Share of the training windows that are heard without their transcript, so that the voice alone must do."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """How the bundle is written."""

    precision: str = "float32"
    """Of the stored weights: `float32`, or `int8` for a file less than a third as large."""


@dataclass(frozen=True, kw_only=True)
class FusedWith:
    """A second system that learns from the same material by itself; the bundle says the mean of both probabilities."""

    system: str
    """One that neither reads nor is built on a backbone."""
    seed: int | None = None
    """Of its own training; the run's where there is none. The material is drawn with the run's either way."""
    masking: Masking = field(default_factory=Masking)
    optimisation: Optimisation = field(default_factory=Optimisation)
    sizes: dict[str, object] = field(default_factory=dict)
    """Of that system, where they are not to be its defaults."""


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
    private: bool = False
    """Whether the bundle stays with who trains it: only then may it learn from corpora whose licences forbid releasing
    it."""
    seed: int = 0
    accuracy_when_certain: float = 0.8
    """The abstention threshold is the lowest at which validation accuracy among labelled turns reaches this."""
    front_end: FrontEnd = field(default_factory=FrontEnd)
    augmentation: Augmentation = field(default_factory=Augmentation)
    masking: Masking = field(default_factory=Masking)
    windows: Windows = field(default_factory=Windows)
    optimisation: Optimisation = field(default_factory=Optimisation)
    backbone: PretrainedBackbone | None = None
    text: EncoderOfText | None = None
    """Of a system that reads."""
    sizes: dict[str, object] = field(default_factory=dict)
    """Of the system, where they are not to be its defaults."""
    fused_with: FusedWith | None = None
    export: Export = field(default_factory=Export)

    @property
    def second(self) -> TrainConfig | None:
        """The run of the system that this one is fused with, alike in everything else; None where there is none."""
        if self.fused_with is None:
            return None
        own = {each.name: getattr(self.fused_with, each.name) for each in fields(FusedWith)}
        own["seed"] = self.seed if self.fused_with.seed is None else self.fused_with.seed
        return replace(self, backbone=None, text=None, fused_with=None, **own)


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
        problems = _problems(config)
        problems += _fusion_problems(config, problems)
    if config is None or problems:
        raise ConfigError(str(path), problems)
    return config


def _problems(config: TrainConfig) -> list[str]:
    return [*_unknown_names(config), *_system_problems(config), *_impossible_numbers(config)]


def _fusion_problems(config: TrainConfig, known: Sequence[str]) -> list[str]:
    """What is wrong with the second system alone; `known` is wrong with the first, too."""
    if config.second is None:
        return []
    problems = ["fused_with is for systems that hear; take it, or the table [text], out"] if config.text else []
    if (config.second.system, config.second.seed) == (config.system, config.seed):
        problems.append(
            f"fused_with.system must be another one than {config.system!r}, which learns already, or have another seed "
            f"than {config.seed}"
        )
    return problems + [f"fused_with: {each}" for each in _problems(config.second) if each not in known]


def takes_backbone(system: System) -> bool:
    """Whether a system is built on a pretrained backbone."""
    return any(item.name == "backbone" for item in fields(system.sizes))


def sizes_of(
    config: TrainConfig,
    system: System,
    problems: list[str],
    *,
    backbone: BackboneSizes | None = None,
    text: Mapping[str, object] | None = None,
) -> Any:  # noqa: ANN401  each system has sizes of its own
    """Put a system's sizes together: what the run says, and what follows from it.

    Args:
        config: the run.
        system: the one that it names.
        problems: one sentence is added for each size that does not fit.
        backbone: the sizes of the backbone, where the system has one.
        text: the configuration of the encoder of text, where it has one.

    Returns:
        An instance of `system.sizes`; None where a problem was found.
    """
    derived = [name for name in config.sizes if name in DERIVED]
    problems += [f"sizes.{name} follows from the rest of the run; take it out" for name in derived]
    given = {name: value for name, value in config.sizes.items() if name not in DERIVED}
    sizes = parse_record(system.sizes, given, problems, where="sizes")
    if sizes is None or derived:
        return None
    following: dict[str, object] = {"mel_bins": config.front_end.mel_bins, "labels": len(EMOTIONS)}
    pretrained = {"backbone": backbone, "text": text}
    return replace(sizes, **following, **{name: each for name, each in pretrained.items() if each is not None})


def _system_problems(config: TrainConfig) -> list[str]:
    """What does not fit the system: its sizes, and the backbone that it is built on."""
    problems: list[str] = []
    how, system = config.backbone, SYSTEMS.get(config.system)
    if config.export.precision not in PRECISIONS:
        problems.append(f"export.precision must be one of {', '.join(PRECISIONS)}, not {config.export.precision!r}")
    if system is not None:
        sizes_of(config, system, problems)
        if takes_backbone(system) and how is None:
            problems.append(f"system {config.system!r} is built on a backbone; name one in a table [backbone]")
        if how is not None and not takes_backbone(system):
            problems.append(f"system {config.system!r} is built on no backbone; take the table [backbone] out")
        problems += _text_problems(config, system)
    if how is None:
        return problems
    if how.kept not in KEPT:
        problems.append(f"backbone.kept must be one of {', '.join(KEPT)}, not {how.kept!r}")
    if how.kept == "top" and how.top < 1:
        problems.append(f"backbone.top must be 1 or more where kept is 'top', not {how.top}")
    if how.kept != "top" and how.top:
        problems.append(f"backbone.top is read where kept is 'top'; with {how.kept!r} it must be 0, not {how.top}")
    if how.learning_rate <= 0:
        problems.append(f"backbone.learning_rate must be above 0, not {how.learning_rate:g}")
    return problems


def _text_problems(config: TrainConfig, system: System) -> list[str]:
    how = config.text
    if how is None:
        return [f"system {system.name!r} reads transcripts; name an encoder in a table [text]"] if system.reads else []
    problems = [] if system.reads else [f"system {system.name!r} reads nothing; take the table [text] out"]
    if how.most_tokens < 2:
        problems.append(f"text.most_tokens must be 2 or more, not {how.most_tokens}")
    if not 0 <= how.withheld <= 1:
        problems.append(f"text.withheld must be from 0 to 1, not {how.withheld:g}")
    return problems


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
