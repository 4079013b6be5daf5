"""Whisper's encoder on sound of its true length: every frame, a description of every utterance, or of some blocks.

Behind the colon stands `base`, whose weights come as packages, a folder as transformers lays a checkpoint out, or a
name of the hub. Sound longer than the encoder has positions for, 30 s, is scaled as a whole and heard in stretches of
that length, whose frames are joined: no frame sees beyond its stretch.

`hub:` hears Whisper padded to 30 s, as it was trained; here padding costs nothing and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn

from undertone.audio.whisper_mel import LEVELLED, PUBLISHED, MelScale, scaled, whisper_mel
from undertone.backbones.whisper import FRAMES_PER_S, WhisperStatistics, rescaled
from undertone.backbones.whisper_files import PACKAGED, whisper_named
from undertone.encoders.base import Encoder, Layout
from undertone.encoders.options import Option, named, split_options
from undertone.encoders.rows import frame_rows, joined, moments

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.backbones.whisper import WhisperEncoder
    from undertone.backbones.whisper_files import Pretrained

OPTIONS: Final = {
    "blocks": Option(least=1),
    "level": Option(least=-10, most=10, whole=False),
    "range": Option(least=0.1, most=20, whole=False),
}
DESCRIBED: Final = {"first": Option(least=0), "last": Option(least=0)}
FIRST: Final = 2
LAST: Final = 4
"""Blocks that `whisper-statistics` describes where no others are named: the middle ones of Whisper base's six."""

BATCH_S: Final = 40.0
"""As for the encoders of the hub; memory grows with it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Whisper:
    """An encoder that has been loaded, and how it is asked."""

    name: str
    """What stands behind the family's colon, in its shortest form."""
    pretrained: Pretrained
    scale: MelScale
    dtype: str

    @property
    def network(self) -> WhisperEncoder:
        return self.pretrained.encoder

    @property
    def blocks(self) -> int:
        """Block 0, what stands after the convolutions, among them."""
        return len(self.network.blocks) + 1


def utterances(rest: str) -> Encoder:
    """Build `whisper:PLACE`: one row an utterance, mean and deviation over time of every block, (block, 2 * width).

    Args:
        rest: `base`, a folder or a name of the hub; then perhaps `,blocks=N`, as many of its blocks as are computed,
            `,level=X` and `,range=X`, as `MelScale` has them.

    Raises:
        ConfigError: if there is no such checkpoint, it is not whole, or an option cannot be used.
        MissingExtraError: if the packages that carry `base` are not installed.
    """
    whisper = _loaded("whisper", rest, "float32")
    return _encoder("whisper", whisper, (whisper.blocks, 2 * whisper.network.sizes.width), moments)


def frames(rest: str) -> Encoder:
    """Build `whisper-frames:PLACE`: all blocks of every frame as float16, 50 rows a second, flat.

    Args:
        rest: as for `utterances`.

    Raises:
        ConfigError, MissingExtraError: as `utterances`.
    """
    whisper = _loaded("whisper-frames", rest, "float16")
    name = f"whisper-frames:{whisper.name}"
    width = whisper.network.sizes.width
    layout = Layout(blocks=whisper.blocks, width=width, symbols=0, frames_per_s=FRAMES_PER_S)

    def take(blocks: Tensor) -> NDArray[np.floating]:
        return frame_rows(name, blocks)

    return _encoder("whisper-frames", whisper, (whisper.blocks * width,), take, layout)


def statistics(rest: str) -> Encoder:
    """Build `whisper-statistics:PLACE`: one flat row an utterance, (coefficient,), of some blocks and of loudness.

    `WhisperStatistics` says what it holds: a bundle's graph computes the same.

    Args:
        rest: as for `utterances`; then perhaps `,first=2` and `,last=4`, the blocks that are described.

    Raises:
        ConfigError, MissingExtraError: as `utterances`.
    """
    place, options = split_options("whisper-statistics", rest, DESCRIBED)
    first, last = (int(options.get(key, default)) for key, default in (("first", FIRST), ("last", LAST)))
    pretrained = whisper_named(place, blocks=last)
    whisper = _Whisper(
        name=named(_called(place, pretrained), options), pretrained=pretrained, scale=LEVELLED, dtype="float32"
    )
    module = WhisperStatistics(pretrained.encoder, first, last, LEVELLED)

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        return [_statistics(module, samples) for samples in sounds]

    return _told("whisper-statistics", whisper, f"blocks {first} to {last}", (module.coefficients,), encode)


