"""MELD: three tables, clips that may lie elsewhere, and the two that nobody can use."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from undertone.corpora.base import read_corpus
from undertone.corpora.meld import CORPUS, parse_name
from undertone.errors import CorpusError
from undertone.testing.corpora import make_meld


@pytest.mark.parametrize(
    "name",
    ["train/train_splits/dia0_utt12", "train_splits/dia0_utt12", "MELD.Raw/train/dia0_utt12", "train/dia0_utt12"],
)
def test_the_folder_tells_the_part(name: str) -> None:
    named = parse_name(name)
    assert named is not None
    assert (named.id, named.dialogue, named.turn_index) == ("train/dia0_utt12", "train/dia0", 12)
    assert named.speaker == ""
    assert named.emotion is None


def test_the_three_tables_become_parts_and_dialogues(tmp_path: Path) -> None:
    found = {item.id: item for item in CORPUS.scan(make_meld(tmp_path))}
    assert sorted(found) == [
        "meld/dev/dia0_utt0", "meld/dev/dia110_utt7", "meld/test/dia0_utt0", "meld/test/dia0_utt1",
        "meld/train/dia0_utt0", "meld/train/dia0_utt1",
    ]  # fmt: skip
    item = found["meld/train/dia0_utt1"]
    assert (item.speaker, item.emotion, item.split) == ("meld_The_Interviewer", "happy", "train")
    assert (item.dialogue, item.turn_index, item.text) == ("train/dia0", 1, "Words of The Interviewer.")
    assert item.path == str(tmp_path / "train/train_splits/dia0_utt1.mp4")


def test_the_two_clips_that_nobody_can_use_stop_nobody(tmp_path: Path) -> None:
    """One is missing in the published archive, one cannot be decoded; both are excluded by the card."""
    make_meld(tmp_path)
    table = tmp_path / "train_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("neutral,0,1", "neutral,125,3"), encoding="utf-8")
    (tmp_path / "train/train_splits/dia125_utt3.mp4").write_bytes(b"no video")
    listed, read = CORPUS.scan(tmp_path), read_corpus(CORPUS, tmp_path)
    assert len(listed) == 6
    assert {item.id for item in listed} - {item.id for item in read} == {item.id for item in CORPUS.card.exclusions}


def test_another_clip_that_is_missing_or_cannot_be_decoded_stops(tmp_path: Path) -> None:
    make_meld(tmp_path)
    clip = tmp_path / "train/train_splits/dia0_utt1.mp4"
    clip.write_bytes(b"no video")
    with pytest.raises(CorpusError, match=r"meld: 1 of 5 files cannot be opened, the first .*dia0_utt1\.mp4"):
        read_corpus(CORPUS, tmp_path)
    clip.unlink()
    with pytest.raises(CorpusError, match=r"meld: 1 of 5 files are missing, the first .*dia0_utt1\.mp4"):
        read_corpus(CORPUS, tmp_path)


def test_without_clips_everything_is_listed_all_the_same(tmp_path: Path) -> None:
    """Text alone is enough for some; whoever needs sound is told then."""
    make_meld(tmp_path)
    for clip in tmp_path.rglob("*.mp4"):
        clip.unlink()
    found = CORPUS.scan(tmp_path)
    assert len(found) == 6
    assert found[0].path == str(tmp_path / "train/train_splits/dia0_utt0.mp4")


def test_sound_that_was_taken_from_the_clips_does_too_but_clips_go_first(tmp_path: Path) -> None:
    make_meld(tmp_path)
    folder = tmp_path / "train/train_splits"
    (folder / "dia0_utt0.mp4").rename(folder / "dia0_utt0.wav")
    (folder / "dia0_utt1.wav").write_bytes(b"")
    paths = {item.id: Path(item.path).name for item in CORPUS.scan(tmp_path) if item.split == "train"}
    assert paths == {"meld/train/dia0_utt0": "dia0_utt0.wav", "meld/train/dia0_utt1": "dia0_utt1.mp4"}


def test_a_part_without_its_table_is_refused(tmp_path: Path) -> None:
    make_meld(tmp_path)
    (tmp_path / "dev_sent_emo.csv").unlink()
    with pytest.raises(CorpusError, match=r"meld: .* holds no dev_sent_emo\.csv; copy the tables of the repository"):
        CORPUS.scan(tmp_path)


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    make_meld(tmp_path)
    table = tmp_path / "test_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("Speaker", "Actor", 1), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"test_sent_emo\.csv lacks the columns Speaker; it has Sr No\., Utterance"):
        CORPUS.scan(tmp_path)


def test_a_row_without_a_number_is_refused(tmp_path: Path) -> None:
    make_meld(tmp_path)
    table = tmp_path / "test_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("neutral,0,1", "neutral,0,one"), encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a row with the dialogue '0', the utterance 'one' and the speaker 'Rachel'"):
        CORPUS.scan(tmp_path)


def test_quotation_marks_of_windows_become_what_they_were(tmp_path: Path) -> None:
    make_meld(tmp_path)
    table = tmp_path / "test_sent_emo.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("of Mark.", "he\x92s lost\x85"), encoding="utf-8")
    assert "Words he’s lost…" in {item.text for item in CORPUS.scan(tmp_path)}


def test_the_published_tables_are_those_of_the_card(data: Path) -> None:
    found = CORPUS.scan(data / "meld")
    card = CORPUS.card
    assert len(found) == card.utterances
    assert {item.id for item in card.exclusions} < {item.id for item in found}
    assert Counter(item.emotion for item in found) == card.counts
    assert len({item.speaker for item in found}) == card.speakers
    assert Counter(item.split for item in found) == {"train": 9989, "validation": 1109, "test": 2610}
    assert len({item.dialogue for item in found if item.split == "train"}) == 1038
    main = {"meld_Chandler", "meld_Joey", "meld_Monica", "meld_Phoebe", "meld_Rachel", "meld_Ross"}
    assert 0.82 < sum(item.speaker in main for item in found) / len(found) < 0.84
