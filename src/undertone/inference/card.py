"""A bundle's card: everything about a model that is not its weights, for people and for the code that runs it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from undertone.audio.fbank import FrontEnd
from undertone.errors import BundleError, FormatVersionError
from undertone.parsing import parse_record

FORMAT: Final = 1
"""The version of the bundle's layout and of `card.json`."""


@dataclass(frozen=True, kw_only=True)
class Windows:
    """How a turn is cut for the network; the same in training and inference."""

    length_s: float = 4.0
    hop_s: float = 2.0
    shortest_s: float = 0.4
    """Turns under this length are not judged."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What makes scores probabilities, and when a label is withheld. Fitted on speakers that were not trained on."""

    temperature: float
    threshold: float
    """Probability that the most probable emotion needs to become the label."""
    accuracy_when_certain: float
    """Accuracy among labelled validation utterances that the threshold was chosen for."""


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Score:
    """How good the model is on one corpus, heard in one way, by speakers that it never heard."""

    corpus: str
    condition: str
    """`clean`, or `telephone` for the same speech through a simulated narrow-band call."""
    trained_on_corpus: bool
    """Whether other speakers of the corpus were trained on."""
    speakers: int
    utterances: int
    labels: tuple[str, ...]
    """Those that the corpus has; the model always decides among all."""
    chance_ua: float
    WA: Interval
    UA: Interval
    macro_f1: Interval
    ECE: Interval
    labelled: float
    """Share of utterances at or above the threshold."""
    accuracy_when_labelled: float


@dataclass(frozen=True, kw_only=True)
class PlainSpeech:
    """What the model hears in read speech, where nobody acted, by speakers that it never heard."""

    condition: str
    speakers: int
    utterances: int
    neutral: Interval
    """Share labelled neutral."""
    withheld: Interval
    """Share without a label."""
    false_alarms: Interval
    """Share labelled with another emotion."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A corpus that the model was trained on."""

    corpus: str
    title: str
    language: str
    licence: str
    speakers: int
    utterances: int


@dataclass(frozen=True, kw_only=True)
class Training:
    """How the model came to be."""

    sources: tuple[Source, ...]
    command: str
    commit: str
    protocol: str
    """Hash of which utterance was trained on, chosen with, and tested."""
    speakers_shared: int
    """Test speakers that training or validation heard: 0, or the numbers mean something else."""
    seed: int
    epochs: int
    best_epoch: int


@dataclass(frozen=True, kw_only=True)
class Card:
    """What `card.json` holds."""

    format: int
    id: str
    title: str
    system: str
    system_source: str
    """The paper, or that the system is a reconstruction or our own."""
    licence: str
    labels: tuple[str, ...]
    parameters: int
    sizes: dict[str, float]
    front_end: FrontEnd
    windows: Windows
    calibration: Calibration
    training: Training
    scores: tuple[Score, ...]
    plain_speech: tuple[PlainSpeech, ...]
    intended_use: tuple[str, ...]
    excluded_use: tuple[str, ...]
    limits: tuple[str, ...]

    def as_json(self) -> str:
        """Write the card as the text of `card.json`."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"


def read_card(text: str, path: str) -> Card:
    """Read the text of `card.json`.

    Args:
        text: JSON.
        path: of the bundle, for messages.

    Raises:
        FormatVersionError: if the card is of another version.
        BundleError: if the text is not JSON, or fields are missing, unknown or of the wrong type: all are named.
    """
    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise BundleError(path, f"card.json is not JSON ({error}); fetch or build the bundle anew") from error
    version = table.get("format") if isinstance(table, dict) else None
    if version != FORMAT:
        raise FormatVersionError(
            path,
            f"card.json has format {version!r}; this version of undertone reads format {FORMAT}. Build the bundle anew",
        )
    problems: list[str] = []
    card = parse_record(Card, table, problems)
    if card is None:
        raise BundleError(path, "card.json does not fit: " + "; ".join(problems))
    return card
