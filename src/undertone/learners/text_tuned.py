"""A text encoder that learns emotion from transcripts, with the turns before them if asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from undertone.encoders.text import text_checkpoint
from undertone.errors import ConfigError, CorpusError
from undertone.learners.base import Fitted, Fitting, Learner, Part
from undertone.learners.frames import plan_epoch
from undertone.learners.text_linear import turns_before
from undertone.learners.utterances import judged, taught, weighted_loss
from undertone.learners.vectors import calibrated, ua_of
from undertone.training.fit import Course, Recipe, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TextTunedSettings:
    place: str = "minilm"
    """The text encoder to begin with: as behind the colon of the encoder `text`."""
    context: int = 0
    """Turns before the utterance, in its dialogue, that are read with it; 0 for the utterance alone."""
    longest: int = 96
    """Tokens; of the turns before, the earliest are cut off first."""
    balanced: bool = False
    """Whether classes weigh the same in the loss, however many utterances they have."""
    epochs: int = 4
    batch: int = 32
    """Utterances."""
    learning_rate: float = 1e-4
    """Of the text encoder, at its peak."""
    head_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    dropout: float = 0.1
    average: float = 0.99
    """Decay of the running average of the weights, which is what is validated."""
    checkpoint_every_s: float = 120.0


@dataclass(frozen=True, kw_only=True, eq=False)
class _Tokens:
    """Utterances as numbers of tokens."""

    ids: tuple[tuple[int, ...], ...]
    kinds: tuple[tuple[int, ...], ...]
    """Whether a token belongs to the turns before, 0, or to the utterance, 1; all 0 where nothing stands before."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(each) for each in self.ids], dtype=np.int64)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Batch:
    ids: Tensor
    kinds: Tensor
    real: Tensor
    targets: Tensor
    """Shape (batch, class)."""
    weights: Tensor
    """Of the utterances in the loss, shape (batch,)."""


class TunedText(nn.Module):
    """Classes from the mean of the utterance's tokens' states."""

    def __init__(self, encoder: nn.Module, *, width: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.classify = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, labels))

    def forward(self, ids: Tensor, kinds: Tensor, real: Tensor) -> Tensor:
        """Judge.

        Args:
            ids: numbers of tokens, shape (batch, token).
            kinds: as in `_Tokens`, shape (batch, token).
            real: which tokens are no padding, booleans of shape (batch, token).

        Returns:
            Logits, shape (batch, label).
        """
        states = self.encoder(input_ids=ids, attention_mask=real.long(), token_type_ids=kinds).last_hidden_state
        alone = ~(kinds == 1).any(dim=1, keepdim=True)
        read = (real & ((kinds == 1) | alone))[:, :, None]
        logits: Tensor = self.classify((states * read).sum(dim=1) / read.sum(dim=1))
        return logits


def fit_text_tuned(train: Part, validation: Part, how: Fitting) -> Fitted:
    """Train encoder and classifier together; validation UA chooses the epoch, and the part fits the temperature.

    Raises:
        ConfigError: if the encoder cannot be loaded, or a setting is out of its range.
        MissingExtraError: if the encoder is a package that is not installed.
        CorpusError: if an utterance has no transcript.
    """
    settings: TextTunedSettings = how.settings
    _require_sound(settings)
    checkpoint = text_checkpoint(settings.place)
    if checkpoint.model.config.model_type != "bert":
        kind = checkpoint.model.config.model_type
        raise ConfigError("settings.text-tuned", [f"place must name a BERT, not an encoder of the kind {kind!r}"])
    read = [tokens_of(part, checkpoint.extractor, settings) for part in (train, validation)]
    torch.manual_seed(how.seed)
    network = TunedText(
        checkpoint.model.requires_grad_(),
        width=int(checkpoint.model.config.hidden_size),
        labels=len(how.labels),
        dropout=settings.dropout,
    )

    def judge(network: nn.Module, tokens: _Tokens) -> NDArray[np.float32]:
        return _logits(network, tokens, labels=len(how.labels))

    course = _course(train, read[0], how, lambda average: ua_of(judge(average, read[1]), validation.truth))
    history = fit(network, course, _recipe(settings), seed=how.seed, folder=how.folder, report=lambda *_: None)
    return calibrated(
        lambda part: judge(network, tokens_of(part, checkpoint.extractor, settings)),
        judge(network, read[1]),
        validation.truth,
        history,
    )


