"""Write what is known of a backbone into a page, between its two markers, and draw its figures.

    python docs/make_backbone.py src/undertone/backbones/phones-en results/backbones/phones-en \
        docs/explanation/backbone.md docs/images

The numbers come from files alone: the backbone's card, the `results.json` and `history.json` of its run, and, where it
was measured with these weights, `benchmarks/results/streaming.json`. Run it again after the backbone changes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import safetensors
from marked import between, table
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from undertone.experiments.report.figures import BLUE, LINE, SOFT, STYLE, VERMILLION
from undertone.speech.phones import VOWELS

BEGIN, END = "<!-- backbone:begin -->", "<!-- backbone:end -->"

ROOT = Path(__file__).resolve().parents[1]
SPEED = ROOT / "benchmarks" / "results" / "streaming.json"

AIMS = {"librispeech_sample": 0.18, "an4": 0.08, "speechocean762": 0.35}
"""Phone error rates that were aimed at before anything was trained."""

HEAD_AIMS = {"librispeech_sample": 0.06, "an4": 0.015, "speechocean762": 0.24}
"""The same for the head on Whisper."""

MANNERS = {
    "vowels": ("IY", "IH", "EH", "AE", "AH", "ER", "AA", "AO", "UH", "UW"),
    "diphthongs": ("EY", "AY", "OY", "AW", "OW"),
    "plosives": ("P", "B", "T", "D", "K", "G"),
    "affricates": ("CH", "JH"),
    "fricatives": ("F", "V", "TH", "DH", "S", "Z", "SH", "ZH", "HH"),
    "nasals": ("M", "N", "NG"),
    "approximants": ("L", "R", "W", "Y"),
}
ORDER = tuple(phone for group in MANNERS.values() for phone in group)

TWINS = tuple(frozenset(pair.split()) for pair in ("P B", "T D", "K G", "CH JH", "F V", "TH DH", "S Z", "SH ZH"))
"""Consonants that differ in voicing alone."""

MOST_NAMED = 8
"""Mistakes that are named, by corpus."""

WEIGHTS = ("backbone.safetensors", "head.safetensors")
"""Of a network of its own, or of a head on another's encoder."""

Pairs = list[tuple[str | None, str | None, int]]
"""Truth, hearing and how often, as in `results.json`."""


def sections(
    card: dict[str, Any], results: list[dict[str, Any]], history: dict[str, Any], facts: dict[str, Any]
) -> str:
    """Write all that stands between the markers.

    Args:
        card: of the backbone.
        results: of its run.
        history: of its run.
        facts: `weights`, how many there are; `bytes` of their file; `speed`, the benchmark of these weights or None;
            `images`, the folder of the figures as the page names it.
    """
    by_corpus = {entry["corpus"]: entry for entry in results}
    parts = [
        summary(card, history, facts),
        "### What it heard",
        sources(card),
        "### Phone error rate",
        rates(card, by_corpus),
        aims(card),
        f"![Loss and phone error rate by epoch]({facts['images']}/{LEARNING})",
        learning(history),
        "### What limits it",
        mistakes(by_corpus),
        *(named(entry) for entry in results),
        *(
            f"![What was heard for each phone of {name}]({facts['images']}/{confusions_name(name)})"
            for name in by_corpus
        ),
        "### Speed",
        speed(facts["speed"]),
    ]
    return "\n\n".join(parts)


def summary(card: dict[str, Any], history: dict[str, Any], facts: dict[str, Any]) -> str:
    """Say which backbone the numbers belong to."""
    sizes = card["sizes"]
    return (
        f"Backbone `{card['name']}`: {facts['weights']:,} weights, {facts['bytes'] / 1e6:.1f} MB "
        f"(checksum `{card['sha256'][:12]}`), {sizes['blocks']} blocks of {sizes['width']}. Split `{card['protocol']}`, "
        f"seed {card['seed']}. The weights are those of epoch {card['epoch']} of {len(history['epochs'])}, chosen by "
        f"the phone error rate of the validation speakers, {100 * card['validation_per']:.1f} %."
    )


