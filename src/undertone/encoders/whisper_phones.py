"""Whisper's blocks with the phones that a head on them hears, of every frame: what Qieemo asks of a recogniser.

Behind the colon stands the head's folder or the name of one that comes with the package. `,first=2,last=4` keeps fewer
blocks of a row, for rows of seven blocks of 512 take 25 MB a minute. Long sound is cut into stretches where it is
quietest, as the recogniser cuts it. Means and deviations of the blocks alone are `whisper:base,level=1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import nn

from undertone.audio.stretches import stretches
from undertone.audio.whisper_mel import scaled, whisper_mel
from undertone.backbones.shipped import backbone_folder
from undertone.backbones.whisper import FRAMES_PER_S
from undertone.backbones.whisper_phones import SCALE
from undertone.backbones.whisper_phones_files import HEAD, load_whisper_phones
from undertone.encoders.base import Encoder, Layout
from undertone.encoders.options import Option, named, split_options
from undertone.encoders.rows import frame_rows, joined
from undertone.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from undertone.backbones.whisper_phones import WhisperPhones

FAMILY: Final = "whisper-phones-frames"
KEPT: Final = {"first": Option(least=0), "last": Option(least=0)}

BATCH_S: Final = 40.0
"""As for the encoders of the hub; memory grows with it."""


def frames(rest: str) -> Encoder:
    """Build `whisper-phones-frames:FOLDER`: blocks and scores of every frame as float16, 50 rows a second, flat.

    Args:
        rest: a folder, or the name of a head that comes with the package; then perhaps `,first=2` and `,last=4`, the
            blocks that a row keeps: all where they are not told, 0 being what stands after the convolutions.

    Raises:
        ConfigError: if there is no such head, or an option is unknown or names no block.
        BundleError, ChecksumError: if the files are not whole.
        MissingExtraError: if the weights that it stands on are not installed.
    """
    place, options = split_options(FAMILY, rest, KEPT)
    network, card = load_whisper_phones(backbone_folder(place, HEAD))
    most = len(network.states.encoder.blocks)
    first, last = int(options.get("first", 0)), int(options.get("last", most))
    if not first <= last <= most:
        raise ConfigError(
            f"encoder {FAMILY}:{rest}",
            [f"first {first} and last {last} must be in order, from 0 to {most}, the encoder's last block"],
        )
    layout = Layout(
        blocks=last - first + 1,
        width=card.sizes.states,
        symbols=card.sizes.symbols,
        blank=0,
        frames_per_s=FRAMES_PER_S,
    )
    name = f"{FAMILY}:{named(card.name, options)}"
    row = layout.blocks * layout.width + layout.symbols

    def encode(sounds: Sequence[NDArray[np.float32]]) -> list[NDArray[np.floating]]:
        found: list[NDArray[np.floating]] = [np.empty((0, row), dtype=np.float16) for _ in sounds]
        mels = {index: mels for index, samples in enumerate(sounds) if (mels := _mels(samples))}
        for index, (blocks, scores) in zip(mels, _heard(network, list(mels.values())), strict=True):
            found[index] = frame_rows(name, blocks[first : last + 1], scores)
        return found

    heard = "; ".join(f"{each.title}, licence: {each.licence}" for each in card.sources)
    return Encoder(
        name=name,
        revision=f"1, head {card.sha256[:16]}, encoder {card.encoder_sha256[:16]}, blocks {first} to {last}, {SCALE}",
        source=f"Whisper (Radford et al. 2022), MIT; our head {card.name} on it, trained on {heard or 'nothing'}",
        weights=card.name,
        row_shape=(row,),
        rows="frame",
        dtype="float16",
        encode=encode,
        batch=BATCH_S,
        layout=layout,
    )


def _mels(samples: NDArray[np.float32]) -> list[Tensor]:
    """Give the scaled log-mel of each stretch of a sound, shape (frame, mel); of those that have a frame."""
    mels = [whisper_mel(samples[first:end]) for first, end in stretches(samples)]
    return [torch.from_numpy(scaled(mel, SCALE)) for mel in mels if len(mel)]


@torch.inference_mode()
def _heard(network: WhisperPhones, mels: Sequence[Sequence[Tensor]]) -> list[tuple[Tensor, Tensor]]:
    """Hear sounds in one batch of their stretches: each one's blocks, shape (block, frame, width), and scores, shape
    (frame, symbol)."""
    flat = [mel for each in mels for mel in each]
    if not flat:
        return []
    given = network(nn.utils.rnn.pad_sequence(flat, batch_first=True), torch.tensor([len(mel) for mel in flat]))
    counts = [len(each) for each in mels]
    blocks = joined(torch.stack(given.blocks), given.lengths, counts)
    return list(zip(blocks, joined(given.logits, given.lengths, counts), strict=True))
