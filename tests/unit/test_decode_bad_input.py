"""What is not a recording, or not one that can be used, is refused with one clear error."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from odd_recordings import cut, wav_bytes, write_packets, write_silent_film

from undertone.audio._headers import Bytes
from undertone.audio.decode import open_recording
from undertone.errors import (
    EmptyAudioError,
    MissingRecordingError,
    TooManyChannelsError,
    UnreadableAudioError,
    UnsupportedRateError,
)
from undertone.testing.sounds import noise, tone, write_recording


def decode(path: Path | str) -> float:
    with open_recording(path) as recording:
        return sum(len(block) for block in recording.blocks(0.5)) / recording.sample_rate


# ── paths ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordingError, match=r"nowhere\.wav: it does not exist\. Check the path") as caught:
        open_recording(tmp_path / "nowhere.wav")
    assert caught.value.path == str(tmp_path / "nowhere.wav")


@pytest.mark.parametrize("path", ["", "a\0b.wav"])
def test_path_that_cannot_exist(path: str) -> None:
    with pytest.raises(MissingRecordingError, match=r"does not exist|is a folder"):
        open_recording(path)


def test_file_used_as_a_folder(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", tone(0.1, 440))
    with pytest.raises(MissingRecordingError, match=r"a\.wav/b\.wav: it does not exist"):
        open_recording(path / "b.wav")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(
        MissingRecordingError, match=r"it is a folder, not a recording\. Pass the files in it, or the folder"
    ):
        open_recording(tmp_path)


def test_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(UnreadableAudioError, match=r"pipe\.wav: it is a pipe or a device"):
        open_recording(tmp_path / "pipe.wav")


def test_file_without_permission(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "private.wav", tone(0.1, 440))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user (root) may read everything")
    with pytest.raises(UnreadableAudioError, match=r"private\.wav: it may not be read \(Permission denied\)"):
        open_recording(path)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied"), r"a\.wav: it may not be read \(Permission denied\)\. Ask its owner"),
        (OSError(5, "Input/output error"), r"a\.wav: it cannot be read \(Input/output error\)\. Check the disk"),
    ],
)
def test_errors_of_the_system_become_ours(
    error: OSError, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_recording(tmp_path / "a.wav", tone(0.1, 440))

    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Bytes, "__init__", refuse)
    with pytest.raises(UnreadableAudioError, match=message):
        open_recording(path)


# ── content that is not sound ───────────────────────────────────────────────────────────────────────────────────


def test_no_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(EmptyAudioError, match=r"a\.wav: it is empty \(0 bytes\)"):
        open_recording(path)


# libsndfile takes text for raw sound where the name ends in .au, .gsm or .vox.
@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a", ".au", ".gsm", ".vox", ".raw", ""])
def test_text(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_text("minutes of the meeting, " * 500)
    with pytest.raises(UnreadableAudioError, match=r"bytes are not sound .* \(they start with b'minutes of the m'\)"):
        open_recording(path)


def test_single_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"R")
    with pytest.raises(UnreadableAudioError, match=r"they start with b'R'"):
        open_recording(path)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_git_lfs_pointer(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 81066\n")
    with pytest.raises(UnreadableAudioError, match=r"Git LFS pointer.* Run 'git lfs pull'"):
        open_recording(path)


def test_real_git_lfs_pointer(data: Path) -> None:
    with pytest.raises(UnreadableAudioError, match=r"lfs_pointer_example\.wav: it is a Git LFS pointer"):
        open_recording(data / "cremad_metadata/lfs_pointer_example.wav")


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{sound}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {sound}\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{sound}</BaseURL></MPD>",
    ],
)
def test_playlist_opens_no_other_file(playlist: str, tmp_path: Path) -> None:
    write_recording(tmp_path / "other.mp3", tone(1, 440))
    for name in ("a.wav", "a.m3u8", "a.ffconcat", "a.mpd"):
        path = tmp_path / name
        path.write_text(playlist.format(sound="other.mp3"))
        with pytest.raises(UnreadableAudioError, match="bytes are not sound"):
            open_recording(path)


def test_film_without_sound(tmp_path: Path) -> None:
    path = write_silent_film(tmp_path / "film.mp4")
    with pytest.raises(UnreadableAudioError, match=r"film\.mp4: it has no sound track; it holds video"):
        open_recording(path)


def test_codec_without_decoder(tmp_path: Path) -> None:
    path = write_packets(tmp_path / "film.mkv", [(0.0, tone(1, 440))])
    path.write_bytes(path.read_bytes().replace(b"A_PCM/INT/LIT", b"A_ZZZ/INT/LIT"))
    with pytest.raises(UnreadableAudioError, match=r"sound track is encrypted or in a format without a decoder"):
        open_recording(path)


def test_sound_that_cannot_be_decoded_at_all(tmp_path: Path) -> None:
    content = bytearray(wav_bytes(tone(1, 440)))
    struct.pack_into("<H", content, 20, 0x00FF)  # says that the samples are AAC
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudioError, match=r"none of its sound can be decoded \(aac"):
        open_recording(path)


# ── no samples ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(wav_bytes(np.zeros(0, np.float32)), id="a chunk of no length"),
        pytest.param(
            wav_bytes(np.zeros(0, np.float32), riff_size=36 + 12) + b"LIST\x04\0\0\0abcd",
            id="followed by another chunk",
        ),
        pytest.param(wav_bytes(np.zeros(0, np.float32), riff_size=0), id="a recorder that lost power at once"),
        pytest.param(wav_bytes(np.zeros(0, np.float32), data_size=16_000), id="only the header was copied"),
    ],
)
def test_wav_without_samples(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(EmptyAudioError, match=r"a\.wav: it.* holds no samples"):
        open_recording(path)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".aiff", ".au", ".caf", ".ogg", ".mp3"])
def test_recording_without_samples(suffix: str, tmp_path: Path) -> None:
    path = write_recording(tmp_path / f"a{suffix}", np.zeros(0, np.float32), 8000)
    with pytest.raises(EmptyAudioError, match=r"holds no samples|it is empty \(0 bytes\)"):
        decode(path)


def test_short_flac_of_which_only_the_header_is_left(tmp_path: Path, rng: np.random.Generator) -> None:
    path = write_recording(tmp_path / "a.flac", noise(0.05, rng=rng))
    with pytest.raises(EmptyAudioError, match=r"cut_a\.flac: it holds no samples"):
        decode(cut(path))


def test_amr_that_ends_after_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.amr"
    path.write_bytes(b"#!AMR\n")
    with pytest.raises(EmptyAudioError, match=r"a\.amr: its sound track holds no samples"):
        open_recording(path)


# ── limits ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nine_channels(tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", np.zeros((800, 9), np.float32), 8000)
    with pytest.raises(TooManyChannelsError, match=r"a\.wav: it has 9 channels; at most 8 are read"):
        open_recording(path)


@pytest.mark.parametrize("sample_rate", [7_999, 4_000, 384_001])
def test_rates_that_are_not_read(sample_rate: int, tmp_path: Path) -> None:
    path = write_recording(tmp_path / "a.wav", np.zeros(800, np.float32), sample_rate)
    with pytest.raises(UnsupportedRateError, match=rf"sample rate is {sample_rate} Hz; 8000 to 384000 Hz are read"):
        open_recording(path)
