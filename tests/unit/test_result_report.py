"""What a report says about results: stamps, groups, tables, measures, Markdown."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from undertone.corpora.base import Exclusion
from undertone.errors import ResultError
from undertone.experiments.compare import compare_all
from undertone.experiments.report.figures import (
    Curve,
)
from undertone.experiments.report.groups import Entry, entries_of, grouped, shared_of, stamp_of
from undertone.experiments.report.html import html_report
from undertone.experiments.report.markdown import drawn, markdown_report, markdown_table
from undertone.experiments.report.measures import answers, class_recalls, confusion_of, curves_of, speakers_of
from undertone.experiments.report.tables import (
    Table,
    difference_table,
    exclusion_table,
    fit_table,
    most_frequent,
    number,
    origin_of,
    score_table,
    score_table_of_random,
)
from undertone.experiments.results import (
    FoldAudit,
    Result,
)
from undertone.metrics.categorical import recalls, weighted_accuracy
from undertone.metrics.registry import METRICS
from undertone.metrics.uncertainty import Estimate
from undertone.testing.results import make_result

NASTY = """<script>alert(1)</script> "'&amp; {{main}} | `x` [a](javascript:b) \\"""


def entry(result: Result) -> Entry:
    return entries_of([result])[0]


def audit(**changes: Any) -> FoldAudit:
    table = {"test_utterances": 53, "test_speakers": 10, "shared_speakers": 0, "test_sentences": None}
    return FoldAudit(**(table | {"shared_sentences": None} | changes))


def with_folds(*folds: FoldAudit, known: bool = True) -> Result:
    result = make_result()
    return replace(result, protocol=replace(result.protocol, folds=folds, speakers_known=known))


def untrained(result: Result) -> Result:
    return replace(result, weights="random", encoder="hub")


@pytest.fixture(scope="module")
def two() -> tuple[Result, Result]:
    """Two results of one protocol, the second with seeds and learning curves."""
    weak = make_result(name="weak", accuracy=0.5, speakers=8, per_speaker=16)
    return weak, make_result(name="strong", accuracy=0.8, speakers=8, per_speaker=16, seeds=(0, 1), with_history=True)


# Stamps and groups


def test_a_speaker_dependent_stamp_says_how_many_speakers_were_trained_on() -> None:
    alike = with_folds(audit(shared_speakers=10), audit(shared_speakers=10))
    assert stamp_of(alike) == "speaker-dependent (10 of 10 test speakers were trained on)"
    unlike = with_folds(audit(shared_speakers=1), audit(test_speakers=4))
    assert stamp_of(unlike) == "speaker-dependent (1 of 14 test speakers over 2 folds were trained on)"


def test_other_stamps_stand_alone() -> None:
    assert stamp_of(with_folds(audit())) == "speaker-disjoint"
    assert stamp_of(with_folds(audit(), known=False)) == "speakers unknown"


def test_what_else_is_shared_is_told_where_the_corpus_tells() -> None:
    told = audit(test_sentences=10, shared_sentences=10)
    assert shared_of(with_folds(told, told)) == ("10 of 10 test sentences were trained on",)
    none = audit(test_sentences=10, shared_sentences=0)
    assert shared_of(with_folds(none)) == ("no test sentence was trained on",)
    assert shared_of(with_folds(told, none)) == ("10 of 20 test sentences over 2 folds were trained on",)
    assert shared_of(with_folds(told, audit())) == ()
    copies = audit(near_duplicates=2, test_dialogues=4, shared_dialogues=0, test_recordings=5, shared_recordings=1)
    assert shared_of(with_folds(copies)) == (
        "1 of 5 test recordings were trained on",
        "2 of 53 test utterances, or copies of them, were trained on",
    )


def test_results_of_two_protocols_stand_in_two_groups() -> None:
    first, second = make_result(name="a"), make_result(name="b")
    dependent = make_result(name="c", shared_speakers=2)
    groups = grouped(entries_of([first, dependent, second]))
    assert [[item.name for item in group.entries] for group in groups] == [["a", "b"], ["c"]]
    assert all(difference_table(group, np.random.default_rng(0)) is None for group in groups[1:])


