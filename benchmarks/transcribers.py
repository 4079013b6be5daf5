"""Which words do transcribers hear, how long do they take, and what is their confidence worth?

    python benchmarks/transcribers.py --data ../shared/data --out benchmarks/results

PocketSphinx, which `undertone analyze --asr` offers, and the words that our own phone recogniser finds with its
dictionary and its model of word sequences, hear the same utterances one by one: read speech of speakers whom ours never
heard, and acted speech, in which two sentences are said in eight emotions. One thread, whose own time counts. The word
error rate has an interval over speakers, or utterances where speakers are too few.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from this_machine import this_machine

from undertone.asr.decode import ErrorRate, error_rate
from undertone.asr.language import load_words
from undertone.asr.word_rate import transcribe_words, word_edits
from undertone.asr.words import make_search
from undertone.audio.load import load_utterance
from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import backbone_folder
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.errors import TranscriptError
from undertone.records import Utterance
from undertone.speech.text import words_of
from undertone.transcribers.registry import transcriber_named
from undertone.units import SAMPLE_RATE

OURS = "phones-en"
UNHEARD = {"librispeech_sample": ("ls_26", "ls_27"), "ravdess": ()}
"""Speakers who are heard; all of them where none is named."""
BANDS = (0.0, 0.25, 0.5, 0.75, 0.95)
"""Where a band of confidence begins."""

Hear = Callable[[np.ndarray], list[tuple[str, float | None]]]
"""Gives words with their confidence."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One transcriber on one corpus."""

    name: str
    corpus: str
    rate: ErrorRate
    real_time_factor: float
    right: list[tuple[float, bool]]
    """Of every word that was heard with a confidence: that, and whether the word was said there."""


def chosen(data: Path, corpus: str, most: int) -> list[Utterance]:
    """Take utterances in strides through a corpus, so that speakers and emotions alternate."""
    items = [
        item
        for item in read_corpus(corpus_named(corpus), data / corpus)
        if item.text and (not UNHEARD[corpus] or item.speaker in UNHEARD[corpus])
    ]
    return [items[place] for place in np.linspace(0, len(items) - 1, min(most, len(items))).astype(int)]


def spoken(text: str) -> list[str]:
    """Spell words as a transcript does; what cannot be spelled is left as it is."""
    try:
        return list(words_of(text))
    except TranscriptError:
        return text.split()


def measured(name: str, hear: Hear, corpus: str, items: Sequence[Utterance]) -> Case:
    heard: list[list[tuple[str, float | None]]] = []
    sound_s = taken_s = 0.0
    for item in items:
        samples = load_utterance(item)
        begun = time.process_time()
        found = hear(samples)
        taken_s += time.process_time() - begun
        sound_s += len(samples) / SAMPLE_RATE
        heard.append([(word, confidence) for told, confidence in found for word in spoken(told)])
    edits = word_edits([spoken(item.text or "") for item in items], [[word for word, _ in each] for each in heard])
    right = []
    for words, made in zip(heard, edits, strict=True):
        of_heard = [pair for pair in made.pairs if pair[1] >= 0]
        right += [
            (sure, told == got) for (_, sure), (told, got) in zip(words, of_heard, strict=True) if sure is not None
        ]
    rate = error_rate(
        edits,
        speakers=[item.speaker for item in items],
        utterances=[item.id for item in items],
        rng=np.random.default_rng(0),
    )
    return Case(name=name, corpus=corpus, rate=rate, real_time_factor=taken_s / sound_s, right=right)


def ours() -> Hear:
    network, card = load_backbone(backbone_folder(OURS))
    search = make_search(load_words(backbone_folder(OURS), protocol=card.protocol))
    return lambda samples: [(each.word, None) for each in transcribe_words(network, samples, search)]


def theirs(name: str) -> Hear:
    transcriber = transcriber_named(name)
    return lambda samples: [(word.text, word.confidence) for word in transcriber.hear(samples)]


def as_markdown(cases: Sequence[Case], machine: str) -> str:
    lines = [
        "# Words without a transcript",
        "",
        f"`python benchmarks/transcribers.py` on {machine}. One thread; intervals over speakers (\\*: utterances).",
        "",
        "| corpus | heard by | utterances | words | wrong words, % | real-time factor |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for case in cases:
        low, value, high = (100 * each for each in (case.rate.rate.low, case.rate.rate.value, case.rate.rate.high))
        star = "" if case.rate.by == "speaker" else " \\*"
        lines.append(
            f"| {case.corpus} | {case.name} | {case.rate.utterances} | {case.rate.said} | "
            f"{value:.1f} [{low:.1f}, {high:.1f}]{star} | {case.real_time_factor:.2f} |"
        )
    lines += ["", "How many words are right where the transcriber is so sure of them:", ""]
    lines += ["| corpus | heard by | confidence | of all words, % | right, % |", "|---|---|--:|--:|--:|"]
    for case in cases:
        sure, right = np.array(case.right, dtype=np.float64).reshape(-1, 2).T
        for low, high in zip(BANDS, (*BANDS[1:], 1.0 + 1e-9), strict=True):
            inside = (sure >= low) & (sure < high)
            if inside.any():
                lines.append(
                    f"| {case.corpus} | {case.name} | {low:g} to {min(high, 1):g} | {100 * inside.mean():.0f} | "
                    f"{100 * right[inside].mean():.0f} |"
                )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--utterances", type=int, default=100)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ways = {"pocketsphinx": theirs("pocketsphinx"), f"our {OURS}": ours()}
    cases = []
    for corpus in UNHEARD:
        items = chosen(arguments.data, corpus, arguments.utterances)
        for name, hear in ways.items():
            cases.append(measured(name, hear, corpus, items))
            print(f"{corpus}, {name}: {cases[-1].rate.rate.value:.3f}, {cases[-1].real_time_factor:.2f}", flush=True)
    machine = this_machine("undertone", "pocketsphinx", "torch", "numpy")
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "transcribers.md").write_text(as_markdown(cases, machine))


if __name__ == "__main__":
    main()
