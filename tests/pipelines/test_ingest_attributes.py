"""Columns that a mapping declares under `features` become typed attributes beside the claims frame."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pydantic import ValidationError

from pipelines.ingest import IngestSummary, Mapping, load_mapping
from pipelines.ingest.errors import MappingError
from tests.pipelines.claims_files import GOOD, HEADER, LINE_ROWS, LINES, ingest, mapping, rejects

FEATURES: dict[str, Any] = {
    "police_report": {"type": "boolean", "meaning": "Police report", "column": "Police", "yes": ["si"], "no": ["nada"]},
    "vehicle_age": {"type": "number", "meaning": "Vehicle age", "unit": "years", "column": ["Age", "Age2"]},
    "make": {"type": "category", "meaning": "Make", "column": "Make"},
    "policy_end": {"type": "date", "meaning": "End of the policy", "column": "End"},
    "procedure": {"type": "category", "meaning": "Procedure", "field": "procedure_code"},
}
COLUMNS = f"{HEADER},Police,Age,Age2,Make,End"


def declared(**changes: Any) -> Mapping:
    return mapping(features=FEATURES | changes)


def attributes(outcome: IngestSummary) -> pa.Table:
    return pq.read_table(outcome.folder / "attributes.parquet")


def test_declared_columns_become_typed_attributes_in_the_order_of_the_claims(tmp_path: Path) -> None:
    rows = [
        COLUMNS,
        GOOD.format("C1") + ",SI,3.5,,Volvo,31/12/2031",
        GOOD.format("C2") + ",nada,NA,-1e2,,",
        GOOD.format("C3") + ",,,,Saab,01/02/1999",
    ]
    outcome = ingest(tmp_path, rows, declared())
    found = attributes(outcome)
    assert found.schema.types == [pa.string(), pa.bool_(), pa.float64(), pa.string(), pa.date32()]
    assert found.to_pylist() == [
        {
            "claim_id": "C1",
            "police_report": True,
            "vehicle_age": 3.5,
            "make": "Volvo",
            "policy_end": date(2031, 12, 31),
        },
        {"claim_id": "C2", "police_report": False, "vehicle_age": -100.0, "make": None, "policy_end": None},
        {"claim_id": "C3", "police_report": None, "vehicle_age": None, "make": "Saab", "policy_end": date(1999, 2, 1)},
    ]
    about = json.loads((outcome.folder / "dataset.json").read_text())
    assert about["frames"]["attributes"] == 3
    assert about["attributes"]["vehicle_age"] == {
        "type": "number", "meaning": "Vehicle age", "unit": "years", "of": "claim", "field": None,
    }  # fmt: skip
    assert about["attributes"]["procedure"]["field"] == "procedure_code"


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ("maybe,1,,Volvo,", "features.police_report", "neither true nor false"),
        ("si,12 years,,Volvo,", "features.vehicle_age", "not a number such as 1250.5"),
        ("si,1e400,,Volvo,", "features.vehicle_age", "over the largest number"),
        ("si,1e16,,Volvo,", "features.vehicle_age", "over the largest number"),
        (f"si,1,,{'x' * 65},", "features.make", "longer than 64 characters"),
        ("si,1,,Volvo,2031-12-31", "features.policy_end", "not a date of the form %d/%m/%Y"),
        ("si,1,,Volvo,31/12/2231", "features.policy_end", "not between 1900 and 2199"),
    ],
)
def test_a_value_of_another_type_rejects_its_row_and_names_the_feature(
    tmp_path: Path, values: str, field: str, reason: str
) -> None:
    rows = [COLUMNS, GOOD.format("C1") + ",si,1,,Volvo,", f"{GOOD.format('C2')},{values}"]
    outcome = ingest(tmp_path, rows, declared())
    ((line, named, _, why),) = rejects(outcome)
    assert (line, named) == (3, field)
    assert why.startswith(reason)
    assert attributes(outcome)["claim_id"].to_pylist() == ["C1"]


def test_numbers_are_read_with_the_separators_of_their_column(tmp_path: Path) -> None:
    age = {"type": "number", "meaning": "Price", "column": "Make", "decimal": ",", "thousands": "."}
    rows = [COLUMNS, GOOD.format("C1") + ',si,1,,"1.234,5",', GOOD.format("C2") + ",si,1,,1.2,"]
    outcome = ingest(tmp_path, rows, declared(make=age))
    assert attributes(outcome)["make"].to_pylist() == [1234.5]
    assert [entry[1] for entry in rejects(outcome)] == ["features.make"]


def test_lines_give_the_claim_the_largest_number_any_true_the_first_category_and_the_earliest_date(
    tmp_path: Path,
) -> None:
    of_lines = {name: entry | {"of": "line"} for name, entry in FEATURES.items() if "column" in entry}
    of_lines["first_age"] = FEATURES["vehicle_age"] | {"of": "claim", "column": "Age"}
    ends = ["nada,2,,,2030-01-02", "si,5,,B,2029-01-02", "nada,,,C,", ",,,,", "nada,1,,D,", ",,,,"]
    rows = [LINE_ROWS[0] + ",Police,Age,Age2,Make,End"]
    rows += [f"{line},{values}" for line, values in zip(LINE_ROWS[1:5], ends, strict=False)]
    outcome = ingest(tmp_path, rows, Mapping.model_validate(LINES | {"features": of_lines}))
    (claim,) = attributes(outcome).to_pylist()
    assert claim == {
        "claim_id": "C1", "police_report": True, "vehicle_age": 5.0, "make": "B", "policy_end": date(2029, 1, 2),
        "first_age": 2.0,
    }  # fmt: skip


def test_without_features_a_data_set_has_no_attributes(tmp_path: Path) -> None:
    outcome = ingest(tmp_path, [HEADER, GOOD.format("C1")])
    about = json.loads((outcome.folder / "dataset.json").read_text())
    assert "attributes" not in about
    assert not (outcome.folder / "attributes.parquet").exists()


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"Bad Name": FEATURES["make"]}, "should match pattern"),
        ({"x" * 41: FEATURES["make"]}, "should match pattern"),
        ({"amount": FEATURES["make"]}, "a built-in feature or column has this name"),
        ({"price_to_procedure_mean": FEATURES["make"]}, "a built-in feature or column has this name"),
        ({"claim_id": FEATURES["make"]}, "a built-in feature or column has this name"),
        ({"report": "Police"}, "valid dictionary"),
        ({"report": FEATURES["make"] | {"type": "text"}}, "'number', 'boolean', 'category', 'date' or 'key'"),
        ({"report": FEATURES["make"] | {"column": "fraud"}}, "'fraud' is known only after the claim was decided"),
        ({"report": FEATURES["make"] | {"field": "specialty"}}, "state one of column"),
        ({"report": {"type": "category", "meaning": "Specialty", "field": "specialty"}}, "does not map 'specialty'"),
        ({"report": {"type": "number", "meaning": "Code", "field": "procedure_code"}}, "type: category"),
        ({"report": FEATURES["make"] | {"of": "line"}}, "no lines"),
        ({"report": FEATURES["make"] | {"unit": "years"}}, "only a number has a unit"),
        ({"report": FEATURES["vehicle_age"] | {"thousands": "."}}, "decimal and thousands must differ"),
        ({f"f{i}": FEATURES["make"] for i in range(101)}, "at most 100"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused(features: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        mapping(features=features)


def test_yes_and_no_are_read_from_yaml_as_texts_of_a_boolean(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    columns = {"amount": "amount", "received_at": "received"}
    path.write_text(
        f"name: own\ncolumns: {json.dumps(columns)}\nfeatures:\n"
        "  report: {type: boolean, meaning: Police report, column: Police, yes: [YES, 1], no: [no]}\n"
    )
    report = load_mapping(path).features["report"]
    assert (report.true, report.false) == (("true", "1"), ("false",))


def test_an_error_of_a_declaration_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(
        yaml.safe_dump(
            {"name": "own", "columns": {"amount": "a", "received_at": "d"}, "features": {"x": {"type": "n"}}}
        )
    )
    with pytest.raises(MappingError, match=r"features\.x\.type"):
        load_mapping(path)
