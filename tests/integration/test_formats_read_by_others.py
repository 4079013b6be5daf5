"""What undertone writes, read by the libraries that other people read it with."""

from __future__ import annotations

import csv
import importlib.resources
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import jsonschema
import pandas as pd
import pympi
import pysubs2
import pytest
import srt
import webvtt
from hypothesis import assume, given, settings
from praatio import textgrid
from pyannote.database.util import load_rttm
from strategies import timelines

from undertone.conversation.formats.notation import (
    one_line,
    one_word,
    rounded_confidence,
    rounded_probabilities,
    verdict,
)
from undertone.conversation.formats.registry import write_format

if TYPE_CHECKING:
    from undertone.records import Timeline, TurnEmotion

EXAMPLES = settings(max_examples=40, deadline=None)


def expected(timeline: Timeline) -> list[tuple[int, int, str, str]]:
    """Start and end in milliseconds, speaker, label."""
    return sorted(
        (
            round(item.turn.start * 1000),
            round(item.turn.end * 1000),
            one_line(item.turn.speaker),
            item.label or "unclear",
        )
        for item in timeline.turns
    )


def texts_of(timeline: Timeline) -> set[tuple[int, str, str]]:
    """Start in milliseconds, speaker and text of the turns with text."""
    return {
        (round(item.turn.start * 1000), one_line(item.turn.speaker), one_line(item.turn.text))
        for item in timeline.turns
        if item.turn.text
    }


def confidences_of(timeline: Timeline) -> set[tuple[int, str, str]]:
    confidences = [(item, rounded_confidence(item)) for item in timeline.turns]
    return {
        (round(item.turn.start * 1000), one_line(item.turn.speaker), f"{confidence:.4f}")
        for item, confidence in confidences
        if confidence is not None
    }


def written(timeline: Timeline, name: str, folder: str) -> str:
    path = Path(folder) / f"turns.{name}"
    path.write_bytes(write_format(name)(timeline).encode())
    return str(path)


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_praatio_reads_the_textgrid(timeline: Timeline):
    # praatio takes `item [` and `intervals [` inside a label for structure.
    assume(not any("[" in (item.turn.text or "") for item in timeline.turns))
    with TemporaryDirectory() as folder:
        grid = textgrid.openTextgrid(
            written(timeline, "textgrid", folder), includeEmptyIntervals=True, reportingMode="error"
        )
    found: dict[str, list[tuple[int, int, str, str]]] = {"emotion": [], "confidence": [], "text": []}
    for tier in grid.tiers:
        speaker, kind = re.fullmatch(r"(.*) \((\w+)\)", tier.name).groups()
        edges = [edge for entry in tier.entries for edge in (entry.start, entry.end)]
        assert edges[0] == 0
        assert edges[-1] == grid.maxTimestamp == tier.maxTimestamp == pytest.approx(timeline.recording.duration)
        assert edges[1:-1:2] == edges[2::2], "the intervals do not join"
        found[kind] += [
            (round(entry.start * 1000), round(entry.end * 1000), speaker, entry.label)
            for entry in tier.entries
            if entry.label
        ]
    assert sorted(found["emotion"]) == expected(timeline)
    assert {(start, speaker, label) for start, _, speaker, label in found["confidence"]} == confidences_of(timeline)
    assert {(start, speaker, label) for start, _, speaker, label in found["text"]} == texts_of(timeline)


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_pympi_reads_the_eaf(timeline: Timeline):
    with TemporaryDirectory() as folder:
        document = pympi.Eaf(written(timeline, "eaf", folder))
    found: dict[str, list[tuple[int, int, str, str]]] = {"emotion": [], "confidence": [], "text": []}
    for name in document.get_tier_names():
        kind = name.split("@")[0]
        speaker = document.get_parameters_for_tier(name)["PARTICIPANT"]
        found[kind] += [(row[0], row[1], speaker, row[2]) for row in document.get_annotation_data_for_tier(name)]
    assert sorted(found["emotion"]) == expected(timeline)
    assert {(start, speaker, value) for start, _, speaker, value in found["confidence"]} == confidences_of(timeline)
    assert {(start, speaker, value) for start, _, speaker, value in found["text"]} == texts_of(timeline)
    entries = document.get_cv_entries("emotions").values()
    assert [values[0][0] for values, _ in entries] == [*timeline.labels, "unclear"]
    (media,) = document.get_linked_files()
    assert media["RELATIVE_MEDIA_URL"] == f"./{Path(timeline.recording.path).name}"


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_pyannote_reads_the_rttm(timeline: Timeline):
    with TemporaryDirectory() as folder:
        (annotation,) = load_rttm(written(timeline, "rttm", folder)).values()
    assert annotation.uri == one_word(Path(timeline.recording.path).stem)
    found = sorted(
        (round(segment.start * 1000), round(segment.end * 1000), label)
        for segment, _, label in annotation.itertracks(yield_label=True)
    )
    assert found == sorted((start, end, one_word(speaker)) for start, end, speaker, _ in expected(timeline))


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_srt_reads_the_subrip(timeline: Timeline):
    cues = list(srt.parse(write_format("srt")(timeline)))
    assert [cue.index for cue in cues] == list(range(1, len(timeline.turns) + 1))
    for cue, item in zip(cues, timeline.turns, strict=True):
        assert cue.start.total_seconds() == item.turn.start
        assert cue.end.total_seconds() == item.turn.end
        assert one_line(cue.content) == subrip_text(item)


