"""What a speech encoder computes for a batch, as if every utterance were alone.

Padding enters nowhere: the convolutions over samples hear one utterance at a time, unpadded, because the group norm of
wav2vec 2.0 base and its kin takes its statistics over whatever it is given, and checkpoints of that kind were trained
without masks. Only the blocks see a batch, padded to its longest with a mask from true lengths. They gain from it;
convolutions over samples fill the cores with one utterance already.
"""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn

from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

PADDED: Final = ("wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat")
"""Of these, padded frames stay zero up to the first block, where the mask hides them."""

ALONE: Final = ("data2vec-audio",)
"""Of these, a stack of convolutions over frames carries what is behind the end into it: no batch of unequal lengths."""

SPECTRAL: Final = ("wav2vec2-bert", "parakeet_ctc", "parakeet_encoder")
"""These hear log-mel frames; what is behind the end is masked wherever it would be heard."""

FAMILIES: Final = (*PADDED, *ALONE, *SPECTRAL, "whisper")
"""The model types of transformers' configurations that are known here."""

KALDI_FRAME: Final = 400
KALDI_HOP: Final = 160
"""Samples of a frame and from one to the next in the extractor of w2v-BERT 2.0, which has them as constants."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """What a speech encoder computes for one utterance."""

    states: Tensor
    """Before its first block and after every one, shape (block, frame, width)."""
    last: Tensor
    """What a head behind the encoder hears, shape (frame, width): the last block, and a norm where there is one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class States:
    """How a speech encoder is run for its states before its first block and after every one."""

    model: Any
    """What computes, without what is not run."""
    blocks: int
    """Count of the states: one more than the encoder has blocks."""
    width: int
    frames_per_s: float
    compute: Callable[[Sequence[NDArray[np.float32]]], list[Heard | None]]
    """Takes utterances, each 16 kHz samples of shape (sample,); gives what was heard of each, or None where it is
    shorter than a frame."""


def states_of(model: Any, extractor: Any) -> States:  # noqa: ANN401  transformers' classes share no useful type
    """Find out how a model of one of `FAMILIES` is run."""
    if model.config.model_type == "whisper":
        return _whisper(model.get_encoder(), extractor)
    if model.config.model_type == "parakeet_ctc":
        return _parakeet(model.encoder, extractor)
    if model.config.model_type == "parakeet_encoder":
        return _parakeet(model, extractor)
    if model.config.model_type == "wav2vec2-bert":
        return _wav2vec2_bert(model, extractor)
    return _waveform(model, extractor)


def _waveform(model: Any, extractor: Any) -> States:  # noqa: ANN401
    """Run models of the wav2vec 2.0 kind: convolutions over samples, then blocks."""
    config = model.config
    convolutions = model.feature_extractor
    model.feature_extractor = nn.Identity()  # the blocks get what the convolutions gave, in place of samples
    model.adapter = None  # what comes behind the last block is no block
    # In bfloat16 a stream of 24 blocks would round small changes away: what flows between the blocks is float32.
    model.feature_projection.register_forward_hook(_widened)
    shortest = 1
    for kernel, stride in zip(reversed(config.conv_kernel), reversed(config.conv_stride), strict=True):
        shortest = (shortest - 1) * stride + kernel
    padded = config.model_type in PADDED and not getattr(config, "conv_pos_batch_norm", False)

    def compute(sounds: Sequence[NDArray[np.float32]]) -> list[Heard | None]:
        found: list[Heard | None] = [None] * len(sounds)
        heard = {
            index: convolutions(extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values)[0]
            for index, samples in enumerate(sounds)
            if len(samples) >= shortest
        }
        for group in _groups({index: frames.shape[1] for index, frames in heard.items()}, padded=padded):
            lengths = [len(sounds[index]) for index in group]
            states, last = _blocks(model, [heard.pop(index) for index in group], lengths)
            for row, (index, count) in enumerate(group.items()):
                found[index] = Heard(states=states[:, row, :count], last=last[row, :count])
        return found

    return States(
        model=model,
        blocks=config.num_hidden_layers + 1,
        width=config.hidden_size,
        frames_per_s=SAMPLE_RATE / math.prod(config.conv_stride),
        compute=compute,
    )


def _widened(_module: nn.Module, _inputs: object, found: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    """Turn what a module gives into float32."""
    return tuple(each.float() for each in found) if isinstance(found, tuple) else found.float()


def _groups(counts: dict[int, int], *, padded: bool) -> list[dict[int, int]]:
    """Group utterances, given by index with their count of frames, that the blocks may hear together."""
    if padded:
        return [counts] if counts else []
    ordered = sorted(counts.items(), key=lambda each: each[1])
    return [dict(each) for _, each in itertools.groupby(ordered, key=lambda each: each[1])]


def _blocks(model: Any, heard: Sequence[Tensor], lengths: Sequence[int]) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    """Run the blocks.

    Args:
        model: without its convolutions.
        heard: what those gave, each of shape (channel, frame).
        lengths: count of samples of each, which the mask is made from.

    Returns:
        The states, shape (block, utterance, frame, width), and what a head hears, shape (utterance, frame, width).
    """
    batch = nn.utils.rnn.pad_sequence([frames.T for frames in heard], batch_first=True).transpose(1, 2)
    mask = None
    if len({frames.shape[1] for frames in heard}) > 1:
        mask = (torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]).long()
    with warnings.catch_warnings():
        # WavLM's attention takes a mask of truth values beside a bias of numbers, which PyTorch frowns on.
        warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask and attn_mask")
        found = model(batch, attention_mask=mask, output_hidden_states=True)
    return torch.stack(found.hidden_states), found.last_hidden_state


