"""Training and testing against a speaker's own turns: episodes, and conversations put together of utterances.

An episode is some utterances of one speaker, heard under one condition, and what is known of the speaker in it:
nothing, a few turns, many, mostly neutral ones, or one emotion only. A head that meets all of them learns how far each
can be trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor, nn

from undertone.labels import EMOTIONS
from undertone.systems.relative import RelativeHead
from undertone.training.prepare import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from numpy.typing import NDArray

    from undertone.records import Utterance
    from undertone.systems.relative import RelativeSizes

NEUTRAL: Final = EMOTIONS.index("neutral")


@dataclass(frozen=True, kw_only=True)
class Episodes:
    """How episodes are drawn, and how the head learns from them."""

    steps: int = 800
    together: int = 14
    """Episodes behind each step."""
    learning_rate: float = 1e-3
    weight_decay: float = 0.3
    dropout: float = 0.5
    read: float = 0.12
    """Share of the episodes in which somebody reads aloud."""
    read_weight: float = 0.3
    """What an utterance of theirs counts; those of emotional corpora count 1 on average."""
    nothing_known: float = 0.2
    """Share of the episodes without a baseline."""
    exchanged: float = 0.7
    """Share of these in which the voice is exchanged: what one other speaker's mean is from another's is added."""
    many: float = 0.2
    """Share with up to 40 utterances."""
    few: float = 0.25
    """Share with 2 to 24 utterances, as they come."""
    neutral_heavy: float = 0.27
    """Share with 2 to 24 utterances, of which `neutral_share` are neutral; what is left shows one emotion only."""
    neutral_share: float = 0.6


@dataclass(frozen=True, kw_only=True, eq=False)
class Vectors:
    """What a head learns from, or is tested with."""

    utterances: tuple[Utterance, ...]
    truth: NDArray[np.int64]
    """Shape (utterance,)."""
    by_condition: Mapping[str, Tensor]
    """Vectors under each condition, each of shape (utterance, number)."""

    def rows_of(self, corpora: Container[str]) -> NDArray[np.int64]:
        """Rows of the utterances of some corpora."""
        return np.array([place for place, item in enumerate(self.utterances) if item.corpus in corpora], dtype=np.int64)

    def of(self, corpora: Container[str]) -> Vectors:
        """Keep the utterances of some corpora."""
        rows = self.rows_of(corpora)
        return Vectors(
            utterances=tuple(self.utterances[row] for row in rows),
            truth=self.truth[rows],
            by_condition={name: vectors[torch.from_numpy(rows)] for name, vectors in self.by_condition.items()},
        )

    def speakers(self) -> dict[tuple[str, str], NDArray[np.int64]]:
        """Rows by corpus and speaker, in the order of their first utterance."""
        rows: dict[tuple[str, str], list[int]] = {}
        for place, item in enumerate(self.utterances):
            rows.setdefault((item.corpus, item.speaker), []).append(place)
        return {speaker: np.array(places) for speaker, places in rows.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class Answers:
    """How utterances of one corpus were scored, under one condition."""

    rows: NDArray[np.int64]
    """Of the `Vectors` they are of, shape (answer,); an utterance may be answered several times, or not at all."""
    logits: NDArray[np.floating]
    """Shape (answer, label)."""
    truth: NDArray[np.int64]
    """Shape (answer,)."""
    counts: NDArray[np.floating]
    """Turns that were known of the speaker, shape (answer,)."""


def statistics_of(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of a speaker's turns (turn, number), each of shape (number,)."""
    return vectors.mean(dim=0), vectors.std(dim=0, correction=0)


