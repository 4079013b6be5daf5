"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

# One thread a test process: pytest-xdist already fills the cores, and waiting for each other takes longer than working.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent


def shared_data() -> Path | None:
    """Find the folder of real recordings that may lie beside a checkout; it is never part of the project."""
    folder = ROOT.parent / "shared" / "data"
    return folder if (folder / "README.md").is_file() else None


@pytest.fixture
def data() -> Path:
    """The folder of real recordings; the test is skipped where it does not exist."""
    folder = shared_data()
    if folder is None:
        pytest.skip("the real recordings (../shared/data beside the checkout) are not on this machine")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_260_101)
