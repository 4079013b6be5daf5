"""A timeline printed for people."""

import io

import pytest
from rich.cells import cell_len

from undertone.conversation.formats.table import print_table
from undertone.labels import EMOTIONS
from undertone.records import Abstention, Recording, Timeline, Turn, TurnEmotion

ANGRY = (0.10, 0.03, 0.18, 0.63, 0.03, 0.02, 0.01)
UNSURE = (0.34, 0.05, 0.31, 0.20, 0.05, 0.03, 0.02)
WORDS = "Nobody has called me back, not once, and this is the third time that I have to ask about my own car"


def item(start, end, speaker, probabilities=ANGRY, label="angry", *, abstention=None, text=None):
    turn = Turn(start=start, end=end, speaker=speaker, text=text)
    return TurnEmotion(turn=turn, probabilities=probabilities, label=label, abstention=abstention)


def unlabelled(start, end, speaker, abstention):
    return item(start, end, speaker, None, None, abstention=abstention)


def timeline(*turns, path="/home/someone/calls/monday.flac", labels=EMOTIONS, notes=()):
    recording = Recording(path=path, channels=2, sample_rate=16_000, duration=125.0)
    return Timeline(recording=recording, turns=turns, labels=labels, bundle_id="base-1", notes=notes)


TURNS = (
    item(0.5, 6.5, "customer", text=WORDS),
    item(7.0, 9.0, "agent", UNSURE, None, abstention=Abstention.UNCERTAIN),
    unlabelled(9.1, 9.3, "agent", Abstention.TOO_SHORT),
    unlabelled(10.0, 12.0, "customer", Abstention.SILENT),
)


def printed(value, width=100, colour=False):
    file = io.StringIO()
    print_table(value, file=file, width=width, colour=colour)
    return file.getvalue()


@pytest.mark.parametrize("width", [60, 100, 200])
def test_every_row_tells_when_who_what_and_how_sure(width):
    rows = printed(timeline(*TURNS), width).splitlines()
    angry = next(row for row in rows if row.startswith("0:00.5–0:06.5"))
    assert "customer" in angry
    assert "A angry" in angry
    assert "━" in angry
    assert " 63%" in angry
    assert ("S 18%" if width < 88 else "sad 18%") in angry
    unsure = next(row for row in rows if row.startswith("0:07.0–0:09.0"))
    assert "? uncertain" in unsure
    assert " 34%" in unsure
    assert ("N/S 31%" if width < 88 else "neutral/sad 31%") in unsure
    assert any(row.startswith("0:09.1–0:09.3  agent     - too short") for row in rows)
    assert any(row.startswith("0:10.0–0:12.0  customer  _ silent") for row in rows)


@pytest.mark.parametrize("width", [60, 100, 200])
def test_no_line_is_wider_than_asked_or_ends_in_blanks(width):
    lines = printed(timeline(*TURNS, notes=("a note " * 30,)), width).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert all(line == line.rstrip() for line in lines)


def test_the_header_names_the_recording_and_not_its_folder():
    text = printed(timeline(*TURNS))
    assert "━━ monday.flac ━" in text
    assert "2:05.0, 2 channels, 4 turns, bundle base-1" in text
    assert "2 speakers: customer, agent" in text
    assert "/home/someone" not in text


def test_words_stand_beside_the_turn_where_there_is_room_and_below_where_there_is_not():
    wide = next(line for line in printed(timeline(*TURNS), 200).splitlines() if line.startswith("0:00.5"))
    assert wide.endswith(WORDS)
    narrow = printed(timeline(*TURNS), 60).splitlines()
    below = narrow[next(at for at, line in enumerate(narrow) if line.startswith("0:00.5")) + 1]
    assert below == "    Nobody has called me back, not once, and this is the th…"


def test_the_bar_grows_with_confidence():
    quarter = [0.25, 0.15, 0.15, 0.15, 0.10, 0.10, 0.10]
    sure = [1.0, 0, 0, 0, 0, 0, 0]
    text = printed(timeline(item(0, 1, "A", quarter, "neutral"), item(1, 2, "A", sure, "neutral")))
    rows = [line for line in text.splitlines() if line.startswith("0:0")]
    assert [row.count("━") for row in rows] == [3, 12]
    assert "100%" in rows[1]


def test_a_trace_of_probability_is_not_called_nothing():
    text = printed(timeline(item(0, 1, "A", [0.998, 0.002, 0, 0, 0, 0, 0], "neutral")))
    assert "happy <1%" in text


