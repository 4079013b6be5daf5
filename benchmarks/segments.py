"""How long multi-level fusion takes for a batch of ragged segments: all at once, against a loop over the utterances.

    python benchmarks/segments.py --data ../shared/data --out benchmarks/results

Sixty-four utterances of LibriSpeech's part, cut to at most 4 s, with their words: frames of the phone recogniser,
tokens of MiniLM, and phones, syllables and words by alignment. One training step (forward and backward) on one thread,
in batches of 16: of pooling segments and co-attention alone, and of the whole network with all four granularities.

- *at once*: as the learner `multilevel` does: padded, segments pooled by one product of matrices.
- *loop*: each utterance by itself, without padding.

Both give the same gradients up to rounding; the largest difference stands in the result. Results go to `segments.md` in
the folder named with --out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from undertone.audio.load import load_utterance
from undertone.backbones.lengths import frame_mask
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.encoders.base import Layout, Told
from undertone.encoders.registry import encoder_named
from undertone.experiments.provenance import machine, versions
from undertone.learners.multilevel import segments_of
from undertone.speech.segments import bounds_of
from undertone.systems.multilevel import GRANULARITIES, Fusion, Multilevel, Segments
from undertone.units import SAMPLE_RATE

LONGEST_S, UTTERANCES, BATCH, REPEATS = 4.0, 64, 16, 9

Item = tuple[Tensor, Tensor, dict[str, np.ndarray]]
"""Blocks (block, frame, width), tokens (token, width), bounds by granularity."""


def material(data: Path) -> list[Item]:
    """Encode the utterances."""
    listed = [
        item for item in read_corpus(corpus_named("librispeech_sample"), data / "librispeech_sample") if item.text
    ]
    frames, tokens, segments = (
        encoder_named(name) for name in ("asr-frames:phones-en", "text-tokens:minilm", "segments:phones-en")
    )
    layout = cast("Layout", frames.layout)
    found: list[Item] = []
    for item in listed[:UTTERANCES]:
        samples = load_utterance(item)[: round(LONGEST_S * SAMPLE_RATE)]
        told = " ".join((item.text or "").split()[: round(len(samples) / SAMPLE_RATE * 2.5)])
        (rows,), (words,), (spans,) = (
            frames.encode([samples]), tokens.encode([told]), segments.encode([Told(samples, told, "en")]),
        )  # fmt: skip
        blocks = torch.from_numpy(rows[:, : layout.blocks * layout.width].astype(np.float32))
        found.append(
            (
                blocks.reshape(-1, layout.blocks, layout.width).transpose(0, 1),
                torch.from_numpy(words),
                {name: bounds_of(spans, name) for name in GRANULARITIES[1:]},
            )
        )
    return found


def batch_of(items: list[Item]) -> tuple[Tensor, Tensor, Tensor, Tensor, dict[str, Segments]]:
    """Pad utterances to one batch."""
    blocks = nn.utils.rnn.pad_sequence([each[0].transpose(0, 1) for each in items], batch_first=True).transpose(1, 2)
    tokens = nn.utils.rnn.pad_sequence([each[1] for each in items], batch_first=True)
    return (
        blocks,
        torch.tensor([each[0].shape[1] for each in items]),
        tokens,
        torch.tensor([len(each[1]) for each in items]),
        {name: segments_of([each[2][name] for each in items]) for name in GRANULARITIES[1:]},
    )


def whole_network(network: Multilevel, items: list[Item]) -> Tensor:
    """The loss of a batch, from frames and tokens on."""
    logits = network(*batch_of(items)).logits
    return nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long), reduction="sum")


def co_attention(network: Multilevel, items: list[Item]) -> Tensor:
    """The loss of a batch, from features of the network's own width on: pooling segments, co-attention, mean."""
    blocks, lengths, tokens, token_lengths, segments = batch_of(items)
    width = network.fusion.width
    speech = blocks[:, 0, :, :width], frame_mask(lengths, blocks.shape[2])
    text = tokens[:, :, :width], frame_mask(token_lengths, tokens.shape[1])
    return torch.stack([branch(speech, text, segments).square().sum() for branch in network.branches[1:]]).sum()


def step(network: Multilevel, items: list[Item], loss: Callable[..., Tensor], *, at_once: bool) -> None:
    """Leave the gradients of the sum of all losses of a batch."""
    network.zero_grad()
    for part in [items] if at_once else [[item] for item in items]:
        torch.autograd.backward(loss(network, part))


def gradients(network: Multilevel) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in network.parameters() if weight.grad is not None])


def timed(network: Multilevel, groups: list[list[Item]], loss: Callable[..., Tensor]) -> tuple[float, float, float]:
    """Medians of both ways in seconds, at once first, and the largest difference of a gradient as a share."""
    found: dict[bool, list[float]] = {True: [], False: []}
    differences = []
    for _ in range(REPEATS):
        for group in groups:
            left = {}
            for at_once, times in found.items():
                begun = time.perf_counter()
                step(network, group, loss, at_once=at_once)
                times.append(time.perf_counter() - begun)
                left[at_once] = gradients(network)
            differences.append(float((left[True] - left[False]).abs().max() / left[False].abs().max()))
    once, loop = (statistics.median(found[at_once][len(groups) :]) for at_once in (True, False))  # the first pass warms
    return once, loop, max(differences)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time batches of ragged segments.")
    parser.add_argument("--data", type=Path, required=True, help="folder with librispeech_sample")
    parser.add_argument("--out", type=Path, required=True, help="folder for segments.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    items = material(options.data)
    groups = [items[first : first + BATCH] for first in range(0, len(items), BATCH)]
    torch.manual_seed(0)
    fusion = Fusion(width=32, hidden=64, granularities=GRANULARITIES, dropout=0.0, classifier_dropout=0.0)
    network = Multilevel(fusion, blocks=9, speech_width=144, text_width=384, labels=7)
    measured = {
        "segments and co-attention": timed(network, groups, co_attention),
        "whole network": timed(network, groups, whole_network),
    }
    counts = {name: np.mean([len(each[2][name]) for each in items]) for name in GRANULARITIES[1:]}
    told = ", ".join(f"{count:.0f} {name}s" for name, count in counts.items())
    lines = [
        "# Batches of ragged segments",
        "",
        f"{machine()}, one thread, torch {versions()['torch']}. {len(items)} utterances of LibriSpeech's part, "
        f"{np.mean([each[0].shape[1] for each in items]):.0f} frames, {told} each on average; batches of {BATCH}, "
        "forward and backward. `python benchmarks/segments.py`",
        "",
        "| what | loop, ms a batch | at once, ms a batch | ratio | difference of a gradient |",
        "|---|--:|--:|--:|--:|",
        *(
            f"| {name} | {1000 * loop:.1f} | {1000 * once:.1f} | {loop / once:.1f} | {difference:.1e} |"
            for name, (once, loop, difference) in measured.items()
        ),
        "",
        f"Medians; the difference is the largest, as a share of the largest gradient. "
        f"Load of the machine before: {os.getloadavg()[0]:.1f}.",
        "",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "segments.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
