"""Praat's TextGrid, written and read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.textgrid import read_textgrid, write_textgrid
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn
from undertone.testing.timelines import make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

CALL = Recording(path="call.wav", channels=1, sample_rate=8_000, duration=10.0)

Interval = tuple[float, float, str]


def short_grid(tiers: dict[str, list[Interval]], end: float = 10.0) -> str:
    """Praat's short text layout: the same values without decoration."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "0", str(end), "<exists>", str(len(tiers))]
    for name, intervals in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', "0", str(end), str(len(intervals))]
        for start, stop, label in intervals:
            lines += [str(start), str(stop), f'"{label}"']
    return "\n".join(lines) + "\n"


def read(text: str, folder: Path, encoding: str = "utf-8") -> tuple[Turn, ...]:
    path = folder / "turns.TextGrid"
    path.write_bytes(text.encode(encoding))
    return read_textgrid(path, recording=CALL)


def test_the_layout_is_the_one_that_praat_saves():
    timeline = make_timeline(
        make_turn_emotion(0.0, 1.25, speaker='the "boss"', label="angry", text='He said "no"'), duration=2.00006
    )
    tier = (
        '    item [{n}]:\n        class = "IntervalTier" \n        name = "the ""boss"" ({kind})" \n'
        "        xmin = 0 \n        xmax = 2.00006 \n        intervals: size = 2 \n"
        '        intervals [1]:\n            xmin = 0 \n            xmax = 1.25 \n            text = "{label}" \n'
        '        intervals [2]:\n            xmin = 1.25 \n            xmax = 2.00006 \n            text = "" \n'
    )
    assert write_textgrid(timeline) == (
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
        "xmin = 0 \nxmax = 2.00006 \ntiers? <exists> \nsize = 3 \nitem []: \n"
        + tier.format(n=1, kind="emotion", label="angry")
        + tier.format(n=2, kind="confidence", label="0.8200")
        + tier.format(n=3, kind="text", label='He said ""no""')
    )


def test_without_text_there_is_no_tier_of_text():
    assert "(text)" not in write_textgrid(make_timeline(make_turn_emotion(0, 1)))


def test_without_turns_there_is_one_empty_tier():
    text = write_textgrid(make_timeline(duration=3.5))
    assert "size = 1 \nitem []:" in text
    assert text.endswith('intervals [1]:\n            xmin = 0 \n            xmax = 3.5 \n            text = "" \n')


def test_a_turn_to_the_very_end_leaves_no_splinter():
    text = write_textgrid(make_timeline(make_turn_emotion(1, 2.0004), duration=2.0004))
    assert "xmin = 1 \n            xmax = 2.0004 \n" in text
    assert "2 \n            xmax = 2.0004" not in text


def test_overlapping_turns_of_one_speaker_go_on_a_second_tier():
    timeline = make_timeline(
        make_turn_emotion(0, 3, label="sad"),
        make_turn_emotion(2, 4, label="happy"),
        make_turn_emotion(3, 5, label="angry"),
    )
    text = write_textgrid(timeline)
    first, second = text.index('"caller (emotion)"'), text.index('"caller 2 (emotion)"')
    assert first < text.index('"sad"') < text.index('"angry"') < second < text.index('"happy"')


def test_speakers_that_look_alike_on_one_line_keep_their_own_tiers():
    text = write_textgrid(
        make_timeline(make_turn_emotion(0, 1, speaker="A B"), make_turn_emotion(1, 2, speaker="A\nB"))
    )
    assert '"A B (emotion)"' in text
    assert '"A B 2 (emotion)"' in text


def test_each_tier_is_a_speaker_and_each_label_a_turn(tmp_path: Path):
    grid = short_grid({"A": [(0, 1, ""), (1, 2.5, "hello"), (2.5, 10, "")], "B": [(0, 2, " "), (2, 10, 'say ""hi""')]})
    assert read(grid, tmp_path) == (
        Turn(start=1.0, end=2.5, speaker="A", text="hello"),
        Turn(start=2.0, end=10.0, speaker="B", text='say "hi"'),
    )


def test_the_long_layout_with_comments_and_odd_labels_is_read(tmp_path: Path):
    timeline = make_timeline(
        make_turn_emotion(1, 2, text='item [1]: intervals [2]: xmin = 7 "quoted" <exists> 3 ! no comment'),
        duration=10.0,
    )
    text = write_textgrid(timeline).replace("tiers? <exists>", 'tiers? <exists> ! 12 "comment"')
    (turn,) = read(text, tmp_path)
    assert turn.text == timeline.turns[0].turn.text


def test_points_are_left_out(tmp_path: Path):
    grid = short_grid({"A": [(1, 2, "x")]}).replace("<exists>\n1", "<exists>\n2")
    grid += '"TextTier"\n"clicks"\n0\n10\n2\n1.5\n"click"\n3\n"click"\n'
    assert [turn.speaker for turn in read(grid, tmp_path)] == ["A"]