def sources(card: dict[str, Any]) -> str:
    """List the corpora that were trained on."""
    rows = [
        (
            item["title"],
            len(item["speakers"]),
            item["utterances"],
            "–" if item.get("hours") is None else f"{item['hours']:.1f}",
            item["aligned"],
            sum(item["left_out"].values()),
            item["licence"],
        )
        for item in card["sources"]
    ]
    hours = [item.get("hours") for item in card["sources"]]
    total = "" if None in hours else f"{sum(hours):.1f} hours in all. "
    return table(("corpus", "speakers", "utterances", "hours", "aligned", "left out", "licence"), rows) + (
        f"\n\n{total}*Speakers* and *utterances* are those of training and of choosing the epoch. *Aligned* is how many "
        "had a phone for every frame. *Left out* is how many had no text, a text that cannot be pronounced, more than the "
        "longest duration, or more phones than frames."
    )


def rates(card: dict[str, Any], results: dict[str, dict[str, Any]], asked: dict[str, float] = AIMS) -> str:
    """List the error rates of the test parts, beside what was aimed at."""
    with_words = any(told(score, results, "wer") is not None for score in card["scores"])
    in_chunks = [results[score["corpus"]].get("in_chunks") for score in card["scores"] if score["corpus"] in results]
    chunk = next((entry["chunk"] for entry in in_chunks if entry), None)
    head = ["corpus", "speakers", "heard before", "utterances", "phones", "PER", "aim", "reached"]
    head += [f"PER in chunks of {0.04 * chunk:.2f} s"] if chunk else []
    head += ["WER", "unknown words"] if with_words else []
    rows = []
    for score in card["scores"]:
        aim = asked.get(score["corpus"])
        row = [score["corpus"], score["speakers"], score["shared_speakers"], score["utterances"], score["phones"]]
        row += [interval(score["per"], score["low"], score["high"]) + ("" if score["by"] == "speaker" else " \\*")]
        row += ["–", "–"] if aim is None else [f"≤ {100 * aim:g}", "yes" if score["per"] <= aim else "**no**"]
        if chunk:
            entry = results.get(score["corpus"], {}).get("in_chunks")
            row += [interval(entry["per"], entry["low"], entry["high"]) if entry else "–"]
        if with_words:
            wer, low, high, words, unknown = (
                told(score, results, name) for name in ("wer", "wer_low", "wer_high", "words", "unknown_words")
            )
            row += [interval(wer, low, high), f"{100 * unknown / words:.1f}" if words and unknown is not None else "–"]
        rows.append(tuple(row))
    notes = "Per cent, with 95 % intervals that redraw speakers."
    if any(score["by"] != "speaker" for score in card["scores"]):
        notes += " \\* Too few speakers: utterances were redrawn, and the interval is too narrow."
    return f"{table(tuple(head), rows)}\n\n{notes}"


def aims(card: dict[str, Any], wanted: dict[str, float] = AIMS) -> str:
    """Say plainly which aims were missed."""
    scores = {score["corpus"]: score["per"] for score in card["scores"]}
    asked = {name: aim for name, aim in wanted.items() if name in scores}
    missed = [f"{name} by {100 * (scores[name] - aim):.1f} points" for name, aim in asked.items() if scores[name] > aim]
    return f"Not reached: {', '.join(missed)}." if missed else "All aims were reached."


def learning(history: dict[str, Any]) -> str:
    """Put the figure of learning into words."""
    found = [1 - epoch["validation_rate"] for epoch in history["epochs"]]
    return (
        f"Validation speakers: {100 * found[0]:.1f} % of the phones were wrong after the first epoch, "
        f"{100 * found[len(found) // 2]:.1f} % after {len(found) // 2 + 1}, {100 * found[-1]:.1f} % after {len(found)}. The best is epoch "
        f"{history['best'] + 1}."
    )


def mistakes(results: dict[str, dict[str, Any]]) -> str:
    """Tell mistakes by kind, in per cent of the phones that were to be said, by corpus."""
    kinds = [(kinds_of(entry["pairs"]), phones_of(entry["pairs"])) for entry in results.values()]
    rows = [(kind, *(f"{100 * found[kind] / phones:.1f}" for found, phones in kinds)) for kind in kinds[0][0]]
    return f"{table(('in per cent of the phones', *results), rows)}\n\n{balance(results)}"


def balance(results: dict[str, dict[str, Any]]) -> str:
    """Say which kind of mistake is the most frequent one, by corpus."""
    found = []
    for name, entry in results.items():
        kinds = {kind: count for kind, count in kinds_of(entry["pairs"]).items() if kind != "all"}
        most = max(kinds, key=lambda kind: kinds[kind])
        more = "missed" if kinds["missed"] > kinds["heard where none was said"] else "added"
        found.append(
            f"{name}: most often {most}; more phones are {more} than {'added' if more == 'missed' else 'missed'}"
        )
    return "; ".join(found) + "."


