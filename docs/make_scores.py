"""Write the numbers of a bundle's card into a page, between its two markers.

    python docs/make_scores.py src/undertone/bundles/qieemo-compact/card.json docs/explanation/qieemo-compact.md

Shares and intervals are per cent. Run it again after the shipped bundle changes.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from marked import between, table

BEGIN, END = "<!-- scores:begin -->", "<!-- scores:end -->"


def tables(card: dict[str, Any]) -> str:
    """Write a card's sources and scores as Markdown."""
    parts = (summary(card), *sources(card), *emotional_speech(card), *read_speech(card))
    return "\n\n".join(parts)


def summary(card: dict[str, Any]) -> str:
    """Say which bundle the numbers belong to."""
    training, calibration = card["training"], card["calibration"]
    return (
        f"Bundle `{card['id']}`, licence {card['licence']}, {card['parameters']:,} weights. "
        f"Protocol `{training['protocol']}`, seed {training['seed']}, commit `{training['commit']}`, "
        f"{training['speakers_shared']} test speakers heard in training. "
        f"Temperature {calibration['temperature']:.2f}; no label under a probability of "
        f"{calibration['threshold']:.2f}."
    )


def sources(card: dict[str, Any]) -> tuple[str, str]:
    """List the corpora that the model was trained on."""
    head = ("corpus", "language", "speakers", "utterances", "licence")
    rows = [
        (item["title"], item["language"], item["speakers"], item["utterances"], item["licence"])
        for item in card["training"]["sources"]
    ]
    return "**Trained on**", table(head, rows)


def emotional_speech(card: dict[str, Any]) -> tuple[str, str]:
    """List the scores; a corpus that was only tested on is marked."""
    intervals = {"UA": "UA", "WA": "WA", "macro-F1": "macro_f1", "ECE": "ECE"}
    head = ("corpus", "heard", "speakers", "utterances", "labels", "chance", *intervals, "labelled", "of these right")
    rows = [
        (
            item["corpus"] if item["trained_on_corpus"] else f"{item['corpus']} (not trained on)",
            item["condition"],
            item["speakers"],
            item["utterances"],
            len(item["labels"]),
            percent(item["chance_ua"]),
            *(interval(item[name]) for name in intervals.values()),
            percent(item["labelled"]),
            percent(item["accuracy_when_labelled"]),
        )
        for item in card["scores"]
    ]
    return "**Emotional speech, by speakers that the model never heard**", table(head, rows)


def read_speech(card: dict[str, Any]) -> tuple[str, str]:
    """List what is heard in read speech."""
    head = ("heard", "speakers", "utterances", "neutral", "no label", "another emotion")
    rows = [
        (
            item["condition"],
            item["speakers"],
            item["utterances"],
            *(interval(item[name]) for name in ("neutral", "withheld", "false_alarms")),
        )
        for item in card["plain_speech"]
    ]
    return "**Read speech, where nobody acted, by speakers that the model never heard**", table(head, rows)


def interval(found: dict[str, float]) -> str:
    return f"{100 * found['value']:.1f} [{100 * found['low']:.1f}, {100 * found['high']:.1f}]"


def percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, text)


if __name__ == "__main__":
    card_path, page_path = map(Path, sys.argv[1:])
    card = json.loads(card_path.read_text(encoding="utf-8"))
    page_path.write_text(replaced(page_path.read_text(encoding="utf-8"), tables(card)), encoding="utf-8")
