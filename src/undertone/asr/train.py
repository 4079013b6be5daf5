"""Training a phone recogniser: CTC (Graves et al., Connectionist Temporal Classification, 2006) with cross-entropy by
frame beside it, where utterances were aligned."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch.nn import functional

from undertone.asr.evaluate import RESULTS_CHUNK, error_rates, scores_of, tested, write_results
from undertone.asr.hearing import hearing_of
from undertone.asr.language import save_words
from undertone.asr.material import UNKNOWN, draw_batches, part_of_batch
from undertone.asr.prepare import as_settings, prepare_speech
from undertone.asr.recognise import plain_error_rate
from undertone.asr.word_rate import learn_and_choose, with_words
from undertone.asr.words import make_search
from undertone.audio.fbank import FrontEnd
from undertone.backbones.files import FORMAT, BackboneCard, Source, round_weights, save_backbone
from undertone.backbones.network import Backbone
from undertone.backbones.whisper_files import whisper_named
from undertone.backbones.whisper_phones import SCALE, PhoneHead
from undertone.backbones.whisper_phones_files import WhisperPhonesCard, save_head
from undertone.corpora.registry import corpus_named
from undertone.errors import ConfigError
from undertone.files import make_folder, write_text
from undertone.speech.phones import BLANK, SYMBOLS
from undertone.training.fit import Course, Recipe, fit
from undertone.training.parallel import ALONE, Workers, in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from undertone.asr.config import AsrConfig
    from undertone.asr.language import WordModel
    from undertone.asr.material import SpeechBatch
    from undertone.asr.prepare import Speech
    from undertone.backbones.files import Score
    from undertone.speech.lexicon import Lexicon

    Progress = Callable[[str, int], Callable[[], None]]

METRIC: Final = "validation_rate"
"""1 minus the phone error rate of the validation part: what is maximised, and its name in the history."""

HISTORY: Final = "history.json"
RESULTS: Final = "results.json"


@dataclass(frozen=True, kw_only=True)
class FinishedBackbone:
    folder: Path
    card: BackboneCard | WhisperPhonesCard


def train_backbone(
    config: AsrConfig,
    data: Path,
    folder: Path,
    progress: Progress,
    workers: Workers = ALONE,
    *,
    lexicon: Lexicon | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> FinishedBackbone | None:
    """Train, choose the epoch on the validation part, test, and write the backbone. Goes on where a run stopped.

    Args:
        config: what.
        data: the folder that holds one folder per corpus.
        folder: of the run; gets `config.json`, `cache/`, `checkpoint.safetensors`, `history.json`, `results.json` and
            `backbone/`.
        progress: opens progress bars.
        workers: the processes that train together.
        lexicon: as `prepare_speech`.
        say: told a line after every epoch.

    Returns:
        What was made; None in every process but the first.

    Raises:
        ConfigError: if the folder holds a run of another configuration, or as `prepare_speech`.
        CorpusError, MissingExtraError: as `prepare_speech`.
        LexiconError: if the transcripts hold no word.
        OutputError: if the folder cannot be written.
    """
    with in_turn(workers):
        make_folder(folder)
        _keep_settings(config, folder)
        speech = prepare_speech(config, data, folder / "cache", progress, lexicon=lexicon)
    torch.manual_seed(config.seed)
    network = Backbone(config.sizes) if config.head is None else PhoneHead(config.head)
    advance = progress("epochs", config.optimisation.epochs)

    def report(epoch: int, epochs: int, figures: Mapping[str, float]) -> None:
        advance()
        say(
            f"epoch {epoch} of {epochs}: loss {figures['loss']:.3f}, validation PER {100 * (1 - figures[METRIC]):.1f} %"
        )

    course, recipe = course_of(config, speech), recipe_of(config)
    history = fit(network, course, recipe, seed=config.seed, folder=folder, report=report, workers=workers)
    if workers.rank:
        return None
    write_text(folder / HISTORY, json.dumps(history, indent=1) + "\n")
    round_weights(network)  # so that what is tested is what is kept
    words = learn_and_choose(network, speech, progress, lexicon=lexicon) if config.words else None
    scores = _test(network, speech, words, config.seed, folder / RESULTS, progress)
    best = history["epochs"][history["best"]]
    told = _Told(
        sources=_sources(config, speech),
        protocol=speech.protocol,
        epoch=history["best"] + 1,
        validation_per=1 - best[METRIC],
        scores=tuple(scores),
    )
    if words is not None:
        save_words(words, folder / "backbone")
    return FinishedBackbone(folder=folder / "backbone", card=_saved(network, config, told, folder / "backbone"))


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What a run tells of a network, whatever its kind; the fields are those of a card."""

    sources: tuple[Source, ...]
    protocol: str
    epoch: int
    validation_per: float
    scores: tuple[Score, ...]


