"""Every stored protocol: what its file must be, what its folds must keep, and what is known about who is shared."""

from __future__ import annotations

import json
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner

from undertone.corpora.audit import audit_protocol, stamp_of, utterances_from_names
from undertone.corpora.own import speakers_known
from undertone.corpora.protocols import Fold, Protocol
from undertone.corpora.registry import CORPORA, corpus_named
from undertone.corpora.rules import make_protocol
from undertone.corpora.stored import load_protocol, parse_protocol, protocol_text, read_protocol, stored_protocols
from undertone.errors import ConfigError, CorpusError
from undertone.labels import canonical
from undertone.records import Utterance

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "undertone" / "corpora" / "stored_protocols"

every_protocol = pytest.mark.parametrize("name", stored_protocols())

WITHOUT_EMOTIONS = ("iemocap", "meld")
"""Corpora whose names do not tell the emotion."""


def names_of(protocol: Protocol) -> set[str]:
    return {item for fold in protocol.folds for part in fold.parts().values() for item in part}


def test_the_protocols_that_are_promised_are_there() -> None:
    emobox = "ased cremad emodb emovo iemocap jlcorpus meld ravdess savee tess turevdb urdu"
    speakers = "ased cremad emodb emovo iemocap jlcorpus nemo ravdess savee tess turevdb urdu"
    promised = {f"{name}/emobox" for name in emobox.split()} | {f"{name}/speakers" for name in speakers.split()}
    assert set(stored_protocols()) == promised | {"iemocap/superb"}
    assert stored_protocols("iemocap") == ("iemocap/emobox", "iemocap/speakers", "iemocap/superb")
    assert stored_protocols("nobody") == ()


@every_protocol
def test_a_file_is_as_it_would_be_written_again(name: str) -> None:
    text = (FOLDER / f"{name.replace('/', '-')}.json").read_text(encoding="utf-8")
    protocol = load_protocol(name)
    assert protocol.name == name
    assert protocol_text(protocol) == text
    assert protocol.title
    assert protocol.source
    assert len(max(text.splitlines(), key=len)) < 20_000
    assert not re.search(r"[\\/](home|root|tmp|shared)[\\/]", text)


@every_protocol
def test_parts_are_disjoint_and_nothing_is_tested_twice(name: str) -> None:
    protocol = load_protocol(name)
    tested: Counter[str] = Counter()
    for fold in protocol.folds:
        parts = [set(part) for part in fold.parts().values()]
        assert all(parts)
        assert sum(map(len, parts)) == len(set().union(*parts)) == len(names_of(protocol))
        tested.update(fold.test)
    assert set(tested.values()) == {1}
    if len(protocol.folds) > 1:
        assert set(tested) == names_of(protocol)


@every_protocol
def test_ids_and_classes_are_those_of_the_corpus(name: str) -> None:
    protocol = load_protocol(name)
    corpus = name.partition("/")[0]
    assert all(canonical(word) == word for word in protocol.classes)
    for item in utterances_from_names(protocol):
        assert item.corpus == corpus
        assert item.emotion in {*protocol.classes, None}
        assert (item.emotion is None) == (corpus in WITHOUT_EMOTIONS)
    assert len(names_of(protocol)) <= corpus_named(corpus).card.utterances


@every_protocol
def test_every_class_is_trained_on(name: str) -> None:
    if name.partition("/")[0] in WITHOUT_EMOTIONS:
        pytest.skip("its names do not tell the emotion; the labels are checked where the published tables are at hand")
    protocol = load_protocol(name)
    emotion = {item.id: item.emotion for item in utterances_from_names(protocol)}
    for fold in protocol.folds:
        assert {emotion[item] for item in fold.train} == set(protocol.classes)
        assert {emotion[item] for item in fold.validation} == set(protocol.classes)


