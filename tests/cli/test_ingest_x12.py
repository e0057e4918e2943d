"""`ginja data ingest x12` submits the claims of files and says what became of them."""

import json
import tracemalloc
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cli.exit_codes import ExitCode
from formats.x12 import read_segments
from tests.cli.ingestion import ingestion
from tests.formats.x12_files import Subscriber, claim, file_of, interchange, set_of, written


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


def sets_of(*sets: list[list[str]]) -> bytes:
    numbered = enumerate(sets, start=1)
    return written(interchange(*(set_of(Subscriber(claims), control=f"{at:04}") for at, claims in numbered)))


def test_the_answers_of_several_sets_are_one_document_and_an_acknowledgement_each(run, tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.837").write_bytes(sets_of([claim("A")], [claim("B", amount="x"), claim("C")]))
    (tmp_path / "in" / "b.txt").write_text("not X12")
    answers = tmp_path / "answers.x12"
    result, stored = run(str(tmp_path / "in"), "--answer", str(answers), "--json")
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 2)
    first, second = json.loads(result.stdout).values()
    assert second is None
    assert (first["accepted"], first["repeated"], first["refused"], first["problems"]) == (2, 0, 1, [])
    assert [(one["claim_number"], one["outcome"]) for one in first["claims"]] == [
        ("A", "accepted"),
        ("B", "refused"),
        ("C", "accepted"),
    ]
    assert [one["status"] for one in first["transaction_sets"]] == ["accepted", "accepted_with_errors"]
    assert first["x12"] == answers.read_text()
    interchanges = [one.element(13) for one in read_segments([answers.read_bytes()]) if one.name == "ISA"]
    assert len(set(interchanges)) == 2


def test_what_follows_an_interchange_is_reported_and_its_claims_are_taken(run, tmp_path: Path):
    file = tmp_path / "a.837"
    file.write_bytes(file_of(claim("A")) + b"and more")
    result, stored = run(str(file))
    assert (result.exit_code, stored) == (ExitCode.DATA_REFUSED, 1)
    assert "what follows this interchange is not read" in result.output


def test_the_memory_for_a_file_of_many_sets_is_bounded_by_a_set(run, tmp_path: Path):
    """The claims are refused for their amount, so that nothing but reading and answering is counted."""
    notes = [f"NTE*ADD*{'X' * 4_000}"] * 4
    file, small = tmp_path / "large.837", tmp_path / "small.837"
    a_set = [claim(str(number), amount="x", more=notes) for number in range(8)]
    file.write_bytes(sets_of(*[a_set] * 100))
    small.write_bytes(sets_of(a_set))
    run(str(small))  # imports
    tracemalloc.start()
    try:
        result, _ = run(str(file), "--json")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert '"refused": 800' in result.output
    assert file.stat().st_size > 12_000_000
    assert peak < file.stat().st_size / 2