def kinds_of(pairs: Pairs) -> dict[str, int]:
    """Count mistakes by kind."""
    counts = dict.fromkeys(
        ("a vowel for another", "voiced for unvoiced or the reverse", "another consonant for a consonant",
         "a vowel for a consonant or the reverse", "missed", "heard where none was said", "all"), 0
    )  # fmt: skip
    for truth, heard, count in pairs:
        if truth == heard:
            continue
        counts["all"] += count
        if heard is None:
            counts["missed"] += count
        elif truth is None:
            counts["heard where none was said"] += count
        elif (truth in VOWELS) != (heard in VOWELS):
            counts["a vowel for a consonant or the reverse"] += count
        elif truth in VOWELS:
            counts["a vowel for another"] += count
        elif frozenset((truth, heard)) in TWINS:
            counts["voiced for unvoiced or the reverse"] += count
        else:
            counts["another consonant for a consonant"] += count
    return counts


def named(entry: dict[str, Any]) -> str:
    """Name the most frequent mistakes of a corpus."""
    said: dict[str | None, int] = {}
    for truth, _, count in entry["pairs"]:
        said[truth] = said.get(truth, 0) + count
    wrong = sorted((pair for pair in entry["pairs"] if pair[0] != pair[1]), key=lambda pair: -pair[2])[:MOST_NAMED]
    words = []
    for truth, heard, count in wrong:
        if truth is None:
            words.append(f"`{heard}` added ({count})")
            continue
        share = f"{100 * count / said[truth]:.0f} % of {truth}"
        words.append(f"`{truth}` missed ({share})" if heard is None else f"`{truth}` as `{heard}` ({share})")
    return f"**{entry['corpus']}**, most frequent first: {', '.join(words)}."


def speed(found: dict[str, Any] | None) -> str:
    """Tell the real-time factor, whole and in chunks."""
    page = "see [the benchmark](../../benchmarks/README.md)"
    if found is None:
        return f"Not measured with these weights yet: {page}."
    rows = [
        (
            f"{case['seconds']:g} s",
            f"{case['whole_factor']:.3f}",
            f"{case['chunks_factor']:.3f}",
            f"{1000 * case['whole_latency_s']:.0f} ms",
            f"{1000 * case['chunk_latency_s']:.0f} ms",
            f"{100 * case['same']:.1f} %",
        )
        for case in found["cases"]
    ]
    head = ("turn", "real-time factor, whole", "in chunks", "ready after the turn", "after a chunk", "same best symbol")
    return f"{table(head, rows)}\n\nOne thread, chunks of {found['chunk_s']:.2f} s, {found['machine']}: {page}."


def told(score: dict[str, Any], results: dict[str, dict[str, Any]], name: str) -> float | None:
    """A field that the card may have, or the results, or neither."""
    on_card = score.get(name)
    return results.get(score["corpus"], {}).get(name) if on_card is None else on_card


def phones_of(pairs: Pairs) -> int:
    """Count the phones that were to be said."""
    return sum(count for truth, _, count in pairs if truth is not None)


def interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "–"
    between = "" if low is None or high is None else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{100 * value:.1f}{between}"


LEARNING = "backbone-learning-curve.svg"


def confusions_name(corpus: str) -> str:
    return f"backbone-confusions-{corpus}.svg"


def draw_learning(history: dict[str, Any], path: Path) -> None:
    """Draw the loss and the phone error rate by epoch, under each other."""
    epochs = np.arange(1, len(history["epochs"]) + 1)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        upper, lower = figure.subplots(2, 1, sharex=True)
        upper.plot(epochs, [epoch["loss"] for epoch in history["epochs"]], color=VERMILLION)
        upper.set_ylabel("loss in training")
        found = [100 * (1 - epoch["validation_rate"]) for epoch in history["epochs"]]
        lower.plot(epochs, found, color=BLUE)
        best = history["best"]
        lower.plot(best + 1, found[best], "o", color=BLUE, markersize=4.5)
        place = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center"}
        lower.annotate(f"{found[best]:.1f} %", (best + 1, found[best]), **place)
        lower.set_ylabel("PER of validation in %")
        lower.set_xlabel("epoch")
        lower.xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (upper, lower):
            axes.set_ylim(bottom=0)
            axes.grid(axis="y", color=LINE, linewidth=0.5)
        write(figure, path)