@pytest.mark.parametrize("change", [{"corpora": ("other",)}, {"labels": ("sad", "happy", "neutral", "angry")}])
def test_other_corpora_or_classes_make_another_group(change: dict[str, Any]) -> None:
    result = make_result()
    assert len(grouped(entries_of([result, replace(result, **change)]))) == 2


def test_a_name_that_is_there_twice_gets_a_number() -> None:
    assert [item.name for item in entries_of([make_result(name="a\n b")] * 2)] == ["a b", "a b (2)"]


def test_a_name_loses_its_protocol_where_the_protocol_is_plain() -> None:
    assert entry(make_result(name="svm on made/drawn")).short == "svm"


def test_predictions_without_one_probability_for_each_label_are_refused() -> None:
    result = make_result(name="made")
    odd = replace(result, predictions=(replace(result.predictions[0], probabilities=(0.5, 0.5)),))
    with pytest.raises(
        ResultError, match=r"made: the prediction of made/00_00 has 2 probabilities; there are 4 labels"
    ):
        entries_of([odd])


@pytest.mark.parametrize(("weights", "random"), [("random", True), ("randomised-wavlm", False), ("none", False)])
def test_random_weights_are_known(weights: str, random: bool) -> None:
    assert entry(replace(make_result(), weights=weights)).random is random


# Tables


def test_every_score_stands_in_the_table_with_its_interval_and_stamp(two: tuple[Result, Result]) -> None:
    table = score_table(grouped(entries_of(two))[0])
    cells = dict(zip(table.head, table.rows[1], strict=True))
    assert set(METRICS) == {name.removesuffix(", %") for name in table.head[2:10]}
    found = two[1].scores["UA"]
    assert cells["UA, %"] == f"{100 * found.value:.1f}\n[{100 * found.low:.1f}, {100 * found.high:.1f}]"
    found = two[1].scores["Brier"]
    assert cells["Brier"] == f"{found.value:.3f}\n[{found.low:.3f}, {found.high:.3f}]"
    assert cells["stamp"] == "speaker-disjoint"
    assert [cells[name] for name in ("utterances", "speakers", "seeds")] == ["128", "8", "2"]
    assert re.fullmatch(r"\d\d\.\d ± \d+\.\d\n3 folds", cells["UA by fold, %"])
    assert cells["weights"] == "none"
    assert cells["protocol"] == two[1].protocol.hash


def test_one_fold_has_no_deviation() -> None:
    result = make_result()
    single = replace(result, predictions=tuple(replace(item, fold=0) for item in result.predictions))
    table = score_table(grouped(entries_of([single]))[0])
    assert re.fullmatch(r"\d\d\.\d\n1 fold", dict(zip(table.head, table.rows[0], strict=True))["WA by fold, %"])


def test_unknown_speakers_are_not_counted_and_the_interval_is_called_optimistic() -> None:
    result = make_result()
    unknown = replace(result, protocol=replace(result.protocol, speakers_known=False))
    table = score_table(grouped(entries_of([unknown]))[0])
    assert dict(zip(table.head, table.rows[0], strict=True))["speakers"] == "–"
    assert "over redrawn utterances" in table.notes[-1]
    assert speakers_of(entry(unknown)) is None


def test_the_table_says_what_guessing_gives() -> None:
    result = make_result(per_speaker=9)  # of four labels the first is said once more
    assert most_frequent(entry(result)) == ("neutral", pytest.approx(3 / 9))
    note = score_table(grouped(entries_of([result]))[0]).notes[0]
    assert note == (
        "Chance: UA 25.0 with 4 classes. Always “neutral”, the most frequent class of the test parts: WA 33.3, UA 25.0."
    )


def test_a_metric_that_one_result_lacks_or_nobody_knows_still_has_its_column() -> None:
    result = make_result()
    other = replace(result, scores={"UA": result.scores["UA"], "new": Estimate(value=2, low=1, high=3)})
    table = score_table(grouped(entries_of([result, other]))[0])
    cells = dict(zip(table.head, table.rows[1], strict=True))
    assert cells["WA, %"] == "–"
    assert cells["new"] == "2.000\n[1.000, 3.000]"


