"""The published schema of result files, and its reference, are those of the records."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, fields, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from pages import REFERENCE, named, read

from undertone.corpora.base import Exclusion
from undertone.experiments.results import (
    FitRecord,
    FoldAudit,
    Prediction,
    ProtocolStamp,
    Result,
    read_result,
    write_result,
)
from undertone.metrics.uncertainty import Estimate
from undertone.testing.results import make_result

if TYPE_CHECKING:
    from pathlib import Path


# The published schema


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    text = resources.files("undertone.experiments").joinpath("result.schema.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(found)
    return found


def test_results_are_what_the_schema_says(schema: dict[str, Any], tmp_path: Path) -> None:
    plain = make_result()
    fold = replace(plain.protocol.folds[0], test_sentences=2, shared_sentences=1)
    full = replace(
        make_result(seeds=(0, 1), with_history=True),
        excluded=(Exclusion(id="made/x", reason="no signal"),),
        encoder="hub",
        protocol=replace(plain.protocol, folds=(fold,)),
    )
    for result in (plain, full):
        write_result(result, tmp_path / "result.json")
        jsonschema.validate(json.loads((tmp_path / "result.json").read_text("utf-8")), schema)
        assert read_result(tmp_path / "result.json") == result


@pytest.mark.parametrize(
    ("kind", "part"),
    [(Result, None), (ProtocolStamp, "protocol"), (FoldAudit, "fold"), (Exclusion, "exclusion"), (Estimate, "estimate"),
     (FitRecord, "fit"), (Prediction, "prediction")],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_the_schema_has_the_fields_of_the_records(schema: dict[str, Any], kind: type[Any], part: str | None) -> None:
    table = schema if part is None else schema["$defs"][part]
    assert set(table["properties"]) == {item.name for item in fields(kind)}
    required = {item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING}
    assert required <= set(table["required"])


def test_the_schema_knows_every_field_and_no_other(schema: dict[str, Any]) -> None:
    table = json.loads(json.dumps(asdict(replace(make_result(), excluded=(Exclusion(id="a", reason="b"),)))))
    for broken in (
        table | {"surprise": 1},
        {name: value for name, value in table.items() if name != "seeds"},
        table | {"format": 2},
        table | {"predictions": [table["predictions"][0] | {"probabilities": [1.5]}]},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_every_field_of_a_result_is_in_its_reference(schema: dict[str, Any]) -> None:
    parts = [schema, *(part for part in schema["$defs"].values() if "properties" in part)]
    assert len(parts) == 7
    for part in parts:
        assert set(part["properties"]) <= named(read(REFERENCE / "results.md"))
