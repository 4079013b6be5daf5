"""A bundle's card: everything about a model that is not its weights, for people and for the code that runs it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Final

from undertone.audio.fbank import FrontEnd
from undertone.errors import BundleError, FormatVersionError
from undertone.metrics.uncertainty import Estimate
from undertone.parsing import parse_record
from undertone.speech.segments import UNITS
from undertone.units import SAMPLE_RATE

FORMAT: Final = 2
"""The version of the bundle's layout and of `card.json`."""

READ: Final = (1, FORMAT)
"""The versions that are read; cards of the first have neither features of another kind, nor a baseline, nor priors."""

LOG_MEL: Final = "log-mel"
"""Kaldi's filter bank, `audio.fbank`, as `front_end` says."""

WHISPER_MEL: Final = "whisper-mel"
"""Whisper's, `audio.whisper_mel`, before it is scaled: the graph does that."""

FEATURES: Final = (LOG_MEL, WHISPER_MEL)

WHISPER_FRONT_END: Final = FrontEnd(low_hz=0)
"""What `front_end` says of Whisper's features, which are always these."""

SHARES_TOLERANCE: Final = 1e-3
"""Of the sum of a prior's shares, from 1."""


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
class Baseline:
    """How a speaker's turns are held against each other."""

    numbers: int
    """Width of a turn's vector."""
    full_turn_s: float
    """Turns from this length on count as one turn in their speaker's baseline, shorter ones as a part of one."""
    shortest_s: float
    """Turns under this length do not count."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What is expected of a recording, apart from the evidence; and the calibration that goes with it."""

    name: str
    shares: tuple[float, ...]
    """How much of the speech each label has, in the order of the labels; the sum is 1."""
    temperature: float
    """Scores are divided by it before the shares are put in."""
    threshold: float
    """Probability that the most probable emotion needs to become the label."""
    source: str
    """Where the shares come from."""


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
    WA: Estimate
    UA: Estimate
    macro_f1: Estimate
    ECE: Estimate
    labelled: float
    """Share of utterances at or above the threshold."""
    accuracy_when_labelled: float | None
    """None where no utterance got a label."""


@dataclass(frozen=True, kw_only=True)
class PlainSpeech:
    """What the model hears in read speech, where nobody acted, by speakers that it never heard."""

    condition: str
    speakers: int
    utterances: int
    neutral: Estimate
    """Share labelled neutral."""
    withheld: Estimate
    """Share without a label."""
    false_alarms: Estimate
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
class Pretrained:
    """The backbone that the model is built on: a phone recogniser that was trained before, on other speech."""

    name: str
    sha256: str
    """Of the backbone's weights, as they were before this training."""
    learnt: str
    """What of the network went on learning: `head`, `top` or `all`."""
    protocol: str
    """Hash of whom the backbone was trained on, chosen with, and tested with."""
    sources: tuple[Source, ...]
    """What it was trained and chosen with."""
    test_speakers_heard: dict[str, int]
    """How many speakers of a test part it had heard, by the corpus tested on; a corpus without any is not listed."""


@dataclass(frozen=True, kw_only=True)
class Reads:
    """What a model reads beside what it hears."""

    encoder: str
    """Of the transcript; its weights are in the graph."""
    sha256: str
    """Fingerprint of that encoder and of its tokenizer, before anything was rounded."""
    source: str
    """Of the encoder, with its licence."""
    most_tokens: int
    """What is beyond them is cut off."""
    granularities: tuple[str, ...]
    """As what speech is told beside frames: `phone`, `syllable`, `word`."""
    withheld: float
    """Share of the training windows whose transcript was withheld."""


