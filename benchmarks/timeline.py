"""End to end: how fast is a recording turned into a timeline, and how much memory does that take?

    python benchmarks/timeline.py --data ../shared/data --out benchmarks/results

Real conversations are repeated to 1 minute, 10 minutes, 1 hour and 3 hours. Each case is a fresh `undertone analyze`
process; its wall-clock time includes starting Python and loading the model, its memory is the peak that the kernel saw.
Results go to `timeline.json` and `timeline.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import soundfile
from this_machine import this_machine

from undertone.inference.bundle import read_bundle

LENGTHS_S = {"1 minute": 60, "10 minutes": 600, "1 hour": 3600, "3 hours": 10_800}
BESIDE = "10 minutes"
"""Of the recordings that another bundle hears as well."""
SOURCES = {
    "call, two channels": "conversations_demo/auto_repairs_call.flac",
    "call, one channel": "conversations_demo/call_mono_mix.opus",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One measured process."""

    name: str
    seconds: float
    wall_s: float
    cpu_s: float
    peak_mb: float
    turns: int

    @property
    def real_time_factor(self) -> float:
        return self.wall_s / self.seconds


def repeated(source: Path, seconds: int, target: Path) -> float:
    """Write `source` over and over as 16-bit FLAC until it lasts `seconds`, and give the length written."""
    samples, sample_rate = soundfile.read(source, dtype="int16", always_2d=True)
    left = seconds * sample_rate
    with soundfile.SoundFile(target, "w", sample_rate, samples.shape[1], "PCM_16", format="FLAC") as file:
        while left > 0:
            file.write(samples[:left])
            left -= min(left, len(samples))
        return file.frames / sample_rate


def measured(command: list[str]) -> tuple[float, float, float]:
    """Run a command; give its wall-clock and processor seconds and its peak memory in megabytes."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)} failed with status {status}")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def analysed(name: str, path: Path, seconds: float, folder: Path, *options: str) -> Case:
    """Measure one recording."""
    command = [sys.executable, "-m", "undertone", "analyze", str(path), "--out", str(folder), *options]
    wall, cpu, peak = measured(command)
    turns = json.loads((folder / f"{path.stem}.json").read_text())["turns"]
    return Case(name=name, seconds=seconds, wall_s=wall, cpu_s=cpu, peak_mb=peak, turns=len(turns))


def start_up() -> dict[str, float]:
    """Median seconds over nine runs that importing and asking for help take, beyond starting Python."""
    commands = {
        "python": ["-c", "pass"],
        "import undertone": ["-c", "import undertone"],
        "undertone --help": ["-m", "undertone", "--help"],
    }
    medians = {
        name: statistics.median(measured([sys.executable, *rest])[0] for _ in range(9))
        for name, rest in commands.items()
    }
    return {
        "import undertone, beyond starting Python": medians["import undertone"] - medians["python"],
        "undertone --help, in all": medians["undertone --help"],
    }


def as_markdown(cases: list[Case], start: dict[str, float], machine: str) -> str:
    lines = [
        "# From a recording to a timeline",
        "",
        f"`python benchmarks/timeline.py` on {machine}. Whole processes, start-up included; one run each.",
        "",
        "| recording | length | wall | real-time factor | processor | peak memory | turns |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {case.name} | {case.seconds:.0f} s | {case.wall_s:.1f} s | {case.real_time_factor:.4f} | "
        f"{case.cpu_s:.1f} s | {case.peak_mb:.0f} MB | {case.turns} |"
        for case in cases
    ]
    lines += ["", "| start-up (median of 9) | seconds |", "|---|---|"]
    lines += [f"| {name} | {seconds:.3f} |" for name, seconds in start.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--beside", type=Path, help="another bundle, which hears the recordings of ten minutes as well")
    arguments = parser.parse_args()
    machine = this_machine("undertone", "onnxruntime", "numpy")
    cases = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, source in SOURCES.items():
            for length, seconds in LENGTHS_S.items():
                path = folder / "recording.flac"
                held = repeated(arguments.data / source, seconds, path)
                cases.append(analysed(f"{title}, {length}", path, held, folder))
                if arguments.beside and length == BESIDE:
                    other = read_bundle(arguments.beside).card.id
                    heard = f"{title}, {length}, by {other}"
                    cases.append(analysed(heard, path, held, folder, "--bundle", str(arguments.beside)))
                print(f"{cases[-1].name}: {cases[-1].real_time_factor:.4f}, {cases[-1].peak_mb:.0f} MB", flush=True)
    start = start_up()
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "cases": [asdict(case) for case in cases], "start_up_s": start}
    (arguments.out / "timeline.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "timeline.md").write_text(as_markdown(cases, start, machine))


if __name__ == "__main__":
    main()