def test_the_summary_counts_speaking_time_per_speaker():
    text = printed(timeline(*TURNS), 60)
    assert "customer  0:08.0 in 2 turns" in text
    assert "angry 75%, silent 25%" in text
    bar = next(line for line in text.splitlines() if line.startswith("  AAA"))
    assert bar.count("A") == round(58 * 0.75)
    assert len(bar) == 60
    assert "uncertain 91%, too short 9%" in text


def test_notes_are_wrapped_under_themselves():
    text = printed(timeline(*TURNS, notes=("the line is a telephone line and carries no sound above 3.4 kHz",)), 50)
    assert "note: the line is a telephone line and carries no\n      sound above 3.4 kHz\n" in text


def test_a_timeline_without_turns_says_so():
    text = printed(timeline(notes=("no speech was found",)))
    assert "This timeline has no turns" in text
    assert "note: no speech was found" in text
    assert "time  " not in text


def test_several_recordings_follow_each_other():
    file = io.StringIO()
    for name in ("one.wav", "two.wav"):
        print_table(timeline(*TURNS, path=name), file=file, width=80, colour=False)
    lines = file.getvalue().splitlines()
    assert [line.split()[1] for line in lines if line.startswith("━━ ")] == ["one.wav", "two.wav"]
    second = next(at for at, line in enumerate(lines) if "two.wav" in line)
    assert lines[second - 1] == ""


def test_colour_is_given_when_asked_for_and_only_then(monkeypatch):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b[" not in printed(timeline(*TURNS), colour=False)
    assert "\x1b[" not in printed(timeline(*TURNS), colour=None), "a file is no terminal"
    coloured = printed(timeline(*TURNS), colour=True)
    assert "\x1b[1;38;2;187;10;6mA" in coloured
    assert "48;2;187;10;6mA   " in coloured, "a stretch of the summary carries its letter"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("no_colour", "asked", "expected"), [("1", None, False), ("", None, True), ("1", True, True)])
def test_no_color_is_obeyed_unless_colour_is_asked_for(monkeypatch, no_colour, asked, expected):
    monkeypatch.setenv("NO_COLOR", no_colour)
    monkeypatch.setenv("TERM", "xterm-256color")
    # rich remembers how it wrote a style the first time, so every test here writes true colour.
    monkeypatch.setenv("COLORTERM", "truecolor")
    file = Terminal()
    print_table(timeline(*TURNS), file=file, width=100, colour=asked)
    assert ("\x1b[" in file.getvalue()) is expected


def test_the_width_of_the_terminal_is_found(monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    assert max(cell_len(line) for line in printed(timeline(*TURNS), None).splitlines()) == 72


def test_a_stream_without_unicode_gets_ascii():
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_table(timeline(*TURNS, path="Müller.wav"), file=file, width=60, colour=False)
    file.flush()
    text = raw.getvalue().decode("ascii")
    assert "== M?ller.wav =" in text
    assert "0:00.5-0:06.5  customer  A angry      ###..  63%" in text


def test_names_and_words_cannot_drive_the_terminal():
    text = printed(
        timeline(item(0, 1, "A\x1b]0;x\x07[red]", text="a\nb\u202ec\ud800 [bold]d"), path="x\x1b[2J.wav"), 120
    )
    assert not set("\x1b\x07\u202e\ud800") & set(text)
    assert "[red]" in text, "brackets are shown, not obeyed"
    assert "a b\ufffdc\ufffd [bold]d" in text


def test_wide_characters_keep_the_columns_straight():
    rows = printed(timeline(item(0, 1, "王小明"), item(1, 2, "A")), 80).splitlines()
    first, second = (next(row for row in rows if row.startswith(start)) for start in ("0:00.0", "0:01.0"))
    assert cell_len(first.split("A angry")[0]) == cell_len(second.split("A angry")[0])


def test_long_names_are_cut_and_labels_beside_the_seven_are_shown():
    turns = (item(0, 1, "A very long name for somebody who calls a company", [0.7, 0.3], "frustrated"),)
    text = printed(timeline(*turns, labels=("frustrated", "calm")), 60)
    row = next(line for line in text.splitlines() if line.startswith("0:00.0"))
    assert "* frustrated" in row
    assert "…" in row


def test_a_single_label_has_no_next_best():
    lines = printed(timeline(item(0, 1, "A", [1.0], "sad"), labels=("sad",))).splitlines()
    assert next(line for line in lines if line.startswith("0:00")).endswith("100%")
