"""`ginja data ingest fhir` submits the claims of files and says what became of them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from tests.cli.ingestion import ingestion
from tests.formats.fhir_claims import fhir_claim, item


def numbered(number: int, **changes):
    return fhir_claim(identifier=[{"value": f"PCN-{number}"}], **changes)


OTHER = numbered(2, item=[item(1, "P001", 3000)], total={"value": 3000, "currency": "USD"})


@pytest.fixture
def run(new_database: Callable[..., AbstractContextManager[str]], database_template: str):
    with ingestion("fhir", new_database, database_template) as run:
        yield run


def test_a_bundle_is_ingested_and_can_be_ingested_again(run, tmp_path: Path):
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": numbered(1)}, {"resource": OTHER}]}
    file = tmp_path / "bundle.json"
    file.write_text(json.dumps(bundle))
    for outcome in ("accepted", "repeated"):
        result, stored = run(str(file), "--json")
        counts = json.loads(result.stdout)
        assert (result.exit_code, stored, counts[outcome]) == (ExitCode.OK, 2, 2)
        assert {one["resourceType"] for one in counts["answers"]} == {"ClaimResponse"}


def test_a_line_that_cannot_be_read_costs_itself_only(run, tmp_path: Path):
    file, answers = tmp_path / "claims.ndjson", tmp_path / "answers.ndjson"
    lines = [numbered(1), {"resourceType": "Patient"}, OTHER]
    file.write_text("\n".join([json.dumps(lines[0]), "{", json.dumps(lines[1]), "", json.dumps(lines[2])]))
    result, stored = run(str(file), "--answer", str(answers))
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 2)
    assert "2 accepted, 0 repeated, 2 refused" in result.output
    assert "claims.ndjson line 2:" in result.output
    assert "claims.ndjson line 3: resourceType the resource is not a Claim; send a Claim" in result.output
    kinds = [json.loads(line)["resourceType"] for line in answers.read_text().splitlines()]
    assert kinds == ["ClaimResponse", "OperationOutcome", "OperationOutcome", "ClaimResponse"]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"resourceType": "Bundle", "entry": [1]}', '{"resourceType": "Bundle", "entry": [{}]}']
)
def test_a_file_without_a_claim_ends_with_3(run, tmp_path: Path, text: str):
    file = tmp_path / "claims.json"
    file.write_text(text)
    result, stored = run(str(file))
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 0)
