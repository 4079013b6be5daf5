"""From a head on Whisper to a graph that hears phones without PyTorch: the encoder in eight bits, the head as it is.

The encoder's graph is also what training hears through, so that the head learns on the numbers that it will be given.
What is rounded is scaled by the largest number of the sound: utterances go through it one by one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import onnx
import torch
from torch import nn

from undertone.audio.whisper_mel import scaled, whisper_mel
from undertone.backbones.whisper_phones import SCALE
from undertone.backbones.whisper_phones_files import load_whisper_phones
from undertone.export.graph import export_onnx, farthest, refuse_unlike, stamped
from undertone.export.relative import EXAMPLE_FRAMES, LEAST_FRAMES, MOST_FRAMES, quantised
from undertone.files import write_beside
from undertone.inference.phones import GRAPH, WHISPER_MEL, PhoneNetwork
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from undertone.backbones.whisper_phones import PhoneHead, WhisperPhones, WhisperStates
    from undertone.backbones.whisper_phones_files import WhisperPhonesCard

STATES: Final = "states"
SCORES: Final = "log_probabilities"
SECONDS: Final = 1
"""Of noise on which a graph is compared with its network."""


def states_graph(states: WhisperStates) -> bytes:
    """Write the graph of an encoder in eight bits, as `states_graphs`."""
    return states_graphs(states)[1]


def states_graphs(states: WhisperStates) -> tuple[bytes, bytes]:
    """Write the graph of an encoder as it is, and in eight bits: `features` (1, frame, mel) in, `states`
    (1, frame / 2, number) out."""
    sizes = states.encoder.sizes
    most = 2 * sizes.most_frames
    frames = torch.export.Dim("frame", min=LEAST_FRAMES, max=most)
    example = (torch.randn(1, min(EXAMPLE_FRAMES, most - 2), sizes.mel_bins),)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "states.onnx"
        export_onnx(states.eval(), example, path, inputs=["features"], outputs=[STATES], shapes=({1: frames},))
        return path.read_bytes(), quantised(path)


class _Scores(nn.Module):
    def __init__(self, head: PhoneHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, states: Tensor) -> Tensor:
        return self.head.scores(states).log_softmax(dim=-1)


def head_graph(head: PhoneHead) -> bytes:
    """Write the graph of a head: `states` (1, frame, number) in, `log_probabilities` (1, frame, symbol) out."""
    frames = torch.export.Dim("frame", min=2, max=MOST_FRAMES)
    example = (torch.randn(1, EXAMPLE_FRAMES, len(head.sizes.read) * head.sizes.states),)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.onnx"
        export_onnx(_Scores(head).eval(), example, path, inputs=[STATES], outputs=[SCORES], shapes=({1: frames},))
        return path.read_bytes()


def export_head(folder: Path) -> float:
    """Write `recogniser.onnx` beside a head's other files: the encoder in eight bits, and the head.

    Returns:
        The largest difference of a probability from PyTorch's own, on noise: what the rounding costs.

    Raises:
        BundleError: if the graph, before its weights are rounded, does not give PyTorch's numbers; or as
            `load_whisper_phones`.
        ChecksumError, ConfigError, FormatVersionError, MissingExtraError: as `load_whisper_phones`.
        OutputError: if it cannot be written.
    """
    network, card = load_whisper_phones(folder)
    head = head_graph(network.head)
    plain, rounded = (_told(each, head, card) for each in states_graphs(network.states))
    difference = _difference(plain, network)
    refuse_unlike(difference)
    with write_beside(folder / GRAPH) as file:
        file.write(rounded)
    return _difference(rounded, network)


def _told(states: bytes, head: bytes, card: WhisperPhonesCard) -> bytes:
    """Put a head's graph behind its encoder's, and write into it whose weights it has, and how it hears."""
    first, second = (
        onnx.compose.add_prefix(onnx.load_from_string(graph), prefix, rename_inputs=False, rename_outputs=False)
        for graph, prefix in ((states, "encoder."), (head, "head."))
    )
    model = onnx.compose.merge_models(first, second, io_map=[(STATES, STATES)])
    about = {
        "backbone": card.name,
        "weights": card.sha256,
        "encoder": card.encoder_sha256,
        "symbols": " ".join(card.symbols),
        "front_end": WHISPER_MEL,
    }
    return stamped(model, about)


def _difference(graph: bytes, network: WhisperPhones) -> float:
    """Find the largest difference of a probability on noise that swells and fades."""
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, SAMPLE_RATE * SECONDS) * np.hanning(SAMPLE_RATE * SECONDS)
    mel = whisper_mel(samples.astype(np.float32))
    found = PhoneNetwork(graph, GRAPH, threads=1).hear([samples.astype(np.float32)]).log_probabilities
    with torch.inference_mode():
        heard = network(torch.from_numpy(scaled(mel, SCALE))[None], torch.tensor([len(mel)]))
        expected = heard.logits[0].softmax(dim=-1).numpy()
    return farthest(np.exp(found), expected)
