"""ELAN's annotation format, version 3.0 (schema http://www.mpi.nl/tools/elan/EAFv3.0.xsd).

Written: for each speaker the tier `emotion@<speaker>` with an annotation a turn, drawn from a controlled vocabulary,
and the dependent tiers `confidence@<speaker>` and, where there is text, `text@<speaker>`. Read: the time-aligned
annotations of tiers that depend on no other; the speaker is the tier's participant, or else its name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import PurePath
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import unquote

from undertone.conversation.formats.fitting import DraftTurn, check_name, fit_turns, may_be_named
from undertone.conversation.formats.notation import (
    UNCLEAR,
    emotion_word,
    one_line,
    recording_name,
    rounded_confidence,
    well_formed,
)
from undertone.conversation.formats.sources import read_bytes
from undertone.conversation.formats.tiers import Span, Tier, speaker_tiers
from undertone.errors import TurnsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from undertone.records import Recording, Timeline, Turn
    from undertone.units import Seconds

_EMOTION: Final = "emotion"
_CONFIDENCE: Final = "confidence"
_TEXT: Final = "text"
_VOCABULARY: Final = "emotions"
_LANGUAGE: Final = "und"

_DATE: Final = "1970-01-01T00:00:00+00:00"
"""The schema demands a date; a timeline holds none, and the same timeline must give the same file."""

_MIME_TYPES: Final = {
    ".wav": "audio/x-wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".flac": "audio/flac",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}
"""ELAN draws a waveform for `audio/x-wav` only under this very name; what is not here is `unknown` to it."""


def write_eaf(timeline: Timeline) -> str:
    """Write an EAF 3.0 document; the recording is named without folders, for ELAN to find it beside the document."""
    tiers = speaker_tiers(timeline)
    root = ET.Element(
        "ANNOTATION_DOCUMENT",
        {
            "AUTHOR": "undertone",
            "DATE": _DATE,
            "FORMAT": "3.0",
            "VERSION": "3.0",
            "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
            "xsi:noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd",
        },
    )
    spans = [span for tier in tiers for span in tier.spans]
    _add_header(root, recording_name(timeline.recording))
    _add_time_order(root, spans)
    words = [*timeline.labels, UNCLEAR, *(emotion_word(span.item) for span in spans)]
    vocabulary = {word: f"cve{index}" for index, word in enumerate(dict.fromkeys(words))}
    first = 1
    for tier in tiers:
        numbered = list(enumerate(tier.spans, start=first))
        _add_emotions(root, tier, numbered, vocabulary)
        _add_confidences(root, tier, numbered, total=len(spans))
        _add_texts(root, tier, numbered, total=len(spans))
        first += len(numbered)
    _add_types(root, vocabulary)
    ET.indent(root, space="    ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_header(root: ET.Element, name: str) -> None:
    header = ET.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    mime_type = _MIME_TYPES.get(PurePath(name).suffix.lower(), "unknown")
    attributes = {"MEDIA_URL": name, "MIME_TYPE": mime_type, "RELATIVE_MEDIA_URL": f"./{name}"}
    ET.SubElement(header, "MEDIA_DESCRIPTOR", attributes)


def _add_time_order(root: ET.Element, spans: list[Span]) -> None:
    """Write the time slots in order of time, as ELAN expects; `_slots` tells which two belong to a span."""
    slots = [
        (time, slot)
        for number, span in enumerate(spans, start=1)
        for time, slot in zip((span.start, span.end), _slots(number), strict=True)
    ]
    order = ET.SubElement(root, "TIME_ORDER")
    for time, slot in sorted(slots, key=lambda pair: pair[0]):
        ET.SubElement(order, "TIME_SLOT", {"TIME_SLOT_ID": slot, "TIME_VALUE": str(time)})


def _slots(number: int) -> tuple[str, str]:
    return f"ts{2 * number - 1}", f"ts{2 * number}"


def _add_emotions(root: ET.Element, tier: Tier, numbered: list[tuple[int, Span]], vocabulary: dict[str, str]) -> None:
    element = _add_tier(root, tier, _EMOTION)
    for number, span in numbered:
        word = emotion_word(span.item)
        start, end = _slots(number)
        times = {"TIME_SLOT_REF1": start, "TIME_SLOT_REF2": end}
        _annotate(element, "ALIGNABLE_ANNOTATION", number, {**times, "CVE_REF": vocabulary[word]}, word)


def _add_confidences(root: ET.Element, tier: Tier, numbered: list[tuple[int, Span]], total: int) -> None:
    element = _add_tier(root, tier, _CONFIDENCE)
    for number, span in numbered:
        confidence = rounded_confidence(span.item)
        if confidence is not None:
            reference = {"ANNOTATION_REF": f"a{number}"}
            _annotate(element, "REF_ANNOTATION", total + number, reference, f"{confidence:.4f}")


def _add_texts(root: ET.Element, tier: Tier, numbered: list[tuple[int, Span]], total: int) -> None:
    texts = [(number, one_line(span.item.turn.text or "")) for number, span in numbered]
    if any(text for _, text in texts):
        element = _add_tier(root, tier, _TEXT)
        for number, text in texts:
            if text:
                _annotate(element, "REF_ANNOTATION", 2 * total + number, {"ANNOTATION_REF": f"a{number}"}, text)


def _add_tier(root: ET.Element, tier: Tier, kind: str) -> ET.Element:
    attributes = {
        "LINGUISTIC_TYPE_REF": kind,
        "PARTICIPANT": one_line(tier.speaker),
        "TIER_ID": f"{kind}@{tier.name}",
    }
    if kind != _EMOTION:
        attributes["PARENT_REF"] = f"{_EMOTION}@{tier.name}"
    return ET.SubElement(root, "TIER", attributes)


def _annotate(tier: ET.Element, kind: str, number: int, attributes: dict[str, str], value: str) -> None:
    annotation = ET.SubElement(tier, "ANNOTATION")
    element = ET.SubElement(annotation, kind, {"ANNOTATION_ID": f"a{number}", **attributes})
    ET.SubElement(element, "ANNOTATION_VALUE").text = well_formed(value)


def _add_types(root: ET.Element, vocabulary: dict[str, str]) -> None:
    aligned = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": _EMOTION, "TIME_ALIGNABLE": "true"}
    ET.SubElement(root, "LINGUISTIC_TYPE", {"CONTROLLED_VOCABULARY_REF": _VOCABULARY, **aligned})
    for kind in (_CONFIDENCE, _TEXT):
        dependent = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": kind, "TIME_ALIGNABLE": "false"}
        ET.SubElement(root, "LINGUISTIC_TYPE", {"CONSTRAINTS": "Symbolic_Association", **dependent})
    ET.SubElement(root, "LANGUAGE", {"LANG_ID": _LANGUAGE, "LANG_LABEL": "undetermined (und)"})
    ET.SubElement(
        root,
        "CONSTRAINT",
        {"DESCRIPTION": "1-1 association with a parent annotation", "STEREOTYPE": "Symbolic_Association"},
    )
    words = ET.SubElement(root, "CONTROLLED_VOCABULARY", {"CV_ID": _VOCABULARY})
    ET.SubElement(words, "DESCRIPTION", {"LANG_REF": _LANGUAGE}).text = "Emotions that the bundle tells apart"
    for word, entry in vocabulary.items():
        parent = ET.SubElement(words, "CV_ENTRY_ML", {"CVE_ID": entry})
        ET.SubElement(parent, "CVE_VALUE", {"LANG_REF": _LANGUAGE}).text = well_formed(word)


class _NoDoctype(ET.TreeBuilder):
    """Builds a tree, but not from a document with a doctype: only there can entities be declared that grow or fetch."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise _DoctypeError(f"{name} {pubid} {system}")


