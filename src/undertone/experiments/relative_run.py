"""A whole run of the system `relative`: vectors, episodes, corpora left out in turn, calibration, bundle.

Nobody is held out of the bundle that ships. How good its recipe is on strangers is measured on recipes that lack a
corpus: each emotional corpus is left out in turn, the head is trained on the others, and the corpus left out is judged,
alone and in conversations. These answers calibrate, too; a corpus that may not be trained on only tests.
"""

from __future__ import annotations

import gzip
import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from undertone.backbones.whisper_files import whisper_base
from undertone.corpora.registry import corpus_named
from undertone.experiments.episodes import (
    Vectors,
    corpora_of,
    judged_alone,
    judged_in_conversation,
    train_head,
)
from undertone.experiments.evaluate import score, truth_of
from undertone.experiments.provenance import commit
from undertone.experiments.relative_calibration import calibrate, softened
from undertone.experiments.relative_config import ALONE, IN_CONVERSATION, SYSTEM
from undertone.experiments.relative_features import vectors_by_condition
from undertone.experiments.run import Finished, source_of
from undertone.experiments.words import EXCLUDED_USE, INTENDED_USE, licence_of, limits_of
from undertone.export.relative import head_graph, window_graph
from undertone.export.write import write_graphs
from undertone.files import make_folder, write_bytes, write_text
from undertone.inference.card import (
    FORMAT,
    WHISPER_FRONT_END,
    WHISPER_MEL,
    Baseline,
    Calibration,
    Card,
    Pretrained,
    Training,
)
from undertone.inference.verdict import under
from undertone.labels import EMOTIONS
from undertone.metrics.categorical import confusion, unweighted_accuracy
from undertone.metrics.uncertainty import bootstrap_by_speaker
from undertone.systems.relative import window_statistics
from undertone.training.prepare import READ, read_released, read_speech

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from undertone.backbones import whisper_files
    from undertone.backbones.whisper import WhisperStatistics
    from undertone.experiments.episodes import Answers
    from undertone.experiments.relative_calibration import Calibrated
    from undertone.experiments.relative_config import RelativeConfig
    from undertone.inference.card import Score
    from undertone.systems.relative import RelativeHead
    from undertone.training.prepare import Progress

    Place = tuple[str, str, str]
    """Corpus, condition, and how it was judged."""

HEARD: Final = (ALONE, IN_CONVERSATION)
"""How a corpus left out is judged."""
VECTORS: Final = "vectors"
"""The folder beside a run's that runs share."""


def run_relative(config: RelativeConfig, data: Path, folder: Path, progress: Progress) -> Finished:
    """Train, leave corpora out in turn, calibrate, test and export; vectors that are there are not taken again.

    Args:
        config: the run.
        data: the folder that holds one folder per corpus.
        folder: of the run; gets `bundle/`, `results.json` and `results.csv.gz`; `vectors/` beside it keeps what was
            heard.
        progress: opens a progress bar.

    Raises:
        MissingExtraError: if Whisper's weights are not installed.
        UndertoneError: as `vectors_by_condition` and `write_graphs`.
    """
    make_folder(folder)
    pretrained = whisper_base(blocks=config.sizes.last_block)
    statistics = window_statistics(pretrained.encoder, config.sizes)
    model = _window_graph(statistics, folder)
    everything = _vectors(config, model, data, folder, progress)
    heard = {*config.corpora, READ}
    heads = {
        name: _trained(everything.of(heard - {name}), config, progress, f"without {name}") for name in config.corpora
    }
    final = _trained(everything.of(heard), config, progress, "all corpora")
    answers = _answers(config, everything, heads, final)
    fitted = {name: _calibrated(config, answers, without=name) for name in corpora_of(everything.utterances)}
    whole = _calibrated(config, answers)
    final.temperature.copy_(torch.tensor(whole.evidence))
    card = _card(config, everything, answers, fitted, whole, pretrained, statistics, final)
    card = write_graphs(model, head_graph(final), card, folder / "bundle", windows=_golden_windows(config))
    results = folder / "results.json"
    write_text(results, _results(config, card, everything, answers, whole))
    listed = folder / "results.csv.gz"
    write_bytes(listed, _predictions(everything, answers))
    return Finished(bundle=folder / "bundle", results=results, card=card, predictions=listed)


def _window_graph(statistics: WhisperStatistics, folder: Path) -> bytes:
    """Export the graph once in a run: its bytes are the key of the vectors."""
    path = folder / "model.onnx"
    if not path.is_file():
        write_bytes(path, window_graph(statistics))
    return path.read_bytes()