SHARED = {
    "ased/emobox": [(63, 63)],
    "cremad/emobox": [(91, 91)],
    "emodb/emobox": [(10, 10)] * 5,
    "emovo/emobox": [(0, 1)] * 6,
    "iemocap/emobox": [(0, 2)] * 5,
    "jlcorpus/emobox": [(0, 1)] * 4,
    "ravdess/emobox": [(0, 4)] * 6,
    "savee/emobox": [(0, 1)] * 4,
    "tess/emobox": [(2, 2)],
    "turevdb/emobox": [(6, 6)],
    "urdu/emobox": [(18, 19)],
}
"""Speakers of each test part that the rest has too, and all of it."""


@pytest.mark.parametrize("name", SHARED)
def test_who_is_shared_in_the_folds_of_emobox_is_known(name: str) -> None:
    protocol = load_protocol(name)
    folds = audit_protocol(protocol, utterances_from_names(protocol))
    assert [(fold.shared_speakers, fold.test_speakers) for fold in folds] == SHARED[name]
    shares = any(shared for shared, _ in SHARED[name])
    assert stamp_of(folds, known=True) == ("speaker-dependent" if shares else "speaker-disjoint")
    for fold in folds:
        assert bool(fold.validation_shared_speakers) == shares


def test_names_of_meld_do_not_tell_who_is_shared() -> None:
    protocol = load_protocol("meld/emobox")
    utterances = utterances_from_names(protocol)
    (fold,) = audit_protocol(protocol, utterances)
    assert (fold.train_utterances, fold.validation_utterances, fold.test_utterances) == (9988, 1108, 2610)
    assert (fold.shared_dialogues, fold.test_dialogues) == (0, 280)
    assert stamp_of([fold], known=speakers_known(utterances)) == "speakers unknown"


@pytest.mark.parametrize("name", [name for name in stored_protocols() if name.endswith("/speakers")])
def test_no_speaker_is_in_two_parts(name: str) -> None:
    protocol = load_protocol(name)
    people = len({item.speaker for item in utterances_from_names(protocol)})
    folds = audit_protocol(protocol, utterances_from_names(protocol))
    assert len(folds) == people if people <= 12 else len(folds) in {4, 6}
    assert sum(fold.test_speakers for fold in folds) == people
    for fold in folds:
        assert fold.shared_speakers == 0
        assert fold.validation_shared_speakers == (1 if name == "tess/speakers" else 0)


@pytest.mark.parametrize(
    "name", [f"{corpus}/speakers" for corpus in ("emodb", "nemo", "ravdess", "urdu", "savee", "cremad", "turevdb")]
)
def test_a_protocol_of_our_own_is_what_its_rule_makes_of_the_names(name: str) -> None:
    stored = load_protocol(name)
    assert make_protocol(name, reversed(utterances_from_names(stored))).hash == stored.hash


def test_every_group_of_urdu_holds_every_class() -> None:
    protocol = load_protocol("urdu/speakers")
    emotion = {item.id: item.emotion for item in utterances_from_names(protocol)}
    assert len(protocol.folds) == 4
    for fold in protocol.folds:
        assert {emotion[item] for item in fold.test} == {"angry", "happy", "neutral", "sad"}


def test_two_speakers_of_tess_are_told_apart_by_sentence() -> None:
    protocol = load_protocol("tess/speakers")
    sentence = {item.id: item.sentence for item in utterances_from_names(protocol)}
    assert "training and validation are one person" in protocol.title
    for fold in protocol.folds:
        chosen, trained = ({sentence[item] for item in part} for part in (fold.validation, fold.train))
        assert not chosen & trained
        assert (len(chosen), len(trained)) == (40, 160)


def test_the_partner_of_a_speaker_of_iemocap_is_chosen_with() -> None:
    protocol = load_protocol("iemocap/speakers")
    speaker = {item.id: item.speaker for item in utterances_from_names(protocol)}
    for fold in protocol.folds:
        (tested,), (chosen,) = ({speaker[item] for item in part} for part in (fold.test, fold.validation))
        assert {tested[:-1]} == {chosen[:-1]}
        assert {tested[-1], chosen[-1]} == {"F", "M"}