class _DoctypeError(Exception):
    pass


def read_eaf(path: Path, *, recording: Recording) -> tuple[Turn, ...]:
    """Read the time-aligned annotations of the top-level tiers as turns; an empty annotation is a turn without text.

    A file that undertone wrote gives back its turns: the emotions are left out, the texts kept.

    Raises:
        TurnsError: if the file is not EAF in milliseconds, has a doctype, was made for another recording or for one
            with an offset, or does not fit this one.
    """
    root = _parse(path)
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise TurnsError(str(path), f"its times are in {units}; milliseconds are read. Save it from a current ELAN")
    _check_media(path, root, recording)
    return fit_turns(path, _drafts(path, root), recording=recording)


def _parse(path: Path) -> ET.Element:
    parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314  a doctype, and with it every entity, is refused
    try:
        parser.feed(read_bytes(path))
        root: ET.Element = parser.close()
    except _DoctypeError as error:
        raise TurnsError(
            str(path),
            f"it declares a document type ({error}); EAF needs none. Save it from ELAN once more, then try again",
        ) from error
    except (ET.ParseError, LookupError, ValueError) as error:
        raise TurnsError(
            str(path), f"it is not XML that can be read ({error}); save it from ELAN once more, then try again"
        ) from error
    if root.tag != "ANNOTATION_DOCUMENT":
        raise TurnsError(str(path), f"its outermost element is {root.tag!r}; EAF begins with ANNOTATION_DOCUMENT")
    return root


