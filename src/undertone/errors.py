"""Every error that undertone raises on purpose, drawn as a tree.

    UndertoneError
    ├─ AudioError (ValueError)
    │  ├─ MissingRecordingError      the path does not exist, or is a folder
    │  ├─ UnreadableAudioError       the bytes are not sound, or may not be read
    │  ├─ TruncatedAudioError        the sound stops before the file says it ends
    │  ├─ EmptyAudioError            no samples
    │  ├─ NotFiniteAudioError        samples that are not numbers
    │  ├─ TooManyChannelsError
    │  └─ UnsupportedRateError
    ├─ TurnsError (ValueError)       somebody else's turns do not fit
    ├─ UsageError (ValueError)       options that contradict each other or the recording
    ├─ ConfigError (ValueError)      holds every problem found
    ├─ CorpusError (ValueError)
    ├─ ResultError (ValueError)      a result cannot be read, or two cannot be compared
    ├─ LexiconError (ValueError)     a dictionary of pronunciation cannot be read or learned from
    ├─ TranscriptError (ValueError)  nobody could say how a text is spoken
    ├─ AlignmentError (ValueError)   a transcript does not fit the sound
    ├─ BundleError (ValueError)
    │  ├─ ChecksumError
    │  ├─ FormatVersionError
    │  └─ LabelMismatchError
    ├─ OutputError (OSError)         a result cannot be written
    └─ MissingExtraError (ImportError)

A message says what was wrong, with the value; what is accepted; what to do. The values are attributes too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class UndertoneError(Exception):
    """Anything that undertone refuses to do, with a message for the person who asked."""


class AudioError(UndertoneError, ValueError):
    """A recording cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class MissingRecordingError(AudioError):
    """The path does not exist, or is a folder."""


class UnreadableAudioError(AudioError):
    """The bytes are not sound that can be decoded, or may not be read."""


class TruncatedAudioError(AudioError):
    """The sound stops before the file says that it ends."""


class EmptyAudioError(AudioError):
    """The file holds no samples."""


class NotFiniteAudioError(AudioError):
    """The file holds samples that are not numbers."""


class TooManyChannelsError(AudioError):
    """The file has more channels than a conversation needs."""

    def __init__(self, path: str, channels: int, most: int) -> None:
        self.channels = channels
        self.most = most
        super().__init__(
            path,
            f"it has {channels} channels; at most {most} are read. Export the channels with voices, then try again",
        )


class UnsupportedRateError(AudioError):
    """The sample rate leaves no voice to judge, or is not a rate."""

    def __init__(self, path: str, sample_rate: int, least: int, most: int) -> None:
        self.sample_rate = sample_rate
        self.least = least
        self.most = most
        super().__init__(
            path,
            f"its sample rate is {sample_rate} Hz; {least} to {most} Hz are read. Export it at 16000 Hz and try again",
        )


class TurnsError(UndertoneError, ValueError):
    """A file of turns cannot be read, or does not fit the recording."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class UsageError(UndertoneError, ValueError):
    """Options contradict each other or the recording."""


class ConfigError(UndertoneError, ValueError):
    """A configuration is wrong; every problem found is listed."""

    def __init__(self, source: str, problems: Sequence[str]) -> None:
        self.source = source
        self.problems = tuple(problems)
        super().__init__(f"{source}: " + "; ".join(problems))


class CorpusError(UndertoneError, ValueError):
    """A corpus on disk is not what its card says."""

    def __init__(self, corpus: str, problem: str) -> None:
        self.corpus = corpus
        self.problem = problem
        super().__init__(f"{corpus}: {problem}")


class ResultError(UndertoneError, ValueError):
    """A result cannot be read, or two results cannot be compared."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class LexiconError(UndertoneError, ValueError):
    """A dictionary of pronunciation cannot be read, or letters cannot be learned from it."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class TranscriptError(UndertoneError, ValueError):
    """A text cannot be turned into spoken words, or a word into phones."""

    def __init__(self, text: str, problem: str) -> None:
        self.text = text
        self.problem = problem
        super().__init__(f"{text!r}: {problem}")


class AlignmentError(UndertoneError, ValueError):
    """A transcript does not fit the sound."""

    def __init__(self, word: str, problem: str) -> None:
        self.word = word
        """Where it stops fitting."""
        self.problem = problem
        super().__init__(f"at {word!r}: {problem}")


class BundleError(UndertoneError, ValueError):
    """A bundle cannot be used."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"bundle {path}: {problem}")


class ChecksumError(BundleError):
    """A file of the bundle is not the file that was published."""


class FormatVersionError(BundleError):
    """The bundle was made for another version of the format."""


class LabelMismatchError(BundleError):
    """The model gives another number of scores than the card has labels."""


class OutputError(UndertoneError, OSError):
    """A result cannot be written."""

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        self.problem = problem
        super().__init__(f"{path}: {problem}")


class MissingExtraError(UndertoneError, ImportError):
    """A part of undertone needs packages that are not installed."""

    def __init__(self, purpose: str, extra: str) -> None:
        self.purpose = purpose
        self.extra = extra
        super().__init__(f"{purpose} needs packages that are not installed: pip install 'undertone[{extra}]'")
