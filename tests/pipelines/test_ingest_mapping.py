"""Mappings: which are valid, and what is refused by name."""

from pathlib import Path

import pytest
import yaml

from pipelines.ingest import Mapping, MappingError, load_mapping, suggest
from pipelines.ingest.provider_fraud import MAPPINGS
from tests.pipelines.claims_files import GOOD, PLAIN, SIMPLE, claims, ingest, mapping
from tests.work import measured


def test_constants_alternatives_and_added_columns_are_used(tmp_path: Path) -> None:
    columns = {"service_to": "day", "provider_id": ["npi", "other"], "diagnoses": ["d1", "d2"],
               "diagnosis_code": "d1"}  # fmt: skip
    using = Mapping.model_validate(
        {
            "name": "more",
            "columns": columns,
            "expressions": {"amount": "paid + (deductible or 0)"},
            "constants": {"place_of_service": "21"},
        }
    )
    outcome = ingest(
        tmp_path,
        ["paid,deductible,day,npi,other,d1,d2", "10,2.50,2025-01-01,NA,H9,A,B", "7,NA,2025-01-01,H1,,A,"],
        using,
    )
    first, second = claims(outcome)
    assert (first["amount_cents"], first["provider_id"], first["diagnoses"]) == (1_250, "H9", 2)
    assert (second["amount_cents"], second["provider_id"], second["diagnoses"]) == (700, "H1", 1)
    assert first["place_of_service"] == "21"


def test_a_column_the_file_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match=r"no column 'claim'.*it has 'Claim'"):
        ingest(tmp_path, ["Claim,received,hospital,code,amount,fraud", GOOD.format("A1")])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"columns": {"claim_id": "a"}}, "amount"),
        ({"columns": {"amount": "a"}}, "received_at"),
        ({"columns": PLAIN["columns"] | {"colour": "x"}}, "colour"),
        ({"constants": {"amount": "5"}}, "both a column and a constant"),
        ({"money": {"decimal": ",", "thousands": ","}}, "differ"),
        ({"dates": {"formats": ["%Y"], "timezone": "Mars/Olympus"}}, "timezone"),
        ({"rows": "lines", "columns": {"amount": "a", "service_to": "d"}}, "claim_id"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_an_inconsistent_mapping_is_refused_by_field(tmp_path: Path, change: dict, named: str) -> None:
    path = tmp_path / "mapping.yaml"
    path.write_text(yaml.safe_dump(PLAIN | change))
    with pytest.raises(MappingError, match=named):
        load_mapping(path)


def test_the_mappings_that_come_with_ginja_are_valid() -> None:
    assert {load_mapping(path).name for path in MAPPINGS.glob("*.yaml")} >= {"tuva", "provider-fraud"}


def test_a_repeated_or_unnamed_column_matters_only_when_it_is_mapped(tmp_path: Path) -> None:
    header = "claim ,note,note,,received,hospital,code, amount,fraud"
    rows = [f"A{n},x,y,,01/02/2025,H1,P1,80,N" for n in range(3)]
    assert ingest(tmp_path, [header, *rows]).claims == 3
    with pytest.raises(MappingError, match="the column 'note' twice"):
        ingest(tmp_path, [header, *rows], mapping(columns=PLAIN["columns"] | {"region": "note"}))
    draft = yaml.safe_load(suggest(tmp_path / "claims.csv").mapping)["columns"]
    assert "note" not in draft.values()
    assert draft["amount"] == "amount"


BOMBS = {
    "aliases": ("a: &a [x]\nb: *a\n", "aliases"),
    "merged aliases": ("a: &a {x: y}\nb: {<<: *a}\n", "aliases"),
    "nesting": ("[" * 3_000, "nested"),
    "a day that is none": ("name: 2024-13-45\n", "quotes"),
    "a long number": ("name: " + "9" * 5_000, "characters"),
    "a long file": ("# " + "x" * 300_000, "bytes"),
    "a format": (yaml.safe_dump(SIMPLE | {"dates": {"formats": ["%Q"]}}), "strptime"),
    "a delimiter": (yaml.safe_dump(SIMPLE | {"csv": {"delimiter": '"'}}), "delimiter"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_mapping_that_expands_or_is_not_valid_is_refused(tmp_path: Path, kind: str) -> None:
    text, reason = BOMBS[kind]
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(MappingError, match=reason), measured() as work:
        load_mapping(tmp_path / "m.yaml")
    assert work.is_bounded(len(text))


def test_the_example_with_every_key_of_the_reference_loads(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "mapping.md").read_text()
    example = page.partition("## Example with every key\n\n```yaml\n")[2].partition("```")[0]
    path = tmp_path / "mapping.yaml"
    path.write_text(example)
    assert set(yaml.safe_load(example)) <= set(Mapping.model_fields)
    assert load_mapping(path).windows
