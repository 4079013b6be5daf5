"""Stores of an encoder's rows: keyed by sound, resumable, checked."""

from __future__ import annotations

import dataclasses
import json
import math
import multiprocessing
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.audio.load import load_utterance
from undertone.encoders.base import Encoder
from undertone.encoders.registry import encoder_named
from undertone.errors import CorpusError, OutputError
from undertone.records import Utterance
from undertone.testing.sounds import noise, write_recording
from undertone.training.rows import RowKind, has_store, salvaged, writing
from undertone.training.store import open_or_extract, open_store, plan_batches, sound_fingerprints, store_name

KIND = RowKind(dtype="float32", row_shape=(2,))


def utterance(name: str, path: Path | str = "x", duration: float = 1.0) -> Utterance:
    return Utterance(
        id=f"a/{name}", path=str(path), corpus="a", speaker="s", language="de", emotion="sad", duration=duration
    )


def first_samples(sounds: list[np.ndarray]) -> list[np.ndarray]:
    """Two rows an utterance: its first four samples."""
    return [samples[:4].reshape(2, 2) for samples in sounds]


def encoder(**changes: object) -> Encoder:
    wanted = {
        "name": "first samples",
        "revision": "1",
        "source": "test",
        "weights": "none",
        "row_shape": (2,),
        "rows": "frame",
        "dtype": "float32",
        "encode": first_samples,
        "batch": 2.0,
    }
    return Encoder(**(wanted | changes))


@pytest.fixture
def corpus(tmp_path: Path) -> list[Utterance]:
    """Seven utterances of 0.2 to 0.8 s."""
    rng = np.random.default_rng(3)
    items = []
    for number in range(7):
        duration = 0.2 + 0.1 * number
        path = tmp_path / "sound" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        write_recording(path, noise(duration, rng=rng))
        items.append(utterance(str(number), path, duration))
    return items


def only_store(cache: Path) -> Path:
    (folder,) = cache.iterdir()
    return folder


class CutOffError(Exception):
    pass


def cut_off_after(steps: int) -> object:
    def progress(title: str, total: int) -> object:
        left = [steps]

        def advance() -> None:
            left[0] -= 1
            if left[0] == 0:
                raise CutOffError

        return advance

    return progress


def test_a_store_holds_the_rows_of_every_utterance(corpus: list[Utterance], tmp_path: Path) -> None:
    seen: list[tuple[str, int]] = []
    steps: list[int] = []

    def progress(title: str, total: int) -> object:
        seen.append((title, total))
        return lambda: steps.append(1)

    store = open_or_extract(corpus, encoder(), tmp_path / "cache", progress)
    assert seen == [("features of first samples", 7)]
    assert len(steps) == 7
    assert store.rows.dtype == np.float32
    for item in corpus:
        assert np.array_equal(store.features(item.id), load_utterance(item)[:4].reshape(2, 2))


def test_a_store_is_taken_once_whatever_the_order(corpus: list[Utterance], tmp_path: Path) -> None:
    first = open_or_extract(corpus, encoder(), tmp_path / "cache")

    def never(sounds: object) -> object:
        raise AssertionError

    again = open_or_extract(corpus[::-1], encoder(encode=never), tmp_path / "cache")
    assert np.array_equal(first.rows, again.rows)
    assert first.spans == again.spans


