"""Features on disk: taken once, read without copying, resumable, checked.

One folder a (corpora, front end, condition): `features.f16` (all frames one after the other), `index.json`. The folder
takes its name only when complete, so a run that was cut off starts that folder again and keeps the others.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.load import load_mono
from undertone.audio.vad import SpeechNetwork, speech_span
from undertone.errors import CorpusError
from undertone.files import write_text
from undertone.training.disturb import disturbed, through_telephone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.training.config import Augmentation
    from undertone.training.disturb import Surroundings

    Disturb = Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, eq=False)
class FeatureStore:
    """Log-mel frames of many utterances, memory-mapped."""

    frames: NDArray[np.float16]
    """Shape (frame, mel), all utterances one after the other."""
    spans: Mapping[str, tuple[int, int]]
    """First frame and the one after the last, by utterance id."""

    def features(self, utterance: str) -> NDArray[np.float16]:
        """The frames of one utterance, shape (frame, mel)."""
        start, end = self.spans[utterance]
        return self.frames[start:end]


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
    digest = hashlib.sha256(json.dumps([asdict(front_end), condition, detail], sort_keys=True).encode())
    for item in utterances:
        digest.update(f"{item.id}\t{item.duration}\n".encode())
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
            found[item.id] = speech_span(load_mono(item.path), network)
            advance()
        folder.mkdir(parents=True, exist_ok=True)
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
    """Open the store in `folder`, taking the features first where that has not been done.

    Args:
        utterances: what to hear; every draw depends on `seed`, `folder`'s name and the utterance's id alone.
        front_end: what the features are.
        disturb: what happens to the sound before.
        seed: of the draws.
        speech: where the speech lies in every utterance, from `find_speech`; the rest is cut off.
        folder: where the store is, or will be.
        advance: called after every utterance.

    Raises:
        AudioError: if an utterance cannot be used.
        CorpusError: if one is too short for a frame.
    """
    if not (folder / "index.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)
        part = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        spans: dict[str, tuple[int, int]] = {}
        end = 0
        with (part / "features.f16").open("wb") as file:
            for item in utterances:
                samples = load_mono(item.path)
                first, last = speech[item.id]
                rng = np.random.default_rng([seed, zlib.crc32(folder.name.encode()), zlib.crc32(item.id.encode())])
                frames = log_mel(disturb(samples[first:last], rng), front_end).astype(np.float16)
                if not len(frames):
                    raise CorpusError(
                        item.corpus,
                        f"{item.id} has {last - first} samples of speech; one frame takes {front_end.frame_length}. "
                        "Take it out of metadata.csv",
                    )
                file.write(frames.tobytes())
                spans[item.id] = (end, end + len(frames))
                end += len(frames)
                advance()
        (part / "index.json").write_text(json.dumps({"mel_bins": front_end.mel_bins, "spans": spans}))
        part.rename(folder)
    return open_store(folder)


def open_store(folder: Path) -> FeatureStore:
    """Map a complete store into memory."""
    index = json.loads((folder / "index.json").read_text())
    frames = np.memmap(folder / "features.f16", dtype=np.float16, mode="r").reshape(-1, index["mel_bins"])
    return FeatureStore(frames=frames, spans={name: (start, end) for name, (start, end) in index["spans"].items()})
