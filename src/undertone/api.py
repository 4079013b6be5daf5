"""The two functions most callers need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from undertone.conversation.channels import Channels
from undertone.inference.bundle import read_bundle
from undertone.inference.recognizer import Recognizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from undertone.records import Timeline, Turn, Word


def load(bundle: str | Path | None = None, *, threads: int = 0) -> Recognizer:
    """Load a recogniser once, for many recordings.

    Args:
        bundle: a folder; the bundle that ships with the package where None.
        threads: that the network may use at once; as many as there are cores where 0.

    Raises:
        BundleError: if the bundle is damaged, incomplete, or made for another version.

    Example:
        >>> import undertone
        >>> undertone.load().card.labels
        ('neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised')
    """
    return Recognizer(read_bundle(None if bundle is None else Path(bundle)), threads=threads)


def analyze(
    path: str | Path,
    *,
    bundle: str | Path | None = None,
    channels: str = Channels.AUTO,
    names: Sequence[str] = (),
    turns: str | Path | Sequence[Turn] | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    text: str | Sequence[Word] | None = None,
    asr: str | None = None,
    explain: bool = False,
    baseline: str = "speaker",
    prior: str | None = None,
) -> Timeline:
    """Say who felt what, when, in one recording; for several, `load` once and call `Recognizer.analyze`.

    Args:
        path: of the recording.
        bundle: a folder; the bundle that ships with the package where None.
        channels: `split` makes each channel a speaker, `mix` joins them, `auto` listens which is right.
        names: who speaks on each channel, or one name for all.
        turns: a file of turns, or the turns; found by voice activity where None.
        only: speakers to judge.
        skip: speakers to leave out; their emotion is never computed.
        text: everything that is said, in order; see `Recognizer.analyze`.
        asr: what hears the words of turns whose text is not known: `pocketsphinx`, or `faster-whisper:MODEL`.
        explain: whether to tell what each word counts for, and what the voice alone says; takes a bundle that reads.
        baseline: `speaker` holds turns against their speaker's others, by a bundle that can; `none` each by itself.
        prior: what is expected of the recording, one of the bundle's priors; the first, if it has any, where None.

    Raises:
        UndertoneError: with what was wrong, what is accepted, and what to do.
    """
    return load(bundle).analyze(
        path,
        channels=channels,
        names=names,
        turns=turns,
        only=only,
        skip=skip,
        text=text,
        asr=asr,
        explain=explain,
        baseline=baseline,
        prior=prior,
    )