def draw_confusions(corpus: str, pairs: Pairs, path: Path) -> None:
    """Draw what was heard for each phone: a row for each phone that was to be said, whose shares sum to 1."""
    shares = shares_of(pairs)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.4, 7.2), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(np.ma.masked_invalid(np.sqrt(shares)), cmap="Blues", vmin=0, vmax=1, aspect="equal")
        axes.set_xticks(range(len(ORDER) + 1), [*ORDER, "missed"], rotation=90, fontsize=6.5)
        axes.set_yticks(range(len(ORDER)), ORDER, fontsize=6.5)
        axes.set_xlabel("heard")
        axes.set_ylabel("was to be said")
        axes.set_title(f"{corpus}: {phones_of(pairs):,} phones", fontsize=9)
        axes.tick_params(length=0)
        mark_manners(axes)
        bar = figure.colorbar(image, ax=axes, shrink=0.5)
        marks = (0, 0.01, 0.05, 0.2, 0.5, 1)
        bar.set_ticks(np.sqrt(marks).tolist(), labels=[f"{100 * mark:g} %" for mark in marks])
        write(figure, path)


def mark_manners(axes: Axes) -> None:
    """Draw lines between the manners, and name them at the right."""
    at = -0.5
    for name, group in MANNERS.items():
        axes.text(len(ORDER) + 0.8, at + len(group) / 2, name, fontsize=6.5, color=SOFT, rotation=90, va="center")
        at += len(group)
        axes.axhline(at, color=SOFT, linewidth=0.4)
        axes.axvline(at, color=SOFT, linewidth=0.4)


def shares_of(pairs: Pairs) -> np.ndarray:
    """Share of what was heard in each phone that was to be said, shape (phone, phone + 1); the last column is missed.

    A phone that was never to be said has nan.
    """
    place = {phone: index for index, phone in enumerate(ORDER)} | {None: len(ORDER)}
    counts = np.zeros((len(ORDER), len(ORDER) + 1))
    for truth, heard, count in pairs:
        if truth is not None:
            counts[place[truth], place[heard]] += count
    said = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, said, out=np.full_like(counts, np.nan), where=said > 0)


def write(figure: Figure, path: Path) -> None:
    """Write a figure on white paper, the same bytes in every run."""
    with mpl.rc_context({"svg.hashsalt": path.name}):
        figure.savefig(path, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})


def facts_of(backbone: Path, card: dict[str, Any], images: str, speed_path: Path = SPEED) -> dict[str, Any]:
    """What neither the card nor the run tells."""
    weights = next(backbone / name for name in WEIGHTS if (backbone / name).is_file())
    with safetensors.safe_open(weights, framework="numpy") as held:
        count = sum(int(np.prod(held.get_slice(name).get_shape())) for name in held.keys())
    measured = json.loads(speed_path.read_text(encoding="utf-8")) if speed_path.is_file() else {"network": ""}
    of_these = f"weights {card['sha256'][:12]}" in measured["network"]
    speed_told = measured if of_these else None
    return {"weights": count, "bytes": weights.stat().st_size, "speed": speed_told, "images": images}


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


def text_of(backbone: Path, results_folder: Path, images: str) -> str:
    """Read the files, and write what stands between the markers."""
    card, results, history = read_all(backbone, results_folder)
    text = sections(card, results, history, facts_of(backbone, card, images))
    parts = [text]
    again = results_folder.with_name(f"{results_folder.name}-again")
    if again.is_dir():
        parts += made_again((results, history), run_of(again))
    others = [path.parent for path in sorted(backbone.parent.glob("*/card.json")) if path.parent.name != backbone.name]
    if others:
        parts += beside([backbone, *others])
    for folder in others:
        of_run = results_folder.with_name(folder.name)
        if (folder / WEIGHTS[1]).is_file() and of_run.is_dir():
            parts += on_another(*read_all(folder, of_run), folder)
    return "\n\n".join(parts)


