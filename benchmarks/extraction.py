"""How fast does a corpus go through a speech encoder, against the loop that feature extraction is usually written as?

    python benchmarks/extraction.py --data ../shared/data --out benchmarks/results

The loop is that of the field's benchmark kits (s3prl, EmoBox): one utterance at a time, everything in float32, the
states of every block. Both read the same real recordings (every n-th of EmoDB and RAVDESS) and write the mean of every
block to disk. The encoder has the size of wav2vec 2.0 base and random weights, on which speed does not depend. The
recordings are cut into rounds; in every round each way takes its turn, so that a machine that slows down slows all of
them down. Results go to `extraction.json` and `extraction.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
import transformers

from undertone.audio.load import load_utterance
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.encoders.checkpoints import random_checkpoint
from undertone.encoders.hub import has_bfloat16
from undertone.encoders.registry import encoder_named
from undertone.records import Utterance
from undertone.training.store import open_or_extract

CORPORA = ("emodb", "ravdess")
ROUNDS = 4
Way = Callable[[Sequence[Utterance], Path], dict[str, np.ndarray]]
"""Takes utterances and an empty folder to write to; gives the mean of every block, shape (block, width), by id."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One way, over all rounds."""

    name: str
    wall_s: float
    real_time_factor: float
    speed: float
    """Of the loop's time over this one's."""
    cosine: float
    """Between the means of a block and the loop's: the least of all blocks and utterances."""


def chosen(data: Path, count: int) -> list[Utterance]:
    """Take every n-th utterance of the corpora."""
    found = [item for name in CORPORA for item in read_corpus(corpus_named(name), data / name)]
    return found[:: max(1, len(found) // count)][:count]


def loop(architecture: str) -> Way:
    """The usual loop, over transformers' own model and feature extractor."""
    checkpoint = random_checkpoint(architecture)
    model: transformers.PreTrainedModel = checkpoint.model

    def run(items: Sequence[Utterance], folder: Path) -> dict[str, np.ndarray]:
        means = {}
        for number, item in enumerate(items):
            samples = load_utterance(item)
            prepared = checkpoint.extractor(samples, sampling_rate=16_000, return_tensors="pt")
            with torch.no_grad():
                states = model(prepared.input_values, output_hidden_states=True).hidden_states
            means[item.id] = torch.stack(states)[:, 0].mean(dim=1).numpy()
            np.save(folder / f"{number}.npy", means[item.id])
        return means

    return run


def ours(name: str, batch_s: float) -> Way:
    """The project's own: an encoder into a feature store."""
    encoder = dataclasses.replace(encoder_named(name), batch=batch_s)

    def run(items: Sequence[Utterance], folder: Path) -> dict[str, np.ndarray]:
        store = open_or_extract(items, encoder, folder)
        return {item.id: np.array(store.features(item.id)[0]) for item in items}

    return run


def least_cosine(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> float:
    first, second = (np.stack([means[name] for name in sorted(one)]).astype(np.float64) for means in (one, other))
    norms = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return float(((first * second).sum(axis=-1) / norms).min())


def compared(ways: dict[str, Way], items: list[Utterance], seconds: float) -> list[Case]:
    """Let every way take every round, in an order that turns."""
    walls = dict.fromkeys(ways, 0.0)
    means: dict[str, dict[str, np.ndarray]] = {name: {} for name in ways}
    order = list(ways)
    for number in range(ROUNDS):
        for name in order:
            with tempfile.TemporaryDirectory() as folder:
                start = time.perf_counter()
                means[name] |= ways[name](items[number::ROUNDS], Path(folder))
                walls[name] += time.perf_counter() - start
            print(f"round {number + 1}, {name}: {walls[name]:.1f} s so far", flush=True)
        order = order[1:] + order[:1]
    first = next(iter(ways))
    return [
        Case(
            name=name,
            wall_s=walls[name],
            real_time_factor=walls[name] / seconds,
            speed=walls[first] / walls[name],
            cosine=least_cosine(means[first], means[name]),
        )
        for name in ways
    ]


def as_markdown(cases: list[Case], count: int, seconds: float, machine: str) -> str:
    lines = [
        "# From a corpus to a speech encoder's features",
        "",
        f"`python benchmarks/extraction.py` on {machine}. {count} utterances of {', '.join(CORPORA)}, {seconds:.0f} s; "
        "the size of wav2vec 2.0 base, random weights. Reading, encoding and writing; loading the model is left out.",
        "",
        "| way | wall | real-time factor | times as fast | least cosine to the loop's |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {case.name} | {case.wall_s:.1f} s | {case.real_time_factor:.3f} | {case.speed:.2f} | {case.cosine:.6f} |"
        for case in cases
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--batch", type=float, nargs="+", default=[40.0], help="seconds in a batch")
    parser.add_argument("--architecture", default="wav2vec2-base")
    arguments = parser.parse_args()
    items = chosen(arguments.data, arguments.utterances)
    seconds = math.fsum(item.duration for item in items)
    ways = {"loop: one at a time, float32": loop(arguments.architecture)}
    for precision, batch in itertools.product(("float32", "bfloat16"), arguments.batch):
        if precision == "float32" or has_bfloat16():
            name = f"undertone: batches of {batch:g} s, {precision}"
            ways[name] = ours(f"random:{arguments.architecture},{precision}", batch)
    for way in ways.values():  # the first call of a kernel chooses how it will run
        with tempfile.TemporaryDirectory() as folder:
            way(items[:2], Path(folder))
    cases = compared(ways, items, seconds)
    packages = ", ".join(f"{name} {version(name)}" for name in ("undertone", "torch", "transformers"))
    machine = (
        f"{os.cpu_count()} cores, {platform.machine()}{', bfloat16 instructions' if has_bfloat16() else ''}, "
        f"{torch.get_num_threads()} threads, Python {platform.python_version()}, {packages}"
    )
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "utterances": len(items), "seconds": seconds}
    record |= {"cases": [dataclasses.asdict(case) for case in cases]}
    (arguments.out / "extraction.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "extraction.md").write_text(as_markdown(cases, len(items), seconds, machine))


if __name__ == "__main__":
    main()
