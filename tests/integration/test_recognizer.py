"""The recogniser from a file to a timeline: the same as a stream, in bounded memory, for whom it was asked to judge."""

from __future__ import annotations

import itertools
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

import undertone
from undertone.errors import NotFiniteAudioError, TurnsError, UsageError
from undertone.inference import recognizer as recognizing
from undertone.inference.recognizer import Recognizer
from undertone.records import Abstention, Timeline, Turn, TurnEmotion
from undertone.testing.bundles import make_bundle
from undertone.testing.sounds import voice

SPOKEN = ((0.5, 2.5, 0), (3.5, 5.0, 1), (6.2, 8.2, 0), (9.5, 11.0, 1))
"""Who speaks when: start, end, channel."""

LENGTH_S = 12.0


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def recognizer(bundle: Path) -> Recognizer:
    return undertone.load(bundle, threads=1)


def conversation(sample_rate: int, channels: int) -> np.ndarray:
    """Two people who take turns, on a channel each or on one; shape (sample, channel)."""
    rng = np.random.default_rng(11)
    sound = np.zeros((round(LENGTH_S * sample_rate), 2), dtype=np.float32)
    for start, end, channel in SPOKEN:
        spoken = voice(end - start, rng=rng, sample_rate=sample_rate, pitch=(110.0, 200.0)[channel])
        first = round(start * sample_rate)
        sound[first : first + len(spoken), channel] = spoken
    return sound if channels == 2 else sound.sum(axis=1, keepdims=True)


def write(path: Path, sound: np.ndarray, sample_rate: int = 16_000) -> Path:
    """Write the very samples, without rounding."""
    soundfile.write(path, sound, sample_rate, subtype="FLOAT")
    return path


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("call") / "call.wav", conversation(16_000, 2))


def assert_same(found: list[TurnEmotion], expected: list[TurnEmotion]) -> None:
    assert [item.turn for item in found] == [item.turn for item in expected]
    assert [item.abstention for item in found] == [item.abstention for item in expected]
    for item, other in zip(found, expected, strict=True):
        assert len(item.track) == len(other.track)
        if item.probabilities is None or other.probabilities is None:
            assert item.probabilities is other.probabilities
        else:
            assert np.allclose(item.probabilities, other.probabilities, atol=1e-4)


def test_both_ends_of_a_call_are_told_apart_and_timed(recognizer: Recognizer, call: Path) -> None:
    timeline = recognizer.analyze(call, names=("Anna", "Ben"))
    assert [item.turn.speaker for item in timeline.turns] == ["Anna", "Ben", "Anna", "Ben"]
    for item, (start, end, channel) in zip(timeline.turns, SPOKEN, strict=True):
        assert item.turn.channel == channel
        assert item.turn.start == pytest.approx(start, abs=0.25)
        assert item.turn.end == pytest.approx(end, abs=0.3)
        assert item.probabilities is not None
        assert item.probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert timeline.recording.duration == LENGTH_S
    assert timeline.recording.channels == 2
    assert timeline.bundle_id == recognizer.card.id
    assert timeline.notes == ("2 channels: each is taken for one speaker",)


def test_one_recogniser_keeps_nothing_of_the_recording_before(recognizer: Recognizer, call: Path) -> None:
    first = recognizer.analyze(call)
    recognizer.analyze(call, channels="mix")
    assert_same(list(recognizer.analyze(call).turns), list(first.turns))


@pytest.mark.parametrize(
    ("sample_rate", "channels", "split"),
    [(16_000, 1, True), (16_000, 2, True), (16_000, 2, False), (8_000, 1, True), (44_100, 2, True)],
)
def test_a_stream_hears_what_the_file_holds_however_it_is_cut(
    recognizer: Recognizer, tmp_path: Path, sample_rate: int, channels: int, split: bool
) -> None:
    sound = conversation(sample_rate, channels)
    path = write(tmp_path / "call.wav", sound, sample_rate)
    expected = list(recognizer.analyze(path, channels="split" if split else "mix").turns)
    assert len(expected) >= 4

    @settings(max_examples=4, deadline=None)
    @given(cuts=st.lists(st.integers(0, len(sound)), max_size=6), step=st.sampled_from([0, 160, 4001]))
    def check(cuts: list[int], step: int) -> None:
        steps = range(0, len(sound), step) if step else ()
        edges = [0, *sorted([*cuts, *steps]), len(sound)]
        stream = recognizer.stream(sample_rate=sample_rate, channels=channels, split=split)
        found = [item for first, end in itertools.pairwise(edges) for item in stream.feed(sound[first:end])]
        found += stream.finish()
        assert_same(sorted(found, key=lambda item: (item.turn.start, item.turn.channel or 0)), expected)

    check()


def test_a_stream_gives_turns_soon_after_they_end(recognizer: Recognizer) -> None:
    sound = conversation(16_000, 1)
    stream = recognizer.stream()
    for first in range(0, len(sound), 1600):
        for item in stream.feed(sound[first : first + 1600]):
            assert (first + 1600) / 16_000 - item.turn.end < 0.8


