"""The page on the backbone: every number is that of the files, and the page of the repository is the maker's."""

from __future__ import annotations

import json
import runpy
import xml.etree.ElementTree as ET
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_backbones
import torch
from pages import ROOT, read, rows

from undertone.backbones.files import Confusion, Score, Source, save_backbone
from undertone.backbones.network import Backbone, BackboneSizes
from undertone.speech.phones import PHONES

MAKER = runpy.run_path(str(ROOT / "docs" / "make_backbone.py"))
PAGE = ROOT / "docs" / "explanation" / "backbone.md"
SHIPPED = ROOT / "src" / "undertone" / "backbones" / "phones-en"
RESULTS = ROOT / "results" / "backbones" / "phones-en"

SIZES = BackboneSizes(width=24, blocks=2, heads=2, feed_forward=32, kernel=5, subsampling_channels=8)
PAIRS: list[list[Any]] = [
    ["AH", "AH", 60], ["T", "T", 20], ["AH", "IH", 5], ["T", "D", 4], ["S", None, 3], ["T", "K", 2], ["ER", "R", 1],
    [None, "N", 2], ["S", "S", 5],
]  # fmt: skip
"""100 phones were to be said; 17 mistakes."""
SCORE = Score(
    corpus="an4", per=0.17, low=0.11, high=0.23, by="speaker", utterances=10, speakers=4, shared_speakers=0, phones=100,
    substitutions=12, insertions=2, deletions=3, confusions=(Confusion(truth="AH", heard="IH", count=5),),
)  # fmt: skip
OTHER = replace(SCORE, corpus="librispeech_sample", per=0.17, by="utterance")
CARD = replace(
    tiny_backbones.CARD,
    name="tiny",
    sizes=SIZES,
    sources=(
        Source(
            corpus="an4", title="AN4: spelled words", licence="free", source="CMU", speakers=("a", "b"), utterances=30,
            aligned=25, left_out={"no text": 2, "too long to train on": 1}, hours=1.26,
        ),
        Source(
            corpus="librispeech_sample", title="LibriSpeech, a part", licence="CC BY 4.0", source="OpenSLR",
            speakers=("c",), utterances=50, aligned=50, left_out={}, hours=0.5,
        ),
    ),
    epoch=3,
    scores=(SCORE, OTHER),
)  # fmt: skip
HISTORY = {
    "epochs": [{"loss": 3.0 - 0.5 * n, "validation_rate": rate} for n, rate in enumerate((0.1, 0.5, 0.75, 0.7))],
    "best": 2,
}


def make_files(folder: Path, *, chunks: bool = True, words: bool = False, pairs: bool = True) -> tuple[Path, Path]:
    """Write a backbone and the results of its run."""
    more = {"wer": 0.4, "wer_low": 0.3, "wer_high": 0.5, "words": 50, "unknown_words": 3} if words else {}
    torch.manual_seed(0)
    card = replace(CARD, scores=(replace(SCORE, **more), OTHER))
    save_backbone(Backbone(SIZES), card, folder / "backbone")
    entries = []
    for score in (SCORE, OTHER):
        entry = asdict(score)
        if pairs:
            entry["pairs"] = PAIRS
        if chunks:
            entry["in_chunks"] = {"chunk": 16, "per": 0.21, "low": 0.15, "high": None}
        entries.append(entry)
    (folder / "results").mkdir()
    (folder / "results" / "results.json").write_text(json.dumps(entries))
    (folder / "results" / "history.json").write_text(json.dumps(HISTORY))
    return folder / "backbone", folder / "results"


def cells_of(text: str, first: str) -> dict[str, str]:
    """A row of the table of rates, by the head's cells."""
    found = rows(text)
    head = next(row for row in found if "PER" in row)
    return dict(zip(head, next(row for row in found[found.index(head) :] if row[0] == first), strict=True))


