"""A whole run: features, training, calibration, test, bundle."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError
from undertone.experiments.build import build_network, plan_network, pretrained_of, reading_of
from undertone.experiments.evaluate import fit_calibration, plain_speech, predictions_of, score
from undertone.experiments.goldens import golden_scripts, golden_windows
from undertone.experiments.provenance import commit
from undertone.experiments.recipe import write_recipe
from undertone.experiments.words import EXCLUDED_USE, INTENDED_USE, licence_of, limits_of, limits_of_backbone
from undertone.export.write import answers_of, export_system, write_bundle
from undertone.files import install_folder, make_folder, write_text
from undertone.inference.card import FORMAT, Card, Rounding, Source, Training, Unrounded
from undertone.labels import EMOTIONS
from undertone.systems.late import LateFusion
from undertone.training.loop import Span, mean_ua, scores_by, span_of, train
from undertone.training.parallel import ALONE, Workers, in_turn
from undertone.training.prepare import READ, prepare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import nn

    from undertone.experiments.build import Plan
    from undertone.export.write import Exported
    from undertone.inference.card import Calibration, PlainSpeech, Pretrained, Score
    from undertone.inference.parity import Answer
    from undertone.records import Utterance
    from undertone.training.config import TrainConfig
    from undertone.training.prepare import Prepared, Progress

    Heard = Mapping[tuple[str, str], NDArray[np.float32]]
    """Test logits by corpus and condition."""


FUSED_WITH: Final = "fused_with"
"""The folder of the second system of a run, within its own; and its place in the history."""
WITHOUT_TRANSCRIPT: Final = "clean, without its transcript"
"""The condition in which a system that reads is tested, too."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Where a run's results lie."""

    bundle: Path
    results: Path
    card: Card
    predictions: Path | None = None
    """Where they are a file of their own."""


def run(config: TrainConfig, data: Path, folder: Path, progress: Progress, workers: Workers = ALONE) -> Finished | None:
    """Train, calibrate, test and export; goes on where an earlier call with the same folder stopped.

    Args:
        config: the run.
        data: the folder that holds one folder per corpus.
        folder: of the run; gets `config.json`, `features/`, `checkpoint.safetensors`, `bundle/` and `results.json`; of
            a system that reads, on a backbone that did not learn, `recipe/` too; of the system that it is fused with,
            `fused_with/checkpoint.safetensors`.
        progress: opens a progress bar.
        workers: the processes that train together; the first takes the features, tests and exports.

    Returns:
        Where the results lie; None in all processes but the first.

    Raises:
        ConfigError: if the folder holds a run with another configuration.
        OutputError: if the folder cannot be made.
        UndertoneError: as `plan_network`, `prepare`, `export_system` and `write_bundle`.
    """
    plan = plan_network(config)
    make_folder(folder)
    with in_turn(workers):  # the first process takes the features, the others open them
        _claim(folder, config, plan)
        reading = reading_of(plan, config)
        prepared = prepare(config, data, folder / "features", progress, reading.reader)
    learned = _learn(plan, config, prepared, folder, progress, workers)
    if workers.rank:
        return None

    span = span_of(config)
    exported = export_system(
        learned.network,
        golden_windows(config.windows, config.front_end, seed=config.seed),
        mel_bins=config.front_end.mel_bins,
        precision=config.export.precision,
        scripts=golden_scripts(reading.reads, config.windows, config.front_end),
    )
    # From here on the graph that ships is asked, not the network it was made from.
    answer = exported.answer()
    validation = _validate(answer, prepared, span)
    calibration = _calibrate(validation, prepared, config)
    heard = _hear(answer, prepared, span)
    training = _training(config, prepared, learned.history)
    pretrained = pretrained_of(plan, config, prepared.test)
    card = Card(
        format=FORMAT,
        id="",  # the bundle's writer names it after its weights
        title=f"{config.name}: {learned.system} on {', '.join(config.corpora)}",
        system=learned.system,
        system_source=learned.source,
        licence=licence_of(
            training.sources + (() if pretrained is None else pretrained.sources), private=config.private
        ),
        labels=EMOTIONS,
        parameters=sum(weight.numel() for weight in learned.network.parameters()),
        sizes=learned.sizes,
        front_end=config.front_end,
        windows=config.windows,
        calibration=calibration,
        training=training,
        scores=_test(heard, prepared, calibration, config),
        plain_speech=_test_plain(heard, prepared, calibration, config),
        intended_use=INTENDED_USE,
        excluded_use=EXCLUDED_USE,
        limits=_limits(config, training, pretrained),
        backbone=pretrained,
        rounding=_rounding(exported, prepared, calibration, config, span),
        reads=reading.reads,
    )
    card = write_bundle(exported, card, folder / "bundle", reading=reading.files)
    if reading.reads is not None and pretrained is not None and pretrained.learnt == "head":
        write_recipe(learned.network, card, folder / "recipe")
    results = folder / "results.json"
    write_text(results, _results(config, card, validation, heard, prepared, learned.history))
    return Finished(bundle=folder / "bundle", results=results, card=card)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learned:
    """What a run trained."""

    network: nn.Module
    system: str
    source: str
    sizes: dict[str, object]
    history: dict[str, Any]


