"""Where a number comes from: the code, the libraries, the machine."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("numpy", "torch", "scikit-learn", "opensmile", "transformers")


def commit() -> str:
    """The commit of the code that ran, or `unknown` where it does not come from a checkout."""
    here = Path(__file__)

    def git(*words: str) -> str:
        command = ["git", "-C", str(here.parent), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", here.name)  # a checkout around an installed copy is somebody else's
        return git("rev-parse", "--short=12", "HEAD")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that numbers depend on, those that are installed."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """The kind of processor and how many of them; nothing that tells whose machine it is."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
