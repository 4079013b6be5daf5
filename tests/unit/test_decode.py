"""Decoding recordings of every format that is read."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import pytest
from odd_recordings import wav_bytes, write_packets, write_tracks

from undertone.audio.decode import SUFFIXES, open_recording
from undertone.testing.sounds import noise, tone, write_recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def decoded(path: Path | str) -> tuple[NDArray[np.float32], int]:
    with open_recording(path) as recording:
        return np.concatenate(list(recording.blocks(0.25))), recording.sample_rate


def loudest_frequency(samples: NDArray[np.float32], sample_rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * sample_rate / len(samples))


EXACT = [
    ("a.wav", 16_000, "PCM_16", 2**-15),
    ("a.wav", 16_000, "PCM_U8", 2**-7),
    ("a.wav", 16_000, "PCM_24", 2**-23),
    ("a.wav", 16_000, "PCM_32", 2**-24),
    ("a.wav", 16_000, "FLOAT", 0.0),
    ("a.wav", 16_000, "DOUBLE", 0.0),
    ("a.wav", 8_000, "ULAW", 0.02),
    ("a.wav", 8_000, "ALAW", 0.02),
    ("a.w64", 16_000, None, 2**-15),
    ("a.sph", 16_000, None, 2**-15),
    ("a.flac", 16_000, None, 2**-15),
    ("a.aiff", 16_000, None, 2**-15),
    ("a.au", 16_000, None, 2**-15),
    ("a.caf", 16_000, None, 2**-15),
]


@pytest.mark.parametrize(("name", "sample_rate", "subtype", "step"), EXACT)
def test_lossless_formats_give_back_the_samples(
    name: str, sample_rate: int, subtype: str | None, step: float, tmp_path: Path, rng: np.random.Generator
) -> None:
    samples = np.clip(noise(0.7, rng=rng, sample_rate=sample_rate), -0.9, 0.9).reshape(-1, 2)
    path = write_recording(tmp_path / name, samples, sample_rate, subtype=subtype)

    with open_recording(path) as recording:
        assert recording.path == str(path)
        assert (recording.channels, recording.sample_rate) == (2, sample_rate)
        assert recording.duration == pytest.approx(len(samples) / sample_rate)
        found = np.concatenate(list(recording.blocks()))

    assert found.dtype == np.float32
    assert found.shape == samples.shape
    assert np.abs(found - samples).max() <= step


LOSSY = [
    *((f"a{suffix}", 16_000, 2) for suffix in (".ogg", ".oga", ".opus", ".mp3", ".m4a", ".mp4", ".mov", ".mkv")),
    *((f"a{suffix}", 16_000, 2) for suffix in (".aac", ".webm")),
    ("a.mp3", 44_100, 1),
    ("a.m4a", 44_100, 1),
    ("a.m4a", 8_000, 1),
    ("a.amr", 8_000, 1),
    ("a.3gp", 8_000, 1),
]


@pytest.mark.parametrize(("name", "sample_rate", "channels"), LOSSY)
def test_lossy_formats_keep_duration_channels_and_tones(
    name: str, sample_rate: int, channels: int, tmp_path: Path
) -> None:
    tones = (440, 1000)[:channels]
    samples = np.stack([tone(1.5, frequency, sample_rate=sample_rate) for frequency in tones], axis=1)
    path = write_recording(tmp_path / name, samples, sample_rate)

    found, found_rate = decoded(path)

    # AAC pads to whole frames of 1024 samples and, raw, keeps the first one that only primes the decoder.
    assert len(found) / found_rate == pytest.approx(1.5, abs=2 * 1024 / sample_rate + 0.01)
    assert found.shape[1] == channels
    for channel, frequency in enumerate(tones):
        assert loudest_frequency(found[:, channel], found_rate) == pytest.approx(frequency, abs=2)
        # AMR is made for voices, and its levels are only roughly kept.
        assert np.sqrt(2) * found[:, channel].std() == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("suffix", [".ogg", ".opus", ".mp3", ".m4a", ".webm", ".mkv", ".3gp"])
def test_claimed_duration_is_the_decoded_one(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / f"a{suffix}", tone(1.5, 440, sample_rate=8000), 8000)
    with open_recording(path) as recording:
        seconds = sum(len(block) for block in recording.blocks()) / recording.sample_rate
        assert recording.duration == pytest.approx(seconds, abs=0.2)


@pytest.mark.parametrize("suffix", [".aac", ".amr"])
def test_duration_is_unknown_where_a_file_does_not_say(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / f"a{suffix}", tone(1.5, 440, sample_rate=8000), 8000)
    with open_recording(path) as recording:
        assert recording.duration is None


@pytest.mark.parametrize(
    ("name", "sample_rate", "channels"),
    [("a.wav", 8_000, 8), ("a.flac", 192_000, 8), ("a.wav", 384_000, 1), ("a.webm", 48_000, 8), ("a.m4a", 96_000, 2)],
)
def test_eight_channels_and_high_rates_are_read_in_order(
    name: str, sample_rate: int, channels: int, tmp_path: Path
) -> None:
    tones = [300 + 100 * channel for channel in range(channels)]
    samples = np.stack([tone(0.5, frequency, sample_rate=sample_rate) for frequency in tones], axis=1)

    found, found_rate = decoded(write_recording(tmp_path / name, samples, sample_rate))

    assert (found.shape[1], found_rate) == (channels, sample_rate)
    for channel, frequency in enumerate(tones):
        assert loudest_frequency(found[:, channel], found_rate) == pytest.approx(frequency, abs=10)


def test_seven_point_one_aac_is_read_without_touching_foreign_memory(tmp_path: Path) -> None:
    # Eight planes are where PyAV's own conversion to an array goes wrong.
    samples = np.repeat(tone(0.5, 440, sample_rate=48_000)[:, np.newaxis], 8, axis=1)
    found, _ = decoded(write_recording(tmp_path / "a.m4a", samples, 48_000))
    assert found.shape[1] == 8
    assert loudest_frequency(found[:, 0], 48_000) == pytest.approx(440, abs=3)


def test_bytes_decide_not_the_name(tmp_path: Path) -> None:
    samples = tone(0.5, 440)
    for suffix in (".flac", ".mp3", ".m4a", ".amr", ".opus"):
        rate = 8000 if suffix == ".amr" else 16_000
        path = write_recording(tmp_path / f"a{suffix}", samples, rate)
        found, _ = decoded(path.rename(tmp_path / "misnamed.wav"))
        assert loudest_frequency(found[:, 0], rate) == pytest.approx(440 * rate / 16_000, abs=5), suffix


def test_written_formats_are_in_the_list_of_suffixes() -> None:
    written = {name[name.index(".") :] for name, *_ in (*EXACT, *LOSSY)}
    assert written <= SUFFIXES
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


@pytest.mark.parametrize(
    ("codec", "kind", "name"),
    [
        ("pcm_u8", "u8", "a.mkv"),
        ("pcm_s16le", "s16", "a.mkv"),
        ("pcm_s24le", "s32", "a.mkv"),
        ("pcm_s64le", "s64", "a.wav"),
        ("pcm_f32le", "flt", "a.mkv"),
        ("pcm_f64le", "dbl", "a.mkv"),
        ("alac", "s16p", "a.mov"),
    ],
)
def test_every_kind_of_sample_has_the_same_full_scale(codec: str, kind: str, name: str, tmp_path: Path) -> None:
    samples = np.tile(np.float32([0.5, -0.25, 0, -1]), 1024)
    found, _ = decoded(write_packets(tmp_path / name, [(0.0, samples)], codec=codec, kind=kind))
    np.testing.assert_allclose(found[:, 0], samples, atol=2**-15)


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_blocks_are_as_long_as_asked_and_the_last_may_be_shorter(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", tone(2.3, 440))
    with open_recording(path) as recording:
        blocks = list(recording.blocks(0.5))
    assert [len(block) for block in blocks] == [8000] * 4 + [4800]
    assert all(block.flags.owndata and block.flags.writeable for block in blocks)


def test_block_without_a_sample_is_refused(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", tone(0.1, 440))
    with (
        open_recording(path) as recording,
        pytest.raises(ValueError, match=r"block of 1e-05 s holds no sample at 16000"),
    ):
        recording.blocks(0.00001)


def test_second_decoding_is_refused(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", tone(0.1, 440))
    with open_recording(path) as recording:
        list(recording.blocks())
        with pytest.raises(RuntimeError, match=r"a\.wav: it was decoded before; open the recording again"):
            recording.blocks()


@pytest.mark.parametrize("name", ["a.wav", "a.m4a"])
def test_file_is_closed_on_leaving_even_half_way(name: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / name, tone(2, 440))
    with open_recording(str(path)) as recording:
        next(recording.blocks(0.1))
    assert recording._file.closed
    recording.close()


def test_long_recording_is_decoded_in_the_memory_of_a_block(tmp_path: Path) -> None:
    minute = np.zeros(60 * 8000, np.float32)
    path = write_recording(tmp_path / "half_an_hour.flac", np.tile(minute, 30), 8000)

    tracemalloc.start()
    with open_recording(path) as recording:
        lengths = [len(block) for block in recording.blocks()]
        duration = recording.duration
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sum(lengths) == 30 * 60 * 8000
    assert duration == 30 * 60
    assert max(lengths) == 10 * 8000
    # A block takes 320 kB, and is there a second time while it is joined; the whole would take 58 MB.
    assert peak < 1_500_000


# ── headers that leave the length open ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data_size", "riff_size"),
    [
        pytest.param(0xFFFFFFFF, 0xFFFFFFFF, id="FFmpeg to a pipe"),
        pytest.param(0x7FFFF000, 0x7FFFF024, id="SoX to a pipe"),
        pytest.param(0x80000000, 0x80000024, id="arecord to a pipe"),
        pytest.param(0, 0, id="a recorder that lost power"),
        pytest.param(0, 36, id="a recorder that lost power after its header"),
    ],
)
def test_wav_whose_sizes_were_never_filled_in_is_read_to_its_end(
    data_size: int, riff_size: int, tmp_path: Path
) -> None:
    path = tmp_path / "stream.wav"
    samples = tone(1.5, 440, sample_rate=8000)
    path.write_bytes(wav_bytes(samples, data_size=data_size, riff_size=riff_size))
    found, _ = decoded(path)
    np.testing.assert_allclose(found[:, 0], samples, atol=2**-14)


def test_flac_without_a_length_is_read_to_its_end(tmp_path: Path, rng: np.random.Generator) -> None:
    samples = noise(2.7, rng=rng)
    path = write_recording(tmp_path / "stream.flac", samples)
    content = bytearray(path.read_bytes())
    # STREAMINFO, byte 13, low half, to byte 17: the count of samples; 0 stands for unknown (RFC 9639, section 8.2).
    content[8 + 13] &= 0xF0
    content[8 + 14 : 8 + 18] = bytes(4)
    path.write_bytes(content)

    with open_recording(path) as recording:
        assert recording.duration is None
        found = np.concatenate(list(recording.blocks()))

    np.testing.assert_allclose(found[:, 0], samples, atol=2**-14)


def test_mp3_without_a_count_of_frames_claims_no_duration(tmp_path: Path) -> None:
    path = write_packets(
        tmp_path / "a.mp3", [(0.0, tone(2, 440))], codec="libmp3lame", kind="fltp", options={"write_xing": "0"}
    )
    with open_recording(path) as recording:
        assert recording.duration is None
        assert sum(len(block) for block in recording.blocks()) / 16_000 == pytest.approx(2, abs=0.2)


def test_mp3_behind_a_large_tag_keeps_its_duration(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.mp3", tone(2, 440))
    size = 200_000
    tag = b"ID3\x04\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    path.write_bytes(tag + bytes(size) + path.read_bytes())
    with open_recording(path) as recording:
        # FFmpeg 7 counts what the encoder added at both ends.
        assert recording.duration == pytest.approx(2, abs=0.1)
        assert sum(len(block) for block in recording.blocks()) / 16_000 == pytest.approx(2, abs=0.1)


def test_ogg_files_joined_end_to_end_are_read_to_the_last(tmp_path: Path) -> None:
    parts = [
        write_packets(
            tmp_path / f"{serial}.opus",
            [(0.0, tone(1.5, 440, sample_rate=48_000))],
            48_000,
            codec="libopus",
            kind="flt",
            options={"serial_offset": str(serial)},
        ).read_bytes()
        for serial in (7, 8)
    ]
    joined = tmp_path / "joined.opus"
    joined.write_bytes(b"".join(parts))
    found, _ = decoded(joined)
    assert len(found) / 48_000 == pytest.approx(3, abs=0.1)


# ── videos and calls ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_picture_that_outlasts_the_sound_changes_nothing(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / f"film{suffix}", tone(1.5, 440), picture=4.0)
    found, sample_rate = decoded(path)
    assert len(found) / sample_rate == pytest.approx(1.5, abs=0.15)
    assert loudest_frequency(found[:, 0], sample_rate) == pytest.approx(440, abs=2)


def test_first_of_several_sound_tracks_is_taken(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "film.mkv", [(0.0, tone(1, 440)), (0.0, tone(1, 1000))])
    found, sample_rate = decoded(path)
    assert loudest_frequency(found[:, 0], sample_rate) == pytest.approx(440, abs=2)


def test_sound_that_starts_after_the_rest_of_a_film_keeps_its_times(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "film.mkv", [(0.7, tone(1, 440)), (0.0, tone(2, 1000))])
    found, sample_rate = decoded(path)
    assert len(found) / sample_rate == pytest.approx(1.7, abs=0.01)
    assert not found[: int(0.69 * sample_rate)].any()
    assert np.abs(found[int(0.71 * sample_rate) :]).max() == pytest.approx(0.5, abs=0.01)


def test_sound_lost_in_a_call_is_silence_and_later_times_hold(tmp_path: Path) -> None:
    path = write_packets(tmp_path / "call.mkv", [(0.0, tone(1, 440)), (3.5, tone(1, 440))])
    found, sample_rate = decoded(path)
    assert len(found) / sample_rate == pytest.approx(4.5, abs=0.01)
    assert np.abs(found[: int(0.9 * sample_rate)]).max() == pytest.approx(0.5, abs=0.01)
    assert not found[int(1.05 * sample_rate) : int(3.45 * sample_rate)].any()
    assert np.abs(found[int(3.55 * sample_rate) :]).max() == pytest.approx(0.5, abs=0.01)


def test_jitter_of_clocks_leaves_the_sound_alone(tmp_path: Path) -> None:
    samples = tone(1, 440)
    path = write_packets(tmp_path / "call.mkv", [(0.0, samples[:8000]), (0.55, samples[8000:])])
    found, _ = decoded(path)
    np.testing.assert_allclose(found[:, 0], samples, atol=2**-14)


def test_clock_that_starts_late_starts_the_recording(tmp_path: Path) -> None:
    path = write_packets(tmp_path / "call.mkv", [(5000.0, tone(1, 440))])
    found, sample_rate = decoded(path)
    assert len(found) / sample_rate == pytest.approx(1.0, abs=0.01)


# ── real recordings ─────────────────────────────────────────────────────────────────────────────────────────────


def test_real_call_has_two_channels(data: Path) -> None:
    with open_recording(data / "conversations_demo/auto_repairs_call.flac") as recording:
        assert recording.channels == 2
        assert recording.duration is not None
        seconds = sum(len(block) for block in recording.blocks()) / recording.sample_rate
        assert seconds == pytest.approx(recording.duration)


@pytest.mark.parametrize("corpus", ["emodb", "ravdess", "nemo", "urdu", "an4", "speechocean762", "conversations_demo"])
def test_real_recordings_have_the_rate_of_their_corpus(corpus: str, data: Path) -> None:
    paths = sorted((data / corpus).rglob("*.opus"))[:5]
    assert paths
    for path in paths:
        found, sample_rate = decoded(path)
        assert sample_rate == 16_000
        assert 0.001 < np.abs(found).max() < 2
