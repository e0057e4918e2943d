"""`ginja data ingest x12` submits the claims of files and says what became of them."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from tests.cli.ingestion import ingestion
from tests.formats.x12_files import claim, file_of


@pytest.fixture
def run(new_database: Callable[..., AbstractContextManager[str]], database_template: str):
    with ingestion("x12", new_database, database_template) as run:
        yield run


def test_a_folder_is_ingested_and_can_be_ingested_again(run, tmp_path: Path):
    (tmp_path / "a.837").write_bytes(file_of(claim("A")))
    (tmp_path / "b.837").write_bytes(file_of(claim("B", amount="3000", lines=["LX*1", "SV1*HC:P001*3000*UN*1"])))
    for expected in ("accepted", "repeated"):
        result, stored = run(str(tmp_path), "--json")
        answers = json.loads(result.stdout)
        assert (result.exit_code, stored) == (ExitCode.OK, 2)
        assert [one["claims"][0]["outcome"] for one in answers.values()] == [expected] * 2


def test_what_is_refused_is_printed_and_ends_with_3(run, tmp_path: Path):
    file = tmp_path / "a.837"
    file.write_bytes(file_of(claim("A"), claim("B", amount="x")))
    answers = tmp_path / "answers.x12"
    result, stored = run(str(file), "--answer", str(answers))
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 1)
    assert "a.837: 1 accepted, 0 repeated, 1 refused" in result.output
    assert "claim B: CLM02, segment 25: the total charge (CLM02) is not a number" in result.output
    assert answers.read_text().count("ST*999*") == 1


@pytest.mark.parametrize("text", [b"not X12", file_of(claim(), version="004010X098A1")])
def test_a_file_that_cannot_be_read_ends_with_3(run, tmp_path: Path, text: bytes):
    file = tmp_path / "a.837"
    file.write_bytes(text)
    result, stored = run(str(file))
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 0)
