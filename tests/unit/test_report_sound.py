"""The sound inside a report."""

import io

import numpy as np
import pytest
import soundfile

from undertone.conversation.report.sound import BUCKET_SAMPLES, HEAD_BYTES, Mp3Stream, Outline, encoded


def tone(seconds, channels=1, hertz=440.0):
    time = np.arange(int(seconds * 16_000)) / 16_000
    return np.repeat(0.5 * np.sin(2 * np.pi * hertz * time)[:, None], channels, axis=1).astype(np.float32)


def blocks_of(samples, size):
    return [samples[at : at + size] for at in range(0, len(samples), size)]


def encode(blocks, channels):
    stream, outline = Mp3Stream(), Outline(blocks[0].shape[1], split=channels == 2)
    parts = list(encoded(blocks, channels=channels, stream=stream, outline=outline))
    return bytes(stream.head) + b"".join(parts), parts


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("seconds", [0.02, 1.0, 3.3])
def test_sound_comes_back_at_its_place_and_length(channels, seconds):
    samples = tone(seconds, channels)
    mp3, _ = encode(blocks_of(samples, 5000), channels)
    decoded, sample_rate = soundfile.read(io.BytesIO(mp3), dtype="float32", always_2d=True)
    assert sample_rate == 16_000
    assert decoded.shape == samples.shape, "the encoder's delay is noted in the file, so players take it off again"
    if seconds >= 1:
        inner = slice(2000, -2000)
        assert np.corrcoef(decoded[inner, 0], samples[inner, 0])[0, 1] > 0.99


def test_several_channels_are_mixed_into_one():
    samples = np.concatenate([tone(1.0), 0 * tone(1.0)], axis=1)
    mp3, _ = encode([samples], 1)
    decoded, _ = soundfile.read(io.BytesIO(mp3), dtype="float32", always_2d=True)
    assert decoded.shape == (16_000, 1)
    assert np.abs(decoded).max() == pytest.approx(0.25, abs=0.03)


def test_every_part_but_the_last_fills_whole_groups_of_base64():
    _, parts = encode(blocks_of(tone(20.0), 16_000), 1)
    assert sum(len(part) > 0 for part in parts) > 10
    assert all(len(part) % 3 == 0 for part in parts[:-1])


def test_the_stream_keeps_little_however_long_the_sound_is():
    stream, outline = Mp3Stream(), Outline(1, split=False)
    kept = [
        len(stream.head) + len(stream._pending)
        for _ in encoded(blocks_of(tone(60.0), 16_000), channels=1, stream=stream, outline=outline)
    ]
    assert max(kept) < HEAD_BYTES + 3 * 5000


def test_the_stream_can_be_written_anew_only_at_its_head():
    stream = Mp3Stream()
    stream.write(bytes(HEAD_BYTES + 10))
    assert stream.tell() == HEAD_BYTES + 10
    stream.seek(2)
    stream.write(b"ab")
    assert stream.head[:5] == b"\0\0ab\0"
    assert stream.seek(0, io.SEEK_END) == HEAD_BYTES + 10
    assert stream.drain(whole=False) == bytes(9)
    assert stream.drain(whole=True) == bytes(1)
    stream.seek(HEAD_BYTES - 1)
    with pytest.raises(io.UnsupportedOperation, match=r"bytes 4095 to 4098 of 4106 .* first 4096"):
        stream.write(b"abc")


@pytest.mark.parametrize("size", [1, 399, 400, 1000, 100_000])
def test_the_outline_does_not_depend_on_the_blocks(size, rng):
    samples = rng.uniform(-1, 1, (1733, 2)).astype(np.float32)
    outline = Outline(2, split=True)
    for block in blocks_of(samples, size):
        outline.add(block)
    expected = [np.abs(samples[at : at + BUCKET_SAMPLES]).max(axis=0) for at in range(0, 1733, BUCKET_SAMPLES)]
    levels = np.rint(255 * np.sqrt(np.array(expected)))
    assert [list(channel) for channel in outline.channels()] == levels.T.tolist()


def test_the_outline_of_a_mix_has_one_channel_and_survives_clipping_and_empty_blocks():
    outline = Outline(2, split=False)
    outline.add(np.zeros((0, 2), np.float32))
    outline.add(np.full((BUCKET_SAMPLES, 2), -1.5, np.float32))
    assert outline.channels() == [b"\xff"]
