"""MSP-Podcast: the tables of its releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertone.corpora.msp_podcast import CORPUS, read_votes
from undertone.errors import CorpusError
from undertone.records import Rating
from undertone.testing.corpora import make_msp_podcast

DETAILED = "Labels/labels_detailed.csv"
VOTES = (
    Rating(rater="WORKER01", emotions=("angry",), valence=3.0, activation=5.0, dominance=4.0),
    Rating(rater="WORKER02", emotions=("other",), valence=3.0, activation=4.0, dominance=4.0),
)


def test_labels_votes_and_words_come_together(tmp_path: Path) -> None:
    found = {item.id: item for item in CORPUS.scan(make_msp_podcast(tmp_path))}
    item = found["msp_podcast/MSP-PODCAST_0000_0001"]
    assert (item.speaker, item.gender, item.emotion, item.split) == ("msp_podcast_Unknown", None, "angry", "train")
    assert (item.valence, item.activation, item.dominance) == (3.5, 4.5, 4.0)
    assert item.text == "So here we are."
    assert item.ratings == VOTES
    assert item.path == str(tmp_path / "Audios/MSP-PODCAST_0000_0001.wav")
    assert {item.split for item in found.values()} == {"train", "validation", "test1", "test2"}
    assert found["msp_podcast/MSP-PODCAST_0009_0001"].emotion is None
    assert found["msp_podcast/MSP-PODCAST_0006_0001"].emotion == "other"


def test_votes_in_one_column_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "labels_detailed.csv"
    path.write_text(
        "FileName,EmoDetail\n"
        'MSP-PODCAST_0001_0008.wav,"WORKER01; Angry; Angry,Sad; A:5.000000; V:3.000000; D:4.000000;"\n'
        'MSP-PODCAST_0001_0008.wav,"WORKER02; Other-tired; ; A:4.000000; V:3.000000; D:4.000000;"\n',
        encoding="utf-8",
    )
    assert read_votes(path) == {"MSP-PODCAST_0001_0008": VOTES}


def test_the_older_spelling_of_the_table_is_known(tmp_path: Path) -> None:
    make_msp_podcast(tmp_path)
    (tmp_path / "Labels/labels_consensus.csv").rename(tmp_path / "Labels/labels_concensus.csv")
    assert len(CORPUS.scan(tmp_path)) == 10


def test_without_votes_and_words_there_are_labels(tmp_path: Path) -> None:
    make_msp_podcast(tmp_path)
    (tmp_path / DETAILED).unlink()
    (tmp_path / "Transcripts/MSP-PODCAST_0001_0001.txt").unlink()
    found = {item.id: item for item in CORPUS.scan(tmp_path)}
    assert {item.ratings for item in found.values()} == {()}
    assert found["msp_podcast/MSP-PODCAST_0001_0001"].text is None


def test_an_unknown_label_is_refused(tmp_path: Path) -> None:
    make_msp_podcast(tmp_path)
    table = tmp_path / "Labels/labels_consensus.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(".wav,D,", ".wav,Q,"), encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"the file 'MSP-PODCAST_0002_0001\.wav' and the label 'Q'; labels are A, C, D"
    ):
        CORPUS.scan(tmp_path)


def test_votes_in_an_unknown_form_are_refused(tmp_path: Path) -> None:
    make_msp_podcast(tmp_path)
    (tmp_path / DETAILED).write_text("FileName,Who\na.wav,b\n", encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"has the columns FileName, Who; it needs one of Workers, Worker, WorkerID with"
    ):
        CORPUS.scan(tmp_path)


def test_a_vote_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels_detailed.csv"
    path.write_text("FileName,EmoDetail\na.wav,WORKER01 was here\n", encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"row 1 of .* has the vote 'WORKER01 was here'; it needs a worker, an emotion"
    ):
        read_votes(path)
