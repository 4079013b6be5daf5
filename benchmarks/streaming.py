"""Can the backbone follow a voice while it speaks? Turns heard whole, and in chunks as they come.

    python benchmarks/streaming.py --data ../shared/data --out benchmarks/results

Real time is what Qieemo claims of itself. Everything else that it does with a turn is small against its backbone, so
the backbone is what is measured, on one thread.

- *whole*: the turn is heard once, when it has ended.
- *in chunks*: with every chunk of 16 frames (0.64 s), all that was said so far is heard again, no frame seeing past the
  end of its chunk. That is exact: what an earlier chunk gave does not change, which is checked here. It costs more with
  every chunk; keeping what the blocks have computed would save that and is not written.

The sound is real, read speech put together to turns of 3, 10 and 20 s. Turns are heard whole and in chunks in turn.
Results go to `streaming.json` and `streaming.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch
from this_machine import this_machine

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_utterance
from undertone.audio.stretches import SUBSAMPLING
from undertone.backbones.files import load_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.backbones.shipped import backbone_folder, shipped_backbones
from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.units import SAMPLE_RATE

CORPUS = "librispeech_sample"
SHIPPED = "phones-en"
LENGTHS_S = (3, 10, 20)
CHUNK = 16
FRAME_S = SUBSAMPLING * FrontEnd().hop_length / SAMPLE_RATE
REST_S = (FrontEnd().frame_length - FrontEnd().hop_length) / SAMPLE_RATE
"""The last frame of a chunk ends so much after the chunk."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Heard:
    """A turn that was heard once."""

    features_s: float
    """Log-mel frames of the whole turn."""
    whole_s: float
    chunks_s: tuple[float, ...]
    """Time that each chunk took."""
    change: float
    """The largest difference of a posterior between its own chunk and the end of the turn."""
    same: float
    """Share of frames whose best symbol is that of the whole hearing."""
    overlap: float
    """Mean over frames of what the posteriors share with those of the whole hearing: 1 less the total variation."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """Turns of one length."""

    seconds: float
    turns: int
    whole_factor: float
    """Real-time factor of hearing turns whole; features and network."""
    chunks_factor: float
    whole_latency_s: float
    """From the end of the turn to its posteriors, median."""
    chunk_latency_s: float
    """From the end of a chunk to its posteriors, median; the network's time."""
    chunk_latency_most_s: float
    change: float
    same: float
    overlap: float


def sounds(data: Path, seconds: int, count: int) -> list[np.ndarray]:
    """Put utterances of one speaker after another together until there are `count` turns."""
    wanted, speaker = seconds * SAMPLE_RATE, None
    pieces: list[np.ndarray] = []
    found: list[np.ndarray] = []
    for item in read_corpus(corpus_named(CORPUS), data / CORPUS):
        if item.speaker != speaker:
            pieces, speaker = [], item.speaker
        pieces.append(load_utterance(item))
        if sum(map(len, pieces)) >= wanted:
            found.append(np.concatenate(pieces)[:wanted])
            pieces, speaker = [], None
        if len(found) == count:
            break
    return found


def heard(network: Backbone, samples: np.ndarray) -> Heard:
    """Hear a turn whole, and in chunks."""
    start = time.perf_counter()
    features = torch.from_numpy(log_mel(samples, FrontEnd()))[None]
    features_s = time.perf_counter() - start
    start = time.perf_counter()
    whole = posteriors(network, features)
    whole_s = time.perf_counter() - start
    chunks_s: list[float] = []
    parts: list[torch.Tensor] = []
    for end in range(CHUNK * SUBSAMPLING, features.shape[1] + CHUNK * SUBSAMPLING, CHUNK * SUBSAMPLING):
        start = time.perf_counter()
        parts.append(posteriors(network, features[:, :end], CHUNK)[len(parts) * CHUNK :])
        chunks_s.append(time.perf_counter() - start)
    streamed, at_the_end = torch.cat(parts), posteriors(network, features, CHUNK)
    return Heard(
        features_s=features_s,
        whole_s=whole_s,
        chunks_s=tuple(chunks_s),
        change=float((streamed - at_the_end).abs().max()),
        same=float((streamed.argmax(dim=1) == whole.argmax(dim=1)).float().mean()),
        overlap=float(torch.minimum(streamed, whole).sum(dim=1).mean()),
    )


