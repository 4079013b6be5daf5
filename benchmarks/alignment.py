"""When is a word said? The aligner against another one, and where the truth is known by construction, in noise.

Both recognisers that ship are asked, the one that hears by default first.

    python benchmarks/alignment.py --data ../shared/data --out benchmarks/results

Speech of the backbone's test speakers answers two questions, and that of its validation speakers a third:

- *Against PocketSphinx* (5, its own acoustic model): distance of the boundaries of words, on single utterances.
- *Constructed*: utterances are put together with pauses of 0.3 to 1.5 s, real noise at a level is added, and all their
  words are aligned at once. Where an utterance lies is known: which share of the words is found within its own, give or
  take 50 ms, and how far do boundaries move from where they are found without noise?
- *Fit*: how many transcripts are refused, of the utterance itself and of another one? The bound was chosen by this.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undertone.asr.alignments import Task, align_one, make_decoder
from undertone.audio.load import load_mono, load_utterance
from undertone.backbones.shipped import backbone_folder
from undertone.backbones.whisper_phones_files import HEAD
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.errors import AlignmentError
from undertone.export.recogniser import export_recogniser
from undertone.inference.align import LEAST, align_words, run_fits
from undertone.inference.phones import PhoneNetwork, recogniser_of
from undertone.records import Utterance
from undertone.speech.alignment import align
from undertone.speech.phones import SYMBOLS
from undertone.speech.pronounce import Spoken, pronouncer
from undertone.units import SAMPLE_RATE

SPEAKERS = {"librispeech_sample": ("ls_26", "ls_27"), "an4": ()}
"""Of the test part; all of an official test part where none is named."""

CHOSEN_WITH = {
    "librispeech_sample": ("ls_19",),
    "an4": ("an4_fmjc", "an4_mkem"),
    "speechocean762": ("so762_0104", "so762_1027", "so762_3046", "so762_9609"),
}
"""The validation speakers of the backbone's run."""

MOST = 60
GROUP = 4
LEVELS_DB = (None, 20.0, 10.0, 5.0)
TOLERANCE_S = 0.05