IEMOCAP = [
    (1085, 384, 278, 229, 194),
    (1023, 362, 327, 137, 197),
    (1151, 320, 286, 240, 305),
    (1031, 258, 303, 327, 143),
    (1241, 384, 442, 170, 245),
]
"""By session: all, neutral, happy and excited, angry, sad, as SUPERB's own lists count them."""


@pytest.fixture(scope="module")
def maker() -> dict[str, object]:
    return runpy.run_path(str(ROOT / "experiments" / "make_protocols.py"))


@pytest.mark.parametrize("name", ["iemocap/superb", "iemocap/emobox"])
def test_the_sessions_of_iemocap_have_the_published_counts(name: str, data: Path, maker: dict) -> None:
    table = json.loads((data / "emobox_folds" / "iemocap.json").read_text(encoding="utf-8"))
    emotion = {item.id: item.emotion for item in maker["items_of"]("iemocap", table).values()}
    protocol = load_protocol(name)
    counts = []
    for fold in protocol.folds:
        found = Counter(protocol.classes[emotion[item]] for item in fold.test)
        counts.append((len(fold.test), *(found[label] for label in ("neutral", "happy", "angry", "sad"))))
        assert {protocol.classes[emotion[item]] for item in fold.train} == set(protocol.labels)
        assert {protocol.classes[emotion[item]] for item in fold.validation} == set(protocol.labels)
    assert counts == IEMOCAP


def test_what_is_stored_is_what_the_maker_makes_of_the_published_tables(
    data: Path, maker: dict, tmp_path: Path
) -> None:
    done = CliRunner().invoke(maker["main"], ["--data", str(data), "--out", str(tmp_path / "made")])
    assert done.exit_code == 0, done.output
    assert f"emodb/emobox: 5 folds, {load_protocol('emodb/emobox').hash}" in done.output
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "made").iterdir()}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}


def small(**fields: object) -> dict[str, object]:
    """The table of a small protocol."""
    table = {
        "format": 1, "name": "emodb/own", "title": "Ours", "source": "ours", "corpora": ["emodb"],
        "classes": {"sad": "sad"}, "hash": "", "folds": ["tve-"], "utterances": ["a", "b", "c", "d"],
    }  # fmt: skip
    fold = Fold(train=("emodb/a",), validation=("emodb/b",), test=("emodb/c",))
    protocol = Protocol(name="emodb/own", title="Ours", source="ours", classes={"sad": "sad"}, folds=(fold,))
    return table | {"hash": protocol.hash} | fields


def test_a_protocol_of_ones_own_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps(small()), encoding="utf-8")
    protocol = read_protocol(path)
    assert protocol.folds == (Fold(train=("emodb/a",), validation=("emodb/b",), test=("emodb/c",)),)
    assert protocol.labels == ("sad",)


def test_ids_of_several_corpora_keep_their_corpus() -> None:
    fold = Fold(train=("emodb/a",), validation=("emodb/b",), test=("urdu/c",))
    protocol = Protocol(name="emodb+urdu/own", title="t", source="s", classes={"sad": "sad"}, folds=(fold,))
    text = protocol_text(protocol)
    assert json.loads(text)["utterances"] == ["emodb/a", "emodb/b", "urdu/c"]
    assert parse_protocol(text, source="x") == protocol


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"format": 2}, r"own: its format is 2; 1 is read"),
        ({"folds": ["tve?"]}, r"fold 1 holds '\?'; its letters are t, v, e and -"),
        ({"folds": ["tve"]}, r"fold 1 has 3 letters for 4 utterances"),
        ({"folds": []}, r"there are no folds"),
        ({"folds": ["tev-"]}, r"its folds have the hash [0-9a-f]{12} and it says [0-9a-f]{12}: it was changed"),
        ({"utterances": ["a", "b", "c", "a"]}, r"1 utterances are there twice, the first a"),
        ({"name": "urdu/own"}, r"name 'urdu/own' is not made of its corpora, a slash and a name: emodb/…"),
        ({"name": "emodb"}, r"name 'emodb' is not made of its corpora"),
        ({"title": 3}, r"title must be text, not 3"),
        ({"extra": 1}, r"extra is not a setting"),
    ],
)
def test_a_damaged_protocol_is_refused_with_what_is_wrong(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_protocol(json.dumps(small(**fields)), source="own")


def test_all_that_is_wrong_with_a_protocol_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_protocol(json.dumps(small(folds=["tv", "????"])), source="own")
    assert len(caught.value.problems) == 2


def test_what_is_no_protocol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"own: it is not JSON \(.*\); copy it anew"):
        parse_protocol("{", source="own")
    with pytest.raises(ConfigError, match=r"none\.json: it cannot be read \(No such file or directory\)"):
        read_protocol(tmp_path / "none.json")
    with pytest.raises(ConfigError, match=r"the whole must be a table, not \[\]"):
        parse_protocol("[]", source="own")


