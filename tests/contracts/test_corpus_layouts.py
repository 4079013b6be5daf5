"""Every corpus with emotions, in a small copy of its official layout: what its reader must make of it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import shared_data
from hypothesis import given
from hypothesis import strategies as st

from undertone.corpora.base import read_corpus
from undertone.corpora.layouts import TABLE
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.errors import CorpusError
from undertone.experiments.words import LANGUAGES
from undertone.labels import EMOTIONS, canonical
from undertone.testing.corpora import MINIATURES, make_iemocap

EMOTIONAL = sorted(name for name, corpus in CORPORA.items() if corpus.parse_name is not None)
every_corpus = pytest.mark.parametrize("name", EMOTIONAL)
DESIGNED = [name for name in EMOTIONAL if CORPORA[name].whole]

FOLDS = shared_data()
BENCHMARK = sorted(path.stem for path in (FOLDS / "emobox_folds").glob("*.json")) if FOLDS else ["iemocap"]

EMOVO_WORDS = {
    "dis": "disgust", "gio": "joy", "neu": "neutral", "pau": "fear", "rab": "anger", "sor": "surprise",
    "tri": "sadness",
}  # fmt: skip
"""The benchmark maps every other corpus's labels itself."""

EXAMPLES: dict[str, tuple[str, dict[str, Any]]] = {
    "ased": ("s4-01-01-01-01", {"speaker": "ased_01", "emotion": "sad", "gender": "F", "sentence": "01"}),
    "cafe": (
        "02-P-2-1",
        {"speaker": "cafe_02", "emotion": "fearful", "gender": "F", "text": "Un cheval fou dans mon jardin"},
    ),
    "cremad": (
        "1002_DFA_DIS_XX",
        {"speaker": "cremad_1002", "emotion": "disgusted", "gender": "F", "text": "Don't forget a jacket."},
    ),
    "emodb": ("08a01Ta", {"speaker": "emodb_08", "emotion": "sad", "gender": "F", "sentence": "a01"}),
    "emovdb": (
        "bea/sleepiness_1-28_0001",
        {
            "speaker": "emovdb_bea", "emotion": "sleepy", "gender": "F", "sentence": "0001",
            "text": "Author of the danger trail, Philip Steels, etc.",
        },
    ),
    "emovo": (
        "rab-m1-d2",
        {"speaker": "emovo_m1", "emotion": "angry", "gender": "M", "text": "Porti con te quella cosa?"},
    ),
    "esd": (
        "0011_000371",
        {
            "speaker": "esd_0011", "emotion": "angry", "gender": "M", "language": "en", "split": "test",
            "sentence": "en021", "text": "The nine the eggs, I keep.",
        },
    ),
    "iemocap": (
        "Ses02F_impro05_F000",
        {"speaker": "iemocap_02F", "emotion": "excited", "gender": "F", "dialogue": "Ses02F_impro05", "valence": 2.5},
    ),
    "jlcorpus": (
        "male2_anxious_12a_1",
        {"speaker": "jlcorpus_male2", "emotion": "anxious", "gender": "M", "text": "Carl leaps into a jeep."},
    ),
    "meld": (
        "dev/dia0_utt0",
        {"speaker": "meld_Phoebe", "emotion": "sad", "dialogue": "dev/dia0", "turn_index": 0, "split": "validation"},
    ),
    "msp_podcast": (
        "MSP-PODCAST_0001_0001",
        {"speaker": "msp_podcast_1", "emotion": "contempt", "gender": "F", "split": "validation", "activation": 4.5},
    ),
    "nemo": ("KS0_sadness_1", {"speaker": "nemo_KS0", "emotion": "sad", "gender": "M"}),
    "ravdess": ("Actor_02/03-01-08-01-01-01-02", {"speaker": "ravdess_02", "emotion": "surprised", "gender": "F"}),
    "savee": ("KL_su01", {"speaker": "savee_KL", "emotion": "surprised", "gender": "M", "sentence": "su01"}),
    "shemo": ("M01F01", {"speaker": "shemo_M01", "emotion": "fearful", "gender": "M", "text": "فرانسه؟"}),
    "subesco": (
        "F_02_MONIKA_S_2_SURPRISE_3",
        {"speaker": "subesco_F02", "emotion": "surprised", "gender": "F", "sentence": "2"},
    ),
    "tess": (
        "OAF_bite_neutral",
        {"speaker": "tess_OAF", "emotion": "neutral", "gender": "F", "text": "Say the word bite."},
    ),
    "turevdb": ("7895_hl_ogul1", {"speaker": "turevdb_7895", "emotion": "sad", "sentence": "ogul"}),
    "urdu": ("Sad/SF2_F2_S002", {"speaker": "urdu_SF2", "emotion": "sad", "gender": "F"}),
}  # fmt: skip
"""An utterance of each miniature, as its publisher's description has it."""


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All small copies, written once."""
    root = tmp_path_factory.mktemp("miniatures")
    for name, make in MINIATURES.items():
        assert make(root / name) == root / name
    return root


def test_every_corpus_with_emotions_has_a_miniature_and_an_example() -> None:
    assert sorted(MINIATURES) == EMOTIONAL
    assert sorted(EXAMPLES) == EMOTIONAL


@every_corpus
def test_a_reader_finds_everything_in_the_official_layout(name: str, miniatures: Path) -> None:
    card = corpus_named(name).card
    found = read_corpus(corpus_named(name), miniatures / name)
    assert len({item.id for item in found}) == len(found) >= 5
    assert len({item.path for item in found}) == len(found)
    for item in found:
        assert item.id.startswith(f"{name}/")
        assert item.corpus == name
        assert item.speaker.startswith(f"{name}_")
        assert item.speaker != f"{name}_"
        assert item.duration == pytest.approx(0.1, abs=0.08)  # AAC pads with up to two of its frames
        assert item.language in LANGUAGES
        assert card.language in {item.language, "mul"}
        assert item.gender in {"F", "M", None}
        assert item.emotion is None or item.emotion == canonical(item.emotion)
    emotions = {item.emotion for item in found} - {None}
    assert emotions <= set(card.counts) or not card.counts
    assert len(emotions) >= min(4, len(card.counts))


@pytest.mark.parametrize("name", [name for name in EMOTIONAL if name != "meld"])
def test_a_miniature_holds_every_emotion_that_its_corpus_has(name: str, miniatures: Path) -> None:
    """MELD's is video, which takes long to write; it holds five of seven."""
    card = corpus_named(name).card
    emotions = {item.emotion for item in corpus_named(name).scan(miniatures / name)} - {None}
    assert emotions >= set(card.counts)


