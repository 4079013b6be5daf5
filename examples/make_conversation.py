"""Make the example conversation: two synthetic voices on a telephone call, one on each channel.

Needs Debian's `flite`. The same versions of flite and NumPy give the same file.

    python examples/make_conversation.py examples/conversation.flac
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
HUM_DB = -66.0
"""Level of the noise on both lines."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What somebody says, and how."""

    channel: int
    text: str
    pause_s: float
    """Silence before it; negative where it interrupts."""
    pitch_hz: float
    spread_hz: float
    """How far the pitch moves."""
    stretch: float
    """Length of the sounds: above 1 is slower."""
    level_db: float
    """Peak of the line."""


ANNA, BEN = 0, 1
VOICES = ("slt", "rms")

LINES = (
    Line(channel=BEN, text="Lakeside garage, this is Ben speaking. How can I help you?", pause_s=0.4,
         pitch_hz=105, spread_hz=14, stretch=1.0, level_db=-9),
    Line(channel=ANNA, text="Hello Ben. I brought my car in on Monday, and I would like to know whether it is ready.",
         pause_s=0.6, pitch_hz=175, spread_hz=18, stretch=1.05, level_db=-11),
    Line(channel=BEN, text="Let me have a look. No, I am sorry. The part has not arrived.", pause_s=0.7,
         pitch_hz=98, spread_hz=8, stretch=1.15, level_db=-12),
    Line(channel=ANNA, text="Not arrived? You told me it would be ready yesterday! I have to be in Leeds tonight!",
         pause_s=0.3, pitch_hz=245, spread_hz=55, stretch=0.82, level_db=-2),
    Line(channel=BEN, text="I understand.", pause_s=-0.8, pitch_hz=95, spread_hz=6, stretch=1.1, level_db=-14),
    Line(channel=BEN, text="I really am sorry about this. It should not have happened, and nobody called you.",
         pause_s=0.9, pitch_hz=88, spread_hz=6, stretch=1.3, level_db=-15),
    Line(channel=ANNA, text="No. Nobody did. I do not know what to do now.", pause_s=0.9,
         pitch_hz=155, spread_hz=8, stretch=1.4, level_db=-17),
    Line(channel=BEN, text="Wait a moment. You could take our own car until Friday. It costs you nothing.", pause_s=0.8,
         pitch_hz=112, spread_hz=20, stretch=0.98, level_db=-8),
    Line(channel=ANNA, text="Really? Oh, that is wonderful! Thank you so much, Ben!", pause_s=0.4,
         pitch_hz=235, spread_hz=45, stretch=0.92, level_db=-4),
    Line(channel=BEN, text="You are very welcome. See you at five.", pause_s=0.5,
         pitch_hz=118, spread_hz=24, stretch=0.95, level_db=-7),
)  # fmt: skip


def spoken(line: Line) -> NDArray[np.float64]:
    """Have flite say a line; shape (sample,)."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        settings = {
            "int_f0_target_mean": line.pitch_hz,
            "int_f0_target_stddev": line.spread_hz,
            "duration_stretch": line.stretch,
        }
        options = [word for name, value in settings.items() for word in ("--setf", f"{name}={value}")]
        subprocess.run(["flite", "-voice", VOICES[line.channel], *options, "-t", line.text, str(path)], check=True)
        samples, rate = soundfile.read(path, dtype="float64")
    if rate != SAMPLE_RATE:
        raise SystemExit(f"flite gave {rate} Hz; {SAMPLE_RATE} Hz is expected")
    return samples * 10 ** (line.level_db / 20) / np.abs(samples).max()


def conversation() -> NDArray[np.float64]:
    """Lay all lines on their channels; shape (sample, channel)."""
    placed = []
    now = 0
    for line in LINES:
        samples = spoken(line)
        start = now + round(line.pause_s * SAMPLE_RATE)
        placed.append((start, line.channel, samples))
        now = max(now, start + len(samples))
    sound = np.random.default_rng(1).normal(0, 10 ** (HUM_DB / 20), (now + SAMPLE_RATE // 2, len(VOICES)))
    for start, channel, samples in placed:
        sound[start : start + len(samples), channel] += samples
    return sound


if __name__ == "__main__":
    sound = conversation()
    soundfile.write(sys.argv[1], sound, SAMPLE_RATE, subtype="PCM_16")
    print(f"{sys.argv[1]}: {len(sound) / SAMPLE_RATE:.1f} s, {sound.shape[1]} channels")
