"""Vectors of utterances, by the graph that will ship: what learns from them hears what inference hears."""

from __future__ import annotations

import hashlib
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.load import load_utterance
from undertone.audio.vad import SpeechNetwork, speech_span
from undertone.audio.whisper_mel import whisper_mel
from undertone.inference.session import open_graph
from undertone.training.conditions import conditions
from undertone.training.disturb import read_surroundings
from undertone.training.rows import RowKind, has_store, writing
from undertone.training.store import open_store, sound_fingerprints

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.training.conditions import Disturb
    from undertone.training.config import Augmentation
    from undertone.training.store import Progress

    Heard = tuple[str, NDArray[np.float32], str]

TOGETHER = 64
"""Utterances that are heard before their vectors are written: a run that is cut off loses so many at most."""
MOST_S = 30.0
"""What of an utterance is heard: Whisper has no positions for more."""


def vectors_by_condition(
    utterances: Sequence[Utterance],
    graph: bytes,
    *,
    how: Augmentation,
    seed: int,
    data: Path,
    cache: Path,
    progress: Progress,
) -> dict[str, NDArray[np.float32]]:
    """Take every utterance's vector, clean, by telephone and disturbed; what was taken before is kept.

    Each corpus has stores of its own, so that runs on other corpora share them.

    Args:
        utterances: what to hear.
        graph: `model.onnx`.
        how: utterances are disturbed.
        seed: of the draws.
        data: the folder that holds one folder per corpus, and the noises and rooms.
        cache: the folder of all stores.
        progress: opens a progress bar.

    Returns:
        Vectors by condition, each of shape (utterance, number).

    Raises:
        AudioError: if an utterance cannot be used.
        CorpusError: if noises or rooms are missing, or a store is damaged.
        OutputError: if a store cannot be written.
    """
    surroundings = read_surroundings(data, how.noise_folders)
    told = hashlib.sha256(graph).hexdigest()
    corpora: dict[str, list[Utterance]] = {}
    for item in utterances:
        corpora.setdefault(item.id.partition("/")[0], []).append(item)
    found = {}
    for name, disturb in conditions(how, surroundings).items():
        drawn = [asdict(how), surroundings.fingerprint(), seed] if name.startswith("disturbed") else []
        rows: dict[str, NDArray[np.float32]] = {}
        for corpus, items in corpora.items():
            contents = sound_fingerprints(items)
            key = hashlib.sha256(f"{told}{drawn}{sorted(contents.items())}".encode()).hexdigest()[:12]
            folder = cache / f"{corpus}-{name}-{key}"
            if not has_store(folder):
                _take(items, contents, graph, disturb, (seed, zlib.crc32(name.encode())), folder, progress)
            store = open_store(folder)
            rows |= {item.id: store.features(item.id)[0] for item in items}
        found[name] = np.stack([rows[item.id] for item in utterances])
    return found


def _take(
    utterances: Sequence[Utterance],
    contents: Mapping[str, str],
    graph: bytes,
    disturb: Disturb,
    seed: tuple[int, int],
    folder: Path,
    progress: Progress,
) -> None:
    session = open_graph(graph, "model.onnx", threads=1)
    numbers = session.get_outputs()[0].shape[-1]
    network = SpeechNetwork()
    advance = progress(folder.name.rpartition("-")[0], len(utterances))

    def heard(item: Utterance) -> Heard:
        samples = load_utterance(item)
        first, last = speech_span(samples, network)
        rng = np.random.default_rng([*seed, zlib.crc32(item.id.encode())])
        mel = whisper_mel(disturb(samples[first:last][: int(MOST_S * 16_000)], rng))
        (vector,) = session.run(["vector"], {"features": mel[None]})
        return item.id, vector, contents[item.id]

    folder.parent.mkdir(parents=True, exist_ok=True)
    with writing(folder, RowKind(dtype="float32", row_shape=(numbers,))) as writer:
        if writer is None:
            return
        missing = [item for item in utterances if item.id not in writer.taken]
        for _ in range(len(utterances) - len(missing)):
            advance()
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for part in _parts(missing):
                for name, vector, content in threads.map(heard, part):
                    writer.append(name, vector, content)
                    advance()
        writer.finish({"graph": hashlib.sha256(graph).hexdigest()})


def _parts(utterances: Sequence[Utterance]) -> Iterator[Sequence[Utterance]]:
    for start in range(0, len(utterances), TOGETHER):
        yield utterances[start : start + TOGETHER]
