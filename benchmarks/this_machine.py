"""What a benchmark ran on, as its table says it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version


def this_machine(*packages: str) -> str:
    """Name cores, architecture, Python, and the versions of packages."""
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, {versions}"
