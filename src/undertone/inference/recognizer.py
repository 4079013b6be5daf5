"""The recogniser: a bundle made ready to turn recordings into timelines."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from undertone.audio.decode import open_recording
from undertone.audio.resample import Resampler
from undertone.audio.vad import SpeechNetwork
from undertone.conversation.channels import Channels
from undertone.conversation.turns import TurnRules
from undertone.errors import NotFiniteAudioError, UsageError
from undertone.inference.ahead import ahead
from undertone.inference.judge import judge_of
from undertone.inference.listen import TurnFinder, TurnFollower
from undertone.inference.plan import Request, plan_for, voices_of
from undertone.inference.reading import reader_for
from undertone.inference.session import session_of
from undertone.inference.transcribing import TranscribingJudge
from undertone.inference.transcript import outside, with_words
from undertone.inference.verdict import prior_of
from undertone.records import Recording, Timeline
from undertone.transcribers.registry import transcriber_named
from undertone.units import SAMPLE_RATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from undertone.audio.decode import Decoder
    from undertone.inference.bundle import Bundle
    from undertone.inference.card import Card
    from undertone.inference.judge import Judge
    from undertone.inference.listen import Listener, Piece
    from undertone.inference.plan import Plan
    from undertone.records import Turn, TurnEmotion, Word
    from undertone.units import Hertz, Seconds

    Progress = Callable[[Seconds, Seconds | None], None]

BASELINES: Final = ("speaker", "none")
"""What turns may be held against: their speaker's others, or nothing."""

BLOCK_S: Final[Seconds] = 32.0
"""Sound held at once. Longer blocks are no faster, and in short recordings leave the network waiting for its first."""