def _saved(
    network: Backbone | PhoneHead, config: AsrConfig, told: _Told, folder: Path
) -> BackboneCard | WhisperPhonesCard:
    """Write a network with its card."""
    if isinstance(network, Backbone):
        card = BackboneCard(
            format=FORMAT, name=config.name, sizes=config.sizes, symbols=SYMBOLS, front_end=FrontEnd(),
            sources=told.sources, protocol=told.protocol, seed=config.seed, epoch=told.epoch,
            validation_per=told.validation_per, scores=told.scores, sha256="",
        )  # fmt: skip
        return save_backbone(network, card, folder)
    encoder_sha256 = whisper_named(config.encoder).sha256
    head_card = WhisperPhonesCard(
        format=FORMAT, name=config.name, encoder=config.encoder, encoder_sha256=encoder_sha256, scale=SCALE,
        sizes=network.sizes, symbols=SYMBOLS, sources=told.sources, protocol=told.protocol, seed=config.seed,
        epoch=told.epoch, validation_per=told.validation_per, scores=told.scores, sha256="",
    )  # fmt: skip
    return save_head(network, head_card, folder)


def copy_results(folder: Path, target: Path) -> None:
    """Copy what tells of a finished run, `results.json` and `history.json`, to where results are kept.

    Raises:
        OutputError: if it cannot be written.
    """
    make_folder(target)
    for name in (RESULTS, HISTORY):
        write_text(target / name, (folder / name).read_text(encoding="utf-8"))


def course_of(config: AsrConfig, speech: Speech) -> Course[SpeechBatch]:
    """What is learned from, as the training loop takes it."""
    how = config.optimisation
    return Course(
        steps=how.steps,
        batches=lambda epoch: draw_batches(
            speech.train,
            epoch=epoch,
            steps=how.steps,
            batch_frames=round(how.batch_s * hearing_of(config).rows_per_s),
            masking=config.masking,
            chunks=config.chunks,
            seed=config.seed,
        ),
        part=part_of_batch,
        size=lambda batch: len(batch.lengths),
        loss=lambda network, batch: speech_loss(network, batch, ctc_share=how.ctc_share),
        validate=lambda network: 1 - plain_error_rate(network, speech.validation, speech.store),
    )


def recipe_of(config: AsrConfig) -> Recipe:
    """How the weights move, as the training loop takes it."""
    how = config.optimisation
    return Recipe(
        epochs=how.epochs,
        learning_rate=how.learning_rate,
        weight_decay=how.weight_decay,
        warm_up_epochs=how.warm_up_epochs,
        clip=how.clip,
        patience=how.patience,
        average=how.average,
        bfloat16=how.bfloat16,
        checkpoint_every_s=how.checkpoint_every_s,
        metric=METRIC,
    )


def speech_loss(network: nn.Module, batch: SpeechBatch, *, ctc_share: float) -> Tensor:
    """Mean over utterances of CTC's nats per phone and cross-entropy's nats per frame, mixed; CTC alone where an
    utterance was not aligned."""
    heard = network(batch.features, batch.lengths, batch.chunk)
    scores = functional.log_softmax(heard.logits.float(), dim=-1)
    ctc = functional.ctc_loss(
        scores.transpose(0, 1), batch.phones, heard.lengths, batch.phone_lengths, blank=BLANK, reduction="none"
    )
    frames = functional.nll_loss(
        scores.transpose(1, 2), batch.frames[:, : scores.shape[1]], ignore_index=UNKNOWN, reduction="none"
    )
    share = torch.where(batch.aligned, ctc_share, 1.0)
    return (share * ctc / batch.phone_lengths + (1 - share) * frames.sum(dim=1) / heard.lengths).mean()


def _keep_settings(config: AsrConfig, folder: Path) -> None:
    """Write the configuration, or see that it is the one that the folder was begun with."""
    path, text = folder / "config.json", json.dumps(as_settings(config), indent=1) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise ConfigError(str(path), ["the folder holds a run of another configuration; name another folder"])
    write_text(path, text)


def _test(
    network: Backbone | PhoneHead,
    speech: Speech,
    words: WordModel | None,
    seed: int,
    path: Path,
    progress: Progress,
) -> list[Score]:
    """Test on whole utterances, with words if there are any, and in chunks if it hears streams; write both, and give
    the former."""
    heard = _heard(speech)
    rates = error_rates(network, speech.test, speech.store, seed=seed)
    scores = scores_of(rates, speech.test, heard)
    if words is not None:
        scores = with_words(
            scores, network, speech.test, speech.store, make_search(words), seed=seed, progress=progress
        )
    in_chunks = (
        tested(network, speech.test, speech.store, speakers=heard, seed=seed, chunk=RESULTS_CHUNK)
        if isinstance(network, Backbone)
        else None
    )
    write_results(scores, rates, in_chunks, path)
    return scores


def _sources(config: AsrConfig, speech: Speech) -> tuple[Source, ...]:
    found = []
    for name in config.corpora:
        card = corpus_named(name).card
        learned = [item for item in speech.train.items if item.utterance.corpus == name]
        chosen = [item for item in speech.validation if item.utterance.corpus == name]
        found.append(
            Source(
                corpus=name,
                title=card.title,
                licence=card.licence,
                source=card.source,
                speakers=tuple(sorted({item.utterance.speaker for item in (*learned, *chosen)})),
                utterances=len(learned) + len(chosen),
                hours=round(sum(item.utterance.duration for item in (*learned, *chosen)) / 3600, 2),
                aligned=sum(bool(item.segments) for item in learned),
                left_out=dict(speech.left_out[name]),
            )
        )
    return tuple(found)


def _heard(speech: Speech) -> set[tuple[str, str]]:
    """Corpus and speaker of everybody who is trained or chosen with."""
    items = (*speech.train.items, *speech.validation)
    return {(item.utterance.corpus, item.utterance.speaker) for item in items}
