"""Recordings that were cut off or damaged are refused with one clear error, and nothing reaches stderr."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from odd_recordings import cut, wav_bytes, write_packets, write_tracks

from undertone.audio import decode as decode_module
from undertone.audio._headers import Bytes
from undertone.audio.decode import open_recording
from undertone.errors import (
    EmptyAudioError,
    NotFiniteAudioError,
    TruncatedAudioError,
    UnreadableAudioError,
)
from undertone.testing.sounds import noise, tone, write_recording


def decode(path: Path | str) -> float:
    with open_recording(path) as recording:
        return sum(len(block) for block in recording.blocks(0.5)) / recording.sample_rate


# ── cut and damaged files ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".wav", ".aiff", ".au", ".caf"])
def test_cut_file_of_plain_samples_is_refused_with_both_lengths(suffix: str, tmp_path: Path) -> None:
    path = cut(write_recording(tmp_path / f"a{suffix}", tone(4, 440)))
    with pytest.raises(TruncatedAudioError, match=r"(2\.0|1\.9)\d s of sound could be read of the 4\.00 s .*cut off"):
        decode(path)


def test_cut_rf64_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(4, 440), 16_000, format="RF64")
    with pytest.raises(TruncatedAudioError, match=r"2\.00 s of sound could be read of the 4\.00 s"):
        decode(cut(tmp_path / "a.wav"))


def test_wav_may_miss_a_tenth_of_a_second_but_no_more(tmp_path: Path) -> None:
    samples = tone(2, 440, sample_rate=8000)
    path = tmp_path / "a.wav"
    path.write_bytes(wav_bytes(samples, data_size=32_000 + 44))
    assert decode(path) == 2.0
    path.write_bytes(wav_bytes(samples, data_size=32_000 + 1700))
    with pytest.raises(TruncatedAudioError, match=r"2\.00 s of sound could be read of the 2\.11 s"):
        open_recording(path)


@pytest.mark.parametrize("suffix", [".flac", ".mp3", ".webm", ".mkv"])
def test_cut_compressed_file_is_refused_with_both_lengths(
    suffix: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    path = cut(write_recording(tmp_path / f"a{suffix}", noise(8, rng=rng)))
    with pytest.raises(TruncatedAudioError, match=r"[234]\.\d\d s of sound could be read of the 8\.\d\d s"):
        decode(path)


def test_cut_mp4_is_refused_with_both_lengths_where_its_index_comes_first(tmp_path: Path) -> None:
    path = write_packets(
        tmp_path / "a.m4a", [(0.0, tone(8, 440))], codec="aac", kind="fltp", options={"movflags": "+faststart"}
    )
    with pytest.raises(TruncatedAudioError, match=r"[34]\.\d\d s of sound could be read of the 8\.00 s"):
        decode(cut(path, 0.55))


@pytest.mark.parametrize("suffix", [".m4a", ".mp4", ".mov", ".3gp"])
def test_cut_mp4_is_refused_with_advice_where_its_index_is_missing(suffix: str, tmp_path: Path) -> None:
    path = cut(write_recording(tmp_path / f"a{suffix}", tone(4, 440, sample_rate=8000), 8000))
    with pytest.raises(
        TruncatedAudioError, match=r"its index \(the moov box, written last\) is missing.* Copy it again"
    ):
        open_recording(path)


def test_mp4_cut_inside_its_index(tmp_path: Path) -> None:
    path = cut(write_recording(tmp_path / "a.m4a", tone(4, 440)), 0.999)
    with pytest.raises(TruncatedAudioError, match=r"cut_a\.m4a: its index"):
        open_recording(path)


def test_flac_damaged_in_its_middle_is_refused(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_recording(tmp_path / "a.flac", noise(8, rng=rng))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(content)
    with pytest.raises(TruncatedAudioError, match=r"of the 8\.00 s that it promises: it was cut off or is damaged"):
        decode(path)


def test_aac_damaged_in_its_middle_is_refused_with_the_place(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_recording(tmp_path / "a.m4a", noise(8, rng=rng))
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    middle = start + (content.index(b"moov") - start) // 2
    content[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=r"its bytes are damaged after 3\.\d\d s of sound\. Copy it again"):
        decode(path)


def test_rate_that_changes_on_the_way_is_refused(tmp_path: Path) -> None:
    parts = [
        write_packets(
            tmp_path / f"{rate}.aac", [(0.0, tone(1, 440, sample_rate=rate))], rate, codec="aac", kind="fltp"
        ).read_bytes()
        for rate in (16_000, 44_100)
    ]
    path = tmp_path / "a.aac"
    path.write_bytes(b"".join(parts))
    with pytest.raises(
        UnreadableAudioError, match=r"changes from 1 channels at 16000 Hz to 1 channels at 44100 Hz after 1\.\d\d s"
    ):
        decode(path)


def test_track_that_begins_on_the_way_is_refused(tmp_path: Path) -> None:
    samples = tone(1, 440, sample_rate=48_000)
    parts = [
        write_tracks(
            tmp_path / f"{count}.opus",
            count * [(0.0, samples)],
            48_000,
            codec="libopus",
            options={"serial_offset": str(count)},
        ).read_bytes()
        for count in (1, 2)
    ]
    path = tmp_path / "joined.opus"
    path.write_bytes(b"".join(parts))
    with pytest.raises(UnreadableAudioError, match=r"its bytes are damaged after [12]\.\d\d s of sound"):
        decode(path)


def test_clock_that_leaps_is_refused(tmp_path: Path) -> None:
    path = write_packets(tmp_path / "a.mkv", [(0.0, tone(1, 440)), (9000.0, tone(1, 440))])
    with pytest.raises(
        UnreadableAudioError, match=r"its clock leaps by 8999 s after 1\.\d\d s of sound; at most 3600 s"
    ):
        decode(path)


@pytest.mark.parametrize("name", ["a.mkv", "a.flac", "a.wav"])
@pytest.mark.parametrize("readable_bytes", [0, 40_000])
def test_disk_that_fails_while_reading(
    name: str,
    readable_bytes: int,
    tmp_path: Path,
    rng: np.random.Generator,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = write_recording(tmp_path / name, noise(10, rng=rng))

    class FailingDisk(io.FileIO):
        def read(self, size: int = -1) -> bytes:
            self.fail()
            return super().read(size)

        def readinto(self, buffer: bytearray) -> int:
            self.fail()
            return super().readinto(buffer)

        def fail(self) -> None:
            if self.tell() >= readable_bytes:
                raise OSError(5, "Input/output error")

    class BytesFromFailingDisk(Bytes, FailingDisk):
        pass

    monkeypatch.setattr(decode_module, "Bytes", BytesFromFailingDisk)
    with pytest.raises(
        UnreadableAudioError, match=rf"{name}: it cannot be read \(Input/output error\)\. Check the disk"
    ):
        decode(path)
    assert capfd.readouterr() == ("", "")


# ── samples that are not numbers ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_first_sample_that_is_not_a_number_is_named(value: float, subtype: str, tmp_path: Path) -> None:
    samples = np.stack([tone(3, 440), tone(3, 440)], axis=1)
    samples[2 * 16_000, 1] = value
    samples[2 * 16_000 + 500, 0] = value
    path = write_recording(tmp_path / "a.wav", samples, subtype=subtype)
    with pytest.raises(NotFiniteAudioError, match=r"a\.wav: a sample at 2\.000 s is not a number \(NaN or infinite\)"):
        decode(path)


def test_number_that_float32_cannot_hold_is_refused(tmp_path: Path) -> None:
    samples = np.zeros(16_000)
    samples[4_000] = 1e300
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="DOUBLE")
    with pytest.raises(NotFiniteAudioError, match=r"a sample at 0\.250 s is not a number"):
        decode(tmp_path / "a.wav")


# ── chatter ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".webm", ".aac", ".amr"])
def test_libraries_write_nothing_about_damaged_files(
    suffix: str, tmp_path: Path, rng: np.random.Generator, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_recording(tmp_path / f"a{suffix}", noise(4, rng=rng, sample_rate=8000), 8000)
    content = bytearray(path.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 500] = rng.bytes(500)
    damaged = tmp_path / f"damaged{suffix}"
    damaged.write_bytes(content)
    for bad in (cut(path), damaged):
        with contextlib.suppress(TruncatedAudioError, UnreadableAudioError):
            decode(bad)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("suffix", "place"), [(".caf", 13), (".aiff", 35)])
def test_sizes_that_point_outside_the_file_raise_nothing_inside_the_libraries(
    suffix: str, place: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = write_recording(tmp_path / f"a{suffix}", tone(0.5, 440))
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\xff" * 4
    path.write_bytes(content)
    with contextlib.suppress(EmptyAudioError):
        decode(path)
    assert capfd.readouterr() == ("", "")