def _learn(
    plan: Plan, config: TrainConfig, prepared: Prepared, folder: Path, progress: Progress, workers: Workers
) -> _Learned:
    """Train the system of a run, and the one that it is fused with, each by itself."""
    network = build_network(plan, config)
    advance = progress(f"training epochs of {plan.system.name}", config.optimisation.epochs)
    history = train(network, prepared.material, config, folder, lambda *_: advance(), workers)
    learned = _Learned(
        network=network,
        system=plan.system.name,
        source=plan.system.source,
        sizes=asdict(plan.sizes),
        history=history,
    )
    if config.second is None:
        return learned
    make_folder(folder / FUSED_WITH)
    other = _learn(plan_network(config.second), config.second, prepared, folder / FUSED_WITH, progress, workers)
    twin = f"{other.system} again" if other.system == learned.system else other.system
    return _Learned(
        network=LateFusion(learned.network, other.network),
        system=f"{learned.system}+{other.system}",
        source=f"{learned.source}; fused late with {other.system}: {other.source}",
        sizes={learned.system: learned.sizes, twin: other.sizes},
        history=history | {FUSED_WITH: other.history},
    )


def install(bundle: Path, target: Path) -> None:
    """Put a finished bundle where the package, or a user, will load it from; a bundle that is there is replaced.

    Raises:
        OutputError: if something else is there, or the bundle cannot be written.
    """
    install_folder(bundle, target, mark="card.json", what="bundle")


def _claim(folder: Path, config: TrainConfig, plan: Plan) -> None:
    """Write the configuration into the run's folder, or make sure that it is the one the folder was begun with."""
    path = folder / "config.json"
    now = json.loads(json.dumps(asdict(config)))
    if plan.backbone_card is not None:
        now["backbone"]["sha256"] = plan.backbone_card.sha256  # another backbone may lie in the same place by now
    if plan.text is not None:
        now["text"]["sha256"] = plan.text.fingerprint
    begun = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else now
    changed = [
        f"{name} was {begun.get(name)!r} and is now {now.get(name)!r}"
        for name in sorted(begun.keys() | now.keys())
        if begun.get(name) != now.get(name)
    ]
    if changed:
        raise ConfigError(str(folder), [*changed, "set it back to go on with this run, or name a new folder"])
    write_text(path, json.dumps(now, indent=1) + "\n")


def _validate(answer: Answer, prepared: Prepared, span: Span) -> list[NDArray[np.float32]]:
    """Score the validation part in every condition, each of shape (utterance, label)."""
    material = prepared.material
    return [
        scores_by(answer, material.validation, store, span=span, reading=material.reading)
        for store in material.validation_stores
    ]


def _calibrate(validation: Sequence[NDArray[np.float32]], prepared: Prepared, config: TrainConfig) -> Calibration:
    """Calibrate on emotional speech alone: read speech is so easy that with it no doubt would ever withhold a label."""
    items = prepared.material.validation
    emotional = [number for number, item in enumerate(items) if item.corpus != READ]
    return fit_calibration(
        [logits[emotional] for logits in validation],
        [items[number] for number in emotional],
        accuracy=config.accuracy_when_certain,
    )


def _hear(answer: Answer, prepared: Prepared, span: Span) -> Heard:
    """Score the test part in every condition; of what reads, without transcripts, too."""
    reading = prepared.material.reading
    conditions = [(condition, store, False) for condition, store in prepared.test_stores.items()]
    if reading is not None:
        conditions.append((WITHOUT_TRANSCRIPT, prepared.test_stores["clean"], True))
    return {
        (corpus, condition): scores_by(answer, items, store, span=span, reading=reading, silent=silent)
        for corpus, items in prepared.test.items()
        for condition, store, silent in conditions
    }


