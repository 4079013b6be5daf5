"""Loading checkpoints of the Hugging Face hub, strictly.

Nothing is fetched unless the name is one of the hub (`facebook/wav2vec2-base`) and no folder of that name exists. A
checkpoint that does not hold every weight is refused: what the library would fill in with random numbers is no encoder.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
import transformers
from safetensors import SafetensorError
from torch import nn
from torch.nn.utils import parametrize

from undertone.encoders.states import ALONE, FAMILIES, PADDED
from undertone.errors import ConfigError
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HARMLESS_MISSING: Final = re.compile(r"(^|\.)masked_spec_embed$")
"""What only training uses: the vector that masks frames."""

HEADS: Final = re.compile(
    r"^(lm_head|quantizer|project_hid|project_q|final_proj|label_embs_concat|label_embeddings_concat|speaker_proj|"
    r"classifier|projector|layer_weights|proj_out)(\.|$)"
)
"""What checkpoints hold behind the encoder; nothing here uses it."""

RECOGNISERS: Final = (*PADDED, *ALONE, "wav2vec2-bert", "parakeet_ctc")
"""The model types of which there are speech recognisers: those with a CTC head."""

CTC_HEADS: Final = re.compile(r"^(lm_head|ctc_head)\.")

TEXT_FAMILIES: Final = ("bert", "roberta", "xlm-roberta", "distilbert", "electra", "mpnet", "camembert")
"""The model types of which there are encoders of text."""

TEXT_HEADS: Final = re.compile(r"^(cls|lm_head|pooler|classifier|qa_outputs|vocab_\w+|discriminator_predictions)(\.|$)")

RESERVED_PLACES: Final = 2
"""Of RoBERTa's positions, the first two stand for no token."""

EXTRACTORS: Final = ("preprocessor_config.json", "processor_config.json")
"""Files that say how sound is prepared. Newer versions of transformers write the second one alone."""

TOKENIZERS: Final = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt")

FILES: Final = ("*.json", "*.safetensors", "vocab.txt", "merges.txt", "README.md")
PICKLED: Final = ("pytorch_model*.bin",)

SEED: Final = 0
"""Of random weights."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """An encoder of speech, or of text, that has been loaded."""

    name: str
    model: Any
    """One of transformers' models, in evaluation mode."""
    extractor: Any
    """What prepares the sound for it, from `preprocessor_config.json`; or the tokenizer."""
    fingerprint: str
    weights: str
    """`random`, or the checkpoint's name."""
    source: str
    blank: int | None = None
    """Which symbol of a speech recogniser is the blank."""


def load_checkpoint(place: str) -> Checkpoint:
    """Load a speech encoder from a folder in the hub's layout, or from the hub.

    Args:
        place: a folder with `config.json`, `preprocessor_config.json` and weights; or `owner/name`.

    Raises:
        ConfigError: if it is not there, is not a speech encoder that is known, or lacks weights or has others.
    """
    folder, where = _found(place)
    config, extractor = _configured(folder, where)
    model, info = _loaded(transformers.AutoModel, folder, config, where)
    _require_exact(where, info, left_out=HEADS)
    return _checkpoint(place, folder, model, extractor)


def load_recogniser(place: str) -> Checkpoint:
    """Load a speech encoder with its CTC head from a folder in the hub's layout, or from the hub.

    Args:
        place: as for `load_checkpoint`.

    Raises:
        ConfigError: as `load_checkpoint`; or if there is no CTC head, or it does not say which symbol is the blank.
    """
    folder, where = _found(place)
    config, extractor = _configured(folder, where)
    if config.model_type not in RECOGNISERS:
        raise ConfigError(where, [f"{config.model_type!r} has no CTC head", _without_head(place)])
    blank = _blank(folder, config, where)
    model, info = _loaded(transformers.AutoModelForCTC, folder, config, where)
    headless = sorted(name for name in info["missing_keys"] if CTC_HEADS.search(name))
    if headless:
        raise ConfigError(where, [f"it has no CTC head ({', '.join(headless)} missing)", _without_head(place)])
    _require_exact(where, info)
    return replace(_checkpoint(place, folder, model, extractor), blank=blank)


def _without_head(place: str) -> str:
    return f"what recognises nothing is heard through hub:{place}, hub-frames:{place} or hub-bare-frames:{place}"


def _found(place: str) -> tuple[Path, str]:
    """Find a checkpoint's folder, and what it is called in messages."""
    return Path(place) if Path(place).is_dir() else _fetched(place), f"checkpoint {place}"


def _loaded(kind: Any, folder: Path, config: Any, where: str) -> tuple[Any, dict[str, Any]]:  # noqa: ANN401
    """Load weights into one of transformers' automatic classes; what did not fit is told, not yet refused."""
    try:
        with _quiet():
            model, info = kind.from_pretrained(
                str(folder.resolve()),
                config=config,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                output_loading_info=True,
            )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ConfigError(
            where, [f"its weights cannot be loaded ({_first_line(error)}); copy the folder anew"]
        ) from error
    return model, info


