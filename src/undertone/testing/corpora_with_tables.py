"""Small copies of the corpora whose labels stand in tables beside the sound; see `undertone.testing.corpora`."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from undertone.testing.sounds import tone, write_recording

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from undertone.units import Hertz

IEMOCAP_ITEMS: Final[Mapping[str, str]] = {
    "Ses01F_impro01_F000": "neu",
    "Ses01F_impro01_F001": "neu",
    "Ses01F_impro01_M000": "fru",
    "Ses01F_impro01_M001": "xxx",
    "Ses01M_script01_1_F000": "ang",
    "Ses01M_script01_1_M000": "hap",
    "Ses02F_impro05_F000": "exc",
    "Ses02F_impro05_M000": "sad",
    "Ses03M_impro05a_M000": "sur",
    "Ses04F_script03_2_F000": "fea",
    "Ses05M_script01_1b_F000": "dis",
    "Ses05M_script01_1b_M000": "oth",
}
"""Ids and the labels of the label files: every label, all five sessions, and every form of a dialogue's name."""

VOTES: Final = {
    "ang": "Anger",
    "dis": "Disgust",
    "exc": "Excited",
    "fea": "Fear",
    "fru": "Frustration",
    "hap": "Happiness",
    "neu": "Neutral state",
    "oth": "Other",
    "sad": "Sadness",
    "sur": "Surprise",
}
"""What listeners ticked for a label."""


def write_tones(paths: Iterable[Path], sample_rate: Hertz) -> None:
    """Write a tenth of a second of another tone to each path, and the folders above."""
    for index, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_recording(path, tone(0.1, 200.0 + 7 * index, sample_rate=sample_rate), sample_rate)


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write a CSV, and the folders above; the first row is the head."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def make_cremad(root: Path) -> Path:
    """Write CREMA-D: two actors, all emotions and levels, who they are, and three votes on each voice and one face."""
    names = [
        f"{actor}_{sentence}_{emotion}_{level}"
        for actor in (1001, 1002)
        for sentence, levels in (("IEO", ("LO", "MD", "HI")), ("DFA", ("XX",)))
        for emotion in ("ANG", "DIS", "FEA", "HAP", "SAD", "NEU")
        for level in (("XX",) if emotion == "NEU" else levels)
    ]
    write_tones((root / "AudioWAV" / f"{name}.wav" for name in names), 16_000)
    write_tones((root / "AudioMP3" / f"{name}.mp3" for name in names[:1]), 44_100)
    write_table(
        root / "VideoDemographics.csv",
        (
            ("ActorID", "Age", "Sex", "Race", "Ethnicity"),
            (1001, 51, "Male", "Caucasian", "Not Hispanic"),
            (1002, 21, "Female", "Caucasian", "Not Hispanic"),
        ),
    )
    head = (
        "", "localid", "pos", "ans", "ttr", "queryType", "numTries", "clipNum", "questNum", "subType", "clipName",
        "sessionNums", "respEmo", "respLevel", "dispEmo", "dispVal", "dispLevel",
    )  # fmt: skip
    votes = [
        (person, query, name, heard)
        for name in names
        for person, query, heard in (("p1", 1, name[9]), ("p2", 1, name[9]), ("p3", 1, "N"), ("p4", 2, "H"))
    ]
    write_table(
        root / "finishedResponses.csv",
        (
            head,
            *(
                (row, person, 1, f"{heard}_60", 900, query, 0, 1, 1, 4, name, 1, heard, 60, name[9], name[13:], 50)
                for row, (person, query, name, heard) in enumerate(votes, start=1)
            ),
        ),
    )
    return root


