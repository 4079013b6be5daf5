"""The learner that tunes a text encoder: what it reads of a dialogue, and which encoders it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import transformers
from tiny_checkpoints import saved_text

from undertone.errors import ConfigError
from undertone.experiments.plan import needs_sound
from undertone.learners.base import Fitting, Part
from undertone.learners.registry import learner_named
from undertone.learners.text_tuned import TextTunedSettings, fit_text_tuned, tokens_of
from undertone.records import Utterance

SAID = ("I am happy", "the train leaves", "sad")


def dialogue(*texts: str) -> tuple[Utterance, ...]:
    return tuple(
        Utterance(
            id=f"a/{number}", path="x.wav", corpus="a", speaker="s", language="en", emotion="sad", duration=1.0,
            text=text, dialogue="one", turn_index=number,
        )
        for number, text in enumerate(texts)
    )  # fmt: skip


def part(utterances: tuple[Utterance, ...], truth: np.ndarray) -> Part:
    return Part(utterances=utterances, truth=truth, targets=np.eye(2)[truth], store=None)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return saved_text(tmp_path / "bert", max_position_embeddings=40)


def read(place: Path, context: int, longest: int = 30) -> list[str]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(place)
    settings = TextTunedSettings(context=context, longest=longest)
    found = tokens_of(part(dialogue(*SAID), np.zeros(3, dtype=np.int64)), tokenizer, settings)
    return [
        " ".join(
            f"{token}/{kind}" for token, kind in zip(tokenizer.convert_ids_to_tokens(list(ids)), kinds, strict=True)
        )
        for ids, kinds in zip(found.ids, found.kinds, strict=True)
    ]


def test_an_utterance_alone_is_read_as_berts_only_sentence(place: Path) -> None:
    assert read(place, 0)[0] == "[CLS]/0 i/0 am/0 happy/0 [SEP]/0"


def test_the_turns_before_stand_before_it_in_their_order(place: Path) -> None:
    first, second, third = read(place, 2)
    assert first == "[CLS]/0 i/0 am/0 happy/0 [SEP]/0"
    assert second == "[CLS]/0 i/0 am/0 happy/0 [SEP]/0 the/1 train/1 leaves/1 [SEP]/1"
    assert third == "[CLS]/0 i/0 am/0 happy/0 [SEP]/0 the/0 train/0 leaves/0 [SEP]/0 sad/1 [SEP]/1"


def test_what_has_no_room_is_left_out_the_earliest_first(place: Path) -> None:
    assert read(place, 2, longest=9)[2] == "[CLS]/0 the/0 train/0 leaves/0 [SEP]/0 sad/1 [SEP]/1"
    assert read(place, 2, longest=8)[2] == read(place, 1, longest=8)[2]
    assert all(len(each.split()) <= 8 for each in read(place, 2, longest=8))


def test_what_only_the_turn_before_tells_is_learned_with_context_alone(place: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(2, size=240)
    texts = [f"the {('sad', 'happy')[after]} train" for after in np.roll(truth, -1)]
    halves = [part(dialogue(*texts[half]), truth[half]) for half in (slice(0, 160), slice(160, 240))]
    right = {}
    for context in (0, 1):
        how = Fitting(
            labels=("x", "y"), seed=0, folder=tmp_path / str(context),
            settings=TextTunedSettings(
                place=str(place), context=context, epochs=12, batch=8, learning_rate=3e-3, average=0.9
            ),
        )  # fmt: skip
        how.folder.mkdir()
        fitted = fit_text_tuned(*halves, how)
        right[context] = np.mean(fitted.predict(halves[1]).argmax(axis=1) == halves[1].truth)
    assert right[0] < 0.7
    assert right[1] > 0.9


def test_settings_and_encoders_that_do_not_fit_are_told(tmp_path: Path) -> None:
    whole = part(dialogue("happy", "sad"), np.array([0, 1]))

    def tuned(**changes: object) -> None:
        how = Fitting(labels=("x", "y"), settings=TextTunedSettings(**changes), seed=0, folder=tmp_path)
        fit_text_tuned(whole, whole, how)

    with pytest.raises(ConfigError, match="longest must be 8 or more, not 4"):
        tuned(longest=4)
    other = saved_text(tmp_path / "roberta", "Roberta")
    with pytest.raises(ConfigError, match="place must name a BERT, not an encoder of the kind 'roberta'"):
        tuned(place=str(other))


def test_recordings_are_needed_unless_only_transcripts_are_read() -> None:
    majority, reader, linear = (learner_named(name) for name in ("majority", "text-tuned", "text-linear"))
    assert needs_sound([(majority, None)])
    assert not needs_sound([(majority, None), (reader, None)])
    assert not needs_sound([(linear, "text:minilm"), (reader, None)])
    assert needs_sound([(reader, None), (linear, "text:minilm + log-mel")])
    assert needs_sound([(None, None)])