def test_rates_stand_beside_their_aims(tmp_path: Path) -> None:
    text = MAKER["text_of"](*make_files(tmp_path), "../images")
    spelled, books = cells_of(text, "an4"), cells_of(text, "librispeech_sample")
    assert (spelled["PER"], spelled["aim"], spelled["reached"]) == ("17.0 [11.0, 23.0]", "≤ 8", "**no**")
    assert (books["PER"], books["aim"], books["reached"]) == ("17.0 [11.0, 23.0] \\*", "≤ 18", "yes")
    assert "Not reached: an4 by 9.0 points." in text
    assert "\\* Too few speakers" in text
    assert spelled["PER in chunks of 0.64 s"] == "21.0"
    assert "WER" not in spelled


def test_what_was_not_measured_has_no_column(tmp_path: Path) -> None:
    text = MAKER["text_of"](*make_files(tmp_path, chunks=False, words=True), "../images")
    assert "PER in chunks" not in text
    assert cells_of(text, "an4")["WER"] == "40.0 [30.0, 50.0]"
    assert cells_of(text, "an4")["unknown words"] == "6.0"
    assert cells_of(text, "librispeech_sample")["WER"] == "–"


def test_the_page_says_what_was_heard_and_how_large_the_backbone_is(tmp_path: Path) -> None:
    backbone, results = make_files(tmp_path)
    text = MAKER["text_of"](backbone, results, "../images")
    weights = sum(weight.numel() for weight in Backbone(SIZES).parameters())
    assert f"Backbone `tiny`: {weights:,} weights" in text
    assert f"{(backbone / 'backbone.safetensors').stat().st_size / 1e6:.1f} MB" in text
    assert "epoch 3 of 4" in text
    assert ["AN4: spelled words", "2", "30", "1.3", "25", "3", "free"] in rows(text)
    assert "1.8 hours in all." in text
    assert "90.0 % of the phones were wrong after the first epoch, 25.0 % after 3, 30.0 % after 4" in text


def test_every_mistake_is_of_one_kind() -> None:
    kinds = MAKER["kinds_of"](PAIRS)
    assert kinds == {
        "a vowel for another": 5,
        "voiced for unvoiced or the reverse": 4,
        "another consonant for a consonant": 2,
        "a vowel for a consonant or the reverse": 1,
        "missed": 3,
        "heard where none was said": 2,
        "all": 17,
    }
    assert sum(kinds.values()) == 2 * kinds["all"]


def test_mistakes_are_told_in_per_cent_of_the_phones(tmp_path: Path) -> None:
    text = MAKER["text_of"](*make_files(tmp_path), "../images")
    assert ["a vowel for another", "5.0", "5.0"] in rows(text)
    assert ["all", "17.0", "17.0"] in rows(text)
    assert "an4: most often a vowel for another; more phones are missed than added" in text
    assert (
        "**an4**, most frequent first: `AH` as `IH` (8 % of AH), `T` as `D` (15 % of T), `S` missed (38 % of S)" in text
    )
    assert "`N` added (2)" in text


def test_every_phone_has_one_manner() -> None:
    assert sorted(MAKER["ORDER"]) == sorted(PHONES)
    assert {phone for pair in MAKER["TWINS"] for phone in pair} <= set(PHONES)


def test_shares_of_a_phone_sum_to_one_and_of_none_to_nothing() -> None:
    shares, order = MAKER["shares_of"](PAIRS), MAKER["ORDER"]
    assert shares.shape == (39, 40)
    assert shares[order.index("AH"), order.index("IH")] == pytest.approx(5 / 65)
    assert shares[order.index("S"), -1] == pytest.approx(3 / 8)
    said = [order.index(phone) for phone in ("AH", "T", "S", "ER")]
    assert np.allclose(shares[said].sum(axis=1), 1)
    assert np.isnan(np.delete(shares, said, axis=0)).all()


