"""Dictionaries of pronunciation: the format, its faults, the CMU dictionary, and looking words up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from undertone.corpora.registry import corpus_named
from undertone.errors import LexiconError, MissingExtraError, TranscriptError
from undertone.speech.lexicon import Lexicon, english_lexicon, make_lexicon, read_lexicon
from undertone.speech.phones import PHONES
from undertone.speech.pronounce import Spoken, genitive, pronounce
from undertone.speech.text import words_of

FILE = """\
;;; a remark
EITHER  IY1 DH ER0
either(2)  AY1 DH ER0
either(3)  IY1 DH ER0

word W ER1 D # a noun
don't D OW N T
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.dict"
    path.write_text(text, encoding="utf-8")
    return path


def test_words_keep_their_pronunciations_in_order_without_stress_and_once(tmp_path: Path) -> None:
    assert read_lexicon(written(tmp_path, FILE)).entries == {
        "either": (("IY", "DH", "ER"), ("AY", "DH", "ER")),
        "word": (("W", "ER", "D"),),
        "don't": (("D", "OW", "N", "T"),),
    }


def test_a_lexicon_cannot_be_changed() -> None:
    lexicon = make_lexicon([("a", ("AH",))])
    with pytest.raises(TypeError, match="does not support item assignment"):
        lexicon.entries["b"] = (("B",),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a AH\nword W ER1 Q", r"line 2, word 'word': 'Q' is no phone; accepted are AA"),
        ("word", r"line 1, word 'word': no phones follow; write `word W ER D`"),
        (";;; nothing\n\n", r"it holds no word; write lines such as `word W ER D`"),
        ("", r"it holds no word"),
    ],
)
def test_a_file_that_is_no_dictionary_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LexiconError, match=rf"own\.dict: {said}"):
        read_lexicon(written(tmp_path, text))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"none\.dict: it cannot be read \(No such file or directory\); name a file"):
        read_lexicon(tmp_path / "none.dict")
    (tmp_path / "latin.dict").write_bytes("café K AE F EY".encode("latin-1"))
    with pytest.raises(LexiconError, match=r"latin\.dict: it is no text in UTF-8 \(.*\); save it as UTF-8"):
        read_lexicon(tmp_path / "latin.dict")


def test_the_dictionary_of_english_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingExtraError, match=r"the dictionary of English .*: pip install 'undertone\[align\]'"):
        english_lexicon()


@pytest.fixture(scope="module")
def english() -> Lexicon:
    return english_lexicon()


def test_the_dictionary_of_english_knows_words_and_letters(english: Lexicon) -> None:
    assert len(english.entries) > 120_000
    assert english.entries["emotion"] == (("IH", "M", "OW", "SH", "AH", "N"), ("IY", "M", "OW", "SH", "AH", "N"))
    assert english.entries["a"] == (("AH",), ("EY",))
    assert set("abcdefghijklmnopqrstuvwxyz") <= english.entries.keys()
    heard = {phone for found in english.entries.values() for phones in found for phone in phones}
    assert heard == set(PHONES)


def test_words_are_pronounced_as_the_dictionary_says(english: Lexicon) -> None:
    assert pronounce("Take TWO.", english) == (
        Spoken(word="take", pronunciations=(("T", "EY", "K"),), known=True),
        Spoken(word="two", pronunciations=(("T", "UW"),), known=True),
    )
    assert pronounce("--", english) == ()


SMALL = make_lexicon([("nook", ("N", "UH", "K")), ("dog", ("D", "AO", "G")), ("dog", ("D", "AA", "G"))])


def test_a_genitive_is_known_where_its_noun_is() -> None:
    (spoken,) = pronounce("dog's", SMALL)
    assert spoken == Spoken(
        word="dog's", pronunciations=(("D", "AO", "G", "Z"), ("D", "AA", "G", "Z")), known=True
    )  # fmt: skip
    assert genitive(("N", "UH", "K"))[-1] == "S"
    assert genitive(("CH", "ER", "CH"))[-2:] == ("IH", "Z")
    with pytest.raises(TranscriptError, match=r'^"dog\'s": the dictionary lacks this word'):
        pronounce("dog's", SMALL, language="de")


def test_a_word_that_the_dictionary_lacks_is_refused_where_letters_were_not_learned() -> None:
    with pytest.raises(TranscriptError, match=r"^'cat': the dictionary lacks this word; add it, or sound it out with"):
        pronounce("dog cat", SMALL)


def test_every_transcript_of_the_corpora_at_hand_is_known_but_for_a_few_words(data: Path, english: Lexicon) -> None:
    """Shares of words that the dictionary lacks, at most, in percent."""
    most = {"speechocean762": 0.1, "kathleen_arctic": 0.1, "an4": 0.0}
    for name, percent in most.items():
        texts = [item.text for item in corpus_named(name).scan(data / name)]
        known = [is_known(text, english) for text in texts]
        lacking = sum(not word for words in known for word in words)
        assert all(known)
        assert 100 * lacking / sum(len(words) for words in known) <= percent, name


def is_known(text: str, lexicon: Lexicon) -> list[bool]:
    return [word in lexicon.entries or word.removesuffix("'s") in lexicon.entries for word in words_of(text)]
