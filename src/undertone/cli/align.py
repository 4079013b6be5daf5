"""`undertone align`: a recording and what is said in it, and when each word is said comes out."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error
from undertone.cli.transcripts import read_transcript
from undertone.conversation.formats.alignments import WRITERS

if TYPE_CHECKING:
    from undertone.records import Alignment


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--text", help="What is said in the recording.")
@click.option("--text-file", type=click.Path(path_type=Path), help="The same in a file; - is standard input.")
@click.option(
    "-f", "--format", "name", type=click.Choice(tuple(WRITERS)), default="textgrid", show_default=True,
    help="What to write.",
)  # fmt: skip
@click.option(
    "-o", "--out", "folder", type=click.Path(path_type=Path), help="Folder for the result. Default: print it."
)
@click.option("--lexicon", type=click.Path(path_type=Path), help="Another dictionary than CMU's, as a text file.")
@click.option(
    "--backbone", type=click.Path(path_type=Path), help="Folder of another recogniser than the one that ships."
)
@click.option("--any", "anything", is_flag=True, help="Take a transcript that does not seem to fit, too.")
def align(
    recording: Path,
    text: str | None,
    text_file: Path | None,
    name: str,
    folder: Path | None,
    lexicon: Path | None,
    backbone: Path | None,
    anything: bool,
) -> None:
    """Say when each word of an English transcript is said in RECORDING, each syllable and each phone.

    Its channels are mixed. Words that the dictionary lacks are sounded out.
    """
    if (text is None) == (text_file is None):
        raise click.UsageError("give what is said with --text or with --text-file")
    with as_click_error():
        said = (text or "") if text_file is None else read_transcript(text_file)
        found = _aligned(recording, said, lexicon, backbone, anything=anything)
        writer = WRITERS[name]
        told = writer.write(found, recording.stem)
        if folder is None:
            click.echo(told, nl=False)
            return
        from undertone.files import make_folder, write_text

        make_folder(folder)
        target = folder / f"{recording.stem}{writer.suffix}"
        write_text(target, told)
    click.echo(f"wrote {target}", err=True)


def _aligned(recording: Path, text: str, lexicon: Path | None, backbone: Path | None, *, anything: bool) -> Alignment:
    from undertone.inference.align import LEAST
    from undertone.inference.phones import recogniser_of
    from undertone.inference.transcript import align_recording
    from undertone.speech.lexicon import read_lexicon
    from undertone.speech.pronounce import pronouncer

    return align_recording(
        recording,
        text,
        say=pronouncer(None if lexicon is None else read_lexicon(lexicon)),
        network=recogniser_of(backbone),
        least=-math.inf if anything else LEAST,
    )
