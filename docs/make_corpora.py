"""Write what the cards of the corpora say into a page, between its two markers.

    python docs/make_corpora.py docs/reference/corpora.md

Run it again after a card or the description of a layout (the second paragraph of the corpus's module) changes.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from marked import between, table

from undertone.corpora.base import Corpus, CorpusCard
from undertone.corpora.registry import CORPORA
from undertone.experiments.words import LANGUAGES

BEGIN, END = "<!-- corpora:begin -->", "<!-- corpora:end -->"


def sections() -> str:
    """Write a section for every corpus with emotions, then one table of those of read speech."""
    emotional = [corpus for _, corpus in sorted(CORPORA.items()) if corpus.parse_name is not None]
    read = [corpus.card for _, corpus in sorted(CORPORA.items()) if corpus.parse_name is None]
    return "\n\n".join((*map(section, emotional), "## Read speech", read_speech(read)))


def section(corpus: Corpus) -> str:
    """Write everything a reader must know about one corpus."""
    card = corpus.card
    parts = [f"## {card.name}", f"**{card.title}.** {card.source}.", table(("", ""), facts(card))]
    if card.counts:
        parts.append(
            "Utterances by emotion: " + ", ".join(f"{name} {count:,}" for name, count in card.counts.items()) + "."
        )
    parts += [layout(card.name), "Known faults:\n\n" + "\n".join(f"- {fault}" for fault in card.known_faults)]
    if card.exclusions:
        listed = "\n".join(f"- `{item.id}`: {item.reason}" for item in card.exclusions)
        parts.append(f"Left out of every protocol:\n\n{listed}")
    return "\n\n".join(parts)


def facts(card: CorpusCard) -> list[tuple[str, str]]:
    """The rows of a corpus's table."""
    rows = [
        ("language", f"{LANGUAGES[card.language]} (`{card.language}`)"),
        ("licence", card.licence),
        ("a model may be released", "yes" if card.model_may_be_released else "no"),
        ("speakers", f"{card.speakers:,}"),
        ("utterances", f"{card.utterances:,}"),
        ("speech", "acted" if card.acted else "spontaneous"),
        ("who said which emotion", card.raters),
        ("sample rate", f"{card.sample_rate:,} Hz" if card.sample_rate else "several, or not published"),
    ]
    if card.scale:
        rows.append(("valence, activation, dominance", f"from {card.scale[0]:g} to {card.scale[1]:g}"))
    return rows


def layout(name: str) -> str:
    """What the reader expects on disk: the module's second paragraph, unwrapped."""
    text = import_module(f"undertone.corpora.{name}").__doc__ or ""
    paragraphs = text.strip().split("\n\n")
    if len(paragraphs) != 2 or not paragraphs[1].startswith("Layout"):
        raise SystemExit(f"undertone.corpora.{name} needs a second paragraph that begins with Layout")
    return " ".join(paragraphs[1].split())


def read_speech(cards: list[CorpusCard]) -> str:
    """One table of the corpora without emotions."""
    head = ("name", "corpus", "language", "licence", "speakers", "utterances")
    rows = [
        (
            f"`{card.name}`",
            card.title,
            LANGUAGES[card.language],
            card.licence,
            str(card.speakers),
            f"{card.utterances:,}",
        )
        for card in cards
    ]
    return "These are read from a `metadata.csv` only.\n\n" + table(head, rows)


def replaced(page: str, text: str) -> str:
    """Put a text between the markers of the page."""
    return between(page, BEGIN, END, f"\n{text}\n")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(replaced(path.read_text(encoding="utf-8"), sections()), encoding="utf-8")