class Recognizer:
    """Turns recordings into timelines with one bundle. Make one and use it for many; it keeps nothing of them.

    Args:
        bundle: verified.
        threads: that the network may use at once; as many as there are cores where 0.

    Raises:
        BundleError: if the bundle's graph does not run here, or what it reads with is not the one it was built with.
        MissingExtraError: if it reads transcripts, and what that takes is not installed.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        self._card = bundle.card
        self._session = session_of(bundle, threads=threads)
        self._reader = reader_for(bundle, threads=threads)
        self._speech = SpeechNetwork()

    @property
    def card(self) -> Card:
        """What is known of the model: its labels, scores, limits."""
        return self._card

    def analyze(
        self,
        path: str | Path,
        *,
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
        progress: Progress | None = None,
    ) -> Timeline:
        """Say who felt what, when, in a recording. Memory does not grow with its length.

        Args:
            path: of the recording: wav, flac, ogg, opus, mp3, m4a, mp4, webm, amr and more.
            channels: `split` makes each channel a speaker, `mix` joins them, `auto` listens which is right.
            names: who speaks on each channel, or one name for all.
            turns: a file of turns (RTTM, TextGrid, ELAN, SRT, VTT, CSV, WhisperX JSON, our JSON), or the turns.
            only: speakers to judge.
            skip: speakers to leave out; their emotion is never computed.
            text: everything that is said, in order: in English, or as words with their times, in any language. Turns
                get the words that are said in them, unless they carry some; a bundle that reads judges by them, too.
                Finding the times takes 14 MB of memory an hour.
            asr: what hears the words of turns whose text is not known: `pocketsphinx`, or `faster-whisper:MODEL`.
            explain: whether to tell what the voice alone says, and what each word counts for, which takes as many times
                longer as turns have words.
            baseline: `speaker` holds turns against their speaker's others, by a bundle that can; `none` each by itself.
            prior: what is expected of the recording, one of the bundle's priors; the first, if it has any, where None.
            progress: called now and then with the seconds heard and, where known, the seconds in all.

        Returns:
            The timeline; without turns, and with a note that says so, where nobody speaks.

        Raises:
            AudioError: if the recording cannot be used.
            TurnsError: if the turns cannot be read or do not fit.
            TranscriptError, AlignmentError: if the text is not what is said.
            UsageError: if the options contradict each other or the recording.
            MissingExtraError: if the options take packages that are not installed.
        """
        if text is not None and asr is not None:
            raise UsageError("a transcript of the recording leaves no words to be heard; give text or asr")
        request = Request(
            channels=_channels(channels),
            names=tuple(names),
            turns=Path(turns) if isinstance(turns, str | Path) else None if turns is None else tuple(turns),
            only=tuple(only),
            skip=tuple(skip),
            text=text if text is None or isinstance(text, str) else tuple(text),
        )
        # What cannot be asked for is refused before anything is decoded.
        judge = self._judge(asr, explain=explain, baseline=baseline, prior=prior)
        plan = plan_for(Path(path), request)
        found: list[TurnEmotion] = []
        heard = 0
        with open_recording(path) as recording, closing(ahead(_listen(recording, plan, self._speech))) as listened:
            for pieces, samples in listened:
                heard += samples
                found += judge.hear(pieces)
                if progress:
                    progress(heard / SAMPLE_RATE, recording.duration)
            found += judge.finish()
            known = Recording(
                path=str(path),
                channels=recording.channels,
                sample_rate=recording.sample_rate,
                duration=heard / SAMPLE_RATE,
            )
        return Timeline(
            recording=known,
            turns=tuple(sorted(found, key=lambda item: (item.turn.start, item.turn.channel or 0))),
            labels=self._card.labels,
            bundle_id=self._card.id,
            notes=_notes(plan, found) + judge.notes(),
        )

    def stream(
        self,
        *,
        sample_rate: Hertz = SAMPLE_RATE,
        channels: int = 1,
        split: bool = True,
        names: Sequence[str] = (),
        asr: str | None = None,
        baseline: str = "speaker",
        prior: str | None = None,
    ) -> Stream:
        """Begin to follow a conversation while it happens.

        Args:
            sample_rate: of the sound that will be fed.
            channels: in the sound that will be fed.
            split: whether each channel is a speaker; otherwise they are mixed.
            names: who speaks on each channel.
            asr: what hears the words of turns, as for `analyze`.
            baseline: as for `analyze`, of the turns that have ended.
            prior: as for `analyze`.

        Raises:
            UsageError: if the names do not match the channels, or there is no such `asr`, `baseline` or `prior`.
            MissingExtraError: if `asr` takes packages that are not installed.
        """
        voices = voices_of(channels, names, split=split and channels > 1)
        return Stream(
            resampler=Resampler(sample_rate, SAMPLE_RATE, channels),
            listener=TurnFinder(voices, TurnRules(), self._speech),
            judge=self._judge(asr, baseline=baseline, prior=prior, causal=True),
        )

    def _judge(
        self, asr: str | None, *, baseline: str, prior: str | None, explain: bool = False, causal: bool = False
    ) -> Judge:
        """Make what judges the turns of one recording."""
        if explain and self._reader is None:
            raise UsageError(f"the bundle {self._card.id} only hears; what words count for takes one that reads")
        if baseline not in BASELINES:
            raise UsageError(f"baseline can be {', '.join(BASELINES)}, not {baseline!r}")
        judge = judge_of(
            self._card,
            self._session,
            self._reader,
            explain=explain,
            baseline=baseline == "speaker",
            prior=prior_of(self._card, prior),
            causal=causal,
        )
        return judge if asr is None else TranscribingJudge(transcriber_named(asr), judge)


def _channels(name: str) -> Channels:
    try:
        return Channels(name)
    except ValueError as error:
        raise UsageError(f"channels can be {', '.join(Channels)}, not {name!r}") from error


def _notes(plan: Plan, found: Sequence[TurnEmotion]) -> tuple[str, ...]:
    """Say what a reader must know of whom was listened to, and of the transcript."""
    nobody = () if found else (f"nobody{' else' if plan.leaves_out else ''} was heard to speak",)
    lost = outside(plan.words, [item.turn for item in found])
    unsaid = (f"{lost} of the transcript's {len(plan.words)} words lie in no turn that was judged",) if lost else ()
    return nobody + plan.notes + unsaid


def _listen(recording: Decoder, plan: Plan, speech: SpeechNetwork) -> Iterator[tuple[list[Piece], int]]:
    """Give the sound of the wanted turns, block by block, and how many samples at 16 kHz each block had."""
    listener: Listener
    if plan.turns is None:
        listener = TurnFinder(plan.voices, TurnRules(), speech)
    else:
        listener = TurnFollower([turn for turn in plan.turns if plan.request.wants(turn.speaker)])
    resampler = Resampler(recording.sample_rate, SAMPLE_RATE, recording.channels)
    for block in recording.blocks(BLOCK_S):
        sound = resampler.feed(block)
        yield _wanted(listener.feed(sound), plan), len(sound)
    sound = resampler.finish()
    yield _wanted([*listener.feed(sound), *listener.finish()], plan), len(sound)


def _wanted(pieces: list[Piece], plan: Plan) -> list[Piece]:
    """Drop the turns of speakers who are left out, heard only to find cross-talk; give the others their words."""
    wanted = [piece for piece in pieces if plan.request.wants(piece.turn.speaker)]
    return [replace(piece, turn=with_words(piece.turn, plan.words)) for piece in wanted] if plan.words else wanted


class Stream:
    """A conversation followed while it happens: feed sound, get the turns that have ended."""

    def __init__(self, *, resampler: Resampler, listener: Listener, judge: Judge) -> None:
        self._resampler = resampler
        self._listener = listener
        self._judge = judge

    def feed(self, samples: NDArray[np.float32]) -> list[TurnEmotion]:
        """Take sound, floating-point numbers within −1 … 1 of shape (sample, channel), and return the turns it ended.

        Raises:
            ValueError: if the shape is another one.
            UsageError: if the samples are whole numbers.
            NotFiniteAudioError: if one is not a number; nothing was taken then.
        """
        if samples.dtype.kind != "f":
            raise UsageError(
                f"the samples are {samples.dtype}; floating-point numbers within −1 … 1 are heard. Divide 16-bit "
                "samples by 32768"
            )
        if not np.isfinite(samples).all():
            raise NotFiniteAudioError("the stream", "a sample is not a number (NaN or infinite); mend what feeds it")
        return self._judge.hear(self._listener.feed(self._resampler.feed(samples)))

    def finish(self) -> list[TurnEmotion]:
        """End the conversation and return the turns that were open; nothing may be fed afterwards."""
        pieces = self._listener.feed(self._resampler.finish())
        return [*self._judge.hear([*pieces, *self._listener.finish()]), *self._judge.finish()]
