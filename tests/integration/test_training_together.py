"""`undertone train` in several processes, which train as one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from miniature_corpora import CONFIG, make_data

from undertone.inference.bundle import read_bundle


@pytest.mark.slow
def test_two_processes_make_one_bundle(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data")
    (tmp_path / "miniature.toml").write_text(CONFIG, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "undertone",
            "train", str(tmp_path / "miniature.toml"), "--data", str(data), "--work", str(tmp_path / "work"),
        ],
        capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("miniature: compact on emodb, ravdess") == 1
    assert read_bundle(tmp_path / "work" / "bundle").card.training.epochs == 8
    losses = [row["loss"] for row in json.loads((tmp_path / "work" / "results.json").read_text())["history"]["epochs"]]
    assert losses[-1] < losses[0]
