"""From written text to spoken words."""

from __future__ import annotations

import sys

import pytest

from undertone.errors import MissingExtraError, TranscriptError
from undertone.speech.text import LANGUAGES, words_of

SPOKEN = {
    "": "",
    " -- \n": "",
    "Author of the danger trail, Philip Steels, etc.": "author of the danger trail philip steels etc",
    "WE CALL IT BEAR": "we call it bear",
    # Apostrophes: inside a word, before a shortened one, and as quotation marks.
    "Don’t": "don't",
    "God bless 'em": "god bless 'em",
    "rock 'n' roll, 'twas 'hello' the boys' emma 'emma'": "rock 'n roll 'twas hello the boys emma emma",
    # Hyphens and letters.
    "the wolf-dog's Whiz-zip-bang": "the wolf dog's whiz zip bang",
    "A B C": "a b c",
    "U.S.A. and e.g. the U.S": "u s a and e g the u s",
    "the end.And": "the end and",
    # Letters of other Latin alphabets, composed or not, ligatures, full width, soft hyphens.
    "Café cafe\u0301 naïve Łódź straße": "cafe cafe naive lodz strasse",
    "æther ﬁve ＷＯＲＤ co\u00adoperate": "aether five word cooperate",
    # Numbers.
    "7 21 110 2,000 1,234,567": "seven twenty one one hundred and ten two thousand one million two hundred and "
    "thirty four thousand five hundred and sixty seven",
    "3.140 0.5": "three point one four zero zero point five",
    "-5 −5 A-5 --5 5-": "minus five minus five a five five five",
    "007 0351": "zero zero seven zero three five one",
    "1234567890123456": "one two three four five six seven eight nine zero one two three four five six",
    "B52 3D mp3": "b fifty two three d mp three",
    "#3 #": "number three",
    "1984 1905 2005 2024 1800 3000": "nineteen eighty four nineteen oh five two thousand and five twenty twenty four "
    "eighteen hundred three thousand",
    "the 1980s, '90s and 747's": "the nineteen eighties nineties and seven hundred and forty sevens",
    "6s 5s 1920s": "sixes fives nineteen twenties",
    "3pm-5pm, 5 ams, Mr.Smith": "three p m five p m five ams mr smith",
    "1st 2nd 3rd 21st 1,000th": "first second third twenty first one thousandth",
    "5 million 2.5 billion": "five million two point five billion",
    # Money, times, signs.
    "$12.50 $1 $0.01 $1.01 £0.50 €3 $1,984 $0": "twelve dollars fifty cents one dollar one cent one dollar one cent "
    "fifty pence three euros one thousand nine hundred and eighty four dollars zero dollars",
    "$2.5 million -$5 12 €": "two point five million dollars minus five dollars twelve euros",
    "3:15 10:05 12:00 17:00 0:30": "three fifteen ten oh five twelve o'clock seventeen hundred zero thirty",
    "5 am, 5:00 p.m. and 5:30pm": "five a m five p m and five thirty p m",
    "Q & A: 5% @ 3+4=7°, §2": "q and a five percent at three plus four equals seven degrees section two",
    "a|b~c^d": "a b c d",
}


@pytest.mark.parametrize("text", SPOKEN, ids=range(len(SPOKEN)))
def test_english_is_written_as_it_is_spoken(text: str) -> None:
    assert " ".join(words_of(text)) == SPOKEN[text]


def test_german_and_polish_have_their_own_letters_and_numbers() -> None:
    assert words_of("Über 1.200 Straßen, 3,5 % 1984. Geht's 'so'?", language="de") == (
        "über", "eintausendzweihundert", "straßen", "drei", "komma", "fünf", "prozent", "neunzehnhundertvierundachtzig",
        "geht's", "so",
    )  # fmt: skip
    assert words_of("Zażółć 12, 1984; 3,5%", language="pl") == (
        "zażółć", "dwanaście", "tysiąc", "dziewięćset", "osiemdziesiąt", "cztery", "trzy", "przecinek", "pięć",
        "procent",
    )  # fmt: skip
    assert words_of("señor", language="de") == ("senor",)
    assert LANGUAGES == ("en", "de", "pl")


@pytest.mark.parametrize(
    "text", ["1/2", "10-12", "12/25/2020", "1.2.3", "3,5", "12:75", "$5.5", "1,23", "12:30:10", "5,00th"]
)
def test_a_figure_that_can_be_read_in_several_ways_is_refused(text: str) -> None:
    with pytest.raises(
        TranscriptError, match=r"^'.*[0-9]': this figure can be read in several ways; write it in words"
    ):
        words_of(f"on {text}, then")


def test_polish_figures_with_dots_are_refused() -> None:
    with pytest.raises(TranscriptError, match=r"^'1\.200': this figure can be read in several ways"):
        words_of("1.200", language="pl")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ab я",
            r"the character 'я' \(CYRILLIC SMALL LETTER YA\) at 4 is none that is read; accepted are Latin letters",
        ),
        ("好", r"the character '好' \(CJK UNIFIED IDEOGRAPH-597D\) at 1"),
        ("a ½", r"the character '½' \(VULGAR FRACTION ONE HALF\) at 3 .*& % @.*; write it in words"),
        ("x²", r"the character '²'"),
        ("٣", r"the character '٣'"),
        ("a © b", r"the character '©' \(COPYRIGHT SIGN\) at 3"),
        ("< b", r"the character '<'"),
        ("a\0", r"the character '\\x00' \(no name\) at 2"),
    ],
)
def test_a_character_of_no_word_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(TranscriptError, match=said):
        words_of(text)


@pytest.mark.parametrize("mark", ["<UNK>", "[laughter]", "<>"])
def test_a_mark_of_something_else_than_words_is_refused(mark: str) -> None:
    with pytest.raises(
        TranscriptError, match=r"the mark .* at 4 is no word; write what is said there, or leave the text"
    ):
        words_of(f"OH {mark} NO")


def test_other_languages_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^'fr' is no language whose text is read; accepted are en, de, pl$"):
        words_of("oui", language="fr")


def test_figures_need_the_library_and_words_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "num2words", None)
    assert words_of("seven") == ("seven",)
    with pytest.raises(MissingExtraError, match=r"saying numbers needs packages .*: pip install 'undertone\[align\]'"):
        words_of("7")
