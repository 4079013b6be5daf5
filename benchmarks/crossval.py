"""How long cross-validation of a small head takes: one row an utterance, against frames read from disk item by item.

    python benchmarks/crossval.py --data ../shared/data --out benchmarks/results

EmoDB, five folds, three seeds, the SUPERB head on states of a speech encoder's last block: 768 numbers, 50 times a
second, of the real lengths. (What the numbers are does not change the time; here they are a random projection
of log-mel.)

- *item by item*: as EmoBox and s3prl train heads on stored features: every epoch reads one file of frames an utterance,
  pads the batch, projects every frame, and takes the mean.
- *store*: as `superb-head` does: the head is linear in time, so the mean comes first, once, when features are stored.

Both are trained by the same loop with the same batches, each on one core, and take the same course up to rounding; the
largest difference of a loss stands in the result. The slow way is timed on --slow-fits of the fifteen fits. Results go
to `crossval.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_mono
from undertone.corpora.base import read_corpus
from undertone.corpora.protocols import Split, apply_protocol
from undertone.corpora.registry import corpus_named
from undertone.corpora.stored import load_protocol
from undertone.experiments.provenance import machine, versions
from undertone.learners.base import Fitting, Part
from undertone.learners.superb import SuperbHead, SuperbSettings, fit_superb
from undertone.learners.vectors import ua_of
from undertone.records import Utterance
from undertone.training.fit import Course, Recipe, fit
from undertone.training.store import FeatureStore

WIDTH = 768
SETTINGS = SuperbSettings(epochs=30, patience=30, checkpoint_every_s=1e9)


@dataclass(frozen=True, kw_only=True, eq=False)
class Frames:
    """A padded batch of frames."""

    states: Tensor
    """Shape (batch, frame, width)."""
    lengths: Tensor
    """Shape (batch,)."""
    truth: Tensor
    """Shape (batch,)."""


def write_frames(utterances: Sequence[Utterance], folder: Path) -> FeatureStore:
    """Write one file of frames an utterance, and give the store of their means, shape (utterance, 1, width)."""
    projection = np.random.default_rng(0).normal(size=(FrontEnd().mel_bins, WIDTH)).astype(np.float32) / 9
    rows = []
    for number, item in enumerate(utterances):
        frames = (log_mel(load_mono(item.path), FrontEnd())[::2] - 10) / 4 @ projection  # about as large as states are
        np.save(folder / f"{number}.npy", frames)
        rows.append(frames.mean(axis=0))
    spans = {item.id: (number, number + 1) for number, item in enumerate(utterances)}
    return FeatureStore(rows=np.stack(rows)[:, None], spans=spans)


def read_batch(folder: Path, numbers: Sequence[int], truth: Tensor) -> Frames:
    """Read and pad the frames of a batch."""
    items = [np.load(folder / f"{number}.npy") for number in numbers]
    states = np.zeros((len(items), max(map(len, items)), WIDTH), dtype=np.float32)
    for row, item in enumerate(items):
        states[row, : len(item)] = item
    return Frames(states=torch.from_numpy(states), lengths=torch.tensor([len(item) for item in items]), truth=truth)


def scores_of_frames(head: nn.Module, batch: Frames) -> Tensor:
    """Project every frame, take the mean over the real ones, classify."""
    projected = head.get_submodule("project")(batch.states)
    mask = torch.arange(batch.states.shape[1])[None, :] < batch.lengths[:, None]
    mean = (projected * mask[:, :, None]).sum(dim=1) / batch.lengths[:, None]
    logits: Tensor = head.get_submodule("classify")(mean)
    return logits


def fit_item_by_item(
    train: Part, validation: Part, how: Fitting, place: dict[str, int], folder: Path
) -> list[dict[str, float]]:
    """Train the head as `fit_superb` does, from frames that are read from disk; gives the figures of every epoch."""
    torch.manual_seed(how.seed)
    head = SuperbHead(blocks=1, width=WIDTH, hidden=SETTINGS.width, classes=len(how.labels))
    truth = torch.from_numpy(train.truth)
    numbers = [place[item.id] for item in train.utterances]
    held_out = [place[item.id] for item in validation.utterances]

    def batches(epoch: int) -> Iterator[Frames]:
        order = np.random.default_rng([how.seed, epoch]).permutation(len(numbers))
        for chosen in np.split(order, range(SETTINGS.batch, len(order), SETTINGS.batch)):
            yield read_batch(folder, [numbers[row] for row in chosen], truth[chosen])

    @torch.inference_mode()
    def judge(network: nn.Module) -> Tensor:
        parts = [held_out[first : first + SETTINGS.batch] for first in range(0, len(held_out), SETTINGS.batch)]
        nothing = torch.zeros(0, dtype=torch.int64)
        return torch.cat([scores_of_frames(network, read_batch(folder, part, nothing)) for part in parts])

    course = Course(
        steps=-(-len(numbers) // SETTINGS.batch),
        batches=batches,
        part=lambda batch, _: batch,
        size=lambda batch: len(batch.truth),
        loss=lambda network, batch: nn.functional.cross_entropy(scores_of_frames(network, batch), batch.truth),
        validate=lambda network: ua_of(judge(network).numpy(), validation.truth),
    )
    recipe = Recipe(
        epochs=SETTINGS.epochs, learning_rate=SETTINGS.learning_rate, weight_decay=SETTINGS.weight_decay,
        warm_up_epochs=0, clip=5.0, patience=SETTINGS.patience, average=0.0, bfloat16=False,
        checkpoint_every_s=SETTINGS.checkpoint_every_s,
    )  # fmt: skip
    figures: list[dict[str, float]] = fit(
        head, course, recipe, seed=how.seed, folder=how.folder, report=lambda *_: None
    )["epochs"]
    return figures


def part_of(items: tuple[Utterance, ...], labels: tuple[str, ...], store: FeatureStore) -> Part:
    truth = np.array([labels.index(item.emotion or "") for item in items])
    return Part(utterances=items, truth=truth, targets=np.eye(len(labels))[truth], store=store)


def largest_difference(slow: Sequence[Mapping[str, float]], fast: Sequence[Mapping[str, float]]) -> float:
    """Between the losses that both ways have in an epoch."""
    return max(abs(one["loss"] - other["loss"]) for one, other in zip(slow, fast, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time cross-validation of a small head.")
    parser.add_argument("--data", type=Path, required=True, help="folder with emodb")
    parser.add_argument("--out", type=Path, required=True, help="folder for crossval.md")
    parser.add_argument("--slow-fits", type=int, default=3, help="how many of the fifteen fits are timed the slow way")
    options = parser.parse_args()
    utterances = read_corpus(corpus_named("emodb"), options.data / "emodb")
    protocol = load_protocol("emodb/emobox")
    splits = apply_protocol(protocol, utterances)
    jobs: list[tuple[Split, int]] = [(split, seed) for seed in range(3) for split in splits]
    slow_s, fast_s, differences = [], [], []
    torch.set_num_threads(1)  # folds share the cores; inside one fit of a small head, threads only wait for each other
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        store = write_frames(utterances, folder)
        numbers = {item.id: number for number, item in enumerate(utterances)}
        for job, (split, seed) in enumerate(jobs):
            train, validation = (part_of(items, protocol.labels, store) for items in (split.train, split.validation))
            fast, slow = folder / f"fast-{job}", folder / f"slow-{job}"
            fast.mkdir()
            slow.mkdir()
            if not job:  # the first call of everything is slower
                warm = folder / "warm"
                warm.mkdir()
                fit_superb(train, validation, Fitting(labels=protocol.labels, settings=SETTINGS, seed=9, folder=warm))
            begun = time.perf_counter()
            fitted = fit_superb(
                train, validation, Fitting(labels=protocol.labels, settings=SETTINGS, seed=seed, folder=fast)
            )
            fast_s.append(time.perf_counter() - begun)
            if job < options.slow_fits:
                begun = time.perf_counter()
                figures = fit_item_by_item(
                    train, validation, Fitting(labels=protocol.labels, settings=SETTINGS, seed=seed, folder=slow),
                    numbers, folder,
                )  # fmt: skip
                slow_s.append(time.perf_counter() - begun)
                differences.append(largest_difference(figures, fitted.history))
    ratio = np.mean(slow_s) / np.mean(fast_s[: len(slow_s)])
    lines = [
        "# Cross-validation of a small head",
        "",
        f"{machine()}, one core a fit, torch {versions()['torch']}. EmoDB, 5 folds × 3 seeds, "
        f"{SETTINGS.epochs} epochs each, {WIDTH} numbers a frame. `python benchmarks/crossval.py`",
        "",
        "| way | fits timed | seconds a fit | seconds for all 15 |",
        "|---|---|---|---|",
        f"| item by item | {len(slow_s)} | {np.mean(slow_s):.2f} | {15 * np.mean(slow_s):.0f} (from {len(slow_s)}) |",
        f"| store | {len(fast_s)} | {np.mean(fast_s):.2f} | {np.sum(fast_s):.1f} |",
        "",
        f"Ratio on the fits that both did: {ratio:.0f}. Largest difference of a loss: {max(differences):.1e}. "
        f"Load of the machine before: {os.getloadavg()[0]:.1f}.",
        "",
    ]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "crossval.md").write_text("\n".join(lines), encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
