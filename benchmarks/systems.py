"""How fast is the recogniser that ships, and how much memory does it take, against a fine-tuned speech encoder?

    python benchmarks/systems.py --data ../shared/data --out benchmarks/results

The other side is what most people would try first: `audio-classification` of transformers with a classifier of seven
classes on wav2vec 2.0 base, a projection and the mean over frames (`Wav2Vec2ForSequenceClassification`). Its weights
are random, on which speed does not depend; how well either recognises is not measured here.

Every way is a process of its own with its own threads, which loads its model and waits. It is then handed the same real
recordings (every n-th of EmoDB and RAVDESS) in rounds; the ways take turns, in an order that turns too, so that a
machine that slows down slows all of them down. Both read with the same decoder, which counts. With more than one
thread, recordings are also judged side by side, a thread to each, by either side: `undertone analyze` does so with a
batch, the pipeline must be asked to. Memory is the most that the process ever held, its libraries included. Results go
to `systems.json` and `systems.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from this_machine import this_machine

from undertone.corpora.base import read_corpus
from undertone.corpora.registry import corpus_named
from undertone.labels import EMOTIONS

CORPORA = ("emodb", "ravdess")
ROUNDS = 4
AIM = 20
"""Times as fast as the other side on as many threads, in whichever way that is faster."""
RIVAL = "wav2vec2"

TITLES = {
    "wav2vec2": "wav2vec 2.0 base, transformers",
    "undertone": "undertone, recordings taken as turns",
    "turns": "undertone, finding turns too",
}
Answer = Callable[[str], str]
"""Takes the path of a recording and gives a label."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """One way on so many threads, over all rounds."""

    way: str
    threads: int
    side_by_side: bool
    """Whether every thread has a recording of its own."""
    wall_s: float
    cpu_s: float
    real_time_factor: float
    speed: float
    """Of wav2vec 2.0's time on as many threads, in its faster way, over this one's."""
    load_s: float
    """From starting the process to the first answer."""
    peak_mb: float


def wav2vec2(threads: int) -> Answer:
    """Make the pipeline over a network of the size of wav2vec 2.0 base."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline

    from undertone.audio.load import load_mono
    from undertone.units import SAMPLE_RATE

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = Wav2Vec2Config(id2label=dict(enumerate(EMOTIONS)))
    classify = pipeline(
        "audio-classification",
        model=Wav2Vec2ForSequenceClassification(config).eval(),  # type: ignore[call-overload,no-untyped-call]
        feature_extractor=Wav2Vec2FeatureExtractor(),  # type: ignore[no-untyped-call]
        device="cpu",
    )
    return lambda path: str(classify({"raw": load_mono(path), "sampling_rate": SAMPLE_RATE})[0]["label"])


def undertone(threads: int) -> Answer:
    """Judge a whole recording as one turn, with the bundle that ships."""
    from undertone.audio.load import load_mono
    from undertone.inference.bundle import read_bundle
    from undertone.inference.judge import judge_of
    from undertone.inference.listen import Piece
    from undertone.inference.session import session_of
    from undertone.records import Turn
    from undertone.units import SAMPLE_RATE

    bundle = read_bundle(None)
    session = session_of(bundle, threads=threads)

    def answer(path: str) -> str:
        samples = load_mono(path)
        turn = Turn(start=0.0, end=len(samples) / SAMPLE_RATE, speaker="somebody")
        (found,) = judge_of(bundle.card, session, None, causal=True).hear(
            [Piece(key=0, turn=turn, samples=samples, last=True)]
        )
        return str(found.label)

    return answer


def turns(threads: int) -> Answer:
    """Find the turns of a recording and judge them, which the other ways leave out."""
    from undertone import load

    recogniser = load(threads=threads)
    return lambda path: ", ".join(str(found.label) for found in recogniser.analyze(path).turns)


WAYS: dict[str, Callable[[int], Answer]] = {"wav2vec2": wav2vec2, "undertone": undertone, "turns": turns}


def serve(way: str, threads: int, *, side_by_side: bool) -> None:
    """Be one way: read a list of paths a line, answer with the seconds that they took and the labels."""
    answer = WAYS[way](1 if side_by_side else threads)
    pool = ThreadPoolExecutor(threads if side_by_side else 1)
    for line in sys.stdin:
        paths = json.loads(line)
        wall, cpu = time.perf_counter(), time.process_time()
        labels = list(pool.map(answer, paths))
        used = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({**used, "labels": labels, "peak_mb": peak}), flush=True)


class Process:
    """A way that waits for recordings."""

    def __init__(self, way: str, threads: int, *, side_by_side: bool) -> None:
        command = [sys.executable, __file__, "--serve", way, "--threads", str(threads)]
        command += ["--side-by-side"] if side_by_side else []
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        self._command = command
        self._running = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def hear(self, paths: Sequence[str]) -> dict[str, float]:
        """Let it hear recordings, and give what it says of them."""
        assert self._running.stdin
        assert self._running.stdout
        self._running.stdin.write(json.dumps(list(paths)) + "\n")
        self._running.stdin.flush()
        line = self._running.stdout.readline()
        if not line:
            raise SystemExit(f"{' '.join(self._command)} ended with status {self._running.wait()}")
        return json.loads(line)

    def end(self) -> None:
        assert self._running.stdin
        assert self._running.stdout
        self._running.stdin.close()
        self._running.stdout.close()
        self._running.wait()


