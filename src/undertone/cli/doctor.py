"""`undertone doctor`: does everything here work, and how fast?"""

from __future__ import annotations

import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from undertone.errors import UndertoneError

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = ("numpy", "onnxruntime", "soundfile", "av", "soxr", "kaldi-native-fbank")


@click.command()
def doctor() -> None:
    """Check the packages, the shipped bundle, decoding, voice activity and speed, in about ten seconds.

    Nothing is sent anywhere. The exit status is 1 if a check fails; the line says what to do.
    """
    click.echo(f"undertone {version('undertone')}, Python {platform.python_version()}, {platform.machine()}")
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("packages", _packages),
        ("bundle", _bundle),
        ("decoding", _decoding),
        ("timeline", _timeline),
    )
    failed = False
    for name, check in checks:
        try:
            found = check()
        except (UndertoneError, PackageNotFoundError, ImportError, OSError) as error:
            failed = True
            click.echo(f"{name:10}FAILED  {error}")
        else:
            click.echo(f"{name:10}ok      {found}")
    if failed:
        sys.exit(1)


def _packages() -> str:
    return ", ".join(f"{name} {version(name)}" for name in PACKAGES)


def _bundle() -> str:
    from undertone.errors import BundleError
    from undertone.inference.bundle import read_bundle
    from undertone.inference.parity import largest_difference

    bundle = read_bundle()
    difference = largest_difference(bundle)
    if difference > bundle.golden.tolerance:
        raise BundleError(
            str(bundle.path),
            f"its answers differ from the stored ones by {difference:.2g}; at most {bundle.golden.tolerance:.2g} is "
            "accepted. Install undertone anew; if that does not help, install the versions in constraints.txt",
        )
    return f"{bundle.card.id}: checksums right, goldens within {difference:.1g}"


def _decoding() -> str:
    from undertone.audio.decode import open_recording
    from undertone.testing.sounds import tone, write_recording

    names = ("wav", "flac", "ogg", "opus", "mp3", "m4a", "webm")
    with TemporaryDirectory() as folder:
        for name in names:
            path = Path(folder) / f"tone.{name}"
            write_recording(path, tone(1.0, sample_rate=48_000, frequency=440.0), 48_000)
            with open_recording(path) as recording:
                sum(len(block) for block in recording.blocks())
    return ", ".join(names)


def _timeline() -> str:
    import numpy as np

    from undertone.api import load
    from undertone.testing.sounds import voice, write_recording

    seconds = 60.0
    sound = voice(seconds, sample_rate=16_000, pitch=120.0, rng=np.random.default_rng(0))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "voice.wav"
        write_recording(path, sound, 16_000)
        recognizer = load()
        start = time.perf_counter()
        timeline = recognizer.analyze(path)
        took = time.perf_counter() - start
    return (
        f"{seconds:.0f} s of synthetic voice in {took:.2f} s: {len(timeline.turns)} turns, "
        f"real-time factor {took / seconds:.4f}"
    )