@every_corpus
def test_no_two_files_of_a_miniature_are_alike(name: str, miniatures: Path) -> None:
    """So that nothing that looks for copies is misled."""
    found = [path.read_bytes() for path in (miniatures / name).rglob("*") if path.suffix in {".wav", ".mp4"}]
    assert len(set(found)) == len(found)


@every_corpus
def test_an_utterance_is_what_the_publisher_says(name: str, miniatures: Path) -> None:
    own, wanted = EXAMPLES[name]
    found = {item.id: item for item in corpus_named(name).scan(miniatures / name)}
    item = found[f"{name}/{own}"]
    assert {field: getattr(item, field) for field in wanted} == wanted


@every_corpus
def test_a_reader_opens_no_sound(name: str, miniatures: Path, tmp_path: Path) -> None:
    """Durations are unknown until somebody measures, and empty files are listed like others."""
    MINIATURES[name](tmp_path)
    for path in tmp_path.rglob("*"):
        if path.suffix in {".wav", ".mp4", ".mp3"}:
            path.write_bytes(b"")
    found = corpus_named(name).scan(tmp_path)
    assert [item.id for item in found] == [item.id for item in corpus_named(name).scan(miniatures / name)]
    assert all(item.duration != item.duration for item in found)


@every_corpus
def test_an_id_tells_what_the_file_s_name_told(name: str, miniatures: Path) -> None:
    parse_name = corpus_named(name).parse_name
    assert parse_name is not None
    for item in corpus_named(name).scan(miniatures / name):
        own = item.id.removeprefix(f"{name}/")
        named = parse_name(own)
        assert named is not None
        assert named.id == own
        assert named.emotion in {None, item.emotion}
        assert named.speaker in {"", item.speaker}
        place = Path(item.path).relative_to(miniatures / name).with_suffix("").as_posix()
        assert parse_name(place) == named
        assert parse_name(f"somewhere/above/{place}") == named