def test_undefined_is_a_dash_never_a_number() -> None:
    nan = math.nan
    assert number("UA", Estimate(value=nan, low=nan, high=nan)) == "–"
    assert number("UA", Estimate(value=0.5, low=nan, high=nan)) == "50.0"
    assert number("UA", Estimate(value=-0.012, low=-0.02, high=0.0), signed=True) == "−1.2\n[−2.0, +0.0]"


def test_differences_are_those_of_the_comparison(two: tuple[Result, Result]) -> None:
    table = difference_table(grouped(entries_of(two))[0], np.random.default_rng(0))
    assert table is not None
    change = compare_all(two, np.random.default_rng(0))[0].changes[1]
    cells = dict(zip(table.head, table.rows[0], strict=True))
    assert change.metric == "UA"
    assert cells["UA, points"].startswith(f"+{100 * change.difference.value:.1f}\n[")
    assert cells["p of UA\n(Holm)"] == "< 0.001\n(< 0.001)"
    assert "Each row less weak" in table.notes[0]


def test_what_cannot_be_compared_is_named_with_the_reason(two: tuple[Result, Result]) -> None:
    fewer = replace(two[1], name="fewer", predictions=two[1].predictions[1:-1], seeds=(0,))
    fewer = replace(fewer, predictions=tuple(item for item in fewer.predictions if item.seed == 0))
    table = difference_table(grouped(entries_of([two[0], fewer, two[1]]))[0], np.random.default_rng(0))
    assert table is not None
    assert [row[0] for row in table.rows] == ["strong"]
    assert re.search(r"^fewer cannot be compared: they tested different utterances, 1 of them", table.notes[-1])


def test_with_nothing_comparable_the_table_has_no_rows_but_says_why(two: tuple[Result, Result]) -> None:
    fewer = replace(two[0], name="fewer", predictions=two[0].predictions[1:])
    table = difference_table(grouped(entries_of([two[0], fewer]))[0], np.random.default_rng(0))
    assert table is not None
    assert table.rows == ()
    assert "fewer cannot be compared" in table.notes[-1]
    assert "fewer cannot be compared" in html_report([two[0], fewer])


def test_random_weights_stand_apart(two: tuple[Result, Result]) -> None:
    text = markdown_table([*two, untrained(replace(two[1], name="hub"))])
    main, _, apart = text.partition("## Random weights: not an accuracy")
    assert "hub" not in main
    assert "| random: not an accuracy |" in apart
    table = score_table_of_random(entries_of([untrained(two[0])]))
    assert table.rows[0][-2:] == ("random: not an accuracy", two[0].protocol.hash)


def test_only_random_weights_give_no_table_of_scores(two: tuple[Result, Result]) -> None:
    assert markdown_table([untrained(two[0])]).startswith("## Random weights: not an accuracy")
    page = html_report([untrained(two[0])])
    assert 'id="protocol-1"' not in page
    assert "<svg" not in page
    assert "undertone crossval made.toml" in page


def test_everything_that_makes_the_numbers_again_is_told(two: tuple[Result, Result]) -> None:
    result = replace(two[1], encoder="hub", weights="wavlm-base", source="a reconstruction")
    told = " ".join(origin_of(result).values())
    assert {"hub, weights: wavlm-base", "none"} & set(origin_of(result).values())
    for wanted in (
        result.command, result.commit, result.machine, result.source, result.corpus_hash, result.protocol.hash,
        "accuracy = 0.8", f"numpy {np.__version__}", "0, 1", "speaker-disjoint",
    ):  # fmt: skip
        assert wanted in told, wanted


def test_exclusions_are_listed_with_their_reasons() -> None:
    assert exclusion_table(make_result()) is None
    table = exclusion_table(replace(make_result(), excluded=(Exclusion(id="made/x", reason="no\nsignal"),)))
    assert table is not None
    assert table.rows == (("made/x", "no signal"),)


def test_fits_say_what_they_took_and_chose(two: tuple[Result, Result]) -> None:
    table = fit_table(two[1])
    assert table.head == ("fold", "seed", "seconds", "epoch")
    assert len(table.rows) == 6
    mixed = replace(two[1], fits=(two[1].fits[0], *two[0].fits[1:]))
    assert fit_table(mixed).rows[1][-1] == "–"