def subrip_text(item: TurnEmotion) -> str:
    return one_line(f"{item.turn.speaker}: {verdict(item)} {item.turn.text or ''}").replace("-->", "→")


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_pysubs2_reads_the_subrip(timeline: Timeline):
    cues = pysubs2.SSAFile.from_string(write_format("srt")(timeline), format_="srt", keep_html_tags=True)
    assert [(cue.start, cue.end) for cue in cues] == [
        (round(item.turn.start * 1000), round(item.turn.end * 1000)) for item in timeline.turns
    ]
    for cue, item in zip(cues, timeline.turns, strict=True):
        # pysubs2 takes a last line of digits for the number of a cue that is not there.
        found = one_line(cue.text.replace(r"\N", " "))
        assert found in {subrip_text(item), re.sub(r" \d+$", "", subrip_text(item))}


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_webvtt_reads_the_subtitles(timeline: Timeline):
    cues = webvtt.WebVTT.from_string(write_format("vtt")(timeline), strict=True)
    for cue, item in zip(cues, timeline.turns, strict=True):
        assert cue.start_time.in_milliseconds() == round(item.turn.start * 1000)
        assert cue.end_time.in_milliseconds() == round(item.turn.end * 1000)
        speaker = one_line(item.turn.speaker).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert cue.voice == speaker
        assert cue.lines[0] == f"<v {speaker}><c.{item.label or 'unclear'}>{verdict(item)}</c>"
        said = " ".join(cue.lines[1:]).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        assert said == one_line(item.turn.text or "")


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_pysubs2_reads_the_web_subtitles(timeline: Timeline):
    cues = pysubs2.SSAFile.from_string(write_format("vtt")(timeline), format_="vtt")
    assert [(cue.start, cue.end) for cue in cues] == [
        (round(item.turn.start * 1000), round(item.turn.end * 1000)) for item in timeline.turns
    ]
    assert all(verdict(item) in cue.text for cue, item in zip(cues, timeline.turns, strict=True))


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_the_standard_library_reads_the_csv(timeline: Timeline):
    rows = list(csv.DictReader(io.StringIO(write_format("csv")(timeline), newline=""), strict=True))
    for row, item in zip(rows, timeline.turns, strict=True):
        assert float(row["start"]) == item.turn.start
        assert float(row["end"]) == item.turn.end
        assert (row["speaker"], row["label"]) == (item.turn.speaker, item.label or "")
        assert row["text"] == (item.turn.text or "").replace("\x07", "\ufffd")
        assert row["channel"] == ("" if item.turn.channel is None else str(item.turn.channel))
        assert row["abstention"] == (item.abstention or "")
        written_numbers = [row[f"p_{label}"] for label in timeline.labels]
        if item.probabilities is None:
            assert set(written_numbers) == {""}
        else:
            assert tuple(map(float, written_numbers)) == rounded_probabilities(item.probabilities)
            assert row["confidence"] == f"{rounded_confidence(item):.4f}"


