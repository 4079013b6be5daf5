"""From a `relative` system to its two graphs: `model.onnx`, from a window to its vector, and `head.onnx`.

The products of the encoder are in eight bits (dynamic quantisation, weights by channel): what is rounded is scaled by
the window's own largest number, so that windows must go through one by one, which `BaselineSession` does. Weights keep
seven bits: on processors without VNNI the sum of two products of eight bits would overflow sixteen, and answers would
differ from machine to machine.
"""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from undertone.export.graph import export_onnx, strip

if TYPE_CHECKING:
    from undertone.backbones.whisper import WhisperStatistics
    from undertone.systems.relative import RelativeHead

EXAMPLE_FRAMES: Final = 400
LEAST_FRAMES: Final = 4
MOST_FRAMES: Final = 3000
"""30 s: there are no positions for more."""


def window_graph(statistics: WhisperStatistics, *, int8: bool = True) -> bytes:
    """Write the graph that makes a window's vector: `features` (1, frame, mel) in, `vector` (1, number) out."""
    frames = torch.export.Dim("frame", min=LEAST_FRAMES, max=MOST_FRAMES)
    example = (torch.randn(1, EXAMPLE_FRAMES, statistics.encoder.sizes.mel_bins),)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_onnx(statistics.eval(), example, path, inputs=["features"], outputs=["vector"], shapes=({1: frames},))
        return quantised(path) if int8 else path.read_bytes()


def head_graph(head: RelativeHead) -> bytes:
    """Write the graph of the head; its inputs and output are named as `RelativeHead.forward` names them."""
    turns = torch.export.Dim("turn", min=1)
    numbers = len(head.mean)
    example = (*(torch.randn(2, numbers) for _ in range(3)), torch.tensor([0.0, 3.0]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "head.onnx"
        inputs = ["vectors", "mean", "deviation", "count"]
        export_onnx(head.eval(), example, path, inputs=inputs, outputs=["logits"], shapes=({0: turns},) * 4)
        return path.read_bytes()


def quantised(path: Path) -> bytes:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415  slow to import, needed here alone

    rounded = path.with_name("rounded.onnx")
    level = logging.getLogger().level
    logging.getLogger().setLevel(logging.ERROR)  # it advises to prepare the graph, which changes nothing here
    try:
        quantize_dynamic(
            path,
            rounded,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
        )
    finally:
        logging.getLogger().setLevel(level)
    strip(rounded)
    return rounded.read_bytes()