def test_a_stream_of_nothing_has_no_turns(recognizer: Recognizer) -> None:
    assert recognizer.stream(sample_rate=8000).finish() == []
    stream = recognizer.stream()
    assert stream.feed(np.empty((0, 1), dtype=np.float32)) == []
    assert stream.finish() == []


def test_a_stream_refuses_what_is_no_sound_and_goes_on(recognizer: Recognizer) -> None:
    sound = conversation(16_000, 1)
    stream = recognizer.stream()
    with pytest.raises(
        UsageError, match=r"the samples are int16; floating-point numbers .* Divide 16-bit samples by 32768"
    ):
        stream.feed((sound * 32767).astype(np.int16))
    broken = sound[:1600].copy()
    broken[7] = np.nan
    with pytest.raises(NotFiniteAudioError, match=r"the stream: a sample is not a number \(NaN or infinite\)"):
        stream.feed(broken)
    with pytest.raises(ValueError, match=r"a block has the shape \(sample, 1\), not \(1600, 2\)"):
        stream.feed(np.zeros((1600, 2), dtype=np.float32))
    assert len(stream.feed(sound) + stream.finish()) == 4


def test_a_stream_with_other_names_than_voices_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(UsageError, match=r"1 names \(Anna\) for 2 voices"):
        recognizer.stream(channels=2, names=("Anna",))
    with pytest.raises(UsageError, match="the names Anna, Anna are not all different"):
        recognizer.stream(channels=2, names=("Anna", "Anna"))


def peak_bytes(recognizer: Recognizer, path: Path, turns: list[Turn] | None) -> int:
    tracemalloc.start()
    try:
        recognizer.analyze(path, turns=turns)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("one_turn", [False, True])
