"""The encoders by name. Being listed here puts an encoder under the contract tests."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from undertone.encoders.base import Encoder

ENCODERS: Final[Mapping[str, str]] = {
    "log-mel": "statistics:log_mel_frames",
    "log-mel-statistics": "statistics:log_mel_statistics",
    "egemaps": "functionals:egemaps",
    "compare": "functionals:compare",
}
"""What builds an encoder, as `module:function` of this folder: looking one up loads nothing that only others need."""

FAMILIES: Final[Mapping[str, str]] = {
    "hub": "hub:utterance_means",
    "hub-frames": "hub:frames",
    "random": "hub:random_means",
    "hub-bare-frames": "hub_recogniser:bare_frames",
    "hub-asr": "hub_recogniser:utterances",
    "hub-asr-frames": "hub_recogniser:frames",
    "segments": "segments:segments",
    "text": "text:utterance_means",
    "text-tokens": "text:tokens",
    "heard-tokens": "text:heard_tokens",
    "asr": "recogniser:utterances",
    "asr-frames": "recogniser:frames",
    "asr-random": "recogniser:random_utterances",
    "asr-random-frames": "recogniser:random_frames",
    "whisper": "whisper_backbone:utterances",
    "whisper-frames": "whisper_backbone:frames",
    "whisper-statistics": "whisper_backbone:statistics",
    "whisper-phones-frames": "whisper_phones:frames",
}
"""Likewise, by what stands before the colon of a name; the function takes what stands behind it."""


TEXT: Final = frozenset({"text", "text-tokens"})
"""Families that read transcripts, not sound."""


JOIN: Final = " + "
"""Between the names of encoders that a learner hears through at the same time."""


def hears_sound(name: str | None) -> bool:
    """Whether recordings must be there for encoders of this name; None is that of a learner that hears nothing."""
    return name is not None and any(each.partition(":")[0] not in TEXT for each in name.split(JOIN))


def is_encoder(name: str) -> bool:
    """Whether all encoders of a name, as `encoders_named` takes it, are listed here; what is behind colons may fail."""
    return all(
        each in ENCODERS or (each.partition(":")[0] in FAMILIES and bool(each.partition(":")[2]))
        for each in name.split(JOIN)
    )


def encoders_named(name: str) -> tuple[Encoder, ...]:
    """Build all encoders of a name: `asr-frames:phones-en + text-tokens:minilm` are two.

    Raises:
        ConfigError, BundleError, MissingExtraError: as `encoder_named`.
    """
    return tuple(encoder_named(each.strip()) for each in name.split(JOIN))


def encoder_named(name: str) -> Encoder:
    """Build an encoder.

    Raises:
        ConfigError: if no encoder has that name, or what stands behind its colon cannot be used.
        BundleError: if the files of a backbone are not whole.
        MissingExtraError: if it needs packages that are not installed.
    """
    family, colon, rest = name.partition(":")
    if name in ENCODERS:
        return _function(ENCODERS[name])()
    if colon and rest and family in FAMILIES:
        return _function(FAMILIES[family])(rest)
    known = ", ".join((*ENCODERS, *(f"{family}:…" for family in FAMILIES)))
    raise ConfigError("encoder", [f"no encoder is called {name!r}; there are {known}"])


def _function(place: str) -> Callable[..., Encoder]:
    module, function = place.split(":")
    return getattr(import_module(f"undertone.encoders.{module}"), function)
