"""Tables to records: what fits, and every problem named at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from undertone.errors import ConfigError
from undertone.parsing import parse_record
from undertone.systems.registry import SYSTEMS
from undertone.training.config import TrainConfig, read_config

DEFAULT = Path(__file__).resolve().parents[2] / "experiments" / "qieemo-compact.toml"


@dataclass(frozen=True, kw_only=True)
class Inner:
    size: int
    share: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Outer:
    name: str
    sizes: tuple[int, ...] = ()
    inner: Inner = field(default_factory=lambda: Inner(size=1))
    named: dict[str, Inner] = field(default_factory=dict)
    many: tuple[Inner, ...] = ()
    quiet: bool = False
    least: float | None = None


def problems_of(table: object) -> list[str]:
    problems: list[str] = []
    assert parse_record(Outer, table, problems) is None
    return problems


def test_a_table_becomes_a_record_nested_as_its_hints_say() -> None:
    table = {
        "name": "x",
        "sizes": [1, 2],
        "inner": {"size": 3, "share": 1},
        "named": {"a": {"size": 4}},
        "many": [{"size": 5}, {"size": 6}],
        "quiet": True,
        "least": 2,
    }
    problems: list[str] = []
    found = parse_record(Outer, table, problems)
    assert problems == []
    assert found == Outer(
        name="x",
        sizes=(1, 2),
        inner=Inner(size=3, share=1.0),
        named={"a": Inner(size=4)},
        many=(Inner(size=5), Inner(size=6)),
        quiet=True,
        least=2.0,
    )
    assert isinstance(found.inner.share, float)
    assert isinstance(found.least, float)


def test_defaults_fill_what_is_not_there() -> None:
    assert parse_record(Outer, {"name": "x"}, []) == Outer(name="x")


def test_nothing_is_a_value_where_the_hint_says_so() -> None:
    assert parse_record(Outer, {"name": "x", "least": None}, []) == Outer(name="x", least=None)


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, "name is missing"),
        ({"name": 3}, "name must be text, not 3"),
        ({"name": None}, "name must be text, not None"),
        ({"name": "x", "nam": "y"}, "nam is not a setting; did you mean name?"),
        ({"name": "x", "zzzzzz": 1}, "zzzzzz is not a setting"),
        ({"name": "x", "sizes": 3}, "sizes must be a list, not 3"),
        ({"name": "x", "sizes": [1, 2.5]}, "sizes[1] must be a whole number, not 2.5"),
        ({"name": "x", "sizes": [True]}, "sizes[0] must be a whole number, not True"),
        ({"name": "x", "inner": 3}, "inner must be a table, not 3"),
        ({"name": "x", "inner": {"share": 0.1}}, "inner.size is missing"),
        ({"name": "x", "inner": {"size": 1, "share": "half"}}, "inner.share must be a finite number, not 'half'"),
        ({"name": "x", "inner": {"size": 1, "share": float("inf")}}, "inner.share must be a finite number, not inf"),
        ({"name": "x", "inner": {"size": 1, "share": False}}, "inner.share must be a finite number, not False"),
        ({"name": "x", "inner": {"size": 1, "sise": 1}}, "inner.sise is not a setting; did you mean size?"),
        ({"name": "x", "named": [1]}, "named must be a table, not [1]"),
        ({"name": "x", "named": {"a": {}}}, "named.a.size is missing"),
        ({"name": "x", "many": [{"size": 1}, 2]}, "many[1] must be a table, not 2"),
        ({"name": "x", "quiet": 1}, "quiet must be true or false, not 1"),
        ({"name": "x", "quiet": "yes"}, "quiet must be true or false, not 'yes'"),
        ({"name": "x", "least": "low"}, "least must be a finite number, not 'low'"),
        ([1], "the whole must be a table, not [1]"),
    ],
)
def test_a_field_that_does_not_fit_is_named_with_its_value(table: object, problem: str) -> None:
    assert problems_of(table) == [problem]


def test_all_problems_are_found_at_once_and_always_in_one_order() -> None:
    table = {"b": 1, "a": 2, "quiet": 3, "sizes": ["x"], "inner": {"size": "y"}}
    assert problems_of(table) == [
        "b is not a setting",
        "a is not a setting",
        "sizes[0] must be a whole number, not 'x'",
        "inner.size must be a whole number, not 'y'",
        "quiet must be true or false, not 3",
        "name is missing",
    ]


def test_problems_found_before_do_not_count() -> None:
    problems = ["something else"]
    assert parse_record(Outer, {"name": "x"}, problems) is not None
    assert problems == ["something else"]


def write(folder: Path, text: str) -> Path:
    path = folder / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


RIGHT = 'name = "x"\nsystem = "compact"\ncorpora = ["emodb"]\nheld_out.emodb = {validation = ["a"], test = ["b"]}\n'


def refused(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_config(write(folder, text))
    assert caught.value.source == str(folder / "run.toml")
    return caught.value.problems


def test_the_run_that_ships_is_right() -> None:
    config = read_config(DEFAULT)
    assert config.corpora == ("emodb", "ravdess", "nemo")
    assert config.held_out["emodb"].validation == ("emodb_12", "emodb_13")
    assert config.optimisation.epochs == 28


def test_a_short_configuration_takes_the_defaults(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, RIGHT))
    assert isinstance(config, TrainConfig)
    assert config.held_out["emodb"].test == ("b",)
    assert config.front_end.mel_bins == 80


def test_all_problems_of_a_configuration_are_in_one_message(tmp_path: Path) -> None:
    text = 'system = 3\ncorpora = "emodb"\nseeed = 1\n[held_out]\nemodb = {}\n[optimisation]\nepochs = 1.5\n'
    said = (
        r"run\.toml: seeed is not a setting; did you mean seed\?; system must be text, not 3; "
        r"corpora must be a list, not 'emodb'; held_out\.emodb\.validation is missing; "
        r"held_out\.emodb\.test is missing; optimisation\.epochs must be a whole number, not 1\.5; name is missing"
    )
    with pytest.raises(ConfigError, match=said):
        read_config(write(tmp_path, text))


def test_a_configuration_that_is_no_toml_is_refused_with_the_place(tmp_path: Path) -> None:
    assert "line 1" in refused(tmp_path, "name = = 3\n")[0]


def test_a_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(b"name = \xff")
    with pytest.raises(ConfigError, match="byte 0xff"):
        read_config(path)


def test_a_configuration_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml.*No such file"):
        read_config(tmp_path / "nothing.toml")


def test_names_that_nobody_has_are_all_refused(tmp_path: Path) -> None:
    text = RIGHT.replace("compact", "vast").replace('["emodb"]', '["emodb", "mars"]')
    text += '[read_speech]\ncorpora = ["audiobooks", "emodb"]\n'
    problems = refused(tmp_path, text)
    assert problems[0] == f"system 'vast' is unknown; there are {', '.join(SYSTEMS)}"
    assert problems[1].startswith("corpus 'mars' is unknown; there are ased, cafe")
    assert problems[2].startswith("corpus 'audiobooks' is unknown")
    assert problems[3] == "corpus 'emodb' is listed twice; list it once, to train on, to test on, or as read"


def test_a_corpus_trained_on_cannot_be_an_unseen_one(tmp_path: Path) -> None:
    assert refused(tmp_path, 'unseen_corpora = ["emodb"]\n' + RIGHT) == (
        "corpus 'emodb' is listed twice; list it once, to train on, to test on, or as read",
    )


@pytest.mark.parametrize(
    ("table", "setting", "problem"),
    [
        ("optimisation", "batch = 0", "optimisation.batch must be 1 or more, not 0"),
        ("optimisation", "epochs = 0", "optimisation.epochs must be 1 or more, not 0"),
        ("optimisation", "average = 1.5", "optimisation.average must be from 0 to 1, not 1.5"),
        ("optimisation", "learning_rate = nan", "optimisation.learning_rate must be a finite number, not nan"),
        ("augmentation", "room = -0.1", "augmentation.room must be from 0 to 1, not -0.1"),
        ("augmentation", "copies = -1", "augmentation.copies must be 0 or more, not -1"),
        ("masking", "most_bins = 81", "masking.most_bins must be 80 or less, all of them, not 81"),
        ("windows", "length_s = 1.5", "windows.length_s must hold a multiple of 4 frames of 10 ms, not 150"),
        ("windows", "hop_s = 0", "windows.hop_s must be 0.01 or more, one frame, not 0"),
        ("front_end", "hop_length_ms = 12", "front_end.hop_length_ms must divide 1000, not be 12"),
        ("front_end", "sample_rate = 8000", "front_end.sample_rate must be 16000, as all sound here, not 8000"),
        (
            "augmentation",
            "least_snr_db = 30",
            "augmentation.least_snr_db must not be above most_snr_db: 30 is above 25",
        ),
    ],
)
def test_a_number_that_nothing_could_be_trained_with_is_refused(
    tmp_path: Path, table: str, setting: str, problem: str
) -> None:
    assert refused(tmp_path, f"{RIGHT}[{table}]\n{setting}\n") == (problem,)