def train_head(
    material: Vectors, sizes: RelativeSizes, how: Episodes, *, seed: int, advance: Callable[[], None]
) -> RelativeHead:
    """Train a head.

    Args:
        material: to learn from.
        sizes: of the head.
        how: episodes are drawn.
        seed: of the draws.
        advance: called after every step.

    Returns:
        The head, in evaluation mode.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    draw = _Drawing(material, how)
    clean = material.by_condition["clean"]
    head = RelativeHead(clean.shape[1], sizes, dropout=how.dropout)
    head.settle(clean)
    optimiser = torch.optim.AdamW(head.parameters(), lr=how.learning_rate, weight_decay=how.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, how.learning_rate, total_steps=how.steps, pct_start=0.1)
    for _ in range(how.steps):
        drawn = [draw.episode(rng) for _ in range(how.together)]
        vectors, mean, deviation, count, truth, weight, closed = (torch.cat(part) for part in zip(*drawn, strict=True))
        scores = head(vectors, mean, deviation, count).masked_fill(closed, -torch.inf)
        loss = (nn.functional.cross_entropy(scores, truth, reduction="none") * weight).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        advance()
    taught = np.isin(np.arange(len(EMOTIONS)), material.truth)
    head.close(torch.from_numpy(~taught))
    return head.eval()


class _Drawing:
    """Draws episodes. Corpora are drawn by the root of their speakers, within one every speaker as often."""

    def __init__(self, material: Vectors, how: Episodes) -> None:
        self._how = how
        self._material = material
        self._conditions = tuple(material.by_condition)
        self._speakers: dict[str, list[NDArray[np.int64]]] = {}
        for (corpus, _), rows in material.speakers().items():
            self._speakers.setdefault(corpus, []).append(rows)
        everybody = [torch.from_numpy(rows) for rows in material.speakers().values()]
        self._voices = {
            name: torch.stack([vectors[rows].mean(dim=0) for rows in everybody])
            for name, vectors in material.by_condition.items()
        }
        self._emotional = [corpus for corpus in self._speakers if corpus != READ]
        roots = np.sqrt([min(len(self._speakers[corpus]), 24) for corpus in self._emotional])
        self._shares = roots / roots.sum()
        self._weights = {corpus: self._balance(corpus) for corpus in self._emotional}

    def _balance(self, corpus: str) -> NDArray[np.float64]:
        """What an utterance of each label counts, so that a corpus's labels weigh alike; 0 for one that it lacks."""
        rows = np.concatenate(self._speakers[corpus])
        counts = np.bincount(self._material.truth[rows], minlength=len(EMOTIONS))
        there = counts > 0
        return np.where(there, counts.sum() / np.maximum(counts, 1) / there.sum(), 0.0)

    def episode(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """Draw one: vectors, mean, deviation, count, truth, weight and labels that are not at stake, by utterance."""
        read = READ in self._speakers and rng.random() < self._how.read
        corpus = READ if read else self._emotional[rng.choice(len(self._emotional), p=self._shares)]
        rows = self._speakers[corpus][rng.integers(len(self._speakers[corpus]))]
        chosen, known = self._choose(rows, rng)
        truth = self._material.truth[chosen]
        condition = self._conditions[rng.integers(len(self._conditions))]
        vectors = self._material.by_condition[condition][torch.from_numpy(chosen)]
        mean, deviation = statistics_of(vectors)
        count = float(len(chosen)) if known and len(chosen) > 1 else 0.0
        if not count and rng.random() < self._how.exchanged:
            # A stranger's offset says nothing of emotion: whatever it is, the answer should be the same.
            one, other = self._voices[condition][torch.from_numpy(rng.integers(len(self._voices[condition]), size=2))]
            vectors = vectors + one - other
        weight = np.full(len(chosen), self._how.read_weight) if read else self._weights[corpus][truth]
        closed = np.zeros(len(EMOTIONS), dtype=np.bool_) if read else self._weights[corpus] == 0
        return (
            vectors,
            mean.expand_as(vectors),
            deviation.expand_as(vectors),
            torch.full((len(chosen),), count),
            torch.from_numpy(truth),
            torch.from_numpy(weight).float(),
            torch.from_numpy(closed).expand(len(chosen), -1),
        )

    def _choose(self, rows: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[np.int64], bool]:
        """Choose utterances of a speaker, and whether the speaker is known by them."""
        how, kind = self._how, rng.random()
        if kind < how.nothing_known:
            return rng.choice(rows, min(len(rows), 12), replace=False), False
        kind -= how.nothing_known
        if kind < how.many:
            return rng.choice(rows, min(len(rows), 40), replace=False), True
        kind -= how.many
        count = int(rng.integers(2, 25))
        truth = self._material.truth[rows]
        if kind < how.few:
            return rng.choice(rows, min(len(rows), count), replace=False), True
        kind -= how.few
        if kind < how.neutral_heavy and 0 < (truth == NEUTRAL).sum() < len(rows):
            return conversation(rows, truth, rng, turns=count, neutral=how.neutral_share), True
        one = rows[truth == rng.choice(np.unique(truth))]
        return rng.choice(one, min(len(one), count), replace=False), True


def conversation(
    rows: NDArray[np.int64], truth: NDArray[np.int64], rng: np.random.Generator, *, turns: int, neutral: float
) -> NDArray[np.int64]:
    """Put a conversation of one speaker together: so many turns, this share of them neutral.

    Args:
        rows: of the speaker's utterances.
        truth: of these, shape (row,); some are neutral and some are not, or turns are drawn as they come.
        rng: source of the draws.
        turns: wanted; fewer where the speaker has not as many.
        neutral: share.

    Returns:
        Rows; a neutral one may come twice where the speaker has too few.
    """
    plain, other = rows[truth == NEUTRAL], rows[truth != NEUTRAL]
    if not len(plain) or not len(other):
        return rng.choice(rows, min(len(rows), turns), replace=False)
    wanted = max(1, round(turns * neutral))
    return np.concatenate(
        [
            rng.choice(plain, wanted, replace=len(plain) < wanted),
            rng.choice(other, min(len(other), max(1, turns - wanted)), replace=False),
        ]
    )


def judge(head: RelativeHead, vectors: Tensor, known: Tensor | None) -> NDArray[np.float32]:
    """Score utterances of one speaker of whom these turns are known, each (turn, number); of a stranger where None."""
    mean, deviation = (head.mean, head.deviation) if known is None else statistics_of(known)
    count = torch.full((len(vectors),), 0.0 if known is None else float(len(known)))
    with torch.inference_mode():
        logits: Tensor = head(vectors, mean.expand_as(vectors), deviation.expand_as(vectors), count)
    return logits.numpy()


def judged_alone(head: RelativeHead, part: Vectors, condition: str) -> Answers:
    """Score every utterance as if nothing else were known."""
    logits = judge(head, part.by_condition[condition], None)
    rows = np.arange(len(part.utterances))
    return Answers(rows=rows, logits=logits, truth=part.truth, counts=np.zeros(len(rows)))


def judged_in_conversation(
    head: RelativeHead,
    part: Vectors,
    condition: str,
    *,
    rng: np.random.Generator,
    turns: int = 20,
    neutral: float = 0.6,
) -> Answers:
    """Score conversations of every speaker: about as many turns in all as there are utterances, 1 to 12
    conversations."""
    rows, logits, counts = [], [], []
    for places in part.speakers().values():
        for _ in range(int(np.clip(len(places) // (turns * 2 // 5), 1, 12))):
            chosen = conversation(places, part.truth[places], rng, turns=turns, neutral=neutral)
            vectors = part.by_condition[condition][torch.from_numpy(chosen)]
            rows.append(chosen)
            logits.append(judge(head, vectors, vectors))
            counts.append(np.full(len(chosen), float(len(chosen))))
    told = np.concatenate(rows)
    return Answers(rows=told, logits=np.concatenate(logits), truth=part.truth[told], counts=np.concatenate(counts))


def corpora_of(utterances: Sequence[Utterance]) -> list[str]:
    """The emotional corpora among utterances, in the order in which they come."""
    return [name for name in dict.fromkeys(item.corpus for item in utterances) if name != READ]
