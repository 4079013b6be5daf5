"""`undertone bundle`: what a model is, whether it is whole, and how one is put together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from undertone.cli.failures import as_click_error
from undertone.errors import MissingExtraError

if TYPE_CHECKING:
    from undertone.inference.card import Calibration, Card, PlainSpeech, Pretrained, Prior, Score, Source
    from undertone.metrics.uncertainty import Estimate


@click.group()
def bundle() -> None:
    """Show, verify or build a model bundle."""


@bundle.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print card.json as it is.")
def show(path: Path | None, as_json: bool) -> None:
    """Show the card of the bundle at PATH, or of the one that ships."""
    from undertone.inference.bundle import read_bundle

    with as_click_error():
        card = read_bundle(path).card
    click.echo(card.as_json() if as_json else describe(card), nl=not as_json)


@bundle.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
def verify(path: Path | None) -> None:
    """Check the checksums, the card and the golden answers of the bundle at PATH, or of the one that ships."""
    from undertone.inference.bundle import read_bundle
    from undertone.inference.parity import largest_difference

    with as_click_error():
        found = read_bundle(path)
        difference = largest_difference(found)
    if difference > found.golden.tolerance:
        raise click.ClickException(
            f"bundle {found.path}: its answers differ from the stored ones by {difference:.2g}; at most "
            f"{found.golden.tolerance:.2g} is accepted. Run `undertone doctor`, then fetch or build the bundle anew"
        )
    click.echo(f"{found.card.id}: checksums, card and goldens are right (largest difference {difference:.1g})")


@bundle.command()
@click.argument("recipe")
@click.argument("target", type=click.Path(path_type=Path))
def build(recipe: str, target: Path) -> None:
    """Make the bundle TARGET from RECIPE: `multilevel`, or a folder that `undertone train` wrote.

    A bundle that reads transcripts holds an encoder of text, which is too large to come with this package. It is taken
    from where it is installed, and the answers are proven to be the same.
    """
    with as_click_error():
        try:
            from undertone.experiments.recipe import assemble, recipe_folder
        except ModuleNotFoundError as error:
            raise MissingExtraError("making a bundle", "train") from error
        card = assemble(recipe_folder(recipe), target)
    click.echo(f"wrote {target}: {card.id}")


def describe(card: Card) -> str:
    """Write a card for people, in plain text."""
    lines = [
        f"{card.id}: {card.title}",
        f"  system      {card.system} ({card.system_source}), {card.parameters / 1e6:.2f} M parameters",
        f"  labels      {', '.join(card.labels)}",
        f"  licence     {card.licence}",
        f"  windows     {card.windows.length_s:g} s every {card.windows.hop_s:g} s; "
        f"turns under {card.windows.shortest_s:g} s are not judged",
        *_relative(card),
        *_expected(card),
        f"  protocol    {card.training.protocol}, {card.training.speakers_shared} test speakers heard in training, "
        f"seed {card.training.seed}",
        "  trained on",
    ]
    lines += [f"    {_source(source)}" for source in card.training.sources]
    if card.backbone:
        lines += _built_on(card.backbone)
    if card.reads:
        parts = ", ".join(("frames", *(f"{name}s" for name in card.reads.granularities)))
        lines += [
            f"  reads       up to {card.reads.most_tokens} tokens, through {card.reads.source}; speech as {parts}"
        ]
    if card.rounding:
        before = "; ".join(
            f"{item.corpus} ({item.condition}) UA {_interval(item.UA)}" for item in card.rounding.float32
        )
        lines += [f"  weights     {card.rounding.precision}; in float32: {before}"]
    lines += ["  on speakers that it never heard (95 % intervals over speakers)"]
    lines += [f"    {_score(score)}" for score in card.scores]
    if card.plain_speech:
        lines += ["  on read speech, where nobody acted"] + [f"    {_plain(item)}" for item in card.plain_speech]
    for title, items in (("for", card.intended_use), ("not for", card.excluded_use), ("limits", card.limits)):
        lines += [f"  {title}"] + [f"    {item}" for item in items]
    return "\n".join(lines)


def _relative(card: Card) -> list[str]:
    """What turns are held against."""
    if card.baseline is None:
        return []
    return [
        f"  baseline    turns are held against their speaker's others; one counts in full from "
        f"{card.baseline.full_turn_s:g} s, and not at all under {card.baseline.shortest_s:g} s"
    ]


def _expected(card: Card) -> list[str]:
    """When a label is withheld: by what is expected of a recording, or by the one calibration that there is."""
    if not card.priors:
        return [f"  abstains    {_abstains(card.calibration)}"]
    lines = []
    for prior in card.priors:
        shares = ", ".join(f"{label} {share:.0%}" for label, share in zip(card.labels, prior.shares, strict=True))
        lines.append(f"  prior       {prior.name}: {shares} ({prior.source}); abstains {_abstains(prior)}")
    return lines


def _abstains(calibration: Calibration | Prior) -> str:
    return f"under a probability of {calibration.threshold:.2f} (temperature {calibration.temperature:.2f})"


def _source(source: Source) -> str:
    return (
        f"{source.title} [{source.language}], {source.speakers} speakers, {source.utterances} utterances, "
        f"{source.licence}"
    )


def _built_on(backbone: Pretrained) -> list[str]:
    """What a model stands on; where no sources are listed, somebody else trained it."""
    if not backbone.sources:
        return [f"  built on    {backbone.name}, frozen (SHA-256 {backbone.sha256[:12]}…)"]
    lines = [f"  built on    {backbone.name}, a phone recogniser; {backbone.learnt} of it went on learning; trained on"]
    lines += [f"    {_source(source)}" for source in backbone.sources]
    return lines + [
        f"    which heard {count} of the test speakers of {corpus}"
        for corpus, count in backbone.test_speakers_heard.items()
    ]


def _score(score: Score) -> str:
    kind = score.condition if score.trained_on_corpus else f"{score.condition}, corpus not trained on"
    accuracy = score.accuracy_when_labelled
    right = "" if accuracy is None else f", of these {accuracy:.0%} right"
    return (
        f"{score.corpus} ({kind}): UA {_interval(score.UA)}, chance {score.chance_ua:.0%}; WA {_interval(score.WA)}; "
        f"macro-F1 {_interval(score.macro_f1)}; ECE {_interval(score.ECE)}; {score.labelled:.0%} labelled"
        f"{right}; {score.speakers} speakers, {score.utterances} utterances"
    )


def _plain(item: PlainSpeech) -> str:
    return (
        f"{item.condition}: neutral {_interval(item.neutral)}, no label {_interval(item.withheld)}, "
        f"another emotion {_interval(item.false_alarms)}; {item.speakers} speakers, {item.utterances} utterances"
    )


def _interval(interval: Estimate) -> str:
    return f"{interval.value * 100:.1f} [{interval.low * 100:.1f}, {interval.high * 100:.1f}] %"
