"""What `undertone train` hears: the speech in every utterance, clean, by telephone and disturbed, as log-mel frames."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_utterance
from undertone.audio.vad import SpeechNetwork, speech_span
from undertone.errors import CorpusError
from undertone.files import make_folder, write_text
from undertone.training.disturb import disturbed, through_telephone
from undertone.training.rows import FORMAT, RowKind, has_store, writing
from undertone.training.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.training.config import Augmentation
    from undertone.training.disturb import Surroundings
    from undertone.training.store import FeatureStore

    Disturb = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


def conditions(how: Augmentation, surroundings: Surroundings) -> dict[str, Disturb]:
    """Name the ways in which an utterance is heard: clean, by telephone, disturbed in several draws."""

    def clean(samples: NDArray[np.float32], _: np.random.Generator) -> NDArray[np.float32]:
        return samples

    def telephone(samples: NDArray[np.float32], _: np.random.Generator) -> NDArray[np.float32]:
        return through_telephone(samples)

    def draw(samples: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        return disturbed(samples, how, surroundings, rng)

    return {"clean": clean, "telephone": telephone} | {f"disturbed-{copy}": draw for copy in range(how.copies)}


def store_key(
    utterances: Iterable[Utterance], front_end: FrontEnd, condition: str, detail: Mapping[str, object]
) -> str:
    """Fingerprint everything that the features depend on."""
    digest = hashlib.sha256(json.dumps([FORMAT, asdict(front_end), condition, detail], sort_keys=True).encode())
    for item in utterances:
        digest.update(f"{item.id}\t{item.start}\t{item.duration}\n".encode())
    return f"{condition}-{digest.hexdigest()[:12]}"


def find_speech(
    utterances: Sequence[Utterance], folder: Path, advance: Callable[[], None]
) -> dict[str, tuple[int, int]]:
    """Find the speech in every utterance, once: the silence around it is cut off, as finding turns does at run time.

    Returns:
        First sample at 16 kHz and the one after the last, by utterance id; kept in `folder`.
    """
    path = folder / f"{store_key(utterances, FrontEnd(), 'speech', {})}.json"
    if not path.is_file():
        network = SpeechNetwork()
        found = {}
        for item in utterances:
            found[item.id] = speech_span(load_utterance(item), network)
            advance()
        make_folder(folder)
        write_text(path, json.dumps(found))
    return {name: (start, end) for name, (start, end) in json.loads(path.read_text()).items()}


def extract(
    utterances: Sequence[Utterance],
    *,
    front_end: FrontEnd,
    disturb: Disturb,
    seed: int,
    speech: Mapping[str, tuple[int, int]],
    folder: Path,
    advance: Callable[[], None],
) -> FeatureStore:
    """Open the store in `folder`, taking the features first where that has not been done; what was cut off goes on.

    Args:
        utterances: what to hear; every draw depends on `seed`, `folder`'s name and the utterance's id alone.
        front_end: what the features are.
        disturb: what happens to the sound before.
        seed: of the draws.
        speech: where the speech lies in every utterance, from `find_speech`; the rest is cut off.
        folder: where the store is, or will be; its name tells everything that the features depend on.
        advance: called after every utterance.

    Raises:
        AudioError: if an utterance cannot be used.
        CorpusError: if one is too short for a frame, or the store is damaged.
        OutputError: if the store cannot be written.
    """
    if not has_store(folder):
        make_folder(folder.parent)
        with writing(folder, RowKind(dtype="float16", row_shape=(front_end.mel_bins,))) as writer:
            if writer is not None:
                taken = writer.taken
                for item in utterances:
                    if item.id not in taken:
                        writer.append(item.id, _heard(item, front_end, disturb, speech[item.id], (seed, folder.name)))
                    advance()
                writer.finish({"front_end": front_end.as_json()})
    return open_store(folder)


def _heard(
    item: Utterance, front_end: FrontEnd, disturb: Disturb, speech: tuple[int, int], draw: tuple[int, str]
) -> NDArray[np.float32]:
    """Take the features of an utterance's speech, disturbed by a draw that its seed, name and id decide."""
    first, last = speech
    seed, name = draw
    rng = np.random.default_rng([seed, zlib.crc32(name.encode()), zlib.crc32(item.id.encode())])
    frames = log_mel(disturb(load_utterance(item)[first:last], rng), front_end)
    if not len(frames):
        raise CorpusError(
            item.corpus,
            f"{item.id} has {last - first} samples of speech; one frame takes {front_end.frame_length}. "
            "Take it out of metadata.csv",
        )
    return frames
