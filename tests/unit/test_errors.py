"""Every error class carries its values and says them; a class without a case here fails."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from undertone import errors
from undertone.errors import UndertoneError

CASES: dict[str, tuple[UndertoneError, str, dict[str, object], type[Exception]]] = {
    "UndertoneError": (errors.UndertoneError("no"), "no", {}, Exception),
    "UsageError": (errors.UsageError("names for 2 voices"), "names for 2 voices", {}, ValueError),
    "ConfigError": (
        errors.ConfigError("run.toml", ["a is missing", "b is 3"]),
        "run.toml: a is missing; b is 3",
        {"source": "run.toml", "problems": ("a is missing", "b is 3")},
        ValueError,
    ),
    "CorpusError": (
        errors.CorpusError("emodb", "3 of 535 files are missing"),
        "emodb: 3 of 535 files are missing",
        {"corpus": "emodb", "problem": "3 of 535 files are missing"},
        ValueError,
    ),
    "TooManyChannelsError": (
        errors.TooManyChannelsError("call.wav", 12, 8),
        "call.wav: it has 12 channels; at most 8 are read. Export the channels with voices, then try again",
        {"path": "call.wav", "channels": 12, "most": 8},
        ValueError,
    ),
    "UnsupportedRateError": (
        errors.UnsupportedRateError("call.wav", 6000, 8000, 384_000),
        "call.wav: its sample rate is 6000 Hz; 8000 to 384000 Hz are read. Export it at 16000 Hz and try again",
        {"path": "call.wav", "sample_rate": 6000, "least": 8000, "most": 384_000},
        ValueError,
    ),
    "TranscriptError": (
        errors.TranscriptError("a + я", "the character 'я' at 5 is none that is read"),
        "'a + я': the character 'я' at 5 is none that is read",
        {"text": "a + я", "problem": "the character 'я' at 5 is none that is read"},
        ValueError,
    ),
    "AlignmentError": (
        errors.AlignmentError("hello", "the sound has 4 frames, and saying the transcript takes 6"),
        "at 'hello': the sound has 4 frames, and saying the transcript takes 6",
        {"word": "hello", "problem": "the sound has 4 frames, and saying the transcript takes 6"},
        ValueError,
    ),
    "MissingExtraError": (
        errors.MissingExtraError("training", "train"),
        "training needs packages that are not installed: pip install 'undertone[train]'",
        {"purpose": "training", "extra": "train"},
        ImportError,
    ),
}

OF_A_PATH = {
    "AudioError": ValueError,
    "MissingRecordingError": errors.AudioError,
    "UnreadableAudioError": errors.AudioError,
    "TruncatedAudioError": errors.AudioError,
    "EmptyAudioError": errors.AudioError,
    "NotFiniteAudioError": errors.AudioError,
    "TurnsError": ValueError,
    "ResultError": ValueError,
    "LexiconError": ValueError,
    "OutputError": OSError,
}
CASES |= {
    name: (
        getattr(errors, name)("a/call.wav", "it holds 7 nonsenses"),
        "a/call.wav: it holds 7 nonsenses",
        {"path": "a/call.wav", "problem": "it holds 7 nonsenses"},
        parent,
    )
    for name, parent in OF_A_PATH.items()
}
CASES |= {
    name: (
        getattr(errors, name)("models/x", "it is 7"),
        "bundle models/x: it is 7",
        {"path": "models/x", "problem": "it is 7"},
        errors.BundleError if name != "BundleError" else ValueError,
    )
    for name in ("BundleError", "ChecksumError", "FormatVersionError", "LabelMismatchError")
}


def tree(kind: type[UndertoneError]) -> Iterator[type[UndertoneError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from tree(below)


OURS = [kind for kind in tree(UndertoneError) if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_a_class_says_its_values_and_carries_them(kind: type[UndertoneError]) -> None:
    assert kind.__name__ in CASES, f"give {kind.__name__} a case in this file"
    error, message, values, parent = CASES[kind.__name__]
    assert type(error) is kind
    assert isinstance(error, parent)
    assert {name: getattr(error, name) for name in values} == values
    with pytest.raises(kind, match=f"^{re.escape(message)}$"):
        raise error


def test_no_case_is_of_a_class_that_is_gone() -> None:
    assert CASES.keys() == {kind.__name__ for kind in OURS}


def test_the_tree_at_the_top_of_the_file_is_the_real_one() -> None:
    drawn = re.findall(r"[├└]─ (\w+)(?: \((\w+)\))?", errors.__doc__ or "")
    real = {kind.__name__ for kind in OURS} - {"UndertoneError"}
    assert {name for name, _ in drawn} == real
    for name, builtin in drawn:
        bases = {base.__name__ for base in getattr(errors, name).__mro__}
        assert not builtin or builtin in bases, f"{name} is no {builtin}"


def test_every_class_says_what_it_is_for() -> None:
    assert [kind.__name__ for kind in OURS if not kind.__doc__] == []
