"""The page of the corpora says what their cards say."""

from __future__ import annotations

import runpy
from typing import Any

import pytest
from pages import REFERENCE, ROOT, named, read, rows, section

from undertone.corpora.registry import CORPORA

PAGE = REFERENCE / "corpora.md"


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "make_corpora.py"))


def test_the_page_is_what_its_maker_writes(maker: dict[str, Any]) -> None:
    """If this fails: python docs/make_corpora.py docs/reference/corpora.md"""
    assert maker["replaced"](read(PAGE), maker["sections"]()) == read(PAGE)


@pytest.mark.parametrize("name", sorted(CORPORA))
def test_every_corpus_is_described(name: str) -> None:
    corpus = CORPORA[name]
    if corpus.parse_name is None:
        assert name in named(section(PAGE, "Read speech"))
        return
    text = section(PAGE, name)
    card = corpus.card
    told = {cells[0]: cells[1] for cells in rows(text)}
    assert told["licence"] == card.licence
    assert told["speakers"] == f"{card.speakers:,}"
    assert told["utterances"] == f"{card.utterances:,}"
    assert told["a model may be released"] == ("yes" if card.model_may_be_released else "no")
    assert told["who said which emotion"] == card.raters
    assert "Layout" in text
    for fault in card.known_faults:
        assert f"- {fault}" in text
    assert {item.id for item in card.exclusions} <= named(text)


def test_a_page_without_markers_is_refused(maker: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match="the page needs the markers <!-- corpora:begin --> and <!-- corpora:end -->"):
        maker["replaced"]("# Corpora\n", "text")


def test_a_module_without_a_layout_is_refused(maker: dict[str, Any]) -> None:
    with pytest.raises(SystemExit, match=r"undertone\.corpora\.base needs a second paragraph that begins with Layout"):
        maker["layout"]("base")


def test_the_reader_of_every_corpus_says_how_far_it_was_tried() -> None:
    """Four corpora were at hand; what the others' readers were checked against stands in their cards."""
    tried = {"emodb", "nemo", "ravdess", "urdu"}
    for name, corpus in CORPORA.items():
        if corpus.parse_name is not None:
            said = any("no recording was at hand" in fault for fault in corpus.card.known_faults)
            assert said == (name not in tried), name