def test_a_start_that_praat_computed_to_nearly_nothing_is_read(tmp_path: Path):
    grid = short_grid({"A": [(5.551115123125783e-17, 2, "x")]})
    assert "5.551115123125783e-17" in grid
    assert read(grid, tmp_path)[0].start == pytest.approx(0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
def test_encodings_of_old_and_new_praat_are_read(encoding: str, tmp_path: Path):
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (turn,) = read(mark + short_grid({"Zoë": [(1, 2, "x")]}), tmp_path, encoding)
    assert turn.speaker == "Zoë"


@pytest.mark.parametrize("names", [("words", "phones"), ("A - words", "A - phones", "B - words"), ("ORT-MAU", "MAU")])
def test_tiers_of_a_forced_aligner_are_refused(names: tuple[str, ...], tmp_path: Path):
    grid = short_grid({name: [(1, 2, "x")] for name in names})
    with pytest.raises(
        TurnsError, match=f"its tiers are '{names[0]}', .*, as a forced aligner writes them; a tier for each"
    ):
        read(grid, tmp_path)


def test_tiers_of_words_beside_tiers_of_turns_are_left_out(tmp_path: Path):
    turns = read(short_grid({"A": [(1, 2, "a b")], "A - words": [(1, 1.5, "a"), (1.5, 2, "b")]}), tmp_path)
    assert [turn.text for turn in turns] == ["a b"]


def test_praats_silence_detection_gives_turns_without_text(tmp_path: Path):
    grid = short_grid({"silences": [(0, 1, "silent"), (1, 4, "sounding"), (4, 10, "silent")]})
    assert read(grid, tmp_path) == (Turn(start=1.0, end=4.0, speaker="silences"),)


def test_the_word_silent_in_speech_is_text(tmp_path: Path):
    (turn, _) = read(short_grid({"A": [(0, 1, "silent"), (1, 4, "night")]}), tmp_path)
    assert turn.text == "silent"


def test_abstained_turns_come_back(tmp_path: Path):
    timeline = make_timeline(make_turn_emotion(1, 2, abstention=Abstention.SILENT), duration=10.0)
    assert read(write_textgrid(timeline), tmp_path) == (timeline.turns[0].turn,)


@pytest.mark.parametrize("end", [8.0, 12.0])
def test_a_grid_that_ends_in_silence_must_last_as_long_as_the_recording(end: float, tmp_path: Path):
    with pytest.raises(TurnsError, match=rf"a recording of {end:.3f} s but call\.wav lasts 10\.000 s"):
        read(short_grid({"A": [(1, 2, "x"), (2, end, "")]}, end), tmp_path)


def test_a_grid_that_ends_with_its_last_label_may_be_shorter(tmp_path: Path):
    assert read(short_grid({"A": [(1, 4, "x")]}, 4.0), tmp_path)[0].end == 4.0


def test_a_grid_that_ends_with_its_last_label_may_not_be_longer(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"a recording of 14\.000 s but call\.wav lasts 10\.000 s"):
        read(short_grid({"A": [(1, 14, "x")]}, 14.0), tmp_path)


def test_a_grid_without_labels_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns"):
        read(short_grid({"A": [(0, 10, "")]}), tmp_path)


def test_a_grid_without_tiers_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns"):
        read(short_grid({}).replace("<exists>\n0", "<absent>"), tmp_path)


def test_overlap_is_refused_with_tier_and_interval(tmp_path: Path):
    grid = short_grid({"A": [(1, 4, "x"), (3, 5, "y")]})
    with pytest.raises(
        TurnsError, match=r"tier 'A', interval 2: 'A' speaks from 3\.000 s .* the turn at tier 'A', interval 1"
    ):
        read(grid, tmp_path)


def test_negative_times_are_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"tier 'A', interval 1: a turn starts at -0\.5 s"):
        read(short_grid({"A": [(-0.5, 2, "x")]}), tmp_path)


def test_a_word_where_a_number_belongs_is_refused_with_its_line(tmp_path: Path):
    grid = short_grid({"A": [(1, 2, "x")]}).replace('\n1\n2\n"x"', '\n"one"\n2\n"x"')
    with pytest.raises(
        TurnsError, match="line 13: '\"one\"' stands where the start of an interval is expected; save it"
    ):
        read(grid, tmp_path)


def test_a_number_where_a_label_belongs_is_refused_with_its_line(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 15: '7' stands where the label of an interval is expected"):
        read(short_grid({"A": [(1, 2, "x")]}).replace('"x"', "7"), tmp_path)


def test_a_missing_flag_is_refused_with_its_line(tmp_path: Path):
    with pytest.raises(TurnsError, match="line 6: '1' stands where whether there are tiers is expected"):
        read(short_grid({"A": [(1, 2, "x")]}).replace("<exists>\n", ""), tmp_path)


def test_a_grid_cut_short_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it ends where the label of an interval is expected; save it"):
        read(short_grid({"A": [(1, 2, "x")]}).replace('"x"', ""), tmp_path)


def test_another_object_of_praat_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it is a 'Sound 2' in a 'ooTextFile'; a TextGrid is read"):
        read(short_grid({}).replace('"TextGrid"', '"Sound 2"'), tmp_path)