@pytest.mark.parametrize("name", DESIGNED)
def test_ids_by_design_are_names_of_the_corpus_in_the_number_of_the_card(name: str) -> None:
    corpus = corpus_named(name)
    assert corpus.parse_name is not None
    named = [corpus.parse_name(own) for own in corpus.whole]
    assert [item.id for item in named if item] == list(corpus.whole)
    assert len(set(corpus.whole)) == corpus.card.utterances
    assert Counter(item.emotion for item in named if item) == corpus.card.counts
    assert len({item.speaker for item in named if item}) == corpus.card.speakers


@every_corpus
@given(text=st.text() | st.from_regex(r"[A-Za-z0-9]{2,6}([-_/][A-Za-z0-9]{1,4}){1,6}", fullmatch=True))
def test_no_name_makes_the_parser_fail(name: str, text: str) -> None:
    parse_name = corpus_named(name).parse_name
    assert parse_name is not None
    named = parse_name(text)
    if named is not None:
        assert parse_name(named.id) == named


@every_corpus
def test_a_folder_of_something_else_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "holiday.wav").write_bytes(b"")
    with pytest.raises(CorpusError, match=rf"^{name}: .*holds no .*(name the folder|copy the tables)"):
        corpus_named(name).scan(tmp_path)


@every_corpus
def test_a_folder_that_does_not_exist_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=rf"^{name}: .*nowhere does not exist; name the folder"):
        corpus_named(name).scan(tmp_path / "nowhere")


@every_corpus
def test_a_table_of_one_s_own_goes_before_the_official_layout(name: str, miniatures: Path, tmp_path: Path) -> None:
    MINIATURES[name](tmp_path)
    own, wanted = EXAMPLES[name]
    (tmp_path / TABLE).write_text(
        f"file,speaker,gender,emotion,text,duration_s\naudio/{own}.flac,somebody,F,joy,Ja.,0.5\n", encoding="utf-8"
    )
    (item,) = corpus_named(name).scan(tmp_path)
    assert (item.id, item.speaker, item.emotion, item.duration) == (f"{name}/{own}", "somebody", "happy", 0.5)
    assert item.sentence == wanted.get("sentence", item.sentence)


def test_two_files_of_one_utterance_are_refused(tmp_path: Path) -> None:
    """TESS circulates with everything twice."""
    MINIATURES["tess"](tmp_path)
    MINIATURES["tess"](tmp_path / "TESS Toronto emotional speech set data")
    with pytest.raises(
        CorpusError, match=r"^tess: 15 utterances are there more than once, the first tess/OAF_back_fear;"
    ):
        corpus_named("tess").scan(tmp_path)


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("ased", "05Angry/a5-08-01-02-50"),
        ("ased", "05Angry/a4-01-01-02-50"),
        ("cafe", "Colère/13-C-1-1"),
        ("cafe", "01-C-0-1"),
        ("cremad", "AudioWAV/1092_IEO_ANG_XX"),
        ("cremad", "AudioWAV/1001_IEO_BOR_XX"),
        ("cremad", "AudioWAV/1041_ITH_SAD_X"),
        ("emovdb", "amused_1-28_0001"),
        ("emovdb", "bea/bored_1-28_0001"),
        ("emovo", "f1/abc-f1-b1"),
        ("emovo", "f1/dis-f1-b4"),
        ("esd", "0021_000001"),
        ("esd", "0001_001751"),
        ("esd", "0001/Happy/train/0001_000351"),
        ("iemocap", "Ses05F_script03_2_MXX0"),
        ("iemocap", "Ses06F_impro01_F000"),
        ("jlcorpus", "male2_bored_12a_2"),
        ("jlcorpus", "male2_angry_16a_2"),
        ("meld", "dia0_utt0"),
        ("meld", "output_repeated_splits_test/final_videos_testdia0_utt0"),
        ("msp_podcast", "MSP-IMPROV_0001_0001"),
        ("savee", "AudioData/DC/a16"),
        ("savee", "AudioData/DC/n31"),
        ("savee", "a01"),
        ("shemo", "male/M01X01"),
        ("subesco", "F_01_OISHI_S_11_ANGRY_1"),
        ("subesco", "F_01_OISHI_S_1_BORED_1"),
        ("tess", "OAF_back_calm"),
        ("turevdb", "Sound Source/Angry/1985_kz_satir"),
    ],
)
def test_a_name_that_breaks_the_corpus_s_rules_is_none_of_its_names(name: str, own: str) -> None:
    parse_name = corpus_named(name).parse_name
    assert parse_name is not None
    assert parse_name(own) is None


