"""IEMOCAP's own files: votes, words, alignments, and what a folder of them becomes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.corpora.iemocap import CORPUS, parse_name, parse_transcription
from undertone.corpora.iemocap_votes import Judged, Segment, parse_alignment, parse_evaluation
from undertone.errors import CorpusError
from undertone.records import Rating
from undertone.testing.corpora import make_iemocap

EVALUATION = """\
% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.0000, 3.5000]
C-E2:\tNeutral;\t()
C-E3:\tNeutral state; Sadness;\t(a little tired; (quiet))
C-E4:\tNeutral;\t()
C-F1:\tAnger; Anger;\t()
A-E3:\tval 3; act 2; dom  2;\t()
A-E4:\tval 2; act 3; dom  ;\t()
A-M1:\tval 4; act 1; dom  1;\t()

[10.0100 - 11.3925]\tSes01F_impro01_F001\txxx\t[3.0000, 3.0000, 3.0000]
C-E2:\tOther;\t(confused)
"""


def test_the_votes_of_a_rater_on_emotions_and_dimensions_are_one_rating() -> None:
    first, second = parse_evaluation(EVALUATION)
    assert first == Judged(
        id="Ses01F_impro01_F000", start=6.2901, end=8.2357, emotion="neutral", valence=2.5, activation=2.0,
        dominance=3.5,
        ratings=(
            Rating(rater="E2", emotions=("neutral",)),
            Rating(rater="E3", emotions=("neutral", "sad"), valence=3.0, activation=2.0, dominance=2.0),
            Rating(rater="E4", emotions=("neutral",), valence=2.0, activation=3.0, dominance=None),
            Rating(rater="F1", emotions=("angry",)),
            Rating(rater="M1", valence=4.0, activation=1.0, dominance=1.0),
        ),
    )  # fmt: skip
    assert second.emotion is None
    assert second.ratings == (Rating(rater="E2", emotions=("other",)),)


def test_a_label_that_the_corpus_does_not_have_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"iemocap: Ses01F_impro01_F000 has the label bor; known are ang, dis, .*xxx"):
        parse_evaluation(EVALUATION.replace("\tneu\t", "\tbor\t"))


def test_times_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(
        CorpusError, match=r"iemocap: Ses01F_impro01_F000 lasts from 6\.29\.01 to 8\.2357; copy the file"
    ):
        parse_evaluation(EVALUATION.replace("6.2901", "6.29.01"))


def test_a_transcription_gives_words_without_the_sounds_between_them() -> None:
    text = (
        "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n"
        "Ses01F_impro01_M000 [007.5712-010.4750]: [LAUGHTER] Do you  have [BREATHING] your forms?\r\n"
        "Ses01F_impro01_MXX0 [011.0000-012.0000]:\n"
        "M: a line without an id\n"
    )
    assert parse_transcription(text) == {
        "Ses01F_impro01_F000": "Excuse me.",
        "Ses01F_impro01_M000": "Do you have your forms?",
        "Ses01F_impro01_MXX0": "",
    }


def test_an_alignment_counts_frames_of_ten_milliseconds_and_the_last_one_belongs() -> None:
    text = (
        "\t SFrm  EFrm    SegAScr Word\n"
        "\t    0     2    -117721 <s>\n"
        "\t    3    20   -1052907 YOU'RE(2)\n"
        " Total score:   -12345678\n"
    )
    assert parse_alignment(text) == (
        Segment(label="<s>", start=0.0, end=0.03),
        Segment(label="YOU'RE(2)", start=0.03, end=0.21),
    )


def test_a_phone_keeps_its_neighbours() -> None:
    assert parse_alignment("\t    2     3     -10000 W SIL AA b\n") == (
        Segment(label="W SIL AA b", start=0.02, end=0.04),
    )


@given(text=st.text())
def test_no_text_makes_the_readers_fail(text: str) -> None:
    assert parse_alignment(text) == ()
    assert parse_evaluation(text) == ()
    parse_transcription(text)


def test_the_alignments_of_a_miniature_are_read(tmp_path: Path) -> None:
    make_iemocap(tmp_path)
    path = tmp_path / "Session1/sentences/ForcedAlignment/Ses01F_impro01/Ses01F_impro01_F000"
    words = parse_alignment(path.with_suffix(".wdseg").read_text(encoding="utf-8"))
    phones = parse_alignment(path.with_suffix(".phseg").read_text(encoding="utf-8"))
    assert [item.label for item in words] == ["<s>", "WHAT(2)", "</s>"]
    assert (words[0].start, words[-1].end) == (phones[0].start, phones[-1].end) == (0.0, 0.1)


def test_turns_stand_in_the_order_of_time_with_words_and_votes(tmp_path: Path) -> None:
    make_iemocap(tmp_path, sound=False)
    found = [item for item in CORPUS.scan(tmp_path) if item.dialogue == "Ses01F_impro01"]
    assert [(item.id, item.turn_index) for item in found] == [
        ("iemocap/Ses01F_impro01_F000", 0),
        ("iemocap/Ses01F_impro01_F001", 1),
        ("iemocap/Ses01F_impro01_M000", 2),
        ("iemocap/Ses01F_impro01_M001", 3),
    ]
    assert [item.emotion for item in found] == ["neutral", "neutral", "frustrated", None]
    assert found[0].text == "Words of Ses01F_impro01_F000."
    assert found[0].split is found[0].sentence is None
    assert (found[0].valence, found[0].activation, found[0].dominance) == (2.5, 3.0, 3.5)
    assert [item.rater for item in found[2].ratings] == ["E2", "E3", "E4", "M1"]
    assert found[2].ratings[1] == Rating(
        rater="E3", emotions=("frustrated",), valence=2.0, activation=3.0, dominance=4.0
    )
    assert found[0].path == str(tmp_path / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav")


def test_time_counts_and_not_the_order_of_the_file(tmp_path: Path) -> None:
    make_iemocap(tmp_path, {"Ses01F_impro01_F000": "neu", "Ses01F_impro01_M000": "sad"}, sound=False)
    path = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("[0.0000 - 2.0000]", "[9.0000 - 9.5000]"), encoding="utf-8")
    found = {item.speaker: item.turn_index for item in CORPUS.scan(tmp_path)}
    assert found == {"iemocap_01M": 0, "iemocap_01F": 1}


def test_hidden_twins_of_label_files_are_no_label_files(tmp_path: Path) -> None:
    """Archives made on a Mac hold a `._` file beside each file."""
    make_iemocap(tmp_path, sound=False)
    (tmp_path / "Session1/dialog/EmoEvaluation/._Ses01F_impro01.txt").write_bytes(b"\x00\x05\x16\x07")
    assert len(CORPUS.scan(tmp_path)) == 12


def test_a_dialogue_without_its_transcription_has_no_words(tmp_path: Path) -> None:
    make_iemocap(tmp_path, sound=False)
    (tmp_path / "Session5/dialog/transcriptions/Ses05M_script01_1b.txt").unlink()
    assert {item.text is None for item in CORPUS.scan(tmp_path) if (item.dialogue or "").startswith("Ses05")} == {True}


def test_a_turn_that_is_no_name_of_the_corpus_is_refused(tmp_path: Path) -> None:
    make_iemocap(tmp_path, {"Ses01F_impro01_F000": "neu"}, sound=False)
    path = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("_F000", "_F0"), encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"Session1 rates Ses01F_impro01_F0, which is no name of this corpus; copy it"
    ):
        CORPUS.scan(tmp_path)


@pytest.mark.parametrize(
    "dialogue", ["Ses01F_impro01", "Ses03M_impro08b", "Ses05F_script01_1b", "Ses04M_script03_2", "Ses02F_impro05a"]
)
def test_every_form_of_a_dialogue_s_name_is_known(dialogue: str) -> None:
    named = parse_name(f"Session{dialogue[4]}/sentences/wav/{dialogue}/{dialogue}_M012")
    assert named is not None
    assert (named.id, named.dialogue, named.speaker, named.gender) == (
        f"{dialogue}_M012", dialogue, f"iemocap_{dialogue[3:5]}M", "M",
    )  # fmt: skip