Spans = NDArray[np.float64]
"""Start and end of every word in seconds, shape (word, 2)."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Said:
    """An utterance and its words."""

    utterance: Utterance
    samples: NDArray[np.float32]
    words: tuple[Spoken, ...]


def some_of(corpus: str, speakers: Sequence[str], data: Path, *, most: int = MOST) -> list[Said]:
    """Read some utterances of these speakers, or of the official test part, spread over all."""
    say = pronouncer()
    items = [
        item
        for item in read_corpus(corpus_named(corpus), data / corpus)
        if item.text and (item.speaker in speakers if speakers else item.split == "test")
    ]
    chosen = items[:: max(1, len(items) // most)][:most]
    return [Said(utterance=item, samples=load_utterance(item), words=say(item.text or "")) for item in chosen]


def sphinx(decoder: object, item: Said) -> Spans | None:
    """Align with PocketSphinx; None where it cannot, or where its phones cannot be given back to words."""
    words = tuple((word.word, word.pronunciations) for word in item.words)
    found = align_one(decoder, Task(utterance=item.utterance, words=words), item.samples)
    if found is None:
        return None
    phones, spans, place = [SYMBOLS[each.symbol] for each in found], [], 0
    for word in item.words:
        fitting = [p for p in word.pronunciations if list(p) == phones[place : place + len(p)]]
        if not fitting:
            return None
        end = place + max(map(len, fitting))
        spans.append((found[place].first / 100, (found[end - 1].first + found[end - 1].frames) / 100))
        place = end
    return np.array(spans) if place == len(phones) else None


def ours(network: PhoneNetwork, samples: NDArray[np.float32], words: Sequence[Spoken]) -> Spans:
    return np.array([(word.start, word.end) for word in align_words(network.hear([samples]), words).words])


def against_sphinx(corpus: str, items: list[Said], networks: Sequence[PhoneNetwork]) -> list[str]:
    """Write a line for each recogniser."""
    decoder, begun = make_decoder(), time.process_time()
    theirs = [sphinx(decoder, item) for item in items]
    sphinx_s = time.process_time() - begun
    seconds = sum(len(item.samples) for item in items) / SAMPLE_RATE
    lines = []
    for network in networks:
        begun = time.process_time()
        found: list[Spans | None] = []
        for item in items:
            try:
                found.append(ours(network, item.samples, item.words))
            except AlignmentError:
                found.append(None)
        ours_s = time.process_time() - begun
        pairs = [(a, b) for a, b in zip(theirs, found, strict=True) if a is not None and b is not None]
        far = np.concatenate([(b - a).ravel() for a, b in pairs])
        lines.append(
            f"| {corpus} | {network.about['backbone']} | {len(items)} | {len(items) - len(pairs)} | {len(far) // 2} | "
            f"{1000 * np.median(np.abs(far)):.0f} ms | {1000 * np.abs(far).mean():.0f} ms | "
            f"{1000 * np.percentile(np.abs(far), 95):.0f} ms | {1000 * np.median(far):+.0f} ms | "
            f"{ours_s / seconds:.4f} | {sphinx_s / seconds:.4f} |"
        )
    return lines


def constructed(items: list[Said], noises: list[Path], network: PhoneNetwork) -> list[str]:
    """Write a line for each level of noise."""
    rng = np.random.default_rng(0)
    groups = [items[first : first + GROUP] for first in range(0, len(items) - GROUP + 1, GROUP)]
    rows: dict[float | None, list[tuple[float, NDArray[np.float64]]]] = {level: [] for level in LEVELS_DB}
    refused = dict.fromkeys(LEVELS_DB, 0)
    for group in groups:
        samples, edges = put_together(group, rng)
        words = [word for item in group for word in item.words]
        noise = looped(load_mono(noises[int(rng.integers(len(noises)))]), len(samples))
        clean = ours(network, samples, words)
        for level in LEVELS_DB:
            try:
                found = ours(network, samples if level is None else mixed(samples, noise, level), words)
            except AlignmentError:
                refused[level] += 1
                continue
            inside = (found[:, 0] >= edges[:, 0] - TOLERANCE_S) & (found[:, 1] <= edges[:, 1] + TOLERANCE_S)
            rows[level].append((float(inside.mean()), np.abs(found - clean).ravel()))
    return [
        f"| {network.about['backbone']} | {'none' if level is None else f'{level:g} dB'} | {len(groups)} | "
        f"{refused[level]} | {100 * np.mean([share for share, _ in found]):.1f} % | "
        f"{1000 * np.median(np.concatenate([far for _, far in found])):.0f} ms | "
        f"{1000 * np.percentile(np.concatenate([far for _, far in found]), 95):.0f} ms |"
        for level, found in rows.items()
    ]


def refused(corpus: str, items: list[Said], network: PhoneNetwork) -> str:
    """Write the line of one corpus: right transcripts, and those of other utterances."""
    lines: dict[str, list[float]] = {"right": [], "wrong": []}
    for number, item in enumerate(items):
        heard = network.hear([item.samples])
        for kind, words in (("right", item.words), ("wrong", items[(number + 7) % len(items)].words)):
            try:
                lines[kind].append(
                    float(run_fits(align(heard.log_probabilities, words), heard.log_probabilities).min())
                )
            except AlignmentError:
                lines[kind].append(-np.inf)
    right, wrong = np.array(lines["right"]), np.array(lines["wrong"])
    return (
        f"| {corpus} | {network.about['backbone']} | {len(items)} | {(right < LEAST).sum()} | "
        f"{right.min():.2f} | {(wrong < LEAST).sum()} | "
        f"{wrong.max():.2f} |"
    )


def put_together(group: list[Said], rng: np.random.Generator) -> tuple[NDArray[np.float32], Spans]:
    """Join utterances with pauses; give the sound, and for each word where its utterance lies."""
    pieces, edges, now = [], [], 0
    for item in group:
        pause = np.zeros(int(rng.uniform(0.3, 1.5) * SAMPLE_RATE), dtype=np.float32)
        pieces += [pause, item.samples]
        start = now + len(pause)
        now = start + len(item.samples)
        edges += [(start / SAMPLE_RATE, now / SAMPLE_RATE)] * len(item.words)
    return np.concatenate(pieces), np.array(edges)


def looped(noise: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.tile(noise, -(-length // len(noise)))[:length]


def mixed(samples: NDArray[np.float32], noise: NDArray[np.float32], level_db: float) -> NDArray[np.float32]:
    """Add noise so far below the speech, both by their mean power."""
    power = np.mean(np.square(samples)) / max(float(np.mean(np.square(noise))), 1e-12)
    return (samples + noise * np.sqrt(power / 10 ** (level_db / 10))).astype(np.float32)


def head_on_whisper() -> PhoneNetwork:
    """Write the graph of the head on Whisper, which does not ship, and open it."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(shutil.copytree(backbone_folder("whisper-phones-en", HEAD), Path(made) / "head"))
        export_recogniser(place)
        return recogniser_of(place, threads=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    networks = [recogniser_of(threads=1), head_on_whisper()]
    parts = {corpus: some_of(corpus, speakers, arguments.data) for corpus, speakers in SPEAKERS.items()}
    chosen_with = {
        corpus: some_of(corpus, speakers, arguments.data, most=100) for corpus, speakers in CHOSEN_WITH.items()
    }
    noises = sorted((arguments.data / "esc10_noise").glob("audio/*/*.opus"))
    lines = [
        "# When is a word said?",
        "",
        "`python benchmarks/alignment.py` with "
        + " and ".join(f"`{each.about['backbone']}`, weights {each.about['weights'][:12]}" for each in networks)
        + "; utterances of speakers that they were tested with.",
        "",
        "Boundaries of words, against PocketSphinx's. *Left out*: either refused, or its phones fit no word. Last, "
        "processor seconds for a second of sound. *Bias*: the median with its sign, positive where ours are later.",
        "",
        "| corpus | recogniser | utterances | left out | words | median | mean | 95th percentile | bias | ours takes "
        "| PocketSphinx takes |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        *(line for corpus, items in parts.items() for line in against_sphinx(corpus, items, networks)),
        "",
        f"Constructed from {GROUP} utterances of LibriSpeech each, with environmental noise (ESC-10) so far below the "
        "speech. *Inside*: words found within their own utterance, give or take 50 ms. *Moved*: boundaries, from where "
        "they are found without noise.",
        "",
        "| recogniser | noise | recordings | refused | inside | moved, median | 95th percentile |",
        "|---|---|--:|--:|--:|--:|--:|",
        *(line for each in networks for line in constructed(parts["librispeech_sample"], noises, each)),
        "",
        f"Fit, on the backbone's validation speakers: the worst run of words of each transcript. Under {LEAST} it is "
        "refused; a transcript that cannot be aligned at all counts as refused.",
        "",
        "| corpus | recogniser | utterances | right ones refused | the worst right one | wrong ones refused "
        "| the best wrong one |",
        "|---|---|--:|--:|--:|--:|--:|",
        *(refused(corpus, items, each) for corpus, items in chosen_with.items() for each in networks),
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "alignment.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
