"""A data folder in miniature: voices whose pitch, tempo and breath follow the emotion, and what disturbs them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from undertone.corpora.layouts import COLUMNS
from undertone.testing.sounds import noise, voice, write_recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANNERS = {
    "neutral": {"pitch": 120.0, "syllable_rate": 4.5, "breath": 0.2},
    "angry": {"pitch": 190.0, "syllable_rate": 8.0, "breath": 0.05},
    "sad": {"pitch": 100.0, "syllable_rate": 2.5, "breath": 1.5},
}
"""How each emotion sounds here; the corpora's own words for them are looked up as everywhere."""

ACTED = {"emodb": 5, "ravdess": 4, "urdu": 2}
"""Speakers of each corpus with emotions."""

READ = {"librispeech_sample": 3}
"""Speakers of each corpus of read speech."""

EMODB_HELD_OUT = """
[held_out.emodb]
validation = ["emodb_3"]
test = ["emodb_4"]
"""
HELD_OUT = (
    EMODB_HELD_OUT
    + """
[held_out.ravdess]
validation = ["ravdess_2"]
test = ["ravdess_3"]
[held_out.read]
validation = ["librispeech_sample_1"]
test = ["librispeech_sample_2"]
[read_speech]
corpora = ["librispeech_sample"]
per_corpus = 9
least_s = 0.5
"""
)
WINDOWS = """
[windows]
length_s = 0.8
hop_s = 0.4
"""
SHORT_RUN = """
[augmentation]
copies = 0
noise_folders = ["weather"]
[optimisation]
epochs = 2
batch = 8
learning_rate = 5e-3
warm_up_epochs = 1
"""
"""Tables of a configuration that trains on all or one of the corpora here; each name says which of it."""

CONFIG = f"""
name = "miniature"
system = "compact"
corpora = ["emodb", "ravdess"]
unseen_corpora = ["urdu"]
seed = 5
{HELD_OUT}{WINDOWS}
[front_end]
mel_bins = 40
[augmentation]
copies = 1
telephone = 0.5
noise_folders = ["weather"]
[masking]
most_bins = 4
most_frames = 8
[optimisation]
epochs = 8
batch = 8
learning_rate = 3e-3
warm_up_epochs = 1
corpus_balance = 1.0
"""


def make_data(root: Path, *, takes: int = 4, text: str = "") -> Path:
    """Write all corpora of `CONFIG` and its folder of noise; each speaker says `takes` utterances in every manner.

    Args:
        root: of the data.
        takes: of each manner.
        text: what the tables say is said in every utterance with an emotion.
    """
    for corpus, speakers in ACTED.items():
        rows = [
            (f"{corpus}_{speaker}", emotion, take)
            for speaker in range(speakers)
            for emotion in MANNERS
            for take in range(takes)
        ]
        make_corpus(root / corpus, rows, text)
    for corpus, speakers in READ.items():
        make_corpus(
            root / corpus, [(f"{corpus}_{speaker}", "", take) for speaker in range(speakers) for take in range(3)]
        )
    rng = np.random.default_rng(0)
    hall = np.zeros(800, dtype=np.float32)
    hall[[10, 200, 500]] = 0.9, 0.3, 0.2
    for name, samples in (("rain", noise(1.0, rng=rng)), ("hall", hall)):
        (root / "weather").mkdir(exist_ok=True)
        write_recording(root / "weather" / f"{name}.wav", samples)
    (root / "weather" / "metadata.csv").write_text("file,kind\nrain.wav,\nhall.wav,rir\n", encoding="utf-8")
    return root


def make_corpus(folder: Path, rows: list[tuple[str, str, int]], text: str = "") -> None:
    """Write a corpus with one utterance a row of (speaker, emotion, take)."""
    (folder / "audio").mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for speaker, emotion, take in rows:
            samples = speak(speaker, emotion, take)
            name = f"audio/{speaker}-{emotion or 'read'}-{take}.wav"
            write_recording(folder / name, samples)
            writer.writerow((name, speaker, "F", emotion, text, f"{len(samples) / 16_000:.3f}"))


def speak(speaker: str, emotion: str, take: int) -> NDArray[np.float32]:
    """Say something of about a second in a manner; speakers differ in pitch."""
    rng = np.random.default_rng([*speaker.encode(), *emotion.encode(), take])
    manner = dict(MANNERS[emotion or "neutral"])
    manner["pitch"] *= 1 + 0.1 * (sum(speaker.encode()) % 3 - 1)
    return voice(rng.uniform(0.8, 1.1), rng=rng, **manner)


def speak_amid_quiet(path: Path) -> Path:
    """Write a recording of somebody new who speaks for two seconds, with quiet around: one turn."""
    quiet = np.zeros(8000, dtype=np.float32)
    said = [speak("somebody_new", "angry", take) for take in range(2)]
    return write_recording(path, np.concatenate([quiet, *said, quiet, quiet]))
