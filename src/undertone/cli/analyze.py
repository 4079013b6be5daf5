"""`undertone analyze`: recordings in, timelines out."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error, report_failures
from undertone.cli.progress import recordings_progress
from undertone.cli.transcripts import transcript_for
from undertone.conversation.formats.registry import FORMATS, write_format, write_format_to_file
from undertone.errors import UndertoneError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from undertone.records import Timeline
    from undertone.units import Seconds

WRITTEN = tuple(row.name for row in FORMATS if row.writes)
NEEDS_FILE = tuple(row.name for row in FORMATS if row.writes and row.writer_kind == "file")


@dataclass(frozen=True, kw_only=True)
class Output:
    """Where results go."""

    formats: tuple[str, ...]
    folder: Path | None
    sound: bool
    """Whether an HTML report carries the recording."""


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-f", "--format", "formats", multiple=True, type=click.Choice(("table", *WRITTEN)),
    help="What to write; may be given several times. Default: table, or json with --out.",
)  # fmt: skip
@click.option(
    "-o", "--out", "folder", type=click.Path(path_type=Path),
    help="Folder for the results, made if missing: NAME.json for NAME.wav. Without it, standard output.",
)  # fmt: skip
@click.option(
    "--channels", type=click.Choice(("auto", "split", "mix")), default="auto", show_default=True,
    help="split: each channel is a speaker. mix: all channels are one. auto: listen which is right.",
)  # fmt: skip
@click.option("--names", metavar="A,B", help="Who speaks on each channel, in their order.")
@click.option(
    "--turns", type=click.Path(path_type=Path),
    help="Somebody else's turns: RTTM, TextGrid, ELAN, SRT, VTT, CSV, WhisperX JSON, or our JSON.",
)  # fmt: skip
@click.option(
    "--text", "place", type=click.Path(path_type=Path),
    help="What is said: a text in English, or words with times (TextGrid, CTM, JSON, wdseg); or a folder of such "
    "files, NAME.txt for NAME.wav.",
)  # fmt: skip
@click.option(
    "--asr", metavar="NAME",
    help="Hear the words of turns whose text is not known: pocketsphinx (English), or faster-whisper:MODEL.",
)  # fmt: skip
@click.option(
    "--explain",
    is_flag=True,
    help="Tell what each word counts for, and what the voice alone says; takes a bundle that reads.",
)
@click.option(
    "--baseline", type=click.Choice(("speaker", "none")), default="speaker", show_default=True,
    help="speaker: hold turns against their speaker's others, by a bundle that can. none: take each by itself.",
)  # fmt: skip
@click.option("--prior", metavar="NAME", help="What is expected of the recordings: one of the bundle's priors.")
@click.option("--only-speaker", "only", multiple=True, metavar="NAME", help="Judge this speaker only.")
@click.option("--skip-speaker", "skip", multiple=True, metavar="NAME", help="Leave this speaker out.")
@click.option("--bundle", type=click.Path(path_type=Path), help="Model bundle. Default: the one that ships.")
@click.option("--sound/--no-sound", default=True, show_default=True, help="Put the sound into the HTML report.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
def analyze(
    recordings: tuple[Path, ...],
    formats: tuple[str, ...],
    folder: Path | None,
    channels: str,
    names: str | None,
    turns: Path | None,
    place: Path | None,
    asr: str | None,
    explain: bool,
    baseline: str,
    prior: str | None,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    bundle: Path | None,
    sound: bool,
    quiet: bool,
) -> None:
    """Say who felt what, when, in RECORDINGS: files, or folders that are searched for sound.

    A file that cannot be used does not stop the others; all failures are listed at the end.
    """
    paths = find_recordings(recordings)
    output = Output(formats=formats or (("json",) if folder else ("table",)), folder=folder, sound=sound)
    check_output(output, paths)
    if place is not None and len(paths) > 1 and not place.is_dir():
        raise click.UsageError(
            f"{place} holds what is said in one recording, and there are {len(paths)}; name a folder with NAME.txt for "
            "each NAME.wav"
        )

    from undertone.api import load
    from undertone.inference.batch import at_once, results_of

    with as_click_error():
        recognizer = load(bundle)
    failures: list[tuple[Path, UndertoneError]] = []
    with recordings_progress(len(paths), quiet=quiet) as progress:

        def analysed(path: Path, check: Callable[[], None]) -> Timeline:
            with progress.recording(path.name) as advance:

                def heard(seconds: Seconds, in_all: Seconds | None) -> None:
                    check()
                    advance(seconds, in_all)

                return recognizer.analyze(
                    path,
                    channels=channels,
                    names=tuple(name.strip() for name in names.split(",")) if names else (),
                    turns=turns,
                    only=only,
                    skip=skip,
                    text=None if place is None else transcript_for(path, place),
                    asr=asr,
                    explain=explain,
                    baseline=baseline,
                    prior=prior,
                    progress=heard,
                )

        # A transcriber hears one recording after the other.
        side_by_side = 1 if asr or len(paths) == 1 else at_once()
        for path, timeline in results_of(paths, analysed, side_by_side=side_by_side):
            if isinstance(timeline, UndertoneError):
                failures.append((path, timeline))
                continue
            try:
                with progress.paused():
                    write(timeline, path, output)
            except UndertoneError as error:
                failures.append((path, error))
    report_failures(failures, len(paths))


def find_recordings(given: Sequence[Path]) -> list[Path]:
    """Expand folders, searched in depth and in order of name, into the recordings in them; each path once.

    Raises:
        click.UsageError: if a folder holds no recording.
    """
    from undertone.audio.decode import SUFFIXES

    found: dict[Path, None] = {}
    for path in given:
        if not path.is_dir():
            found[path] = None
            continue
        inside = sorted(item for item in path.rglob("*") if item.suffix.lower() in SUFFIXES and item.is_file())
        if not inside:
            raise click.UsageError(
                f"the folder {path} holds no recording; recordings end in {', '.join(sorted(SUFFIXES))}"
            )
        found.update(dict.fromkeys(inside))
    return list(found)


def check_output(output: Output, paths: Sequence[Path]) -> None:
    """Refuse, before any work, what could not be written or would overwrite itself.

    Raises:
        click.UsageError: if several results would go to one place.
    """
    files = [name for name in output.formats if name != "table"]
    if output.folder is None:
        if any(name in NEEDS_FILE for name in files):
            raise click.UsageError("an HTML report is a file: name a folder for it with --out")
        if len(output.formats) > 1 or (files and len(paths) > 1):
            raise click.UsageError("several results do not fit on standard output: name a folder with --out")
        return
    stems: dict[str, Path] = {}
    for path in paths:
        if path.stem in stems:
            raise click.UsageError(
                f"{stems[path.stem]} and {path} would both be written as {output.folder / path.stem}: "
                "analyse them with different folders for --out"
            )
        stems[path.stem] = path


def write(timeline: Timeline, path: Path, output: Output) -> None:
    """Write one timeline in every format asked for; each file whole or not at all.

    Raises:
        OutputError: if a file cannot be written.
    """
    from undertone.files import make_folder, write_beside, write_text

    for name in output.formats:
        if name == "table":
            from undertone.conversation.formats.table import print_table

            print_table(timeline, file=sys.stdout)
        elif output.folder is None:
            click.echo(write_format(name)(timeline), nl=False)
        else:
            make_folder(output.folder)
            target = output.folder / f"{path.stem}{_suffix(name)}"
            if name in NEEDS_FILE:
                with write_beside(target) as file:
                    write_format_to_file(name)(timeline, str(path), file, embed_audio=output.sound)
            else:
                write_text(target, write_format(name)(timeline))
            click.echo(f"wrote {target}", err=True)


def _suffix(name: str) -> str:
    return next(row.suffix for row in FORMATS if row.name == name)