def _checkpoint(
    place: str,
    folder: Path,
    model: Any,  # noqa: ANN401
    extractor: Any,  # noqa: ANN401
    told: Sequence[str] = EXTRACTORS,
    name: str = "",
) -> Checkpoint:
    name = name or (folder.resolve().name if Path(place).is_dir() else place)
    licence = _licence(folder)
    return Checkpoint(
        name=name,
        model=_ready(model),
        extractor=extractor,
        fingerprint=_fingerprint(folder, told),
        weights=name,
        source=f"checkpoint {name} ({type(model).__name__}), licence: {licence or 'not stated in its README'}",
    )


def load_text_checkpoint(place: str, name: str = "") -> Checkpoint:
    """Load an encoder of text from a folder in the hub's layout, or from the hub.

    Args:
        place: a folder with `config.json`, a tokenizer and weights; or `owner/name`.
        name: what it is called, where that is not the folder's name.

    Returns:
        The checkpoint; its `extractor` is the tokenizer.

    Raises:
        ConfigError: if it is not there, is not an encoder of text that is known, or lacks weights or has others.
    """
    folder, where = _found(place)
    resolved = str(folder.resolve())
    if not (folder / "config.json").is_file():
        raise ConfigError(where, ["config.json is missing; a folder in the hub's layout holds it"])
    try:
        config = transformers.AutoConfig.from_pretrained(resolved, trust_remote_code=False)
        tokenizer = transformers.AutoTokenizer.from_pretrained(resolved, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(where, [f"its configuration cannot be read ({_first_line(error)})"]) from error
    if config.model_type not in TEXT_FAMILIES:
        known = ", ".join(TEXT_FAMILIES)
        raise ConfigError(where, [f"{config.model_type!r} is not an encoder of text that is known; those are {known}"])
    model, info = _loaded(transformers.AutoModel, folder, config, where)
    missing = {name for name in info["missing_keys"] if name.startswith("pooler.")}  # of the class token; not used
    _require_exact(where, info | {"missing_keys": set(info["missing_keys"]) - missing}, left_out=TEXT_HEADS)
    # Places beyond the last are an error in the network, and not every tokenizer knows how many it has.
    tokenizer.model_max_length = min(tokenizer.model_max_length, config.max_position_embeddings - RESERVED_PLACES)
    return _checkpoint(place, folder, model, tokenizer, told=TOKENIZERS, name=name)


def random_checkpoint(place: str) -> Checkpoint:
    """Build a speech encoder with weights drawn from a fixed seed.

    Args:
        place: a folder with `config.json`, or one of `ARCHITECTURES`.

    Raises:
        ConfigError: if it is neither.
    """
    where = f"random weights for {place}"
    if Path(place).is_dir():
        config, extractor = _configured(Path(place), where)
    elif place in ARCHITECTURES:
        config, extractor = ARCHITECTURES[place]()
    else:
        raise ConfigError(
            where, [f"there is no such folder and no such architecture; there are {', '.join(ARCHITECTURES)}"]
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = transformers.AutoModel.from_config(config)  # type: ignore[no-untyped-call]
    name = Path(place).resolve().name if Path(place).is_dir() else place
    described = json.dumps([config.to_dict(), extractor.to_dict()], sort_keys=True, default=str)
    return Checkpoint(
        name=name,
        model=_ready(model),
        extractor=extractor,
        fingerprint=f"seed {SEED}, {hashlib.sha256(described.encode()).hexdigest()[:16]}",
        weights="random",
        source=f"the architecture {type(model).__name__} of {name}, untrained",
    )


def _wav2vec2_like(config: type[Any]) -> Callable[[], tuple[Any, Any]]:
    """An architecture as its paper's base model has it, which is what its configuration is without arguments."""
    return lambda: (config(), transformers.Wav2Vec2FeatureExtractor(do_normalize=True))  # type: ignore[no-untyped-call]


ARCHITECTURES: Final[dict[str, Callable[[], tuple[Any, Any]]]] = {
    "wav2vec2-base": _wav2vec2_like(transformers.Wav2Vec2Config),
    "hubert-base": _wav2vec2_like(transformers.HubertConfig),
    "wavlm-base": _wav2vec2_like(transformers.WavLMConfig),
    "data2vec-audio-base": _wav2vec2_like(transformers.Data2VecAudioConfig),
}


def _ready(model: Any) -> Any:  # noqa: ANN401  transformers' classes share no useful type
    """Prepare a model for being run only; weights that are a product are multiplied out once."""
    for module in model.modules():
        if isinstance(module, nn.Conv1d) and parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight")
    return model.eval().requires_grad_(requires_grad=False)


def _configured(folder: Path, where: str) -> tuple[Any, Any]:
    """Read a folder's configuration and what prepares its sound."""
    for name, also in (("config.json", ()), (EXTRACTORS[0], EXTRACTORS[1:])):
        if not any((folder / each).is_file() for each in (name, *also)):
            raise ConfigError(where, [f"{name} is missing; a folder in the hub's layout holds it"])
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder.resolve()), trust_remote_code=False)
        extractor = transformers.AutoFeatureExtractor.from_pretrained(  # type: ignore[no-untyped-call]
            str(folder.resolve()), trust_remote_code=False
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(where, [f"its configuration cannot be read ({_first_line(error)})"]) from error
    problems = []
    if config.model_type not in FAMILIES:
        problems.append(f"{config.model_type!r} is not a speech encoder that is known; those are {', '.join(FAMILIES)}")
    hears = "input_values" if config.model_type in (*PADDED, *ALONE) else "input_features"
    if extractor.model_input_names[0] != hears:
        given = f"{type(extractor).__name__} prepares {extractor.model_input_names[0]}"
        problems.append(f"{given}, but {config.model_type!r} hears {hears}; copy {EXTRACTORS[0]} of its own")
    if extractor.sampling_rate != SAMPLE_RATE:
        problems.append(f"it hears {extractor.sampling_rate} Hz; encoders hear {SAMPLE_RATE} Hz")
    if problems:
        raise ConfigError(where, problems)
    return config, extractor


def _require_exact(where: str, info: dict[str, Any], left_out: re.Pattern[str] | None = None) -> None:
    """Refuse a checkpoint of which a weight would be random, or unused without being one that may be left out."""
    missing = sorted(name for name in info["missing_keys"] if not HARMLESS_MISSING.search(name))
    unexpected = sorted(name for name in info["unexpected_keys"] if not (left_out and left_out.search(name)))
    mismatched = sorted(str(each[0]) for each in info["mismatched_keys"])
    problems = [
        f"{len(names)} weights {what}: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}"
        for what, names in (
            ("are missing and would be random", missing),
            ("belong to no part of the encoder", unexpected),
            ("have another shape", mismatched),
        )
        if names
    ]
    if problems:
        raise ConfigError(where, [*problems, "name a whole checkpoint of this architecture"])


def _blank(folder: Path, config: Any, where: str) -> int:  # noqa: ANN401
    """Tell the blank: the symbol that the configuration has for padding, as transformers' CTC loss takes it.

    Its tokenizer decodes with the one of its vocabulary. Where the two differ, one of them is wrong.
    """
    blank = config.pad_token_id
    if not isinstance(blank, int) or not 0 <= blank < (config.vocab_size or 0):
        raise ConfigError(
            where,
            [
                f"config.json has pad_token_id {blank!r} for the blank of {config.vocab_size!r} symbols",
                "it must name the symbol that CTC was trained with as blank; correct it",
            ],
        )
    vocabulary = _table(folder / "vocab.json")
    told = {**_table(folder / "tokenizer_config.json"), **_table(folder / "special_tokens_map.json")}.get("pad_token")
    token = told.get("content") if isinstance(told, dict) else told
    other = vocabulary.get(token) if isinstance(token, str) else None
    if isinstance(other, int) and other != blank:
        raise ConfigError(
            where, [f"the blank is {blank} by config.json and {other} ({token}) by vocab.json; make them one"]
        )
    return blank


def _table(path: Path) -> dict[str, Any]:
    """Read a file that need not be there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _fetched(place: str) -> Path:
    """Fetch a checkpoint from the hub, or find it in the hub's own cache; only its name asks for that."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", place):
        raise ConfigError(f"checkpoint {place}", ["there is no such folder, and a name of the hub is owner/name"])
    import huggingface_hub  # noqa: PLC0415  nothing else needs it

    try:
        folder = Path(huggingface_hub.snapshot_download(place, allow_patterns=list(FILES)))
        if not list(folder.glob("*.safetensors")):
            folder = Path(huggingface_hub.snapshot_download(place, allow_patterns=[*FILES, *PICKLED]))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"checkpoint {place}",
            [f"there is no such folder, and it cannot be fetched from the hub ({_first_line(error)})"],
        ) from error
    return folder


def _fingerprint(folder: Path, told: Sequence[str]) -> str:
    """Fingerprint the bytes of everything that decides what a checkpoint computes."""
    digest = hashlib.sha256()
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    also = [folder / name for name in told if (folder / name).is_file()]
    for path in (folder / "config.json", *also, *weights):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _licence(folder: Path) -> str | None:
    """Read the licence from the front matter of a checkpoint's README."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    front = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license:\s*(\S+)\s*$", front[1], re.MULTILINE) if front else None
    return found[1] if found else None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's report and progress bar off standard error: what matters of it becomes an error."""
    log = transformers.utils.logging
    level, bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()  # type: ignore[no-untyped-call]
    log.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()  # type: ignore[no-untyped-call]
