"""The page of results: its figures are text, nobody's text becomes markup, and it loads nothing."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from importlib import resources

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.conversation.palette import contrast
from undertone.corpora.base import Exclusion
from undertone.errors import UsageError
from undertone.experiments.report.figures import (
    Curve,
    Mark,
    draw_estimates,
    draw_learning,
    draw_reliability,
    draw_spread,
)
from undertone.experiments.report.html import DEEP, MIDDLE, html_report
from undertone.experiments.report.markdown import markdown_report, markdown_table
from undertone.experiments.results import Result
from undertone.metrics.uncertainty import Estimate
from undertone.testing.results import make_result

NASTY = """<script>alert(1)</script> "'&amp; {{main}} | `x` [a](javascript:b) \\"""

SMALL = make_result(speakers=3, per_speaker=4)


def untrained(result: Result) -> Result:
    return replace(result, weights="random", encoder="hub")


@pytest.fixture(scope="module")
def two() -> tuple[Result, Result]:
    """Two results of one protocol, the second with seeds and learning curves."""
    weak = make_result(name="weak", accuracy=0.5, speakers=8, per_speaker=16)
    return weak, make_result(name="strong", accuracy=0.8, speakers=8, per_speaker=16, seeds=(0, 1), with_history=True)


@pytest.fixture(scope="module")
def page(two: tuple[Result, Result]) -> str:
    return html_report(two)