def _golden_windows(config: RelativeConfig) -> list[NDArray[np.float32]]:
    """Make a few windows of noise of unlike lengths, each of shape (frame, mel): a bundle carries nobody's speech."""
    rng = np.random.default_rng(config.seed)
    longest = round(config.windows.length_s * 100)
    shape = [(frames, WHISPER_FRONT_END.mel_bins) for frames in (longest, longest // 3, 40)]
    return [rng.normal(-3.0, 1.5, each).astype(np.float32) for each in shape]


def _vectors(config: RelativeConfig, model: bytes, data: Path, folder: Path, progress: Progress) -> Vectors:
    known = [item for name in config.corpora for item in read_released(name, data) if item.label]
    known += read_speech(config.read_speech, data)
    known += [
        item for name in config.unseen_corpora for item in read_released(name, data, released=False) if item.label
    ]
    utterances = tuple(item for item in known if item.id not in config.left_out)
    vectors = vectors_by_condition(
        utterances,
        model,
        how=config.augmentation,
        seed=config.seed,
        data=data,
        cache=folder.parent / VECTORS,
        progress=progress,
    )
    return Vectors(
        utterances=utterances,
        truth=truth_of(utterances),
        by_condition={name: torch.from_numpy(each) for name, each in vectors.items()},
    )


def _trained(material: Vectors, config: RelativeConfig, progress: Progress, title: str) -> RelativeHead:
    advance = progress(f"head: {title}", config.episodes.steps)
    return train_head(material, config.sizes, config.episodes, seed=config.seed, advance=advance)


def _answers(
    config: RelativeConfig, everything: Vectors, heads: Mapping[str, RelativeHead], final: RelativeHead
) -> dict[Place, Answers]:
    """Judge every emotional corpus by a head that never heard it; rows are those of `everything`."""
    found = {}
    for corpus in corpora_of(everything.utterances):
        rows, part = everything.rows_of({corpus}), everything.of({corpus})
        head = heads.get(corpus, final)
        for condition in ("clean", "telephone"):
            rng = np.random.default_rng([config.seed, len(corpus)])
            alone = judged_alone(head, part, condition)
            beside = judged_in_conversation(head, part, condition, rng=rng)
            for how, each in zip(HEARD, (alone, beside), strict=True):
                found[corpus, condition, how] = replace(each, rows=rows[each.rows])
    return found


def _calibrated(config: RelativeConfig, answers: Mapping[Place, Answers], without: str = "") -> Calibrated:
    """Calibrate on the corpora that were left out of training in turn, perhaps without the one that is tested."""
    used = [name for name in config.corpora if name != without]
    return calibrate(
        {how: [each for place, each in answers.items() if place[0] in used and place[2] == how] for how in HEARD},
        config.expected,
        shrink_turns=config.sizes.shrink_turns,
        accuracy=config.accuracy_when_certain,
    )


def _scores(
    config: RelativeConfig, everything: Vectors, answers: Mapping[Place, Answers], fitted: Mapping[str, Calibrated]
) -> tuple[Score, ...]:
    """Score every corpus under each prior that is fitted on what is judged so, calibrated on the other corpora."""
    found = []
    for (corpus, condition, how), each in answers.items():
        evidence, priors = fitted[corpus].evidence, fitted[corpus].priors
        soft = softened(each, evidence, config.sizes.shrink_turns)
        for expected, prior in zip(config.expected, priors, strict=True):
            if expected.fitted == how:
                found.append(
                    score(
                        under(prior, soft),
                        [everything.utterances[row] for row in each.rows],
                        Calibration(
                            temperature=1.0,
                            threshold=prior.threshold,
                            accuracy_when_certain=config.accuracy_when_certain,
                        ),
                        condition=f"{condition}, {how}, prior {prior.name}",
                        trained_on_corpus=False,
                        rng=np.random.default_rng(config.seed),
                    )
                )
    return tuple(found)


def _card(
    config: RelativeConfig,
    everything: Vectors,
    answers: Mapping[Place, Answers],
    fitted: Mapping[str, Calibrated],
    whole: Calibrated,
    whisper: whisper_files.Pretrained,
    statistics: WhisperStatistics,
    head: RelativeHead,
) -> Card:
    priors = whole.priors
    sources = tuple(source_of(name, everything.utterances) for name in (*config.corpora, *config.read_speech.corpora))
    return Card(
        format=FORMAT,
        id="",  # the bundle's writer names it after its graphs
        title=f"{config.name}: {SYSTEM} on {', '.join(config.corpora)}",
        system=SYSTEM,
        system_source=(
            "ours: statistics of Whisper base's middle blocks, judged beside the speaker's own turns (speaker "
            "normalisation)"
        ),
        licence=licence_of(sources),
        labels=EMOTIONS,
        parameters=sum(each.numel() for part in (statistics, head) for each in part.parameters()),
        sizes=asdict(config.sizes),
        front_end=WHISPER_FRONT_END,
        windows=config.windows,
        calibration=Calibration(
            temperature=priors[0].temperature,
            threshold=priors[0].threshold,
            accuracy_when_certain=config.accuracy_when_certain,
        ),
        training=Training(
            sources=sources,
            command=f"undertone train experiments/{config.name}.toml",
            commit=commit(),
            protocol=_protocol(config, everything),
            speakers_shared=0,
            seed=config.seed,
            epochs=config.episodes.steps,
            best_epoch=config.episodes.steps,
        ),
        scores=_scores(config, everything, answers, fitted),
        plain_speech=(),
        intended_use=INTENDED_USE,
        excluded_use=EXCLUDED_USE,
        limits=(
            *limits_of(
                [corpus_named(name).card for name in config.corpora],
                speakers=sum(source.speakers for source in sources if source.corpus in config.corpora),
                read=bool(config.read_speech.corpora),
            ),
            *_never_answered(config, everything),
            "a speaker who shows one emotion throughout is held against that emotion, and it fades; without the "
            "baseline every turn is judged as a stranger's",
            "scores are those of the same recipe without the corpus that is tested; the bundle has heard all of them",
        ),
        backbone=Pretrained(
            name=whisper.name,
            sha256=whisper.sha256,
            learnt="head",
            protocol="",
            sources=(),
            test_speakers_heard={},
        ),
        features=WHISPER_MEL,
        baseline=Baseline(
            numbers=statistics.coefficients,
            full_turn_s=config.baseline_full_turn_s,
            shortest_s=config.baseline_shortest_s,
        ),
        priors=priors,
    )


def _never_answered(config: RelativeConfig, everything: Vectors) -> tuple[str, ...]:
    taught = {EMOTIONS[label] for label in everything.truth[everything.rows_of({*config.corpora, READ})]}
    untaught = [label for label in EMOTIONS if label not in taught]
    return (f"never answered, for no corpus it learnt from has it: {', '.join(untaught)}",) if untaught else ()


def _protocol(config: RelativeConfig, everything: Vectors) -> str:
    """Hash of who is left out when, and of every utterance that is heard."""
    told = {
        "leave out": config.corpora,
        "test": config.unseen_corpora,
        "heard": [item.id for item in everything.utterances],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def _ua_of_own_labels(everything: Vectors, each: Answers, rng: np.random.Generator) -> dict[str, float]:
    """UA where only the corpus's labels may be answered, as papers have it, with its interval over speakers."""
    truth = each.truth
    answered = np.where(np.isin(np.arange(len(EMOTIONS)), truth), each.logits, -np.inf).argmax(axis=1)
    speakers = [everything.utterances[row].speaker for row in each.rows]
    found = bootstrap_by_speaker(
        lambda items: unweighted_accuracy(confusion(truth[items], answered[items], len(EMOTIONS))), speakers, rng=rng
    )
    return asdict(found.rounded(4))


def _results(
    config: RelativeConfig,
    card: Card,
    everything: Vectors,
    answers: Mapping[Place, Answers],
    whole: Calibrated,
) -> str:
    record: dict[str, Any] = {
        "format": 1,
        "bundle": card.id,
        "system": card.system,
        "stamp": "corpus unheard",
        "protocol": card.training.protocol,
        "seed": config.seed,
        "commit": card.training.commit,
        "temperatures": dict(zip(("stranger", "baseline"), whole.evidence, strict=True)),
        "priors": [asdict(prior) for prior in card.priors],
        "strangers": [
            {
                "corpus": corpus,
                "condition": condition,
                "how": how,
                "utterances": len(each.rows),
                "UA": _ua_of_own_labels(everything, each, np.random.default_rng(config.seed)),
            }
            for (corpus, condition, how), each in answers.items()
        ],
        "scores": [asdict(item) for item in card.scores],
        "labels": list(card.labels),
    }
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def _predictions(everything: Vectors, answers: Mapping[Place, Answers]) -> bytes:
    """Write every answer as compressed CSV: id, condition, how, truth, then a logit a label."""
    lines = [",".join(("id", "condition", "how", "truth", *EMOTIONS))]
    for (_, condition, how), each in answers.items():
        lines += [
            ",".join(
                (
                    everything.utterances[row].id,
                    condition,
                    how,
                    EMOTIONS[everything.truth[row]],
                    *(f"{value:.3f}" for value in scores),
                )
            )
            for row, scores in zip(each.rows, each.logits, strict=True)
        ]
    return gzip.compress("\n".join(lines).encode(), mtime=0)
