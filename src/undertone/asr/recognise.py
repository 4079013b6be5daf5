"""Asking a backbone: phones of utterances, of a recording, and how many are wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from undertone.asr.decode import edits_between, error_rate
from undertone.audio.fbank import FrontEnd, log_mel
from undertone.audio.stretches import LOG_MEL_GRID, WHISPER_GRID, Grid, frame_begins, stretches
from undertone.audio.whisper_mel import scaled, whisper_mel
from undertone.backbones.whisper_phones import SCALE, WhisperPhones
from undertone.speech.greedy import greedy
from undertone.speech.phones import SYMBOLS
from undertone.training.batches import padded
from undertone.training.store import plan_batches
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import nn

    from undertone.asr.decode import Edits, ErrorRate
    from undertone.asr.material import Item
    from undertone.speech.greedy import Heard
    from undertone.training.store import FeatureStore
    from undertone.units import Seconds

BATCH_S: Final[Seconds] = 60.0


@dataclass(frozen=True, kw_only=True)
class PhoneAt:
    """A phone with its place in time."""

    phone: str
    start: Seconds
    end: Seconds


def recognise(
    network: nn.Module,
    items: Sequence[Item],
    store: FeatureStore,
    *,
    batch_s: Seconds = BATCH_S,
    chunk: int | None = None,
) -> dict[str, tuple[Heard, ...]]:
    """Hear utterances, by id; those of like length together, which changes nothing but the time it takes.

    Args:
        network: a `Backbone`; it is left as it was, learning or not.
        items: what to hear.
        store: of their log-mel frames.
        batch_s: most sound in a batch.
        chunk: output frames that are heard at a time, as of a stream; None for the whole.
    """
    scores = scores_by_id(network, items, store, batch_s=batch_s, chunk=chunk)
    return {name: greedy(frames) for name, frames in scores.items()}


def scores_by_id(
    network: nn.Module,
    items: Sequence[Item],
    store: FeatureStore,
    *,
    batch_s: Seconds = BATCH_S,
    chunk: int | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Give the natural logarithms of the probabilities of symbols, shape (frame, symbol), of utterances by id; the
    arguments are those of `recognise`."""
    found = {}
    learning = network.training
    network.eval()
    with torch.inference_mode():
        for batch in plan_batches([item.utterance for item in items], batch_s):
            features, lengths = padded([store.features(item.id).astype(np.float32) for item in batch])
            heard = network(features, lengths, chunk)
            for row, item in enumerate(batch):
                logits = heard.logits[row, : int(heard.lengths[row])].float()
                found[item.id] = logits.log_softmax(dim=-1).numpy()
    network.train(learning)
    return found


def edits_of(
    network: nn.Module, items: Sequence[Item], store: FeatureStore, *, chunk: int | None = None
) -> list[Edits]:
    """Compare what is heard, as `recognise`, with what was to be said, in the order of the items."""
    heard = recognise(network, items, store, chunk=chunk)
    return [edits_between(item.phones, [each.symbol for each in heard[item.utterance.id]]) for item in items]


def phone_error_rate(
    network: nn.Module,
    items: Sequence[Item],
    store: FeatureStore,
    *,
    rng: np.random.Generator,
    chunk: int | None = None,
) -> ErrorRate:
    """Count the wrong phones of utterances, heard as `recognise` does, with an interval over speakers."""
    return error_rate(
        edits_of(network, items, store, chunk=chunk),
        speakers=[item.utterance.speaker for item in items],
        utterances=[item.utterance.id for item in items],
        rng=rng,
    )


def plain_error_rate(network: nn.Module, items: Sequence[Item], store: FeatureStore) -> float:
    """The phone error rate alone; nan where nothing was to be said."""
    edits = edits_of(network, items, store)
    said = sum(len(item.phones) for item in items)
    return sum(each.errors for each in edits) / said if said else math.nan


def transcribe(network: nn.Module, samples: NDArray[np.float32]) -> tuple[PhoneAt, ...]:
    """Hear a recording of any length.

    Args:
        network: a `Backbone`, or `WhisperPhones`.
        samples: at 16 kHz, shape (sample,).

    Returns:
        Phones in order. A frame of the network stands in the middle of what is given as its time; phones that follow
        each other without a pause touch.
    """
    found = []
    grid = grid_of(network)
    for first, end, scores in scores_of_stretches(network, samples):
        for each in greedy(scores):
            start, stop = seconds_of(each.first, each.end, first, end, grid)
            found.append(PhoneAt(phone=SYMBOLS[each.symbol], start=start, end=stop))
    return tuple(found)


def scores_of_stretches(
    network: nn.Module, samples: NDArray[np.float32]
) -> Iterator[tuple[int, int, NDArray[np.float32]]]:
    """Give every stretch of a recording: its first sample, the one after its last, and the natural logarithms of the
    probabilities of symbols, shape (frame, symbol)."""
    for first, end in stretches(samples):
        features = _features_of(network, samples[first:end])
        if len(features):
            with torch.inference_mode():
                heard = network(torch.from_numpy(features)[None], torch.tensor([len(features)]))
                scores = heard.logits[0, : int(heard.lengths[0])].float().log_softmax(dim=-1).numpy()
            yield first, end, scores


def grid_of(network: nn.Module) -> Grid:
    """Say where the frames of a network stand in the sound."""
    return WHISPER_GRID if isinstance(network, WhisperPhones) else LOG_MEL_GRID


def _features_of(network: nn.Module, samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take what a network hears of a stretch, shape (frame, mel)."""
    if not isinstance(network, WhisperPhones):
        return log_mel(samples, FrontEnd())
    mel = whisper_mel(samples)
    return scaled(mel, SCALE) if len(mel) else mel


def seconds_of(first_frame: int, end_frame: int, first: int, end: int, grid: Grid) -> tuple[Seconds, Seconds]:
    """Say when a run of frames is heard, in a stretch from sample `first` to `end`."""
    start, stop = (first + int(frame_begins(frame, grid)) for frame in (first_frame, end_frame))
    return start / SAMPLE_RATE, min(end, stop) / SAMPLE_RATE
