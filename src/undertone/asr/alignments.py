"""Which phone is said when: forced alignment of transcripts by PocketSphinx, kept on disk.

Source: PocketSphinx 5 (Huggins-Daines et al., 2006), with its own acoustic model of US English. Words are aligned
first, with pauses and the pronunciation that fits best, then the phones inside them. A network that is told which phone
a frame is learns within minutes what CTC alone takes hours to find.

A file holds one line of JSON for each utterance, keyed by its sound. A line that was cut off is dropped, and what is
missing is aligned anew: a run that was stopped goes on.
"""

from __future__ import annotations

import concurrent.futures
import importlib
import importlib.util
import json
import multiprocessing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from undertone.audio.fbank import FrontEnd
from undertone.audio.load import load_utterance
from undertone.audio.stretches import LOG_MEL_GRID
from undertone.errors import AudioError, CorpusError, MissingExtraError, OutputError
from undertone.files import make_folder
from undertone.speech.phones import PHONES, indices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.audio.stretches import Grid
    from undertone.records import Utterance

    Progress = Callable[[str, int], Callable[[], None]]
    """Called with a title and a total; returns what to call after each step."""

BEAM: Final = 1e-100
"""Wide: a transcript that is right must not be lost because a reader hesitates."""

FRAME: Final = FrontEnd().hop_length
"""Samples in a frame of the aligner, 10 ms."""

CHUNK: Final = 40
"""Utterances that a process takes at a time: what is lost at most when a run is stopped, for each process."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A phone in time, in frames of 10 ms."""

    symbol: int
    """Index in `undertone.speech.phones.SYMBOLS`."""
    first: int
    frames: int


@dataclass(frozen=True, kw_only=True)
class Task:
    """An utterance to align."""

    utterance: Utterance
    words: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    """Each word, in lower case, with its pronunciations."""

    @property
    def script(self) -> str:
        """What the alignment depends on beside the sound."""
        return " ".join(
            f"{word}:{'|'.join('-'.join(phones) for phones in pronunciations)}" for word, pronunciations in self.words
        )


def align(
    tasks: Sequence[Task],
    contents: Mapping[str, str],
    path: Path,
    *,
    processes: int = 2,
    progress: Progress = lambda *_: lambda: None,
) -> dict[str, tuple[Segment, ...]]:
    """Align what is not in the file yet, and give all that could be aligned.

    Args:
        tasks: one for each utterance of a corpus.
        contents: fingerprint of the sound, by id, from `undertone.training.store.sound_fingerprints`.
        path: of the JSON-lines file.
        processes: that align at the same time.
        progress: opens a progress bar, one step an utterance.

    Returns:
        The phones in time of each utterance, by id; one that could not be aligned is not there.

    Raises:
        MissingExtraError: if something is to be aligned and PocketSphinx is not installed.
        CorpusError: if the file was written by something else.
        OutputError: if it cannot be written.
    """
    known = read_alignments(path)
    keys = {task.utterance.id: (contents[task.utterance.id], task.script) for task in tasks}
    missing = [task for task in tasks if keys[task.utterance.id] not in known]
    if missing:
        _require_pocketsphinx()
        make_folder(path.parent)
        _drop_torn_line(path)
        advance = progress(f"alignment of {path.stem}", len(missing))
        for task, segments in _aligned(missing, processes):
            known[keys[task.utterance.id]] = segments
            _append(path, *keys[task.utterance.id], segments)
            advance()
    found = {name: known[key] for name, key in keys.items()}
    return {name: segments for name, segments in found.items() if segments is not None}


def read_alignments(path: Path) -> dict[tuple[str, str], tuple[Segment, ...] | None]:
    """Read a file of alignments: phones in time, or None where there are none, by sound and script.

    Raises:
        CorpusError: if a line, other than a last one that was cut off, is none of ours.
    """
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # what follows the last line's end was cut off
    found: dict[tuple[str, str], tuple[Segment, ...] | None] = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            found[entry["sound"], entry["script"]] = _segments_of(entry["phones"])
        except (ValueError, KeyError, TypeError) as error:
            raise CorpusError(
                f"alignments {path}", f"line {number} cannot be read ({error!r}); delete the file and run again"
            ) from error
    return found


def write_alignment(path: Path, sound: str, script: str, segments: Sequence[Segment] | None) -> None:
    """Add an alignment to a file; None says that there is none, so that nobody tries again.

    Raises:
        OutputError: if it cannot be written.
    """
    make_folder(path.parent)
    _append(path, sound, script, segments)


def frame_targets(segments: Sequence[Segment], frames: int, *, grid: Grid, speed: float) -> NDArray[np.int64]:
    """Give every output frame its phone, the blank where there is none; shape (frame,).

    Args:
        segments: of the sound at its own speed, in frames of 10 ms.
        frames: how many output frames there are.
        grid: of the output frames; an output frame takes the frame of 10 ms whose middle is nearest to its own.
        speed: how much faster the sound was made.
    """
    last = max((item.first + item.frames for item in segments), default=0)
    phones = np.zeros(last, dtype=np.int64)
    for item in segments:
        phones[item.first : item.first + item.frames] = item.symbol
    lead = (grid.middle - LOG_MEL_GRID.middle) / FRAME  # the aligner's frames look ahead as log-mel's do
    places = np.floor(np.arange(frames) * (grid.step / FRAME) * speed + lead + 0.5).astype(np.int64).clip(min=0)
    return np.where(places < last, phones[np.minimum(places, max(0, last - 1))] if last else 0, 0)


