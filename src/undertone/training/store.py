"""Feature stores: an encoder's rows of every utterance, taken once, read without copying, checked.

A store's key is the encoder with everything that its rows depend on, and the sound of every utterance, byte by byte. A
corpus that has changed is another store. How a store lies on disk is told in `undertone.training.rows`.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.load import load_utterance
from undertone.encoders.base import Told
from undertone.errors import AudioError, CorpusError
from undertone.files import make_folder
from undertone.training.rows import FORMAT, INDEX, ROWS, RowKind, entries_of, has_store, salvaged, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.encoders.base import Encoder, Layout
    from undertone.records import Utterance
    from undertone.training.rows import StoreWriter
    from undertone.units import Seconds

    Progress = Callable[[str, int], Callable[[], None]]
    """Called with a title and a total; returns what to call after each step."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureStore:
    """The rows of many utterances, memory-mapped."""

    rows: NDArray[np.floating]
    """Shape (row, *row_shape), all utterances one after the other, in the order in which they were taken."""
    spans: Mapping[str, tuple[int, int]]
    """First row and the one after the last, by utterance id."""
    layout: Layout | None = None
    """How a row is read, where it is a frame of a speech recogniser."""

    def features(self, utterance: str) -> NDArray[np.floating]:
        """The rows of one utterance, shape (row, *row_shape)."""
        start, end = self.spans[utterance]
        return self.rows[start:end]


def open_or_extract(
    utterances: Sequence[Utterance], encoder: Encoder, cache: Path, progress: Progress = lambda *_: lambda: None
) -> FeatureStore:
    """Open the store of these utterances through this encoder, taking the rows first that are not there yet.

    A run that was cut off goes on behind the last utterance that it finished, and the bytes are those of an uncut run.
    A second process that wants the same store waits for the first. What another store of the encoder holds of the same
    sound is copied; it may differ in rounding from what this corpus's batches would give. Memory holds one batch.

    Args:
        utterances: what to hear, in any order.
        encoder: what hears them.
        cache: the folder of all stores.
        progress: opens a progress bar, one step an utterance.

    Raises:
        CorpusError: if utterances cannot be used (they are counted, the first is named, the others are kept), two
            have one id, or the store is damaged.
        OutputError: if the store cannot be written.
    """
    ids = [item.id for item in utterances]
    if len(set(ids)) < len(ids):
        twice = next(name for name in ids if ids.count(name) > 1)
        raise CorpusError(utterances[0].corpus, f"{twice} is listed more than once; list every utterance once")
    contents = fingerprints(utterances, encoder.reads)
    folder = cache / store_name(encoder, contents)
    if not has_store(folder):
        make_folder(cache)
        with writing(folder, RowKind(dtype=encoder.dtype, row_shape=encoder.row_shape)) as writer:
            if writer is not None:
                if not writer.taken:
                    _take_over(encoder, writer, contents, cache)
                _take(utterances, encoder, writer, contents, progress)
    return replace(open_store(folder), layout=encoder.layout)