def make_esd(root: Path) -> Path:
    """Write ESD: a Chinese woman and an English woman, all emotions and parts, and their words."""
    emotions = ("Neutral", "Angry", "Happy", "Sad", "Surprise")
    words = {"0001": "打远一看，它们的确很是美丽，", "0011": "The nine the eggs, I keep."}
    paths = []
    for speaker, text in words.items():
        items = [
            (f"{speaker}_{350 * block + number:06}", emotion, part)
            for block, emotion in enumerate(emotions)
            for number, part in ((1, "evaluation"), (21, "test"), (51, "train"))
        ]
        paths += [root / speaker / emotion / part / f"{name}.wav" for name, emotion, part in items]
        lines = "".join(f"{name}\t{text}\t{emotion}\n" for name, emotion, _ in items)
        (root / speaker).mkdir(parents=True)
        (root / speaker / f"{speaker}.txt").write_bytes(lines.encode("gb18030" if speaker == "0001" else "utf-16"))
    write_tones(paths, 16_000)
    return root


MELD_FOLDERS: Final[Mapping[str, str]] = {
    "train": "train/train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
"""Where the clips of each part lie."""

MELD_ITEMS: Final[Mapping[str, Sequence[tuple[int, int, str, str]]]] = {
    "train": ((0, 0, "Chandler", "neutral"), (0, 1, "The Interviewer", "joy")),
    "dev": ((0, 0, "Phoebe", "sadness"), (110, 7, "Joey", "neutral")),
    "test": ((0, 0, "Mark", "surprise"), (0, 1, "Rachel", "anger")),
}
"""Dialogue, number in it, speaker and emotion of the utterances of each part."""


def make_meld(root: Path, parts: Mapping[str, Sequence[tuple[int, int, str, str]]] = MELD_ITEMS) -> Path:
    """Write MELD: three tables and their clips as video; the clip that the real archive lacks is lacking here too.

    Args:
        root: the folder to write.
        parts: dialogue, number in it, speaker and emotion of the utterances of each part.
    """
    head = (
        "Sr No.", "Utterance", "Speaker", "Emotion", "Sentiment", "Dialogue_ID", "Utterance_ID", "Season", "Episode",
        "StartTime", "EndTime",
    )  # fmt: skip
    clips = []
    for part, items in parts.items():
        rows = [
            (
                row,
                f"Words of {speaker}.",
                speaker,
                emotion,
                "neutral",
                dialogue,
                turn,
                8,
                21,
                "00:16:16,059",
                "00:16:21,731",
            )
            for row, (dialogue, turn, speaker, emotion) in enumerate(items, start=1)
        ]
        write_table(root / f"{part}_sent_emo.csv", (head, *rows))
        clips += [
            root / MELD_FOLDERS[part] / f"dia{dialogue}_utt{turn}.mp4"
            for dialogue, turn, *_ in items
            if dialogue != 110
        ]
    write_tones((*clips, root / MELD_FOLDERS["test"] / "final_videos_testdia0_utt0.mp4"), 48_000)
    return root


def make_msp_podcast(root: Path) -> Path:
    """Write MSP-Podcast: a turn of every class and part, two votes on each, and words."""
    classes = ("A", "C", "D", "F", "H", "N", "O", "S", "U", "X")
    parts = ("Train", "Development", "Test1", "Test2")
    names = [f"MSP-PODCAST_{index:04}_0001" for index in range(len(classes))]
    write_tones((root / "Audios" / f"{name}.wav" for name in names), 16_000)
    write_table(
        root / "Labels" / "labels_consensus.csv",
        (
            ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set"),
            *(
                (
                    f"{name}.wav",
                    letter,
                    4.5,
                    3.5,
                    4.0,
                    index or "Unknown",
                    "Female" if index else "Unknown",
                    parts[index % 4],
                )
                for index, (name, letter) in enumerate(zip(names, classes, strict=True))
            ),
        ),
    )
    write_table(
        root / "Labels" / "labels_detailed.csv",
        (
            ("FileName", "Workers", "EmoClass_Major", "EmoClass_Second", "EmoAct", "EmoVal", "EmoDom"),
            *(
                (f"{name}.wav", worker, emotion, emotion, activation, 3, 4)
                for name in names
                for worker, emotion, activation in (("WORKER01", "Angry", 5), ("WORKER02", "Other-tired", 4))
            ),
        ),
    )
    for name in names:
        (root / "Transcripts").mkdir(exist_ok=True)
        (root / "Transcripts" / f"{name}.txt").write_text("So here we are.\n", encoding="utf-8")
    return root


def make_iemocap(root: Path, items: Mapping[str, str] | None = None, *, sound: bool = True) -> Path:
    """Write IEMOCAP: labels, votes, words and sound.

    Args:
        root: the folder to write.
        items: ids of turns and their labels as the label files have them; `IEMOCAP_ITEMS` where none are given.
        sound: whether to write sound and alignments too, which thousands of items take long for.
    """
    chosen = IEMOCAP_ITEMS if items is None else items
    dialogues: dict[str, list[str]] = {}
    for name in chosen:
        dialogues.setdefault(name.rpartition("_")[0], []).append(name)
    for dialogue, names in dialogues.items():
        session = root / f"Session{dialogue[4]}"
        for kind in ("EmoEvaluation", "transcriptions"):
            (session / "dialog" / kind).mkdir(parents=True, exist_ok=True)
        labels = "".join(_evaluation(name, chosen[name], index) for index, name in enumerate(names))
        head = "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]\n\n"
        (session / "dialog" / "EmoEvaluation" / f"{dialogue}.txt").write_text(head + labels, encoding="utf-8")
        words = [
            f"{name} [{3 * index:08.4f}-{3 * index + 2:08.4f}]: Words of {name}.\n" for index, name in enumerate(names)
        ]
        words.append(f"{dialogue}_MXX0 [900.0000-901.0000]: [LAUGHTER]\n")
        (session / "dialog" / "transcriptions" / f"{dialogue}.txt").write_text("".join(words), encoding="utf-8")
    if sound:
        places = [root / f"Session{name[4]}" / "sentences" for name in chosen]
        inside = [f"{name.rpartition('_')[0]}/{name}" for name in chosen]
        write_tones((place / "wav" / f"{name}.wav" for place, name in zip(places, inside, strict=True)), 16_000)
        for place, name in zip(places, inside, strict=True):
            _write_alignments(place / "ForcedAlignment" / name)
    return root


def _evaluation(name: str, label: str, index: int) -> str:
    """The lines of one turn: three listeners, two of them with dimensions, and the speaker's own judgement."""
    said = VOTES.get(label, "Anger")
    third = said if label != "xxx" else "Sadness"
    own = name.rpartition("_")[2][0]
    return (
        f"[{3 * index:.4f} - {3 * index + 2:.4f}]\t{name}\t{label}\t[2.5000, 3.0000, 3.5000]\n"
        f"C-E2:\t{said};\t()\nC-E3:\t{said}; Frustration;\t(tired)\nC-E4:\t{third};\t()\nC-{own}1:\t{said};\t()\n"
        f"A-E3:\tval 2; act 3; dom  4;\t()\nA-E4:\tval 3; act 3; dom  ;\t()\nA-{own}1:\tval 3; act 2; dom  1;\t()\n\n"
    )


def _write_alignments(path: Path) -> None:
    """A word and its phones between silences, in frames of 10 ms."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".wdseg").write_text(
        "\t SFrm  EFrm    SegAScr Word\n"
        "\t    0     1     -51293 <s>\n\t    2     7     -17530 WHAT(2)\n\t    8     9     -58661 </s>\n"
        "\t Total score:     -127484\n",
        encoding="utf-8",
    )
    path.with_suffix(".phseg").write_text(
        "\t SFrm  EFrm    SegAScr Phone\n"
        "\t    0     1     -51293 SIL\n\t    2     3     -10000 W SIL AA b\n\t    4     5      -5000 AA W T i\n"
        "\t    6     7      -2530 T AA SIL e\n\t    8     9     -58661 SIL\n"
        "\t Total score:     -127484\n",
        encoding="utf-8",
    )
