"""Write what `undertone analyze` prints for the example conversation into pages, between their markers.

    python docs/make_excerpt.py README.md docs/tutorials/first-timeline.md

`table` markers take the whole table, `turns` markers the part before the shares of speaking time. Run it again after
the shipped bundle changes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path("examples") / "conversation.flac"
COLUMNS = 96
MARKED = re.compile(r"(<!-- (table|turns):begin -->\n).*?(<!-- \2:end -->)", re.DOTALL)


def printed(root: Path) -> str:
    """Run the command in the repository's root."""
    command = [sys.executable, "-m", "undertone", "analyze", str(EXAMPLE), "--names", "Anna,Ben"]
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, check=True)
    return done.stdout.decode().rstrip()


def replaced(page: str, output: str) -> str:
    """Put the output, or the part of it that the marker names, between the markers of a page."""
    parts = {"table": output, "turns": output.split("\n\nshare of speaking time", 1)[0]}
    command = f"$ undertone analyze {EXAMPLE.as_posix()} --names Anna,Ben"
    return MARKED.sub(lambda found: f"{found[1]}```console\n{command}\n{parts[found[2]]}\n```\n{found[3]}", page)


if __name__ == "__main__":
    output = printed(Path(__file__).resolve().parents[1])
    for path in map(Path, sys.argv[1:]):
        path.write_text(replaced(path.read_text(encoding="utf-8"), output), encoding="utf-8")