def _require_sound(settings: TextTunedSettings) -> None:
    least = {"context": 0, "longest": 8, "epochs": 1, "batch": 1}
    problems = [
        f"{name} must be {number} or more, not {getattr(settings, name)}"
        for name, number in least.items()
        if getattr(settings, name) < number
    ]
    if problems:
        raise ConfigError("settings.text-tuned", problems)


def tokens_of(part: Part, tokenizer: Any, settings: TextTunedSettings) -> _Tokens:  # noqa: ANN401  transformers' own
    """Read transcripts, each behind the turns before it."""
    missing = [item for item in part.utterances if not (item.text or "").strip()]
    if missing:
        raise CorpusError(
            missing[0].corpus,
            f"{len(missing)} utterances have no transcript, the first {missing[0].id}; text-tuned reads nothing else",
        )
    texts = [item.text or "" for item in part.utterances]
    ids, kinds = [], []
    for text, before in zip(texts, turns_before(part.utterances, settings.context), strict=True):
        said = tokenizer(text, truncation=True, max_length=settings.longest)["input_ids"]
        earlier: list[int] = []
        for turn in before:  # the latest first, as many as there is room for
            words = tokenizer(texts[turn], add_special_tokens=False)["input_ids"]
            if len(said) + len(earlier) + len(words) + 2 > settings.longest:
                break
            earlier = [*words, tokenizer.sep_token_id, *earlier]
        if earlier:
            earlier = [tokenizer.cls_token_id, *earlier]
            ids.append((*earlier, *said[1:]))
            kinds.append((*[0] * len(earlier), *[1] * (len(said) - 1)))
        else:
            ids.append(tuple(said))
            kinds.append(tuple([0] * len(said)))
    return _Tokens(ids=tuple(ids), kinds=tuple(kinds))


def _course(train: Part, tokens: _Tokens, how: Fitting, validate: Callable[[nn.Module], float]) -> Course[_Batch]:
    settings: TextTunedSettings = how.settings
    targets, weights = taught(train, balanced=settings.balanced)

    def batches(epoch: int) -> Iterator[_Batch]:
        rng = np.random.default_rng([how.seed, epoch])
        for chosen in plan_epoch(tokens.lengths, settings.batch, rng):
            yield _batch(tokens, chosen, targets[chosen], weights[chosen])

    def loss(network: nn.Module, batch: _Batch) -> Tensor:
        return weighted_loss(network(batch.ids, batch.kinds, batch.real), batch.targets, batch.weights)

    return Course(
        steps=-(-len(targets) // settings.batch),
        batches=batches,
        part=lambda batch, items: _Batch(**{name: value[items] for name, value in vars(batch).items()}),
        size=lambda batch: len(batch.ids),
        loss=loss,
        validate=validate,
    )


def _recipe(settings: TextTunedSettings) -> Recipe:
    return Recipe(
        epochs=settings.epochs,
        learning_rate=settings.head_learning_rate,
        weight_decay=settings.weight_decay,
        warm_up_epochs=settings.epochs / 10,
        clip=1.0,
        patience=settings.epochs,
        average=settings.average,
        bfloat16=False,
        checkpoint_every_s=settings.checkpoint_every_s,
        rates={"encoder.": settings.learning_rate},
    )


def _batch(tokens: _Tokens, chosen: NDArray[np.int64], targets: Tensor, weights: Tensor) -> _Batch:
    longest = int(tokens.lengths[chosen].max())
    ids, kinds = (torch.zeros(len(chosen), longest, dtype=torch.long) for _ in range(2))
    real = torch.zeros(len(chosen), longest, dtype=torch.bool)
    for row, index in enumerate(chosen):
        count = len(tokens.ids[index])
        ids[row, :count] = torch.tensor(tokens.ids[index])
        kinds[row, :count] = torch.tensor(tokens.kinds[index])
        real[row, :count] = True
    return _Batch(ids=ids, kinds=kinds, real=real, targets=targets, weights=weights)


def _logits(network: nn.Module, tokens: _Tokens, *, labels: int) -> NDArray[np.float32]:
    """Judge utterances; shape (utterance, class)."""
    nothing = torch.empty(0)

    def answer(chosen: NDArray[np.int64]) -> Tensor:
        batch = _batch(tokens, chosen, nothing, nothing)
        logits: Tensor = network(batch.ids, batch.kinds, batch.real)
        return logits

    return judged(network, tokens.lengths, answer, labels=labels)


LEARNER = Learner(
    name="text-tuned",
    title="text encoder, tuned",
    source="tuning of BERT (Devlin et al. 2019); the numbers of the training are ours",
    encoder=None,
    seeded=True,
    settings=TextTunedSettings,
    fit=fit_text_tuned,
    reads=True,
)
