"""From a run's configuration to its network: fresh, or on a backbone that was pretrained, with what is told of that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch

from undertone.backbones.files import load_backbone
from undertone.backbones.shipped import backbone_folder
from undertone.corpora.registry import CORPORA
from undertone.encoders.text import text_checkpoint
from undertone.errors import BundleError, ConfigError
from undertone.inference.bundle import RECOGNISER, TOKENIZER
from undertone.inference.card import Pretrained, Reads, Source
from undertone.inference.phones import GRAPH, PhoneNetwork
from undertone.inference.reading import Reader
from undertone.systems.freezing import freeze
from undertone.systems.multilevel_network import segments_asked
from undertone.systems.registry import system_named
from undertone.training.config import sizes_of, takes_backbone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from torch import nn

    from undertone.backbones.files import BackboneCard
    from undertone.backbones.network import Backbone
    from undertone.encoders.checkpoints import Checkpoint
    from undertone.records import Utterance
    from undertone.systems.base import System
    from undertone.systems.freezing import OnBackbone
    from undertone.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What a run will build; all of it fits together."""

    system: System
    sizes: Any
    """An instance of `system.sizes`."""
    backbone: Backbone | None
    backbone_card: BackboneCard | None
    text: Checkpoint | None = None
    """The encoder of text, where the system reads."""


def plan_network(config: TrainConfig) -> Plan:
    """Find a run's system and its backbone, and see that they fit together.

    Raises:
        UsageError: if there is no such system.
        ConfigError: if the backbone is missing, hears other features than the run takes, or no network has these sizes.
        BundleError: if the backbone's files cannot be used.
    """
    system = system_named(config.system)
    if config.backbone is None and takes_backbone(system):
        raise ConfigError(
            config.name, [f"system {config.system!r} is built on a backbone; name one in a table [backbone]"]
        )
    backbone, card = None, None
    if config.backbone is not None:
        backbone, card = load_backbone(backbone_folder(config.backbone.place))
        if config.front_end != card.front_end:
            raise ConfigError(
                "front_end", [f"the backbone {card.name} hears {card.front_end}, not {config.front_end}; set it back"]
            )
    text = None if config.text is None else text_checkpoint(config.text.place)
    problems: list[str] = []
    sizes = sizes_of(
        config,
        system,
        problems,
        backbone=None if card is None else card.sizes,
        text=None if text is None else configuration_of(text),
    )
    if problems:
        raise ConfigError(config.name, problems)
    plan = Plan(system=system, sizes=sizes, backbone=backbone, backbone_card=card, text=text)
    with torch.device("meta"):
        _freeze(system.build(sizes), config)
    return plan


def build_network(plan: Plan, config: TrainConfig) -> nn.Module:
    """Build a run's network from its seed, with the backbone's weights where it has one."""
    torch.manual_seed(config.seed)
    network = plan.system.build(plan.sizes)
    if plan.backbone is not None:
        network.get_submodule("backbone").load_state_dict(plan.backbone.state_dict())
    if plan.text is not None:
        load_text_encoder(network, plan.text)
    _freeze(network, config)
    return network


def _freeze(network: nn.Module, config: TrainConfig) -> None:
    if config.backbone is not None:
        freeze(cast("OnBackbone", network), config.backbone.kept, config.backbone.top)


def load_text_encoder(network: nn.Module, text: Checkpoint) -> None:
    """Give a network that reads the weights of its encoder of text."""
    known = {name: value for name, value in text.model.state_dict().items() if not name.startswith("pooler.")}
    network.get_submodule("text_encoder").load_state_dict(known)


def configuration_of(text: Checkpoint) -> dict[str, object]:
    """Give the configuration of an encoder of text as plain values; what is nowhere else than usual is left out."""
    told = text.model.config.to_diff_dict() | {"model_type": text.model.config.model_type}
    left_out = ("architectures", "dtype", "transformers_version", "_name_or_path")
    return {name: value for name, value in told.items() if value is not None and name not in left_out}


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadingParts:
    """What reads for a run; nothing where it only hears."""

    reader: Reader | None = None
    reads: Reads | None = None
    """For the bundle's card."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Of the bundle."""


def reading_of(plan: Plan, config: TrainConfig) -> ReadingParts:
    """Make what reads for a run.

    Raises:
        BundleError, ConfigError: as `files_to_read_with`.
    """
    if plan.text is None or config.text is None or config.backbone is None:
        return ReadingParts()
    folder = backbone_folder(config.backbone.place)
    files = files_to_read_with(plan.text, folder)
    reads = Reads(
        encoder=plan.text.name,
        sha256=plan.text.fingerprint,
        source=plan.text.source,
        most_tokens=min(config.text.most_tokens, int(plan.text.extractor.model_max_length)),
        granularities=segments_asked(plan.sizes.fusion),
        withheld=config.text.withheld,
    )
    phones = PhoneNetwork(files[RECOGNISER], str(folder / GRAPH))
    return ReadingParts(reader=Reader(reads, files[TOKENIZER], phones), reads=reads, files=files)


def files_to_read_with(text: Checkpoint, backbone: Path) -> dict[str, bytes]:
    """Give the files of a bundle that it reads with, by name.

    Args:
        text: the encoder of text.
        backbone: folder of the phone recogniser.

    Raises:
        BundleError: if the backbone's folder holds no graph to place words with.
        ConfigError: if the tokenizer cannot be written down.
    """
    tokenizer = getattr(text.extractor, "backend_tokenizer", None)
    if tokenizer is None:
        raise ConfigError("text.place", [f"the tokenizer of {text.name} has no {TOKENIZER}"])
    path = backbone / GRAPH
    if not path.is_file():
        raise BundleError(str(path), "it is missing, and words are placed with it; write it with undertone asr export")
    return {TOKENIZER: str(tokenizer.to_str()).encode(), RECOGNISER: path.read_bytes()}


def pretrained_of(plan: Plan, config: TrainConfig, test: Mapping[str, Sequence[Utterance]]) -> Pretrained | None:
    """Tell for a bundle's card what its network was built on; None where that was nothing.

    Args:
        plan: of the run.
        config: of the run.
        test: the test part, by corpus.
    """
    card = plan.backbone_card
    if card is None or config.backbone is None:
        return None
    return Pretrained(
        name=card.name,
        sha256=card.sha256,
        learnt=config.backbone.kept,
        protocol=card.protocol,
        sources=tuple(
            Source(
                corpus=source.corpus,
                title=source.title,
                language=CORPORA[source.corpus].card.language if source.corpus in CORPORA else "und",
                licence=source.licence,
                speakers=len(source.speakers),
                utterances=source.utterances,
            )
            for source in card.sources
        ),
        test_speakers_heard=speakers_heard(test, (name for source in card.sources for name in source.speakers)),
    )


def speakers_heard(test: Mapping[str, Sequence[Utterance]], heard: Iterable[str]) -> dict[str, int]:
    """Count the speakers of every test part that somebody has heard before; parts without any are left out.

    A corpus in another layout, or a part of it, is another corpus with the same speakers: names alone are compared.
    """
    known = set(heard)
    counts = {corpus: len({item.speaker for item in items} & known) for corpus, items in test.items()}
    return {corpus: count for corpus, count in counts.items() if count}
