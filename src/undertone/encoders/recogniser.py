"""Backbones of our own as encoders: every frame, or a description of every utterance, trained or with random weights.

Behind the colon stands the backbone's folder or the name of one that comes with the package. `,chunk=16` lets it hear
in chunks of that many output frames, as a stream is heard. `,seed=1` draws other random weights.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn

from undertone.audio.fbank import log_mel
from undertone.audio.stretches import SUBSAMPLING
from undertone.backbones.files import load_backbone, read_card
from undertone.backbones.network import Backbone
from undertone.backbones.shipped import backbone_folder
from undertone.encoders.base import Encoder, Layout
from undertone.encoders.options import Option, named, split_options
from undertone.encoders.rows import frame_rows, moments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.audio.fbank import FrontEnd
    from undertone.backbones.network import BackboneSizes

CHUNK: Final = {"chunk": Option(least=1)}
SEED: Final = {"seed": Option(least=0)}

BATCH_S: Final = 40.0
"""As for the encoders of the hub; memory grows with it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Recogniser:
    """A backbone that has been loaded or drawn, and everything that an encoder tells of it."""

    name: str
    """What stands behind the family's colon, in its shortest form."""
    network: Backbone
    sizes: BackboneSizes
    front_end: FrontEnd
    chunk: int | None
    revision: str
    weights: str
    source: str


def frames(rest: str) -> Encoder:
    """Build `asr-frames:FOLDER`: blocks and scores of every output frame as float16, 25 rows a second.

    Args:
        rest: a folder, or the name of a backbone that comes with the package; then perhaps `,chunk=N`.

    Raises:
        ConfigError: if there is no such backbone, or an option is unknown or no whole number.
        BundleError: if the backbone's files are not whole.
    """
    return _frames("asr-frames", _trained("asr-frames", rest))


def utterances(rest: str) -> Encoder:
    """Build `asr:FOLDER`: one row an utterance, mean and deviation over time of every block, shape (block, 2 * width).

    Raises:
        ConfigError, BundleError: as `frames`.
    """
    return _utterances("asr", _trained("asr", rest))


def random_frames(rest: str) -> Encoder:
    """Build `asr-random-frames:FOLDER`: as `asr-frames`, with a network of the same sizes that has learned nothing.

    Args:
        rest: as for `frames`, with `,seed=N` beside; 0 where none is told. Only the backbone's card is read.

    Raises:
        ConfigError, BundleError: as `frames`.
    """
    return _frames("asr-random-frames", _untrained("asr-random-frames", rest))


def random_utterances(rest: str) -> Encoder:
    """Build `asr-random:FOLDER`: as `asr`, with a network of the same sizes that has learned nothing.

    Raises:
        ConfigError, BundleError: as `random_frames`.
    """
    return _utterances("asr-random", _untrained("asr-random", rest))


def _trained(family: str, rest: str) -> _Recogniser:
    place, options = _options(family, rest, CHUNK)
    network, card = load_backbone(backbone_folder(place))
    heard = "; ".join(f"{each.title}, licence: {each.licence}" for each in card.sources)
    return _Recogniser(
        name=named(card.name, options),
        network=network,
        sizes=card.sizes,
        front_end=card.front_end,
        chunk=options.get("chunk"),
        revision=f"weights {card.sha256[:16]}",
        weights=card.name,
        source=f"ours: the backbone {card.name}, trained on {heard or 'nothing that its card names'}",
    )


def _untrained(family: str, rest: str) -> _Recogniser:
    place, options = _options(family, rest, CHUNK | SEED)
    card = read_card(backbone_folder(place))
    options = {"seed": 0} | options
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options["seed"])
        network = Backbone(card.sizes).eval()
    drawn = hashlib.sha256()
    for weight in network.state_dict().values():
        drawn.update(weight.numpy().tobytes())
    return _Recogniser(
        name=named(card.name, options),
        network=network,
        sizes=card.sizes,
        front_end=card.front_end,
        chunk=options.get("chunk"),
        revision=f"seed {options['seed']}, weights {drawn.hexdigest()[:16]}",
        weights="random",
        source=f"ours: a network of the sizes of the backbone {card.name}, untrained",
    )


def _frames(family: str, recogniser: _Recogniser) -> Encoder:
    sizes = recogniser.sizes
    layout = Layout(
        blocks=sizes.blocks + 1,
        width=sizes.width,
        symbols=sizes.symbols,
        blank=0,
        frames_per_s=recogniser.front_end.sample_rate / (recogniser.front_end.hop_length * SUBSAMPLING),
    )
    name = f"{family}:{recogniser.name}"

    def take(blocks: Tensor, scores: Tensor) -> NDArray[np.floating]:
        return frame_rows(name, blocks, scores)

    return _encoder(name, recogniser, (layout.blocks * layout.width + layout.symbols,), take, layout=layout)


def _utterances(family: str, recogniser: _Recogniser) -> Encoder:
    def take(blocks: Tensor, _: Tensor) -> NDArray[np.floating]:
        return moments(blocks)

    row_shape = (recogniser.sizes.blocks + 1, 2 * recogniser.sizes.width)
    return _encoder(f"{family}:{recogniser.name}", recogniser, row_shape, take)


def _encoder(
    name: str,
    recogniser: _Recogniser,
    row_shape: tuple[int, ...],
    take: Callable[[Tensor, Tensor], NDArray[np.floating]],
    layout: Layout | None = None,
) -> Encoder:
    """Put a backbone and what is taken of its blocks, shape (block, frame, width), and scores together."""
    dtype = "float16" if layout else "float32"

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        found: list[NDArray[np.floating]] = [np.empty((0, *row_shape), dtype=dtype) for _ in sounds]
        mels = {index: log_mel(samples, recogniser.front_end) for index, samples in enumerate(sounds)}
        heard = {index: torch.from_numpy(mel) for index, mel in mels.items() if len(mel)}
        if not heard:
            return found
        with torch.inference_mode():
            batch = nn.utils.rnn.pad_sequence(list(heard.values()), batch_first=True)
            lengths = torch.tensor([len(mel) for mel in heard.values()])
            given = recogniser.network(batch, lengths, recogniser.chunk)
            blocks = torch.stack(given.blocks)
            for row, (index, count) in enumerate(zip(heard, given.lengths.tolist(), strict=True)):
                found[index] = take(blocks[:, row, :count], given.logits[row, :count])
        return found

    versions = ", ".join(f"{each} {version(each)}" for each in ("kaldi-native-fbank", "transformers"))
    return Encoder(
        name=name,
        revision=f"1, {recogniser.revision}, chunk {recogniser.chunk}, {recogniser.front_end}, {versions}",
        source=recogniser.source,
        weights=recogniser.weights,
        row_shape=row_shape,
        rows="frame" if layout else "utterance",
        dtype=dtype,
        encode=encode,
        batch=BATCH_S,
        layout=layout,
    )


def _options(family: str, rest: str, known: Mapping[str, Option]) -> tuple[str, dict[str, int]]:
    """As `split_options`; all of them are whole numbers."""
    place, options = split_options(family, rest, known)
    return place, {key: int(value) for key, value in options.items()}