@dataclass(frozen=True, kw_only=True)
class Unrounded:
    """What the same weights reach before they are rounded."""

    corpus: str
    condition: str
    UA: Estimate


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """In what the weights are kept, and what that cost; `scores` are those of the weights as they are kept."""

    precision: str
    largest_difference: float
    """Of a golden logit, from that of the weights before."""
    float32: tuple[Unrounded, ...]


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
    sizes: dict[str, object]
    """What the system was built with: plain values, and tables of them."""
    front_end: FrontEnd
    windows: Windows
    calibration: Calibration
    training: Training
    scores: tuple[Score, ...]
    plain_speech: tuple[PlainSpeech, ...]
    intended_use: tuple[str, ...]
    excluded_use: tuple[str, ...]
    limits: tuple[str, ...]
    backbone: Pretrained | None = None
    """None, and not in the file, where the system has none."""
    reads: Reads | None = None
    """None, and not in the file, where the system only hears."""
    rounding: Rounding | None = None
    """None, and not in the file, where the weights are kept as they were trained."""
    features: str = LOG_MEL
    """One of `FEATURES`; not in the file where it is log-mel."""
    baseline: Baseline | None = None
    """None, and not in the file, where a turn is judged without its speaker's others."""
    priors: tuple[Prior, ...] = ()
    """What may be expected of a recording, the first if nobody says; not in the file where there are none: then
    `calibration` alone counts."""

    def as_json(self) -> str:
        """Write the card as the text of `card.json`."""
        table = asdict(self)
        told = {item.name: table[item.name] for item in fields(self) if getattr(self, item.name) != item.default}
        return json.dumps(told, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_card(content: bytes, path: str) -> Card:
    """Read what `card.json` holds.

    Args:
        content: JSON in UTF-8.
        path: of the bundle, for messages.

    Raises:
        FormatVersionError: if the card is of another version.
        BundleError: if the content is not JSON, or fields are missing, unknown, of the wrong type, or out of range: all
            are named.
    """
    try:
        table = json.loads(content.decode())
    except ValueError as error:
        raise BundleError(path, f"card.json is not JSON ({error}); fetch or build the bundle anew") from error
    version = table.get("format") if isinstance(table, dict) else None
    if type(version) is not int or version not in READ:
        raise FormatVersionError(
            path,
            f"card.json has format {version!r}; this version of undertone reads format "
            f"{' and '.join(map(str, READ))}. Build the bundle anew",
        )
    problems: list[str] = []
    card = parse_record(Card, table, problems)
    if card is None:
        raise BundleError(path, "card.json does not fit: " + "; ".join(problems) + ". Fetch or build the bundle anew")
    problems = [
        *window_problems(card.windows, card.front_end),
        *_model_problems(card),
        *_feature_problems(card),
        *_baseline_problems(card),
        *(problem for place, prior in enumerate(card.priors) for problem in _prior_problems(card, prior, place)),
    ]
    if problems:
        raise BundleError(path, "card.json does not fit: " + "; ".join(problems) + ". Fetch or build the bundle anew")
    return card


def window_problems(windows: Windows, front_end: FrontEnd) -> list[str]:
    """Name the numbers by which no turn could be cut into frames and windows; a run's configuration has them too."""
    problems = [
        f"front_end.{name} must be 1 or more, not {value}"
        for name, value in asdict(front_end).items()
        if value < 1 and not name.endswith("_hz")
    ]
    if front_end.sample_rate != SAMPLE_RATE:
        problems.append(f"front_end.sample_rate must be {SAMPLE_RATE}, as all sound here, not {front_end.sample_rate}")
    if not 0 <= front_end.low_hz < front_end.high_hz <= SAMPLE_RATE // 2:
        problems.append(
            f"front_end.low_hz and high_hz must lie within 0 to {SAMPLE_RATE // 2} and in this order, not "
            f"{front_end.low_hz} and {front_end.high_hz}"
        )
    hop_s = front_end.hop_length_ms / 1000
    problems += [
        f"windows.{name} must be {hop_s:g} or more, one frame, not {value:g}"
        for name, value in (("length_s", windows.length_s), ("hop_s", windows.hop_s))
        if value < hop_s
    ]
    return problems


def _model_problems(card: Card) -> list[str]:
    problems = []
    if not card.labels or len(set(card.labels)) < len(card.labels):
        problems.append(f"labels must be names that are all different, not {', '.join(card.labels) or 'none'}")
    if card.calibration.temperature <= 0:
        problems.append(f"calibration.temperature must be above 0, not {card.calibration.temperature:g}")
    if card.reads is not None:
        unknown = [name for name in card.reads.granularities if name not in UNITS[1:]]
        if unknown:
            problems.append(f"reads.granularities must be some of {', '.join(UNITS[1:])}, not {', '.join(unknown)}")
        if card.reads.most_tokens < 2:
            problems.append(f"reads.most_tokens must be 2 or more, not {card.reads.most_tokens}")
    return problems


def _feature_problems(card: Card) -> list[str]:
    if card.features not in FEATURES:
        return [f"features must be one of {', '.join(FEATURES)}, not {card.features!r}"]
    if card.features == LOG_MEL:
        return []
    problems = []
    if card.front_end != WHISPER_FRONT_END:
        wanted = ", ".join(f"{name} {value}" for name, value in asdict(WHISPER_FRONT_END).items())
        problems.append(f"front_end must be that of {card.features}: {wanted}")
    if card.reads is not None:
        problems.append(f"features must be {LOG_MEL} where the model reads, not {card.features}")
    return problems


def _baseline_problems(card: Card) -> list[str]:
    baseline = card.baseline
    if baseline is None:
        return []
    problems = []
    if baseline.numbers < 1:
        problems.append(f"baseline.numbers must be 1 or more, not {baseline.numbers}")
    if baseline.full_turn_s <= 0:
        problems.append(f"baseline.full_turn_s must be above 0, not {baseline.full_turn_s:g}")
    if baseline.shortest_s < 0:
        problems.append(f"baseline.shortest_s must be 0 or more, not {baseline.shortest_s:g}")
    if card.reads is not None:
        problems.append("baseline and reads exclude each other")
    return problems


def _prior_problems(card: Card, prior: Prior, place: int) -> list[str]:
    where = f"priors[{place}]"
    problems = []
    if not prior.name or prior.name in {other.name for other in card.priors[:place]}:
        problems.append(f"{where}.name must be a name that no other prior has, not {prior.name!r}")
    if len(prior.shares) != len(card.labels):
        problems.append(f"{where}.shares must be {len(card.labels)} numbers, one a label, not {len(prior.shares)}")
    if any(share <= 0 for share in prior.shares):
        problems.append(f"{where}.shares must all be above 0, not {min(prior.shares):g}")
    if abs(sum(prior.shares) - 1) > SHARES_TOLERANCE:
        problems.append(f"{where}.shares must sum to 1, not to {sum(prior.shares):g}")
    if prior.temperature <= 0:
        problems.append(f"{where}.temperature must be above 0, not {prior.temperature:g}")
    if not 0 <= prior.threshold <= 1:
        problems.append(f"{where}.threshold must lie within 0 to 1, not {prior.threshold:g}")
    return problems
