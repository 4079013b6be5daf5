"""Words with their times, from the files of other aligners and from ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from undertone.cli.transcripts import transcript_for
from undertone.conversation.formats.alignments import WRITERS
from undertone.conversation.formats.word_times import WORD_READERS, read_words
from undertone.errors import TranscriptError, TurnsError
from undertone.records import Alignment, Segment

MFA = """File type = "ooTextFile"
Object class = "TextGrid"

0
2.5
<exists>
2
"IntervalTier"
"anna - words"
0
2.5
4
0 0.3 ""
0.3 0.8 "hello"
0.8 1 "spn"
1 1.5 "you"
"IntervalTier"
"anna - phones"
0
2.5
2
0 0.3 "sil"
0.3 0.4 "HH"
"""

WDSEG = """\t SFrm  EFrm    SegAScr Word
\t    0    29     -51293 <s>
\t   30    79     -17530 HELLO(2)
\t   80    99       -530 ++GARBAGE++
\t  100   149     -58661 YOU
\t  150   160     -58661 </s>
 Total score:   -1234
"""

CTM = ";; a comment\ncall 1 0.300 0.500 hello 0.9\ncall 1 0.9 0.05 <eps>\n\ncall 1 1.000 0.500 you 0.8\n"

WHISPERX = {
    "segments": [
        {"start": 0.0, "end": 1.6, "text": "hello 7 you", "words": [
            {"word": "hello", "start": 0.3, "end": 0.8, "score": 0.9}, {"word": "7"},
            {"word": " you", "start": 1.0, "end": 1.5},
        ]},
    ]
}  # fmt: skip

OURS = Alignment(
    duration=2.5,
    words=tuple(
        Segment(label=label, start=start, end=start + 0.5, score=0.9, word=number)
        for number, (label, start) in enumerate((("hello", 0.3), ("you", 1.0)))
    ),
    syllables=(),
    phones=(),
)


def written(folder: Path, name: str, content: str) -> Path:
    (folder / name).write_text(content, encoding="utf-8")
    return folder / name


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.TextGrid", MFA),
        ("a.wdseg", WDSEG),
        ("a.ctm", CTM),
        ("a.json", json.dumps(WHISPERX)),
        *((f"ours{writer.suffix}", writer.write(OURS, "a call")) for writer in WRITERS.values()),
    ],
)
def test_all_tell_the_same_words_and_times(tmp_path: Path, name: str, content: str) -> None:
    words = read_words(written(tmp_path, name, content))
    assert [word.text for word in words] == ["hello", "you"]
    assert [word.start for word in words] == pytest.approx([0.3, 1.0])
    assert [word.end for word in words] == pytest.approx([0.8, 1.5])
    assert Path(name).suffix.lower() in WORD_READERS


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.ctm", "call 1 x 0.5 hello\n", "line 1 is 'call 1 x 0.5 hello'; recording, channel"),
        ("a.ctm", "call 1 0.5 hello\n", "line 1 is"),
        ("a.ctm", "call 1 0.5 0 hello\n", "the word 'hello' runs from 0.5 s to 0.5 s"),
        ("a.ctm", "call 1 -1 2 hello\n", "runs from -1 s"),
        ("a.ctm", "call 1 0 nan hello\n", "runs from 0 s to nan s"),
        ("a.ctm", "", "it holds no word with a time"),
        ("a.json", "{}", "the field words is missing"),
        ("a.json", '{"words": [{"label": "x", "start": "0", "end": 1}]}', "words[0].start is '0'"),
        ("a.TextGrid", "nothing", "TextGrid"),
        ("a.wdseg", "nothing", "it holds no word with a time"),
    ],
)
def test_what_cannot_be_read_names_the_place(tmp_path: Path, name: str, content: str, told: str) -> None:
    with pytest.raises(TurnsError) as caught:
        read_words(written(tmp_path, name, content))
    assert told in str(caught.value)
    assert name in str(caught.value)


def test_a_folder_holds_a_file_for_each_recording(tmp_path: Path) -> None:
    written(tmp_path, "one.ctm", CTM)
    written(tmp_path, "two.txt", "hello you")
    written(tmp_path, "two.wav", "")
    found = transcript_for(Path("somewhere/one.wav"), tmp_path)
    assert isinstance(found, tuple)
    assert [word.text for word in found] == ["hello", "you"]
    assert transcript_for(Path("two.wav"), tmp_path) == "hello you"
    assert transcript_for(Path("three.wav"), tmp_path) is None
    written(tmp_path, "two.json", json.dumps(WHISPERX))
    with pytest.raises(TranscriptError, match=r"two\.json and two\.txt are both there; keep one"):
        transcript_for(Path("two.wav"), tmp_path)