@given(timeline=timelines(least_turns=1))
@EXAMPLES
def test_pandas_reads_the_csv(timeline: Timeline):
    table = pd.read_csv(io.StringIO(write_format("csv")(timeline)), keep_default_na=False, na_values={"p_sad": [""]})
    assert table["start"].tolist() == [item.turn.start for item in timeline.turns]
    assert table["label"].tolist() == [item.label or "" for item in timeline.turns]
    assert table["p_sad"].isna().tolist() == [item.probabilities is None for item in timeline.turns]


@given(timeline=timelines())
@EXAMPLES
def test_the_published_schema_accepts_the_json(timeline: Timeline):
    schema = json.loads(
        importlib.resources.files("undertone.conversation").joinpath("timeline.schema.json").read_text()
    )
    form = json.loads(write_format("json")(timeline))
    jsonschema.Draft202012Validator(schema).validate(form)
    for turn, item in zip(form["turns"], timeline.turns, strict=True):
        assert (turn["start"], turn["end"]) == (item.turn.start, item.turn.end)
        assert (turn["speaker"], turn["label"]) == (item.turn.speaker, item.label)


def test_the_published_schema_is_a_schema():
    schema = json.loads(
        importlib.resources.files("undertone.conversation").joinpath("timeline.schema.json").read_text()
    )
    jsonschema.Draft202012Validator.check_schema(schema)


@given(timeline=timelines())
@EXAMPLES
def test_the_eaf_keeps_the_rules_of_its_schema(timeline: Timeline):
    """The rules of EAFv3.0.xsd for what is written: order of elements, attributes, identifiers and references."""
    root = ET.fromstring(write_format("eaf")(timeline))
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "LANGUAGE", "CONSTRAINT", "CONTROLLED_VOCABULARY"]
    places = [order.index(child.tag) for child in root]
    assert places == sorted(places)
    assert {"DATE", "AUTHOR", "VERSION", "FORMAT"} <= set(root.attrib)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", root.get("DATE", ""))
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE", "-1")) for slot in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    aligned = list(root.iter("ALIGNABLE_ANNOTATION"))
    dependent = list(root.iter("REF_ANNOTATION"))
    names = [annotation.get("ANNOTATION_ID") for annotation in [*aligned, *dependent]]
    ids = [*names, *slots, "und", "Symbolic_Association"]
    assert len(set(ids)) == len(ids), "identifiers are unique in the whole document"
    assert len(slots) == 2 * len(aligned)
    used = [annotation.get(f"TIME_SLOT_REF{side}") for annotation in aligned for side in (1, 2)]
    assert sorted(used) == sorted(slots)
    assert all(slots[a.get("TIME_SLOT_REF1")] < slots[a.get("TIME_SLOT_REF2")] for a in aligned)
    assert {a.get("ANNOTATION_REF") for a in dependent} <= {a.get("ANNOTATION_ID") for a in aligned}
    assert all([child.tag for child in a] == ["ANNOTATION_VALUE"] for a in [*aligned, *dependent])
    tiers = {tier.get("TIER_ID"): tier for tier in root.findall("TIER")}
    assert len(tiers) == len(root.findall("TIER"))
    kinds = {kind.get("LINGUISTIC_TYPE_ID"): kind for kind in root.findall("LINGUISTIC_TYPE")}
    for tier in tiers.values():
        parent = tier.get("PARENT_REF")
        kind = kinds[tier.get("LINGUISTIC_TYPE_REF")]
        assert (parent is None) == (kind.get("CONSTRAINTS") is None) == (kind.get("TIME_ALIGNABLE") == "true")
        assert parent is None or parent in tiers
    entries = {e.get("CVE_ID"): e.findtext("CVE_VALUE") for e in root.iter("CV_ENTRY_ML")}
    assert [entries[a.get("CVE_REF")] for a in aligned] == [a.findtext("ANNOTATION_VALUE") for a in aligned]