@torch.inference_mode()
def posteriors(network: Backbone, features: torch.Tensor, chunk: int | None = None) -> torch.Tensor:
    """Probabilities of symbols, shape (frame, symbol)."""
    return network(features, torch.tensor([features.shape[1]]), chunk).logits[0].softmax(dim=-1)


def summed_up(seconds: int, turns: list[Heard]) -> Case:
    total = seconds * len(turns)
    chunks = [each for turn in turns for each in turn.chunks_s]
    features_s = sum(turn.features_s for turn in turns)
    return Case(
        seconds=seconds,
        turns=len(turns),
        whole_factor=(features_s + sum(turn.whole_s for turn in turns)) / total,
        chunks_factor=(features_s + sum(chunks)) / total,
        whole_latency_s=statistics.median(turn.features_s + turn.whole_s for turn in turns),
        chunk_latency_s=statistics.median(chunks),
        chunk_latency_most_s=max(chunks),
        change=max(turn.change for turn in turns),
        same=statistics.mean(turn.same for turn in turns),
        overlap=statistics.mean(turn.overlap for turn in turns),
    )


def as_markdown(cases: list[Case], network: str, machine: str) -> str:
    waits = CHUNK * FRAME_S + REST_S
    most = max(case.chunk_latency_most_s for case in cases)
    lines = [
        "# The backbone on whole turns, and in chunks as they come",
        "",
        f"`python benchmarks/streaming.py` on {machine}. Read speech ({CORPUS}) put together to turns; {network}; one "
        "thread.",
        "",
        "| turn | heard | real-time factor, whole | in chunks | ready after the turn, whole | after a chunk, median | "
        "most | same best symbol | posteriors shared |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {case.seconds:g} s | {case.turns} | {case.whole_factor:.4f} | {case.chunks_factor:.4f} | "
        f"{1000 * case.whole_latency_s:.0f} ms | {1000 * case.chunk_latency_s:.0f} ms | "
        f"{1000 * case.chunk_latency_most_s:.0f} ms | {100 * case.same:.1f} % | {100 * case.overlap:.1f} % |"
        for case in cases
    ]
    lines += [
        "",
        f"A chunk is {CHUNK} frames, {CHUNK * FRAME_S:.2f} s; its first frame waits {waits:.3f} s for its last. Then "
        "comes what is computed, above: all that was said so far, again. *Real-time factor* counts all of that. The "
        f"longest took {1000 * most:.0f} ms, so chunks {'keep' if most < CHUNK * FRAME_S else 'do not keep'} up with "
        "the voice here. *Same best symbol* and *posteriors shared* compare chunks with the turn heard whole. What a "
        f"chunk gave changed by {max(case.change for case in cases):.0e} at most until the end of its turn.",
    ]
    return "\n".join(lines) + "\n"


def opened(place: str | None) -> tuple[Backbone, str]:
    """Load the backbone, or make one of the default sizes, and say which."""
    if place is None and SHIPPED not in shipped_backbones():
        torch.manual_seed(0)
        return Backbone(BackboneSizes()).eval(), (
            "no backbone: random weights of the default sizes, so that only times mean something"
        )
    network, card = load_backbone(backbone_folder(place or SHIPPED))
    return network, f"backbone `{card.name}`, weights {card.sha256[:12]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--backbone", help="name or folder; the one that ships otherwise")
    parser.add_argument("--turns", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    network, name = opened(arguments.backbone)
    turns = {seconds: sounds(arguments.data, seconds, arguments.turns) for seconds in LENGTHS_S}
    for samples in turns.values():  # the first call of a kernel chooses how it will run
        heard(network, samples[0])
    cases = []
    for seconds, samples in turns.items():
        cases.append(summed_up(seconds, [heard(network, each) for each in samples]))
        print(f"{seconds} s: {cases[-1].whole_factor:.4f} whole, {cases[-1].chunks_factor:.4f} in chunks", flush=True)
    machine = this_machine("undertone", "torch", "transformers")
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "network": name, "chunk": CHUNK, "chunk_s": CHUNK * FRAME_S}
    record |= {"cases": [dataclasses.asdict(case) for case in cases]}
    (arguments.out / "streaming.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "streaming.md").write_text(as_markdown(cases, name, machine))


if __name__ == "__main__":
    main()