def test_an_unknown_protocol_is_refused_with_those_there_are() -> None:
    with pytest.raises(CorpusError, match=r"emodb/other: .*there are emodb/emobox, emodb/speakers\. Name one of them"):
        load_protocol("emodb/other")
    with pytest.raises(CorpusError, match=r"nobody/emobox: no such protocol is stored; there are .*urdu/speakers\."):
        load_protocol("nobody/emobox")


def test_folds_that_cannot_be_written_are_refused() -> None:
    twice = Fold(train=("emodb/a",), validation=("emodb/b",), test=("emodb/a",))
    foreign = Fold(train=("emodb/a",), validation=("emodb/b",), test=("urdu/c",))
    for fold, said in (
        (twice, r"fold 1 has 1 utterances in two parts, the first emodb/a"),
        (foreign, r"1 utterances are not of emodb, the first urdu/c"),
    ):
        protocol = Protocol(name="emodb/own", title="t", source="s", classes={"sad": "sad"}, folds=(fold,))
        with pytest.raises(ConfigError, match=said):
            protocol_text(protocol)


def test_corpora_with_stored_protocols_are_registered() -> None:
    assert {name.partition("/")[0] for name in stored_protocols()} <= set(CORPORA)


def test_an_utterance_record_is_what_a_name_tells() -> None:
    found = {item.id: item for item in utterances_from_names(load_protocol("emodb/emobox"))}
    item = found["emodb/03a01Fa"]
    assert isinstance(item, Utterance)
    assert (item.speaker, item.gender, item.sentence, item.emotion, item.path) == ("emodb_03", "M", "a01", "happy", "")
    assert item.language == "de"


def test_the_audit_in_the_documentation_is_current() -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_audit.py"))
    page = (ROOT / "docs" / "reference" / "protocols.md").read_text(encoding="utf-8")
    table = page.partition(maker["BEGIN"])[2].partition(maker["END"])[0]
    assert table.strip() == maker["audit_table"](), "run python docs/make_audit.py docs/reference/protocols.md"
    assert "| `urdu/emobox` | 1 | 240 | 60 | 100 | 18 of 19 | – | 21 | speaker-dependent |" in table


def test_the_audit_is_written_between_its_markers_only(tmp_path: Path) -> None:
    maker = runpy.run_path(str(ROOT / "docs" / "make_audit.py"))
    page = tmp_path / "page.md"
    page.write_text(f"before\n{maker['BEGIN']}\nold\n{maker['END']}\nafter\n", encoding="utf-8")
    maker["main"](page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{maker['BEGIN']}\n| protocol |")
    assert text.endswith(f"|\n{maker['END']}\nafter\n")


def test_the_file_in_the_documentation_is_a_protocol() -> None:
    page = (ROOT / "docs" / "reference" / "protocols.md").read_text(encoding="utf-8")
    text = page.partition("```json\n")[2].partition("```")[0]
    protocol = parse_protocol(text, source="protocols.md")
    assert protocol.name == "emodb/mine"
    assert len(utterances_from_names(protocol)) == 4
    assert json.loads(protocol_text(protocol)) == json.loads(text)