def _test(heard: Heard, prepared: Prepared, calibration: Calibration, config: TrainConfig) -> tuple[Score, ...]:
    return tuple(
        score(
            logits,
            prepared.test[corpus],
            calibration,
            condition=condition,
            trained_on_corpus=corpus in config.corpora,
            rng=np.random.default_rng(config.seed),
        )
        for (corpus, condition), logits in heard.items()
        if corpus != READ
    )


def _test_plain(
    heard: Heard, prepared: Prepared, calibration: Calibration, config: TrainConfig
) -> tuple[PlainSpeech, ...]:
    return tuple(
        plain_speech(
            logits,
            prepared.test[corpus],
            calibration,
            condition=condition,
            rng=np.random.default_rng(config.seed),
        )
        for (corpus, condition), logits in heard.items()
        if corpus == READ
    )


def _rounding(
    exported: Exported, prepared: Prepared, calibration: Calibration, config: TrainConfig, span: Span
) -> Rounding | None:
    """Tell what rounding the weights cost; None where they were not rounded."""
    if exported.model == exported.float32:
        return None
    before = _test(_hear(answers_of(exported.float32), prepared, span), prepared, calibration, config)
    return Rounding(
        precision=exported.precision,
        largest_difference=float(f"{exported.largest_difference:.2g}"),
        float32=tuple(Unrounded(corpus=item.corpus, condition=item.condition, UA=item.UA) for item in before),
    )


def _limits(config: TrainConfig, training: Training, pretrained: Pretrained | None) -> tuple[str, ...]:
    known = limits_of(
        [corpus_named(name).card for name in config.corpora],
        speakers=sum(source.speakers for source in training.sources if source.corpus in config.corpora),
        read=bool(config.read_speech.corpora),
        reads=config.text is not None,
    )
    return known if pretrained is None else known + limits_of_backbone(pretrained)


def source_of(name: str, utterances: Sequence[Utterance]) -> Source:
    """Tell how much of a corpus is among utterances that were trained on."""
    items = [item for item in utterances if item.id.startswith(f"{name}/")]
    card = corpus_named(name).card
    return Source(
        corpus=name,
        title=card.title,
        language=card.language,
        licence=card.licence,
        speakers=len({item.speaker for item in items}),
        utterances=len(items),
    )


def _trained_on(config: TrainConfig) -> tuple[str, ...]:
    return config.corpora + config.read_speech.corpora


def _training(config: TrainConfig, prepared: Prepared, history: Mapping[str, Any]) -> Training:
    return Training(
        sources=tuple(source_of(name, prepared.material.train) for name in _trained_on(config)),
        command=f"undertone train experiments/{config.name}.toml",
        commit=commit(),
        protocol=prepared.protocol,
        speakers_shared=prepared.speakers_shared,
        seed=config.seed,
        epochs=len(history["epochs"]),
        best_epoch=history["best"] + 1,
    )


def _results(
    config: TrainConfig,
    card: Card,
    validation: Sequence[NDArray[np.float32]],
    heard: Heard,
    prepared: Prepared,
    history: Mapping[str, Any],
) -> str:
    material = prepared.material
    predictions: Sequence[Mapping[str, Any]] = [
        row
        for (corpus, condition), logits in heard.items()
        for row in predictions_of(logits, prepared.test[corpus], card.calibration, condition=condition)
    ]
    record = {
        "format": 1,
        "bundle": card.id,
        "system": card.system,
        "protocol": prepared.protocol,
        "speakers_shared": prepared.speakers_shared,
        "seed": config.seed,
        "commit": card.training.commit,
        "versions": {"numpy": np.__version__, "torch": torch.__version__},
        "history": dict(history),
        "validation_ua": float(
            np.mean([mean_ua(logits, material.validation, material.allowed) for logits in validation])
        ),
        "scores": [asdict(item) for item in card.scores],
        "plain_speech": [asdict(item) for item in card.plain_speech],
        "labels": list(card.labels),
    }
    head = json.dumps(record, indent=1, allow_nan=False)[:-2]
    rows = ",\n  ".join(json.dumps(row) for row in predictions)
    return f'{head},\n "predictions": [\n  {rows}\n ]\n}}\n'
