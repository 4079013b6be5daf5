"""Loading an utterance whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from undertone.audio.load import load_mono


def test_channels_are_mixed_and_the_rate_is_16_khz(tmp_path: Path) -> None:
    left = np.full(8_000, 0.5)
    soundfile.write(tmp_path / "two.wav", np.stack((left, -0.1 * left), axis=1), 8_000, subtype="FLOAT")
    found = load_mono(tmp_path / "two.wav")
    assert found.shape == (16_000,)
    assert found[4_000:12_000] == pytest.approx(np.full(8_000, 0.225), abs=1e-3)


@pytest.mark.parametrize("samples", [1, 2, 5])
def test_a_handful_of_samples_is_no_failure(tmp_path: Path, samples: int) -> None:
    soundfile.write(tmp_path / "click.wav", np.full(samples, 0.5), 48_000)
    assert load_mono(tmp_path / "click.wav").ndim == 1
