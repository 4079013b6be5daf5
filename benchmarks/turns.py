"""How well turns are found: against people's annotation of meetings, on a clean call, and on sounds that are no speech.

    python benchmarks/turns.py --data ../shared/data --out benchmarks/results

The thresholds of `undertone.conversation.turns.TurnRules` were chosen with these recordings, so the row of the rules in
use is a little optimistic. Frames of 32 ms are counted. Results go to `turns.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from undertone.audio.load import load_mono
from undertone.audio.vad import FRAME_LENGTH, SpeechDetector, SpeechNetwork
from undertone.conversation.turns import Floor, Stretch, TurnRules, close, step
from undertone.units import SAMPLE_RATE

RULES = (
    TurnRules(onset=0.5, offset=0.35),
    TurnRules(),
    TurnRules(onset=0.3, offset=0.15),
    TurnRules(onset=0.2, offset=0.1),
)
FRAME_S = FRAME_LENGTH / SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One recording: how probable speech is, and where people say it is; both of shape (frame,)."""

    probabilities: NDArray[np.float32]
    speech: NDArray[np.bool_]


def in_turns(probabilities: NDArray[np.float32], rules: TurnRules) -> NDArray[np.bool_]:
    """Mark the frames inside turns, shape (frame,)."""
    state = Floor()
    found: list[Stretch] = []
    for probability in probabilities.tolist():
        state, closed = step(state, probability, 0.0, rules)
        found += closed
    found += close(state, rules)[1]
    marks = np.zeros(len(probabilities), dtype=np.bool_)
    for stretch in found:
        marks[stretch.start : stretch.end] = True
    return marks


def meetings(folder: Path, network: SpeechNetwork) -> list[Heard]:
    """Hear the excerpts that have RTTM lines."""
    lines = [line.split() for path in sorted(folder.glob("*.rttm")) for line in path.read_text().splitlines()]
    heard = []
    for path in sorted(folder.glob("*.opus")):
        probabilities = SpeechDetector(network).feed(load_mono(path)[:, None])[:, 0]
        speech = np.zeros(len(probabilities), dtype=np.bool_)
        for fields in lines:
            if fields[1] == path.stem:
                start, length = float(fields[3]), float(fields[4])
                speech[round(start / FRAME_S) : round((start + length) / FRAME_S)] = True
        if speech.any():
            heard.append(Heard(probabilities=probabilities, speech=speech))
    return heard


def noises(folder: Path, network: SpeechNetwork) -> list[Heard]:
    """Hear every fourth clip of environmental sound."""
    heard = []
    for path in sorted(folder.glob("audio/*/*.opus"))[::4]:
        probabilities = SpeechDetector(network).feed(load_mono(path)[:, None])[:, 0]
        heard.append(Heard(probabilities=probabilities, speech=np.zeros(len(probabilities), dtype=np.bool_)))
    return heard


def row(rules: TurnRules, spoken: list[Heard], silent: list[Heard]) -> str:
    """Write the line of one set of rules."""
    marks = np.concatenate([in_turns(item.probabilities, rules) for item in spoken])
    speech = np.concatenate([item.speech for item in spoken])
    false = np.concatenate([in_turns(item.probabilities, rules) for item in silent])
    name = f"{rules.onset:g} / {rules.offset:g}" + (" (in use)" if rules == TurnRules() else "")
    return (
        f"| {name} | {np.mean(marks != speech):.1%} | {np.mean(~marks[speech]):.1%} | {np.mean(marks[~speech]):.1%} | "
        f"{np.mean(false):.1%} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    network = SpeechNetwork()
    spoken = meetings(arguments.data / "conversations_demo" / "ami_excerpts", network)
    silent = noises(arguments.data / "esc10_noise", network)
    lines = [
        "# How well turns are found",
        "",
        f"`python benchmarks/turns.py`: {len(spoken)} meeting excerpts of 30 s annotated by people (AMI) and "
        f"{len(silent)} clips of 5 s without speech (ESC-10: barks, rain, sneezes). The thresholds were chosen here.",
        "",
        "| onset / offset | frames wrong | speech missed | pauses taken for speech | noise taken for turns |",
        "|---|---|---|---|---|",
        *[row(rules, spoken, silent) for rules in RULES],
    ]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "turns.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