@torch.inference_mode()
def _statistics(module: WhisperStatistics, samples: NDArray[np.float32]) -> NDArray[np.floating]:
    """Give one utterance's row, shape (1, coefficient); none where there is no frame."""
    mel = torch.from_numpy(whisper_mel(samples))[None]
    if not mel.shape[1]:
        return np.empty((0, module.coefficients), dtype=np.float32)
    most = 2 * module.encoder.sizes.most_frames
    if mel.shape[1] <= most:
        return module(mel).numpy()
    heard = [module.encoder(each).blocks for each in torch.split(rescaled(mel, module.scale), most, dim=1)]
    states = [torch.stack(blocks[module.first : module.last + 1], dim=1) for blocks in heard]
    return module.described(torch.cat(states, dim=2), mel).numpy()


def _loaded(family: str, rest: str, dtype: str) -> _Whisper:
    place, options = split_options(family, rest, OPTIONS)
    blocks = int(options["blocks"]) if "blocks" in options else None
    pretrained = whisper_named(place, blocks=blocks)
    scale = MelScale(range_decades=options.get("range", PUBLISHED.range_decades), level=options.get("level"))
    name = named(_called(place, pretrained), options)
    return _Whisper(name=name, pretrained=pretrained, scale=scale, dtype=dtype)


def _called(place: str, pretrained: Pretrained) -> str:
    """Name a place shortly: a folder may be moved."""
    return place if place == PACKAGED else pretrained.name


def _encoder(
    family: str,
    whisper: _Whisper,
    row_shape: tuple[int, ...],
    take: Callable[[Tensor], NDArray[np.floating]],
    layout: Layout | None = None,
) -> Encoder:
    """Put a network and what is taken of an utterance's blocks, shape (block, frame, width), together."""

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        found: list[NDArray[np.floating]] = [np.empty((0, *row_shape), dtype=whisper.dtype) for _ in sounds]
        mels = {index: whisper_mel(samples) for index, samples in enumerate(sounds)}
        heard = {index: torch.from_numpy(scaled(mel, whisper.scale)) for index, mel in mels.items() if len(mel)}
        for index, blocks in zip(heard, _blocks(whisper.network, list(heard.values())), strict=True):
            found[index] = take(blocks)
        return found

    return _told(family, whisper, f"{whisper.blocks} blocks", row_shape, encode, layout, batch=BATCH_S)


@torch.inference_mode()
def _blocks(network: WhisperEncoder, utterances: Sequence[Tensor]) -> list[Tensor]:
    """Hear utterances, each (frame, mel), in one batch of their stretches; give each's (block, frame, width)."""
    if not utterances:
        return []
    stretches = [torch.split(each, 2 * network.sizes.most_frames) for each in utterances]
    flat = [stretch for each in stretches for stretch in each]
    heard = network(nn.utils.rnn.pad_sequence(flat, batch_first=True), torch.tensor([len(each) for each in flat]))
    return joined(torch.stack(heard.blocks), heard.lengths, map(len, stretches))


def _told(
    family: str,
    whisper: _Whisper,
    what: str,
    row_shape: tuple[int, ...],
    encode: Callable[[Sequence[NDArray[np.float32]]], list[NDArray[np.floating]]],
    layout: Layout | None = None,
    batch: float = 0.0,
) -> Encoder:
    """Put everything that an encoder tells of itself together; `what` is what its rows depend on beside weights."""
    weights = whisper.pretrained.sha256[:16]
    return Encoder(
        name=f"{family}:{whisper.name}",
        revision=f"1, weights {weights}, {what}, {whisper.scale}",
        source=whisper.pretrained.source,
        weights=whisper.pretrained.name,
        row_shape=row_shape,
        rows="frame" if layout else "utterance",
        dtype=whisper.dtype,
        encode=encode,
        batch=batch,
        layout=layout,
    )
