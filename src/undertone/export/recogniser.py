"""From a backbone to a graph that hears phones without PyTorch."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from undertone.backbones.files import is_head, load_backbone
from undertone.export.graph import farthest, refuse_unlike, stamped, write_graph
from undertone.export.rounding import round_graph
from undertone.export.whisper_phones import export_head
from undertone.files import write_beside
from undertone.inference.phones import GRAPH, PhoneNetwork
from undertone.training.batches import padded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from undertone.backbones.files import BackboneCard
    from undertone.backbones.network import Backbone

FRAMES: Final = (400, 130, 9)
"""Of the windows on which the graph is compared with the network."""


class _Phones(nn.Module):
    """A backbone that gives log-probabilities of symbols and how many frames of them are real."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        heard = self.backbone(features, lengths)
        return heard.logits.log_softmax(dim=-1), heard.lengths


def export_recogniser(folder: Path) -> float:
    """Write `recogniser.onnx` beside the other files of a finished backbone, a network of its own or a head on Whisper.

    Returns:
        As `export_backbone`.

    Raises:
        BundleError, ChecksumError, ConfigError, FormatVersionError, OutputError: as `export_backbone` and
            `undertone.export.whisper_phones.export_head`.
        MissingExtraError: if a head's encoder is not installed.
    """
    return export_head(folder) if is_head(folder) else export_backbone(*load_backbone(folder), folder)


def export_backbone(backbone: Backbone, card: BackboneCard, folder: Path) -> float:
    """Write `recogniser.onnx` beside a backbone's other files, its weights in eight bits.

    Args:
        backbone: as it was loaded.
        card: its card.
        folder: of its files.

    Returns:
        The largest difference of a probability from the backbone's own, on windows of noise: what the rounding costs.

    Raises:
        BundleError: if the graph, before its weights are rounded, does not give the backbone's numbers.
        OutputError: if it cannot be written.
    """
    rng = np.random.default_rng(0)
    bins = card.sizes.mel_bins
    windows = [rng.normal(8.0, 4.0, (frames, bins)).astype(np.float32) for frames in FRAMES]
    features, lengths = padded(windows)
    network = _Phones(backbone).eval()
    with torch.inference_mode():
        expected, real = (each.numpy() for each in network(features, lengths))
    with tempfile.TemporaryDirectory() as made:
        path = Path(made) / GRAPH
        write_graph(network, path, mel_bins=bins, outputs=("log_probabilities", "frames"))
        graph = path.read_bytes()
    graph = _told(graph, card)
    difference = _difference(graph, features.numpy(), lengths.numpy(), expected, real)
    refuse_unlike(difference)
    rounded = round_graph(graph)
    with write_beside(folder / GRAPH) as file:
        file.write(rounded)
    return _difference(rounded, features.numpy(), lengths.numpy(), expected, real)


def _told(graph: bytes, card: BackboneCard) -> bytes:
    """Write into a graph whose weights it has, and how it hears."""
    about = {
        "backbone": card.name,
        "weights": card.sha256,
        "symbols": " ".join(card.symbols),
        "front_end": json.dumps(card.front_end.as_json()),
    }
    return stamped(onnx.load_from_string(graph), about)


def _difference(
    graph: bytes,
    features: NDArray[np.float32],
    lengths: NDArray[np.int64],
    expected: NDArray[np.float32],
    real: NDArray[np.int64],
) -> float:
    """Find the largest difference of a probability in a real frame."""
    found, frames = PhoneNetwork(graph, GRAPH, threads=1).run(features, lengths)
    if frames.tolist() != real.tolist():
        return float("inf")
    inside = np.arange(found.shape[1]) < frames[:, None]
    return farthest(np.exp(found)[inside], np.exp(expected)[inside])