def test_rows_are_read_from_the_disk_and_cannot_be_changed(corpus: list[Utterance], tmp_path: Path) -> None:
    store = open_or_extract(corpus, encoder(), tmp_path / "cache")
    assert isinstance(store.rows.base, np.memmap) or isinstance(store.rows, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store.features("a/0")[0] = 0


def test_no_utterances_make_an_empty_store(tmp_path: Path) -> None:
    for _ in range(2):
        store = open_or_extract([], encoder(), tmp_path / "cache")
        assert store.rows.shape == (0, 2)
        assert store.spans == {}


@pytest.mark.parametrize("steps", range(1, 7))
def test_what_was_cut_off_goes_on_to_the_same_bytes(corpus: list[Utterance], tmp_path: Path, steps: int) -> None:
    whole = open_or_extract(corpus, encoder(), tmp_path / "whole")
    with pytest.raises(CutOffError):
        open_or_extract(corpus, encoder(), tmp_path / "cut", cut_off_after(steps))
    part = only_store(tmp_path / "cut")
    assert part.name.startswith(".")
    heard: list[int] = []

    def count(sounds: list[np.ndarray]) -> list[np.ndarray]:
        heard.append(len(sounds))
        return first_samples(sounds)

    store = open_or_extract(corpus, encoder(encode=count), tmp_path / "cut")
    assert sum(heard) < 7
    assert store.spans == whole.spans
    assert [path.name for path in only_store(tmp_path / "cut").iterdir() if path.name != "rows.bin"] == ["index.json"]
    for name in ("rows.bin", "index.json"):
        one, other = only_store(tmp_path / "whole") / name, only_store(tmp_path / "cut") / name
        assert one.read_bytes() == other.read_bytes()


def test_a_batch_that_was_cut_in_its_middle_is_heard_whole_again(corpus: list[Utterance], tmp_path: Path) -> None:
    folder = tmp_path / store_name(encoder(), sound_fingerprints(corpus))
    batch = next(iter(plan_batches(corpus, 2.0)))
    assert len(batch) > 1
    with writing(folder, KIND) as writer:
        assert writer is not None
        writer.append(batch[0].id, np.full((1, 2), 7.0))
    heard: list[int] = []

    def count(sounds: list[np.ndarray]) -> list[np.ndarray]:
        heard.append(len(sounds))
        return first_samples(sounds)

    store = open_or_extract(corpus, encoder(encode=count), tmp_path)
    assert heard[0] == len(batch)
    assert np.array_equal(store.features(batch[0].id), [[7, 7]])
    assert len(store.features(batch[1].id)) == 2


@pytest.mark.parametrize("name", ["rows.bin", "journal.jsonl"])
@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_torn_end_of_either_file_is_cut_off(tmp_path: Path, name: str, cut: int) -> None:
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        for number in range(3):
            writer.append(str(number), np.full((number + 1, 2), number))
    path = tmp_path / ".x.part" / name
    path.write_bytes(path.read_bytes()[:-cut])
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        assert writer.taken < {"0", "1", "2"}
        for number in range(3):
            if str(number) not in writer.taken:
                writer.append(str(number), np.full((number + 1, 2), number))
        writer.finish({})
    store = open_store(tmp_path / "x")
    assert [store.features(str(number)).tolist() for number in range(3)] == [
        [[number] * 2] * (number + 1) for number in range(3)
    ]


def test_rows_that_a_journal_does_not_vouch_for_are_taken_again(tmp_path: Path) -> None:
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        for number in range(3):
            writer.append(str(number), np.full((1, 2), number))
    path = tmp_path / ".x.part" / "rows.bin"
    content = bytearray(path.read_bytes())
    content[9] ^= 1
    path.write_bytes(content)
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        assert writer.taken == {"0"}
    assert path.stat().st_size == 8


@pytest.mark.parametrize("line", [b'["a", 1, 2', b"[]\n", b"7\n", b"\xff\n", b'["a", 1]\n'])
def test_a_journal_is_read_up_to_its_first_odd_line(tmp_path: Path, line: bytes) -> None:
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        writer.append("0", np.zeros((1, 2)))
    with (tmp_path / ".x.part" / "journal.jsonl").open("ab") as journal:
        journal.write(line)
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        assert writer.taken == {"0"}


def test_rows_of_another_shape_are_no_rows_of_the_store(tmp_path: Path) -> None:
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        with pytest.raises(ValueError, match=r"rows of u have shape \(3,\); the store's have \(2,\)"):
            writer.append("u", np.zeros((1, 3)))


def test_a_key_changes_with_the_sound_and_the_encoder_and_nothing_else(corpus: list[Utterance], tmp_path: Path) -> None:
    name = store_name(encoder(), sound_fingerprints(corpus))
    assert name.startswith("first-samples-")
    copied = tmp_path / "copy.wav"
    copied.write_bytes(Path(corpus[0].path).read_bytes())
    same = [dataclasses.replace(corpus[0], path=str(copied), emotion="angry", speaker="t"), *corpus[1:]]
    assert store_name(encoder(), sound_fingerprints(same)) == name
    others = {store_name(encoder(**change), sound_fingerprints(corpus)) for change in (
        {"revision": "2"}, {"name": "last samples"}, {"dtype": "float16"}, {"row_shape": (1, 2)}, {"rows": "utterance"},
    )}  # fmt: skip
    write_recording(copied, noise(0.2, rng=np.random.default_rng(9)))
    others |= {store_name(encoder(), sound_fingerprints(items)) for items in (
        corpus[1:], same, [dataclasses.replace(corpus[0], start=0.1), *corpus[1:]],
        [dataclasses.replace(corpus[0], end=0.1), *corpus[1:]], [dataclasses.replace(corpus[0], id="a/x"), *corpus[1:]],
    )}  # fmt: skip
    assert len(others | {name}) == 11


def test_the_name_of_a_store_is_a_name_of_a_folder() -> None:
    assert "/" not in store_name(encoder(name="hub:owner/../x y"), {})
    assert not store_name(encoder(name="../../x"), {}).startswith(".")


def test_utterances_that_cannot_be_used_are_counted_and_the_others_are_kept(
    corpus: list[Utterance], tmp_path: Path
) -> None:
    Path(corpus[2].path).write_bytes(b"nonsense")
    missing = utterance("missing", tmp_path / "missing.wav")
    with pytest.raises(
        CorpusError, match=r"a: 2 of 8 utterances cannot be used by first samples, the first a/\w+: .*Repair or exclude"
    ):
        open_or_extract([*corpus, missing], encoder(), tmp_path / "cache")
    heard: list[int] = []

    def count(sounds: list[np.ndarray]) -> list[np.ndarray]:
        heard.append(len(sounds))
        return first_samples(sounds)

    write_recording(corpus[2].path, noise(0.4, rng=np.random.default_rng(5)))
    store = open_or_extract(corpus, encoder(encode=count, batch=0.0), tmp_path / "cache")
    assert heard == [1]
    for item in corpus:
        assert np.array_equal(store.features(item.id), load_utterance(item)[:4].reshape(2, 2))


def test_what_another_store_of_the_encoder_holds_is_not_taken_again(corpus: list[Utterance], tmp_path: Path) -> None:
    whole = open_or_extract(corpus, encoder(), tmp_path)

    def never(sounds: object) -> object:
        raise AssertionError

    fewer = open_or_extract(corpus[1:4], encoder(encode=never), tmp_path)
    assert set(fewer.spans) == {"a/1", "a/2", "a/3"}
    assert np.array_equal(fewer.features("a/2"), whole.features("a/2"))
    with pytest.raises(AssertionError):
        open_or_extract(corpus[1:4], encoder(encode=never, revision="2"), tmp_path)


def test_two_utterances_of_one_sound_both_have_rows(corpus: list[Utterance], tmp_path: Path) -> None:
    items = [*corpus[:2], dataclasses.replace(corpus[0], id="a/again")]
    open_or_extract(corpus, encoder(), tmp_path)
    store = open_or_extract(items, encoder(), tmp_path)
    assert np.array_equal(store.features("a/again"), store.features("a/0"))
    assert len(store.spans) == 3


def test_damaged_rows_of_another_store_are_not_copied(corpus: list[Utterance], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    open_or_extract(corpus, encoder(), cache)
    folder = only_store(cache)
    (folder / "rows.bin").write_bytes(bytes((folder / "rows.bin").stat().st_size))
    store = open_or_extract(corpus[:3], encoder(), cache)
    assert np.array_equal(store.features("a/2"), load_utterance(corpus[2])[:4].reshape(2, 2))
    (folder / "index.json").write_text('{"entries": [[1, 2]]}')
    assert list(salvaged(folder, KIND, {"x"})) == []
    assert list(salvaged(tmp_path / "nowhere", KIND, {"x"})) == []


def test_an_utterance_without_a_row_is_refused_by_name(corpus: list[Utterance], tmp_path: Path) -> None:
    def nothing(sounds: list[np.ndarray]) -> list[np.ndarray]:
        return [np.empty((0, 2)) for _ in sounds]

    with pytest.raises(CorpusError, match=r"7 of 7 .* the first a/6: its 12800 samples are too short for a single row"):
        open_or_extract(corpus, encoder(encode=nothing), tmp_path / "cache")


@pytest.mark.parametrize(("value", "dtype"), [(math.nan, "float32"), (math.inf, "float32"), (1e5, "float16")])
def test_rows_that_are_not_finite_are_refused_by_name(
    corpus: list[Utterance], tmp_path: Path, value: float, dtype: str
) -> None:
    def odd(sounds: list[np.ndarray]) -> list[np.ndarray]:
        return [np.full((1, 2), value if len(samples) == 3200 else 0.0, dtype=np.float32) for samples in sounds]

    with pytest.raises(CorpusError, match=r"1 of 7 .* the first a/0: its rows hold values that are not finite"):
        open_or_extract(corpus, encoder(encode=odd, dtype=dtype), tmp_path / "cache")


def test_an_utterance_that_is_listed_twice_is_refused(corpus: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="a: a/0 is listed more than once; list every utterance once"):
        open_or_extract([*corpus, corpus[0]], encoder(), tmp_path / "cache")


def test_a_damaged_store_is_noticed_and_the_message_says_what_to_do(corpus: list[Utterance], tmp_path: Path) -> None:
    open_or_extract(corpus, encoder(), tmp_path / "cache")
    folder = only_store(tmp_path / "cache")
    rows, index = folder / "rows.bin", folder / "index.json"
    sound, known = rows.read_bytes(), index.read_text()
    rows.write_bytes(sound[:-1])
    with pytest.raises(CorpusError, match=r"rows\.bin holds 111 bytes of 112; delete this folder and run again"):
        open_or_extract(corpus, encoder(), tmp_path / "cache")
    rows.write_bytes(sound[:20] + bytes([sound[20] ^ 1]) + sound[21:])
    with pytest.raises(CorpusError, match=r"the rows of 1 of 7 utterances have changed, the first a/5; delete"):
        open_or_extract(corpus, encoder(), tmp_path / "cache")
    assert len(open_store(folder, check=False).spans) == 7
    rows.write_bytes(sound)
    for content in ("", "[]", "{}", known.replace('"float32"', '"floaty"'), known.replace('"entries"', '"other"')):
        index.write_text(content)
        with pytest.raises(CorpusError, match=r"feature store .* it cannot be read \(.*\); delete this folder"):
            open_or_extract(corpus, encoder(), tmp_path / "cache")
    index.write_text(known)
    rows.unlink()
    with pytest.raises(CorpusError, match="it cannot be read"):
        open_or_extract(corpus, encoder(), tmp_path / "cache")


def test_a_disk_that_fills_is_told_and_what_was_taken_is_kept(
    corpus: list[Utterance], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(OutputError, match=r"cannot be written \(No space left on device\); what was taken before"):
            open_or_extract(corpus, encoder(), tmp_path / "cache")
    assert not any(has_store(path) for path in (tmp_path / "cache").iterdir())

    def never(sounds: object) -> object:
        raise AssertionError

    assert len(open_or_extract(corpus, encoder(encode=never), tmp_path / "cache").spans) == 7


def test_a_cache_that_is_a_file_is_told(corpus: list[Utterance], tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(OutputError, match="the folder cannot be made"):
        open_or_extract(corpus, encoder(), tmp_path / "cache")


def write_in_a_process(folder: Path, value: float, started: multiprocessing.synchronize.Event) -> None:
    started.set()
    with writing(folder, KIND) as writer:
        if writer is not None:
            writer.append("u", np.full((1, 2), value))
            writer.finish({})


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=write_in_a_process, args=(tmp_path / "x", 2.0, started))
    with writing(tmp_path / "x", KIND) as writer:
        assert writer is not None
        process.start()
        assert started.wait(60)
        process.join(0.3)
        assert process.is_alive()
        writer.append("u", np.full((1, 2), 1.0))
        writer.finish({})
    process.join(60)
    assert process.exitcode == 0
    assert open_store(tmp_path / "x").features("u").tolist() == [[1, 1]]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@given(
    lengths=st.lists(st.floats(0.01, 50) | st.just(math.nan), max_size=30), batch_s=st.sampled_from([0.0, 3.0, 40.0])
)
def test_batches_hold_everybody_once_and_are_no_longer_than_asked(lengths: list[float], batch_s: float) -> None:
    items = [utterance(str(number), duration=length) for number, length in enumerate(lengths)]
    batches = list(plan_batches(items, batch_s))
    assert sorted(item.id for batch in batches for item in batch) == sorted(item.id for item in items)
    for batch in batches:
        longest = max(item.duration for item in batch)
        assert len(batch) == 1 or longest * len(batch) <= batch_s
    if batch_s == 0:
        assert all(len(batch) == 1 for batch in batches)


def test_memory_holds_a_batch_and_not_the_corpus(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    items = []
    for number in range(12):
        path = tmp_path / f"{number}.wav"
        write_recording(path, noise(20.0, rng=rng))
        items.append(utterance(str(number), path, 20.0))

    def wide(sounds: list[np.ndarray]) -> list[np.ndarray]:
        return [np.zeros((1, 500_000), dtype=np.float32) for _ in sounds]

    tracemalloc.start()
    open_or_extract(items, encoder(encode=wide, row_shape=(500_000,), batch=40.0), tmp_path / "cache")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Two utterances: 1.3 MB of samples and 2 MB of rows each; twice over while they are decoded and checked.
    assert peak < 16e6


@pytest.mark.slow
def test_a_store_of_a_real_corpus_opens_again(data: Path, tmp_path: Path) -> None:
    paths = sorted((data / "emodb" / "audio").rglob("*.opus"))[:40]
    items = [utterance(path.stem, path, math.nan) for path in paths]
    store = open_or_extract(items, encoder_named("log-mel-statistics"), tmp_path)
    assert store.rows.shape == (40, 720)
    assert json.loads((only_store(tmp_path) / "index.json").read_text())["about"]["encoder"] == "log-mel-statistics"