def test_figures_are_drawn_and_the_page_shows_them(tmp_path: Path) -> None:
    backbone, results = make_files(tmp_path)
    page = tmp_path / "docs" / "explanation" / "backbone.md"
    page.parent.mkdir(parents=True)
    page.write_text(f"# Page\n\n{MAKER['BEGIN']}\nold\n{MAKER['END']}\n\nend\n")
    MAKER["main"](backbone, results, page, tmp_path / "docs" / "images")
    text = page.read_text()
    assert text.startswith("# Page\n")
    assert text.endswith("end\n")
    assert "old" not in text
    shown = {"backbone-learning-curve.svg", "backbone-confusions-an4.svg", "backbone-confusions-librispeech_sample.svg"}
    assert {path.name for path in (tmp_path / "docs" / "images").iterdir()} == shown
    for name in shown:
        assert f"](../images/{name})" in text
    first = (tmp_path / "docs" / "images" / "backbone-confusions-an4.svg").read_text()
    labels = [element.text for element in ET.fromstring(first).iter("{http://www.w3.org/2000/svg}text")]
    assert all(labels.count(phone) == 2 for phone in PHONES)
    assert {"missed", "was to be said", "an4: 100 phones", *MAKER["MANNERS"]} <= set(labels)
    MAKER["main"](backbone, results, page, tmp_path / "docs" / "images")
    assert (tmp_path / "docs" / "images" / "backbone-confusions-an4.svg").read_text() == first
    assert page.read_text() == text


def test_speed_is_told_of_these_weights_alone(tmp_path: Path) -> None:
    backbone, results = make_files(tmp_path)
    card, told, history = MAKER["read_all"](backbone, results)
    case = {
        "seconds": 3, "whole_factor": 0.0123, "chunks_factor": 0.0456, "whole_latency_s": 0.03,
        "chunk_latency_s": 0.02, "same": 0.91,
    }  # fmt: skip
    record = {"machine": "2 cores", "chunk_s": 0.64, "cases": [case]}
    path = tmp_path / "streaming.json"
    for network, found in ((f"backbone `tiny`, weights {card['sha256'][:12]}", True), ("random weights", False)):
        path.write_text(json.dumps(record | {"network": network}))
        text = MAKER["sections"](card, told, history, MAKER["facts_of"](backbone, card, "images", path))
        assert (["3 s", "0.012", "0.046", "30 ms", "20 ms", "91.0 %"] in rows(text)) == found
        assert ("Not measured with these weights yet" in text) != found


def test_a_run_made_again_stands_beside_the_one_that_ships(tmp_path: Path) -> None:
    backbone, results = make_files(tmp_path)
    assert "Made again" not in MAKER["text_of"](backbone, results, "../images")
    again = results.with_name("results-again")
    again.mkdir()
    entries = [asdict(replace(SCORE, per=0.19, wer=0.4, wer_low=0.3, wer_high=0.5)), asdict(OTHER)]
    (again / "results.json").write_text(json.dumps(entries))
    (again / "history.json").write_text(json.dumps(HISTORY | {"best": 3}))
    found = rows(MAKER["text_of"](backbone, results, "../images"))
    assert ["validation", "25.0", "30.0", "–", "–"] in found
    assert ["an4", "17.0 [11.0, 23.0]", "19.0 [11.0, 23.0]", "–", "40.0 [30.0, 50.0]"] in found


def test_results_that_do_not_tell_what_was_heard_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="does not tell what was heard for each phone of an4, librispeech_sample"):
        MAKER["text_of"](*make_files(tmp_path, pairs=False), "../images")


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(SystemExit, match="the page needs the markers <!-- backbone:begin -->"):
        MAKER["replaced"]("no markers", "text")


def test_the_page_is_that_of_the_backbone_that_ships() -> None:
    if not (SHIPPED / "card.json").is_file():
        assert "it has not run to its end yet" in read(PAGE)
        return
    wanted = MAKER["replaced"](read(PAGE), MAKER["text_of"](SHIPPED, RESULTS, "../images"))
    assert read(PAGE) == wanted, "run make train-asr, or docs/make_backbone.py as it does"