def phones_in(segments: Sequence[Segment]) -> tuple[int, ...]:
    """The phones of an alignment, in order."""
    return tuple(item.symbol for item in segments)


def align_one(decoder: Any, task: Task, samples: NDArray[np.float32]) -> tuple[Segment, ...] | None:  # noqa: ANN401
    """Align one utterance with a `pocketsphinx.Decoder`; None where it cannot be.

    Args:
        decoder: made by `make_decoder`; it learns the words of the task.
        task: what was said.
        samples: at 16 kHz, shape (sample,).
    """
    if not task.words:
        return None
    sound = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    try:
        decoder.set_align_text(" ".join(_named(decoder, *word) for word in task.words))
        _hear(decoder, sound)
        if not decoder.hyp():
            return None
        decoder.set_alignment()
        _hear(decoder, sound)
        found = decoder.get_alignment()
        said = [(phone.name, phone.start, phone.duration) for phone in found.phones()] if found else []
    except RuntimeError:  # what the library raises when the transcript does not fit the sound
        return None
    return tuple(
        Segment(symbol=indices_of((name,))[0], first=start, frames=duration)
        for name, start, duration in said
        if name in PHONES
    ) or None  # fmt: skip


def make_decoder() -> Any:  # noqa: ANN401  a class of a library without types
    """Load PocketSphinx with its English acoustic model, for alignment only."""
    module = importlib.import_module("pocketsphinx")
    # Searching for the best path puts an end of one frame behind many utterances, which the second pass then refuses.
    return module.Decoder(lm=None, beam=BEAM, pbeam=BEAM, wbeam=BEAM, bestpath=False, loglevel="FATAL")


def _named(decoder: Any, word: str, pronunciations: Sequence[Sequence[str]]) -> str:  # noqa: ANN401
    """Teach the decoder a word under a name that stands for just these pronunciations, and give that name."""
    name = f"{word}_{'_'.join('-'.join(phones) for phones in pronunciations)}"
    if decoder.lookup_word(name) is None:
        for number, phones in enumerate(pronunciations, start=1):
            alternative = name if number == 1 else f"{name}({number})"
            decoder.add_word(alternative, " ".join(phones), False)  # the next transcript makes a new search anyway
    return name


def _hear(decoder: Any, sound: bytes) -> None:  # noqa: ANN401
    decoder.start_utt()
    decoder.process_raw(sound, full_utt=True)
    decoder.end_utt()


def _aligned(tasks: Sequence[Task], processes: int) -> Iterator[tuple[Task, tuple[Segment, ...] | None]]:
    """Align in several processes; in this one where there are few."""
    chunks = [tuple(tasks[start : start + CHUNK]) for start in range(0, len(tasks), CHUNK)]
    if len(chunks) == 1 or processes < 2:
        for chunk in chunks:
            yield from zip(chunk, _align_chunk(chunk), strict=True)
        return
    context = multiprocessing.get_context("spawn")  # a forked child could inherit a lock that is held
    with concurrent.futures.ProcessPoolExecutor(processes, mp_context=context) as pool:
        waiting = {pool.submit(_align_chunk, chunk): chunk for chunk in chunks}
        for done in concurrent.futures.as_completed(waiting):
            yield from zip(waiting[done], done.result(), strict=True)


def _align_chunk(tasks: Sequence[Task]) -> list[tuple[Segment, ...] | None]:
    decoder = make_decoder()
    found: list[tuple[Segment, ...] | None] = []
    for task in tasks:
        try:
            samples = load_utterance(task.utterance)
        except AudioError:  # taking its features will tell
            found.append(None)
        else:
            found.append(align_one(decoder, task, samples))
    return found


def _segments_of(rows: Iterable[Sequence[Any]] | None) -> tuple[Segment, ...] | None:
    if rows is None:
        return None
    return tuple(
        Segment(symbol=indices_of((name,))[0], first=int(first), frames=int(frames)) for name, first, frames in rows
    )


def _append(path: Path, sound: str, script: str, segments: Sequence[Segment] | None) -> None:
    rows = None if segments is None else [[PHONES[item.symbol - 1], item.first, item.frames] for item in segments]
    line = json.dumps({"sound": sound, "script": script, "phones": rows}) + "\n"
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(line)
    except OSError as error:
        raise OutputError(str(path), f"it cannot be written ({error.strerror}). Name a folder with room") from error


def _drop_torn_line(path: Path) -> None:
    if path.is_file():
        held = path.read_bytes()
        whole = held.rfind(b"\n") + 1
        if whole < len(held):
            with path.open("r+b") as file:
                file.truncate(whole)


def _require_pocketsphinx() -> None:
    if importlib.util.find_spec("pocketsphinx") is None:
        raise MissingExtraError("forced alignment", "train")