def on_another(
    card: dict[str, Any], results: list[dict[str, Any]], history: dict[str, Any], folder: Path
) -> list[str]:
    """Tell of a head on another's encoder."""
    by_corpus = {entry["corpus"]: entry for entry in results}
    facts = facts_of(folder, card, "")
    return [
        f"### On Whisper: `{card['name']}`",
        f"{facts['weights']:,} weights, {facts['bytes'] / 1e6:.1f} MB (checksum `{card['sha256'][:12]}`), on blocks "
        f"{', '.join(map(str, card['sizes']['read']))} of Whisper {card['encoder']} (checksum "
        f"`{card['encoder_sha256'][:12]}`). Split `{card['protocol']}`, "
        f"seed {card['seed']}. The weights are those of epoch {card['epoch']} of {len(history['epochs'])}, chosen by the "
        f"phone error rate of the validation speakers, {100 * card['validation_per']:.1f} %. It learned from "
        f"{sum(item['hours'] for item in card['sources']):.1f} hours, its encoder from 680,000 of other speech.",
        rates(card, by_corpus, HEAD_AIMS),
        aims(card, HEAD_AIMS),
        learning(history),
        mistakes(by_corpus),
        *(named(entry) for entry in results),
    ]


def made_again(*runs: tuple[list[dict[str, Any]], dict[str, Any]]) -> tuple[str, str, str]:
    """Compare the run that ships with another of the same configuration, each by its results and its history."""
    best = [history["epochs"][history["best"]]["validation_rate"] for _, history in runs]
    rows = [("validation", *(f"{100 * (1 - rate):.1f}" for rate in best), "–", "–")]
    for entries in zip(*(results for results, _ in runs), strict=True):
        per = [interval(*(entry[name] for name in ("per", "low", "high"))) for entry in entries]
        wer = [interval(*(entry[name] for name in ("wer", "wer_low", "wer_high"))) for entry in entries]
        rows.append((entries[0]["corpus"], *per, *wer))
    head = ("speech", "PER, ships", "PER, again", "WER, ships", "WER, again")
    return "### Made again", table(head, rows), "Per cent, with intervals as above; the split and the seed are the same."


def beside(backbones: list[Path]) -> tuple[str, str]:
    """Compare the backbones that ship, each by its card."""
    cards = [json.loads((folder / "card.json").read_text(encoding="utf-8")) for folder in backbones]
    corpora = [score["corpus"] for score in cards[0]["scores"]]
    rows = []
    for folder, card in zip(backbones, cards, strict=True):
        facts, sizes = facts_of(folder, card, ""), card["sizes"]
        rates = {
            score["corpus"]: interval(*(score[name] for name in ("per", "low", "high"))) for score in card["scores"]
        }
        size = f"{facts['bytes'] / 1e6:.1f} MB"
        shape = (
            f"a head on Whisper {card['encoder']}"
            if "encoder" in card
            else f"{sizes['blocks']} blocks of {sizes['width']}"
        )
        told_rates = [rates.get(name, "–") for name in corpora]
        rows.append((f"`{card['name']}`", f"{facts['weights']:,}", size, shape, card["protocol"], *told_rates))
    head = ("backbone", "weights", "file", "shape", "split", *(f"PER, {name}" for name in corpora))
    return "### Beside the others that ship", table(head, rows)


def read_all(backbone: Path, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """Read the card, the results and the history."""
    card = json.loads((backbone / "card.json").read_text(encoding="utf-8"))
    results, history = run_of(folder)
    lacking = [entry["corpus"] for entry in results if "pairs" not in entry]
    if lacking:
        raise SystemExit(
            f"{folder / 'results.json'} does not tell what was heard for each phone of {', '.join(lacking)}; test the run "
            "anew: undertone asr train, with the same --work and with --results"
        )
    return card, results, history


def run_of(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read the results and the history of a run."""
    results, history = (
        json.loads((folder / name).read_text(encoding="utf-8")) for name in ("results.json", "history.json")
    )
    return results, history


def main(backbone: Path, results_folder: Path, page: Path, images: Path) -> None:
    _, results, history = read_all(backbone, results_folder)
    images.mkdir(parents=True, exist_ok=True)
    draw_learning(history, images / LEARNING)
    for entry in results:
        draw_confusions(entry["corpus"], entry["pairs"], images / confusions_name(entry["corpus"]))
    link = Path(os.path.relpath(images, page.parent)).as_posix()
    text = text_of(backbone, results_folder, link)
    page.write_text(replaced(page.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