def _parakeet(encoder: Any, extractor: Any) -> States:  # noqa: ANN401
    """Run Parakeet's encoder: convolutions that keep a share of the log-mel frames, then Conformer blocks."""
    config = encoder.config
    encoder.subsampling.linear.register_forward_hook(_widened)
    return States(
        model=encoder,
        blocks=config.num_hidden_layers + 1,
        width=config.hidden_size,
        frames_per_s=SAMPLE_RATE / (extractor.hop_length * config.subsampling_factor),
        compute=_spectral(
            encoder,
            extractor,
            # Of a single frame no deviation is known, by which the extractor divides.
            shortest=2 * extractor.hop_length,
            counts=lambda found, _: found.attention_mask.sum(dim=1),
        ),
    )


def _wav2vec2_bert(model: Any, extractor: Any) -> States:  # noqa: ANN401
    """Run w2v-BERT 2.0: Conformer blocks over log-mel frames, of which `stride` make one."""
    config = model.config
    model.feature_projection.register_forward_hook(_widened)
    model.adapter = None  # what comes behind the last block is no block
    return States(
        model=model,
        blocks=config.num_hidden_layers + 1,
        width=config.hidden_size,
        frames_per_s=SAMPLE_RATE / (KALDI_HOP * extractor.stride),
        compute=_spectral(
            model,
            extractor,
            shortest=KALDI_FRAME + (max(2, extractor.stride) - 1) * KALDI_HOP,
            counts=lambda _, lengths: lengths,
        ),
    )


def _spectral(
    model: Any,  # noqa: ANN401
    extractor: Any,  # noqa: ANN401
    *,
    shortest: int,
    counts: Callable[[Any, Tensor], Tensor],
) -> Callable[[Sequence[NDArray[np.float32]]], list[Heard | None]]:
    """Run models of `SPECTRAL`.

    Args:
        model: hears features and a mask.
        extractor: normalises every utterance by its own mean and deviation, so it hears one at a time.
        shortest: samples of the shortest sound of which there is a frame.
        counts: counts the output frames of every utterance from what the model gave and the true lengths of its input.
    """

    def compute(sounds: Sequence[NDArray[np.float32]]) -> list[Heard | None]:
        found: list[Heard | None] = [None] * len(sounds)
        heard = {
            index: _features(extractor, samples) for index, samples in enumerate(sounds) if len(samples) >= shortest
        }
        if not heard:
            return found
        lengths = torch.tensor([len(features) for features in heard.values()])
        batch = nn.utils.rnn.pad_sequence(list(heard.values()), batch_first=True)
        mask = torch.arange(batch.shape[1])[None] < lengths[:, None]
        given = model(batch, attention_mask=mask, output_hidden_states=True)
        states = torch.stack(given.hidden_states)
        for row, (index, count) in enumerate(zip(heard, counts(given, lengths).tolist(), strict=True)):
            found[index] = Heard(states=states[:, row, :count], last=given.last_hidden_state[row, :count])
        return found

    return compute


def _features(extractor: Any, samples: NDArray[np.float32]) -> Tensor:  # noqa: ANN401
    """Take the true log-mel frames of one utterance, shape (frame, mel)."""
    with torch.autocast("cpu", enabled=False):  # spectra are float32 whatever the blocks compute in
        prepared = extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt", return_attention_mask=True)
    return prepared.input_features[0, : int(prepared.attention_mask[0].sum())]


def _whisper(encoder: Any, extractor: Any) -> States:  # noqa: ANN401
    """Run Whisper's encoder: on stretches padded with silence to 30 s, as it was trained, without a mask.

    States of the padding are dropped. Longer utterances are cut into stretches of 30 s.
    """
    config = encoder.config
    hop = extractor.hop_length * encoder.conv1.stride[0] * encoder.conv2.stride[0]
    longest = config.max_source_positions * hop

    def compute(sounds: Sequence[NDArray[np.float32]]) -> list[Heard | None]:
        return [_joined(samples) if len(samples) else None for samples in sounds]

    def _joined(samples: NDArray[np.float32]) -> Heard:
        pieces, ends = [], []
        for first in range(0, len(samples), longest):
            stretch = samples[first : first + longest]
            with torch.autocast("cpu", enabled=False):  # spectra are float32 whatever the blocks compute in
                mel = extractor(
                    stretch, sampling_rate=SAMPLE_RATE, return_tensors="pt", max_length=longest
                ).input_features
            given = encoder(mel, output_hidden_states=True)
            count = math.ceil(len(stretch) / hop)
            pieces.append(torch.stack(given.hidden_states)[:, 0, :count])
            ends.append(given.last_hidden_state[0, :count])
        return Heard(states=torch.cat(pieces, dim=1), last=torch.cat(ends))

    return States(
        model=encoder,
        blocks=config.encoder_layers + 1,
        width=config.d_model,
        frames_per_s=SAMPLE_RATE / hop,
        compute=compute,
    )