@pytest.mark.parametrize("name", BENCHMARK)
def test_every_item_of_the_benchmark_is_a_name_with_its_emotion(name: str, data: Path) -> None:
    """EmoBox lists every corpus's files with their labels; MELD's lacks the two clips that are excluded."""
    table = json.loads((data / "emobox_folds" / f"{name}.json").read_text(encoding="utf-8"))
    corpus = corpus_named(name)
    assert corpus.parse_name is not None
    spelled = table["label_map"] or EMOVO_WORDS
    named = {item: corpus.parse_name(item) for item in table["items"]}
    assert [item for item, told in named.items() if told is None] == []
    ids = {told.id for told in named.values() if told}
    assert len(ids) == len(table["items"])
    wrong = [
        item
        for item, told in named.items()
        if told and told.emotion not in {None, canonical(spelled.get(table["items"][item], table["items"][item]))}
    ]
    assert wrong == []
    speakers = {told.speaker for told in named.values() if told}
    assert len(speakers) == (1 if name == "meld" else corpus.card.speakers)
    if name not in {"iemocap", "meld"}:
        assert None not in {told.emotion for told in named.values() if told}
        assert len(ids) == corpus.card.utterances
        assert Counter(told.emotion for told in named.values() if told) == corpus.card.counts
    if corpus.whole:
        assert ids == set(corpus.whole)


def test_the_four_classes_of_iemocap_are_those_of_most_publications(data: Path, tmp_path: Path) -> None:
    """5,531 utterances, by session as SUPERB's files count them."""
    items = json.loads((data / "emobox_folds" / "iemocap.json").read_text(encoding="utf-8"))["items"]
    raw = {item.rpartition("/")[2]: label for item, label in items.items()}
    found = corpus_named("iemocap").scan(make_iemocap(tmp_path, raw, sound=False))
    assert len(found) == 5531
    merged = {item.id: "happy" if item.emotion == "excited" else item.emotion for item in found}
    assert Counter(merged.values()) == {"neutral": 1708, "happy": 1636, "angry": 1103, "sad": 1084}
    sessions = {
        number: Counter(merged[item.id] for item in found if (item.dialogue or "").startswith(f"Ses0{number}"))
        for number in range(1, 6)
    }
    assert [sum(counts.values()) for counts in sessions.values()] == [1085, 1023, 1151, 1031, 1241]
    assert sessions[1] == {"neutral": 384, "happy": 278, "angry": 229, "sad": 194}
    assert sessions[5] == {"neutral": 384, "happy": 442, "angry": 170, "sad": 245}
    assert len({item.speaker for item in found}) == 10


@every_corpus
def test_a_card_tells_what_the_reader_gives(name: str) -> None:
    card = corpus_named(name).card
    assert sum(card.counts.values()) <= card.utterances
    assert set(card.counts) == {canonical(word) for word in card.counts}
    assert set(card.counts) & set(EMOTIONS) or not card.counts
    assert card.known_faults
    assert all(item.id.startswith(f"{name}/") and item.reason for item in card.exclusions)
    parse_name = corpus_named(name).parse_name
    assert parse_name is not None
    for item in card.exclusions:
        named = parse_name(item.id.partition("/")[2])
        assert named is not None
        assert f"{name}/{named.id}" == item.id