@pytest.mark.parametrize(
    ("minutes", "block_s"),
    [
        ((1, 3), 8.0),  # four blocks are under way at once, which a minute must hold
        pytest.param((10, 30), recognizing.BLOCK_S, marks=pytest.mark.slow),  # likewise, with longer blocks
    ],
)
def test_memory_does_not_grow_with_the_recording(
    recognizer: Recognizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    minutes: tuple[int, int],
    block_s: float,
    one_turn: bool,
) -> None:
    """Two minutes of sound at 16 kHz alone are 7.7 MB, and their features 3.8 MB."""
    monkeypatch.setattr(recognizing, "BLOCK_S", block_s)
    spoken = np.concatenate((voice(6.0, rng=np.random.default_rng(0)), np.zeros(32_000, dtype=np.float32)))
    peaks = []
    for length in minutes:
        path = tmp_path / f"{length}.wav"
        with soundfile.SoundFile(path, "w", 16_000, 1) as file:
            for _ in range(length * 60 * 16_000 // len(spoken)):
                file.write(spoken)
        given_turns = [Turn(start=0.0, end=length * 60.0 - 10, speaker="reader")] if one_turn else None
        peaks.append(peak_bytes(recognizer, path, given_turns))
    assert peaks[1] - peaks[0] < 3_000_000


def test_progress_rises_to_the_duration(recognizer: Recognizer, tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", np.zeros((130 * 8000, 1), dtype=np.float32), 8000)
    seen: list[tuple[float, float | None]] = []
    recognizer.analyze(path, progress=lambda heard, total: seen.append((heard, total)))
    heard = [value for value, _ in seen]
    assert len(seen) > 2
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(130.0, abs=1e-3)
    assert {total for _, total in seen} == {130.0}


def reading_ahead() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "undertone-ahead"]


def test_a_failure_on_the_way_ends_the_reading_ahead(recognizer: Recognizer, tmp_path: Path) -> None:
    path = write(tmp_path / "long.wav", np.zeros((200 * 8000, 1), dtype=np.float32), 8000)

    class HadEnoughError(Exception):
        pass

    def had_enough(_heard: float, _total: float | None) -> None:
        raise HadEnoughError

    with pytest.raises(HadEnoughError):
        recognizer.analyze(path, progress=had_enough)
    assert reading_ahead() == []


class Spy:
    """Counts the windows that a recogniser's network judges."""

    def __init__(self, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.windows = 0
        logits = recognizer._session.logits

        def counted(windows: list[np.ndarray]) -> np.ndarray:
            self.windows += len(windows)
            return logits(windows)

        monkeypatch.setattr(recognizer._session, "logits", counted)


def judged(timeline: Timeline) -> int:
    return sum(len(item.track) for item in timeline.turns)


@pytest.mark.parametrize("who", [{"only": ("Ben",)}, {"skip": ("Anna",)}, {"only": ("Ben", "Anna"), "skip": ("Anna",)}])
@pytest.mark.parametrize("given_turns", [False, True])
def test_speakers_who_are_left_out_never_reach_the_network(
    recognizer: Recognizer,
    call: Path,
    monkeypatch: pytest.MonkeyPatch,
    who: dict[str, tuple[str, ...]],
    given_turns: bool,
) -> None:
    how = {"turns": spoken_turns(("Anna", "Ben"))} if given_turns else {"names": ("Anna", "Ben")}
    everybody = recognizer.analyze(call, **how)
    spy = Spy(recognizer, monkeypatch)
    timeline = recognizer.analyze(call, **how, **who)
    assert timeline.speakers == ("Ben",)
    assert 0 < spy.windows == judged(timeline) < judged(everybody)
    assert_same(list(timeline.turns), [item for item in everybody.turns if item.turn.speaker == "Ben"])
    assert "left out on request: Anna" in timeline.notes


def test_where_only_the_others_speak_nobody_is_judged(recognizer: Recognizer, call: Path, tmp_path: Path) -> None:
    sound = soundfile.read(call, dtype="float32")[0]
    sound[:, 1] = 0
    path = write(tmp_path / "one.wav", sound)
    timeline = recognizer.analyze(path, channels="split", names=("Anna", "Ben"), skip=("Anna",))
    assert timeline.turns == ()
    assert timeline.notes[:2] == ("nobody else was heard to speak", "left out on request: Anna")
    assert recognizer.analyze(path, channels="split").speakers == ("speaker_1",)


def spoken_turns(names: tuple[str, str]) -> list[Turn]:
    return [Turn(start=start, end=end, speaker=names[channel], channel=channel) for start, end, channel in SPOKEN]


def test_turns_given_as_a_file_and_as_records_are_judged_alike(
    recognizer: Recognizer, call: Path, tmp_path: Path
) -> None:
    turns = [Turn(start=turn.start, end=turn.end, speaker=turn.speaker) for turn in spoken_turns(("Anna", "Ben"))]
    path = tmp_path / "call.rttm"
    path.write_text(
        "".join(f"SPEAKER call 1 {turn.start} {turn.duration} <NA> <NA> {turn.speaker} <NA> <NA>\n" for turn in turns),
        encoding="utf-8",
    )
    as_records = recognizer.analyze(call, turns=list(reversed(turns)))
    assert [item.turn for item in as_records.turns] == turns
    for given_file in (path, str(path)):
        assert_same(list(recognizer.analyze(call, turns=given_file).turns), list(as_records.turns))


def test_given_turns_are_judged_on_their_channel(recognizer: Recognizer, call: Path) -> None:
    silent = Turn(start=0.5, end=2.5, speaker="Ben", channel=1)
    mixed = Turn(start=0.5, end=2.5, speaker="both")
    short = Turn(start=3.0, end=3.1, speaker="Anna", channel=0)
    found = recognizer.analyze(call, turns=[short, silent, mixed])
    reasons = {item.turn.speaker: item.abstention for item in found.turns}
    assert reasons["Ben"] is Abstention.SILENT
    assert reasons["Anna"] is Abstention.TOO_SHORT
    assert reasons["both"] in {None, Abstention.UNCERTAIN}


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([], "the turns given: it holds no turns; name a file with at least one"),
        ([Turn(start=1.0, end=2.0, speaker="a", channel=2)], r"turn 1: there is no channel 2; call\.wav has 2"),
        ([Turn(start=1.0, end=60.0, speaker="a")], r"turn 1: a turn runs from 1\.000 s to 60\.000 s but .* 12\.000 s"),
        ([Turn(start=1.0, end=2.0, speaker=" ")], "turn 1: the turn has no speaker"),
        (
            [Turn(start=1.0, end=3.0, speaker="a"), Turn(start=2.0, end=4.0, speaker="a")],
            r"turn 2: 'a' speaks from 2\.000 s to 4\.000 s although the turn at turn 1 lasts until 3\.000 s",
        ),
    ],
)
def test_given_turns_that_do_not_fit_are_refused(
    recognizer: Recognizer, call: Path, turns: list[Turn], said: str
) -> None:
    with pytest.raises(TurnsError, match=said):
        recognizer.analyze(call, turns=turns)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"channels": "stereo"}, "channels can be auto, split, mix, not 'stereo'"),
        ({"names": ("Anna", "Ben", "Carl")}, r"3 names \(Anna, Ben, Carl\) for 2 voices; give one name for each"),
        ({"names": ("Anna", "Anna")}, "the names Anna, Anna are not all different"),
        ({"names": ("Anna", "Ben"), "channels": "mix"}, r"2 names \(Anna, Ben\) for 1 voice; "),
        ({"only": ("Carl",)}, "nobody is called Carl; the speakers of this recording are speaker_1, speaker_2"),
        ({"skip": ("Carl", "Dora")}, "nobody is called Carl, Dora;"),
        ({"only": ("speaker_1",), "skip": ("speaker_1",)}, r"everybody is left out \(speaker_1, speaker_2\)"),
        ({"names": ("Anna", "Ben"), "turns": spoken_turns(("a", "b"))}, "a file of turns exclude each other"),
    ],
)
def test_options_that_contradict_are_refused(
    recognizer: Recognizer, call: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        recognizer.analyze(call, **options)
