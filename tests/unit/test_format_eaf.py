"""ELAN's annotation format, read; how it is written is tested with pympi and against the rules of its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from undertone.conversation.formats.eaf import read_eaf, write_eaf
from undertone.errors import TurnsError
from undertone.records import Abstention, Recording, Turn
from undertone.testing.timelines import make_timeline, make_turn_emotion

if TYPE_CHECKING:
    from pathlib import Path

CALL = Recording(path="/calls/call.wav", channels=1, sample_rate=8_000, duration=10.0)
MEDIA = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/data/call.wav" MIME_TYPE="audio/x-wav"/>'


def annotation(number: int, value: str) -> str:
    return (
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" TIME_SLOT_REF1="ts{2 * number - 1}" '
        f'TIME_SLOT_REF2="ts{2 * number}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
        "</ALIGNABLE_ANNOTATION></ANNOTATION>"
    )


def document(
    tiers: str, times: tuple[object, ...] = (1000, 2000, 1500, 3250), media: str = MEDIA, start: str = ""
) -> str:
    slots = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{number}"' + ("/>" if time is None else f' TIME_VALUE="{time}"/>')
        for number, time in enumerate(times, start=1)
    )
    return (
        f'{start}<ANNOTATION_DOCUMENT AUTHOR="" DATE="2020-01-01T00:00:00+01:00" FORMAT="3.0" VERSION="3.0">'
        f'<HEADER TIME_UNITS="milliseconds">{media}</HEADER><TIME_ORDER>{slots}</TIME_ORDER>{tiers}'
        "</ANNOTATION_DOCUMENT>"
    )


def tier(name: str, *annotations: str, attributes: str = "", kind: str = "default-lt") -> str:
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="{kind}" {attributes}>{"".join(annotations)}</TIER>'


def read(text: str | bytes, folder: Path) -> tuple[Turn, ...]:
    path = folder / "turns.eaf"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_eaf(path, recording=CALL)


def test_participant_or_tier_name_is_the_speaker_and_the_value_the_text(tmp_path: Path):
    tiers = tier("speech", annotation(1, "Grüße &amp; more"), attributes='PARTICIPANT="Zoë"') + tier(
        "B", annotation(2, "")
    )
    assert read(document(tiers), tmp_path) == (
        Turn(start=1.0, end=2.0, speaker="Zoë", text="Grüße & more"),
        Turn(start=1.5, end=3.25, speaker="B"),
    )


def test_dependent_tiers_are_left_out(tmp_path: Path):
    tiers = tier("A", annotation(1, "both words")) + tier("words", annotation(2, "both"), attributes='PARENT_REF="A"')
    assert [turn.text for turn in read(document(tiers), tmp_path)] == ["both words"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_the_encoding_is_the_one_that_xml_declares(encoding: str, tmp_path: Path):
    declaration = f'<?xml version="1.0" encoding="{encoding.removesuffix("-sig")}"?>'
    text = document(tier("Zoë", annotation(1, "x")), start=declaration)
    assert read(text.encode(encoding), tmp_path)[0].speaker == "Zoë"


def test_a_timeline_comes_back_without_its_emotions(tmp_path: Path):
    timeline = make_timeline(
        make_turn_emotion(1, 2, label="sad", text="no"),
        make_turn_emotion(2, 3, abstention=Abstention.TOO_SHORT),
        make_turn_emotion(1.5, 3, speaker="B", text="yes"),
        duration=10.0,
    )
    assert set(read(write_eaf(timeline), tmp_path)) == {item.turn for item in timeline.turns}


def test_a_recording_of_unknown_kind_is_linked_all_the_same():
    assert 'MEDIA_URL="a.opus" MIME_TYPE="unknown"' in write_eaf(make_timeline(path="/x/a.opus"))


BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
)
FETCH = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("doctype", [BOMB, FETCH, "<!DOCTYPE x SYSTEM 'http://example.com/x.dtd'>", "<!DOCTYPE x>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type_is_refused_before_anything_is_expanded(doctype: str, encoding: str, tmp_path: Path):
    start = f'<?xml version="1.0" encoding="{encoding}"?>{doctype}'
    with pytest.raises(TurnsError, match=r"turns.eaf: it declares a document type \((lolz|x) .*\); EAF needs none"):
        read(document(tier("A", annotation(1, "x")), start=start).encode(encoding), tmp_path)


def test_an_undeclared_entity_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match=r"it is not XML that can be read \(undefined entity.*save it from ELAN"):
        read(document(tier("A", annotation(1, "&passwords;"))), tmp_path)


@pytest.mark.parametrize(
    "text", ["", "no xml", "<ANNOTATION_DOCUMENT>", '<?xml version="1.0" encoding="klingon"?><a/>']
)
def test_what_is_no_xml_is_refused(text: str, tmp_path: Path):
    with pytest.raises(TurnsError, match=r"it is not XML that can be read \(.+\); save it from ELAN once more"):
        read(text, tmp_path)


def test_other_xml_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="its outermost element is 'html'; EAF begins with ANNOTATION_DOCUMENT"):
        read("<html/>", tmp_path)


def test_frames_of_video_are_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="its times are in PAL-frames; milliseconds are read"):
        read(document(tier("A", annotation(1, "x"))).replace('"milliseconds"', '"PAL-frames"'), tmp_path)


def test_the_media_of_another_recording_are_refused(tmp_path: Path):
    media = MEDIA.replace("call.wav", "Interview%201.wav")
    with pytest.raises(TurnsError, match=r"made for the recording '.*Interview 1\.wav', not for 'call\.wav'"):
        read(document(tier("A", annotation(1, "x")), media=media), tmp_path)


def test_one_of_several_media_is_enough(tmp_path: Path):
    media = MEDIA.replace("call.wav", "video.mp4") + MEDIA
    assert read(document(tier("A", annotation(1, "x")), media=media), tmp_path)


def test_without_media_nothing_is_checked(tmp_path: Path):
    assert read(document(tier("A", annotation(1, "x")), media=""), tmp_path)


def test_an_offset_of_the_media_is_refused(tmp_path: Path):
    media = MEDIA.replace("/>", ' TIME_ORIGIN="1200"/>')
    with pytest.raises(TurnsError, match=r"its media start at TIME_ORIGIN 1200 ms; 0 is read\. Remove the offset"):
        read(document(tier("A", annotation(1, "x")), media=media), tmp_path)


@pytest.mark.parametrize("time", [None, "soon", "1.5"])
def test_an_annotation_without_a_time_is_refused(time: str | None, tmp_path: Path):
    with pytest.raises(
        TurnsError, match=rf"tier 'A', annotation 1: its time slot 'ts2' has the time {time!r}; whole milli"
    ):
        read(document(tier("A", annotation(1, "x")), times=(1000, time)), tmp_path)


def test_an_annotation_that_refers_to_no_slot_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="annotation 1: its time slot 'ts9' has the time None"):
        read(document(tier("A", annotation(5, "x"))), tmp_path)


def test_two_tiers_of_one_participant_that_overlap_are_refused_with_their_names(tmp_path: Path):
    same = 'PARTICIPANT="Zoë"'
    tiers = tier("speech", annotation(1, "x"), attributes=same) + tier("gesture", annotation(2, "y"), attributes=same)
    with pytest.raises(
        TurnsError, match=r"tier 'gesture', annotation 1: 'Zoë' speaks from .* at tier 'speech', annotation 1"
    ):
        read(document(tiers), tmp_path)


def test_a_document_without_aligned_annotations_is_refused(tmp_path: Path):
    with pytest.raises(TurnsError, match="it holds no turns"):
        read(document(tier("A")), tmp_path)
