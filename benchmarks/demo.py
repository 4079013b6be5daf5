"""What `make demo` runs, timed, beside the same command of older commits.

    python benchmarks/demo.py --beside c9ede0e --beside 67c9e9f --out benchmarks/results

Each commit is checked out into a folder that goes when the benchmark ends. Every run is a fresh process that starts
Python, loads the bundle of its checkout, judges the checkout's own copy of the example conversation, and writes the
table and the report with the sound in it. The checkouts take turns, in an order that turns too, and share one
interpreter with its packages. Results go to `demo.json` and `demo.md` in the folder named with --out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from this_machine import this_machine
from timeline import measured

HERE = Path(__file__).resolve().parent.parent
RUNS = 15


@dataclass(frozen=True, kw_only=True)
class Case:
    """All runs of one checkout."""

    bundle: str
    commit: str
    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    peak_mb: float

    @property
    def median_s(self) -> float:
        return statistics.median(self.wall_s)


@contextlib.contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Check a commit out beside this checkout's own, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / commit
        subprocess.run(["git", "-C", str(HERE), "worktree", "add", "--quiet", "--detach", place, commit], check=True)
        try:
            yield place
        finally:
            subprocess.run(["git", "-C", str(HERE), "worktree", "remove", "--force", place], check=True)


def commit_of(checkout: Path) -> str:
    """The commit that a checkout stands at, and whether it was changed since."""
    told = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--exclude", "*"]
    return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()


def command_of(checkout: Path, out: Path) -> list[str]:
    """What `make demo` runs, on the package of one checkout."""
    start = f"import sys; sys.path.insert(0, {str(checkout / 'src')!r}); from undertone.cli import main; main()"
    example = str(checkout / "examples" / "conversation.flac")
    options = ["--names", "Anna,Ben", "--format", "table", "--format", "html", "--out", str(out)]
    return [sys.executable, "-c", start, "analyze", example, *options]


def timed(checkouts: list[Path]) -> list[Case]:
    """Let the checkouts take turns."""
    told: dict[Path, list[tuple[float, float, float]]] = {each: [] for each in checkouts}
    with tempfile.TemporaryDirectory() as folder:
        order = list(checkouts)
        for number in range(RUNS + 1):
            for each in order:
                used = measured(command_of(each, Path(folder)))
                if number:  # the first reads the files from the disk
                    told[each].append(used)
            order = order[1:] + order[:1]
    return [
        Case(
            bundle=json.loads((each / "src/undertone/bundles/default/card.json").read_text())["id"],
            commit=commit_of(each),
            wall_s=tuple(round(wall, 4) for wall, _, _ in runs),
            cpu_s=tuple(round(cpu, 4) for _, cpu, _ in runs),
            peak_mb=max(peak for _, _, peak in runs),
        )
        for each, runs in told.items()
    ]


def as_markdown(cases: list[Case], machine: str) -> str:
    first = cases[-1].median_s
    lines = [
        "# The demo",
        "",
        f"`python benchmarks/demo.py --beside COMMIT` on {machine}. {RUNS} runs each, taking turns: whole processes "
        "that judge the example conversation (49 s, two channels) and write its table and its report with the sound.",
        "",
        "| commit | bundle | wall, median | least to most | processor, median | peak memory | times as fast |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {case.commit} | {case.bundle} | {case.median_s:.2f} s | {min(case.wall_s):.2f} to {max(case.wall_s):.2f} s "
        f"| {statistics.median(case.cpu_s):.2f} s | {case.peak_mb:.0f} MB | {first / case.median_s:.2f} |"
        for case in cases
    ]
    return "\n".join([*lines, "", "*Times as fast* is against the last row.", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--beside", metavar="COMMIT", action="append", default=[], help="may be given several times")
    arguments = parser.parse_args()
    os.environ.pop("PYTHONPATH", None)
    with contextlib.ExitStack() as stack:
        cases = timed([HERE, *(stack.enter_context(checked_out(commit)) for commit in arguments.beside)])
    machine = this_machine("onnxruntime", "numpy")
    arguments.out.mkdir(parents=True, exist_ok=True)
    record = {"machine": machine, "runs": RUNS, "cases": [asdict(case) for case in cases]}
    (arguments.out / "demo.json").write_text(json.dumps(record, indent=1) + "\n")
    (arguments.out / "demo.md").write_text(as_markdown(cases, machine))


if __name__ == "__main__":
    main()
