"""An hour with its transcript, end to end: what does reading cost beside listening?

    python benchmarks/reading.py --data ../shared/data --out benchmarks/results

Utterances of LibriSpeech, with a second between them, make one recording of an hour whose words are known. It is
analysed by the bundle that ships; by the bundle `multilevel` without words, and with the words in a file of turns; and
by that with one long text, which is aligned first. Each case is a fresh `undertone analyze` process. The bundle is put
together before, which is not measured. Needs the training half and `undertone[text]`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile
from this_machine import this_machine
from timeline import analysed

from undertone.audio.load import load_utterance
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from timeline import Case

LENGTH_S = 3600
PAUSE_S = 1


@dataclass(frozen=True, kw_only=True)
class Said:
    """The recording's files."""

    sound: Path
    subtitles: Path
    text: Path
    seconds: float
    words: int


def recorded(data: Path, folder: Path) -> Said:
    """Put an hour together, with what is said in it as subtitles and as one text."""
    pause = np.zeros(PAUSE_S * SAMPLE_RATE, dtype=np.float32)
    cues: list[str] = []
    texts: list[str] = []
    now = 0
    sound = folder / "hour.flac"
    with soundfile.SoundFile(sound, "w", SAMPLE_RATE, 1, "PCM_16", format="FLAC") as file:
        while now < LENGTH_S * SAMPLE_RATE:
            for item in read_corpus(corpus_named("librispeech_sample"), data / "librispeech_sample"):
                if now >= LENGTH_S * SAMPLE_RATE:
                    break
                samples, text = load_utterance(item), (item.text or "").lower()
                file.write(np.concatenate((samples, pause)))
                end = now + len(samples)
                cues.append(f"{len(cues) + 1}\n{clock(now)} --> {clock(end)}\n{text}\n")
                texts.append(text)
                now = end + len(pause)
    (folder / "hour.srt").write_text("\n".join(cues), encoding="utf-8")
    (folder / "hour.txt").write_text("\n".join(texts), encoding="utf-8")
    return Said(
        sound=sound,
        subtitles=folder / "hour.srt",
        text=folder / "hour.txt",
        seconds=now / SAMPLE_RATE,
        words=sum(len(text.split()) for text in texts),
    )


def clock(samples: int) -> str:
    """A time as SubRip writes it."""
    milliseconds = samples * 1000 // SAMPLE_RATE
    seconds = milliseconds // 1000
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02},{milliseconds % 1000:03}"


def as_markdown(cases: list[Case], said: Said, machine: str) -> str:
    first = cases[0]
    lines = [
        "# An hour with its transcript",
        "",
        f"`python benchmarks/reading.py` on {machine}. {said.seconds:.0f} s of LibriSpeech with {said.words} words; "
        "whole processes, start-up included; one run each.",
        "",
        "| what is done | wall | of the first row | real-time factor | peak memory | turns |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {case.name} | {case.wall_s:.1f} s | {case.wall_s / first.wall_s:.1f} | {case.real_time_factor:.4f} | "
        f"{case.peak_mb:.0f} MB | {case.turns} |"
        for case in cases
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    machine = this_machine("undertone", "onnxruntime", "numpy")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # In a process of its own: the kernel counts what a parent holds as its children's peak, too.
        subprocess.run(
            [sys.executable, "-m", "undertone", "bundle", "build", "multilevel", str(folder / "bundle")], check=True
        )
        said = recorded(arguments.data, folder)
        reads = ("--bundle", str(folder / "bundle"))
        cases = [
            analysed(title, said.sound, said.seconds, folder, *options)
            for title, options in (
                ("voice alone, by the bundle that ships", ()),
                ("`multilevel`, no words", reads),
                ("`multilevel`, words in a file of turns", (*reads, "--turns", str(said.subtitles))),
                ("`multilevel`, words in one text, aligned first", (*reads, "--text", str(said.text))),
            )
        ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "reading.md").write_text(as_markdown(cases, said, machine))


if __name__ == "__main__":
    main()
