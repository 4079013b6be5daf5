"""A language of three phones, each a chord, said by made-up speakers: what a tiny network can really learn."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from undertone.asr.alignments import Segment
from undertone.speech.lexicon import Lexicon, make_lexicon
from undertone.speech.phones import indices_of
from undertone.units import SAMPLE_RATE

CHORDS = {"AA": (700, 1100), "IY": (300, 2300), "OW": (450, 4000)}
WORDS = {"ah": "AA", "e": "IY", "oh": "OW"}
"""Words of one phone each."""

LEXICON: Lexicon = make_lexicon([(word, (phone,)) for word, phone in WORDS.items()])


@dataclass(frozen=True, kw_only=True)
class Said:
    text: str
    samples: np.ndarray
    segments: tuple[Segment, ...]


def say(rng: np.random.Generator, *, words: int = 6, shift: float = 1.0) -> Said:
    """Say words in an order that is drawn, with pauses between them; `shift` is what tells a speaker."""
    chosen = rng.choice(sorted(WORDS), size=words).tolist()
    pieces, segments, at = [np.zeros(1600)], [], 1600
    for word in chosen:
        length = 160 * int(rng.integers(9, 15))
        time = np.arange(length) / SAMPLE_RATE
        chord = sum(np.sin(2 * np.pi * shift * hertz * time) for hertz in CHORDS[WORDS[word]])
        pieces.append(0.2 * chord * np.hanning(length) ** 0.25)
        segments.append(Segment(symbol=indices_of((WORDS[word],))[0], first=at // 160, frames=length // 160))
        pause = 160 * int(rng.integers(6, 10))
        pieces.append(np.zeros(pause))
        at += length + pause
    samples = np.concatenate(pieces)
    samples += 0.003 * rng.standard_normal(len(samples))
    return Said(text=" ".join(chosen), samples=samples.astype(np.float32), segments=tuple(segments))


def make_corpus(
    folder: Path, *, speakers: int = 6, each: int = 12, seed: int = 0, split: bool = False
) -> dict[str, Said]:
    """Write a corpus with `metadata.csv`: what was said, by file. With `split`, the last speaker is the test part."""
    rng = np.random.default_rng(seed)
    (folder / "audio").mkdir(parents=True)
    found = {}
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "speaker", "gender", "emotion", "text", "duration_s", "split"])
        for speaker in range(speakers):
            shift = math.exp(rng.uniform(-0.08, 0.08))
            for number in range(each):
                said = say(rng, words=int(rng.integers(3, 7)), shift=shift)
                name = f"audio/s{speaker}_{number}.wav"
                soundfile.write(folder / name, said.samples, SAMPLE_RATE)
                part = "test" if split and speaker == speakers - 1 else "train" if split else ""
                duration = f"{len(said.samples) / SAMPLE_RATE:.5f}"
                table.writerow([name, f"s{speaker}", "", "", said.text, duration, part])
                found[name] = said
    return found
