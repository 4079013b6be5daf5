"""Words from scores of phones: the tree, the search, what is learned, its file, the choice of weights, times."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from undertone.asr import language
from undertone.asr.language import FILE, WordModel, WordWeights, learn_words, load_words, save_words
from undertone.asr.lexicon_tree import ROOT, make_tree
from undertone.asr.material import Item
from undertone.asr.word_rate import LANGUAGE, WORD, names_of, some_of_everybody, transcribe_words, tune, word_edits
from undertone.asr.words import HeardWord, hear_words, make_search
from undertone.backbones.files import Score
from undertone.backbones.network import Frames, output_lengths
from undertone.errors import BundleError, FormatVersionError, LexiconError, TranscriptError
from undertone.parsing import parse_record
from undertone.records import Utterance
from undertone.speech.lexicon import Lexicon, make_lexicon
from undertone.speech.phones import SYMBOLS, indices_of
from undertone.units import SAMPLE_RATE


def lexicon_of(text: str) -> Lexicon:
    return make_lexicon([(word, tuple(phones)) for word, *phones in (line.split() for line in text.splitlines())])


LEXICON = lexicon_of(
    """a AH
a EY
b B IY
bee B IY
cat K AE T
cats K AE T S
knows N OW Z
nose N OW Z
on AA N
sat S AE T
tea T IY
the DH AH
two T UW"""
)

SENTENCES = (
    "the cat sat on a bee", "the bee knows two cats", "a nose on the cat", "two cats sat on the tea", "a b", "b a b",
)  # fmt: skip


def model_of(*sentences: str, lexicon: Lexicon = LEXICON, weights: WordWeights | None = None) -> WordModel:
    found = learn_words(sentences or SENTENCES, protocol="p", lexicon=lexicon)
    return found if weights is None else replace(found, weights=weights)


MODEL = model_of()


def sure(symbols: list[int]) -> np.ndarray:
    """Scores of frames in which one symbol is certain."""
    with np.errstate(divide="ignore"):
        return np.log(np.eye(len(SYMBOLS))[symbols]).reshape(-1, len(SYMBOLS))


def frames_of(words: list[str], *, lengths: tuple[int, ...] = (2,), pauses: tuple[int, ...] = (0,), way: int = 0):
    """The symbols of words in frames; a blank between phones that are alike."""
    symbols: list[int] = []
    number = 0
    for place, word in enumerate(words):
        symbols += [0] * pauses[place % len(pauses)]
        spoken = LEXICON.entries[word]
        for symbol in indices_of(spoken[way % len(spoken)]):
            if symbols and symbols[-1] == symbol:
                symbols.append(0)
            symbols += [symbol] * lengths[number % len(lengths)]
            number += 1
    return symbols


def heard(scores: np.ndarray, model: WordModel = MODEL, **more: object) -> list[str]:
    return [each.word for each in hear_words(scores, make_search(model), **more)]


# Words that sound alike are left out, and so is what can be cut into words in two ways: `cat`, `sat` and `cats`, `at`.
APART = ("a", "bee", "cat", "knows", "on", "sat", "the", "two")
APART_MODEL = model_of("the cat sat on a bee", "a bee knows two", "two sat on the cat")


@given(
    words=st.lists(st.sampled_from(APART), max_size=6),
    lengths=st.lists(st.integers(1, 4), min_size=1, max_size=5).map(tuple),
    pauses=st.lists(st.integers(0, 5), min_size=1, max_size=5).map(tuple),
    way=st.integers(0, 1),
    language=st.sampled_from(LANGUAGE[:5]),
    word=st.sampled_from(WORD),
)
@settings(deadline=None, max_examples=40)
def test_what_is_heard_for_certain_is_what_was_said(
    words: list[str], lengths: tuple[int, ...], pauses: tuple[int, ...], way: int, language: float, word: float
) -> None:
    model = replace(APART_MODEL, weights=WordWeights(language=language, word=word))
    symbols = frames_of(words, lengths=lengths, pauses=pauses, way=way)
    found = hear_words(sure(symbols), make_search(model))
    assert [each.word for each in found] == words
    at = 0
    for each in found:
        assert at <= each.first < each.end <= len(symbols)
        at = each.end
        spoken = [symbol for symbol in symbols[each.first : each.end] if symbol]
        assert spoken[0] == symbols[each.first]
        assert spoken[-1] == symbols[each.end - 1]
        assert each.first == 0 or symbols[each.first - 1] != symbols[each.first]
        assert each.end == len(symbols) or symbols[each.end] != symbols[each.end - 1]


def test_words_have_the_frames_of_their_phones() -> None:
    symbols = [0, 0, *frames_of(["cat"]), 0, 0, 0, *frames_of(["on"]), 0]
    assert hear_words(sure(symbols), make_search(MODEL)) == (
        HeardWord(word="cat", first=2, end=8), HeardWord(word="on", first=11, end=15),
    )  # fmt: skip


@pytest.mark.parametrize("said", ["the bee knows two cats", "a nose on the cat", "the cat sat on a bee", "b a b"])
def test_words_that_sound_alike_are_told_apart_by_the_others(said: str) -> None:
    assert heard(sure(frames_of(said.split()))) == said.split()


def test_without_the_others_the_first_of_words_that_sound_alike_is_heard() -> None:
    alone = replace(MODEL, weights=WordWeights(language=0.0))
    assert heard(sure(frames_of(["nose"])), alone) in (["knows"], ["nose"])
    commoner = model_of("nose", "the nose", "a nose", "knows")
    assert heard(sure(frames_of(["knows"])), commoner) == ["nose"]


def test_two_phones_that_are_alike_need_a_blank_between_them() -> None:
    symbols = frames_of(["cat", "tea"])
    assert heard(sure(symbols)) == ["cat", "tea"]
    joined = [symbol for symbol in symbols if symbol]
    assert heard(sure(joined)) != ["cat", "tea"]


@pytest.mark.parametrize("frames", [0, 1, 500])
def test_in_silence_nothing_is_heard(frames: int) -> None:
    assert heard(sure([0] * frames)) == []


def test_long_silence_around_words_changes_nothing() -> None:
    symbols = [*[0] * 200, *frames_of(["the", "cat"]), *[0] * 200]
    assert hear_words(sure(symbols), make_search(MODEL)) == (
        HeardWord(word="the", first=200, end=204), HeardWord(word="cat", first=204, end=210),
    )  # fmt: skip


def test_a_word_that_is_cut_off_is_dropped() -> None:
    assert heard(sure([*frames_of(["the"]), *indices_of(("K", "K", "AE", "AE"))]), beam=8) == ["the"]


def test_a_phone_that_is_misheard_does_not_hide_the_word() -> None:
    rng = np.random.default_rng(0)
    said = ["the", "cat", "sat", "on", "a", "bee"]
    logits = 6 * np.eye(len(SYMBOLS))[frames_of(said)] + rng.normal(size=(26, len(SYMBOLS)))
    wrong, right = indices_of(("EH", "AE"))
    logits[6:8, [wrong, right]] = [7.0, 6.0]
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    assert scores[6].argmax() == wrong
    assert heard(scores) == said


def test_a_narrow_beam_keeps_what_is_certain() -> None:
    said = ["two", "cats", "sat", "on", "the", "tea"]
    assert heard(sure(frames_of(said)), most=8) == said


def test_a_weight_on_words_makes_them_fewer_or_more() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(60, len(SYMBOLS)))
    scores = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    counts = [
        len(heard(scores, replace(MODEL, weights=WordWeights(language=1.0, word=word)))) for word in (-8.0, 0.0, 8.0)
    ]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_the_dictionary_brings_words_that_training_did_not_have() -> None:
    learned = model_of("the cat sat", "the cat")
    scores = sure(frames_of(["the", "bee"]))
    assert heard(scores, learned) != ["the", "bee"]
    search = make_search(learned, dictionary=LEXICON)
    assert [each.word for each in hear_words(scores, search)] in (["the", "bee"], ["the", "b"])
    assert search.names[: len(learned.words)] == learned.words
    assert len(search.names) == len(LEXICON.entries)
    assert search.unknown == pytest.approx(math.log(1 / 5 / 9))  # `sat` was met once among five; nine words are new
    assert [each.word for each in hear_words(sure(frames_of(["the", "cat"])), search)] == ["the", "cat"]


@pytest.mark.parametrize(
    ("scores", "problem"),
    [
        (np.zeros((3, 5)), r"the shape \(3, 5\)"),
        (np.zeros(40), r"the shape \(40,\)"),
        (np.full((1, 40), 0.5), "the highest score is 0.5"),
        (np.full((1, 40), np.nan), "the highest score is nan"),
    ],
)
def test_scores_that_are_none_are_refused(scores: np.ndarray, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        hear_words(scores, make_search(MODEL))


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.integers(1, 3), min_size=1, max_size=4).map(tuple)),
        min_size=1, max_size=12,
    )
)  # fmt: skip
@settings(deadline=None)
def test_a_tree_holds_every_pronunciation_and_no_other(pairs: list[tuple[int, tuple[int, ...]]]) -> None:
    scores = -np.arange(6.0)
    tree = make_tree(pairs, scores)
    found = []

    def walk(node: int, phones: tuple[int, ...]) -> list[int]:
        at = tree.first_word[node]
        below = tree.words[at : at + tree.ends[node]].tolist()
        found.extend((word, phones) for word in below)
        children = range(tree.first_child[node], tree.first_child[node] + tree.children[node])
        assert len({int(tree.symbols[child]) for child in children}) == len(children)
        for child in children:
            below += walk(child, (*phones, int(tree.symbols[child])))
        assert node == ROOT or tree.best[node] == max(scores[below])
        return below

    walk(ROOT, ())
    assert sorted(found) == sorted(pairs)


def test_a_tree_of_nothing_or_of_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LexiconError, match="it holds no word that could be heard"):
        make_tree([], np.zeros(0))
    monkeypatch.setattr("undertone.asr.lexicon_tree.NODE_BITS", 1)
    with pytest.raises(LexiconError, match="its tree has 3 nodes; at most 2"):
        make_tree([(0, (1, 2))], np.zeros(1))


def test_a_sentence_counts_once_however_often_it_was_read() -> None:
    once, often = model_of("the cat", "a bee"), model_of("the cat", "The cat!", "the cat", "a bee")
    assert np.array_equal(once.counts, often.counts)
    assert once.words == ("a", "bee", "cat", "the")
    assert once.pronunciations[0] == (("AH",), ("EY",))


def test_nothing_and_unknown_words_cannot_be_learned() -> None:
    with pytest.raises(LexiconError, match="they hold no word to learn"):
        learn_words(["", "..."], protocol="p", lexicon=LEXICON)
    with pytest.raises(TranscriptError, match="'dog'"):
        learn_words(["the dog"], protocol="p", lexicon=LEXICON)


def test_the_rarest_runs_are_dropped_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language, "MOST_RUNS", 3)
    found = model_of()
    assert len(found.keys) == 3
    assert (np.diff(found.keys) > 0).all()
    assert found.counts.min() >= np.sort(MODEL.counts)[-3]
    assert found.words == MODEL.words


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    model = replace(MODEL, weights=WordWeights(language=0.5, word=-2.0))
    save_words(model, tmp_path / "new")
    read = load_words(tmp_path / "new", protocol="p")
    assert (read.words, read.pronunciations, read.weights) == (model.words, model.pronunciations, model.weights)
    assert np.array_equal(read.keys, model.keys)
    assert np.array_equal(read.counts, model.counts)
    assert read.new_share == model.new_share
    scores = sure(frames_of(["the", "bee", "knows", "two", "cats"]))
    assert hear_words(scores, make_search(read)) == hear_words(scores, make_search(model))
    first = (tmp_path / "new" / FILE).read_bytes()
    save_words(read, tmp_path / "new")
    assert (tmp_path / "new" / FILE).read_bytes() == first


def change(path: Path, **fields: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"protocol": "q"}, "was learned from protocol q, the backbone from p"),
        ({"extra": 1}, "extra is not a setting"),
        ({"weights": {"language": "x"}}, "weights.language must be a finite number, not 'x'"),
        ({"words": [["b", "B IY"], ["a", "AH"]]}, "in the order of the alphabet"),
        ({"words": [["a", "AH"], ["a", "AH"]]}, "each once"),
        ({"words": [["a"]]}, "with its pronunciations"),
        ({"words": [["a", "QQ"]]}, "pronunciations must consist of AA"),
        ({"words": [["a", ""]]}, "pronunciations must consist of AA"),
        ({"runs": [[0, 0, 99, 1]]}, "runs must be 3 numbers from 0 to 13 and a count"),
        ({"runs": [[0, 0, 2, 0]]}, "runs must be 3 numbers"),
        ({"runs": [[0, 2, 1]]}, "runs must be 3 numbers"),
        ({"runs": [[0, 0, 3, 1], [0, 0, 2, 1]]}, "in order"),
        ({"runs": [[0, 0, 2, 1], [0, 0, 2, 2]]}, "each once"),
        ({"runs": []}, "no run ends in a word"),
        ({"runs": [[0, 0, 0, 1]]}, "no run ends in a word"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, fields: dict[str, object], problem: str) -> None:
    save_words(MODEL, tmp_path)
    change(tmp_path / FILE, **fields)
    with pytest.raises(BundleError, match=problem):
        load_words(tmp_path, protocol="p")


def test_a_file_that_is_none_of_ours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BundleError, match=r"it has no words\.json"):
        load_words(tmp_path, protocol="p")
    (tmp_path / FILE).write_text("{")
    with pytest.raises(BundleError, match=r"words\.json cannot be read"):
        load_words(tmp_path, protocol="p")
    (tmp_path / FILE).write_text('{"format": 9}')
    with pytest.raises(FormatVersionError, match=r"the format of words\.json is 9; this version reads 1"):
        load_words(tmp_path, protocol="p")
    monkeypatch.setattr(language, "MOST_BYTES", 5)
    with pytest.raises(BundleError, match="has 13 bytes; at most 5 are read"):
        load_words(tmp_path, protocol="p")


def test_weights_are_those_with_the_fewest_wrong_words() -> None:
    rng = np.random.default_rng(2)
    told = [sentence.split() for sentence in SENTENCES[1:4]]
    scores = []
    for words in told:
        logits = np.eye(len(SYMBOLS))[frames_of(words)]
        logits += rng.normal(size=logits.shape)
        scores.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))

    @cache
    def wrong(weights: WordWeights) -> int:
        search = make_search(replace(MODEL, weights=weights))
        return sum(edits.errors for edits in word_edits(told, [names_of(hear_words(each, search)) for each in scores]))

    steps: list[str] = []

    def begin(title: str, total: int):
        steps.append(f"{title} {total}")
        return lambda: steps.append("")

    chosen = tune(MODEL, scores, told, begin).weights
    assert wrong(chosen) == min(wrong(replace(chosen, word=word)) for word in WORD)
    assert wrong(replace(chosen, word=0.0)) == min(wrong(WordWeights(language=each)) for each in LANGUAGE)
    assert len({wrong(WordWeights(language=each)) for each in LANGUAGE}) > 1  # else the choice would mean nothing
    assert len(steps) - 1 == len(LANGUAGE) + len(WORD) - 1


def said_by(speaker: str, number: int, seconds: float) -> Item:
    utterance = Utterance(
        id=f"{speaker}_{number}", path=Path("x.wav"), duration=seconds, speaker=speaker, corpus="c", language="en",
        emotion=None, text="a",
    )  # fmt: skip
    return Item(utterance=utterance, phones=(1,))


def test_weights_are_chosen_on_some_speech_of_everybody() -> None:
    items = [said_by(speaker, number, 10.0) for speaker in "ba" for number in range(5)] + [said_by("c", 0, 10.0)]
    assert [item.utterance.id for item in some_of_everybody(items, 45.0)] == ["a_0", "b_0", "c_0", "a_1", "b_1"]
    assert len(some_of_everybody(items, 1e9)) == len(items)


def test_words_are_compared_as_words() -> None:
    found = (HeardWord(word="the", first=0, end=1), HeardWord(word="dog", first=1, end=2))
    (edits,) = word_edits([["the", "cat", "sat"]], [names_of(found)])
    assert (edits.substitutions, edits.insertions, edits.deletions) == (1, 0, 1)


class Loudest(nn.Module):
    """Hears the phone of `a` where the sound is loud, and the blank elsewhere."""

    def forward(self, features: Tensor, lengths: Tensor) -> Frames:
        loud = (features.mean(dim=2)[:, ::4] > 5).long() * indices_of(("AH",))[0]
        logits = 20 * nn.functional.one_hot(loud, len(SYMBOLS)).float()
        return Frames(blocks=(), logits=logits, lengths=output_lengths(lengths))


def test_words_of_a_recording_have_the_times_at_which_they_sound() -> None:
    samples = np.random.default_rng(0).normal(size=21 * SAMPLE_RATE).astype(np.float32) * 0.1
    samples[: SAMPLE_RATE // 2] = 0
    samples[SAMPLE_RATE : 20 * SAMPLE_RATE] = 0
    first, second = transcribe_words(Loudest(), samples, make_search(MODEL))
    assert (first.word, second.word) == ("a", "a")
    assert (first.start, first.end) == pytest.approx((0.5, 1.0), abs=0.04)
    assert (second.start, second.end) == pytest.approx((20.0, 21.0), abs=0.04)
    assert transcribe_words(Loudest(), np.zeros(100, dtype=np.float32), make_search(MODEL)) == ()


def test_scores_of_cards_without_words_are_still_read() -> None:
    fields = {
        "corpus": "c", "per": 0.1, "low": None, "high": None, "by": "speaker", "utterances": 1, "speakers": 1,
        "shared_speakers": 0, "phones": 1, "substitutions": 0, "insertions": 0, "deletions": 0, "confusions": [],
    }  # fmt: skip
    problems: list[str] = []
    score = parse_record(Score, fields, problems)
    assert score is not None
    assert not problems
    assert (score.wer, score.wer_low, score.wer_high, score.words, score.unknown_words) == (None,) * 5
    again = parse_record(Score, fields | {"wer": 0.25, "words": 4}, problems)
    assert again is not None
    assert (again.wer, again.words) == (0.25, 4)
