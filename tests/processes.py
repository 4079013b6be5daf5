"""Commands in a process of their own, as users run them."""

from __future__ import annotations

import subprocess
import sys

TRAINING_LIBRARIES = ("torch", "onnx", "transformers", "safetensors")


def run_as_users_do(*arguments: str) -> tuple[str, list[str]]:
    """Run a command that must succeed.

    Returns:
        What it says, and which of the libraries that training alone needs it has imported.
    """
    code = (
        "import sys\nfrom undertone.cli import main\n"
        f"main({arguments!r}, standalone_mode=False)\n"
        f"print(*(name for name in {TRAINING_LIBRARIES!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout, done.stderr.split()