class Page(HTMLParser):
    """A page taken apart: its tags, their attributes, its text; complains about tags that do not close."""

    VOID = frozenset({"meta", "br", "path", "use", "link", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


# Figures


def letters_of(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())


def test_a_figure_is_text_with_a_name_and_says_what_it_shows() -> None:
    mark = Mark(name="sad & <b> $x$", estimate=Estimate(value=0.5, low=0.4, high=0.6), count=12)
    drawing = draw_estimates([mark], title="Recall", axis="recall, %", key="k", line=(0.25, "chance"))
    root = ET.fromstring(drawing.svg)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"].startswith("Recall. recall, %: sad & <b> $x$ 50.0 [40.0, 60.0]")
    assert "sad & <b> $x$ (12)" in letters_of(drawing.svg)
    assert "chance" in letters_of(drawing.svg)


def test_figures_of_one_page_share_no_name() -> None:
    mark = Mark(name="a", estimate=Estimate(value=0.5, low=0.4, high=0.6))
    one, two = (draw_estimates([mark], title="t", axis="a", key=key) for key in ("one", "two"))
    names = [re.findall(r' id="([^"]+)"', drawing.svg) for drawing in (one, two)]
    assert names[0]
    assert not set(names[0]) & set(names[1])
    for drawing, found in zip((one, two), names, strict=True):
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', drawing.svg)) == set(found)


def test_a_figure_of_undefined_estimates_can_be_drawn() -> None:
    nan = math.nan
    drawing = draw_estimates(
        [Mark(name="absent", estimate=Estimate(value=nan, low=nan, high=nan))], title="t", axis="a", key="k"
    )
    assert "absent" in letters_of(drawing.svg)


def test_reliability_shows_the_counts_of_its_bins() -> None:
    nan = math.nan
    drawing = draw_reliability(
        np.array([nan, 0.5, 0.9]), np.array([nan, 0.4, 1.0]), np.array([0, 123, 45_678]), key="k"
    )
    assert {"123", "46k"} <= set(letters_of(drawing.svg).split())
    assert drawing.words == "at 50 % sure 40 % right of 123; at 90 % sure 100 % right of 45678"


def test_speakers_are_named_while_there_is_room() -> None:
    values = np.linspace(0.2, 0.9, 41)
    names = [f"speaker{at}" for at in range(41)]
    assert "speaker7" in letters_of(draw_spread(values[:40], names[:40], mean=0.5, key="k").svg)
    crowd = letters_of(draw_spread(values, names, mean=0.5, key="k").svg)
    assert "speaker7" not in crowd
    assert "41 speakers" in crowd


def test_curves_of_different_lengths_have_a_mean_as_far_as_all_reach() -> None:
    curves = [Curve(epochs=(1, 2, 3), values=(0.2, 0.5, 0.4)), Curve(epochs=(1, 2), values=(0.3, 0.35))]
    assert draw_learning(curves, key="k").words == ("2 fits; the best epochs lie between 35.0 and 50.0 % validation UA")


def test_drawing_leaves_the_settings_of_matplotlib_alone() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    draw_learning([Curve(epochs=(1,), values=(0.5,))], key="k")
    assert dict(mpl.rcParams) == before


# The page


def test_a_page_of_nothing_is_refused() -> None:
    for write in (html_report, markdown_table, markdown_report):
        with pytest.raises(
            UsageError, match="there is no result to report; name files that `undertone crossval` wrote"
        ):
            write([])


def test_the_page_is_whole_loads_nothing_and_runs_nothing(page: str) -> None:
    taken = Page(page)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in taken.tags}
    assert not [value for _, held in taken.tags for name, value in held.items() if name.startswith("on")]
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert "default-src 'none'" in page
    assert "{{" not in page


def test_every_figure_has_words_and_every_table_can_be_reached(page: str) -> None:
    tags = Page(page).tags
    drawings = [held for tag, held in tags if tag == "svg"]
    assert len(drawings) == 1 + 4 + 5  # UA of the protocol; of the first result; of the second, with learning curves
    assert all(held["role"] == "img" and held["aria-label"] for held in drawings)
    boxes = [held for tag, held in tags if tag == "div" and "scroll" in (held.get("class") or "")]
    assert all(held["tabindex"] == "0" and held["aria-label"] for held in boxes)
    assert len(boxes) == sum(tag == "table" for tag, _ in tags)


def test_names_inside_the_page_are_unique_and_links_lead_somewhere(two: tuple[Result, Result]) -> None:
    tags = Page(html_report([*two, untrained(two[0])])).tags
    names = [held["id"] for _, held in tags if "id" in held]
    assert len(names) == len(set(names))
    links = {held["href"] for tag, held in tags if tag == "a"}
    assert {"#protocol-1", "#random", "#result-3"} <= links
    assert {str(link).removeprefix("#") for link in links} <= set(names)


def test_nobodys_text_becomes_markup() -> None:
    result = make_result(labels=(NASTY, "b", "c", "d"))
    predictions = tuple(replace(item, speaker=NASTY + item.speaker) for item in result.predictions)
    protocol = replace(result.protocol, name=NASTY, title=NASTY, source=NASTY)
    nasty = replace(
        result, name=NASTY, title=NASTY, source=NASTY, encoder=NASTY, weights=NASTY, command=NASTY, commit=NASTY,
        machine=NASTY, corpora=(NASTY,), corpus_hash=NASTY, settings={NASTY: NASTY}, versions={NASTY: NASTY},
        protocol=protocol, predictions=predictions, excluded=(Exclusion(id=NASTY, reason=NASTY),), learner=NASTY,
    )  # fmt: skip
    page = html_report([nasty])
    taken = Page(page)
    assert "script" not in {tag for tag, _ in taken.tags}
    assert "{{main}}" in page, "what is filled in is no marker"
    plain = NASTY.strip()
    assert sum(plain in text for text in taken.texts) > 20


@settings(max_examples=6, deadline=None)  # a page takes half a second
@given(name=st.text(max_size=30))
def test_any_name_makes_a_whole_page(name: str) -> None:
    Page(html_report([replace(SMALL, name=name)])).close()


def test_letters_that_no_font_here_has_and_none_that_are_no_letters() -> None:
    page = html_report([replace(SMALL, name="情绪 \x1b\ud800")])
    assert '<h2 id="result-1-heading" dir="auto">情绪 \ufffd\ufffd</h2>' in page
    assert page.encode("utf-8")


def test_the_same_results_give_the_same_page(two: tuple[Result, Result], page: str) -> None:
    assert html_report(two) == page


def test_the_page_tells_the_stamp_beside_the_name_of_every_result(two: tuple[Result, Result]) -> None:
    dependent = make_result(name="heard", shared_speakers=1)
    page = html_report([two[0], dependent, untrained(two[1])])
    heads = re.findall(r"<header><h2[^>]*>(.*?)</h2> (.*?)</header>", page)
    assert [re.sub("<[^>]*>", "", words) for _, words in heads] == [
        "speaker-disjoint",
        "speaker-dependent (1 of 2 test speakers were trained on)",
        "not an accuracy",
        "speaker-disjoint",
        "speaker-dependent (1 of 2 test speakers were trained on)",
        "speaker-disjoint random weights: not an accuracy",
    ]


def test_the_confusion_is_in_per_cent_of_the_row_with_counts() -> None:
    result = make_result(accuracy=1.0)
    page = html_report([result])
    assert '<th scope="row">sad</th>' in page
    assert re.search(r'class="cell right middle deep"[^>]*>100<small>18</small>', page)


@pytest.mark.parametrize(("theme", "turn"), [(0, DEEP), (1, MIDDLE)], ids=["light", "dark"])
def test_letters_stand_out_from_every_shade_of_the_confusion(theme: int, turn: int) -> None:
    css = resources.files("undertone.experiments.report").joinpath("page.css").read_text("utf-8")
    heat, low, high, card = (
        re.findall(rf"--{name}: (#\w{{6}});", css)[theme] for name in ("heat", "heat-low", "heat-high", "card")
    )
    for shade in range(101):
        mixed = "#" + "".join(
            f"{round((shade * int(heat[at : at + 2], 16) + (100 - shade) * int(card[at : at + 2], 16)) / 100):02x}"
            for at in (1, 3, 5)
        )
        assert contrast(mixed, high if shade >= turn else low) >= 4.5, shade


def test_a_large_result_stays_a_small_page() -> None:
    labels = ("neutral", "happy", "sad", "angry", "fearful", "surprised")
    result = make_result(labels=labels, speakers=9, per_speaker=498, seeds=(0, 1, 2), with_history=True)
    assert len(result.predictions) == 13_446
    assert len(html_report([result]).encode()) < 200_000


def test_without_matplotlib_the_page_names_the_extra_and_markdown_works() -> None:
    code = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'matplotlib':
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
import undertone.experiments.report.markdown
try:
    import undertone.experiments.report.html
except ImportError as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "MissingExtraError drawing figures needs packages that are not installed: pip install 'undertone[train]'"
    )
