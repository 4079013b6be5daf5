"""CREMA-D: the crowd's votes, the actors, and what a careless download leaves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from undertone.corpora.cremad import CORPUS, SENTENCES, parse_name, read_genders
from undertone.errors import CorpusError
from undertone.records import Rating
from undertone.testing.corpora import make_cremad

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 98348\n"


def test_votes_on_the_voice_alone_are_ratings(tmp_path: Path) -> None:
    found = {item.id: item for item in CORPUS.scan(make_cremad(tmp_path))}
    assert found["cremad/1001_IEO_SAD_HI"].ratings == (
        Rating(rater="p1", emotions=("sad",)),
        Rating(rater="p2", emotions=("sad",)),
        Rating(rater="p3", emotions=("neutral",)),
    )


def test_of_two_votes_of_one_person_the_later_counts(tmp_path: Path) -> None:
    make_cremad(tmp_path)
    with (tmp_path / "finishedResponses.csv").open("a", encoding="utf-8") as file:
        file.write("999,p1,1,F_60,900,1,0,1,1,4,1001_DFA_ANG_XX,1,F,60,A,XX,50\n")
    found = {item.id: item for item in CORPUS.scan(tmp_path)}
    assert [rating.emotions for rating in found["cremad/1001_DFA_ANG_XX"].ratings] == [
        ("fearful",), ("angry",), ("neutral",),
    ]  # fmt: skip


def test_without_the_tables_there_are_no_votes_and_no_genders(tmp_path: Path) -> None:
    make_cremad(tmp_path)
    (tmp_path / "finishedResponses.csv").unlink()
    (tmp_path / "VideoDemographics.csv").unlink()
    found = CORPUS.scan(tmp_path)
    assert {item.ratings for item in found} == {()}
    assert {item.gender for item in found} == {None}


@pytest.mark.parametrize("table", ["finishedResponses.csv", "VideoDemographics.csv"])
def test_a_pointer_in_place_of_a_table_is_said(tmp_path: Path, table: str) -> None:
    make_cremad(tmp_path)
    (tmp_path / table).write_text(POINTER, encoding="utf-8")
    with pytest.raises(
        CorpusError, match=rf"cremad: .*{table} is a git-LFS pointer, not the table; run `git lfs pull`"
    ):
        CORPUS.scan(tmp_path)


def test_a_vote_that_is_no_emotion_is_refused(tmp_path: Path) -> None:
    make_cremad(tmp_path)
    table = tmp_path / "finishedResponses.csv"
    head, first, *rest = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join((head, first.replace(",A,60,", ",Q,60,"), *rest)), encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"row 1 of .*finishedResponses\.csv has the vote 'Q'; votes are A, D, F, H, N, S"
    ):
        CORPUS.scan(tmp_path)


def test_waves_go_before_their_copies_in_mp3(tmp_path: Path) -> None:
    make_cremad(tmp_path)
    assert {Path(item.path).parent.name for item in CORPUS.scan(tmp_path)} == {"AudioWAV"}
    for path in (tmp_path / "AudioWAV").iterdir():
        path.unlink()
    (tmp_path / "AudioWAV").rmdir()
    assert [item.id for item in CORPUS.scan(tmp_path)] == ["cremad/1001_IEO_ANG_LO"]


def test_the_file_that_older_copies_misname_is_known() -> None:
    named = parse_name("AudioWAV/1040_ITH_SAD_X")
    assert named == parse_name("AudioWAV/1040_ITH_SAD_XX")
    assert named is not None
    assert named.id == "1040_ITH_SAD_XX"


def test_the_file_without_a_signal_is_excluded() -> None:
    assert [item.id for item in CORPUS.card.exclusions] == ["cremad/1076_MTI_SAD_XX"]


def test_the_published_tables_know_every_actor_and_sentence(data: Path) -> None:
    folder = data / "cremad_metadata"
    assert len(read_genders(folder / "VideoDemographics.csv")) == CORPUS.card.speakers
    assert Counter(read_genders(folder / "VideoDemographics.csv").values()) == {"M": 48, "F": 43}
    lines = (folder / "SentenceFilenames.csv").read_text(encoding="utf-8").split()[1:]
    named = [parse_name(line.split(",")[1].strip('"')) for line in lines]
    assert None not in named
    assert {item.sentence for item in named if item} == set(SENTENCES)
    assert len({item.id for item in named if item}) == CORPUS.card.utterances


def test_the_pointer_that_was_met_is_known_as_one(data: Path, tmp_path: Path) -> None:
    make_cremad(tmp_path)
    (tmp_path / "finishedResponses.csv").write_bytes(
        (data / "cremad_metadata" / "lfs_pointer_example.wav").read_bytes()
    )
    with pytest.raises(CorpusError, match="git-LFS pointer"):
        CORPUS.scan(tmp_path)


def test_the_crowd_heard_the_intended_emotion_in_less_than_half_of_the_voices(data: Path) -> None:
    """As the card says."""
    rows = (data / "cremad_metadata" / "summaryTable.csv").read_text(encoding="utf-8").splitlines()[1:]
    votes = [(cells[1].strip('"'), cells[2].strip('"')) for cells in (row.split(",") for row in rows)]
    assert len(votes) == CORPUS.card.utterances
    assert 0.40 < sum(name.split("_")[2][0] == vote for name, vote in votes) / len(votes) < 0.43
    assert Counter(vote for _, vote in votes).most_common(1)[0][0] == "N"