# Measures


def test_confusion_counts_the_answers_of_all_seeds(two: tuple[Result, Result]) -> None:
    counts = confusion_of(entry(two[1]))
    assert counts.sum() == 2 * 128
    assert weighted_accuracy(counts) == pytest.approx(two[1].scores["WA"].value)
    assert len(answers(entry(two[1]))[0]) == 2 * 128


def test_recall_of_each_class_is_that_of_the_counts_inside_its_interval(two: tuple[Result, Result]) -> None:
    found = class_recalls(entry(two[1]), np.random.default_rng(0), draws=200)
    assert [each.value for each in found] == pytest.approx(recalls(confusion_of(entry(two[1]))))
    assert all(0 <= each.low < each.value < each.high <= 1 for each in found)


def test_a_class_that_nobody_has_has_no_recall() -> None:
    result = make_result()
    more = replace(
        result,
        labels=(*result.labels, "surprised"),
        predictions=tuple(
            replace(item, probabilities=(*item.probabilities, 0.0)) for item in result.predictions
        ),
    )  # fmt: skip
    assert math.isnan(class_recalls(entry(more), np.random.default_rng(0), draws=50)[-1].value)
    assert "surprised" in html_report([more])


def test_speakers_are_scored_by_themselves_the_hardest_first() -> None:
    result = make_result(speakers=7)
    speakers = speakers_of(entry(result))
    assert speakers is not None
    assert list(speakers.accuracy) == sorted(speakers.accuracy)
    assert list(speakers.utterances) == [12] * 7
    first = [item for item in result.predictions if item.speaker == speakers.names[0]]
    hits = [item.truth == result.labels[int(np.argmax(item.probabilities))] for item in first]
    assert speakers.accuracy[0] == pytest.approx(np.mean(hits))


def test_speakers_of_two_corpora_keep_their_corpus() -> None:
    result = make_result()
    moved = tuple(
        replace(item, id=item.id.replace("made/", "other/")) if item.fold > 1 else item for item in result.predictions
    )
    speakers = speakers_of(entry(replace(result, predictions=moved)))
    assert speakers is not None
    assert {name.partition("/")[0] for name in speakers.names} == {"made", "other"}


def test_learning_curves_are_taken_where_there_are_any(two: tuple[Result, Result]) -> None:
    assert curves_of(two[0]) == ()
    curves = curves_of(two[1])
    assert len(curves) == 6
    assert curves[0].epochs == (1, 2, 3, 4, 5, 6)
    bare = replace(two[1], fits=(replace(two[1].fits[0], history=({"validation_ua": 0.5}, {"loss": 1.0})),))
    assert curves_of(bare) == (Curve(epochs=(1.0,), values=(0.5,)),)


# Markdown


def test_markdown_has_a_row_a_result_and_a_line_a_table(two: tuple[Result, Result]) -> None:
    text = markdown_table(two, level=3)
    assert text.startswith(f"### made/drawn (speaker-disjoint, protocol {two[0].protocol.hash})")
    assert "#### Differences to weak" in text
    tables = [block for block in text.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
    ua = two[1].scores["UA"]
    assert f"| {100 * ua.value:.1f} [{100 * ua.low:.1f}, {100 * ua.high:.1f}] |" in text


def test_a_cell_of_markdown_holds_whatever_text_there_is() -> None:
    text = drawn(Table(title="t", head=("a", "b"), rows=((NASTY, "x_y_ | <\n3"),)))
    assert text.splitlines()[2] == (
        r"""| \<script>alert(1)\</script> "'\&amp; {{main}} \| \`x\` [a]\(javascript:b) \\ | x_y\_ \| < 3 |"""
    )


def test_the_whole_page_of_markdown_says_where_numbers_come_from(two: tuple[Result, Result]) -> None:
    text = markdown_report([replace(two[0], excluded=(Exclusion(id="made/x", reason="no signal"),))])
    assert "- Command: undertone crossval made.toml" in text
    assert "| made/x | no signal |" in text