def sound_fingerprints(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Fingerprint the sound of every utterance by id: the bytes of its file, and which stretch of it."""
    files: dict[str, str] = {}
    for path in {item.path for item in utterances}:
        try:
            with Path(path).open("rb") as file:
                files[path] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:  # loading it will tell the same in full
            files[path] = f"unreadable: {error.strerror}"
    return {
        item.id: hashlib.sha256(f"{files[item.path]}\t{item.start}\t{item.end}".encode()).hexdigest()[:24]
        for item in utterances
    }


def text_fingerprints(utterances: Sequence[Utterance]) -> dict[str, str]:
    """Fingerprint the transcript of every utterance by id."""
    return {
        item.id: hashlib.sha256(f"{item.language}\t{item.text or ''}".encode()).hexdigest()[:24] for item in utterances
    }


def fingerprints(utterances: Sequence[Utterance], reads: str) -> dict[str, str]:
    """Fingerprint what an encoder reads of every utterance, by id; `reads` is as in `Encoder`."""
    if reads == "sound":
        return sound_fingerprints(utterances)
    texts = text_fingerprints(utterances)
    if reads == "text":
        return texts
    sounds = sound_fingerprints(utterances)
    return {name: hashlib.sha256(f"{sounds[name]}\t{texts[name]}".encode()).hexdigest()[:24] for name in texts}


def store_name(encoder: Encoder, contents: Mapping[str, str]) -> str:
    """Name the store of an encoder and what it reads of utterances, given by id; their order does not matter."""
    return f"{_encoder_prefix(encoder)}{_digest(sorted(contents.items()))}"


def _encoder_prefix(encoder: Encoder) -> str:
    """What the names of all stores of an encoder begin with."""
    kind = [FORMAT, encoder.name, encoder.revision, encoder.dtype, list(encoder.row_shape), encoder.rows]
    return f"{re.sub(r'[^A-Za-z0-9._]+', '-', encoder.name).strip('-.')}-{_digest(kind)}-"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


def seconds_of(item: Utterance) -> Seconds:
    """How long an utterance is; infinite where that is not known."""
    return math.inf if math.isnan(item.duration) else item.duration


def characters_of(item: Utterance) -> float:
    """How long its transcript is."""
    return len(item.text or "")


def plan_batches(
    utterances: Sequence[Utterance], most: float, length: Callable[[Utterance], float] = seconds_of
) -> Iterator[tuple[Utterance, ...]]:
    """Put utterances of like length into batches that hold `most` with padding; one at a time where it is 0.

    The longest come first, so that memory is at its peak when somebody still looks. A length that is not known makes a
    batch of its own.
    """
    waiting: list[Utterance] = []
    for item in sorted(utterances, key=lambda item: (-length(item), item.id)):
        if waiting and length(waiting[0]) * (len(waiting) + 1) > most:
            yield tuple(waiting)
            waiting = []
        waiting.append(item)
    if waiting:
        yield tuple(waiting)


def _take_over(encoder: Encoder, writer: StoreWriter, contents: Mapping[str, str], cache: Path) -> None:
    """Copy what other stores of the encoder hold of the same sounds: of the corpus before a file was repaired or left
    out, say, whose store may never have been completed."""
    ids: dict[str, list[str]] = {}
    for name, content in sorted(contents.items()):
        ids.setdefault(content, []).append(name)
    prefix = _encoder_prefix(encoder)
    kind = RowKind(dtype=encoder.dtype, row_shape=encoder.row_shape)
    for folder in sorted((*cache.glob(f"{prefix}*"), *cache.glob(f".{prefix}*.part"))):
        for content, rows in salvaged(folder, kind, ids):
            for name in ids.pop(content, ()):
                writer.append(name, rows, content)


def _take(
    utterances: Sequence[Utterance],
    encoder: Encoder,
    writer: StoreWriter,
    contents: Mapping[str, str],
    progress: Progress,
) -> None:
    """Take what is missing in a store and complete it."""
    advance = progress(f"features of {encoder.name}", len(utterances))
    taken = writer.taken
    failures: list[tuple[Utterance, str]] = []
    for batch in plan_batches(utterances, encoder.batch, characters_of if encoder.reads == "text" else seconds_of):
        if not taken.issuperset(item.id for item in batch):
            # The whole batch, also where a part of it is there: what a batch holds then never depends on cuts.
            for item, rows in _encoded(batch, encoder, failures):
                if item.id not in taken:
                    writer.append(item.id, rows, contents[item.id])
        for _ in batch:
            advance()
    if failures:
        item, reason = failures[0]
        raise CorpusError(
            item.corpus,
            f"{len(failures)} of {len(utterances)} utterances cannot be used by {encoder.name}, the first {item.id}: "
            f"{reason}. Repair or exclude them and run again",
        )
    writer.finish(
        {"encoder": encoder.name, "revision": encoder.revision, "weights": encoder.weights, "rows": encoder.rows}
    )


def _encoded(
    batch: Sequence[Utterance], encoder: Encoder, failures: list[tuple[Utterance, str]]
) -> list[tuple[Utterance, NDArray[np.floating]]]:
    """Encode a batch; what cannot be used is put to the failures instead."""
    items: list[Utterance] = []
    told: list[NDArray[np.float32] | str | Told] = []
    for item in batch:
        try:
            given = _given(item, encoder.reads)
        except AudioError as error:
            failures.append((item, str(error)))
            continue
        if isinstance(given, str) and not given:
            failures.append((item, "it has no transcript"))
            continue
        told.append(given)
        items.append(item)
    found = []
    for item, given, rows in zip(items, told, encoder.encode(told) if told else (), strict=True):
        with np.errstate(over="ignore"):  # what overflows is infinite, and refused
            stored = rows.astype(encoder.dtype, copy=False)
        if not len(rows):
            samples = given.samples if isinstance(given, Told) else given
            failures.append((item, f"its {len(samples)} samples are too short for a single row"))
        elif not np.isfinite(stored).all():
            failures.append((item, "its rows hold values that are not finite"))
        else:
            found.append((item, stored))
    return found


def _given(item: Utterance, reads: str) -> NDArray[np.float32] | str | Told:
    """What an encoder reads of an utterance.

    Raises:
        AudioError: if it reads sound, and that cannot be loaded.
    """
    text = (item.text or "").strip()
    if reads == "text":
        return text
    samples = load_utterance(item)
    return Told(samples, text, item.language) if reads == "both" else samples


def open_store(folder: Path, *, check: bool = True) -> FeatureStore:
    """Map a complete store into memory.

    Args:
        folder: where it is.
        check: compare the checksum of every utterance, which reads the whole store once; its size is always compared.

    Raises:
        CorpusError: if the store is damaged: its index cannot be read, its size is wrong, or rows are not those that
            were written.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        kind = RowKind(dtype=index["dtype"], row_shape=tuple(index["row_shape"]))
        entries = entries_of(index["entries"])
        promised = (entries[-1].end if entries else 0) * kind.row_bytes
        held = (folder / ROWS).stat().st_size
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, f"it cannot be read ({error!r})") from error
    if held != promised:
        raise _damaged(folder, f"{ROWS} holds {held} bytes of {promised}")
    rows: NDArray[np.floating] = np.empty((0, *kind.row_shape), dtype=kind.dtype)
    if held:
        rows = np.memmap(folder / ROWS, dtype=kind.dtype, mode="r").reshape(-1, *kind.row_shape)
    store = FeatureStore(rows=rows, spans={entry.id: (entry.start, entry.end) for entry in entries})
    wrong = [entry.id for entry in entries if zlib.crc32(store.features(entry.id).data) != entry.crc] if check else []
    if wrong:
        raise _damaged(
            folder, f"the rows of {len(wrong)} of {len(entries)} utterances have changed, the first {wrong[0]}"
        )
    return store


def _damaged(folder: Path, problem: str) -> CorpusError:
    return CorpusError(f"feature store {folder}", f"{problem}; delete this folder and run again to take it anew")