def _check_media(path: Path, root: ET.Element, recording: Recording) -> None:
    media = root.findall("HEADER/MEDIA_DESCRIPTOR")
    for descriptor in media:
        origin = descriptor.get("TIME_ORIGIN", "0")
        if origin != "0":
            raise TurnsError(
                str(path),
                f"its media start at TIME_ORIGIN {origin} ms; 0 is read. Remove the offset in ELAN, then try again",
            )
    # A document may link a video and its sound track, and escape their names or not: one that fits is enough.
    urls = [descriptor.get("MEDIA_URL", "") for descriptor in media]
    if urls and not any(may_be_named(name, recording) for url in urls for name in (url, unquote(url))):
        check_name(path, unquote(urls[0]), recording=recording)


def _drafts(path: Path, root: ET.Element) -> Iterator[DraftTurn]:
    times = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.findall("TIME_ORDER/TIME_SLOT")}
    texts = {
        reference.get("ANNOTATION_REF"): _value(reference)
        for tier in root.findall("TIER")
        if tier.get("PARENT_REF") is not None and tier.get("LINGUISTIC_TYPE_REF") == _TEXT
        for reference in tier.findall("ANNOTATION/REF_ANNOTATION")
    }
    for tier in root.findall("TIER"):
        if tier.get("PARENT_REF") is not None:
            continue
        name = tier.get("TIER_ID", "")
        ours = tier.get("LINGUISTIC_TYPE_REF") == _EMOTION and name.startswith(f"{_EMOTION}@")
        for number, annotation in enumerate(tier.findall("ANNOTATION/ALIGNABLE_ANNOTATION"), start=1):
            place = f"tier {name!r}, annotation {number}"
            yield DraftTurn(
                place=place,
                start=_time(path, place, times, annotation.get("TIME_SLOT_REF1")),
                end=_time(path, place, times, annotation.get("TIME_SLOT_REF2")),
                speaker=tier.get("PARTICIPANT") or name,
                text=texts.get(annotation.get("ANNOTATION_ID")) if ours else _value(annotation),
            )


def _value(annotation: ET.Element) -> str:
    return annotation.findtext("ANNOTATION_VALUE") or ""


def _time(path: Path, place: str, times: dict[str | None, str | None], slot: str | None) -> Seconds:
    value = times.get(slot)
    try:
        return int(value or "") / 1000
    except ValueError as error:
        raise TurnsError(
            str(path),
            f"{place}: its time slot {slot!r} has the time {value!r}; whole milliseconds are accepted. Align the "
            "annotation in ELAN, then try again",
        ) from error
