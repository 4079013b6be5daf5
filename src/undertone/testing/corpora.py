"""Small copies of the corpora's official layouts, of tones: for tests of whatever reads corpora.

Each builder takes the folder to write and gives it back. Every file is another tone, so that no two sound alike.
"""

from __future__ import annotations

import json
from itertools import product
from typing import TYPE_CHECKING, Final

from undertone.testing.corpora_with_tables import (
    make_cremad,
    make_esd,
    make_iemocap,
    make_meld,
    make_msp_podcast,
    write_tones,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def make_ased(root: Path) -> Path:
    """Write ASED: a woman and a man, all emotions, a common sentence and one of the emotion's own."""
    folders = {"n1": "01Neutral", "f2": "02Fearful", "h3": "03Happy", "s4": "04Sad", "a5": "05Angry"}
    speakers = (("01", "01"), ("02", "50"))
    names = [
        f"{folder}/{emotion}-{sentence}-01-{gender}-{speaker}"
        for (emotion, folder), sentence, (gender, speaker) in product(folders.items(), ("01", "03"), speakers)
    ]
    # The real corpus has one name with a capital too.
    names[names.index("04Sad/s4-01-01-01-01")] = "04Sad/S4-01-01-01-01"
    write_tones((root / f"{name}.wav" for name in names), 16_000)
    return root


def make_cafe(root: Path) -> Path:
    """Write CaFE: a man and a woman, all emotions and intensities."""
    folders = {"C": "Colère", "D": "Dégoût", "J": "Joie", "P": "Peur", "S": "Surprise", "T": "Tristesse"}
    names = [
        f"{folder}/{strength}/{actor}-{letter}-{intensity}-1"
        for (letter, folder), (intensity, strength), actor in product(
            folders.items(), ((1, "Faible"), (2, "Fort")), ("01", "02")
        )
    ]
    names += [f"Neutre/{actor}-N-0-1" for actor in ("01", "02")]
    write_tones((root / f"{name}.wav" for name in names), 48_000)
    return root


def make_emodb(root: Path) -> Path:
    """Write EmoDB: a man and a woman, all emotions."""
    write_tones(
        (root / "wav" / f"{speaker}a01{letter}a.wav" for speaker, letter in product(("03", "08"), "WLEAFTN")), 16_000
    )
    return root


def make_emovdb(root: Path) -> Path:
    """Write EmoV-DB, sorted: four speakers, all emotions but those that josh lacks, and the table of prompts."""
    folders = {
        "amused": "Amused",
        "anger": "Angry",
        "disgust": "Disgusted",
        "neutral": "Neutral",
        "sleepiness": "Sleepy",
    }
    names = [
        f"{speaker}/{folder}/{word}_1-28_0001"
        for speaker, (word, folder) in product(("bea", "jenie", "josh", "sam"), folders.items())
        if speaker != "josh" or word not in {"anger", "disgust"}
    ]
    write_tones((root / f"{name}.wav" for name in names), 44_100)
    prompts = (
        'arctic_a0001 "Author of the danger trail, Philip Steels, etc."',
        'arctic_b0001 "Gad, do I remember it."',
    )
    (root / "cmuarctic.data").write_text("".join(f"( {each} )\n" for each in prompts), encoding="utf-8")
    return root


def make_emovo(root: Path) -> Path:
    """Write EMOVO: a woman and a man, all emotions, two sentences."""
    emotions = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
    names = [f"{actor}/{each}-{actor}-{said}" for actor, each, said in product(("f1", "m1"), emotions, ("b1", "d2"))]
    write_tones((root / f"{name}.wav" for name in names), 48_000)
    return root


def make_jlcorpus(root: Path) -> Path:
    """Write the JL corpus: two speakers, all ten emotions, and a text beside each file."""
    emotions = (
        "angry", "excited", "happy", "neutral", "sad", "anxious", "apologetic", "assertive", "concerned", "encouraging",
    )  # fmt: skip
    folder = root / "Raw JL corpus (unchecked and unannotated)" / "JL(wav+txt)"
    names = [f"{speaker}_{emotion}_12a_1" for speaker, emotion in product(("female1", "male2"), emotions)]
    write_tones((folder / f"{name}.wav" for name in names), 44_100)
    for name in names:
        (folder / f"{name}.txt").write_text("Carl leaps into a jeep.\n", encoding="utf-8")
    return root


def make_nemo(root: Path) -> Path:
    """Write nEMO: a woman and a man, all emotions, and the table that lies beside the samples."""
    emotions = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    names = [f"{speaker}_{emotion}_1" for speaker, emotion in product(("EB0", "KS0"), emotions)]
    write_tones((root / "samples" / f"{name}.wav" for name in names), 24_000)
    head = "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
    rows = [f"{name}.wav\t{name.split('_')[1]}\tLubię.\tlubię\t{name[:3]}\tfemale\t27\n" for name in names]
    (root / "data.tsv").write_text(head + "".join(rows), encoding="utf-8")
    return root


def make_ravdess(root: Path) -> Path:
    """Write the speech of RAVDESS, two actors in all emotions, and a song, which is not of the corpus."""
    names = [
        f"Actor_{actor}/03-01-0{emotion}-01-01-01-{actor}" for actor, emotion in product(("01", "02"), range(1, 9))
    ]
    names.append("Actor_01/03-02-01-01-01-01-01")
    write_tones((root / f"{name}.wav" for name in names), 48_000)
    return root


def make_savee(root: Path) -> Path:
    """Write SAVEE: two men, all emotions."""
    letters = ("a", "d", "f", "h", "n", "sa", "su")
    names = [f"{speaker}/{letter}01" for speaker, letter in product(("DC", "KL"), letters)]
    write_tones((root / "AudioData" / f"{name}.wav" for name in names), 44_100)
    return root


def make_shemo(root: Path) -> Path:
    """Write ShEMO: a woman and a man, all emotions, and the table of words."""
    names = [f"{speaker}{letter}01" for speaker, letter in product(("F01", "M01"), "AFHNSW")]
    folders = {"F": "female", "M": "male"}
    write_tones((root / folders[name[0]] / f"{name}.wav" for name in names), 44_100)
    rows = [{"id": name, "gender": folders[name[0]], "transcript": "\ufeffفرانسه؟", "ipa": "færɑnse"} for name in names]
    (root / "shemo.json").write_text(json.dumps(rows), encoding="utf-8")
    return root


def make_subesco(root: Path) -> Path:
    """Write SUBESCO: a woman and a man of the same number, all emotions."""
    emotions = ("ANGRY", "DISGUST", "FEAR", "HAPPY", "NEUTRAL", "SAD", "SURPRISE")
    names = [f"{speaker}_S_10_{emotion}_1" for speaker, emotion in product(("F_01_OISHI", "M_01_TAREQ"), emotions)]
    # One published name ends like this.
    names.append("F_02_MONIKA_S_2_SURPRISE_3]")
    write_tones((root / f"{name}.wav" for name in names), 48_000)
    return root


def make_tess(root: Path) -> Path:
    """Write TESS: both women, all emotions, and the file whose name lacks a letter."""
    folders = {
        "angry": "angry", "disgust": "disgust", "fear": "Fear", "happy": "happy", "neutral": "neutral",
        "ps": "Pleasant_surprise", "sad": "Sad",
    }  # fmt: skip
    names = [
        f"{speaker}_{folder}/{speaker}_back_{word}"
        for speaker, (word, folder) in product(("OAF", "YAF"), folders.items())
    ]
    names.append("OAF_neutral/OA_bite_neutral")
    write_tones((root / f"{name}.wav" for name in names), 24_414)
    return root


def make_turevdb(root: Path) -> Path:
    """Write TurEV-DB: two speakers, all emotions, and a second take."""
    folders = {"kz": "Angry", "sk": "Calm", "mt": "Happy", "hl": "Sad"}
    names = [
        f"{folder}/{speaker}_{word}_ogul" for speaker, (word, folder) in product(("1984", "7895"), folders.items())
    ]
    names.append("Sad/7895_hl_ogul1")
    write_tones((root / "Sound Source" / f"{name}.wav" for name in names), 48_000)
    return root


def make_urdu(root: Path) -> Path:
    """Write URDU: a man and a woman, all emotions."""
    folders = {"A": "Angry", "H": "Happy", "N": "Neutral", "S": "Sad"}
    names = [
        f"{folder}/{speaker}_F{number}_{letter}{number:03}"
        for (letter, folder), (number, speaker) in product(folders.items(), enumerate(("SM1", "SF2"), start=1))
    ]
    write_tones((root / f"{name}.wav" for name in names), 44_100)
    return root


MINIATURES: Final[Mapping[str, Callable[[Path], Path]]] = {
    "ased": make_ased,
    "cafe": make_cafe,
    "cremad": make_cremad,
    "emodb": make_emodb,
    "emovdb": make_emovdb,
    "emovo": make_emovo,
    "esd": make_esd,
    "iemocap": make_iemocap,
    "jlcorpus": make_jlcorpus,
    "meld": make_meld,
    "msp_podcast": make_msp_podcast,
    "nemo": make_nemo,
    "ravdess": make_ravdess,
    "savee": make_savee,
    "shemo": make_shemo,
    "subesco": make_subesco,
    "tess": make_tess,
    "turevdb": make_turevdb,
    "urdu": make_urdu,
}
"""The builder of each corpus with emotions, by its name."""