@contextlib.contextmanager
def process(way: str, threads: int, side_by_side: bool) -> Iterator[Process]:
    running = Process(way, threads, side_by_side=side_by_side)
    try:
        yield running
    finally:
        running.end()


def chosen(data: Path, count: int) -> tuple[list[str], float]:
    """Take every n-th utterance of the corpora: their files, and the seconds of all."""
    found = [item for name in CORPORA for item in read_corpus(corpus_named(name), data / name)]
    some = found[:: max(1, len(found) // count)][:count]
    return [item.path for item in some], sum(item.duration for item in some)


def compared(kinds: Sequence[tuple[str, int, bool]], paths: Sequence[str], seconds: float) -> list[Case]:
    """Let every way take every round, in an order that turns."""
    with contextlib.ExitStack() as stack:
        waiting, load_s = {}, {}
        for kind in kinds:  # one after the other, so that none slows another's start down
            start = time.perf_counter()
            waiting[kind] = stack.enter_context(process(*kind))
            waiting[kind].hear(paths[: 2 * kind[1]])  # the first call of a kernel chooses how it will run
            load_s[kind] = time.perf_counter() - start
        told: dict[tuple[str, int, bool], list[dict[str, float]]] = {kind: [] for kind in kinds}
        order = list(kinds)
        for number in range(ROUNDS):
            for kind in order:
                told[kind].append(waiting[kind].hear(paths[number::ROUNDS]))
                how = "side by side" if kind[2] else "one by one"
                print(
                    f"round {number + 1}, {TITLES[kind[0]]}, {kind[1]} threads, {how}: {told[kind][-1]['wall_s']:.2f} s"
                )
            order = order[1:] + order[:1]
    walls = {kind: sum(each["wall_s"] for each in answers) for kind, answers in told.items()}

    def rival(threads: int) -> float:
        return min(wall for (way, count, _), wall in walls.items() if way == RIVAL and count == threads)

    return [
        Case(
            way=kind[0],
            threads=kind[1],
            side_by_side=kind[2],
            wall_s=walls[kind],
            cpu_s=sum(each["cpu_s"] for each in answers),
            real_time_factor=walls[kind] / seconds,
            speed=rival(kind[1]) / walls[kind],
            load_s=load_s[kind],
            peak_mb=max(each["peak_mb"] for each in answers),
        )
        for kind, answers in told.items()
    ]


def as_markdown(cases: Sequence[Case], count: int, seconds: float, machine: str) -> str:
    best = {
        threads: max(case.speed for case in cases if case.way == "undertone" and case.threads == threads)
        for threads in sorted({case.threads for case in cases})
    }
    reached = "; ".join(
        f"{speed:.1f} on {threads} thread{'s' if threads > 1 else ''}, {'' if speed >= AIM else 'not '}reached"
        for threads, speed in best.items()
    )
    lines = [
        "# The recogniser that ships, against a speech encoder with a classifier",
        "",
        f"`python benchmarks/systems.py` on {machine}. {count} recordings of {', '.join(CORPORA)}, {seconds:.0f} s, in "
        f"{ROUNDS} rounds; reading counts, loading the model does not. wav2vec 2.0 has random weights: how well either "
        "recognises is not measured here.",
        "",
        "| way | threads | recordings | wall | processor | real-time factor | times as fast | start | peak memory |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {TITLES[case.way]} | {case.threads} | {'side by side' if case.side_by_side else 'one by one'} | "
        f"{case.wall_s:.2f} s | {case.cpu_s:.2f} s | {case.real_time_factor:.4f} | {case.speed:.1f} | "
        f"{case.load_s:.1f} s | {case.peak_mb:.0f} MB |"
        for case in cases
    ]
    lines += [
        "",
        "*Times as fast* is against wav2vec 2.0 on as many threads, in its faster way; its pipeline takes recordings "
        "one by one unless its caller starts threads, a batch of `undertone analyze` has them side by side. *Start* is "
        "from starting the process to its first answers. The aim was "
        f"{AIM} times as fast at the same work, recordings taken as turns: {reached}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--utterances", type=int, default=200)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--serve", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--side-by-side", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.threads[0], side_by_side=arguments.side_by_side)
        return
    if arguments.data is None or arguments.out is None:
        parser.error("--data and --out are needed")
    paths, seconds = chosen(arguments.data, arguments.utterances)
    kinds = [
        (way, threads, side_by_side)
        for threads in arguments.threads
        for way in WAYS
        for side_by_side in (False, True)[:threads]
    ]
    cases = compared(kinds, paths, seconds)
    machine = this_machine("undertone", "onnxruntime", "torch", "transformers", "numpy")
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "recordings": len(paths), "seconds": seconds, "rounds": ROUNDS, "aim": AIM}
    record |= {"cases": [dataclasses.asdict(case) for case in cases]}
    (arguments.out / "systems.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "systems.md").write_text(as_markdown(cases, len(paths), seconds, machine))


if __name__ == "__main__":
    main()
